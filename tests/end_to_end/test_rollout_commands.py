"""The commands around rollouts, as people run them: exit codes, JSON, audit, hold commands."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.clock import SystemClock
from tests.end_to_end import fleet
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import open_fleet, seed, web

Run = Callable[..., tuple[int, str, str]]

QUICK: dict[str, Any] = {
    "windows": "always",
    "rollout": {"waves": [1, "100%"], "pause": "0s", "maxFailures": 1},
}


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Three FortiGates on the computer's clock, as commands are; installs take no time."""
    unit = {**seed(3, install_s=0), "switches": {"unreachableInstallFails": True}}
    with open_fleet(tmp_path, unit, clock=SystemClock(), **QUICK) as made:
        yield made


def document(run: Run, *arguments: str) -> tuple[int, Any]:
    code, out, _ = run(*arguments, "--output", "json")
    return code, json.loads(out)


def cut_off_second(estate: Estate) -> None:
    """The tunnel of `fgt-2` breaks as its install begins: its task fails at once."""
    estate.unit.faults.add("device-offline", device="fgt-2", url="*/package/commit", skip=1)


def test_a_failed_device_is_told_everywhere_and_resumed(estate: Estate, run: Run) -> None:
    cut_off_second(estate)
    web(estate, "10.1.0.2")
    code, told = document(run, "apply", "--reason", "CHG-1")
    assert code == 1
    (rollout,) = told["rollouts"]
    assert rollout["held"]["kind"] == "failure budget spent"
    assert [failure["device"] for failure in rollout["failed"]] == ["fgt-2"]
    assert rollout["verified"] == ["fgt-1"]
    assert [row["outcome"] for row in told["outcomes"]] == ["done", "failed"]

    code, out, _ = run("rollout", "status")
    assert code == 1
    assert "held: the failure budget of the rollout is spent: 1 of 1 (fgt-2)" in out
    assert "fmgsync rollout resume" in out
    assert document(run, "status")[1]["rollouts"][0]["held"]["kind"] == "failure budget spent"

    estate.unit.fortigate("fgt-2").come_back()
    code, out, _ = run("rollout", "resume", "--reason", "cable replaced")
    assert (code, out) == (0, "hq/prod: goes on; to be tried again: fgt-2\n")
    assert run("apply")[0] == 0
    assert run("rollout", "status")[0] == 0
    assert run("rollout", "resume")[1] == "hq/prod: was not stopped; nothing to resume\n"


def test_an_abort_stops_until_resumed(estate: Estate, run: Run) -> None:
    web(estate, "10.1.0.2")
    assert run("rollout", "abort", "--adom", "hq/prod", "--reason", "not today")[0] == 0
    code, told = document(run, "apply", "--install", "now")
    assert code == 3
    assert told["rollouts"][0]["held"]["kind"] == "halted"
    assert "not today" in told["rollouts"][0]["held"]["reason"]
    assert told["outcomes"] == []
    assert run("rollout", "abort", "--adom", "hq/prd")[0] == 2


def test_plan_says_what_is_held_and_why(estate: Estate, run: Run) -> None:
    del estate.unit.world.adoms["prod"].installed["fgt-3", "root"]
    web(estate, "10.1.0.2")
    code, plan = document(run, "plan")
    assert code == 3
    held = {row["device"]: row["held"] for row in plan["installs"]}
    assert "was never installed there by FortiManager" in held.pop("fgt-3")
    assert held == {"fgt-1": None, "fgt-2": None}
    assert "held: package edge/default was never installed" in run("plan")[1]
    code, told = document(run, "apply")
    assert code == 3
    states = {row["device"]: row["groups"][0] for row in told["devices"]}
    assert states["fgt-3"]["state"] == "held"
    assert "never installed" in states["fgt-3"]["because"]


def test_other_peoples_lines_are_shown(estate: Estate, run: Run) -> None:
    estate.write_policy("legacy-db", name="half-done")
    web(estate, "10.1.0.2")
    code, out, _ = run("apply", "--install", "window")
    assert code == 3
    assert "fgt-1: held because of other people's edits:" in out
    assert 'set name "half-done"' in out


def script(folder: Path, text: str) -> str:
    path = folder / "ask.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return "./ask.sh"


