"""What a person is asked and told in a terminal: a plan to agree to, what waits as one group, the
ways out of a clash, the windows themselves, who had an address before."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import main
from fmgsync.clock import SystemClock
from tests import builders
from tests.cli.plan_documents import checked
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import holding, open_fleet, seed, web
from tests.lab.evening import Screen

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Three FortiGates, always open."""
    rollout = {"waves": ["100%"], "pause": "0s", "maxFailures": "100%"}
    unit = {**seed(3, install_s=0), "workspaceMode": "disabled"}
    with open_fleet(tmp_path, unit, clock=SystemClock(), windows="always", rollout=rollout) as made:
        yield made


class Keyboard(io.StringIO):
    """Somebody types."""

    def isatty(self) -> bool:
        return True


def at_a_terminal(
    monkeypatch: pytest.MonkeyPatch, estate: Estate, typed: str, *arguments: str
) -> tuple[int, str]:
    shown = Screen()
    monkeypatch.setattr("sys.stdin", Keyboard(typed))
    monkeypatch.setattr("sys.stdout", shown)
    code = main.run([*arguments, "-c", str(estate.path)])
    monkeypatch.undo()
    return code, shown.getvalue()


def test_apply_in_a_terminal_shows_the_plan_and_asks(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    web(estate, "10.1.0.1", "10.1.0.2")
    code, shown = at_a_terminal(monkeypatch, estate, "n\n", "apply")
    assert code == 3
    assert "1 group changes on 3 FortiGates: 1 address added, 0 removed" in " ".join(shown.split())
    assert "nothing was written" in shown
    assert holding(estate, "10.1.0.1", "10.1.0.2") == []
    code, _ = at_a_terminal(monkeypatch, estate, "y\n", "apply")
    assert code == 0
    assert len(holding(estate, "10.1.0.1", "10.1.0.2")) == 3


def test_nobody_is_asked_with_yes_or_behind_a_pipe(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    web(estate, "10.1.0.1", "10.1.0.2")
    code, shown = at_a_terminal(monkeypatch, estate, "", "apply", "--yes")
    assert (code, "Write this" in shown) == (0, False)
    web(estate, "10.1.0.1")
    assert ask("apply")[0] == 0
    assert len(holding(estate, "10.1.0.1")) == 3


def test_a_group_that_waits_is_one_line_with_one_digest(
    estate: Estate, ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    """Approving it lets the group through on all its devices, and nothing else."""
    web(estate, *(f"10.1.0.{n}" for n in range(1, 21)))
    ask("approve", ask("plan")[1]["digest"])
    assert ask("apply")[0] == 0
    web(estate, "10.1.0.1")
    _, plan = ask("plan")
    held = plan["adoms"][0]["held"]
    assert len(held) == 3
    (digest,) = {row["groupDigest"] for row in held}
    ask("stop", "--adom", "prod")
    assert checked(ask("plan")[1]) == []
    ask("start")
    main.run(["plan", "-c", str(estate.path)])
    shown = capsys.readouterr().out
    assert shown.count("held: ") == 1
    assert "k8s-web on fgt-1/root, fgt-2/root, fgt-3/root: 19 of 20 members fewer" in shown
    assert shown.count(f"fmgsync approve {digest}") == 1
    main.run(["plan", "-v", "-c", str(estate.path)])
    assert all(row["digest"] in capsys.readouterr().out for row in held[:1])
    assert len(ask("approve", digest)[1]["approved"]) == 3
    assert ask("apply")[0] == 0
    assert len(holding(estate, "10.1.0.1")) == 3


def test_a_name_that_is_taken_comes_with_three_ways_out(
    estate: Estate, ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    estate.write_config(groups=[*estate.config["groups"], {"name": "legacy", "select": "all()"}])
    with estate.administrator() as console:
        console.call(
            "add",
            "/pm/config/adom/prod/obj/firewall/addrgrp",
            {"name": "legacy", "member": ["legacy-db"]},
        )
    main.run(["plan", "-c", str(estate.path)])
    shown = capsys.readouterr().out
    for way in ("rename or delete", "another name", "fmgsync adopt --names legacy"):
        assert way in shown


def test_the_windows_themselves_are_listed(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    berlin = {"timezone": "Europe/Berlin"}
    windows = [
        {
            "kind": "allow",
            "schedule": "0 1 * * *",
            "duration": "3h",
            **berlin,
            "devices": ["fgt-*"],
        },
        {"kind": "deny", "schedule": "0 0 24 12 *", "duration": "72h", **berlin},
    ]
    estate.write_config(install={"windows": windows})
    main.run(["windows", "--at", "2026-03-02T00:30Z", "-c", str(estate.path)])
    shown = capsys.readouterr().out
    assert "0 1 * * * (Europe/Berlin)" in shown
    assert "device fgt-*" in shown
    assert "active until Mon 2026-03-02 04:00" in shown
    assert "opens Thu 2026-12-24 00:00" in shown


def test_who_had_an_address_before_is_told_beside_the_stale_grant(estate: Estate, ask: Ask) -> None:
    """From the audit, also in another process; since when the grant is stale stands beside."""
    pods = [builders.pod(f"web-{n}", f"10.1.0.{n}", labels={"app": "web"}) for n in (1, 2)]
    estate.run("east", *pods)
    assert ask("apply")[0] == 0
    estate.run("east", pods[0])
    ask("plan")
    ask("apply", "--install", "never")
    _, told = ask("explain", "ip", "10.1.0.2")
    steps = {step["what"]: step for step in told["steps"]}
    assert steps["before"]["objects"] == ["pod default/web-2 of cluster east"]
    assert "since 20" in steps["stale grant"]["because"]
    assert told["answer"] == "yes"


def test_a_plan_names_the_workloads_and_the_policies(estate: Estate, ask: Ask) -> None:
    estate.run("east", builders.pod("web-9", "10.1.0.9", labels={"app": "web"}))
    _, plan = ask("plan")
    (adom,) = plan["adoms"]
    assert adom["workloads"] == {"10.1.0.9": ["pod default/web-9 of cluster east"]}
    assert checked(plan) == [], "fmgsync/cli/plan_schema.py"
    (use,) = adom["policies"]["k8s-web"]
    assert (use["action"], use["position"], use["enabled"]) == ("accept", 2, True)


def test_a_forecast_shows_other_peoples_edits_before_the_night(estate: Estate, ask: Ask) -> None:
    """Without workspaces it looks by itself; with them it says why it does not."""
    estate.config["install"]["foreignChanges"] = "block"
    estate.write_config()
    estate.write_policy(
        "legacy-db", name="theirs", **{"scope member": [{"name": "fgt-2", "vdom": "root"}]}
    )
    web(estate, "10.1.0.1", "10.1.0.2")
    _, told = ask("forecast")
    held = {row["device"]: row["held"] for row in told["devices"]}
    assert held["fgt-1"] is None
    assert "other people" in held["fgt-2"]
    (seen,) = told["previews"]
    assert list(seen["devices"]) == ["fgt-2"]
    assert len(holding(estate, "10.1.0.1")) == 3
