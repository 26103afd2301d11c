"""A target without stages, locks and mappings: what gates an install gates its writes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fmgsync.clock import ManualClock
from fmgsync.model.target import TargetRef
from fmgsync.passes import incremental, look_ahead, once, rollout_commands
from fmgsync.passes.fleet_roster import Roster
from fmgsync.passes.result import Result
from fmgsync.passes.world import World as World_
from fmgsync.scheduling import machine
from fmgsync.scheduling.rollout import Decision
from fmgsync.scheduling.rollout_record import RolloutRecord
from tests.passes import plain
from tests.passes.plain import World

NIGHT = datetime(2026, 3, 2, 1, tzinfo=UTC).timestamp()
_ONE_BY_ONE = {"reconcile": {"unitsAtOnce": 1}}
NIGHTS = {"kind": "allow", "schedule": "0 1 * * *", "duration": "3h", "devices": ["*"]}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NIGHT - 3600)


def states(result: Result | None) -> dict[str, list[str]]:
    assert result is not None
    return {
        view.target.device: [group.state.value for group in view.groups]
        for each in result.adoms
        for view in each.views
    }


def test_apply_writes_proves_and_has_nothing_left(tmp_path: Path, clock: ManualClock) -> None:
    world = plain.made(tmp_path, clock)
    world.run("10.1.0.5", "10.1.0.6")
    result = world.apply()
    assert {unit.holds() for unit in world.units.values()} == {"10.1.0.5 10.1.0.6"}
    assert states(result) == {f"branch-{n}": ["in sync"] for n in (1, 2, 3)}
    assert result is not None
    assert [sorted(map(str, a.rollout.verified)) for a in result.adoms if a.rollout] == [
        [f"branch-{n}/root"] for n in (1, 2, 3)
    ]
    world.order.clear()
    result = world.apply()
    assert world.order == []
    assert result is not None
    # whoever was looked at first waited for the others to be looked at, and does no more
    assert [each.rollout.waiting for each in result.adoms if each.rollout] == [None] * 3


def test_plan_and_status_show_three_views_and_what_is_pending(
    tmp_path: Path, clock: ManualClock
) -> None:
    world = plain.made(tmp_path, clock, install={**plain.ALWAYS, "windows": [NIGHTS]})
    world.run("10.1.0.5")
    result = once.plan(world.world())
    assert states(result) == {f"branch-{n}": ["write pending"] for n in (1, 2, 3)}
    assert [len(each.survey.pending) for each in result.adoms] == [1, 1, 1]
    (group,) = once.status(world.world()).adoms[0].views[0].groups
    assert (group.adom, group.device_database, group.device) == (None, None, frozenset())
    assert world.order == []


def test_nothing_is_written_outside_a_window(tmp_path: Path, clock: ManualClock) -> None:
    world = plain.made(tmp_path, clock, install={**plain.ALWAYS, "windows": [NIGHTS]})
    world.run("10.1.0.5")
    world.apply()
    assert world.order == []
    clock.sleep(3600)
    world.apply()
    assert {unit.holds() for unit in world.units.values()} == {"10.1.0.5"}


def test_the_canary_of_a_fleet_is_proven_before_anybody_else_is_written(
    tmp_path: Path, clock: ManualClock
) -> None:
    rollout = {"canary": ["branch-3"], "waves": ["34%", "100%"], "maxFailures": "100%"}
    world = plain.made(
        tmp_path, clock, 6, install={"windows": "always", "rollout": {**rollout, "pause": "5m"}}
    )
    world.run("10.1.0.5")
    began = clock.now()
    world.apply()
    written = list(dict.fromkeys(line.split()[0] for line in world.order))
    # 34 % of six are three, the canary among them; the others come after the pause
    assert written[0] == "branch-3"
    assert set(written[1:3]) == {"branch-1", "branch-2"}
    assert set(written) == {f"branch-{n}" for n in range(1, 7)}
    assert clock.now() - began >= 600
    assert {proof.wave for proof in world.record().ledger.proofs} == {0, 1, 2}


def test_a_failed_canary_stops_the_whole_fleet_until_somebody_resumes_it(
    tmp_path: Path, clock: ManualClock
) -> None:
    install = {"windows": "always", "rollout": {"canary": ["branch-2"], "waves": ["100%"]}}
    world = plain.made(tmp_path, clock, install=install)
    world.run("10.1.0.5")
    world.units["branch-2"].refuses = frozenset({"prod_10.1.0.5"})
    result = world.apply()
    assert {line.split()[0] for line in world.order} == {"branch-2"}
    assert result is not None
    held = {a.view.decision.held.reason for a in result.adoms
            if a.view and a.view.decision.held}  # fmt: skip
    assert len(held) == 1
    assert "canary branch-2 failed" in held.pop()

    world.units["branch-2"].refuses = frozenset()
    again = world.world("rollout")
    rollout_commands.resume(again, again.adoms[0].ref)
    world.apply()
    assert {unit.holds() for unit in world.units.values()} == {"10.1.0.5"}


def test_no_more_units_are_at_risk_at_once_than_may_fail(
    tmp_path: Path, clock: ManualClock
) -> None:
    """One of twenty, by the default: the second is not written before the first is proven."""
    world = plain.made(tmp_path, clock, 20, install={"windows": "always", "rollout": {
        "waves": ["100%"]}})  # fmt: skip
    world.run("10.1.0.5")
    for unit in world.units.values():
        unit.refuses = frozenset({"prod_10.1.0.5"})
    world.apply()
    assert len({line.split()[0] for line in world.order}) == 1
    assert len(world.record().ledger.failed) == 1


def test_a_unit_that_is_away_holds_up_nobody_but_itself(tmp_path: Path, clock: ManualClock) -> None:
    world = plain.made(tmp_path, clock, 4)
    world.run("10.1.0.5")
    world.units["branch-2"].away = True
    world.apply()
    assert [unit.holds() for unit in world.units.values()] == [
        "10.1.0.5", "(no group)", "10.1.0.5", "10.1.0.5"]  # fmt: skip
    world.units["branch-2"].away = False
    world.apply()
    assert world.units["branch-2"].holds() == "10.1.0.5"


def test_a_canary_that_is_away_holds_the_fleet(tmp_path: Path, clock: ManualClock) -> None:
    install = {"windows": "always", "rollout": {"canary": ["branch-2"], "waves": ["100%"]}}
    world = plain.made(tmp_path, clock, install=install)
    world.run("10.1.0.5")
    world.units["branch-2"].away = True
    world.apply()
    assert world.order == []


def test_an_urgent_removal_takes_away_and_brings_nothing(
    tmp_path: Path, clock: ManualClock
) -> None:
    install = {**plain.ALWAYS, "windows": [NIGHTS], "removals": "immediately"}
    world = plain.made(tmp_path, clock, install=install)
    clock.sleep(3600)
    world.run("10.1.0.5", "10.1.0.6")
    world.apply()
    clock.sleep(4 * 3600)
    world.order.clear()
    world.run("10.1.0.6", "10.1.0.7")
    world.apply()
    assert {unit.holds() for unit in world.units.values()} == {"10.1.0.6"}
    assert not any("create" in line for line in world.order)
    assert world.record().ledger.attempts == ()
    clock.sleep(20 * 3600)
    world.apply()
    assert {unit.holds() for unit in world.units.values()} == {"10.1.0.6 10.1.0.7"}


def test_the_guard_holds_what_would_empty_a_group(tmp_path: Path, clock: ManualClock) -> None:
    world = plain.made(tmp_path, clock, groups=[{"name": "web", "select": "app == 'web'"}])
    world.run("10.1.0.5")
    world.apply()
    world.order.clear()
    world.run("10.9.0.1", app="db")
    result = world.apply()
    assert world.order == []
    assert states(result) == {f"branch-{n}": ["held"] for n in (1, 2, 3)}


def test_a_fleet_that_was_stopped_starts_nothing(tmp_path: Path, clock: ManualClock) -> None:
    world = plain.made(tmp_path, clock)
    world.run("10.1.0.5")
    steering = world.world("rollout")
    rollout_commands.abort(steering, steering.adoms[0].ref)
    world.apply()
    assert world.order == []


def test_a_retired_group_leaves_every_unit_in_its_window(
    tmp_path: Path, clock: ManualClock
) -> None:
    world = plain.made(tmp_path, clock)
    world.run("10.1.0.5")
    world.apply()
    world.groups, world.more = [], {"guard": {"maxRemovedShare": 1.0, "unlessFewerThan": 100}}
    world.install = {**plain.ALWAYS, "windows": [NIGHTS]}
    world.order.clear()
    held = world.apply()
    assert stale(held) == {"10.1.0.5"}
    world.approve(held)
    assert world.order == []
    clock.sleep(3600)
    done = world.apply()
    assert {unit.holds() for unit in world.units.values()} == {"(no group)"}
    assert stale(done) == set()


def stale(result: Result | None) -> set[str]:
    """What units still let through, of which the rules know nothing any more; the same on all."""
    assert result is not None
    found = [{str(g.address) for v in adom.views for g in v.stale_grants} for adom in result.adoms]
    assert all(each == found[0] for each in found)
    return found[0]


def test_a_unit_that_leaves_its_fleet_at_risk_is_in_nobodys_way(
    tmp_path: Path, clock: ManualClock
) -> None:
    install = {"windows": "always", "rollout": {"waves": ["100%"], "maxFailures": 1}}
    world = plain.made(tmp_path, clock, install=install)
    world.run("10.1.0.5")

    def dies(line: str) -> None:
        if "create" in line:
            world.dies_at = world.requests

    world.heard = dies
    world.apply()
    (name,) = world.record().ledger.at_risk
    world.heard, world.dies_at = plain.nothing, float("inf")
    del world.units[name]
    world.apply()
    assert {unit.holds() for unit in world.units.values()} == {"10.1.0.5"}
    assert world.record().ledger.attempts == ()


def test_of_a_saved_plan_nothing_more_is_written(tmp_path: Path, clock: ManualClock) -> None:
    rollout = {"canary": ["branch-3"], "waves": ["100%"], "pause": "5m", "maxFailures": "100%"}
    world = plain.made(tmp_path, clock, install={"windows": "always", "rollout": rollout})
    world.run("10.1.0.5")
    saved = once.plan(world.world()).digest

    def heard(line: str) -> None:
        if "until" in line:
            world.run("10.1.0.5", "10.1.0.6")

    world.heard = heard
    result = once.apply(world.world(), install=True, digest=saved)
    assert {unit.holds() for unit in world.units.values()} == {"10.1.0.5"}
    assert [each.error for each in result.adoms] == [None] * 3


def test_a_forecast_counts_canary_and_waves_over_the_fleet(
    tmp_path: Path, clock: ManualClock
) -> None:
    rollout = {"canary": ["branch-3"], "waves": ["50%", "100%"], "pause": "5m"}
    world = plain.made(tmp_path, clock, 4, install={"windows": [NIGHTS], "rollout": rollout})
    world.run("10.1.0.5")
    fmgsync = world.world("status")
    until = datetime.fromtimestamp(clock.now() + 86400, UTC)
    found = look_ahead.forecast(fmgsync, once.status(fmgsync), until)
    waves = {str(each.ref): [one.wave for one in each.foreseen] for each in found}
    assert waves == {"branch-1/root": [1], "branch-2/root": [2], "branch-3/root": [0],
                     "branch-4/root": [2]}  # fmt: skip


class Crowded(Roster):
    """Just when it is branch-2's turn somebody else takes the room, and gives it back at once."""

    take: Callable[[], None]
    give: Callable[[], None]
    turns = 0

    def decided(self, ref: TargetRef, candidates: Any, decision: Decision) -> None:
        super().decided(ref, candidates, decision)
        before, self.turns = self.turns, self.turns + ("branch-2" in decision.start)
        if (before, self.turns) == (0, 1):
            self.take()

    def wants_room(self, ref: TargetRef) -> None:
        super().wants_room(ref)
        self.give()
        self.freed()
        self.turns += 1


