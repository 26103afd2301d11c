"""Which changes wait for a human: too much that goes or comes, or a group that becomes empty.

Counted net, per group and device, over a period: by how many members a group has shrunk or grown.
So a roll-out that replaces every pod does not count, nor do pods that go and come back, and a large
change does not pass in small slices. What the guard holds is taken out of what
is wanted before the changes are made, so that the plan without it is consistent by itself:
removals that wait stay, additions that wait are left out, everything else goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from fmgsync.model.address import Address, Family, sorted_addresses
from fmgsync.model.change import Hold
from fmgsync.model.memory import History, Size
from fmgsync.model.target import DeviceVdom, TargetRef

REMOVALS = "held-removals"
ADDITIONS = "held-additions"
EMPTYING = "held-emptying"
MEMBERS = "held-members"

_SIZES_KEPT = 12
"""Of one group at one place within a period."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What passes without a human; the configuration's `guard`."""

    max_removed_share: float = 0.2
    max_added_share: float = 2.0
    unless_fewer_than: int = 10
    max_members: int = 5000
    period_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Gate:
    """The limits, what is remembered of one ADOM (None: nothing), and what people approved."""

    limits: Limits
    now: float
    history: History | None = None
    approved: frozenset[str] = frozenset()

    @property
    def blind(self) -> bool:
        """Whether the memory is shorter than the period over which changes are added up."""
        return self.history is None or self.now - self.history.since < self.limits.period_s


