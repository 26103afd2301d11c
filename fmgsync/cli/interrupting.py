"""How Ctrl-C, SIGTERM and a terminal that goes away end a command: in order, and with nothing left
locked."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class Words:
    """What people are told: `first` when they ask for an end, `second` when they cannot wait."""

    first: str
    second: str


PUSHES = Words(
    "stopping: nothing more is started; what is being pushed is watched to its end"
    " (Ctrl-C again leaves at once)",
    # Leaving closes the session, and with it the lock: say what that means.
    "left: an install task may still be running on FortiManager, and without its"
    " workspace lock it fails; the next run finds out what became of it",
)
WRITES = Words(
    "stopping: nothing more is started; what is being written is written to its end"
    " (Ctrl-C again leaves at once)",
    "left in the middle of a write: where there are workspaces it is not committed, elsewhere a"
    " part of it is there; say it again",
)


_HANGUP = getattr(signal, "SIGHUP", signal.SIGTERM)


def _asking() -> set[int]:
    """The signals that ask for an end. What is ignored (nohup) stays ignored."""
    hangup = set() if signal.getsignal(_HANGUP) is signal.SIG_IGN else {_HANGUP}
    return {signal.SIGINT, signal.SIGTERM} | hangup


class Stop:
    """Whether somebody wants this to end: the first signal asks for an orderly end, the second
    leaves. Leaving gives locks back, which no third one interrupts."""

    def __init__(self, tell: Callable[[str], None], words: Words = PUSHES) -> None:
        self._tell = tell
        self._words = words
        self._asked = False
        self._leaves = False

    def asked(self) -> bool:
        """Whether nothing more may be started."""
        return self._asked

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Take these signals for as long as this lasts."""
        before = {number: signal.signal(number, self._take) for number in _asking()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self._leaves:
            return
        if self._asked and number == _HANGUP != signal.SIGTERM:
            return  # told by the shell and by the kernel: no impatience
        if self._asked:
            self._leaves = True
            self._tell(self._words.second)
            raise KeyboardInterrupt
        self._asked = True
        self._tell(self._words.first)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """While this lasts SIGTERM, and a terminal that goes away, end a command as Ctrl-C does: it
    gives back what it has locked, and logs out. What is ignored (nohup) stays ignored."""
    numbers = {signal.SIGTERM, _HANGUP}
    ours = {number for number in numbers if signal.getsignal(number) is signal.SIG_DFL}

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        for each in ours:
            signal.signal(each, signal.SIG_IGN)  # nothing interrupts what is being given back
        raise KeyboardInterrupt

    for number in ours:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def served_until(stop: Callable[[], object]) -> Iterator[None]:
    """While this lasts these signals `stop` what is served, which ends by itself then."""

    def take(number: int, frame: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, take) for number in _asking()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
