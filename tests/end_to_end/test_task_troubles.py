"""Everything that can become of an install task, over HTTP: each device keeps its own answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fmgsync.model.rollout import Outcome
from fmgsync.passes.result import Result
from fmgsync.scheduling.rollout import HoldKind
from tests.end_to_end import fleet
from tests.end_to_end.edits import INSTALL_S, TOGETHER, due
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import (
    OPEN,
    during,
    holding,
    report,
    verified,
)

IN_THE_MIDDLE_S = 25.0


def outcomes(result: Result) -> dict[str, Outcome]:
    return {each.target.device: each.outcome for each in report(result).outcomes}


def attempts(estate: Estate) -> dict[str, str]:
    """The devices that the ledger counts as at risk, with why."""
    text = (estate.folder / "state" / "rollouts.json").read_text()
    (rollout,) = json.loads(text)["rollouts"]
    return {each["device"]: each.get("detail", "") for each in rollout.get("attempts", [])}


def test_a_frozen_device_has_a_deadline_of_its_own(tmp_path: Path) -> None:
    with due(tmp_path) as estate:
        estate.unit.fortigate("fgt-2").freeze_installs()
        result = estate.apply("window")
        assert sorted(verified(result)) == ["fgt-1", "fgt-3"]
        assert outcomes(result)["fgt-2"] is Outcome.FROZEN
        assert list(report(result).failures) == ["fgt-2"]
        assert list(attempts(estate)) == ["fgt-2"]
        assert estate.unit.world.adoms["prod"].locks == []


def test_while_a_frozen_task_stands_the_next_wave_is_not_put_at_risk(tmp_path: Path) -> None:
    """What becomes of a second install in the ADOM is not known: the task is named and waited for.
    When it is gone, and a person says so, all go on."""
    with due(tmp_path) as estate:
        waves = {**TOGETHER, "waves": [1, "100%"]}
        estate.write_config(install={**estate.config["install"], "rollout": waves})
        estate.unit.fortigate("fgt-1").freeze_installs()
        result = estate.apply("window")
        assert outcomes(result) == {"fgt-1": Outcome.FROZEN}
        assert list(attempts(estate)) == ["fgt-1"]
        assert "is still running" in (report(result).waiting or "")
        delete_newest(estate)
        assert sorted(verified(estate.apply("window"))) == ["fgt-2", "fgt-3"]


class Killed(BaseException):
    """The process is gone."""


def kill() -> None:
    raise Killed


def left_behind(estate: Estate) -> None:
    """A run that died while all are installed, of which `fgt-2` will never come to an end."""
    estate.unit.fortigate("fgt-2").freeze_installs()
    during(estate, IN_THE_MIDDLE_S, kill)
    with pytest.raises(Killed):
        estate.apply("window")
    assert sorted(attempts(estate)) == fleet.names(3)


def test_a_frozen_device_of_a_killed_run_has_its_deadline_too(tmp_path: Path) -> None:
    with due(tmp_path, workspaceMode="disabled") as estate:
        left_behind(estate)
        result = estate.apply("window")
        assert list(report(result).failures) == ["fgt-2"]
        assert list(attempts(estate)) == ["fgt-2"]
        assert sorted(holding(estate, "10.1.0.2")) == ["fgt-1", "fgt-3"]
        assert estate.clock.now() < OPEN.timestamp() + 3600


def test_who_waits_for_the_task_of_a_killed_run_may_be_told_to_stop(tmp_path: Path) -> None:
    """What it would have found out is left to the next run: nothing is judged, nothing started."""
    with due(tmp_path, workspaceMode="disabled") as estate:
        left_behind(estate)
        stops_at = estate.clock.now() + 60
        result = estate.apply("window", stopping=lambda: estate.clock.now() >= stops_at)
        assert report(result).outcomes == []
        assert sorted(attempts(estate)) == fleet.names(3)
        assert estate.clock.now() < stops_at + 60


def test_one_device_may_fail_while_the_others_are_verified(tmp_path: Path) -> None:
    with due(tmp_path, switches={"unreachableInstallFails": True}) as estate:
        during(estate, 5, estate.unit.fortigate("fgt-2").go_offline)
        result = estate.apply("window")
        assert sorted(verified(result)) == ["fgt-1", "fgt-3"]
        assert outcomes(result)["fgt-2"] is Outcome.FAILED
        assert "tunnel" in report(result).failures["fgt-2"]


def test_a_task_that_somebody_deletes_is_asked_of_the_devices(tmp_path: Path) -> None:
    """Cancelled in the middle: whoever was not reached yet counts as failed, not as untouched."""
    with due(tmp_path) as estate:
        during(estate, IN_THE_MIDDLE_S, lambda: delete_newest(estate))
        result = estate.apply("window")
        assert set(outcomes(result).values()) == {Outcome.BROKEN_OFF}
        assert verified(result) == []
        assert sorted(report(result).failures) == fleet.names(3)
        assert all("differs" in why for why in report(result).failures.values())
        assert sorted(attempts(estate)) == fleet.names(3)


def newest(estate: Estate) -> int:
    return max(task.id for task in estate.unit.world.tasks.all())


def delete_newest(estate: Estate) -> None:
    estate.unit.console("admin").call("delete", f"/task/task/{newest(estate)}", None)


def test_a_task_that_disappears_is_asked_of_the_devices(tmp_path: Path) -> None:
    with due(tmp_path) as estate:
        during(estate, IN_THE_MIDDLE_S, estate.unit.world.tasks.clear)
        result = estate.apply("window")
        assert set(outcomes(result).values()) == {Outcome.MISSING}
        # The push went on although its task was off the list.
        assert sorted(verified(result)) == fleet.names(3)
        assert attempts(estate) == {}


def test_a_fortimanager_that_restarts_leaves_no_device_unjudged(tmp_path: Path) -> None:
    with due(tmp_path) as estate:
        during(estate, IN_THE_MIDDLE_S, estate.unit.world.fail_over)
        mark = estate.unit.requests.mark()
        result = estate.apply("window")
        assert verified(result) == []
        assert sorted(attempts(estate)) == fleet.names(3)
        # Nothing is pushed again before somebody has looked.
        assert report(estate.apply("window")).outcomes == []
        calls = [url for each in estate.unit.requests.installs(mark) for url in each.urls]
        assert sum("package/commit" in url for url in calls) == 1


def test_what_somebody_else_has_installed_is_not_installed_again(tmp_path: Path) -> None:
    with due(tmp_path) as estate:
        estate.write_config(install={**estate.config["install"], "foreignChanges": "allow"})
        estate.apply("never")
        estate.install_by_hand()
        before = newest(estate)
        result = estate.apply("window")
        assert report(result).outcomes == []
        assert report(result).failures == {}
        assert holding(estate, "10.1.0.2") == fleet.names(3)
        assert newest(estate) == before


def test_a_device_that_settles_slowly_is_asked_again(tmp_path: Path) -> None:
    with due(tmp_path) as estate:
        gate = estate.unit.fortigate("fgt-2")
        during(estate, INSTALL_S + 1, gate.fall_silent)
        during(estate, INSTALL_S + 12, gate.come_back)
        result = estate.apply("window")
        assert sorted(verified(result)) == fleet.names(3)
        assert attempts(estate) == {}


def test_unreachable_and_drifted_are_two_answers(tmp_path: Path) -> None:
    with due(tmp_path) as estate:
        gates = {name: estate.unit.fortigate(name) for name in fleet.names(3)}
        gates["fgt-1"].refuse("firewall addrgrp", fleet.GROUP)
        over = estate.clock.now() + INSTALL_S

        def meanwhile(entry: Any) -> None:
            """It took the install, and says nothing when it is asked what it holds."""
            if estate.clock.now() >= over and entry.urls[0].endswith("/unlock"):
                gates["fgt-2"].fall_silent()

        estate.unit.requests.follow = meanwhile
        result = estate.apply("window")
        estate.unit.requests.follow = None
        assert verified(result) == ["fgt-3"]
        why = report(result).failures
        assert why["fgt-1"].startswith("differs: the device answered with other members")
        assert why["fgt-2"].startswith("unreachable: ")
        # Who answers rightly later was at risk for nothing.
        gates["fgt-2"].come_back()
        assert report(estate.apply("window")).failures == {}
        assert list(attempts(estate)) == ["fgt-1"]


class Stop:
    """Ctrl-C, pressed at some time."""

    def __init__(self) -> None:
        self.pressed = False

    def press(self) -> None:
        self.pressed = True

    def __call__(self) -> bool:
        return self.pressed


def test_ctrl_c_watches_to_its_end_what_is_being_pushed(tmp_path: Path) -> None:
    with due(tmp_path) as estate:
        estate.write_config(
            install={**estate.config["install"], "rollout": {**TOGETHER, "waves": [2, "100%"]}}
        )
        stop = Stop()
        during(estate, IN_THE_MIDDLE_S, stop.press)
        result = estate.apply("window", stopping=stop)
        assert sorted(verified(result)) == ["fgt-1", "fgt-2"]
        assert holding(estate, "10.1.0.2") == ["fgt-1", "fgt-2"]
        assert attempts(estate) == {}
        assert verified(estate.apply("window")) == ["fgt-3"]


@pytest.mark.parametrize("how", ["ctrl-c", "abort"])
def test_stopped_while_it_is_looked_at_nothing_is_pushed(tmp_path: Path, how: str) -> None:
    """Between the preview and the push somebody says no."""
    with due(tmp_path) as estate:
        stop = Stop()
        press = stop.press if how == "ctrl-c" else lambda: estate.steer("abort")
        estate.unit.requests.follow = lambda entry: (
            press() if any("install/preview" in url for url in entry.urls) else None
        )
        mark = estate.unit.requests.mark()
        result = estate.apply("window", stopping=stop)
        calls = [url for each in estate.unit.requests.installs(mark) for url in each.urls]
        assert not any("package/commit" in url for url in calls)
        assert report(result).outcomes == []
        assert holding(estate, "10.1.0.1") == fleet.names(3)
        assert attempts(estate) == {}
        if how == "abort":
            decision = report(result).decision
            assert decision is not None
            assert decision.held is not None
            assert decision.held.kind is HoldKind.HALTED


@pytest.mark.parametrize("overrun", ["finish", "stop"])
def test_a_window_that_closes_while_it_is_looked_at_lets_nothing_start(
    tmp_path: Path, overrun: str
) -> None:
    with due(tmp_path) as estate:
        estate.write_config(install={**estate.config["install"], "overrun": overrun})
        closes = OPEN.replace(hour=4, minute=0).timestamp()
        estate.unit.requests.follow = lambda entry: (
            estate.clock.sleep(max(0.0, closes - estate.clock.now()))
            if any("preview/result" in url for url in entry.urls)
            else None
        )
        result = estate.apply("window")
        assert report(result).outcomes == []
        assert holding(estate, "10.1.0.1") == fleet.names(3)
        assert attempts(estate) == {}


def test_what_has_not_begun_is_cancelled_when_stopped(tmp_path: Path) -> None:
    """The unit lets our install wait for another one: then nothing has reached a device yet."""
    with due(tmp_path, workspaceMode="disabled") as estate:
        stop, looks = Stop(), 0

        def meanwhile(entry: Any) -> None:
            """Somebody else's install begins after the last look at the task list."""
            nonlocal looks
            if "preview/result" in entry.urls[0]:
                looks = 1
            elif looks and "/task/task" in entry.urls:
                looks -= 1
                if not looks:
                    scope = [{"name": "fgt-1", "vdom": "root"}]
                    data = {"adom": "prod", "pkg": fleet.PACKAGE, "scope": scope}
                    console = estate.unit.console("admin")
                    console.call("exec", "/securityconsole/install/package", data)

        estate.unit.requests.follow = meanwhile
        during(estate, 10, stop.press)
        result = estate.apply("window", stopping=stop)
        assert set(outcomes(result).values()) == {Outcome.CANCELLED}
        assert attempts(estate) == {}
        assert report(result).failures == {}
        estate.clock.sleep(600)
        assert holding(estate, "10.1.0.2") == ["fgt-1"]
