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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from fmgsync.model import instants
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
    doubted: tuple[int, ...] = ()
    holds: list[Hold] = field(default_factory=list)
    approved: list[str] = field(default_factory=list)

    @property
    def least(self) -> int:
        """How few members there may have been when the period began."""
        return min(self.base, *self.doubted) if self.doubted else self.base

    @property
    def most(self) -> int:
        """How many there may have been."""
        return max(self.base, *self.doubted) if self.doubted else self.base

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
    case = _Case(ref, owner, transition, gate, base, tuple(_doubted(sizes, gate)))
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
        fresh = bool(case.approved) or not case.most
        size = Size(
            transition.family, transition.name, transition.place, len(transition.before), fresh
        )
    return Verdict(transition, members, tuple(case.holds), tuple(case.approved), size)


def baseline(standing: frozenset[Address], sizes: Sequence[Size], gate: Gate) -> int:
    """How many members there were when the period began, as far as is remembered.

    That is the size before the first write of the period; without one, what stands in the ADOM.
    A write that was noted but never made changes nothing by that.
    """
    known = (size for size in sizes if not _is_doubted(size, gate.history))
    begins_at = gate.now - gate.limits.period_s
    return next((size.members for size in known if size.at > begins_at), len(standing))


def _doubted(sizes: Iterable[Size], gate: Gate) -> Iterator[int]:
    """Sizes that may be of this period or from before it: they count beside the baseline, and what
    either of them holds back waits."""
    begins_at = gate.now - gate.limits.period_s
    for size in sizes:
        if size.at > begins_at and _is_doubted(size, gate.history):
            yield size.members


def _is_doubted(size: Size, history: History | None) -> bool:
    return history is not None and size.at < history.since


def settled(history: History | None, now: float) -> History | None:
    """Times that lie ahead, which a clock that was wrong has noted, count from now on, once: what
    is remembered begins now, so that for one period changes cannot be added up, and sizes are from
    before that. Who keeps this waits for none of them again."""
    if history is None or not lying_ahead(history, now):
        return history
    sizes = (
        replace(size, at=now - 1.0) if instants.lies_ahead(size.at, now) else size
        for size in history.sizes
    )
    return History(now, tuple(sorted(sizes, key=lambda size: size.at)))


def lying_ahead(history: History | None, now: float) -> list[float]:
    """The times in the memory that a clock which was wrong has written."""
    known = (history.since, *(size.at for size in history.sizes)) if history else ()
    return [at for at in known if instants.lies_ahead(at, now)]


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
            account = known.setdefault(_account(size), [])
            doubted = [one for one in account if _is_doubted(one, history)]
            sure = account[len(doubted) :]
            _note(sure, replace(size, at=now), limits)
            account[:] = [*doubted, *sure]
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
    gone = case.most - len(members)
    if gone <= 0 or gone < limits.unless_fewer_than:
        return False
    if gone > limits.max_removed_share * case.most:
        message = f"{gone} of {case.most} members fewer within {_period(limits)}"
        return case.waits(REMOVALS, message, going)
    return case.gate.blind and case.waits(REMOVALS, _unseen(gone, "go", limits), going)


def _growth_waits(case: _Case, coming: frozenset[Address]) -> bool:
    """The first fill of a group knows no share, unless its rule selects everything."""
    limits = case.gate.limits
    new = len(case.transition.after) - case.least
    if case.transition.broad and not case.least:
        message = f"its policy selects everything that runs: {len(coming)} addresses"
        return _addition_waits(case, ADDITIONS, message, coming)
    if not case.most or new <= 0 or new < limits.unless_fewer_than:
        return False
    if new > limits.max_added_share * case.least:
        message = f"{new} members more than {case.least} within {_period(limits)}"
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