def test_whoever_was_turned_away_goes_on_once_there_is_room(
    tmp_path: Path, clock: ManualClock
) -> None:
    """Also where the room is there again before it has asked for the last time."""
    world = plain.made(tmp_path, clock, 2, more=_ONE_BY_ONE)
    world.run("10.1.0.5")
    fmgsync = world.world()
    fleet = fmgsync.adoms[0].fleet
    crowded = Crowded(fleet.fleet, fleet.sites)
    now, branch = datetime.fromtimestamp(clock.now(), UTC), frozenset({"branch-1"})
    crowded.take = partial(_noted, fmgsync, machine.Started(branch, None), now)
    crowded.give = partial(_noted, fmgsync, machine.Settled(branch, {}), now)
    works = [replace(work, fleet=crowded) for work in fmgsync.adoms]
    once.apply(replace(fmgsync, adoms=works), install=True)
    assert crowded.turns > 2
    assert {unit.holds() for unit in world.units.values()} == {"10.1.0.5"}


def _noted(fmgsync: World_, event: machine.Event, now: datetime) -> None:
    """Somebody else's pass notes something in the fleet's record."""

    def change(record: RolloutRecord | None) -> RolloutRecord:
        assert record is not None
        return machine.transition(record, event, now)

    fmgsync.installing.rollouts.update(fmgsync.adoms[0].ref, change)


