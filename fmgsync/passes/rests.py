"""Resting in the middle of a step, while a lock and a session are held."""

from __future__ import annotations

from collections.abc import Callable

from fmgsync import clock as clocks
from fmgsync.clock import Clock


class Left(Exception):
    """It was time to leave, whatever still runs. What is open is in the record."""


def rest(clock: Clock, seconds: float, *, leaving: Callable[[], bool]) -> None:
    """Sleep so long. Raises Left when even what runs is to be let go of."""
    clocks.rest(clock, seconds, until=leaving)
    if leaving():
        raise Left
