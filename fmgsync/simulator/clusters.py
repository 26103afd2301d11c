"""A simulated Kubernetes cluster: deployments whose pods come, go and move. Prints what
`kubectl get pods,nodes,namespaces -A -o json` would print of it."""

from __future__ import annotations

import ipaddress
import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Pod:
    """One running pod with an address of each family."""

    name: str
    app: str
    node: str
    ipv4: str
    ipv6: str


class SimulatedCluster:
    """Pods of `apps`, spread over nodes; addresses come from the cluster's own /16 and /64.

    The same `seed` lives the same life. `index` (0..255) keeps clusters apart.
    """

    NAMESPACE = "shop"

    def __init__(self, name: str, *, index: int, apps: list[str], pods: int, seed: int = 0) -> None:
        self.name = name
        self._random = random.Random(f"{seed}/{name}")  # noqa: S311 - a story, no secret
        self._ipv4 = ipaddress.ip_network(f"10.{index % 256}.0.0/16")
        self._ipv6 = ipaddress.ip_network(f"2001:db8:{index % 256:x}::/64")
        self._fresh: Iterator[int] = itertools.count(10)
        self._released: list[int] = []
        self.apps = list(apps)
        self.nodes = [f"{name}-node-{number}" for number in range(max(2, pods // 30 + 1))]
        self.pods: dict[str, Pod] = {}
        for number in range(pods):
            self._start(self.apps[number % len(self.apps)])

    def churn(self, changes: int) -> int:
        """Let pods come, go and move, `changes` times; every app keeps a pod. Returns how many."""
        for _ in range(changes):
            roll = self._random.random()
            victims = [pod for pod in self.pods.values() if self._count(pod.app) > 1]
            if roll < 0.3 or not victims:
                self._start(self._random.choice(self.apps))
                continue
            victim = self._random.choice(sorted(victims, key=lambda pod: pod.name))
            self._stop(victim)
            if roll < 0.75:  # a move: the pod is rescheduled elsewhere under a new address
                self._start(victim.app)
        return changes

    def addresses(self, app: str) -> frozenset[str]:
        """The IPv4 and IPv6 addresses that run `app` now."""
        running = [pod for pod in self.pods.values() if pod.app == app]
        return frozenset(a for pod in running for a in (pod.ipv4, pod.ipv6))

    def _count(self, app: str) -> int:
        return sum(pod.app == app for pod in self.pods.values())

    def _start(self, app: str) -> None:
        # A released address is reused now and then, as a busy cluster does.
        reuse = self._released and self._random.random() < 0.2
        offset = self._released.pop(0) if reuse else next(self._fresh)
        name = f"{app}-{self._random.getrandbits(32):08x}"
        self.pods[name] = Pod(
            name,
            app,
            self._random.choice(self.nodes),
            str(self._ipv4.network_address + offset),
            str(self._ipv6.network_address + offset),
        )

    def _stop(self, pod: Pod) -> None:
        del self.pods[pod.name]
        first = int(self._ipv4.network_address)
        self._released.append(int(ipaddress.ip_address(pod.ipv4)) - first)

    def write(self, path: Path) -> None:
        """Write the dump to a file, whole or not at all."""
        beside = path.with_suffix(".partial")
        beside.write_text(json.dumps(self.dump()), encoding="utf-8")
        beside.replace(path)

    def dump(self) -> dict[str, Any]:
        """The `v1` List that kubectl prints."""
        items = [_namespace(self.NAMESPACE)]
        items += [_node(name, number) for number, name in enumerate(self.nodes)]
        items += [_pod(pod, self.NAMESPACE) for pod in self.pods.values()]
        return {"apiVersion": "v1", "kind": "List", "items": items, "metadata": {}}


def _namespace(name: str) -> dict[str, Any]:
    labels = {"kubernetes.io/metadata.name": name, "environment": "prod"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _node(name: str, number: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"addresses": [{"type": "InternalIP", "address": f"192.168.0.{number + 1}"}]},
    }


def _pod(pod: Pod, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod.name, "namespace": namespace, "labels": {"app": pod.app}},
        "spec": {
            "nodeName": pod.node,
            "serviceAccountName": "default",
            "containers": [{"name": pod.app, "image": f"registry.example.net/{pod.app}:1"}],
        },
        "status": {
            "phase": "Running",
            "podIP": pod.ipv4,
            "podIPs": [{"ip": pod.ipv4}, {"ip": pod.ipv6}],
        },
    }
