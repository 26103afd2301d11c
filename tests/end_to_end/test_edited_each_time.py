"""Somebody edits our group whenever it is about to be installed: a run tries once, and ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from requests.adapters import HTTPAdapter

from fmgsync.clock import Clock
from fmgsync.passes import once
from fmgsync.passes.result import Pass
from fmgsync.settings import features
from fmgsync.wiring import wiring
from tests.crossed import crossed
from tests.end_to_end.edits import (
    GROUPS,
    edit,
    open_up,
    start,
    vary_an_address,
    widen_an_address,
)
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import GROUP, OPEN, names, open_fleet, seed, to
from tests.passes.worlds import make_pass

ENOUGH = 60
"""More edits than any run that ends gives occasion for."""

Act = Callable[[Estate], None]


class Endless(BaseException):
    """The run makes pass after pass."""


class Restless(HTTPAdapter):
    """Somebody acts before each request of one kind; whoever gives too much occasion for it is
    broken off. Each request takes its time."""

    def __init__(
        self, clock: Clock, when: Callable[[str], bool], act: Callable[[], object]
    ) -> None:
        super().__init__()
        self._clock, self._when, self._act = clock, when, act
        self.acted = 0

    def send(self, *arguments: Any, **options: Any) -> Any:
        self._clock.sleep(0.05)
        if self._when(str(arguments[0].body)):
            self.acted += 1
            if self.acted > ENOUGH:
                raise Endless
            self._act()
        return super().send(*arguments, **options)


def reads_groups(body: str) -> bool:
    """The request that reads our groups."""
    return '"get"' in body and "/obj/firewall/addrgrp" in body


def locks(body: str) -> bool:
    """The request that begins a write or an install where ADOMs are locked."""
    return '/workspace/lock"' in body


def everywhere() -> Act:
    """Our mapping of each device, to something else each time."""
    turns = cycle((["all"], ["legacy-db"], ["none"], ["all", "none"], ["legacy-db", "none"]))

    def change(estate: Estate) -> None:
        member = next(turns)
        for name in names(2):
            edit(estate, "set", f"{GROUPS}/{GROUP}/dynamic_mapping/{name}/root",
                 {"_scope": [{"name": name, "vdom": "root"}], "member": member})  # fmt: skip

    return change


LANES: dict[str, dict[str, Any]] = {"window": {}, "urgent": {"removals": "immediately"}}
BEFORE = {"10.1.0.1", "10.1.0.2"}
RIGHT = {"window": (BEFORE, {"10.1.0.2", "10.1.0.3"}), "urgent": (BEFORE, {"10.1.0.2"})}
COMMANDS = ("apply --install window", features.RUN)
OTHERS: dict[str, tuple[str, Callable[[str], bool], Callable[[], Act]]] = {
    "one device": ("disabled", reads_groups, lambda: open_up),
    "an address": ("disabled", reads_groups, lambda: widen_an_address),
    "every device": ("disabled", reads_groups, everywhere),
    "in turn with our lock": ("normal", locks, everywhere),
    "an address, on one device": ("disabled", reads_groups, lambda: vary_an_address),
}


def install(estate: Estate, command: str, restless: Restless) -> Pass:
    """What the command does with the one ADOM; the controller's passes as long as they go on."""
    world = wiring.make_world(
        estate.path,
        command=command,
        clock=estate.clock,
        state_dir=estate.folder / "state",
        transport=lambda access: restless,
    )
    if command != features.RUN:
        (result,) = once.apply(world, install=True).adoms
        return result
    while True:
        result, _ = make_pass(world)
        if result.rollout is None or result.rollout.goes_on_at is None:
            return result
        estate.clock.sleep(max(0.0, result.rollout.goes_on_at - estate.clock.now()))


@pytest.mark.parametrize(("others", "command", "lane"), crossed(OTHERS, COMMANDS, LANES))
def test_it_ends_and_what_is_not_vouched_for_reaches_no_device(
    tmp_path: Path, others: str, command: str, lane: str
) -> None:
    mode, when, make = OTHERS[others]
    unit = {**seed(2), "workspaceMode": mode}
    with open_fleet(tmp_path, unit, foreignChanges="allow", **LANES[lane]) as estate:
        start(estate)
        if lane == "window":
            to(estate, OPEN + timedelta(days=1))
        change = make()
        restless = Restless(estate.clock, when, lambda: change(estate))
        result = install(estate, command, restless)
        assert result.error is None
        for device in names(2):
            # As it should be, or as before and told why; nothing new outside the window.
            held = estate.on_device(device, GROUP)
            assert held in RIGHT[lane], held
            if held == BEFORE:
                record = estate.world("plan").installing.rollouts.read(result.ref)
                assert record is not None
                assert "k8s-web" in record.why_held[device]


class SetBack:
    """A clock that is set back by so much while a run goes on."""

    def __init__(self, right: Clock) -> None:
        self._right, self.by_s = right, 0.0

    def now(self) -> float:
        """UTC epoch seconds."""
        return self._right.now() - self.by_s

    def steady(self) -> float:
        """Nobody sets that one."""
        return self._right.steady()

    def sleep(self, seconds: float) -> None:
        """Wait that long."""
        self._right.sleep(seconds)


@pytest.mark.parametrize("by_s", [200, 3600])
@pytest.mark.parametrize("command", COMMANDS)
def test_it_ends_whatever_becomes_of_the_clock(tmp_path: Path, command: str, by_s: float) -> None:
    """When a device was held back is no more a time that can be trusted."""
    unit = {**seed(2), "workspaceMode": "disabled"}
    with open_fleet(tmp_path, unit, foreignChanges="allow") as estate:
        start(estate)
        to(estate, OPEN + timedelta(days=1, minutes=90))
        clock = estate.clock = SetBack(estate.clock)

        def act() -> None:
            clock.by_s = by_s if restless.acted > 4 else 0
            widen_an_address(estate)

        restless = Restless(estate.clock, reads_groups, act)
        result = install(estate, command, restless)
        assert result.error is None
        assert all(estate.on_device(device, GROUP) == BEFORE for device in names(2))
        assert result.rollout is not None
        held = {each.pending.target.device for each in result.rollout.admissions if each.held}
        assert sorted(held) == names(2)
