"""Runs that end at a request of choice, and the runs after them."""

from __future__ import annotations

import threading
from typing import Any

from requests.adapters import HTTPAdapter

from fmgsync.passes import once
from fmgsync.passes.result import Result
from fmgsync.wiring import wiring
from tests.end_to_end import fleet
from tests.end_to_end.estate import Estate

IDLE_S = 120.0


class Killed(BaseException):
    """The process is gone: nothing of it reaches FortiManager any more."""


class Mortal(HTTPAdapter):
    """A transport whose process dies at one request: before it is sent or before an answer."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self._life = life

    def send(self, *arguments: Any, **options: Any) -> Any:
        number, dies_at = self._life.next(str(arguments[0].body))
        if number > dies_at:
            raise Killed
        if number < dies_at:
            return super().send(*arguments, **options)
        if self._life.is_heard:
            super().send(*arguments, **options)
        raise Killed


class Life:
    """How long a process lives, in requests; `is_heard`: its last request takes effect."""

    def __init__(self, dies_at: float, *, is_heard: bool = False) -> None:
        self.dies_at = dies_at
        self.is_heard = is_heard
        self.requests = 0
        self._counting = threading.Lock()

    def next(self, body: str) -> tuple[int, float]:
        """The number of the next request, and that of the last one. Units are talked to side by
        side: each request has a number of its own."""
        with self._counting:
            self.requests += 1
            self.asks(body)
            return self.requests, self.dies_at

    def asks(self, body: str) -> None:
        """What is being asked does not matter here."""


class Pushed(Life):
    """Dies as soon as an install has begun to push."""

    def __init__(self) -> None:
        super().__init__(float("inf"))

    def asks(self, body: str) -> None:
        """Note what is being asked."""
        if "package/commit" in body:
            self.dies_at = self.requests + 1


def run(estate: Estate, life: Life) -> Result | None:
    """`apply --install window` as long as it lives."""
    world = wiring.make_world(
        estate.path,
        command="apply --install window",
        clock=estate.clock,
        state_dir=estate.folder / "state",
        transport=lambda access: Mortal(life),
    )
    try:
        return once.apply(world, install=True)
    except Killed:
        return None


def pushes(estate: Estate, since: int) -> dict[str, int]:
    """How often something was pushed to each device, by tasks newer than `since`."""
    found = dict.fromkeys(fleet.names(2), 0)
    for task in estate.unit.world.tasks.all():
        for line in task.lines:
            if task.id > since and line.name in found and line.state == "done":
                found[line.name] += 1
    return found


def newest(estate: Estate) -> int:
    return max((task.id for task in estate.unit.world.tasks.all()), default=0)


def go_on(estate: Estate) -> Result:
    """Later, when the unit has let go of a dead session, somebody runs it again."""
    estate.clock.sleep(IDLE_S + 1)
    result = run(estate, Life(float("inf")))
    assert result is not None
    return result
