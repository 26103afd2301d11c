"""How long a removal and a write wait while a rollout of many batches goes on.

The passes are made as a controller makes them: when they ask for it themselves, or when what runs
has changed and settled. Each is made by a new process, as far as anything kept in memory goes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.daemon.pace import Pace, Rhythm, next_pass_at
from fmgsync.settings import features
from fmgsync.targets.hooks import Hooks
from fmgsync.wiring import wiring
from tests.end_to_end import fleet
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import Agenda, holding, open_fleet, seed, to, web
from tests.passes.worlds import make_pass, world_of

OPENS = datetime(2026, 3, 2, 1, tzinfo=UTC)
BATCH_S = 240.0
SETTLE_S = 5.0
SLACK_S = 30.0
"""For locking, polling and proving; a FortiManager at work is polled every few seconds."""
MODES = ("disabled", "normal")


def minutes(count: float) -> float:
    return OPENS.timestamp() + 60 * count


@contextmanager
def open_night(
    folder: Path, devices: int, install_s: float, *, mode: str = "disabled", **install: Any
) -> Iterator[Estate]:
    """Tonight a new address goes to all devices but the last, which is in no window."""
    unit = {**seed(devices, install_s=install_s), "workspaceMode": mode}
    nights = {**fleet.NIGHTS, "devices": fleet.names(devices)[:-1]}
    settings: dict[str, Any] = {"rollout": {"maxFailures": 1}, **install}
    with open_fleet(folder, unit, clock=Agenda(), **settings) as estate:
        estate.config["install"]["windows"] = [nights]
        estate.write_config()
        web(estate, "10.1.0.1", "10.1.0.2")
        to(estate, OPENS)
        yield estate


class Watching:
    """What runs, as a controller hears of it: each change is noted when it happens."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.changed_at: float | None = None

    def at(self, minute: float, action: Callable[[], object]) -> None:
        """Let something happen so many minutes after the window opened."""
        assert isinstance(self.estate.clock, Agenda)
        self.estate.clock.plan(minutes(minute), action)

    def web(self, minute: float, *ips: str) -> None:
        """Let exactly these pods run from then on."""

        def change() -> None:
            web(self.estate, *ips)
            self.changed_at = self.estate.clock.now()

        self.at(minute, change)

    def seen(self, minute: float, look: Callable[[], object]) -> list[object]:
        """What `look` finds at that time."""
        found: list[object] = []
        self.at(minute, lambda: found.append(look()))
        return found

    def run(self, until: float, world: Callable[[], Any] | None = None) -> None:
        """Passes until so many minutes after the opening."""
        clock, ends_at = self.estate.clock, minutes(until)
        while clock.now() < ends_at:
            self.changed_at = None
            result, wake = make_pass(world() if world else world_of(self.estate))
            assert result.error is None, result.error
            goes_on_at = result.rollout.goes_on_at if result.rollout else None
            if goes_on_at is not None and goes_on_at <= clock.now():
                continue
            due = min(wake or ends_at, ends_at)
            while clock.now() < self._wakes(due):
                clock.sleep(1.0)

    def _wakes(self, due: float) -> float:
        """What changes meanwhile wakes it earlier, once it has settled."""
        return due if self.changed_at is None else min(due, self.changed_at + SETTLE_S)


def urgent_lane(estate: Estate) -> set[str]:
    """What the last device holds."""
    return set(estate.on_device(fleet.names(len(devices(estate)))[-1], fleet.GROUP) or ())


def devices(estate: Estate) -> list[str]:
    (site,) = estate.config["sites"]
    found: list[str] = site["devices"]
    return found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "patient",
    [pytest.param(False, id="run"), pytest.param(True, id="apply", marks=pytest.mark.slow)],
)
def test_the_bound_holds_on_the_most_ordinary_night(
    tmp_path: Path, mode: str, *, patient: bool
) -> None:
    """Twenty devices of four minutes each, one after the other; a pod dies at 01:05, and at 01:20
    its address is off the device that has no window tonight."""
    removals = {"within": "15m"}
    with open_night(tmp_path, 21, BATCH_S, mode=mode, removals=removals) as estate:
        watching = Watching(estate)
        watching.web(5, "10.1.0.2")
        before = watching.seen(5, lambda: urgent_lane(estate))
        found = watching.seen(20, lambda: urgent_lane(estate))
        if patient:
            estate.apply("window")
        else:
            watching.run(25)
        assert before == [{"10.1.0.1"}]
        assert found == [{"0.0.0.0"}]


@pytest.mark.parametrize("mode", MODES)
def test_an_immediate_removal_waits_for_one_batch(tmp_path: Path, mode: str) -> None:
    with open_night(tmp_path, 7, BATCH_S, mode=mode, removals="immediately") as estate:
        watching = Watching(estate)
        watching.web(1, "10.1.0.2")
        # The batch that runs, then its own install.
        found = watching.seen(1 + (2 * BATCH_S + SLACK_S) / 60, lambda: urgent_lane(estate))
        watching.run(12)
        assert found == [{"0.0.0.0"}]
        assert len(holding(estate, "10.1.0.2")) >= 1


