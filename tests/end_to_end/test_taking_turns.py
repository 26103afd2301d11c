"""Two ADOMs with rollouts of several batches in one `apply`: neither waits for the other's end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests import builders
from tests.end_to_end.estate import PACKAGE, Estate, default_seed, open_estate
from tests.end_to_end.fleet import GROUP, NIGHTS, OPEN, Agenda, to, web

ADOMS = ("prod", "lab")


def devices(adom: str) -> list[str]:
    return [f"{adom}-{number}" for number in (1, 2)]


def adom_of(name: str) -> dict[str, Any]:
    (made,) = default_seed()["adoms"]
    rows = [{"name": each, "vdoms": ["root"], "installSeconds": 60} for each in devices(name)]
    (package,) = made["packages"]
    targets = [f"{each}/root" for each in devices(name)]
    return {**made, "name": name, "devices": rows, "packages": [{**package, "targets": targets}]}


def let_through(estate: Estate, adom: str) -> None:
    """An administrator writes a policy for the group and installs it."""
    console = estate.unit.console("admin")
    policy = {"name": "to-web", "srcaddr": ["all"], "dstaddr": [GROUP], "action": "accept"}
    console.add_policy(adom, PACKAGE, **policy)
    data = {"adom": adom, "pkg": PACKAGE}
    task = console.call("exec", "/securityconsole/install/package", data)["task"]
    while console.get(f"/task/task/{task}")["percent"] < 100:
        estate.clock.sleep(1)
    console.log_out()


def test_batches_of_two_adoms_take_turns(tmp_path: Path) -> None:
    """What changed in between is written by the next pass of each, before its next batch."""
    unit = default_seed(workspaceMode="disabled", adoms=[adom_of(name) for name in ADOMS])
    clock = Agenda()
    with open_estate(tmp_path, unit, clock=clock) as estate:
        estate.run("west", builders.pod("db-1", "10.2.0.9", labels={"app": "db"}))
        web(estate, "10.1.0.1")
        sites = [
            {"clusters": ["east"], "fortimanager": "hq", "adom": name, "devices": devices(name)}
            for name in ADOMS
        ]
        rollout = {"canary": ["prod-1", "lab-1"], "waves": ["100%"], "pause": "0s"}
        install = {"windows": [NIGHTS], "rollout": {**rollout, "maxFailures": 1}}
        estate.write_config(sites=sites, install=install)
        estate.apply("never")
        for name in ADOMS:
            let_through(estate, name)
        web(estate, "10.1.0.1", "10.1.0.2")
        to(estate, OPEN)
        third = ("10.1.0.1", "10.1.0.2", "10.1.0.3")
        clock.plan(OPEN.timestamp() + 30, lambda: web(estate, *third))  # the first batch runs
        result = estate.apply("window")
        assert [adom.error for adom in result.adoms] == [None, None]
        lines = (tmp_path / "state" / "audit.jsonl").read_text("utf-8").splitlines()
        found = [line for line in map(json.loads, lines) if line["event"] == "install"]
        assert [line["device"] for line in found][:4] == ["lab-1", "prod-1", "lab-2", "prod-2"]
        for device in (*devices("prod"), *devices("lab")):
            assert estate.on_device(device, GROUP) == set(third), device
