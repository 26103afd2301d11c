"""The guard at work on one ADOM: what it remembers before a write, what people approved."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model import naming
from fmgsync.model.change import AdomPlan, Change, Hold
from fmgsync.model.memory import History
from fmgsync.model.target import TargetRef
from fmgsync.planning import guard, summary
from fmgsync.scheduling.foreign import Sorted
from fmgsync.state.memory import Memory

_EDITS = "foreign-edits"


@dataclass(frozen=True, slots=True)
class AdomGuard:
    """The guard of one ADOM."""

    ref: TargetRef
    owner: str
    limits: guard.Limits
    memory: Memory
    clock: Clock

    def gate(self) -> guard.Gate:
        """The limits with what is remembered and approved now."""
        now = self.clock.now()
        return guard.Gate(
            self.limits,
            now,
            guard.settled(self.memory.history(self.owner, self.ref), now),
            frozenset(one.digest for one in self.memory.approvals(now)),
        )

    def settle(self) -> None:
        """Times that lie ahead count from now on, and not from each look anew: or a change of some
        size would wait until another one is written."""

        def settled(history: History | None) -> History | None:
            return guard.settled(history, self.clock.now())

        standing = self.memory.history(self.owner, self.ref)
        if settled(standing) is not standing:
            self.memory.settle(self.owner, self.ref, settled)

    def before_write(self, plan: AdomPlan, *, begins: bool) -> None:
        """Note what the plan is about to change.

        Before and not after: a write that was not noted would let the next one be as large again,
        a note without a write does no harm. `begins`: the ADOM holds no group of ours yet.
        """

        def noted(history: History | None) -> History:
            now = self.clock.now()
            known = guard.settled(history, now)
            return guard.remember(known, plan.sizes, self.limits, now=now, begins=begins)

        if plan.sizes:
            self.memory.remember(self.owner, self.ref, noted)

    def after_write(
        self, plan: AdomPlan, held: Iterable[Hold], written: Iterable[Change], *, all_of_it: bool
    ) -> None:
        """Approvals count once, for a part as well: the rest of it waits for another one. What
        nothing was written of keeps its own for the next try. `held` is what was let through."""
        touched = {naming.group_of(change.name) for change in written}
        used = {hold.digest for hold in held if hold.name in touched}.intersection(plan.approved)
        if touched and all_of_it:
            used.update(plan.approved)
        if used:
            self.memory.spend(used)


def note_edits(adom: AdomGuard, judged: Sorted, tell: Callable[[str], None]) -> None:
    """Other people's edits that hold devices can be let through: each device's by its digest, all
    of one batch by theirs together."""
    holds = [
        (adom.ref, Hold(_EDITS, device, judged.blocked[device], digest=digest))
        for device, digest in sorted(judged.digests.items())
    ]
    text = " ".join(hold.digest for _, hold in holds)
    together = hashlib.sha256(text.encode()).hexdigest()[:16]
    _note(adom.memory, together, holds, now=adom.clock.now(), tell=tell)


def note_shown(
    memory: Memory,
    plans: Sequence[AdomPlan],
    *,
    now: float,
    tell: Callable[[str], None],
) -> None:
    """Remember what people are shown as held: all of it, and each group's parts, can be approved
    together. Where nothing can be written, say so and go on."""
    holds = [(plan.ref, hold) for plan in plans for hold in plan.held]
    _note(memory, summary.digest(plans), holds, now=now, tell=tell)
    for plan in plans:
        for parts in summary.by_group(plan).values():
            if len(parts) > 1:
                theirs = [(plan.ref, hold) for hold in parts]
                _note(memory, summary.digest_of(parts), theirs, now=now, tell=tell)


def _note(
    memory: Memory,
    digest: str,
    holds: Sequence[tuple[TargetRef, Hold]],
    *,
    now: float,
    tell: Callable[[str], None],
) -> None:
    if not holds:
        return
    try:
        memory.show(digest, holds, now)
    except errors.StateError as error:
        tell(f"what waits cannot be approved here: {error}")
