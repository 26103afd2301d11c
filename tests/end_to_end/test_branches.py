"""FortiGates without a FortiManager, from a dump to the units, over HTTPS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fmgsync import errors
from fmgsync.audit import Audit
from fmgsync.cli import main
from fmgsync.clock import SystemClock
from tests.end_to_end.branches import BRANCHES, GROUP, Branches, open_branches, seed, states
from tests.end_to_end.killing import Life, run

WAVES = {"waves": ["100%"], "pause": "0s", "maxFailures": "100%"}


@pytest.fixture
def branches(tmp_path: Path) -> Iterator[Branches]:
    with open_branches(tmp_path) as made:
        yield made


def test_what_runs_reaches_every_unit_and_nothing_else_is_touched(branches: Branches) -> None:
    foreign = branches.foreign()
    branches.pods(1, 2, 3)
    result = branches.apply("window")
    assert [adom.error for adom in result.adoms] == [None] * 3
    assert branches.everywhere() == [{1, 2, 3}] * 3
    assert {state for found in states(branches.status()).values() for state in found} == {"in sync"}
    branches.pods(1, 4)
    branches.apply("window")
    assert branches.everywhere() == [{1, 4}] * 3
    assert branches.foreign() == foreign
    assert {len(branches.unit.fortigate(name).names("firewall address")) for name in BRANCHES} == {
        len(foreign[BRANCHES[0], "address"]) + 2
    }


def test_a_part_of_a_site_that_is_not_there_is_told_once_and_the_others_go_on(
    branches: Branches,
) -> None:
    branches.write_config(
        sites=[{"clusters": ["east"], "fortigates": ["branch-*", "hub-1/dmz"], "fleet": "all"}]
    )
    branches.pods(1, 2)
    result = branches.apply("window")
    assert branches.everywhere() == [{1, 2}] * 3
    lost = [
        finding
        for adom in result.adoms
        if adom.seen
        for finding in (*adom.seen.plan.foreign, *adom.seen.plan.findings)
        if finding.name == "hub-1/dmz"
    ]
    assert [finding.is_error for finding in lost] == [True]
    assert "FortiManager" not in lost[0].message


def test_nothing_to_do_is_four_questions_to_each_unit(branches: Branches) -> None:
    """Who uses a group, and whether a FortiManager manages the unit, matters where something is to
    change; who looks at everything asks for it anyway."""
    branches.pods(1)
    branches.apply("window")
    mark = branches.unit.requests.mark()
    branches.plan()
    branches.apply("window")
    asked = branches.unit.requests.since(mark)
    assert len(asked) == 2 * 4 * len(BRANCHES)
    assert not any("policy" in one.urls[0] or "monitor" in one.urls[0] for one in asked)
    mark = branches.unit.requests.mark()
    branches.status()
    assert any("policy" in one.urls[0] for one in branches.unit.requests.since(mark))


def test_nothing_to_do_writes_nothing(branches: Branches) -> None:
    branches.pods(1)
    branches.apply("window")
    mark = branches.unit.requests.mark()
    branches.apply("window")
    assert not branches.writes(mark)


def test_no_write_starts_outside_a_window(branches: Branches) -> None:
    """A write is an install here."""
    branches.write_config(
        install={
            "windows": [{"kind": "allow", "schedule": "0 1 * * *", "duration": "1h"}],
            "rollout": WAVES,
        }
    )
    branches.pods(1)
    branches.apply("window")
    assert not branches.writes()
    assert {tuple(found) for found in states(branches.plan()).values()} == {("write pending",)}
    night = datetime.fromtimestamp(branches.clock.now(), UTC)
    branches.clock.sleep((25 - night.hour) * 3600 - night.minute * 60)
    branches.apply("window")
    assert branches.everywhere() == [{1}] * 3


def test_a_canary_that_is_gone_holds_the_fleet(branches: Branches) -> None:
    branches.write_config(
        install={"windows": "always", "rollout": {**WAVES, "canary": ["branch-2"]}}
    )
    branches.pods(1)
    branches.unit.fortigate("branch-2").unplug()
    branches.apply("window")
    assert not branches.writes()
    branches.unit.fortigate("branch-2").plug()
    branches.apply("window")
    writes = [device for device, _, _ in branches.writes()]
    assert writes.index("branch-2") == 0
    assert branches.everywhere() == [{1}] * 3


def test_a_unit_that_is_gone_holds_up_nobody_else(branches: Branches) -> None:
    branches.pods(1)
    branches.unit.fortigate("branch-2").unplug()
    result = branches.apply("window")
    assert [type(adom.error) for adom in result.adoms] == [
        type(None),
        errors.ConnectionFailed,
        type(None),
    ]
    assert branches.everywhere() == [{1}, None, {1}]


def asks(branches: Branches, code: int) -> Path:
    """A hold command that notes what it is asked for."""
    seen = branches.folder / "asked"
    script = branches.folder / "ask.sh"
    script.write_text(f'#!/bin/sh\necho "$FMGSYNC_WAVE: $FMGSYNC_DEVICES" >>asked\nexit {code}\n')
    script.chmod(0o700)
    return seen


@pytest.mark.parametrize("at_risk", ["100%", 1])
def test_a_hold_command_is_asked_once_for_a_wave_of_the_fleet(
    branches: Branches, at_risk: object
) -> None:
    """However few of the wave there is room for at a time; a no holds all of them."""
    rollout = {"waves": [1, "100%"], "pause": "0s", "maxFailures": at_risk}
    hold = [{"command": ["./ask.sh"], "timeout": "60s"}]
    branches.write_config(install={"windows": "always", "rollout": rollout, "hold": hold})
    branches.pods(1)
    seen = asks(branches, 1)
    result = branches.apply("window")
    assert seen.read_text() == "1: branch-1\n"
    assert not branches.writes()
    assert [a.rollout.waiting for a in result.adoms if a.rollout and a.rollout.waiting]
    asks(branches, 0)
    seen.unlink()
    branches.apply("window")
    assert branches.everywhere() == [{1}] * 3
    assert seen.read_text() == "1: branch-1\n2: branch-2 branch-3\n"


def test_a_failure_too_many_holds_the_rest(branches: Branches) -> None:
    """A unit that takes the write and does not show it counts against the budget."""
    rollout = {"waves": [1, "100%"], "pause": "0s", "maxFailures": 1}
    branches.write_config(install={"windows": "always", "rollout": rollout})
    branches.pods(1)
    branches.unit.faults.add(
        kind="status", method="POST", url="*address?*", device="branch-1", status=61, times=0
    )
    branches.apply("window")
    assert branches.everywhere()[1:] == [None, None]


def test_a_removal_need_not_wait_for_the_window(branches: Branches) -> None:
    """It is the plan without what it adds."""
    branches.pods(1, 2)
    branches.apply("window")
    branches.write_config(
        install={
            "windows": [{"kind": "allow", "schedule": "0 1 * * *", "duration": "1h"}],
            "removals": "immediately",
            "rollout": WAVES,
        }
    )
    branches.pods(2, 3)
    branches.apply("window")
    assert branches.everywhere() == [{2}] * 3


@pytest.mark.parametrize("at_risk", ["100%", 1])
def test_a_hold_command_is_asked_once_for_the_urgent_removals_of_a_fleet(
    branches: Branches, at_risk: object
) -> None:
    """Outside any wave, with every unit of the fleet: a no keeps each of them from the removal."""
    branches.pods(1, 2)
    branches.apply("window")
    closed = {"kind": "allow", "schedule": "0 1 * * *", "duration": "1h"}
    branches.write_config(
        install={
            "windows": [closed],
            "removals": "immediately",
            "rollout": {**WAVES, "maxFailures": at_risk},
            "hold": [{"command": ["./ask.sh"], "timeout": "60s"}],
        }
    )
    branches.pods(2, 3)
    seen, mark = asks(branches, 1), branches.unit.requests.mark()
    result = branches.apply("window")
    assert seen.read_text() == ": branch-1 branch-2 branch-3\n"
    assert not branches.writes(mark)
    waiting = [a.rollout.waiting for a in result.adoms if a.rollout]
    assert len(waiting) == 3
    assert all("install.hold" in str(why) for why in waiting)
    asks(branches, 0)
    seen.unlink()
    branches.apply("window")
    assert branches.everywhere() == [{2}] * 3
    assert seen.read_text() == ": branch-1 branch-2 branch-3\n"


def test_emptying_waits_for_an_approval(branches: Branches) -> None:
    branches.pods(1, 2)
    branches.apply("window")
    branches.pods()
    result = branches.apply("window")
    assert branches.everywhere() == [{1, 2}] * 3
    held = [hold for adom in result.adoms if adom.seen for hold in adom.seen.plan.held]
    assert {hold.name for hold in held} == {GROUP}
    branches.approve(held[0].digest)
    for hold in held:
        branches.approve(hold.digest)
    branches.apply("window")
    assert branches.everywhere() == [set()] * 3


def test_drift_on_a_unit_is_put_right(branches: Branches) -> None:
    branches.pods(1, 2)
    branches.apply("window")
    branches.unit.fortigate("branch-1").drift(
        "firewall addrgrp", GROUP, member=("prod_10.1.0.1", "legacy-db")
    )
    branches.apply("window")
    assert branches.everywhere() == [{1, 2}] * 3
    assert "legacy-db" in branches.unit.fortigate("branch-1").names("firewall address")


def test_verify_holds_a_unit_against_the_rules_and_not_against_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    with open_branches(tmp_path / "here", seed(["branch-1"]), clock=SystemClock()) as branches:
        branches.pods(1, 2)
        assert main.run(["apply", "-c", str(branches.path)]) == 0
        branches.unit.fortigate("branch-1").drift(
            "firewall addrgrp", GROUP, member=("prod_10.1.0.2",)
        )
        capsys.readouterr()
        assert main.run(["verify", "-c", str(branches.path)]) == 3
        [row] = [line for line in capsys.readouterr().out.splitlines() if GROUP in line]
    assert row.split(GROUP)[1].split() == ["10.1.0.1,", "10.1.0.2", "10.1.0.2"]


def test_the_device_database_is_nothing_here(
    branches: Branches, capsys: pytest.CaptureFixture[str]
) -> None:
    """There are three views: desired, the unit's own, and the unit's own asked again."""
    from fmgsync.cli import documents

    branches.pods(1)
    branches.apply("window")
    rows = documents.status_document(branches.status())["devices"]
    assert [row["device"] for row in rows] == list(BRANCHES)
    for row in rows:
        assert row["fortimanager"] is None
        assert row["adom"] is None
        assert row["fortigate"] == row["device"]
        [group] = row["groups"]
        assert group["deviceDatabase"] is None
        assert group["device"] == group["desired"] == ["10.1.0.1"]


def test_an_explanation_has_no_stages_in_between(
    branches: Branches, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is written to a FortiGate lies in no ADOM and in no copy of it."""
    branches.pods(1)
    branches.apply("window")
    capsys.readouterr()
    arguments = ["explain", "ip", "10.1.0.1", "-c", str(branches.path), "-o", "json"]
    assert main.run(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["answer"] == "yes"
    whats = [step["what"] for step in document["steps"]]
    assert "device" in whats
    assert not {"ADOM", "device database"} & {*whats}
    assert {one["device"] for one in document["devices"]} == set(BRANCHES)


def test_a_managed_unit_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    made = seed()
    made["fortigates"][1]["managed"] = "yes"
    with open_branches(tmp_path, made, managed="ask") as branches:
        branches.pods(1)
        result = branches.apply("window")
        assert isinstance(result.adoms[1].error, errors.ManagedElsewhere)
        assert branches.everywhere() == [{1}, None, {1}]
        assert "branch-2" not in {device for device, _, _ in branches.writes()}


def test_with_the_smallest_profile_it_works_and_emptying_waits(tmp_path: Path) -> None:
    users = [{"name": "fmgsync", "key": "k3y"}]
    with open_branches(tmp_path, seed(apiUsers=users), managed="no") as branches:
        branches.pods(1, 2)
        branches.apply("window")
        assert branches.everywhere() == [{1, 2}] * 3
        branches.pods(2)
        branches.apply("window")
        assert branches.everywhere() == [{2}] * 3
        branches.write_config(
            groups=[{"name": GROUP, "select": "app == 'web'", "allowEmpty": True}]
        )
        branches.pods()
        result = branches.apply("window")
        found = [one for adom in result.adoms if adom.seen for one in adom.seen.plan.findings]
        assert "unknown-use" in {finding.kind for finding in found}
        assert branches.everywhere() == [{2}] * 3


def test_every_write_is_in_the_audit(branches: Branches) -> None:
    branches.pods(1)
    branches.apply("window")
    lines = (branches.folder / "state" / "audit.jsonl").read_text(encoding="utf-8")
    assert lines.count('"fortigate":"branch-1"') >= 1 or '"fortigate": "branch-1"' in lines
    assert "k3y" not in lines
    assert Audit is not None


def sweep(folder: Path, *, is_heard: bool, every: int = 1, at_once: int = 1) -> int:
    """Die at one request after another, each in a world of its own; the next run converges.

    One unit after the other, a number is the same place in each world.
    """
    at = 0
    while True:
        at += every
        with open_branches(folder / str(at), seed(BRANCHES[:2])) as branches:
            branches.write_config(reconcile={"unitsAtOnce": at_once})
            branches.pods(1, 2)
            branches.apply("window")
            foreign = branches.foreign()
            branches.pods(2, 3)
            life = Life(at, is_heard=is_heard)
            done = run(branches, life)
            branches.clock.sleep(60)
            result = branches.apply("window")
            assert [each.error for each in result.adoms] == [None] * 2, at
            assert branches.everywhere() == [{2, 3}] * 2, at
            assert branches.foreign() == foreign, at
            for name in BRANCHES[:2]:
                own = branches.unit.fortigate(name).names("firewall address")
                assert {one for one in own if one.startswith("prod_")} == {
                    "prod_10.1.0.2",
                    "prod_10.1.0.3",
                }, at
            if done is not None:
                return at


def test_killed_at_some_requests_the_next_run_converges(tmp_path: Path) -> None:
    assert sweep(tmp_path, is_heard=True, every=31) > 20


@pytest.mark.slow
@pytest.mark.parametrize(("is_heard", "at_once"), [(False, 1), (True, 1), (True, 16)])
def test_killed_at_any_request_the_next_run_converges(
    tmp_path: Path, is_heard: bool, at_once: int
) -> None:
    """Also with the units side by side, where a number is another place each time."""
    assert sweep(tmp_path, is_heard=is_heard, at_once=at_once) > 20


def test_a_fleet_is_one_line_of_status_however_many_units_it_has(
    branches: Branches, capsys: pytest.CaptureFixture[str]
) -> None:
    branches.pods(1)
    branches.apply("window")
    branches.pods(1, 2)
    branches.unit.fortigate("branch-3").unplug()
    assert main.run(["status"]) == 1
    out = capsys.readouterr().out
    assert "fleet branches: 2 device VDOMs: 2 write pending" in out
    assert "branch-1: 1 device" not in out
    assert main.run(["status", "--output", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert {device["fleet"] for device in document["devices"]} == {"branches"}


def test_what_waits_although_every_group_is_right_is_told(
    branches: Branches, capsys: pytest.CaptureFixture[str]
) -> None:
    """An address that something uses which no request shows: it is not deleted, and a command
    that says something is outstanding says what."""
    branches.pods(1, 2)
    branches.apply("window")
    branches.unit.faults.add(
        kind="status", method="DELETE", url="*/address/*", device="branch-2", status=23, times=0
    )
    branches.pods(2)
    branches.apply("window")
    assert branches.everywhere() == [{2}] * 3
    for command in ("status", "verify"):
        capsys.readouterr()
        assert main.run([command]) == 3
        out = capsys.readouterr().out
        told = [line for line in out.splitlines() if line.startswith("to write: ")]
        [line] = told
        assert "VDOM root on branch-2: 1 change" in line
    capsys.readouterr()
    assert main.run(["status", "-o", "json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert [(row["fortigate"], row["changes"]) for row in document["pendingWrites"]] == [
        ("branch-2", 1)
    ]


def test_what_a_group_shows_is_not_told_twice(
    branches: Branches, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row for what a group shows anyway would say the same twice."""
    branches.pods(1)
    assert main.run(["status"]) == 3
    out = capsys.readouterr().out
    assert "write pending" in out
    assert "to write:" not in out
    branches.apply("window")
    assert main.run(["status"]) == 0
    assert "to write:" not in capsys.readouterr().out


def test_nobody_without_a_fortimanager_is_sent_to_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = [{"name": "prod_10.1.0.1", "subnet": "10.77.0.1/32"}]
    made = seed(addresses=taken, addressGroups=[], policies=[])
    with open_branches(tmp_path, made) as branches:
        branches.pods(1, 2)
        for command in (["plan"], ["apply", "--yes"], ["status"]):
            assert main.run(command) == 1
            out = capsys.readouterr().out
            assert "rename or delete that object" in out
            assert "FortiManager" not in out


@pytest.mark.parametrize("what", ["*/address?*", "*/addrgrp?*"])
def test_a_refusal_that_http_calls_a_success_is_none(branches: Branches, what: str) -> None:
    """The body decides as well: nothing counts as written that the unit says it refused."""
    branches.unit.faults.add(
        kind="status-in-200", method="POST", url=what, device="branch-2", status=61, times=0
    )
    branches.pods(1, 2)
    result = branches.apply("window")
    assert branches.held("branch-2") in (None, set())
    assert [branches.held("branch-1"), branches.held("branch-3")] == [{1, 2}] * 2
    reports = [adom.report for adom in result.adoms]
    assert [bool(report and report.refused) for report in reports] == [False, True, False]
    branches.unit.faults.clear()
    assert main.run(["rollout", "resume"]) == 0
    branches.apply("window")
    assert branches.everywhere() == [{1, 2}] * 3


def test_a_full_table_says_what_to_look_at(tmp_path: Path) -> None:
    """Nothing more is created, what leaves goes all the same."""
    with open_branches(tmp_path, seed(BRANCHES[:1], limits={"addresses": 17})) as branches:
        branches.pods(1, 2, 3)
        branches.apply("window")
        branches.pods(1, 4, 5, 6, 7)
        result = branches.apply("window")
        [report] = [adom.report for adom in result.adoms if adom.report]
        assert report.refused
        assert all("maximum values of its model" in why for _, why in report.refused)
        held = branches.held("branch-1")
        assert held is not None
        assert {1} <= held < {1, 4, 5, 6, 7}
