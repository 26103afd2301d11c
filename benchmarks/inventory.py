"""From what an API server sends to dirty groups: raw lists and watch lines, whole pods included.

    python benchmarks/inventory.py [--pods 150000] [--seconds 10] [--rate 1000]

Two threads of one process, as in `fmgsync run`: one decodes and applies, the other takes the
differences and judges the rules. The peer decodes the same pages by the generated models of the
`kubernetes` library, on a part of them, because all would need gigabytes; the ratio is of one run.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import resource
import threading
import time
from collections.abc import Iterator
from typing import Any

from kubernetes import client

from benchmarks.membership import make_rules
from fmgsync.clock import SystemClock
from fmgsync.grouping.clusters import Memberships
from fmgsync.kube import listing
from fmgsync.kube.changes import Began, Listed, Removed, Synced, Upserted
from fmgsync.kube.lines import LineDecoder
from fmgsync.kube.requests import PODS, Request
from fmgsync.model.endpoint import ALWAYS, Kind
from fmgsync.sources.convert.objects import Pod
from fmgsync.sources.inventory import Inventory
from fmgsync.sources.kinds import KINDS

APPS, SPACES = 4_000, 500
FILLING = [
    {"manager": f"controller-{n}", "operation": "Update", "fieldsV1": {"f:spec": {"f:x": "y" * 40}}}
    for n in range(50)
]


def pod(n: int, ip: int, version: int, nodes: int) -> dict[str, Any]:
    """About 8 kB, most of it of no interest, as in a real cluster."""
    text = f"10.{ip >> 16 & 255}.{ip >> 8 & 255}.{ip & 255}"
    app = n % APPS
    return {
        "metadata": {
            "name": f"pod-{n}",
            "namespace": f"ns{n % SPACES}",
            "resourceVersion": str(version),
            "labels": {"app": f"a{app}", "tier": ("web", "batch")[app % 2], "version": "1"},
            "managedFields": FILLING,
        },
        "spec": {"nodeName": f"n{n % nodes}", "containers": [{"name": "main", "image": "x"}]},
        "status": {"phase": "Running", "podIP": text, "podIPs": [{"ip": text}]},
    }


def node(n: int) -> dict[str, Any]:
    address = {"type": "InternalIP", "address": f"192.168.{n >> 8}.{n & 255}"}
    labels = {"zone": str(n % 3)}
    return {"metadata": {"name": f"n{n}", "labels": labels}, "status": {"addresses": [address]}}


def space(n: int) -> dict[str, Any]:
    return {"metadata": {"name": f"ns{n}", "labels": {"team": f"t{n % 200}"}}}


class Pages:
    """Answers lists as an API server does, page by page; the time to write them is not ours."""

    where = "benchmark"

    def __init__(self, pods: int, nodes: int) -> None:
        self.sizes = {"pods": pods, "nodes": nodes, "namespaces": SPACES}
        self.made_s = 0.0
        self._nodes = nodes

    def send(self, request: Any) -> bytes:
        began = time.perf_counter()
        plural = request.resource.plural
        start, size = int(request.query.get("continue", 0)), self.sizes[plural]
        make = {"pods": lambda n: pod(n, n, n, self._nodes), "nodes": node, "namespaces": space}
        items = [make[plural](n) for n in range(start, min(start + listing.PAGE, size))]
        rest = str(start + listing.PAGE) if start + listing.PAGE < size else ""
        body = {"metadata": {"resourceVersion": "1", "continue": rest}, "items": items}
        text = json.dumps(body).encode()
        self.made_s += time.perf_counter() - began
        return text


def read(pages: Pages, inventory: Inventory) -> None:
    for kind, reading in KINDS.items():
        if kind not in ALWAYS:
            continue
        inventory.apply(kind, Began())
        for page in listing.pages(pages, reading.resource, reading.item_type):  # type: ignore[arg-type]
            inventory.apply(kind, Listed(page.items, page.garbled))
        inventory.apply(kind, Synced())


def churn(pods: int, events: int, nodes: int) -> Iterator[bytes]:
    """Pods come back with another address, one line each."""
    chance = random.Random(1)
    for n in range(events):
        content = pod(chance.randrange(pods), 1 << 20 | n, 1_000_000 + n, nodes)
        yield json.dumps({"type": "MODIFIED", "object": content}).encode()


def follow(
    inventory: Inventory, members: Memberships, lines: list[bytes], rate: float
) -> tuple[list[float], float]:
    """Delays from the arrival of a line to the answer that holds it; processor seconds used."""
    decoder = LineDecoder(Pod)
    delays: list[float] = []
    arrived: list[float] = []
    over = threading.Event()

    def think() -> None:
        done = 0
        version = inventory.version
        while not over.is_set() or done < len(arrived):
            version = inventory.wait(version, 0.05)
            upto = len(arrived)
            members.apply(inventory.take_difference())
            members.refresh()
            now = time.perf_counter()
            delays.extend(now - at for at in arrived[done:upto])
            done = upto

    thinker = threading.Thread(target=think)
    used, began = time.process_time(), time.perf_counter()
    thinker.start()
    for n, line in enumerate(lines):
        due = began + n / rate
        while (left := due - time.perf_counter()) > 0:
            time.sleep(left)
        found = decoder.decode(line)
        assert isinstance(found, Upserted | Removed)
        inventory.apply(Kind.PODS, found)  # type: ignore[arg-type]
        arrived.append(due)
    over.set()
    thinker.join()
    return sorted(delays), time.process_time() - used


def typed_s(pages: Pages, pods: int) -> float:
    """Seconds for the peer to decode that many pods."""
    api, spent = client.ApiClient(), 0.0
    for start in range(0, pods, listing.PAGE):
        asked = Request("list", PODS, query={"continue": str(start)})
        text = pages.send(asked).decode()
        began = time.perf_counter()
        api.deserialize(text, "V1PodList", "application/json")
        spent += time.perf_counter() - began
    return spent


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=150_000)
    parser.add_argument("--nodes", type=int, default=5_000)
    parser.add_argument("--groups", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=1_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--peer-pods", type=int, default=5_000)
    size = parser.parse_args()
    pages, idle_mb = Pages(size.pods, size.nodes), peak_mb()

    began = time.perf_counter()
    inventory = Inventory("east", clock=SystemClock())
    read(pages, inventory)
    read_s = time.perf_counter() - began - pages.made_s
    members = Memberships(make_rules(size.groups), ["east"], {})
    members.apply(inventory.take_difference())
    members.refresh()
    built_s = time.perf_counter() - began - pages.made_s
    gc.collect()
    gc.freeze()  # as the controller does once everything was listed
    print(
        f"| {size.pods:,} pods, {size.nodes:,} nodes, {size.groups:,} groups | wanted | measured |"
    )
    print("|---|---:|---:|")
    print(f"| initial build, s (lists alone) | 60 | {built_s:.1f} ({read_s:.1f}) |")
    print(
        f"| memory, peak, MB (modules alone) | 400 | {peak_mb():.0f} ({idle_mb:.0f}) |", flush=True
    )

    lines = list(churn(size.pods, int(size.rate * size.seconds), size.nodes))
    delays, used = follow(inventory, members, lines, size.rate)
    median, p99 = delays[len(delays) // 2], delays[int(len(delays) * 0.99)]
    share = used / size.seconds * 100
    print(f"| processor at {size.rate:,.0f} pod events/s, % of one core | 100 | {share:.0f} |")
    print(f'| event to "group is dirty", median, ms | | {median * 1e3:.1f} |')
    print(f'| event to "group is dirty", p99, ms | 50 | {p99 * 1e3:.0f} |', flush=True)

    peer_s = typed_s(pages, size.peer_pods) / size.peer_pods
    print(f"| generated models, time per pod | | {peer_s / (read_s / size.pods):.0f} times ours |")


if __name__ == "__main__":
    main()
