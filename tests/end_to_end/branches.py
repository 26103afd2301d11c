"""Branch offices: FortiGates without a FortiManager in front of one cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fmgsync.clock import Clock, ManualClock
from fmgsync.model.target import DeviceVdom
from fmgsync.passes.result import Result
from fmgsync.simulator import Simulator
from tests import builders
from tests.end_to_end.estate import UNATTENDED, Estate

BRANCHES = ("branch-1", "branch-2", "branch-3")
CLUSTER = "east"
GROUP = "k8s-web"


class Branches(Estate):
    """The world around fmgsync where each FortiGate stands alone."""

    def pods(self, *numbers: int) -> None:
        """Let exactly these pods run: pod N has the address 10.1.0.N."""
        labels = {"app": "web"}
        made = [builders.pod(f"web-{n}", f"10.1.0.{n}", labels=labels) for n in numbers]
        # A dump without any pod tells nothing of pods.
        self.run(CLUSTER, *made, builders.pod("other", "10.1.9.9", labels={"app": "other"}))

    def held(self, name: str, group: str = GROUP, vdom: str = "root") -> set[int] | None:
        """The pods that a FortiGate knows: the last byte of each address in the group."""
        members = self.unit.fortigate(name).members(group, vdom)
        return None if members is None else {int(text.rpartition(".")[2]) for text in members}

    def everywhere(self) -> list[set[int] | None]:
        """The same of all of them."""
        return [self.held(unit["name"]) for unit in self.config["fortigates"]]

    def writes(self, since: int = 0) -> list[tuple[str, str, str]]:
        """Device, method and path of what was not a mere question."""
        return [
            (str(one.device), one.method, urlsplit(one.urls[0]).path.removeprefix("/api/v2/"))
            for one in self.unit.requests.since(since)
            if one.method != "GET"
        ]

    def foreign(self) -> dict[tuple[str, str], Any]:
        """Every object that is not ours, on every unit."""
        found: dict[tuple[str, str], Any] = {}
        for unit in self.config["fortigates"]:
            for table in ("address", "address6", "addrgrp", "addrgrp6", "policy"):
                path = f"/api/v2/cmdb/firewall/{table}?vdom=root"
                rows = self.unit.fortigate(unit["name"]).rest(path)["results"]
                found[unit["name"], table] = [
                    row for row in rows if "Managed by fmgsync" not in row.get("comment", "")
                ]
        return found


def states(result: Result) -> dict[DeviceVdom, list[str]]:
    """How each FortiGate stands, group by group."""
    return {
        view.target: [group.state.value for group in view.groups]
        for adom in result.adoms
        for view in adom.views
    }


def seed(names: Sequence[str] = BRANCHES, **more: Any) -> dict[str, Any]:
    """FortiGates with an administrator's own group and policy."""
    one = {
        "vdoms": ["root"],
        "apiUsers": [{"name": "fmgsync", "key": "k3y", "profile": "advised"}],
        "addresses": [{"name": "legacy-db", "subnet": "10.9.0.1/32", "comment": "by hand"}],
        "addressGroups": [{"name": "legacy", "members": ["legacy-db"]}],
        "policies": [{"name": "legacy", "srcaddr": ["legacy"], "dstaddr": ["all"]}],
        **more,
    }
    return {"fortigates": [{"name": name, **one} for name in names]}


@contextmanager
def open_branches(
    folder: Path,
    made: dict[str, Any] | None = None,
    *,
    clock: Clock | None = None,
    **more: Any,
) -> Iterator[Branches]:
    """Start the FortiGates and write a configuration for them; `more` are keys of each unit."""
    clock = clock or ManualClock()
    made = made or seed()
    folder.mkdir(exist_ok=True)
    with chdir(folder), Simulator(made, clock=clock.now, strict=True) as unit:
        (folder / "key").write_text("k3y", encoding="utf-8")
        (folder / "key").chmod(0o600)
        urls = unit.fortigates
        config = {
            "owner": "prod",
            "clusters": [
                {
                    "name": CLUSTER,
                    "manifests": f"./{CLUSTER}.json",
                    "allowedRanges": ["10.1.0.0/16"],
                }
            ],
            "fortigates": [
                {
                    "name": one["name"],
                    "host": urlsplit(urls[one["name"]]).netloc,
                    "apiKey": {"file": "./key"},
                    "tls": {"caFile": unit.ca_file},
                    "connections": 1,
                    **more,
                }
                for one in made["fortigates"]
            ],
            "sites": [{"clusters": [CLUSTER], "fortigates": ["*"], "fleet": "branches"}],
            "groups": [{"name": GROUP, "select": "app == 'web'"}],
            "install": UNATTENDED,
        }
        branches = Branches(folder, unit, clock, config)
        branches.write_config()
        branches.pods()
        yield branches
        assert not unit.world.defects, unit.world.defects
