"""Resting in the middle of a step, while a lock and a session are held."""

from __future__ import annotations

from collections.abc import Callable

from fmgsync.clock import Clock

_SLICE_S = 0.5


class Left(Exception):
    """It was time to leave, whatever still runs. What is open is in the record."""


def rest(clock: Clock, seconds: float, *, leaving: Callable[[], bool]) -> None:
    """Sleep so long. Raises Left when even what runs is to be let go of."""
    ends_at = clock.now() + seconds
    while not leaving() and (left := ends_at - clock.now()) > 0:
        clock.sleep(min(left, _SLICE_S))
    if leaving():
        raise Left