class Watched(Roster):
    """Notes whether somebody else of the fleet could have come in between: its thread would."""

    alone: list[bool]

    def wants_room(self, ref: TargetRef) -> None:
        with ThreadPoolExecutor(1) as others:
            self.alone.append(not others.submit(self._comes_in).result())
        super().wants_room(ref)

    def _comes_in(self) -> bool:
        came_in = self._lock.acquire(blocking=False)
        if came_in:
            self._lock.release()
        return came_in


def test_an_urgent_removal_without_room_cannot_miss_the_call_that_room_is_there(
    tmp_path: Path, clock: ManualClock
) -> None:
    """Between what was decided and the wish to be called nobody gives the room back unheard."""
    install = {**plain.ALWAYS, "windows": [NIGHTS], "removals": "immediately"}
    world = plain.made(tmp_path, clock, 2, install=install, more=_ONE_BY_ONE)
    clock.sleep(3600)
    world.run("10.1.0.5", "10.1.0.6")
    world.apply()
    clock.sleep(4 * 3600)
    world.run("10.1.0.6")
    fmgsync = world.world()
    now = datetime.fromtimestamp(clock.now(), UTC)
    begun = machine.Started(frozenset({"branch-2"}), None)
    _noted(fmgsync, begun, now)
    watched = Watched(fmgsync.adoms[0].fleet.fleet, fmgsync.adoms[0].fleet.sites)
    watched.alone = []
    works = [replace(work, fleet=watched) for work in fmgsync.adoms]
    once.apply(replace(fmgsync, adoms=works), install=True)
    assert watched.alone
    assert all(watched.alone)
    assert {unit.holds() for unit in world.units.values()} == {"10.1.0.6"}


