"""The guard at work on one ADOM: what it remembers before a write, what people approved."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model.change import AdomPlan, ApplyReport
from fmgsync.model.memory import History
from fmgsync.model.target import AdomRef
from fmgsync.planning import guard
from fmgsync.state.memory import Memory


@dataclass(frozen=True, slots=True)
class AdomGuard:
    """The guard of one ADOM."""

    ref: AdomRef
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
            self.memory.history(self.owner, self.ref),
            frozenset(one.digest for one in self.memory.approvals(now)),
        )

    def before_write(self, plan: AdomPlan, *, begins: bool) -> None:
        """Note what the plan is about to change.

        Before and not after: a write that was not noted would let the next one be as large again,
        a note without a write does no harm. `begins`: the ADOM holds no group of ours yet.
        """

        def noted(history: History | None) -> History:
            now = self.clock.now()
            return guard.remember(history, plan.sizes, self.limits, now=now, begins=begins)

        if plan.sizes:
            self.memory.remember(self.owner, self.ref, noted)

    def after_write(self, plan: AdomPlan, report: ApplyReport) -> None:
        """Approvals count once; after a refusal they are kept for the next try."""
        if plan.approved and report.written and not report.refused:
            self.memory.spend(plan.approved)


def note_shown(
    memory: Memory,
    digest: str,
    plans: Iterable[AdomPlan],
    *,
    now: float,
    tell: Callable[[str], None],
) -> None:
    """Remember what people are shown as held. Where nothing can be written, say so and go on."""
    holds = [(plan.ref, hold) for plan in plans for hold in plan.held]
    if not holds:
        return
    try:
        memory.show(digest, holds, now)
    except errors.StateError as error:
        tell(f"what waits cannot be approved here: {error}")