@pytest.mark.parametrize("mode", MODES)
def test_a_new_pod_is_in_the_adom_after_one_batch(tmp_path: Path, mode: str) -> None:
    with open_night(tmp_path, 5, BATCH_S, mode=mode) as estate:
        watching = Watching(estate)
        watching.web(1, "10.1.0.1", "10.1.0.2", "10.1.0.3")
        late = 1 + (BATCH_S + SETTLE_S + SLACK_S) / 60
        found = watching.seen(late, lambda: estate.object("address", "prod_10.1.0.3") is not None)
        watching.run(25)
        assert found == [True]
        assert len(holding(estate, "10.1.0.1", "10.1.0.2", "10.1.0.3")) == 4


def test_a_pause_in_an_open_window_lets_nothing_last_longer(tmp_path: Path) -> None:
    """The second wave waits for two hours; what has to go from its devices does not."""
    rollout = {"canary": ["fgt-1"], "waves": ["100%"], "pause": "2h", "maxFailures": 1}
    removals = {"within": "15m"}
    with open_night(tmp_path, 3, 30.0, rollout=rollout, removals=removals) as estate:
        watching = Watching(estate)
        watching.web(5, "10.1.0.2")

        def still_there() -> list[str]:
            members = {
                name: estate.on_device(name, fleet.GROUP) or set() for name in devices(estate)
            }
            return [name for name, held in members.items() if "10.1.0.1" in held]

        before, after = watching.seen(5, still_there), watching.seen(20, still_there)
        watching.run(25)
        assert before == [fleet.names(3)]
        assert after == [[]]


def test_a_foreign_lock_between_two_batches_is_waited_for(tmp_path: Path) -> None:
    with open_night(tmp_path, 4, BATCH_S, mode="normal") as estate:
        watching, human = Watching(estate), estate.unit.console("admin")

        def lock() -> None:
            if estate.unit.world.adoms["prod"].locks == []:
                human.lock("prod")
            else:
                watching.at((estate.clock.now() - minutes(0)) / 60 + 0.02, lock)

        watching.at(3, lock)
        watching.at(9, lambda: human.unlock("prod"))
        watching.run(30)
        assert holding(estate, "10.1.0.1", "10.1.0.2") == fleet.names(3)


def test_a_stop_between_two_batches_is_heard(tmp_path: Path) -> None:
    """Who is told to stop starts no further batch; the next process goes on."""
    with open_night(tmp_path, 4, BATCH_S, mode="normal") as estate:
        stopped = False

        def stop() -> None:
            nonlocal stopped
            stopped = True

        watching = Watching(estate)
        watching.at(1, stop)
        result, _ = make_pass(world_of(estate, stopping=lambda: stopped))
        assert holding(estate, "10.1.0.1", "10.1.0.2") == ["fgt-1"]
        assert result.rollout is not None
        result, _ = make_pass(world_of(estate, stopping=lambda: stopped))
        assert holding(estate, "10.1.0.1", "10.1.0.2") == ["fgt-1"]
        watching.run(30)
        assert holding(estate, "10.1.0.1", "10.1.0.2") == fleet.names(3)


@pytest.mark.parametrize("mode", MODES)
def test_a_lease_that_is_lost_between_two_batches_goes_to_another(
    tmp_path: Path, mode: str
) -> None:
    """What one replica has begun the other one counts; nothing is installed twice."""
    with open_night(tmp_path, 4, BATCH_S, mode=mode) as estate:

        def check() -> None:
            if holding(estate, "10.1.0.1", "10.1.0.2"):
                raise errors.Deposed("another replica may work on this ADOM now")

        first = wiring.make_world(
            estate.path,
            command=features.RUN,
            clock=estate.clock,
            state_dir=estate.folder / "state",
            hooks=lambda ref: Hooks(before_write=check),
        )
        make_pass(first)
        result, _ = make_pass(first)
        assert result.rollout is not None
        assert not result.rollout.outcomes
        Watching(estate).run(30)
        assert holding(estate, "10.1.0.1", "10.1.0.2") == fleet.names(3)
        assert order(estate) == fleet.names(3)


def order(estate: Estate) -> list[str]:
    """The devices in the order in which installs were started there."""
    lines = (estate.folder / "state" / "audit.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    return [line["device"] for line in events if line["event"] == "install"]


def test_a_rule_that_changes_between_two_batches_begins_at_the_canary(tmp_path: Path) -> None:
    """A reload changes the rules; what was proven is proven for the old ones only."""
    rollout = {"canary": ["fgt-1"], "waves": ["100%"], "pause": "0s", "maxFailures": 1}
    with open_night(tmp_path, 4, BATCH_S, rollout=rollout) as estate:
        watching = Watching(estate)
        group = {"name": "k8s-web", "select": "app in {'web', 'shop'}"}
        watching.at(6, lambda: estate.write_config(groups=[group]))
        watching.web(6, "10.1.0.2", "10.1.0.3")
        watching.run(40, lambda: world_of(estate))
        assert order(estate) == ["fgt-1", "fgt-2", "fgt-1", "fgt-2", "fgt-3"]
        assert holding(estate, "10.1.0.2", "10.1.0.3") == fleet.names(3)


def test_the_time_between_two_writes_is_no_time_between_two_batches() -> None:
    """A workspace ADOM is left to people for thirty seconds; a rollout that stepped aside for a
    write or a removal goes on at once."""
    workspace = Pace(min_interval_s=30.0)
    rests = Rhythm().ended(1000.0, failed=False)
    assert next_pass_at(workspace, rests.changed(1001.0)) == 1030.0
    goes_on = Rhythm().ended(1000.0, failed=False, wake_at=1000.0, goes_on_at=1000.0)
    assert next_pass_at(workspace, goes_on) == 1000.0
