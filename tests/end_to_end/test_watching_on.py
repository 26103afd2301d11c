"""A task of ours is watched to its end, whatever cannot be heard or read meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.passes import once
from fmgsync.passes.result import Result
from fmgsync.state.documents import Change, Documents
from fmgsync.state.folder import Folder
from fmgsync.state.rollouts import Rollouts
from tests.end_to_end import fleet
from tests.end_to_end.edits import due
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import during, holding, report, verified
from tests.end_to_end.killing import newest, pushes

MODES = ("disabled", "normal")
SILENT: dict[str, dict[str, Any]] = {
    "502 again and again": {"kind": "http-error", "status": 502},
    "an answer that is no JSON": {"kind": "garbage"},
    "a connection that breaks": {"kind": "reset-before"},
    "half an answer": {"kind": "truncate"},
    "no result in it": {"kind": "short-result"},
}


def is_pushing(estate: Estate, since: int) -> bool:
    tasks = [task for task in estate.unit.world.tasks.all() if task.id > since]
    return any(line.state == "running" for task in tasks for line in task.lines)


def all_went_well(estate: Estate, result: Result, since: int) -> None:
    assert sorted(verified(result)) == fleet.names(2)
    assert report(result).failures == {}
    assert holding(estate, "10.1.0.2") == fleet.names(2)
    assert set(pushes(estate, since).values()) == {1}
    assert estate.unit.world.adoms["prod"].locks == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("silence", SILENT)
def test_a_unit_that_says_nothing_for_a_while(tmp_path: Path, silence: str, mode: str) -> None:
    """Flow, session and lock are kept: giving the lock back would fail the install."""
    with due(tmp_path, 2, workspaceMode=mode) as estate:
        before = newest(estate)
        # The preview is read first; then a dozen polls of the push go astray.
        options = dict(SILENT[silence])
        estate.unit.faults.add(options.pop("kind"), url="task/task/*", skip=10, times=12, **options)
        all_went_well(estate, estate.apply("window"), before)
        assert estate.unit.faults.happened() == 12


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("heard", [0, 10], ids=["nothing", "the preview"])
def test_answers_about_tasks_that_never_come(tmp_path: Path, heard: int, mode: str) -> None:
    """It asks ever more rarely, and gives up in time: a preview that is begun anew is no less
    silent. Whoever comes later finds what was pushed."""
    with due(tmp_path, 1, workspaceMode=mode) as estate:
        before, since = newest(estate), estate.clock.now()
        sent = len(estate.unit.requests.since(0))
        estate.unit.faults.add("misdirected", url="task/task/*", skip=heard, times=10**6)
        told = report(estate.apply("window"))
        assert told.waiting is not None
        assert estate.clock.now() - since < 1800
        assert len(estate.unit.requests.since(0)) - sent < 250
        assert estate.unit.world.adoms["prod"].locks == []
        estate.unit.faults.clear()
        estate.apply("window")
        assert holding(estate, "10.1.0.2") == ["fgt-1"]
        assert pushes(estate, before)["fgt-1"] == 1


class Blinking:
    """A memory that cannot be asked while `is_dark`."""

    def __init__(self, documents: Documents, is_dark: Callable[[], bool]) -> None:
        self._documents = documents
        self._is_dark = is_dark
        self.refused = 0

    def _look(self) -> None:
        if self._is_dark():
            self.refused += 1
            raise errors.StateUnavailable("cannot be read: connection refused", where="memory")

    def where(self, name: str) -> str:
        return self._documents.where(name)

    def read(self, name: str) -> str | None:
        self._look()
        return self._documents.read(name)

    def update(self, name: str, change: Change) -> None:
        self._look()
        self._documents.update(name, change)


@pytest.mark.parametrize("mode", MODES)
def test_a_memory_that_cannot_be_asked_while_devices_are_configured(
    tmp_path: Path, mode: str
) -> None:
    """Whether somebody has stopped the rollout is not known for a while: that is no stop."""
    with due(tmp_path, 2, workspaceMode=mode) as estate:
        before = newest(estate)
        folder = Folder(estate.folder / "state", clock=estate.clock)
        memory = Blinking(folder, lambda: is_pushing(estate, before))
        world = estate.world("apply --install window")
        rollouts = Rollouts(memory, "prod", clock=estate.clock)
        world = replace(world, installing=replace(world.installing, rollouts=rollouts))
        all_went_well(estate, once.apply(world, install=True), before)
        assert memory.refused > 1


def test_a_session_that_is_lost_is_made_anew(tmp_path: Path) -> None:
    """Without a lock nothing is lost with it."""
    with due(tmp_path, 2, workspaceMode="disabled") as estate:
        before = newest(estate)
        estate.unit.faults.add("expire-session", url="task/task/*", skip=11)
        all_went_well(estate, estate.apply("window"), before)
        assert estate.unit.faults.happened() == 1


@pytest.mark.parametrize("is_right", [True, False])
def test_a_failed_task_fails_no_device_that_holds_what_it_should(
    tmp_path: Path, *, is_right: bool
) -> None:
    """The task fails with the session and its lock; the device itself is asked, and that counts."""
    with due(tmp_path, 1, workspaceMode="normal") as estate:
        estate.unit.faults.add("expire-session", url="task/task/*", skip=11)
        gate = estate.unit.fortigate("fgt-1")

        def mend() -> None:
            subnet = ("10.1.0.2", "255.255.255.255")
            gate.drift("firewall address", "prod_10.1.0.1", subnet=subnet)

        if is_right:
            during(estate, 33.0, mend)
        result = estate.apply("window")
        assert estate.unit.faults.happened() == 1
        assert list(report(result).failures) == ([] if is_right else ["fgt-1"])
        assert estate.unit.world.adoms["prod"].locks == []
        if not is_right:  # somebody has looked at it
            estate.steer("resume")
            estate.apply("window")
        assert holding(estate, "10.1.0.2") == ["fgt-1"]