@dataclass(frozen=True, slots=True)
class Transition:
    """One group at one place, as it is and as it should become.

    `opens` says why an empty group would open traffic instead of closing it, or may. `broad`: its
    rule selects everything, and nobody may have meant that for a firewall.
    """

    family: Family
    name: str
    place: DeviceVdom | None
    before: frozenset[Address]
    after: frozenset[Address]
    allow_empty: bool = False
    opens: str | None = None
    broad: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one transition: the addresses it may have now, and what waits."""

    transition: Transition
    members: frozenset[Address]
    holds: tuple[Hold, ...] = ()
    approved: tuple[str, ...] = ()
    size: Size | None = None


@dataclass(slots=True)
class _Case:
    """A transition under examination."""

    ref: TargetRef
    owner: str
    transition: Transition
    gate: Gate
    base: int
    holds: list[Hold] = field(default_factory=list)
    approved: list[str] = field(default_factory=list)

    def waits(self, kind: str, message: str, addresses: frozenset[Address]) -> bool:
        """Note a hold, or that it was approved."""
        hold = _hold(self, kind, message, addresses)
        if hold.digest in self.gate.approved:
            self.approved.append(hold.digest)
            return False
        self.holds.append(hold)
        return True


Account = tuple[Family, str, DeviceVdom | None]
"""What sizes are kept for: one group at one place."""


def judge(
    ref: TargetRef, owner: str, transitions: Iterable[Transition], gate: Gate
) -> tuple[Verdict, ...]:
    """Let each transition through, wholly or in part."""
    sizes: dict[Account, list[Size]] = {}
    for size in gate.history.sizes if gate.history else ():
        sizes.setdefault(_account(size), []).append(size)
    return tuple(
        _judge_one(ref, owner, transition, gate, sizes.get(_account(transition), ()))
        for transition in transitions
    )


def _judge_one(
    ref: TargetRef, owner: str, transition: Transition, gate: Gate, sizes: Sequence[Size]
) -> Verdict:
    """Additions first: what a held one leaves out no longer makes up for what goes."""
    base = baseline(transition.before, sizes, gate)
    case = _Case(ref, owner, transition, gate, base)
    going = transition.before - transition.after
    coming = transition.after - transition.before
    members = transition.after
    if coming and _growth_waits(case, coming):
        members = members - coming or transition.before
    if going and not going <= members and _removals_wait(case, going, members):
        members |= going
    if coming and coming <= members and _size_waits(case, coming, members):
        members = members - coming or transition.before
        if not going <= members and _removals_wait(case, going, members):
            members |= going
    size = None
    if members != transition.before:
        fresh = bool(case.approved) or not base
        size = Size(
            transition.family, transition.name, transition.place, len(transition.before), fresh
        )
    return Verdict(transition, members, tuple(case.holds), tuple(case.approved), size)


def baseline(standing: frozenset[Address], sizes: Sequence[Size], gate: Gate) -> int:
    """How many members there were when the period began, as far as is remembered.

    That is the size before the first write of the period; without one, what stands in the ADOM.
    A write that was noted but never made changes nothing by that.
    """
    begins_at = gate.now - gate.limits.period_s
    return next((size.members for size in sizes if size.at > begins_at), len(standing))


def remember(
    history: History | None, sizes: Iterable[Size], limits: Limits, *, now: float, begins: bool
) -> History:
    """The history with these sizes, of writes about to be made, and without what is too old.

    `begins` says that the ADOM holds nothing of ours yet, so that nothing can have been forgotten.
    """
    oldest = now - limits.period_s
    known: dict[Account, list[Size]] = {}
    for size in history.sizes if history else ():
        if size.at > oldest:
            known.setdefault(_account(size), []).append(size)
    for size in sizes:
        if size.fresh:
            # What was before does not count any more, and this write begins the new account.
            known.pop(_account(size), None)
        else:
            _note(known.setdefault(_account(size), []), replace(size, at=now), limits)
    since = (oldest if begins else now) if history is None else max(history.since, oldest)
    kept = (size for account in known.values() for size in account)
    return History(since, tuple(sorted(kept, key=lambda size: size.at)))


def _note(account: list[Size], size: Size, limits: Limits) -> None:
    """Keep an account short, however often it is written.

    A size that is the same again replaces the one before. One that is another very soon after is
    left out: the period may look shorter by a twelfth, and what was before still counts.
    """
    if account and account[-1].members == size.members:
        account[-1] = size
    elif not account or size.at - account[-1].at >= limits.period_s / _SIZES_KEPT:
        account.append(size)


def _account(one: Size | Transition) -> Account:
    return one.family, one.name, one.place


# --- the rules ----------------------------------------------------------------------------------


def _removals_wait(case: _Case, going: frozenset[Address], members: frozenset[Address]) -> bool:
    """`members` are those the place would have."""
    transition, limits = case.transition, case.gate.limits
    if not transition.after:
        if transition.allow_empty and transition.opens is None:
            return False
        message = f"the group would become empty ({len(going)} addresses go)"
        if transition.opens is not None:
            message += f"; {transition.opens}"
        return case.waits(EMPTYING, message, going)
    gone = case.base - len(members)
    if gone <= 0 or gone < limits.unless_fewer_than:
        return False
    if gone > limits.max_removed_share * case.base:
        message = f"{gone} of {case.base} members fewer within {_period(limits)}"
        return case.waits(REMOVALS, message, going)
    return case.gate.blind and case.waits(REMOVALS, _unseen(gone, "go", limits), going)


def _growth_waits(case: _Case, coming: frozenset[Address]) -> bool:
    """The first fill of a group knows no share, unless its rule selects everything."""
    limits = case.gate.limits
    new = len(case.transition.after) - case.base
    if case.transition.broad and not case.base:
        message = f"its policy selects everything that runs: {len(coming)} addresses"
        return _addition_waits(case, ADDITIONS, message, coming)
    if not case.base or new <= 0 or new < limits.unless_fewer_than:
        return False
    if new > limits.max_added_share * case.base:
        message = f"{new} members more than {case.base} within {_period(limits)}"
    elif case.gate.blind:
        message = _unseen(new, "come", limits)
    else:
        return False
    return _addition_waits(case, ADDITIONS, message, coming)


def _size_waits(case: _Case, coming: frozenset[Address], members: frozenset[Address]) -> bool:
    """`members` are those the place would have, with those whose removal waits."""
    most = case.gate.limits.max_members
    if len(members) <= most:
        return False
    message = f"the group would have {len(members)} members (maxMembers {most})"
    return _addition_waits(case, MEMBERS, message, coming)


def _addition_waits(case: _Case, kind: str, message: str, coming: frozenset[Address]) -> bool:
    """Where all members are replaced the old ones stay as long: the group would be empty."""
    if case.transition.before and case.transition.after <= coming:
        message += "; until it is approved nothing is removed either, or the group would be empty"
    return case.waits(kind, message, coming)


def _unseen(count: int, verb: str, limits: Limits) -> str:
    return (
        f"{count} members {verb}, and what was changed in the last {_period(limits)} is not"
        " remembered, so that changes cannot be added up"
    )


def _period(limits: Limits) -> str:
    seconds = int(limits.period_s)
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _hold(case: _Case, kind: str, message: str, addresses: frozenset[Address]) -> Hold:
    transition = case.transition
    affected = tuple(sorted_addresses(addresses))
    row = [
        case.owner,
        case.ref.unit,
        case.ref.domain,
        kind,
        transition.family.value,
        transition.name,
        str(transition.place or ""),
        *affected,
    ]
    comes = kind in (ADDITIONS, MEMBERS)
    return Hold(
        kind,
        transition.name,
        message,
        transition.place,
        digest=hashlib.sha256(json.dumps(row).encode()).hexdigest()[:16],
        added=affected if comes else (),
        removed=() if comes else affected,
    )