def test_a_command_may_hold_a_wave(
    estate: Estate, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs in the configuration's folder, knows what is asked, and sees no secret of ours."""
    monkeypatch.setenv("HQ_PASSWORD", "s3cret-word")
    command = script(estate.folder, 'env > seen; echo "alert FirewallDown fires"; exit 4')
    estate.write_config(install={**QUICK, "hold": [{"command": [command], "timeout": "60s"}]})
    web(estate, "10.1.0.2")
    code, told = document(run, "apply", "--reason", "CHG-7")
    assert (code, told["outcomes"]) == (3, [])
    assert told["rollouts"][0]["waiting"] == (
        "held by install.hold: ./ask.sh said no (exit code 4): alert FirewallDown fires"
    )
    seen = (estate.folder / "seen").read_text()
    assert "FMGSYNC_DEVICES=fgt-1\n" in seen
    assert "FMGSYNC_WAVE=1\n" in seen
    assert "FMGSYNC_REASON=CHG-7\n" in seen
    assert "s3cret-word" not in seen
    script(estate.folder, "exit 0")
    assert run("apply")[0] == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sleep 60 & wait", "did not answer within 1 s"),
        (None, "could not be started: No such file or directory"),
    ],
)
def test_a_command_that_gives_no_answer_holds(
    estate: Estate, run: Run, text: str | None, why: str
) -> None:
    command = script(estate.folder, text) if text else "./not-there.sh"
    estate.write_config(install={**QUICK, "hold": [{"command": [command], "timeout": "1s"}]})
    web(estate, "10.1.0.2")
    code, told = document(run, "apply")
    assert code == 3
    assert why in told["rollouts"][0]["waiting"]


def test_every_decision_is_in_the_audit_and_no_secret(estate: Estate, run: Run) -> None:
    cut_off_second(estate)
    web(estate, "10.1.0.2")
    run("apply", "--reason", "CHG-1")
    run("rollout", "resume")
    code, lines = document(run, "audit", "show")
    assert code == 0
    assert {line["event"] for line in lines[:-6]} == {"write"}, "what the estate began with"
    count, lines = len(lines), lines[-6:]
    assert [(line["event"], line.get("device")) for line in lines] == [
        ("write", None),
        ("install", "fgt-1"),
        ("verified", "fgt-1"),
        ("install", "fgt-2"),
        ("failed", "fgt-2"),
        ("resumed", None),
    ]
    assert {line["reason"] for line in lines[:5]} == {"CHG-1"}
    assert len({line["run"] for line in lines}) == 2
    assert lines[2]["members"] == [
        {"group": fleet.GROUP, "before": ["10.1.0.1"], "after": ["10.1.0.2"]}
    ]
    assert "s3cret-word" not in json.dumps(lines)
    assert [line["device"] for line in document(run, "audit", "show", "--last", "1", "--device",
                                                "fgt-2")[1]] == ["fgt-2"]  # fmt: skip
    assert "canary" not in run("audit", "show")[1]
    assert run("audit", "verify")[:2] == (0, f"{count} lines, whole\n")

    file = estate.folder / "state" / "audit.jsonl"
    kept = file.read_text().splitlines()
    file.write_text("\n".join(kept[:-1]) + "\n")
    code, _, err = run("audit", "verify")
    assert code == 1
    assert f"{count} lines were written, the last one is {count - 1}" in err
    assert run("audit", "verify", "--audit-file", str(estate.folder / "none"))[0] == 1


def test_the_reason_reaches_the_revision_and_deny_is_overridden_only_when_said(
    estate: Estate, run: Run
) -> None:
    deny = {"kind": "deny", "schedule": "* * * * *", "duration": "1h"}
    estate.write_config(install={**QUICK, "windows": [deny]})
    web(estate, "10.1.0.2")
    code, told = document(run, "apply", "--install", "now")
    assert (code, told["outcomes"]) == (3, [])
    assert {row["reason"] for row in told["rollouts"][0]["waits"]} == {
        "closed by deny '* * * * *' for 1h (UTC)"
    }
    assert run("apply", "--install", "now", "--override-deny", "--reason", "INC-9")[0] == 0
    lines = document(run, "audit", "show")[1]
    lines = [line for line in lines if line["event"] != "write"]
    assert {line["reason"] for line in lines} == {"INC-9"}
    assert lines[0]["overridden"] == ["deny '* * * * *' for 1h (UTC)"]
