"""FortiGates without a FortiManager: fmgsync beside a loop over fortigate-api that checks first.

    python -m benchmarks.fortigates [--latency 50] [--addresses 1000] [--units 300]

The simulator is a process of its own and lets every request wait. Three questions: one unit from
nothing to 1,000 addresses in 10 groups; a plan over many units with nothing to do; ten members
exchanged on each of them. Ansible's collection takes part with few objects, if it is installed; its
figures are multiplied, which is said. Prints one table; under six minutes on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
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

from benchmarks.contestants import as_installed
from fmgsync.simulator import Simulator

GROUPS = 10


@dataclass(frozen=True)
class Figure:
    """What one run took; `processor` are the seconds of the client alone."""

    seconds: float
    requests: int
    processor: float = 0.0

    def beyond(self, more: Figure, times: float) -> Figure:
        """What it would have taken, were what `more` took beyond this to come so many times."""
        return Figure(
            self.seconds + (more.seconds - self.seconds) * times,
            self.requests + round((more.requests - self.requests) * times),
            self.processor + (more.processor - self.processor) * times,
        )


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


def _play(count: int, latency_s: float, filled: int, talk: Connection) -> None:
    users, held = [{"name": "fmgsync", "key": "k3y"}], _held(filled) if filled else {}
    seed = {
        "fortigates": [
            {"name": f"branch-{n}", "vdoms": ["root"], "apiUsers": users, **held}
            for n in range(1, count + 1)
        ]
    }
    with Simulator(seed, latency=latency_s) as unit:
        talk.send((unit.fortigates, unit.ca_file))
        while talk.recv() == "count":
            talk.send(unit.requests.mark())


def address(number: int) -> str:
    """Pod N's address."""
    return f"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}"


def _held(count: int) -> dict[str, Any]:
    """What fmgsync has left on a unit for so many pods."""

    def marked(name: str) -> dict[str, Any]:
        return {"name": name, "comment": f"Managed by fmgsync (bench): {name}"}

    names = {n: f"bench_{address(n)}" for n in range(1, count + 1)}
    return {
        "addresses": [{**marked(name), "subnet": f"{address(n)}/32"} for n, name in names.items()],
        "addressGroups": [
            {**marked(f"k8s-g{g}"), "members": [m for n, m in names.items() if n % GROUPS == g]}
            for g in range(GROUPS)
        ],
    }


@contextmanager
def units(count: int, latency_s: float, *, filled: int = 0) -> Iterator[Units]:
    """Some FortiGates; `filled`: what fmgsync has written there for so many pods is there."""
    here, there = multiprocessing.Pipe()
    made = multiprocessing.get_context("spawn").Process(
        target=_play, args=(count, latency_s, filled, there), daemon=True
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
                "podIP": address(n),
                "podIPs": [{"ip": address(n)}],
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


def timed(command: list[str], made: Units, **more: Any) -> Figure:
    """A client in a process of its own."""
    before, began = made.requests(), time.monotonic()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    seconds, now = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 3):
        told = f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{told}")
    processor = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return Figure(seconds, made.requests() - before, processor)


def fmgsync(folder: Path, made: Units, *arguments: str) -> Figure:
    """One command of ours."""
    environment = {**as_installed(), "FMGSYNC_STATE_DIR": str(folder / "state")}
    command = [sys.executable, "-m", "fmgsync", *arguments]
    return timed(command, made, cwd=folder, env=environment)


def ansible(folder: Path, made: Units, name: str, first: int, count: int) -> Figure | None:
    """The collection's own way: a task for each address. None where it is not installed."""
    program = shutil.which("ansible-playbook", path=str(Path(sys.executable).parent))
    if program is None:
        return None
    parts = urlsplit(made.urls[name])
    host = {
        "ansible_connection": "ansible.netcommon.httpapi",
        "ansible_network_os": "fortinet.fortios.fortios",
        "ansible_host": parts.hostname,
        "ansible_httpapi_port": parts.port,
        "ansible_httpapi_use_ssl": True,
        "ansible_httpapi_validate_certs": True,
        "ansible_httpapi_ca_path": made.ca_file,
        "ansible_httpapi_session_key": {"access_token": "k3y"},
        "ansible_python_interpreter": sys.executable,
    }
    (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": {name: host}}}))
    values = {"type": "ipmask", "subnet": "{{ item }} 255.255.255.255", "name": "{{ item }}"}
    task = {
        "fortinet.fortios.fortios_firewall_address": {
            "vdom": "root",
            "state": "present",
            "firewall_address": values,
        },
        "loop": [address(n) for n in range(first, first + count)],
    }
    play = [{"hosts": name, "gather_facts": False, "tasks": [task]}]
    (folder / "play.yml").write_text(json.dumps(play))
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("ANSIBLE_", "LC_"))}
    environment = {**kept, "ANSIBLE_HOME": str(folder / "ansible"), "LC_ALL": "C.UTF-8"}
    return timed([program, "-i", "hosts.json", "play.yml"], made, cwd=folder, env=environment)


