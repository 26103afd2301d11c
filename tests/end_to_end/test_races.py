"""What people decide and what becomes of the clock in the middle of a run, at any of its requests;
and several runs at once."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from requests.adapters import HTTPAdapter

from fmgsync import errors
from fmgsync.clock import ManualClock, SystemClock
from fmgsync.passes import once
from fmgsync.passes.result import Result
from fmgsync.wiring import memories, wiring
from tests import tally
from tests.daemon.controllers import made, running
from tests.end_to_end.mixed import ALONE, BEHIND, NIGHTS, Choice, Mixed, open_mixed

Act = Callable[[Mixed], None]
HOUR_S = 3600.0


class At(HTTPAdapter):
    """At one request, before it is sent, something happens; counts what begins after that, where it
    `may_not`."""

    def __init__(
        self, number: float, act: Callable[[], None], may_not: Callable[[], bool] = lambda: True
    ) -> None:
        super().__init__()
        self.number, self._act, self._may_not = number, act, may_not
        self.sent = 0
        self.before: set[str] = set()
        self.after: Counter[str] = Counter()

    def send(self, *arguments: Any, **options: Any) -> Any:
        self.sent += 1
        if self.sent == self.number:
            self._act()
        begun = _begun(arguments[0])
        if begun and self.sent <= self.number:
            self.before.add(begun)
        elif begun and self._may_not():
            self.after[begun] += 1
        return super().send(*arguments, **options)


def _begun(request: Any) -> str:
    """Which install this request begins: of the ADOM, or of a FortiGate that stands alone."""
    if "/api/v2/" in request.url:
        return str(request.url).split("/api")[0] if request.method != "GET" else ""
    asked = json.loads(request.body or "{}")
    urls = [str(param.get("url", "")) for param in asked.get("params") or ()]
    return "push" if any("package/commit" in url for url in urls) else ""


def run(estate: Mixed, box: HTTPAdapter) -> Result | None:
    world = wiring.make_world(
        estate.path,
        command="apply --install window",
        clock=estate.host,
        state_dir=estate.folder / "state",
        transport=lambda access: box,
    )
    try:
        return once.apply(world, install=True)
    except errors.FmgsyncError:
        return None


def stop(estate: Mixed) -> None:
    brake(estate).stop("", "")


def brake(estate: Mixed) -> Any:
    state = estate.folder / "state"
    return memories.make_brake(estate.path, state_dir=state, by="ann", reason="")


def abort(estate: Mixed) -> None:
    estate.steer("abort")


def approve(estate: Mixed) -> None:
    for shown in estate.world("plan").memory.shown():
        estate.approve(shown.digest)


def closes(estate: Mixed) -> None:
    """The clock is set forward out of the window."""
    estate.host.ahead_s += 6 * HOUR_S


def long_ago(estate: Mixed) -> None:
    """The clock is set back to before the window opened."""
    estate.host.ahead_s -= 6 * HOUR_S


@pytest.fixture
def due(tmp_path: Path) -> Callable[..., Any]:
    """Opens estates with one change to bring to each FortiGate, one after the other, by night."""
    numbers = iter(range(10_000))

    def make(workspace: str) -> Any:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return open_mixed(folder, Choice(workspace, nights=True, failures=1))

    return make


RUNS = (
    {"10.1.0.1": "web", "10.1.0.2": "web", "10.2.0.2": "db"},
    {"10.1.0.1": "web", "10.2.0.1": "db"},
)


def begin(estate: Mixed, number: int) -> None:
    """Something else runs than the last time, and the window is open."""
    midnight = 86_400 - estate.clock.now() % 86_400
    estate.clock.sleep(midnight + 1.5 * HOUR_S)
    estate.write_config(install={**estate.config["install"], "windows": [NIGHTS]})
    estate.truth.runs = RUNS[number % 2]
    estate.runs()


def end(estate: Mixed) -> None:
    """Whoever has decided something lets it go on; it becomes as it should."""
    brake(estate).start("", "")
    estate.host.ahead_s = 0.0
    estate.write_config(install={**estate.config["install"], "windows": "always"})
    estate.clock.sleep(130)
    for _ in range(6):
        estate.steer("resume")
        run(estate, HTTPAdapter())
        approve(estate)
        if not estate.exact():
            break
    assert estate.exact() == []
    assert not estate.unit.world.adoms["prod"].locks


EVERY = int(os.environ.get("FMGSYNC_RACES_EVERY", "23"))
MOST: dict[Act, int] = {stop: 0, abort: 1, closes: 0, long_ago: 0, approve: 4}
"""How many FortiGates may begin to be written after the decision; those that had begun are finished
besides. Of a stop and of the clock the last look is right before the request that begins."""


def decide(make: Callable[..., Any], workspace: str, act: Any, every: int, first: int) -> int:
    """At every so many requests of a run, each time in the same estate; how often it was."""
    tried, number, total = 0, first, float("inf")
    with make(workspace) as estate:
        while number <= total:
            begin(estate, tried)
            box = At(number, lambda: act(estate), lambda: _may_not(estate, act))
            run(estate, box)
            places = len(set(box.after) - box.before - {"push"}) + box.after["push"]
            assert places <= MOST[act], f"{act.__name__} at request {number}: {box.after}"
            end(estate)
            total = min(total, box.sent) if box.sent < number else total
            number, tried = number + every, tried + 1
    return tried


def _may_not(estate: Mixed, act: Act) -> bool:
    """After the clock was set a run waits for the next window, and goes on in it."""
    return act not in (closes, long_ago) or not estate.truth.open_at(estate.host.now())


def test_what_is_decided_in_the_middle_counts_for_the_next_fortigate(
    due: Callable[..., Any],
) -> None:
    """Here at a few places; the next test does it at many, or at each."""
    for act, first in ((stop, 30), (closes, 45)):
        assert decide(due, "normal", act, 1000, first)


class Locks(HTTPAdapter):
    """The lock is there, and then something happens."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._act = act

    def send(self, *arguments: Any, **options: Any) -> Any:
        answer = super().send(*arguments, **options)
        if '/workspace/lock"' in str(arguments[0].body):
            self._act()
        return answer


