"""Long work that waits without blocking: it says how long, and whoever drives it decides how.

`apply` sleeps. The controller sleeps while a lock is held, and otherwise comes back on a later
pass: everything a rollout must know is in its ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from fmgsync.clock import Clock

Answer = TypeVar("Answer")

_SLICE_S = 0.5


@dataclass(frozen=True, slots=True)
class Rest:
    """Worth coming back in so many seconds. `holding`: a lock and a session are kept meanwhile."""

    seconds: float
    holding: bool = False


Steps = Generator[Rest, None, Answer]


def drive_while_holding(
    steps: Steps[Answer], clock: Clock, leaving: Callable[[], bool] = lambda: False
) -> Answer | Rest:
    """Do the steps up to the first rest that holds nothing; then let go and say how long it is.

    When it is time to leave, a rest that does hold something is let go of as well.
    """
    while True:
        try:
            rest = next(steps)
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        ends_at = clock.now() + rest.seconds
        while rest.holding and not leaving() and (left := ends_at - clock.now()) > 0:
            clock.sleep(min(left, _SLICE_S))
        if not rest.holding or leaving():
            steps.close()
            return rest


def drive(steps: Steps[Answer], clock: Clock, stopping: Callable[[], bool]) -> Answer:
    """Do all steps, sleeping between them; a rest is cut short when it is time to stop."""
    while True:
        try:
            rest = next(steps)
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        ends_at = clock.now() + rest.seconds
        while (left := ends_at - clock.now()) > 0 and (rest.holding or not stopping()):
            clock.sleep(min(left, _SLICE_S))
