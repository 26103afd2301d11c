"""FortiGates without a FortiManager: fmgsync beside a loop over fortigate-api that checks first.

    python benchmarks/fortigates.py [--latency 50] [--addresses 1000] [--units 300]

The simulator is a process of its own and lets every request wait. Three questions: one unit from
nothing to 1,000 addresses in 10 groups; a run over many units with nothing to do; ten members
changed on each of them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fmgsync.simulator import Simulator

GROUPS = 10


@dataclass(frozen=True)
class Figure:
    """What one run took."""

    what: str
    seconds: float
    requests: int

    def __str__(self) -> str:
        return f"{self.what:58} {self.seconds:8.1f} s {self.requests:8,} requests"


@dataclass
class Units:
    """Simulated FortiGates in a process of their own."""

    urls: dict[str, str]
    ca_file: str
    talk: Connection

    def requests(self) -> int:
        """How many there were so far."""
        self.talk.send("count")
        return int(self.talk.recv())


def _play(count: int, latency_s: float, talk: Connection) -> None:
    users = [{"name": "fmgsync", "key": "k3y"}]
    seed = {
        "fortigates": [
            {"name": f"branch-{n}", "vdoms": ["root"], "apiUsers": users}
            for n in range(1, count + 1)
        ]
    }
    with Simulator(seed, latency=latency_s) as unit:
        talk.send((unit.fortigates, unit.ca_file))
        while talk.recv() == "count":
            talk.send(unit.requests.mark())


@contextmanager
def units(count: int, latency_s: float) -> Iterator[Units]:
    """Some FortiGates that nobody has written to yet."""
    here, there = multiprocessing.Pipe()
    made = multiprocessing.get_context("spawn").Process(
        target=_play, args=(count, latency_s, there), daemon=True
    )
    made.start()
    urls, ca_file = here.recv()
    yield Units(urls, ca_file, here)
    here.send("end")
    made.join(10)


def pods(count: int, first: int = 1) -> str:
    """A dump: pod N has an address and belongs to one of ten groups."""
    items: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"p-{n}",
                "namespace": "default",
                "uid": f"u-{n}",
                "labels": {"g": f"g{n % GROUPS}"},
            },
            "spec": {"nodeName": "n1", "containers": []},
            "status": {
                "phase": "Running",
                "podIP": f"10.{n >> 16}.{(n >> 8) & 255}.{n & 255}",
                "podIPs": [{"ip": f"10.{n >> 16}.{(n >> 8) & 255}.{n & 255}"}],
            },
        }
        for n in range(first, first + count)
    ]
    items.append({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "uid": "n"}})
    items.append(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "uid": "d"}}
    )
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def configure(folder: Path, made: Units, connections: int) -> None:
    """A configuration for all of them."""
    (folder / "key").write_text("k3y")
    (folder / "key").chmod(0o600)
    config = {
        "owner": "bench",
        "clusters": [{"name": "east", "manifests": "./east.json", "allowedRanges": ["10.0.0.0/8"]}],
        "fortigates": [
            {
                "name": name,
                "host": urlsplit(url).netloc,
                "apiKey": {"file": "./key"},
                "tls": {"caFile": made.ca_file},
                "managed": "no",
                "connections": connections,
            }
            for name, url in made.urls.items()
        ],
        "sites": [{"clusters": ["east"], "fortigates": ["*"], "fleet": "all"}],
        "groups": [
            {"name": f"k8s-g{n}", "select": f"g == 'g{n}'", "allowEmpty": True}
            for n in range(GROUPS)
        ],
        "guard": {"maxRemovedShare": 1, "maxAddedShare": 1000, "maxMembers": 100000},
        "install": {
            "windows": "always",
            "rollout": {"waves": ["100%"], "pause": "0s", "maxFailures": "100%"},
        },
    }
    (folder / "fmgsync.yaml").write_text(json.dumps(config))


def fmgsync(folder: Path, made: Units, what: str, *arguments: str) -> Figure:
    """One command of ours."""
    before, began = made.requests(), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "fmgsync", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "FMGSYNC_STATE_DIR": str(folder / "state")},
        check=False,
    )
    if done.returncode not in (0, 3):
        raise SystemExit(f"fmgsync {' '.join(arguments)}: {done.returncode}\n{done.stderr[-3000:]}")
    return Figure(what, time.monotonic() - began, made.requests() - before)


def loop(made: Units, name: str, count: int) -> Figure:
    """What a careful script does: looks for each object, and creates what is not there."""
    import urllib3
    from fortigate_api import FortiGateAPI

    urllib3.disable_warnings()
    parts = urlsplit(made.urls[name])
    before, began = made.requests(), time.monotonic()
    # It knows no file of authorities; that it verifies nothing makes it no slower.
    api = FortiGateAPI(
        host=str(parts.hostname), port=parts.port or 443, token="k3y", verify=False, vdom="root"
    )
    try:
        members: dict[str, list[str]] = {}
        for n in range(1, count + 1):
            address = f"10.{n >> 16}.{(n >> 8) & 255}.{n & 255}"
            if not api.cmdb.firewall.address.is_exist(uid=address):
                body = {"name": address, "type": "ipmask", "subnet": f"{address} 255.255.255.255"}
                api.cmdb.firewall.address.create(body)
            members.setdefault(f"g{n % GROUPS}", []).append(address)
        for group, names in members.items():
            body = {"name": group, "member": [{"name": one} for one in names]}
            if not api.cmdb.firewall.addrgrp.is_exist(uid=group):
                api.cmdb.firewall.addrgrp.create(body)
    finally:
        api.logout()
    seconds = time.monotonic() - began
    return Figure("fortigate-api, a loop that checks first", seconds, made.requests() - before)


def one_unit(latency_s: float, count: int) -> None:
    """From nothing."""
    with units(2, latency_s) as made, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        only = Units({"branch-1": made.urls["branch-1"]}, made.ca_file, made.talk)
        configure(folder, only, 4)
        (folder / "east.json").write_text(pods(count))
        ours = fmgsync(folder, made, f"fmgsync, {count:,} addresses, one unit", "apply")
        print(ours)
        theirs = loop(made, "branch-2", count)
        print(theirs)
        quicker, share = theirs.seconds / ours.seconds, ours.requests / theirs.requests
        print(f"  {quicker:.1f} times as fast, {share:.2f} of the requests")


def many_units(latency_s: float, count: int) -> None:
    """Nothing to do, then ten members on each."""
    with units(count, latency_s) as made, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        configure(folder, made, 2)
        (folder / "east.json").write_text(pods(40))
        print(fmgsync(folder, made, f"fmgsync, {count} units, first fill", "apply"))
        idle = fmgsync(folder, made, f"fmgsync, {count} units, nothing to do", "plan")
        print(idle, f"  {idle.requests / count:.1f} a unit")
        (folder / "east.json").write_text(pods(40, first=11))
        print(fmgsync(folder, made, f"fmgsync, {count} units, ten members changed", "apply"))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=50)
    parser.add_argument("--addresses", type=int, default=1000)
    parser.add_argument("--units", type=int, default=300)
    asked = parser.parse_args()
    one_unit(asked.latency / 1000, asked.addresses)
    many_units(asked.latency / 1000, asked.units)


if __name__ == "__main__":
    main()