def loop(made: Units, unit: str, count: int) -> Figure:
    """What a careful script does: looks for each object, and creates what is not there."""
    import urllib3
    from fortigate_api import FortiGateAPI

    urllib3.disable_warnings()
    parts = urlsplit(made.urls[unit])
    before, began, used = made.requests(), time.monotonic(), time.process_time()
    # It knows no file of authorities; that it verifies nothing makes it no slower.
    api = FortiGateAPI(
        host=str(parts.hostname), port=parts.port or 443, token="k3y", verify=False, vdom="root"
    )
    try:
        members: dict[str, list[str]] = {}
        for n in range(1, count + 1):
            name = address(n)
            if not api.cmdb.firewall.address.is_exist(uid=name):
                body = {"name": name, "type": "ipmask", "subnet": f"{name} 255.255.255.255"}
                api.cmdb.firewall.address.create(body)
            members.setdefault(f"g{n % GROUPS}", []).append(name)
        for group, names in members.items():
            if not api.cmdb.firewall.addrgrp.is_exist(uid=group):
                rows = [{"name": one} for one in names]
                api.cmdb.firewall.addrgrp.create({"name": group, "member": rows})
    finally:
        api.logout()
    seconds, used = time.monotonic() - began, time.process_time() - used
    return Figure(seconds, made.requests() - before, used)


def one_unit(latency_s: float, count: int, few: int) -> Iterator[str]:
    """From nothing: ours, the loop, and a few tasks of Ansible."""
    with units(3, latency_s) as made, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        only = Units({"branch-1": made.urls["branch-1"]}, made.ca_file, made.talk)
        configure(folder, only, 4)
        (folder / "east.json").write_text(pods(count))
        ours = fmgsync(folder, made, "apply")
        theirs = loop(made, "branch-2", count)
        begun = ansible(folder, made, "branch-3", 1, 1)
        played = ansible(folder, made, "branch-3", 2, few + 1) if begun is not None else None
    objects = count + GROUPS
    what = f"one unit, {count:,} addresses into {GROUPS} groups"
    yield row(f"{what}: fmgsync", "", ours)
    yield row("the same by a loop over fortigate-api that checks first", "", theirs)
    if begun is not None and played is not None:
        told = f"the same by Ansible's fortinet.fortios, reckoned from {few} addresses"
        yield row(told, "", begun.beyond(played, (objects - 1) / few))
    quicker, share = theirs.seconds / ours.seconds, ours.requests / theirs.requests
    yield f"| times as fast as the loop | 3 | {quicker:.1f} | | |"
    what = f"share of the loop's requests ({objects:,} objects take one each)"
    yield f"| {what} | 0.5 | {share:.3f} | | |"


def many_units(latency_s: float, count: int) -> Iterator[str]:
    """Nothing to do, then ten members on each."""
    with (
        units(count, latency_s, filled=40) as made,
        tempfile.TemporaryDirectory() as name,
    ):
        folder = Path(name)
        configure(folder, made, 2)
        (folder / "east.json").write_text(pods(40))
        idle = fmgsync(folder, made, "plan")
        (folder / "east.json").write_text(pods(40, first=11))
        ten = fmgsync(folder, made, "apply")
        after = fmgsync(folder, made, "plan")
    yield row(f"`plan` over {count} units with nothing to do", "30", idle)
    yield f"| requests for each of them | 4 | {idle.requests / count:.1f} | | |"
    yield row(f"`apply` over {count} units, ten addresses exchanged on each", "60", ten)
    yield f"| requests for each of them | | {ten.requests / count:.1f} | | |"
    if after.requests != 4 * count:
        raise SystemExit("there was something left to do")


def row(what: str, wanted: str, figure: Figure) -> str:
    """A line of the table."""
    seconds, processor = f"{figure.seconds:.0f}", f"{figure.processor:.0f}"
    return f"| {what} | {wanted} | {seconds} | {figure.requests:,} | {processor} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=50)
    parser.add_argument("--addresses", type=int, default=1000)
    parser.add_argument("--units", type=int, default=300)
    parser.add_argument(
        "--tasks", type=int, default=10, help="of Ansible, from which its figure is reckoned"
    )
    asked = parser.parse_args()
    print(f"{asked.latency:g} ms a request; {os.cpu_count()} cores, simulator included")
    print()
    print("| | wanted | measured, s | requests | processor, s |")
    print("|---|---:|---:|---:|---:|")
    for line in one_unit(asked.latency / 1000, asked.addresses, asked.tasks):
        print(line, flush=True)
    for line in many_units(asked.latency / 1000, asked.units):
        print(line, flush=True)


if __name__ == "__main__":
    main()