@pytest.mark.parametrize(
    ("step", "more"),
    [
        (9, _ONE_BY_ONE),
        pytest.param(1, _ONE_BY_ONE, marks=pytest.mark.slow),
        pytest.param(1, {}, marks=pytest.mark.slow),
    ],
)
def test_killed_between_any_two_requests_the_next_run_converges(
    tmp_path: Path, clock: ManualClock, step: int, more: dict[str, Any]
) -> None:
    """At risk before the first write, and never more of them than may fail. One unit after the
    other, a number is the same place each time; also with the units side by side."""
    calm = plain.made(tmp_path / "calm", clock, install=_TWO_AT_ONCE, more=more)
    requests = _story(calm)
    for dies_at in range(1, requests + 2, step):
        folder = tmp_path / str(dies_at)
        world = plain.made(folder, clock, install=_TWO_AT_ONCE, more=more)
        _begun(world)
        world.requests, world.dies_at = 0, dies_at
        world.apply()
        touched = {line.split()[0] for line in world.order}
        ledger = world.record().ledger
        assert touched <= ledger.at_risk | ledger.proven, dies_at
        assert len(ledger.at_risk) <= 1, dies_at
        world.dies_at = float("inf")
        world.apply()
        assert {unit.holds() for unit in world.units.values()} == {"10.1.0.6 10.1.0.7"}, dies_at
        assert world.record().ledger.attempts == (), dies_at


