"""Rollouts over HTTP: windows, canary, waves, budget, proof; stopped when something is wrong."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fmgsync import audit
from fmgsync.daemon import announcements
from fmgsync.model.view import GroupState
from fmgsync.passes import once
from fmgsync.scheduling.rollout import HoldKind
from tests.end_to_end import fleet
from tests.end_to_end.estate import Estate, open_estate
from tests.end_to_end.fleet import (
    CLOSED,
    OPEN,
    holding,
    open_fleet,
    report,
    seed,
    to,
    verified,
    web,
)
from tests.passes.worlds import make_pass, world_of

WAVES: dict[str, Any] = {
    "canary": ["fgt-2"],
    "waves": [2, "100%"],
    "pause": "10m",
    "maxFailures": 2,
}


def held_kind(result: Any) -> HoldKind | None:
    decision = report(result).decision
    assert decision is not None
    return decision.held.kind if decision.held else None


def break_device(estate: Estate, name: str) -> None:
    """The device refuses the group's commands while FortiManager believes that it took them."""
    estate.unit.world.devices[name].refuses.add(("firewall addrgrp", fleet.GROUP))


def mend_device(estate: Estate, name: str) -> None:
    """It takes the group again, and somebody puts right what was missing."""
    estate.unit.world.devices[name].refuses.clear()
    estate.unit.world.devices[name].vdoms["root"].drift.clear()


def test_nothing_is_installed_while_the_window_is_closed(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(3)) as estate:
        web(estate, "10.1.0.1", "10.1.0.2")
        closed = estate.apply("window")
        assert report(closed).outcomes == []
        assert holding(estate, "10.1.0.1") == fleet.names(3)
        assert {a.because for a in report(closed).admissions} == {"closed: no window is open"}
        to(estate, OPEN)
        assert sorted(verified(estate.apply("window"))) == fleet.names(3)
        assert holding(estate, "10.1.0.1", "10.1.0.2") == fleet.names(3)


def test_installing_now_leaves_windows_aside_but_not_deny_windows(tmp_path: Path) -> None:
    deny = {"kind": "deny", "schedule": "0 0 1 3 *", "duration": "24h"}
    with open_fleet(tmp_path, seed(1), windows=[fleet.NIGHTS, deny]) as estate:
        web(estate, "10.1.0.2")
        assert report(estate.apply("now")).outcomes == []
        assert verified(estate.apply("now", override_deny=True, reason="INC-1")) == ["fgt-1"]
        to(estate, CLOSED + timedelta(days=1))
        web(estate, "10.1.0.3")
        assert verified(estate.apply("now")) == ["fgt-1"]


def test_canary_then_waves_with_pauses_between(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(5), rollout=WAVES) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        began = estate.clock.now()
        assert verified(estate.apply("window"))[0] == "fgt-2"
        assert holding(estate, "10.1.0.2") == fleet.names(5)
        assert estate.clock.now() - began > 2 * 600
        # New members need no waves: the canary has proven these rules.
        web(estate, "10.1.0.3")
        began = estate.clock.now()
        assert len(verified(estate.apply("window"))) == 5
        assert estate.clock.now() - began < 600


def test_a_failing_canary_holds_everything_until_resumed(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(4), rollout=WAVES) as estate:
        break_device(estate, "fgt-2")
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        first = estate.apply("window")
        assert held_kind(first) is HoldKind.CANARY_FAILED
        assert verified(first) == []
        assert "other members" in report(first).failures["fgt-2"]
        assert holding(estate, "10.1.0.1") == ["fgt-1", "fgt-3", "fgt-4"]
        # Neither time nor another run changes that.
        assert held_kind(estate.apply("now")) is HoldKind.CANARY_FAILED
        estate.unit.world.devices["fgt-2"].refuses.clear()
        estate.steer("resume")
        assert held_kind(estate.apply("window")) is HoldKind.CANARY_UNAVAILABLE
        mend_device(estate, "fgt-2")
        assert len(verified(estate.apply("window"))) == 3
        assert holding(estate, "10.1.0.2") == fleet.names(4)


def test_no_more_devices_fail_than_the_budget_says(tmp_path: Path) -> None:
    rollout = {"waves": ["100%"], "pause": "0s", "maxFailures": 2}
    with open_fleet(tmp_path, seed(6), rollout=rollout) as estate:
        for name in fleet.names(6):
            break_device(estate, name)
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        result = estate.apply("window")
        assert held_kind(result) is HoldKind.BUDGET_SPENT
        assert len(report(result).failures) == 2
        assert len(report(result).outcomes) == 2


