"""`fmgsync stop`: whatever lane, nothing more is written or installed until `fmgsync start`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.daemon import cluster_feeds
from fmgsync.model.stop import Stop
from fmgsync.passes import once
from tests import builders
from tests.daemon.controllers import running, until
from tests.end_to_end import fleet
from tests.end_to_end.branches import open_branches
from tests.end_to_end.estate import UNATTENDED, Estate, default_seed, open_estate
from tests.end_to_end.fleet import Agenda, holding, open_fleet, seed, to, web

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Three FortiGates on the computer's clock, always open; an address waits to be let through."""
    rollout = {"waves": ["100%"], "pause": "0s", "maxFailures": "100%"}
    unit = seed(3, install_s=0)
    with open_fleet(tmp_path, unit, clock=SystemClock(), windows="always", rollout=rollout) as made:
        web(made, "10.1.0.1", "10.1.0.2")
        yield made


def changing(estate: Estate, mark: int) -> list[str]:
    """Requests that changed the ADOM or started an install, since then."""
    return [
        url
        for entry in estate.unit.requests.writing(mark)
        for url in entry.urls
        if entry.install or url.startswith("/pm/config/adom")
    ]


LANES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "in the window": (("apply",), {}),
    "at once, whatever the windows say": (("apply", "--install", "now"), {}),
    "deny windows put aside": (("apply", "--install", "now", "--override-deny"), {}),
    "written only": (("apply", "--install", "never"), {}),
    "urgent removals": (("apply",), {"install": {"removals": "immediately"}}),
    "written before an install": (("apply",), {"reconcile": {"write": "before-install"}}),
}


SCOPES = ((), ("--fortimanager", "hq"), ("--adom", "prod"))


@pytest.mark.parametrize("lane", LANES)
def test_no_lane_writes_or_installs_while_stopped(estate: Estate, ask: Ask, lane: str) -> None:
    arguments, settings = LANES[lane]
    scope = SCOPES[[*LANES].index(lane) % len(SCOPES)]
    install = {**estate.config["install"], **settings.get("install", {})}
    estate.write_config(install=install, reconcile=settings.get("reconcile", {}))
    web(estate, "10.1.0.2")
    assert ask("stop", *scope, "--reason", "INC-1")[0] == 0
    mark = estate.unit.requests.mark()
    code, told = ask(*arguments)
    assert code == 3
    assert changing(estate, mark) == []
    (stop,) = told["stops"]
    assert stop["reason"] == "INC-1"
    assert told["rollouts"][0]["held"]["kind"] == "stopped"
    assert ask("start")[0] == 0
    ask(*arguments)
    assert changing(estate, mark) != []


