"""How fast the simulator answers, and what it weighs, at 1,000, 10,000 and 100,000 addresses.

Run: python benchmarks/simulator.py [--devices 1000] [SIZE ...]

Each size runs in a process of its own, so that memory is its own. Requests go over HTTPS on a
loopback port, by a client with one kept connection; times include the client's share. With the
table growing, everything but the full read should stay as it is.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Callable
from typing import Any

import requests

from fmgsync.clock import ManualClock
from fmgsync.simulator import Simulator

GROUP_SIZE = 50
BATCH = 500
OBJ = "/pm/config/adom/prod/obj/firewall"


def seed(addresses: int, devices: int) -> dict[str, Any]:
    """Addresses in groups of 50; a twentieth of the groups used by one package on all devices."""
    names = [f"a{number:06}" for number in range(addresses)]
    groups = [
        {"name": f"g{at:05}", "members": names[at * GROUP_SIZE : (at + 1) * GROUP_SIZE]}
        for at in range(addresses // GROUP_SIZE)
    ]
    units = [{"name": f"fgt-{number:04}", "installSeconds": 0} for number in range(devices)]
    used = [group["name"] for group in groups[:: max(1, len(groups) // 100)]]
    return {
        "workspaceMode": "normal",
        "adoms": [
            {
                "name": "prod",
                "devices": units,
                "addresses": [
                    {"name": name, "subnet": f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}"}
                    for at, name in enumerate(names)
                ],
                "addressGroups": groups,
                "packages": [
                    {
                        "name": "edge",
                        "targets": [unit["name"] for unit in units],
                        "policies": [{"srcaddr": [name], "dstaddr": ["all"]} for name in used],
                    }
                ],
            }
        ],
    }


class Caller:
    """A client with one kept connection."""

    def __init__(self, simulator: Simulator) -> None:
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.verify = simulator.ca_file
        self._url = f"{simulator.url}/jsonrpc"
        login = {"user": "admin", "passwd": "admin"}
        answer = self.send("exec", {"url": "/sys/login/user", "data": login})
        self.session = answer["session"]

    session: str | None = None

    def send(self, method: str, *params: dict[str, Any]) -> dict[str, Any]:
        body = {"method": method, "params": list(params), "session": self.session, "verbose": 1}
        response = self._http.post(self._url, data=json.dumps(body), timeout=600)
        answer: dict[str, Any] = json.loads(response.content)
        for element in answer["result"]:
            if element["status"]["code"] != 0:
                raise SystemExit(f"{method}: {element}")
        return answer


def timed(action: Callable[[], object], times: int = 1) -> float:
    """Seconds for one of several runs."""
    began = time.perf_counter()
    for _ in range(times):
        action()
    return (time.perf_counter() - began) / times


def measure(addresses: int, devices: int) -> dict[str, float]:
    """One line of the table."""
    clock = ManualClock()
    began = time.perf_counter()
    with Simulator(seed(addresses, devices), clock=clock.now) as simulator:
        load = time.perf_counter() - began
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        call = Caller(simulator)
        found = {"addresses": addresses, "load s": load, "memory MB": memory}
        found |= _reads(call, addresses)
        found |= _writes(call)
        found |= _installs(call, clock)
    return found


def _reads(call: Caller, addresses: int) -> dict[str, float]:
    table = {"url": f"{OBJ}/address", "fields": ["name", "subnet"], "loadsub": 0}
    middle = f"a{addresses // 2:06}"
    one = {**table, "filter": ["name", "==", middle]}
    holders = {"url": f"{OBJ}/addrgrp", "fields": ["name"], "filter": ["member", "contain", middle]}
    page = {**table, "range": [addresses // 2, 100]}
    return {
        "status req/s": 1 / timed(lambda: call.send("get", {"url": "/sys/status"}), 200),
        "one by name ms": 1000 * timed(lambda: call.send("get", one), 100),
        "by member ms": 1000 * timed(lambda: call.send("get", holders), 100),
        "page of 100 ms": 1000 * timed(lambda: call.send("get", page), 20),
        "full read s": timed(lambda: call.send("get", table)),
    }


def _writes(call: Caller) -> dict[str, float]:
    rows = [
        {"name": f"new{number}", "subnet": f"172.16.0.{number % 256}"} for number in range(BATCH)
    ]
    add = [{"url": f"{OBJ}/address", "data": row} for row in rows]
    drop = [{"url": f"{OBJ}/address/{row['name']}"} for row in rows]
    workspace = "/dvmdb/adom/prod/workspace"
    lock = timed(lambda: call.send("exec", {"url": f"{workspace}/lock"}))
    written = timed(lambda: call.send("add", *add))
    commit = timed(lambda: call.send("exec", {"url": f"{workspace}/commit"}))
    deleted = timed(lambda: call.send("delete", *drop))
    call.send("exec", {"url": f"{workspace}/commit"})
    return {
        "lock ms": 1000 * lock,
        f"add {BATCH} ms": 1000 * written,
        "commit ms": 1000 * commit,
        f"delete {BATCH} ms": 1000 * deleted,
    }


def _installs(call: Caller, clock: ManualClock) -> dict[str, float]:
    """One changed group, on every device of the package; the ADOM lock is held."""
    change = {"url": f"{OBJ}/addrgrp/g00000", "data": {"member": ["a000000", "a000001"]}}
    call.send("update", change)
    changed = timed(lambda: call.send("exec", {"url": "/dvmdb/adom/prod/workspace/commit"}))
    install = {"url": "/securityconsole/install/package", "data": {"adom": "prod", "pkg": "edge"}}

    def run() -> None:
        task = call.send("exec", install)["result"][0]["data"]["task"]
        clock.sleep(1)
        state = call.send("get", {"url": f"/task/task/{task}", "loadsub": 0})
        if state["result"][0]["data"]["state"] != "done":
            raise SystemExit(f"the install did not end: {state}")

    return {"commit change ms": 1000 * changed, "install s": timed(run)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument("--devices", type=int, default=1_000)
    options = parser.parse_args()
    rows = []
    for size in options.sizes:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            rows.append(pool.apply(measure, (size, options.devices)))
    print(f"| addresses, {options.devices:,} FortiGates | ", end="")
    for number, name in enumerate(rows[0]):
        places = ",.1f" if number else ",.0f"
        told = " | ".join(format(row[name], places) for row in rows)
        print(f"{told} |\n|---|{'---:|' * len(rows)}" if not number else f"| {name} | {told} |")


if __name__ == "__main__":
    main()