@pytest.mark.parametrize("what", ["rollouts.json", "everything"])
def test_a_lost_ledger_begins_anew_where_nothing_can_be_unknown(tmp_path: Path, what: str) -> None:
    """All tasks of ours have ended, and every device says what it holds: "try it by hand, then
    deploy" needs nobody."""
    with open_fleet(tmp_path, seed(2)) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        estate.apply("window")
        lose(tmp_path, what)
        web(estate, "10.1.0.3")
        planned = estate.plan().adoms[0].view
        assert planned is not None
        assert planned.decision.held is None
        assert len(verified(estate.apply("window"))) == 2
        assert holding(estate, "10.1.0.3") == fleet.names(2)


def lose(folder: Path, what: str = "everything") -> None:
    if what == "everything":
        shutil.rmtree(folder / "state")
    else:
        (folder / "state" / what).unlink()


def test_what_was_done_on_another_unit_holds_nothing_here(tmp_path: Path) -> None:
    """The lab's spent budget and its account of the guard are not production's."""
    with open_fleet(tmp_path, seed(2)) as lab:
        web(lab, "10.1.0.2")
        to(lab, OPEN)
        lab.apply("window")
        lab.steer("abort", reason="broken")
        assert held_kind(lab.apply("window")) is HoldKind.HALTED
    with open_fleet(tmp_path, seed(2)) as production:
        web(production, "10.1.0.2")
        to(production, OPEN)
        assert len(verified(production.apply("window"))) == 2
    with open_estate(tmp_path) as third:
        said: list[str] = []
        once.plan(replace(third.world("plan"), tell=said.append))
        assert any("FortiManager hq is another unit" in line for line in said)


def test_a_unit_that_is_replaced_while_a_controller_runs_is_another_unit(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2)) as estate:
        estate.apply("window")
        estate.steer("abort", reason="broken")
        said: list[str] = []
        world = replace(world_of(estate), tell=said.append)
        halted, _ = make_pass(world)
        assert halted.held is not None
        estate.unit.world.serial = "FMG-VMTM00000002"
        after, _ = make_pass(world)
        assert any("FortiManager hq is another unit" in line for line in said)
        assert after.held is None


def test_a_lost_ledger_holds_while_a_device_does_not_answer(tmp_path: Path) -> None:
    """Every command says so, and why."""
    with open_fleet(tmp_path, seed(3)) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        estate.apply("window")
        lose(tmp_path)
        estate.unit.world.devices["fgt-3"].online = False
        web(estate, "10.1.0.3")
        lost = estate.apply("window")
        assert held_kind(lost) is HoldKind.LEDGER_LOST
        assert "fgt-3 has not answered" in str(report(lost).waiting)
        assert holding(estate, "10.1.0.2") == fleet.names(3)
        for look in (estate.plan, estate.status):
            standing = look().adoms[0].view
            assert standing is not None
            assert standing.decision.held is not None
            assert standing.decision.held.kind is HoldKind.LEDGER_LOST
            assert "fgt-3 has not answered" in standing.decision.held.reason
            assert "rollout resume" in str(standing.decision.held.next_step)
        (notice,) = [n for n in announcements.notices(lost.adoms[0]) if n.reason == "RolloutHeld"]
        assert "fgt-3 has not answered" in notice.message
        estate.steer("resume")
        assert len(verified(estate.apply("window"))) == 2


def test_a_lost_ledger_holds_while_a_task_of_ours_is_open(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2)) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        estate.apply("window")
        lose(tmp_path)
        unit = estate.unit.world
        installs = (t for t in unit.tasks.all() if "Install" in t.title)
        known = next(t for t in installs if t.user == "fmgsync")
        now = estate.clock.now()
        unit.tasks.open(known.title, known.src, known.user, known.adom, now).forced = "running"
        web(estate, "10.1.0.3")
        lost = estate.plan().adoms[0].view
        assert lost is not None
        assert lost.decision.held is not None
        assert "has not ended" in lost.decision.held.reason
        assert holding(estate, "10.1.0.2") == fleet.names(2)


