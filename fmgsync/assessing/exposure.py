"""Who cannot wait for a window: what must leave a device soon, and where that may start now. Pure.

Canary, failure budget and deny windows count as in any rollout. What the guard holds back is still
in the ADOM, and no install would remove it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fmgsync.assessing import rendered
from fmgsync.assessing.observation import Observation
from fmgsync.assessing.stale import Fault, Key, Since
from fmgsync.model.address import Address
from fmgsync.model.address import family as family_of
from fmgsync.model.rollout import PendingInstall
from fmgsync.model.view import DeviceView, GroupView
from fmgsync.planning import written
from fmgsync.scheduling import budget
from fmgsync.scheduling.admission import Admission
from fmgsync.scheduling.forecast import Forecast
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rollout import Candidate, Readiness
from fmgsync.scheduling.urgent import Exposure, ExposureKind, RemovalPolicy, Urgent

_ROUNDING = timedelta(minutes=1)
"""For what is no install: looking, taking the lock, proving."""

SPACING = timedelta(minutes=5)
"""The least time between two urgent installs of one physical device."""


def exposures(
    seen: Observation,
    views: Iterable[DeviceView],
    pending: Iterable[PendingInstall],
    since: Since,
    *,
    staged: bool,
) -> list[Exposure]:
    """What must leave, as old as its oldest, of devices on which something is pending."""
    listed = tuple(views)
    left = {} if staged else _left(seen, listed)
    waiting = {each.target for each in pending}
    found: list[Exposure] = []
    for view in listed:
        for group in view.groups if view.target in waiting else ():
            keys = [k for k in since if (k.target, k.group) == (view.target, group.name)]
            left_there = group.adom if staged else left.get(view.target, {}).get(group.name)
            leaving = [key for key in keys if _would_be_mended(key, group, left_there)]
            for kind, mine in _by_kind(view, leaving).items():
                oldest = _oldest([since[key] for key in mine])
                found.append(Exposure(view.target, group.name, oldest, kind))
    return found


def in_time(
    policy: RemovalPolicy,
    ledger: Ledger | None,
    devices: int,
    most: budget.Limit,
    *,
    under_way: bool,
) -> RemovalPolicy:
    """Installs start early enough for so many devices to be done in time, each in a slow one's time
    by those before. They follow one another as the budget does not let them run side by side.

    While a rollout is `under_way`, two of its batches count as well: an exposure may be a batch
    older than it was noticed, and the next moment to deal with it comes a batch later.
    """
    past = ledger.pace if ledger is not None else Forecast()
    rounds = -(-devices // budget.most_at_risk(most, devices)) + (2 if under_way else 0)
    return replace(policy, lead=past.slow * rounds + _ROUNDING, spacing=SPACING)


def candidates(needs: Iterable[Urgent], admissions: Iterable[Admission]) -> dict[str, Candidate]:
    """The devices that need the lane. The opening is the time until the next deny window."""
    admitted = {each.pending.target: each for each in admissions}
    found: dict[str, Candidate] = {}
    for each in needs:
        admission = admitted.get(each.target)
        if admission is None or each.target.device in found:
            continue
        ready = admission.readiness is Readiness.READY
        found[each.target.device] = Candidate(
            each.target.device,
            admission.readiness,
            each.opening if ready else None,
            detail=admission.because if not ready else "",
        )
    return found


def _oldest(times: Sequence[float | None]) -> datetime | None:
    known = [at for at in times if at is not None]
    return datetime.fromtimestamp(min(known), UTC) if len(known) == len(times) else None


def _left(seen: Observation, views: Iterable[DeviceView]) -> rendered.Members:
    """What the plan leaves on each device, where writing is delivering; elsewhere an install brings
    what the ADOM holds."""
    after = written.after(seen.observed, seen.plan.changes)
    names = {name for _, name in after.groups}
    return rendered.from_adom(after, [view.target for view in views], names)


def _would_be_mended(key: Key, group: GroupView, left: frozenset[Address] | None) -> bool:
    """Whether delivering what is `left` there puts this address right."""
    if left is None:
        return False
    if family_of(key.address) not in group.families:
        return False  # no policy uses that family of it
    return (key.address in left) is (key.fault is Fault.MISSING)


def _by_kind(view: DeviceView, keys: Sequence[Key]) -> Mapping[ExposureKind, list[Key]]:
    reused = {(grant.group, grant.address) for grant in view.stale_grants if grant.reused}
    found: dict[ExposureKind, list[Key]] = {}
    for key in keys:
        kind = ExposureKind.STALE
        if key.fault is Fault.MISSING:
            kind = ExposureKind.MISSING_IN_DENY
        elif (key.group, key.address) in reused:
            kind = ExposureKind.REUSED
        found.setdefault(kind, []).append(key)
    return found
