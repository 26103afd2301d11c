"""The parts of an explanation, and the walk from a group to its devices, one step a stage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fmgsync.model.address import Address
from fmgsync.model.adom import AdomTopology, Package
from fmgsync.model.endpoint import ClusterSnapshot
from fmgsync.model.rule import GroupRule
from fmgsync.model.state import ObservedAdom
from fmgsync.model.target import DeviceVdom, TargetKind, TargetRef, natural
from fmgsync.model.view import DeviceView, GroupState, GroupView
from fmgsync.model.words import some
from fmgsync.planning import absence

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an answer: `holds` None where nobody can tell; `objects` are what it is about."""

    what: str
    where: str
    holds: bool | None
    because: str
    objects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """All steps, and what follows on each device; `holds` is about the device itself.

    `somewhere`: the question is whether it is so on any device, not whether every step holds; then
    `unseen` says that there are devices which could not be looked at.
    """

    question: str
    steps: tuple[Step, ...]
    devices: tuple[tuple[DeviceVdom, bool | None], ...] = ()
    somewhere: bool = False
    unseen: bool = False

    @property
    def answer(self) -> str:
        """`yes`, `no` or `unknown`."""
        if self.somewhere:
            found = [holds for _, holds in self.devices]
            is_doubtful = None in found or self.unseen
            return "yes" if True in found else "unknown" if is_doubtful else "no"
        found = [step.holds for step in self.steps]
        return "no" if False in found else "unknown" if None in found or not found else "yes"


