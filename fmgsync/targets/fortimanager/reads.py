"""Reading several things in as few requests: what each asks next goes into one request.

A read is written as a generator: it yields what it asks next, is sent one result for each, and
returns what it makes of them. A `get` takes any number of params, whatever their urls, and answers
each with a status of its own ("How to FortiManager API", 001), so what one read is refused fails
that read only.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from typing import Any, Generic, TypeVar

from fmgsync import errors
from fmgsync.targets.fortimanager.answers import Result
from fmgsync.targets.fortimanager.session import Param, Session

PARAMS_PER_REQUEST = 50
"""What several reads ask in one round becomes several requests where it is more than that."""

Answer = TypeVar("Answer")
Read = Generator[Sequence[Param], Sequence[Result], Answer]


class Asked(Generic[Answer]):
    """One read on its way: what it asks next, and what came of it in the end."""

    def __init__(self, read: Read[Answer]) -> None:
        self._read = read
        self._answer: Answer | None = None
        self._error: errors.TargetError | None = None
        self.asks: Sequence[Param] = ()
        self.is_over = False
        self.take(None)

    def take(self, results: Sequence[Result] | None) -> None:
        """Go on with what was answered; None at first."""
        try:
            self.asks = next(self._read) if results is None else self._read.send(results)
        except StopIteration as end:
            self._answer, self.is_over = end.value, True
        except errors.TargetError as error:
            self._error, self.is_over = error, True

    def answer(self) -> Answer:
        """What came of it; raises its error."""
        if self._error is not None:
            raise self._error
        answer: Any = self._answer
        return answer  # type: ignore[no-any-return]


def joined(asked: Sequence[Asked[Any]]) -> Read[None]:
    """All of them in one: each round asks what any of them asks next."""
    while waiting := [one for one in asked if not one.is_over]:
        results = iter((yield [param for one in waiting for param in one.asks]))
        for one in waiting:
            one.take(list(itertools.islice(results, len(one.asks))))


def run(session: Session, read: Read[Answer]) -> Answer:
    """Bring a read to its end; raises its error, and what concerns a request as a whole."""
    asked = Asked(read)
    while not asked.is_over:
        asks = asked.asks
        parts = [
            asks[start : start + PARAMS_PER_REQUEST]
            for start in range(0, len(asks), PARAMS_PER_REQUEST)
        ]
        asked.take([result for part in parts for result in session.call("get", part)])
    return asked.answer()
