"""Killed between any two requests: the next run goes on, and no change is installed twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.model.view import GroupState
from tests.end_to_end import fleet
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import OPEN, holding, open_fleet, seed, to, web
from tests.end_to_end.killing import IDLE_S, Life, Pushed, go_on, newest, pushes, run


@pytest.fixture
def due(tmp_path: Path) -> Iterator[Callable[..., Estate]]:
    """Makes estates with two FortiGates, a change to bring to both, and the window open."""
    opened: list[Any] = []

    def make(mode: str, name: str) -> Estate:
        unit = seed(2)
        unit.update(workspaceMode=mode, idleTimeoutSeconds=IDLE_S)
        folder = tmp_path / name
        folder.mkdir()
        rollout = {"canary": ["fgt-1"], "waves": ["100%"], "pause": "1m", "maxFailures": 1}
        context = open_fleet(folder, unit, rollout=rollout)
        opened.append(context)
        estate = context.__enter__()
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        return estate

    yield make
    for context in opened:
        context.__exit__(None, None, None)


def length(due: Callable[..., Estate], mode: str) -> int:
    """Requests of a run that nobody disturbs."""
    estate, life = due(mode, "whole"), Life(float("inf"))
    run(estate, life)
    assert holding(estate, "10.1.0.2") == fleet.names(2)
    return life.requests


def check(due: Callable[..., Estate], mode: str, deaths: range) -> None:
    for number in deaths:
        for is_heard in (False, True):
            estate = due(mode, f"{number}-{is_heard}")
            before = newest(estate)
            run(estate, Life(number, is_heard=is_heard))
            result = go_on(estate)
            where = f"killed at request {number}, heard: {is_heard}"
            (adom,) = result.adoms
            assert adom.error is None, where
            states = {group.state for view in adom.views for group in view.groups}
            assert states == {GroupState.IN_SYNC}, (where, adom.rollout)
            assert holding(estate, "10.1.0.2") == fleet.names(2), where
            assert set(pushes(estate, before).values()) == {1}, where
            assert estate.unit.world.adoms["prod"].locks == [], where


@pytest.mark.parametrize("mode", ["disabled", "normal"])
def test_a_killed_run_is_taken_up_where_it_was(due: Callable[..., Estate], mode: str) -> None:
    """A few places; the next test dies at every one."""
    check(due, mode, range(25, length(due, mode), 17))


@pytest.mark.parametrize("mode", ["disabled", "normal"])
def test_what_arrived_is_no_failure_because_more_has_changed_since(
    due: Callable[..., Estate], mode: str
) -> None:
    """The device holds what the killed run pushed; that the ADOM holds newer members by now is
    the next install's business and no reason to stop the rollout."""
    estate = due(mode, "moved-on")
    assert run(estate, Pushed()) is None
    web(estate, "10.1.0.3")
    result = go_on(estate)
    assert fleet.report(result).failures == {}
    assert holding(estate, "10.1.0.3") == fleet.names(2)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["disabled", "normal"])
def test_it_may_be_killed_at_any_request(due: Callable[..., Estate], mode: str) -> None:
    check(due, mode, range(1, length(due, mode) + 1))