def test_a_window_that_closes_while_the_lock_is_waited_for_leaves_the_adom_as_it_is(
    tmp_path: Path,
) -> None:
    """`before-install`: outside a window the ADOM holds no change that is not installed."""
    with open_mixed(
        tmp_path, Choice("normal", removals="in-window", write="before-install", nights=True)
    ) as estate:
        begin(estate, 0)
        mark = estate.unit.requests.mark()
        run(estate, Locks(lambda: closes(estate)))
        assert estate.unit.requests.locks(since=mark)
        written = [one.urls for one in estate.unit.requests.writing(mark) if one not in
                   estate.unit.requests.locks(since=mark)]  # fmt: skip
        assert [urls for urls in written if any("/pm/" in url for url in urls)] == []
        end(estate)


@pytest.mark.slow
@pytest.mark.parametrize("act", MOST, ids=lambda act: str(act.__name__))
@pytest.mark.parametrize("workspace", ["normal", "disabled"])
def test_at_any_request(due: Callable[..., Any], workspace: str, act: Act) -> None:
    """At one request of `EVERY`, each act at others."""
    first = 1 + list(MOST).index(act) % EVERY
    tally.note("races", decisions_in_the_middle=decide(due, workspace, act, EVERY, first))


@pytest.mark.parametrize("jump_s", [2 * HOUR_S, -30 * HOUR_S])
def test_no_jump_of_the_clock_makes_an_approval_last_longer(tmp_path: Path, jump_s: float) -> None:
    """It is given for an hour: two hours later it is over, whatever happened in between; given by a
    clock that was ahead it does not count at all."""
    with open_mixed(tmp_path, Choice(strict=True)) as estate:
        groups = [{**group, "allowEmpty": False} for group in estate.config["groups"]]
        estate.write_config(groups=groups)
        estate.truth.runs = {"10.2.0.1": "db"}
        estate.runs()
        run(estate, HTTPAdapter())
        assert estate.held("fgt-1", "k8s-web") == {"10.1.0.1"}
        now = estate.host.now()
        memory = estate.world("plan").memory
        for shown in memory.shown():
            memory.approve(shown.digest, who="ann", reason="", now=now, expires_at=now + HOUR_S)
        estate.host.ahead_s += jump_s
        run(estate, HTTPAdapter())
        assert estate.held("fgt-1", "k8s-web") == {"10.1.0.1"}


@pytest.mark.slow
@pytest.mark.parametrize("workspace", ["normal", "disabled"])
def test_two_command_lines_and_a_controller_at_once(tmp_path: Path, workspace: str) -> None:
    """On one ADOM and on FortiGates that stand alone: nothing is installed twice at once, nothing
    is lost, nobody waits for ever."""
    with open_mixed(tmp_path, Choice(workspace)) as estate:
        _in_real_time(estate)
        rounds = 6
        with running(estate, made(estate)) as controller:
            for number in range(rounds):
                estate.truth.runs = {f"10.1.0.{1 + number % 4}": "web", "10.2.0.1": "db"}
                estate.runs()
                threads = [threading.Thread(target=_apply, args=(estate,)) for _ in range(2)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(120)
                    assert not thread.is_alive()
        assert any(record.passes for record in controller.adoms)
        end_of: dict[str, float] = {}
        for task in estate.unit.world.tasks.all():
            for line in task.lines if task.user == "fmgsync" else ():
                assert line.start >= end_of.get(line.name, 0), f"{line.name} twice at once"
                end_of[line.name] = line.end if line.name in BEHIND else 0
        for _ in range(4):
            estate.steer("resume")
            _apply(estate)
            if not estate.exact():
                break
        assert estate.exact() == []
        legacy = {name: estate.held(name, "legacy") for name in ALONE}
        assert set(map(frozenset, legacy.values())) == {frozenset({"10.9.0.1"})}
        assert not estate.unit.world.adoms["prod"].locks
    tally.note("races", runs_side_by_side=2 * rounds, controllers_beside_them=1)


def _in_real_time(estate: Mixed) -> None:
    """A controller lives in real time, so everybody does; installs take none."""
    ahead_s = estate.clock.now() - SystemClock().now()
    assert isinstance(estate.clock, ManualClock)
    for device in estate.unit.world.devices.values():
        device.install_seconds = 0
    estate.unit.world.clock = lambda: SystemClock().now() + ahead_s + 1
    estate.clock = SystemClock()
    estate.write_config(reconcile={"settle": "0s", "minInterval": "0s"})


def _apply(estate: Mixed) -> None:
    world = wiring.make_world(
        estate.path, command="apply --install window", state_dir=estate.folder / "state"
    )
    try:
        once.apply(world, install=True)
    except errors.FmgsyncError:
        return  # whoever comes second may be turned away, and says so