_TWO_AT_ONCE = {"windows": "always", "rollout": {"waves": ["50%", "100%"], "pause": "0s"}}


def _begun(world: World) -> None:
    world.folder.mkdir(exist_ok=True)
    world.run("10.1.0.5", "10.1.0.6")
    world.apply()
    world.run("10.1.0.6", "10.1.0.7")
    world.order.clear()


def _story(world: World) -> int:
    _begun(world)
    world.requests = 0
    world.apply()
    return world.requests


def test_passes_of_a_controller_call_the_one_whose_turn_it_is(
    tmp_path: Path, clock: ManualClock
) -> None:
    """Each unit has passes of its own; nobody asks a unit that has nothing to do in vain."""
    rollout = {"canary": ["branch-4"], "waves": ["50%", "100%"], "maxFailures": 1, "pause": "0s"}
    world = plain.made(tmp_path, clock, 6, install={"windows": "always", "rollout": rollout})
    world.run("10.1.0.5")
    fmgsync = world.world("run")
    due = [work.ref for work in fmgsync.adoms]
    passes = {
        work.ref: incremental.Passes(lambda: fmgsync, work, install=True) for work in fmgsync.adoms
    }
    for work in fmgsync.adoms:
        work.fleet.listen(due.append)
    made = 0
    while due:
        made += 1
        assert made < 40
        result = passes[due.pop(0)].make(once.read_workloads(fmgsync), None)
        assert result.error is None
        if result.rollout is not None and result.rollout.goes_on_at is not None:
            due.append(result.ref)
    written = list(dict.fromkeys(line.split()[0] for line in world.order))
    assert written[0] == "branch-4"
    assert {unit.holds() for unit in world.units.values()} == {"10.1.0.5"}
    assert len(world.record().ledger.proofs) == 6


def test_units_of_a_fleet_are_talked_to_side_by_side(tmp_path: Path, clock: ManualClock) -> None:
    """All are being asked before the first has answered: a slow one holds up nobody."""
    world = plain.made(tmp_path, clock, 8)
    world.run("10.1.0.5")
    all_there = threading.Barrier(8, timeout=60)
    met: set[str] = set()

    def heard(line: str) -> None:
        name = threading.current_thread().name
        if name.startswith("pass") and name not in met:
            met.add(name)
            all_there.wait()

    world.heard = heard
    once.plan(world.world())
    assert len(met) == 8


def test_a_removal_waits_for_no_rollout(tmp_path: Path, clock: ManualClock) -> None:
    """A pod dies in the middle of a fleet's pause: its address leaves the units that wait."""
    world = plain.made(tmp_path, clock)
    world.run("10.1.0.5", "10.1.0.6")
    world.apply()
    rollout = {"canary": ["branch-1"], "waves": ["100%"], "pause": "1h"}
    world.install = {"windows": "always", "rollout": rollout, "removals": "immediately"}
    world.groups = [{**world.groups[0], "select": "app in {'web'}"}]  # other rules: a canary again
    world.run("10.1.0.5", "10.1.0.6", "10.1.0.7")
    died: list[float] = []
    left: dict[str, float] = {}

    def heard(line: str) -> None:
        if "until" in line and not died:
            died.append(clock.now())
            world.run("10.1.0.6", "10.1.0.7")
        for name, unit in world.units.items():
            if died and "10.1.0.5" not in unit.holds():
                left.setdefault(name, clock.now() - died[0])

    world.heard = heard
    world.apply()
    assert {unit.holds() for unit in world.units.values()} == {"10.1.0.6 10.1.0.7"}
    assert len(left) == 3
    assert max(left.values()) <= 61  # a one-shot run looks every minute
