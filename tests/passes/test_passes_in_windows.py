"""The controller's passes over installs: each lets go at a rest and says when it comes back.

Every pass here is made by a new process, as far as anything remembered in memory goes: what a
rollout needs to go on is in the state and on FortiManager.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.passes import run as runs
from fmgsync.settings import features
from fmgsync.targets.hooks import Hooks
from fmgsync.wiring import wiring
from tests.end_to_end import fleet
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import CLOSED, OPEN, holding, open_fleet, seed, to, web
from tests.end_to_end.killing import newest, pushes
from tests.passes.worlds import NOTHING, OPENS, make_pass, world_of

CLOSES = OPENS + timedelta(hours=3)
STAGED = {"canary": ["fgt-1"], "waves": ["50%", "100%"], "pause": "10m", "maxFailures": "100%"}


def follow(estate: Estate, until: datetime) -> list[tuple[datetime, list[str]]]:
    """Passes at the instants they ask for; when each was and what it proved."""
    found = []
    while True:
        at = datetime.fromtimestamp(estate.clock.now(), UTC)
        result, wake = make_pass(world_of(estate))
        assert result.error is None, result.error
        assert result.rollout is not None
        found.append((at, sorted(target.device for target in result.rollout.verified)))
        if wake is None or wake >= until.timestamp():
            return found
        to(estate, datetime.fromtimestamp(wake, UTC))


def leave_in_the_middle(estate: Estate) -> None:
    """A pass of a process that has to leave as soon as FortiGates are being configured."""
    before = newest(estate)

    def pushing() -> bool:
        installs = [task for task in estate.unit.world.tasks.all() if task.id > before]
        return any(line.state == "running" for task in installs for line in task.lines)

    make_pass(world_of(estate, leaving=pushing))


def test_a_rollout_wakes_when_something_becomes_due_and_never_else(tmp_path: Path) -> None:
    """At the opening the canary, then a wave after each pause; every pass is another process."""
    with open_fleet(tmp_path, seed(5, install_s=30), rollout=STAGED) as estate:
        web(estate, "10.1.0.2")
        passes = follow(estate, OPENS + timedelta(days=1))
        assert [devices for _, devices in passes] == [
            [],
            ["fgt-1"],
            ["fgt-2", "fgt-3"],
            ["fgt-4", "fgt-5"],
        ]
        at = [instant for instant, _ in passes]
        assert at[:2] == [CLOSED, OPENS]
        pauses = [after - before for before, after in itertools.pairwise(at[1:])]
        assert all(timedelta(minutes=10) <= pause < timedelta(minutes=12) for pause in pauses)
        assert holding(estate, "10.1.0.2") == fleet.names(5)


def test_what_the_window_is_too_short_for_waits_for_the_next_one(tmp_path: Path) -> None:
    staged = {**STAGED, "pause": "2h"}
    with open_fleet(tmp_path, seed(5, install_s=30), rollout=staged) as estate:
        web(estate, "10.1.0.2")
        installed = [at for at, devices in follow(estate, OPENS + timedelta(days=3)) if devices]
        assert len(installed) == 3
        inside = [(at - OPENS) % timedelta(days=1) < timedelta(hours=3) for at in installed]
        assert all(inside)
        assert installed[-1] - OPENS == timedelta(days=1)


def test_nothing_pending_wakes_nobody(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2)) as estate:
        assert make_pass(world_of(estate))[1] is None


def test_a_removal_wakes_in_time_for_its_bound(tmp_path: Path) -> None:
    """Outside the window the address goes before the fifteen minutes are over."""
    with open_fleet(tmp_path, seed(2), removals={"within": "15m"}) as estate:
        make_pass(world_of(estate))
        web(estate, "10.1.0.9")
        result, wake = make_pass(world_of(estate))
        assert result.rollout is not None
        assert not result.rollout.verified
        assert wake is not None
        late = wake - estate.clock.now()
        assert 0 < late < timedelta(minutes=15).total_seconds()
        estate.clock.sleep(late)
        follow(estate, OPENS)
        assert holding(estate, NOTHING) == fleet.names(2)


def test_a_pause_between_waves_holds_no_urgent_removal_up(tmp_path: Path) -> None:
    """While the fleet of one window pauses, an address still leaves a device outside of its own."""
    nights = [{**fleet.NIGHTS, "devices": ["fgt-1", "fgt-2"]}]
    rollout = {**STAGED, "waves": ["100%"], "pause": "2h"}
    with open_fleet(tmp_path, seed(3), rollout=rollout, removals={"within": "15m"}) as estate:
        estate.config["install"]["windows"] = nights
        web(estate, "10.1.0.1", "10.1.0.2")
        estate.write_config()
        to(estate, OPENS)
        make_pass(world_of(estate))
        assert holding(estate, "10.1.0.1", "10.1.0.2") == ["fgt-1"]
        web(estate, "10.1.0.2")
        seen = follow(estate, OPENS + timedelta(minutes=30))
        assert "fgt-3" in [device for _, devices in seen for device in devices]
        assert estate.on_device("fgt-3", fleet.GROUP) == {NOTHING}


def test_a_deposed_replica_starts_no_install(tmp_path: Path) -> None:
    """It loses the ADOM right after taking the lock: nothing is pushed, and the lock goes back."""
    deposed = False

    def lost(held: bool) -> None:
        nonlocal deposed
        deposed = deposed or held

    def check() -> None:
        if deposed:
            raise errors.Deposed("another replica may work on this ADOM now")

    with open_fleet(tmp_path, seed(2), rollout={"maxFailures": 2}) as estate:
        web(estate, "10.1.0.2")
        estate.apply("never")
        to(estate, OPEN)
        world = wiring.make_world(
            estate.path,
            command=features.RUN,
            clock=estate.clock,
            state_dir=estate.folder / "state",
            hooks=lambda ref: Hooks(before_write=check, lock_held=lost),
        )
        tasks = len(estate.unit.world.tasks.all())
        result, _ = make_pass(world)
        assert deposed
        assert not result.outcomes
        assert len(estate.unit.world.tasks.all()) == tasks
        assert estate.unit.world.adoms["prod"].locks == []
        follow(estate, CLOSES)
        assert holding(estate, "10.1.0.2") == fleet.names(2)


def test_who_leaves_gives_the_lock_back_and_the_next_one_tries_again(tmp_path: Path) -> None:
    """The task it takes the lock from fails; that is no failure of the devices."""
    with open_fleet(tmp_path, seed(2, install_s=60), rollout={"maxFailures": 2}) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        leave_in_the_middle(estate)
        assert estate.unit.world.adoms["prod"].locks == []
        assert holding(estate, "10.1.0.2") == []
        seen = follow(estate, CLOSES)
        assert sorted(device for _, devices in seen for device in devices) == fleet.names(2)
        assert holding(estate, "10.1.0.2") == fleet.names(2)


def test_without_workspace_a_task_outlives_who_started_it(tmp_path: Path) -> None:
    """No lock, no harm: the next process watches the same task to its end."""
    unit = {**seed(2, install_s=60), "workspaceMode": "disabled"}
    with open_fleet(tmp_path, unit, rollout={"maxFailures": 2}) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        before = newest(estate)
        leave_in_the_middle(estate)
        follow(estate, CLOSES)
        assert holding(estate, "10.1.0.2") == fleet.names(2)
        assert set(pushes(estate, before).values()) == {1}


def test_a_rest_that_holds_a_lock_ends_when_it_is_time_to_leave() -> None:
    """It is slept through, in slices; what is open then is in the record."""
    clock = ManualClock()
    began = clock.now()
    runs.rest(clock, 20.0, leaving=lambda: False)
    assert clock.now() - began == 20.0
    with pytest.raises(runs.Left):
        runs.rest(clock, 20.0, leaving=lambda: clock.now() - began >= 25.0)
    assert clock.now() - began == 25.0
