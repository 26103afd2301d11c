"""FortiGates with several VDOMs and packages: the budget counts the device, the proof each VDOM."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from fmgsync.model.target import DeviceVdom
from tests import builders
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.fleet import CLOSED, GROUP, NIGHTS, OPEN, Agenda, report, to, web
from tests.end_to_end.killing import Life, run

ROOT, DMZ = DeviceVdom("fgt-1", "root"), DeviceVdom("fgt-1", "dmz")
PACKAGES = {"edge/default": "root", "inner": "dmz"}


@contextmanager
def due(folder: Path, **install: Any) -> Iterator[Estate]:
    """One FortiGate, a package for each of its two VDOMs, a change for both, the window open."""
    unit = default_seed()
    unit["adoms"][0].update(
        devices=[{"name": "fgt-1", "vdoms": ["root", "dmz"], "installSeconds": 10}],
        packages=[
            {"name": name, "targets": [f"fgt-1/{vdom}"], "policies": []}
            for name, vdom in PACKAGES.items()
        ],
    )
    with open_estate(folder, unit, clock=Agenda()) as estate:
        devices = ["fgt-1/root", "fgt-1/dmz"]
        site = {"clusters": ["east"], "fortimanager": "hq", "adom": "prod", "devices": devices}
        estate.run("west", builders.pod("db-1", "10.2.0.9", labels={"app": "db"}))
        web(estate, "10.1.0.1")
        estate.write_config(sites=[site], install={"windows": [NIGHTS], **install})
        estate.apply("never")
        for name in PACKAGES:
            with estate.administrator() as console:
                rule = {"srcaddr": ["all"], "dstaddr": [GROUP], "service": ["ALL"]}
                console.add_policy("prod", name, name="to-web", action="accept", **rule)
            install_by_hand(estate, name)
        to(estate, CLOSED)
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        yield estate


def install_by_hand(estate: Estate, package: str) -> None:
    console = estate.unit.console("admin")
    console.lock("prod")
    data = {"adom": "prod", "pkg": package}
    task = console.call("exec", "/securityconsole/install/package", data)["task"]
    while console.get(f"/task/task/{task}")["percent"] < 100:
        estate.clock.sleep(1)
    console.unlock("prod")
    console.log_out()


def held(estate: Estate, vdom: str) -> set[str] | None:
    return estate.unit.fortigate("fgt-1").members(GROUP, vdom)


def ledger(estate: Estate) -> dict[str, Any]:
    text = (estate.folder / "state" / "rollouts.json").read_text()
    (rollout,) = json.loads(text)["rollouts"]
    assert isinstance(rollout, dict)
    return rollout


def test_both_vdoms_are_installed_and_the_device_counts_once(tmp_path: Path) -> None:
    with due(tmp_path) as estate:
        result = estate.apply("window")
        assert sorted(report(result).verified) == [DMZ, ROOT]
        assert held(estate, "root") == held(estate, "dmz") == {"10.1.0.2"}
        assert [proof["device"] for proof in ledger(estate)["proofs"]] == ["fgt-1"]


def test_a_vdom_that_is_held_back_is_not_called_verified(tmp_path: Path) -> None:
    """Somebody's half-done policy holds one VDOM; what became of the other one still counts."""
    with due(tmp_path) as estate:
        with estate.administrator() as console:
            console.add_policy("prod", "inner", name="half-done", action="accept")
        result = estate.apply("window")
        assert report(result).verified == [ROOT]
        assert held(estate, "dmz") == {"10.1.0.1"}
        assert "proofs" not in ledger(estate)
        assert "attempts" not in ledger(estate)


def test_a_vdom_is_pushed_at_risk_although_the_other_one_was_held_back_before(
    tmp_path: Path,
) -> None:
    at_push = []

    class Watching(Life):
        def asks(self, body: str) -> None:
            if "package/commit" in body:
                at_push.append([each["device"] for each in ledger(estate)["attempts"]])

    with due(tmp_path, foreignChanges="block") as estate:
        with estate.administrator() as console:
            rule = {"srcaddr": ["all"], "dstaddr": ["all"], "service": ["ALL"]}
            console.add_policy("prod", "edge/default", name="theirs", action="accept", **rule)
        result = run(estate, Watching(float("inf")))
        assert result is not None
        assert report(result).verified == [DMZ]
        assert at_push == [["fgt-1"]]
        assert "attempts" not in ledger(estate)
        assert held(estate, "root") == {"10.1.0.1"}


def test_a_failure_counts_although_the_other_vdom_was_held_back(tmp_path: Path) -> None:
    with due(tmp_path) as estate:
        estate.unit.fortigate("fgt-1").refuse("firewall addrgrp", GROUP)
        with estate.administrator() as console:
            console.add_policy("prod", "inner", name="half-done", action="accept")
        result = estate.apply("window")
        assert report(result).verified == []
        assert list(report(result).failures) == ["fgt-1"]
        (attempt,) = ledger(estate)["attempts"]
        assert attempt["failed_at"]


def test_a_vdom_whose_install_was_not_begun_stays_pending(tmp_path: Path) -> None:
    """The window closes between the two packages: `stop` makes no further call."""
    with due(tmp_path, overrun="stop") as estate:
        closes = OPEN.replace(hour=4, minute=0)
        estate.clock.sleep(closes.timestamp() - 320 - estate.clock.now())
        estate.unit.world.devices["fgt-1"].install_seconds = 330
        result = estate.apply("window")
        assert estate.clock.now() > closes.timestamp()
        assert report(result).verified == [ROOT]
        assert report(result).failures == {}
        assert held(estate, "dmz") == {"10.1.0.1"}
        assert "attempts" not in ledger(estate)
        assert "proofs" not in ledger(estate)
        to(estate, OPEN + timedelta(days=1))
        assert report(estate.apply("window")).verified == [DMZ]
