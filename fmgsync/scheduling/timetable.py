"""The windows of one place, taken together: deny beats allow.

A timetable compares by value, so the many devices with the same windows share one and its answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Final

from fmgsync.scheduling.window import Window, as_utc

_ROUNDS: Final = 100
"""How many closed stretches are skipped to find the next opening. Windows that cancel one another
would otherwise be searched for ever; after that many, the answer is: none."""

_UNCHANGED_ROUND: Final = 10
"""What a round counts that leads nowhere new, because a window was followed as far as its limit:
such a window is, in effect, always open."""

_OPEN: Final = (True, False)
"""Allowed and not denied."""

_MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Opening:
    """A time during which installs may start, `[opens_at, closes_at)`; None: no end in sight."""

    opens_at: datetime
    closes_at: datetime | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether an install may start at one instant, and the windows that say so."""

    is_open: bool
    allowing: tuple[Window, ...]
    denying: tuple[Window, ...]
    always: bool
    because: str


@dataclass(frozen=True, slots=True)
class Timetable:
    """Allow and deny windows of one place; with `always`, everything not denied is allowed.

    No allow window and not `always`: never open. All instants aware, answers in UTC.
    """

    allow: tuple[Window, ...] = ()
    deny: tuple[Window, ...] = ()
    always: bool = False

    def judge(self, instant: datetime) -> Judgement:
        """May an install start at `instant`, and why (not)?"""
        allowing = tuple(window for window in self.allow if window.contains(instant))
        denying = tuple(window for window in self.deny if window.contains(instant))
        is_open = not denying and bool(allowing or self.always)
        return Judgement(is_open, allowing, denying, self.always, self._because(allowing, denying))

    def is_open(self, instant: datetime) -> bool:
        """May an install start at `instant`?"""
        return self._is_allowed(instant) and not self._is_denied(instant)

    def closes_at(self, instant: datetime) -> datetime | None:
        """Until when installs may start; None if they may not now, or if no end is in sight.

        Windows that overlap or adjoin count as one. Never later than the true end.
        """
        if not self.is_open(instant):
            return None
        ends = self._denials(instant)
        if not self.always:
            ends.append(_last_end(self.allow, instant))
        return min(ends, default=None)

    def next_opening(self, instant: datetime) -> datetime | None:
        """When installs may start again: the first such change after `instant`, None if never."""
        at = as_utc(instant)
        before = self._is_allowed(at), self._is_denied(at)
        rounds = 0
        while rounds < _ROUNDS and (moved := self._next_change(at, *before)) is not None:
            at, after = moved, (self._is_allowed(moved), self._is_denied(moved))
            if after == _OPEN != before:
                return at
            rounds += _UNCHANGED_ROUND if after == before else 1
            before = after
        return None

    def opening(self, instant: datetime) -> Opening | None:
        """The opening that holds at `instant`, None while closed."""
        return self.openings(instant, instant + _MOMENT)[0] if self.is_open(instant) else None

    def openings(self, start: datetime, end: datetime) -> tuple[Opening, ...]:
        """All effective openings that touch `[start, end)`, in order, none adjoining another.

        One that began before `start` is given with the instant at which it did, `start` itself if
        it has always been open; the last one may end after `end`.
        """
        opens = self._opened_at(start) if self.is_open(start) else self.next_opening(start)
        found: list[Opening] = []
        while opens is not None and opens < end:
            closes = self.closes_at(max(opens, as_utc(start)))
            while closes is not None and closes < end and self.is_open(closes):
                closes = self.closes_at(closes)
            found.append(Opening(opens, closes))
            opens = None if closes is None else self.next_opening(closes)
        return tuple(found)

    def denied_until(self, instant: datetime) -> datetime | None:
        """When the deny windows that hold at `instant` will be over; None if none does."""
        return _last_end(self.deny, instant) if self._is_denied(instant) else None

    def next_denial(self, instant: datetime) -> datetime | None:
        """When the next deny window opens after `instant`."""
        return min(self._denials(instant), default=None)

    def without_denials(self) -> Timetable:
        """The same, as it stands when a person overrides the deny windows."""
        return Timetable(self.allow, (), self.always)

    def _denials(self, instant: datetime) -> list[datetime]:
        return [opens for w in self.deny if (opens := w.next_opening(instant)) is not None]

    def _is_allowed(self, instant: datetime) -> bool:
        return self.always or any(window.contains(instant) for window in self.allow)

    def _is_denied(self, instant: datetime) -> bool:
        return any(window.contains(instant) for window in self.deny)

    def _next_change(self, at: datetime, allowed: bool, denied: bool) -> datetime | None:
        """The first instant after `at` that is worth looking at again."""
        if denied:
            return _last_end(self.deny, at)
        if allowed:
            return self.closes_at(at)
        opens = [o for window in self.allow if (o := window.next_opening(at)) is not None]
        return min(opens, default=None)

    def _opened_at(self, instant: datetime) -> datetime:
        """Since when it has been open, given that it is open at `instant`."""
        at = as_utc(instant)
        begins = [o + w.duration for w in self.deny if (o := w.last_opening(at)) is not None]
        if not self.always:
            begins.append(_first_begin(self.allow, at))
        return max(begins, default=at)

    def _because(self, allowing: tuple[Window, ...], denying: tuple[Window, ...]) -> str:
        if denying:
            return f"closed by {denying[0]}"
        if allowing:
            return f"open by {allowing[0]}"
        if self.always:
            return "open: windows are set to always"
        return "closed: no window is open" if self.allow else "closed: no window is configured"


def _last_end(windows: tuple[Window, ...], at: datetime) -> datetime:
    """When the last of the windows that are open at `at`, or open as others close, closes.

    A window that is still open at its own end was followed as far as its limit: that is the answer.
    """
    for _ in range(_ROUNDS):
        ends = [(end, w) for w in windows if (end := w.closes_at(at)) is not None]
        if not ends:
            break
        at, last = max(ends, key=itemgetter(0))
        if last.contains(at):
            break
    return as_utc(at)


def _first_begin(windows: tuple[Window, ...], at: datetime) -> datetime:
    """The counterpart of `_last_end`: since when some window has been open without a break."""
    for _ in range(_ROUNDS):
        begins = [(begin, w) for w in windows if (begin := w.opened_at(at)) is not None]
        if not begins:
            break
        begin, first = min(begins, key=itemgetter(0))
        at = begin - _MOMENT
        if first.contains(at):
            break
    return at + _MOMENT
