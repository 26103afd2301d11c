"""Which pending DeviceVdoms may be installed at all, apart from waves and budget; and if not, why.

First what a human must see to: a package that FortiManager never installed there, a device that is
not in sync. Then what passes by itself: a device that is offline, a window that is closed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial

from fmgsync.model.adom import AdomTopology, Device, PackageStatus
from fmgsync.model.rollout import PendingInstall
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import DeviceView, GroupState
from fmgsync.scheduling.calendar import place_of
from fmgsync.scheduling.install_policy import Mode, Terms
from fmgsync.scheduling.rollout import Candidate, Readiness
from fmgsync.scheduling.timetable import Judgement, Opening, Timetable
from fmgsync.scheduling.window import Window

_INSTALLED = frozenset({"installed", "modified"})
_FIRST = "install it once by hand, or set install.firstInstall: allow"
_SYNC = "retrieve or install its configuration by hand, or set install.firstInstall: allow"
_PROVES_NOTHING = {
    GroupState.UNREACHABLE: Readiness.OFFLINE,
    GroupState.UNKNOWN: Readiness.OFFLINE,
    GroupState.DRIFTED: Readiness.UNSYNCED,
}


@dataclass(frozen=True, slots=True)
class Clearance:
    """What the person who started this run allows beyond the configuration.

    `now` leaves windows, and the pauses between waves, aside; deny windows only go with
    `override_deny`.
    """

    now: bool = False
    override_deny: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """One pending DeviceVdom: whether it is ready, and whether an install may start there now.

    `opening` is the time in which it may start, None while closed; `opens_at` the next one.
    `because` says in one sentence why it cannot start now; empty if it can. `overridden` are the
    deny windows that a person let not count.
    """

    pending: PendingInstall
    readiness: Readiness
    judgement: Judgement
    opening: Opening | None
    opens_at: datetime | None
    because: str = ""
    overridden: tuple[Window, ...] = ()

    @property
    def held(self) -> bool:
        """Whether it waits for a person."""
        return self.readiness in (Readiness.BLOCKED, Readiness.UNSYNCED)

    @property
    def may_start(self) -> bool:
        """Whether nothing but waves and budget is between it and an install."""
        return self.readiness is Readiness.READY and self.opening is not None


@dataclass(frozen=True, slots=True)
class Situation:
    """What admissions are judged by.

    `blocked` maps a physical device to why it is held back; in `interrupted` are those that are
    out of sync because we left in the middle of an install. `stopped` says who wants nothing to be
    installed at all, and why.
    """

    topology: AdomTopology
    statuses: tuple[PackageStatus, ...]
    terms: Terms
    now: datetime
    clearance: Clearance = Clearance()
    blocked: Mapping[str, str] | None = None
    interrupted: frozenset[str] = frozenset()
    stopped: str = ""


def admit(pending: Iterable[PendingInstall], situation: Situation) -> tuple[Admission, ...]:
    """One admission per pending install, in the same order."""
    statuses = {(row.target, row.package): row.status for row in situation.statuses}
    times_of = cache(partial(_times, situation))  # the many devices with the same windows share one
    found = []
    for each in pending:
        times = times_of(timetable_of(each.target, situation))
        readiness, because = _standing(each, statuses, situation)
        if readiness is Readiness.READY and times.opening is None:
            because = times.judgement.because
        found.append(
            Admission(
                each,
                readiness,
                times.judgement,
                times.opening,
                times.opens_at,
                because,
                _overridden(each.target, situation),
            )
        )
    return tuple(found)


def timetable_of(target: DeviceVdom, situation: Situation) -> Timetable:
    """The windows of a DeviceVdom, as the person who started this run lets them count."""
    timetable = situation.terms.calendar.timetable(place_of(situation.topology, target))
    clearance = situation.clearance
    if clearance.now:
        timetable = Timetable(deny=timetable.deny, always=True)
    return timetable.without_denials() if clearance.override_deny else timetable


def _overridden(target: DeviceVdom, situation: Situation) -> tuple[Window, ...]:
    if not situation.clearance.override_deny:
        return ()
    windows = situation.terms.calendar.timetable(place_of(situation.topology, target)).deny
    return tuple(window for window in windows if window.contains(situation.now))


@dataclass(frozen=True, slots=True)
class _Times:
    judgement: Judgement
    opening: Opening | None
    opens_at: datetime | None


def _times(situation: Situation, timetable: Timetable) -> _Times:
    now = situation.now
    judgement, opening = timetable.judge(now), timetable.opening(now)
    if opening is None:
        return _Times(judgement, None, timetable.next_opening(now))
    if situation.clearance.now:
        judgement = replace(judgement, because="asked for at once, whatever the windows say")
    return _Times(judgement, opening, opening.opens_at)


def _standing(
    each: PendingInstall,
    statuses: Mapping[tuple[DeviceVdom, str], str],
    situation: Situation,
) -> tuple[Readiness, str]:
    terms, device = situation.terms, situation.topology.devices.get(each.target.device)
    if situation.stopped:
        return Readiness.BLOCKED, situation.stopped
    if terms.mode is Mode.NONE:
        return Readiness.BLOCKED, "install.mode is none: somebody else installs"
    if not terms.first_install and each.package:
        status = statuses.get((each.target, each.package))
        theirs = sorted(path for target, path in statuses if target == each.target)
        refused = _never_installed(each.package, status, theirs)
        if each.target.device not in situation.interrupted:
            refused = refused or _not_in_sync(device)
        if refused:
            return (Readiness.BLOCKED if status is None else Readiness.UNSYNCED), refused
    if (reason := (situation.blocked or {}).get(each.target.device)) is not None:
        return Readiness.BLOCKED, reason
    if device is None or device.online is not True:
        return Readiness.OFFLINE, "the device is offline; it is picked up when it is back"
    return Readiness.READY, ""


def _never_installed(package: str, status: str | None, installed: Sequence[str]) -> str:
    if status is None and installed:
        return (
            f"package {package} was never installed there by FortiManager, but {installed[0]} was:"
            f" installing the one would replace the policies of the other; {_FIRST}"
        )
    if status is None:
        return f"package {package} was never installed there by FortiManager; {_FIRST}"
    if status not in _INSTALLED:
        return f"FortiManager calls package {package} '{status}' there; {_FIRST}"
    return ""


def _not_in_sync(device: Device | None) -> str:
    if device is None or device.in_sync is None:
        return f"FortiManager does not know whether the device is in sync; {_SYNC}"
    return "" if device.in_sync else f"the device is not in sync with FortiManager; {_SYNC}"


def candidates(
    admissions: Iterable[Admission],
    canaries: Collection[str],
    views: Iterable[DeviceView],
    topology: AdomTopology,
) -> tuple[Candidate, ...]:
    """Physical devices as a rollout sees them.

    Of a device with several VDOMs those count that may start now; if none may, the one that may
    soonest. A canary that has nothing pending is left out, unless nothing is known of it.
    """
    by_device: dict[str, list[Admission]] = defaultdict(list)
    for admission in admissions:
        by_device[admission.pending.target.device].append(admission)
    found = [_candidate(device, theirs) for device, theirs in sorted(by_device.items())]
    unknown = _unknown(canaries, views, topology)
    found.extend(unknown[name] for name in sorted(unknown) if name not in by_device)
    return tuple(found)


def starting(admissions: Iterable[Admission], devices: Collection[str]) -> tuple[Admission, ...]:
    """What is to be installed when these physical devices start."""
    return tuple(
        each for each in admissions if each.may_start and each.pending.target.device in devices
    )


def _candidate(device: str, admissions: list[Admission]) -> Candidate:
    startable = [each for each in admissions if each.may_start]
    if startable:
        closes = [o.closes_at for each in startable if (o := each.opening) and o.closes_at]
        opens = max(each.opening.opens_at for each in startable if each.opening)
        return Candidate(device, opening=Opening(opens, min(closes, default=None)))
    ready = [each for each in admissions if each.readiness is Readiness.READY]
    if ready:
        opens_at = min((each.opens_at for each in ready if each.opens_at), default=None)
        return Candidate(device, opens_at=opens_at, detail=ready[0].because)
    worst = min(admissions, key=lambda each: list(Readiness).index(each.readiness))
    return Candidate(device, worst.readiness, worst.opening, worst.opens_at, worst.because)


def _unknown(
    canaries: Collection[str], views: Iterable[DeviceView], topology: AdomTopology
) -> dict[str, Candidate]:
    """Canaries that prove nothing as they are: offline, or asked without a right answer."""
    found: dict[str, Candidate] = {}
    for view in views:
        name = view.target.device
        for group in view.groups if name in canaries else ():
            readiness = _PROVES_NOTHING.get(group.state)
            if readiness is not None and not group.is_as_written:
                found[name] = Candidate(name, readiness, detail=f"{group.name} {group.state}")
    for name in canaries:
        device = topology.devices.get(name)
        if device is not None and device.online is False:
            found[name] = Candidate(name, Readiness.OFFLINE)
    return found
