"""A clock that was a day ahead, and is right again: what it has left is named, never waited for.

By then fmgsync's clock is right, and FortiManager's always was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import main
from fmgsync.clock import Clock, SystemClock
from fmgsync.daemon import announcements
from fmgsync.doctor import doctor
from fmgsync.passes import wrong_clock
from fmgsync.passes.result import Result
from fmgsync.wiring import checkups
from tests import builders
from tests.end_to_end import seen
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.fleet import OPEN, holding, open_fleet, seed, to, web

DAY = timedelta(days=1).total_seconds()


class Ahead:
    """A clock that is a day ahead of another."""

    def __init__(self, right: Clock) -> None:
        self._right = right

    def now(self) -> float:
        """UTC epoch seconds, of tomorrow."""
        return self._right.now() + DAY

    def steady(self) -> float:
        """Nobody sets that one."""
        return self._right.steady()

    def sleep(self, seconds: float) -> None:
        """Wait that long."""
        self._right.sleep(seconds)


@contextmanager
def a_day_ahead(estate: Estate) -> Iterator[None]:
    """What is done here is done by the clock of tomorrow."""
    right = estate.clock
    estate.clock = Ahead(right)
    yield
    estate.clock = right


def approve(estate: Estate) -> None:
    """A person lets a group become empty."""
    estate.run("east", builders.pod("db-2", "10.1.0.9", labels={"app": "db"}))
    (hold,) = seen.held(estate.plan())
    with a_day_ahead(estate):
        estate.approve(hold.digest)


def lose_a_pod(estate: Estate) -> None:
    """A device still lets a pod through that is gone."""
    estate.status()
    web(estate, "10.1.0.2")
    with a_day_ahead(estate):
        estate.status()


def write(estate: Estate) -> None:
    """The guard adds up what is written."""
    web(estate, "10.1.0.1", "10.1.0.2")
    with a_day_ahead(estate):
        estate.apply("never")


def install(estate: Estate) -> None:
    """An install, proven by the wrong clock."""
    web(estate, "10.1.0.2")
    estate.apply("never")
    with a_day_ahead(estate):
        estate.apply("now", reason="at once")


KINDS: dict[str, Callable[[Estate], None]] = {
    "the approval of": approve,
    "since when": lose_a_pod,
    "what the guard adds up": write,
    "the proof of fgt-1": install,
}


def told(result: Result) -> list[str]:
    """What plan or status says of times."""
    return sorted({one.message for one in seen.findings(result, wrong_clock.CLOCK)})


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_named_by_whoever_looks(tmp_path: Path, kind: str) -> None:
    with open_fleet(tmp_path, seed(1)) as estate:
        KINDS[kind](estate)
        memories = checkups.make_memories(estate.path, estate.folder / "state", estate.clock)
        checked = [one.message for one in doctor.check_state(memories)]
        planned, stood = estate.plan(), estate.status()
        for sentences in (checked, told(planned), told(stood)):
            assert any(kind in one and "lies ahead" in one for one in sentences), sentences
        (adom,) = stood.adoms
        notices = [one.message for one in announcements.notices(adom) if one.reason == "ClockWrong"]
        assert any(kind in one for one in notices)


def test_an_approval_of_tomorrow_lets_nothing_through_until_it_is_given_again(
    tmp_path: Path,
) -> None:
    with open_fleet(tmp_path, seed(1)) as estate:
        approve(estate)
        assert len(seen.held(estate.apply("never"))) == 1
        (hold,) = seen.held(estate.plan())
        estate.approve(hold.digest)
        assert not seen.held(estate.apply("never"))


def test_a_grant_that_is_stale_since_tomorrow_is_overdue(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(1), removals={"within": "15m"}) as estate:
        lose_a_pod(estate)
        estate.apply("window")
        assert holding(estate, "10.1.0.1") == []
        assert not told(estate.status()), "it was put right"


def test_a_pause_that_began_tomorrow_begins_now(tmp_path: Path) -> None:
    rollout = {"canary": ["fgt-1"], "waves": ["100%"], "pause": "2m"}
    with open_fleet(tmp_path, seed(2), rollout=rollout) as estate:
        to(estate, OPEN)
        web(estate, "10.1.0.2")
        with a_day_ahead(estate):
            estate.apply("window")
        web(estate, "10.1.0.3")
        estate.apply("window")
        assert holding(estate, "10.1.0.3") == ["fgt-1", "fgt-2"]


def hosts(estate: Estate, count: int) -> None:
    """So many pods."""
    web(estate, *(f"10.1.0.{number}" for number in range(1, count + 1)))


def test_what_the_guard_noted_tomorrow_is_waited_for_as_long_as_its_period(tmp_path: Path) -> None:
    """Not until somebody approves, or another change is written."""
    with open_fleet(tmp_path, seed(1)) as estate:
        hosts(estate, 9)
        estate.apply("never")
        estate.clock.sleep(7200)
        hosts(estate, 10)
        with a_day_ahead(estate):
            estate.apply("never")
        hosts(estate, 20)
        for _ in range(2):
            (hold,) = seen.held(estate.apply("never"))
            assert "not remembered" in hold.message
            estate.clock.sleep(1790)
        assert seen.held(estate.plan())
        estate.clock.sleep(20)
        assert not seen.held(estate.apply("never"))
        assert len(estate.mapped("k8s-web")["fgt-1"]) == 20
        assert not told(estate.status())


def test_doctor_reads_what_is_remembered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_estate(tmp_path, default_seed(install_s=0), clock=SystemClock()) as estate:
        estate.run("east", *(seen.web("10.1.0", number) for number in range(1, 9)))
        estate.run("west")
        with a_day_ahead(estate):
            estate.apply("never")
        arguments = ["doctor", "-c", str(estate.path), "--state-dir", str(tmp_path / "state")]
        capsys.readouterr()
        main.run([*arguments, "-o", "json"])
        rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
        (row,) = [row for row in rows if row["check"] == "state"]
        assert row["level"] == "warning"
        (tmp_path / "state" / "guard.json").write_text("{", encoding="utf-8")
        assert main.run([*arguments, "-o", "json"]) == 1
        rows = json.loads(capsys.readouterr().out)["findings"]
        (row,) = [row for row in rows if row["check"] == "state"]
        assert (row["level"], "damaged" in row["message"]) == ("failure", True)