def test_a_lost_ledger_holds_however_busy_the_unit_was_meanwhile(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2)) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        estate.apply("window")
        shutil.rmtree(tmp_path / "state")
        unit = estate.unit.world
        for _ in range(300):
            task = unit.tasks.open("Retrieve", "device manager", "admin", 3, estate.clock.now())
            task.stop("done", estate.clock.now())
        web(estate, "10.1.0.3")
        estate.unit.world.devices["fgt-2"].online = False
        assert held_kind(estate.apply("window")) is HoldKind.LEDGER_LOST
        assert holding(estate, "10.1.0.2") == fleet.names(2)


def test_an_install_in_another_adom_is_not_waited_for(tmp_path: Path) -> None:
    unit = seed(2)
    lab = {"name": "lab-1", "installSeconds": 300}
    package = {"name": "lab", "targets": ["lab-1/root"], "policies": []}
    unit["adoms"].append({"name": "lab", "devices": [lab], "packages": [package]})
    with open_fleet(tmp_path, unit) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        console = estate.unit.console("admin")
        console.lock("lab")
        data = {"adom": "lab", "pkg": "lab"}
        console.call("exec", "/securityconsole/install/package", data)
        began = estate.clock.now()
        assert sorted(verified(estate.apply("window"))) == fleet.names(2)
        assert estate.clock.now() - began < 200


def test_an_aborted_rollout_starts_nothing(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2)) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        estate.steer("abort", reason="the shop sells")
        result = estate.apply("now")
        assert held_kind(result) is HoldKind.HALTED
        assert "the shop sells" in str(report(result).waiting)
        estate.steer("resume")
        assert len(verified(estate.apply("window"))) == 2


def test_an_offline_device_is_deferred_and_picked_up_later(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(3)) as estate:
        estate.unit.fortigate("fgt-2").go_offline()
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        first = estate.apply("window")
        assert sorted(verified(first)) == ["fgt-1", "fgt-3"]
        assert report(first).failures == {}
        estate.unit.fortigate("fgt-2").come_back()
        assert verified(estate.apply("window")) == ["fgt-2"]


def test_a_device_that_goes_offline_within_its_wave_is_deferred_too(tmp_path: Path) -> None:
    rollout = {"waves": ["100%"], "pause": "0s", "maxFailures": 1}
    unit = {**seed(3), "switches": {"unreachableInstallFails": True}}
    with open_fleet(tmp_path, unit, clock=fleet.Agenda(), rollout=rollout) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        # While the first device is being installed.
        fleet.during(estate, 1.5, estate.unit.fortigate("fgt-3").go_offline)
        first = estate.apply("window")
        assert sorted(verified(first)) == ["fgt-1", "fgt-2"]
        assert report(first).failures == {}
        assert held_kind(first) is None
        estate.unit.fortigate("fgt-3").come_back()
        assert verified(estate.apply("window")) == ["fgt-3"]


def test_a_package_never_installed_there_is_left_to_a_person(tmp_path: Path) -> None:
    unit = seed(2)
    unit["adoms"][0]["devices"][1]["installed"] = False
    with open_fleet(tmp_path, unit) as estate:
        # The administrator's own install has made it known: take that back.
        adom = estate.unit.world.adoms["prod"]
        del adom.installed["fgt-2", "root"]
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        result = estate.apply("window")
        assert verified(result) == ["fgt-1"]
        (held,) = [each for each in result.adoms[0].view.admissions if each.held]
        assert held.pending.target.device == "fgt-2"
        assert "was never installed there by FortiManager" in held.because
        status = estate.status().adoms[0]
        states = {view.target.device: view.groups[0].state for view in status.views}
        assert states == {"fgt-1": GroupState.IN_SYNC, "fgt-2": GroupState.HELD}
        estate.write_config(install={"windows": [fleet.NIGHTS], "firstInstall": "allow"})
        assert verified(estate.apply("window")) == ["fgt-2"]


def test_a_device_out_of_sync_is_left_to_a_person(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2)) as estate:
        estate.unit.fortigate("fgt-1").drift("firewall address", "by-hand", type="ipmask")
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        result = estate.apply("window")
        assert verified(result) == ["fgt-2"]
        assert ["not in sync" in a.because for a in result.adoms[0].view.admissions] == [True]