def test_everybody_says_that_it_is_stopped(
    estate: Estate, ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON and text of whatever is asked; the exit code stays that of what is outstanding."""
    ask("stop", "--adom", "hq/prod", "--reason", "INC-1")
    for command in ("plan", "status", "forecast", "rollout status", "explain device fgt-1"):
        words = command.split()
        _, told = ask(*words)
        assert told["stops"][0]["adom"] == "prod", command
        main.run([*words, "-c", str(estate.path)])
        assert "stopped: hq/prod is stopped by" in capsys.readouterr().out, command
    _, doctor = ask("doctor")
    assert any(row["check"] == "stops" and row["level"] == "warning" for row in doctor["findings"])
    _, forecast = ask("forecast")
    assert all("INC-1" in device["held"] for device in forecast["devices"])
    _, plan = ask("plan")
    assert all("INC-1" in row["held"] for row in plan["installs"])
    _, found = ask("explain", "device", "fgt-1")
    assert any("INC-1" in step["because"] for step in found["steps"])


def test_stop_and_start_are_in_the_audit(estate: Estate, ask: Ask) -> None:
    ask("stop", "--reason", "INC-1", "--by", "ann")
    ask("start", "--reason", "solved", "--by", "bob")
    rows = ask("history")[1]
    told = [(row["event"], row["by"], row["reason"]) for row in rows if "by" in row]
    assert told == [("stop", "ann", "INC-1"), ("start", "bob", "solved")]
    assert all("@" in row["who"] for row in rows)
    assert ask("audit", "verify")[0] == 0


def test_a_stop_that_stands_stays_as_it_is(estate: Estate, ask: Ask) -> None:
    """Whoever comes second does not hide who came first."""
    ask("stop", "--reason", "INC-1", "--by", "ann")
    _, told = ask("stop", "--reason", "INC-2", "--by", "bob")
    assert told["stopped"][0]["reason"] == "INC-1"
    assert len(ask("start")[1]["started"]) == 1
    assert ask("start")[1] == {"started": [], "stopped": []}


def test_a_wider_stop_is_lifted_as_a_whole_only(estate: Estate, ask: Ask) -> None:
    ask("stop")
    code, told = ask("start", "--adom", "prod")
    assert (code, told["error"]["kind"]) == (2, "usage")
    assert "everything is stopped" in told["error"]["message"]
    ask("stop", "--adom", "prod")
    _, told = ask("start", "--adom", "prod")
    assert [row["adom"] for row in told["started"]] == ["prod"]
    assert [row["fortimanager"] for row in told["stopped"]] == [None]
    assert ask("apply")[1]["stops"][0]["fortimanager"] is None


WRONG = {
    "another ADOM, with the nearest name": (("--adom", "hq/prd"), "hq/prod"),
    "an ADOM of another unit": (("--fortimanager", "hq", "--adom", "dc/prod"), "hq/prod"),
    "another unit": (("--fortimanager", "hk"), "hq"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("command", ["stop", "start"])
def test_a_place_that_is_not_there_is_refused(
    estate: Estate, ask: Ask, command: str, case: str
) -> None:
    arguments, nearest = WRONG[case]
    code, told = ask(command, *arguments)
    assert code == 2
    assert nearest in told["error"]["next"]
    assert ask("plan")[1]["stops"] == []


def test_a_reason_is_demanded_where_the_configuration_says_so(estate: Estate, ask: Ask) -> None:
    estate.write_config(policy={"requireReason": True})
    for arguments in (("stop",), ("start",), ("rollout", "abort"), ("rollout", "resume")):
        code, told = ask(*arguments)
        assert code == 2, arguments
        assert "requireReason" in told["error"]["message"]
    assert ask("approve", "0123456789abcdef", "--withdraw")[0] == 2


@pytest.mark.parametrize("text", ["{", '{"version": 2, "stops": []}', '{"version": 1, "stop": 1}'])
def test_nothing_is_written_while_it_is_not_known_what_is_stopped(
    estate: Estate, ask: Ask, text: str
) -> None:
    mark = estate.unit.requests.mark()
    (estate.folder / "state" / "stops.json").write_text(text, encoding="utf-8")
    code, told = ask("apply")
    assert (code, told["error"]["kind"]) == (1, "state")
    assert changing(estate, mark) == []


def test_an_abort_says_that_the_adom_is_still_written(
    estate: Estate, ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = ask("rollout", "abort")
    assert "still written ('fmgsync stop' ends that, too)" in told[0]["what"]


# -- while something is under way ------------------------------------------------------------------


def stopped(estate: Estate) -> Callable[[], object]:
    """What `fmgsync stop` does, by the estate's clock."""

    def act() -> object:
        now = estate.clock.now()
        stop = Stop("", "", "ann", "INC-1", now)
        return estate.world("plan").installing.stops.stop(stop)

    return act


def started(estate: Estate) -> None:
    estate.world("plan").installing.stops.start()


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Estate]:
    """Six FortiGates of four minutes each, two at a time, tonight."""
    rollout = {"waves": ["100%"], "pause": "0s", "maxFailures": 2}
    with open_fleet(tmp_path, seed(6, install_s=240), clock=Agenda(), rollout=rollout) as made:
        web(made, "10.1.0.1", "10.1.0.2")
        to(made, fleet.OPEN)
        yield made


def test_what_is_being_pushed_is_watched_to_its_end_and_nothing_new_starts(night: Estate) -> None:
    fleet.during(night, 60, stopped(night))
    result = night.apply("window")
    assert sorted(fleet.verified(result)) == ["fgt-1", "fgt-2"]
    assert holding(night, "10.1.0.1", "10.1.0.2") == ["fgt-1", "fgt-2"]
    assert not night.unit.console("admin").get("/dvmdb/adom/prod/workspace/lockinfo")
    web(night, "10.1.0.3")
    mark = night.unit.requests.mark()
    night.apply("now")
    assert changing(night, mark) == []
    started(night)
    assert sorted(holding(night, "10.1.0.3")) == []
    night.apply("now")
    assert len(holding(night, "10.1.0.3")) == 6


