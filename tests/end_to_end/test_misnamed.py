"""A canary, wave or window that names no device is known once FortiManager was read, and said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import main
from fmgsync.scheduling.rollout import HoldKind
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import NIGHTS, OPEN, open_fleet, report, seed, to, verified, web


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Two FortiGates that the site knows by their group only."""
    members = [{"name": "East", "members": ["fgt-1/root", "fgt-2/root"]}]
    with open_fleet(tmp_path, seed(2, deviceGroups=members)) as made:
        (site,) = made.config["sites"]
        made.write_config(sites=[{**site, "devices": ["group:East"]}])
        web(made, "10.1.0.2")
        to(made, OPEN)
        yield made


def windows(**scope: Any) -> dict[str, Any]:
    return {
        "windows": [NIGHTS, {"kind": "deny", "schedule": "0 1 * * *", "duration": "1h", **scope}]
    }


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "a canary": ({"rollout": {"canary": ["fgt-11"]}}, "fgt-1"),
    "a canary's group": ({"rollout": {"canary": ["group:Esat"]}}, "group:East"),
    "a wave's group": ({"rollout": {"waves": ["group:Esat", "100%"]}}, "group:East"),
    "a device in a window": (windows(devices=["fgt_1"]), "fgt-1"),
    "a VDOM in a window": (windows(devices=["fgt-1/rot"]), "fgt-1/root"),
    "a pattern in a window": (windows(devices=["fgd-*"]), ""),
    "a device group in a window": (windows(deviceGroups=["Eats"]), "group:East"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_holds_the_rollout_and_names_the_nearest(
    estate: Estate, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    install, nearest = CASES[case]
    estate.write_config(install={"windows": [NIGHTS], **install})
    result = estate.apply("now")
    assert not verified(result)
    decision = report(result).decision
    assert decision is not None
    assert decision.held is not None
    assert decision.held.kind is HoldKind.MISNAMED
    for command in ("plan", "status", "doctor", "forecast"):
        capsys.readouterr()
        main.run([command, "-c", str(estate.path), "-o", "json"])
        out = capsys.readouterr().out
        assert "names '" in out
        assert f"nearest: '{nearest}'" in out or not nearest
        if command in ("plan", "forecast"):
            # Nothing looks as if it would start.
            rows = json.loads(out)["installs" if command == "plan" else "devices"]
            assert all("names '" in row["held"] for row in rows)


@pytest.mark.parametrize(
    "install",
    [
        {"rollout": {"canary": ["fgt-1"], "waves": ["group:East", "100%"]}},
        windows(devices=["fgt-?", "group:E*"], schedule="0 5 * * *"),
    ],
)
def test_names_that_stand_for_something_hold_nothing(
    estate: Estate, install: dict[str, Any]
) -> None:
    rollout = {"maxFailures": "100%", "pause": "0s", **install.get("rollout", {})}
    estate.write_config(install={"windows": [NIGHTS], **install, "rollout": rollout})
    estate.apply("window")
    assert {d for d in ("fgt-1", "fgt-2") if estate.on_device(d, "k8s-web") == {"10.1.0.2"}}


def test_a_canary_of_another_adom_is_no_mistake(tmp_path: Path) -> None:
    """Its site names a device group, so only the other ADOM can tell."""
    unit = seed(2)
    lab = {"name": "lab-1", "installSeconds": 2}
    group = {"name": "Lab", "members": ["lab-1/root"]}
    unit["adoms"].append(
        {"name": "lab", "osVersion": "7.4", "devices": [lab], "deviceGroups": [group]}
    )
    with open_fleet(tmp_path, unit) as estate:
        (site,) = estate.config["sites"]
        other = {**site, "adom": "lab", "devices": ["group:Lab"]}
        rollout = {"canary": ["fgt-1", "lab-1"], "pause": "0s", "maxFailures": "100%"}
        estate.write_config(sites=[site, other], install={"windows": [NIGHTS], "rollout": rollout})
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        estate.apply("window")
        assert {estate.on_device(d, "k8s-web") == {"10.1.0.2"} for d in ("fgt-1", "fgt-2")} == {
            True
        }