def test_other_peoples_edits_hold_their_device_only(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2)) as estate:
        only = {"scope member": [{"name": "fgt-1", "vdom": "root"}]}
        estate.write_policy("legacy-db", name="half-done", **only)
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        result = estate.apply("window")
        assert verified(result) == ["fgt-2"]
        assert "firewall policy" in report(result).blocked["fgt-1"]
        (edit,) = report(result).foreign["fgt-1"]
        assert any("half-done" in line for line in edit.lines)
        assert holding(estate, "10.1.0.1") == ["fgt-1"]
        # Once they are installed, ours may follow.
        estate.install_by_hand()
        web(estate, "10.1.0.3")
        assert sorted(verified(estate.apply("window"))) == fleet.names(2)


@pytest.mark.parametrize("policy", ["report", "allow"])
def test_other_peoples_edits_may_be_let_through(tmp_path: Path, policy: str) -> None:
    with open_fleet(tmp_path, seed(1), foreignChanges=policy) as estate:
        estate.write_policy("legacy-db", name="theirs")
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        result = estate.apply("window")
        assert verified(result) == ["fgt-1"]
        assert report(result).foreign
        kept = (estate.folder / "state" / "audit.jsonl").read_text().splitlines()
        carried = [line for line in map(json.loads, kept) if line["event"] == "carried along"]
        assert any("theirs" in text for text in carried[0]["edits"][0]["lines"])


def test_another_fmgsyncs_changes_are_listed_not_foreign(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(1)) as estate:
        console = estate.unit.console("admin")
        console.lock("prod")
        mark = "Managed by fmgsync (stage): "
        for table, data in (
            ("address", {"name": "stage_10.8.0.1", "subnet": "10.8.0.1/32"}),
            ("addrgrp", {"name": "k8s-stage", "member": ["stage_10.8.0.1"]}),
        ):
            data["comment"] = f"{mark}{data['name']}"
            console.call("add", f"/pm/config/adom/prod/obj/firewall/{table}", data)
        console.commit("prod")
        console.unlock("prod")
        estate.write_policy("k8s-stage")
        estate.install_by_hand()
        console.lock("prod")
        address = {"name": "stage_10.8.0.2", "subnet": "10.8.0.2/32"}
        address["comment"] = f"{mark}{address['name']}"
        console.call("add", "/pm/config/adom/prod/obj/firewall/address", address)
        members = {"member": ["stage_10.8.0.1", "stage_10.8.0.2"]}
        console.call("update", "/pm/config/adom/prod/obj/firewall/addrgrp/k8s-stage", members)
        console.commit("prod")
        console.unlock("prod")
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        result = estate.apply("window")
        assert verified(result) == ["fgt-1"]
        assert report(result).foreign == {}
        assert {edit.name for edit in report(result).peers["fgt-1"]} == {
            "k8s-stage",
            "stage_10.8.0.2",
        }


def test_somebody_elses_lock_is_waited_for_and_named(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(1)) as estate:
        web(estate, "10.1.0.2")
        estate.apply("never")
        to(estate, OPEN)
        console = estate.unit.console("admin")
        console.lock("prod")
        busy = estate.apply("window")
        assert verified(busy) == []
        assert "locked: by 'admin'" in str(report(busy).waiting)
        console.unlock("prod")
        assert verified(estate.apply("window")) == ["fgt-1"]


def test_somebody_elses_install_is_waited_for(tmp_path: Path) -> None:
    unit = seed(2)
    unit["adoms"][0]["devices"][1]["installSeconds"] = 120
    unit["workspaceMode"] = "disabled"
    with open_fleet(tmp_path, unit) as estate:
        web(estate, "10.1.0.2")
        estate.apply("never")
        to(estate, OPEN)
        scope = [{"name": "fgt-2", "vdom": "root"}]
        data = {"adom": "prod", "pkg": fleet.PACKAGE, "scope": scope}
        estate.unit.console("admin").call("exec", "/securityconsole/install/package", data)
        began = estate.clock.now()
        assert verified(estate.apply("window")) == ["fgt-1"]
        assert estate.clock.now() - began > 100
        assert holding(estate, "10.1.0.2") == fleet.names(2)
        lines = [line.fields for line in audit.read(estate.folder / "state" / "audit.jsonl")]
        announced = [line["at"] for line in lines if line["event"] == "install"]
        assert len(announced) == 1, "an install that has to wait is not one yet"
        assert datetime.fromisoformat(announced[0]).timestamp() - began > 100
