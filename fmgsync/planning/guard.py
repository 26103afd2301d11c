"""Which changes wait for a human: too much that goes or comes, or a group that becomes empty.

Counted net, per group and device, over a period: an address that went and came back does not
count, and a large change does not pass in small slices. What the guard holds is taken out of what
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
from fmgsync.model.memory import History, Move
from fmgsync.model.target import AdomRef, DeviceVdom

REMOVALS = "held-removals"
ADDITIONS = "held-additions"
EMPTYING = "held-emptying"
MEMBERS = "held-members"


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

    `opens` says where an empty group would open traffic instead of closing it.
    """

    family: Family
    name: str
    place: DeviceVdom | None
    before: frozenset[Address]
    after: frozenset[Address]
    allow_empty: bool = False
    opens: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one transition: the addresses it may have now, and what waits."""

    transition: Transition
    members: frozenset[Address]
    holds: tuple[Hold, ...] = ()
    approved: tuple[str, ...] = ()
    move: Move | None = None


@dataclass(slots=True)
class _Case:
    """A transition under examination."""

    ref: AdomRef
    owner: str
    transition: Transition
    gate: Gate
    base: frozenset[Address]
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
"""What moves are added up for: one group at one place."""


def judge(
    ref: AdomRef, owner: str, transitions: Iterable[Transition], gate: Gate
) -> tuple[Verdict, ...]:
    """Let each transition through, wholly or in part."""
    moves: dict[Account, list[Move]] = {}
    for move in gate.history.moves if gate.history else ():
        moves.setdefault(_account(move), []).append(move)
    return tuple(
        _judge_one(ref, owner, transition, gate, moves.get(_account(transition), ()))
        for transition in transitions
    )


def _judge_one(
    ref: AdomRef, owner: str, transition: Transition, gate: Gate, moves: Sequence[Move]
) -> Verdict:
    base = baseline(transition.before, moves, gate)
    case = _Case(ref, owner, transition, gate, base)
    going = transition.before - transition.after
    members = transition.after
    if going and _removals_wait(case, going):
        members |= going
    coming = transition.after - transition.before
    if coming and _additions_wait(case, coming, members):
        members = members - coming or transition.before
    move = None
    if members != transition.before:
        move = Move(
            transition.family,
            transition.name,
            transition.place,
            added=members - transition.before,
            removed=transition.before - members,
            fresh=bool(case.approved) or not base,
        )
    return Verdict(transition, members, tuple(case.holds), tuple(case.approved), move)


def baseline(standing: frozenset[Address], moves: Sequence[Move], gate: Gate) -> frozenset[Address]:
    """The members as they were when the period began, as far as is remembered.

    What stands in the ADOM, with the moves of the period taken back, newest first. A move that was
    noted but never carried out changes nothing by that.
    """
    members = set(standing)
    begins_at = gate.now - gate.limits.period_s
    for move in reversed(moves):
        if move.at > begins_at:
            members -= move.added
            members |= move.removed
    return frozenset(members)


def remember(
    history: History | None, moves: Iterable[Move], limits: Limits, *, now: float, begins: bool
) -> History:
    """The history with these moves, which are about to be made, and without what is too old.

    `begins` says that the ADOM holds nothing of ours yet, so that nothing can have been forgotten.
    """
    noted = tuple(replace(move, at=now) for move in moves)
    fresh = {_account(move) for move in noted if move.fresh}
    oldest = now - limits.period_s
    if history is None:
        return History(oldest if begins else now, _recent(noted, oldest))
    kept = (move for move in history.moves if _account(move) not in fresh)
    return History(max(history.since, oldest), _recent((*kept, *noted), oldest))


def _recent(moves: Iterable[Move], oldest: float) -> tuple[Move, ...]:
    """A fresh move only ends an account, so with nothing before it it need not be kept."""
    return tuple(move for move in moves if move.at > oldest and not move.fresh)


def _account(one: Move | Transition) -> Account:
    return one.family, one.name, one.place


# --- the rules ----------------------------------------------------------------------------------


def _removals_wait(case: _Case, going: frozenset[Address]) -> bool:
    transition, limits = case.transition, case.gate.limits
    if not transition.after:
        if transition.allow_empty and transition.opens is None:
            return False
        message = f"the group would become empty ({len(going)} addresses go)"
        if transition.opens is not None:
            message += f"; it is {transition.opens}, where empty means open"
        return case.waits(EMPTYING, message, going)
    gone = case.base - transition.after
    if not gone or len(gone) < limits.unless_fewer_than:
        return False
    if len(gone) > limits.max_removed_share * len(case.base):
        message = f"{len(gone)} of {len(case.base)} addresses go within {_period(limits)}"
        return case.waits(REMOVALS, message, going)
    return case.gate.blind and case.waits(REMOVALS, _unseen(len(gone), "go", limits), going)


def _additions_wait(case: _Case, coming: frozenset[Address], members: frozenset[Address]) -> bool:
    """`members` are those the place would have; the first fill of a group knows no share."""
    limits = case.gate.limits
    if len(members) > limits.max_members:
        message = f"the group would have {len(members)} members (maxMembers {limits.max_members})"
        return _addition_waits(case, MEMBERS, message, coming)
    new = case.transition.after - case.base
    if not case.base or not new or len(new) < limits.unless_fewer_than:
        return False
    if len(new) > limits.max_added_share * len(case.base):
        message = f"{len(new)} addresses come to {len(case.base)} within {_period(limits)}"
    elif case.gate.blind:
        message = _unseen(len(new), "come", limits)
    else:
        return False
    return _addition_waits(case, ADDITIONS, message, coming)


def _addition_waits(case: _Case, kind: str, message: str, coming: frozenset[Address]) -> bool:
    """Where all members are replaced the old ones stay as long: the group would be empty."""
    if case.transition.before and case.transition.after <= coming:
        message += "; until it is approved nothing is removed either, or the group would be empty"
    return case.waits(kind, message, coming)


def _unseen(count: int, verb: str, limits: Limits) -> str:
    return (
        f"{count} addresses {verb}, and what was changed in the last {_period(limits)} is not"
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
        case.ref.fortimanager,
        case.ref.adom,
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
