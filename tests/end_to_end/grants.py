"""10: the bound on stale grants, told from what FortiGates hold and what is wanted there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from fmgsync.model.view import GroupState
from fmgsync.passes.result import Pass
from fmgsync.scheduling.rollout import Readiness
from tests.end_to_end.mixed import BEHIND, CLUSTERS, Mixed

SPACING = "installed this way a moment ago"
UNREAD = "not known what should be there"
SPACING_S = 300.0
"""A device gets an urgent install at most so often (docs/installs.md)."""

Grant = tuple[str, str, str]
"""A FortiGate, a group, an address that it holds and nobody wants any more."""

UNKNOWABLE = (GroupState.NOT_REFERENCED, GroupState.UNKNOWN, GroupState.DRIFTED)
"""What status says where no package brings a group any more, where a cluster that it spans does not
tell all that runs, and where a device was changed on the spot."""


class Grants:
    """Since when each has been there while fmgsync looked, by its own computer's clock."""

    def __init__(self, estate: Mixed, pushed_at: Mapping[str, float]) -> None:
        self._estate, self._pushed_at = estate, pushed_at
        self._since: dict[Grant, tuple[float, float]] = {}
        self.told: Counter[str] = Counter()
        self.killed_at: float | None = None
        """When a run of ours died last, by our own computer's clock."""

    def stale(self) -> set[Grant]:
        """All there are now, in groups that some rule asks for."""
        truth = self._estate.truth
        frozen = tuple(f"{CLUSTERS[name]}." for name in truth.lost)
        behind, alone = self._estate.config["sites"]
        inside = {*behind["devices"], *alone["fortigates"]}
        return {
            (place, group, ip)
            for (place, group), held in self._estate.everything_held().items()
            for ip in held - truth.wanted(group)
            if group in truth.rules and place in inside and not ip.startswith(frozen or "-")
        }

    def bound_s(self) -> float | None:
        """How long one may stay; None where it goes with whatever else is installed."""
        removals = self._estate.choice.removals
        if removals == "in-window":
            return None
        return 0.0 if removals == "immediately" else 900.0

    def ends(
        self, passes: Collection[Pass], disturbed: Collection[str], *, begun_at: float
    ) -> None:
        """After a run that could do as it should: whatever is overdue is gone, or it is said what
        keeps it. `disturbed` are the places where somebody else did something meanwhile.

        One counts from the first run that looked there and knew what its group should hold; once
        it does, a cluster that is lost does not make it younger."""
        there, bound_s = self.stale(), self.bound_s() or 0.0
        now, ahead_s = self._estate.host.now(), self._estate.host.ahead_s
        served = {place for one in passes for place in _served(one)}
        unsure = self._estate.truth.unsure
        unread = {place for one in passes for place in _unread(one) if unsure}
        self._since = {
            grant: self._since.get(grant, (begun_at if not bound_s else now, ahead_s))
            for grant in there
            if grant in self._since or (grant[0] in served and grant[:2] not in unread)
        }
        said = {place: why for one in passes for place, why in _said(one).items()}
        for grant, (since, ahead_then) in sorted(self._since.items()):
            place = grant[0]
            if (
                begun_at - since < bound_s  # what became due meanwhile is for the next one
                or ahead_then != ahead_s
                or place not in served - set(disturbed)
            ):
                continue
            self.told["overdue"] += 1
            why = said.get(place)
            assert why is not None, (
                f"{grant} is overdue for {begun_at - since:.0f} s: nothing is said"
            )
            so = self.is_so(place, why)
            assert so is not False, f"{grant} is overdue: {place} is called {why}, which it is not"
            self.told[why if so is None else f"{why}, which was so"] += 1

    def is_so(self, place: str, why: str) -> bool | None:
        """Whether what is said of a FortiGate is so in the simulators' own state; None where that
        does not show it, and it is taken at its word: what is held, or at risk."""
        if why == GroupState.UNKNOWN and self._estate.truth.unsure:
            return True
        if why == UNREAD:
            return self._estate.truth.unsure
        if why == SPACING:
            # A run that was killed before it pushed may have begun, which only its record shows.
            last = self._pushed_at.get(place, self.killed_at)
            return last is not None and self._estate.host.now() - last < SPACING_S
        device = self._estate.unit.world.devices.get(place)
        if device is None or place not in BEHIND:
            return None
        if why == Readiness.OFFLINE:
            return not device.online
        if why == "silent":
            return device.silent or not device.online
        if why == Readiness.UNSYNCED:
            return device.conf_status() != "insync" or device.db_status() != "nomod"
        if why == GroupState.DRIFTED:
            return any(vdom.drifted for vdom in device.vdoms.values())
        return None

    def forget(self) -> None:
        """What is remembered of them is lost: they count from the next look on."""
        self._since = {}


def _served(one: Pass) -> tuple[str, ...]:
    return (one.ref.unit,) if one.ref.is_direct else BEHIND


def _unread(one: Pass) -> set[tuple[str, str]]:
    """Groups on FortiGates of which a pass says that it does not know what should be there."""
    groups = ((view.target.device, group) for view in one.views for group in view.groups)
    return {(place, group.name) for place, group in groups if group.desired is None}


def _said(one: Pass) -> dict[str, str]:
    """What keeps the devices of a target from being served, in the pass's own words."""
    names, whole = _served(one), _of_all(one)
    found = dict.fromkeys(names, whole) if whole else {}
    if one.rollout is not None and one.rollout.goes_on_at is not None:
        found |= dict.fromkeys(set(names) - found.keys(), "the next pass goes on")
    if one.rollout is not None:
        found |= dict.fromkeys(one.rollout.failures, "failed")
        found |= dict.fromkeys(one.rollout.blocked, "blocked")
    for admission in one.view.admissions:
        if admission.readiness is not Readiness.READY:
            found.setdefault(admission.pending.target.device, str(admission.readiness))
    for each in one.views:
        if each.silent:
            found.setdefault(each.target.device, "silent")
        for group in each.groups:
            if group.desired is None:  # a cluster that is lost freezes the whole group
                found.setdefault(each.target.device, UNREAD)
            if group.state in UNKNOWABLE:
                found.setdefault(each.target.device, str(group.state))
    spaced = dict.fromkeys(names, SPACING) if one.view.urgent.until is not None else {}
    return {**spaced, **found}


def _of_all(one: Pass) -> str:
    """What keeps all of them; empty if nothing does."""
    view, seen = one.view, one.seen
    if one.error is not None:
        return f"error: {one.error.kind}"
    if one.stop is not None:
        return "stopped"
    if view is not None and view.rushed.held is not None:
        return f"held: {view.rushed.held.kind}"
    if view is not None and view.is_short_of_room:
        return "no room"
    if seen is not None and (seen.plan.held or seen.plan.foreign or seen.desired.errors):
        return "held plan"
    if seen is not None and seen.submission is not None:
        return "submission"
    return ""
