"""When the next pass over an ADOM is due. Pure: instants in, an instant out.

Changes settle for a moment so that a roll-out of fifty pods becomes one write, but never wait
longer than `max_delay_s` under endless churn. Failures are tried again after growing pauses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

LONGEST_RETRY_S = 300.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The configured times, in seconds."""

    settle_s: float = 5.0
    max_delay_s: float = 60.0
    min_interval_s: float = 0.0
    resync_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What happened to one ADOM so far; instants are UTC epoch seconds.

    `first_change_at` and `last_change_at` bound the changes no pass has seen yet. Of the passes
    some are over a part of the ADOM; `last_whole_at` is the end of the last that compared it all.
    `anew`: the next pass has to compare it all, whichever ends before.
    `goes_on_at`: a rollout stepped aside after a batch, and goes on then whatever the least time
    between two writes is.
    """

    first_change_at: float | None = None
    last_change_at: float | None = None
    last_pass_at: float | None = None
    last_whole_at: float | None = None
    failures: int = 0
    wake_at: float | None = None
    goes_on_at: float | None = None
    anew: bool = False

    def changed(self, now: float) -> Rhythm:
        """A change arrived."""
        first = self.first_change_at if self.first_change_at is not None else now
        return replace(self, first_change_at=first, last_change_at=now)

    def started(self) -> Rhythm:
        """A pass begins: what arrives from here on is for the next one."""
        return replace(self, first_change_at=None, last_change_at=None, anew=False)

    def ended(
        self,
        now: float,
        *,
        failed: bool,
        wake_at: float | None = None,
        goes_on_at: float | None = None,
        whole: bool = True,
    ) -> Rhythm:
        """A pass is over; `wake_at` is when something of its own becomes due, such as a window."""
        return replace(
            self,
            last_pass_at=now,
            last_whole_at=now if whole else self.last_whole_at,
            failures=self.failures + 1 if failed else 0,
            wake_at=wake_at,
            goes_on_at=goes_on_at,
        )


def next_pass_at(
    pace: Pace, rhythm: Rhythm, *, spread: float = 1.0, now: float = math.inf
) -> float:
    """The instant of the next pass; in the past if it is overdue.

    A clock that was set back since the last pass makes it due `now`: none of the instants that were
    worked out before is waited for.
    `spread` in 0.5..1 shortens the pause after a failure, so that replicas and ADOMs do not all
    come back at once.
    """
    if rhythm.last_pass_at is None or rhythm.last_pass_at > now:
        return 0.0
    if rhythm.failures:
        pause = min(LONGEST_RETRY_S, 2.0 ** min(rhythm.failures, 16))
        return rhythm.last_pass_at + max(pause * spread, pace.min_interval_s)
    due = _whole_at(pace, rhythm)
    if rhythm.first_change_at is not None and rhythm.last_change_at is not None:
        settled = rhythm.last_change_at + pace.settle_s
        due = min(due, settled, rhythm.first_change_at + pace.max_delay_s)
    due = max(due, rhythm.last_pass_at + pace.min_interval_s)
    return due if rhythm.goes_on_at is None else min(due, rhythm.goes_on_at)


def is_whole(pace: Pace, rhythm: Rhythm, now: float) -> bool:
    """Whether a pass that begins now has to compare the whole ADOM, whatever has changed."""
    must = rhythm.anew or rhythm.last_pass_at is None or rhythm.failures > 0
    return must or now >= _whole_at(pace, rhythm)


def _whole_at(pace: Pace, rhythm: Rhythm) -> float:
    """When something else than a change makes a pass due: the time for a resync, or a window."""
    since = rhythm.last_whole_at if rhythm.last_whole_at is not None else rhythm.last_pass_at
    due = (since or 0.0) + pace.resync_s
    return due if rhythm.wake_at is None else min(due, rhythm.wake_at)