def test_what_was_narrowed_is_put_back_first_when_it_is_started_again(tmp_path: Path) -> None:
    """A stop in the middle of an urgent removal: the ADOM is not written any more, and nothing is
    forgotten."""
    unit = seed(2, install_s=60)
    with open_fleet(tmp_path, unit, clock=Agenda(), removals="immediately") as estate:
        assert isinstance(estate.clock, Agenda)
        web(estate, "10.1.0.3")  # .1 has to go at once, .3 waits for the night
        estate.clock.plan(estate.clock.now() + 30, stopped(estate))
        estate.apply("window")
        # Narrowed to nobody, pushed to the first device, and not put back.
        assert estate.mapped(fleet.GROUP)["fgt-1"] == ["none"]
        mark = estate.unit.requests.mark()
        estate.apply("window")
        assert changing(estate, mark) == []
        started(estate)
        estate.apply("window")
        assert estate.mapped(fleet.GROUP)["fgt-1"] == ["prod_10.1.0.3"]
        assert all(estate.on_device(name, fleet.GROUP) == {"0.0.0.0"} for name in fleet.names(2))


def test_a_stop_while_another_lock_is_waited_for_keeps_the_write_back(night: Estate) -> None:
    """It is asked right before the first object is written, under the lock."""
    world = night.world("apply --install never")
    (work,) = world.adoms
    seen = once.plan(world).adoms[0].seen
    assert seen is not None
    assert seen.plan.changes
    stopped(night)()
    mark = night.unit.requests.mark()
    with pytest.raises(errors.Stopped, match="INC-1"):
        work.target.write(seen.plan)
    assert changing(night, mark) == []


def test_a_running_controller_heeds_it_and_goes_on_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_feeds, "DUMP_POLL_S", 0.05)
    monkeypatch.setattr("fmgsync.daemon.approval_watch.POLL_S", 0.05)
    unit = default_seed(install_s=0, workspaceMode="disabled")
    with open_estate(tmp_path, unit, clock=SystemClock()) as estate:
        estate.write_config(reconcile={"settle": "0s", "maxDelay": "1s"}, install=UNATTENDED)
        pods = [builders.pod(f"web-{n}", f"10.1.0.{n}", labels={"app": "web"}) for n in (1, 2)]
        estate.run("east", pods[0])
        with running(estate) as controller:
            until(lambda: "prod_10.1.0.1" in str(estate.object("addrgrp", "k8s-web")))
            stopped(estate)()
            until(lambda: controller.stops != ())
            until(lambda: getattr(controller.adoms[0].result, "stop", None) is not None)
            mark, passes = estate.unit.requests.mark(), controller.adoms[0].passes
            estate.run("east", *pods)
            until(lambda: controller.adoms[0].passes > passes)
            assert changing(estate, mark) == []
            started(estate)
            until(lambda: "prod_10.1.0.2" in str(estate.object("addrgrp", "k8s-web")))


DIRECT = {
    "everything, within": ("", {"within": "1m"}),
    "everything, in the window": ("", "in-window"),
    "one unit": ("branch-1", "immediately"),
}


@pytest.mark.parametrize("case", DIRECT)
def test_a_fortigate_without_a_fortimanager_is_stopped_like_any_target(
    tmp_path: Path, case: str
) -> None:
    unit, removals = DIRECT[case]
    with open_branches(tmp_path) as branches:
        branches.pods(1, 2)
        branches.apply("window")
        branches.write_config(install={**branches.config["install"], "removals": removals})
        stops = branches.world("plan").installing.stops
        stops.stop(Stop(unit, "", "ann", "INC-1", branches.clock.now()))
        mark = branches.unit.requests.mark()
        branches.pods(2, 3)
        for install in ("window", "now"):
            result = branches.apply(install)
            assert {found.reason for found in result.stops} == {"INC-1"}
        assert branches.held("branch-1") == {1, 2}
        if not unit:
            assert branches.writes(mark) == []
        stops.start()
        branches.apply("now")
        assert branches.held("branch-1") == {2, 3}