@dataclass(frozen=True, slots=True)
class AdomScene:
    """What was seen of one ADOM. `waits` says of a device why its install cannot start now, and
    `opens` when its next opening is, in words; `missing` what a site names that is not there -> why
    (device, device/vdom or `group:NAME`)."""

    ref: TargetRef
    clusters: Mapping[DeviceVdom, frozenset[str]]
    topology: AdomTopology
    observed: ObservedAdom
    packages: tuple[Package, ...]
    views: tuple[DeviceView, ...]
    waits: Mapping[DeviceVdom, str] = field(default_factory=dict)
    opens: Mapping[DeviceVdom, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that was looked at. `withheld` says why a rule does not publish an address,
    `formerly` what had an address when it was last let through, and when that was written.
    `partial`: of pods only those are known that some rule may select. `unseen`: what sites name of
    places that could not be looked at (device, device/vdom), and why; `behind` which clusters each
    of them stands in front of, as far as that is known. `unread`: which rules could not be read,
    and why; empty: all were."""

    rules: tuple[GroupRule, ...]
    snapshots: Mapping[str, ClusterSnapshot]
    adoms: tuple[AdomScene, ...]
    withheld: Callable[[str, str, Address], str] = lambda rule, cluster, address: ""
    formerly: Callable[[Address], tuple[tuple[str, ...], float] | None] = lambda address: None
    partial: bool = False
    unseen: Mapping[str, str] = field(default_factory=dict)
    behind: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unread: str = ""


Placed = Sequence[tuple[AdomScene, DeviceView, GroupView]]


def concerns(one: GroupView, address: Address) -> bool:
    """Whether the address is in any of the four views."""
    views = (one.desired, one.adom, one.device_database, one.device)
    return any(members is not None and address in members for members in views)


def placed(scene: Scene, group: str) -> Placed:
    """Where a group is meant to be."""
    return [
        (adom, view, one)
        for adom in scene.adoms
        for view in adom.views
        for one in view.groups
        if one.name == group
    ]


def chain(
    scene: Scene,
    group: str,
    cluster: str | None,
    address: Address,
    steps: list[Step],
    *,
    everywhere: bool = True,
) -> dict[DeviceVdom, bool | None]:
    """One step for all devices at each stage; what each device itself holds. Unless `everywhere`,
    devices where nobody has the address or wants it are left out."""
    found = [
        (adom, view, one)
        for adom, view, one in placed(scene, group)
        if cluster is None or cluster in adom.clusters.get(view.target, frozenset())
        if everywhere or concerns(one, address)
    ]
    where = f"group {group}"
    about = None if cluster is None else frozenset({cluster})
    if not found:
        because = (
            f"no site puts a FortiGate in front of cluster {cluster}" if cluster else "nowhere"
        )
        steps.append(unlooked(scene, where, about) or Step("site", where, False, because))
        return {}
    targets = [view.target for _, view, _ in found]
    steps.append(Step("site", where, True, f"meant for {names(targets)}", texts(targets)))
    if everywhere and (more := unlooked(scene, where, about)):
        steps.append(more)
    # What is written to a FortiGate itself lies nowhere in between.
    staged = [each for each in found if each[1].adom.kind is TargetKind.FORTIMANAGER]
    if staged:
        steps.append(_stage("ADOM", where, staged, address, _written))
    steps.append(policies(where, found, group))
    if staged:
        steps.append(_stage("device database", where, staged, address, _copied))
    steps.append(_stage("device", where, found, address, lambda one: one.device))
    steps += _waiting(where, found, address)
    return {view.target: _in_force(address, one) for _, view, one in found}


def _in_force(address: Address, group: GroupView) -> bool | None:
    """Whether the device lets the address through by this group: not where no policy uses it, of
    which the device need not be asked."""
    if group.device is None and group.state is GroupState.NOT_REFERENCED:
        return False
    return _in(address, group.device)


def unlooked(scene: Scene, where: str, clusters: frozenset[str] | None) -> Step | None:
    """What could not be looked at, and may stand in front of one of these clusters (None: any)."""
    lacks = {
        name.partition("/")[0]
        for name in scene.unseen
        if clusters is None or not clusters.isdisjoint(scene.behind.get(name, clusters))
    }
    told = f"not known: {names(lacks)} could not be looked at"
    return Step("site", where, None, told) if lacks else None


def may_hold_more(one: GroupView) -> bool:
    """Whether the device may hold what none of the views tells: it did not, and its copy does not
    either, or may be ahead of it."""
    if one.device is not None or one.in_error or one.state is GroupState.NOT_REFERENCED:
        return False
    return one.device_database is None or one.state is GroupState.INSTALL_PENDING


def _written(group: GroupView) -> frozenset[Address] | None:
    """What the ADOM holds; a group that is still to be written is not there."""
    pending = group.adom is None and group.state is GroupState.WRITE_PENDING
    return frozenset() if pending else group.adom


def _copied(group: GroupView) -> frozenset[Address] | None:
    """What FortiManager's copy of the device holds."""
    return group.device_database


def _in(address: Address, members: frozenset[Address] | None) -> bool | None:
    return None if members is None else address in members


def _stage(
    what: str,
    where: str,
    placed: Placed,
    address: Address,
    of: Callable[[GroupView], frozenset[Address] | None],
) -> Step:
    found = [(view.target, _in(address, of(one)), one) for _, view, one in placed]
    lacking = [(target, one) for target, holds, one in found if holds is False]
    unknown = [(target, one) for target, holds, one in found if holds is None]
    if lacking:
        because = f"{address} is not there on {names(t for t, _ in lacking)}{_why(lacking)}"
    elif unknown:
        because = f"not known on {names(t for t, _ in unknown)}{_why(unknown)}"
    else:
        because = f"{address} is there on {names(target for target, _, _ in found)}"
    holds = False if lacking else None if unknown else True
    return Step(what, where, holds, because, (address,))


def _why(places: Sequence[tuple[DeviceVdom, GroupView]]) -> str:
    reasons = dict.fromkeys(
        f"{one.state}: {one.because}" if one.because else str(one.state) for _, one in places
    )
    return f" ({'; '.join(list(reasons)[:3])})"


def policies(where: str, placed: Placed, group: str) -> Step:
    """Which policies use the group, where each stands and what it does."""
    adoms = {id(adom): adom for adom, _, _ in placed}.values()
    told: list[str] = []
    for adom in adoms:
        keys = [key for key in adom.observed.groups if key[1] == group]
        uses = absence.find_uses(adom.packages, adom.observed, keys)
        for use in {id(u.policy): u for found in uses.values() for u in found}.values():
            position = use.package.policies.index(use.policy) + 1
            state = "" if use.policy.enabled else ", disabled"
            told.append(
                f"{use.policy.within(use.package.path)}"
                f" ({use.policy.action or 'deny'}, position {position}{state})"
            )
    absent = [v.target for _, v, one in placed if one.state is GroupState.NOT_REFERENCED]
    if absent:
        reasons = {o.because for _, _, o in placed if o.state is GroupState.NOT_REFERENCED}
        because = f"none brings it to {names(absent)}: {'; '.join(sorted(reasons))}"
        return Step("policy", where, False, because, tuple(told))
    if told:
        return Step("policy", where, True, "; ".join(told), tuple(told))
    direct = [view.target for adom, view, _ in placed if adom.ref.is_direct]
    hidden = [why for adom in adoms for package in adom.packages for why in package.unread]
    if hidden or len(direct) < len(placed) or not all(adom.packages for adom in adoms):
        known = "; ".join(dict.fromkeys(hidden))
        return Step("policy", where, None, f"not known: {known}" if known else "not known")
    # Nothing waits for a policy there: the group is on the unit all the same.
    because = f"it is there, but {absence.UNUSED} on {names(direct)}: nothing is let through by it"
    return Step("policy", where, True, because)


def _waiting(where: str, placed: Placed, address: Address) -> Iterator[Step]:
    """What the devices wait for on which the address is not as it should be."""
    late = [
        (adom, view.target)
        for adom, view, one in placed
        if one.desired is not None and (address in one.desired) is not _in(address, one.device)
    ]
    reasons: dict[tuple[str, str], list[DeviceVdom]] = {}
    for adom, target in late:
        why = adom.waits.get(target) or adom.opens.get(target)
        if why:
            reasons.setdefault((turn_of(adom.ref), why), []).append(target)
    for (turn, why), targets in reasons.items():
        yield Step(turn, where, False, f"{names(targets)}: {why}", texts(targets))


def turn_of(ref: TargetRef) -> str:
    """What a device waits for: an install, or, without a FortiManager, to be written."""
    return "write" if ref.is_direct else "install"


def texts(targets: Iterable[DeviceVdom]) -> tuple[str, ...]:
    """For an explanation's objects."""
    return tuple(str(target) for target in targets)


def names(targets: Iterable[DeviceVdom | str]) -> str:
    """A few of them, and how many more."""
    return some(sorted({str(target) for target in targets}, key=natural), SHOWN)
