"""The estate that all contestants bring to the same end: addresses in groups, mapped per device."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PASSWORD = "admin"


def ip(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@dataclass(frozen=True)
class Size:
    """`addresses` spread over `groups`; every group is mapped on every one of `devices`."""

    addresses: int
    groups: int
    devices: int

    @property
    def mappings(self) -> int:
        return self.groups * self.devices

    @property
    def objects(self) -> int:
        return self.addresses + self.groups + self.mappings

    def device_names(self) -> list[str]:
        return [f"fgt-{number}" for number in range(self.devices)]

    def group_names(self) -> list[str]:
        return [f"g{number}" for number in range(self.groups)]

    def seed(self) -> dict[str, Any]:
        """What the unit holds at the start: the devices, and nothing of ours."""
        rights = {"rpcPermit": "read-write", "superAdmin": True}
        names = self.device_names()
        return {
            "workspaceMode": "normal",
            "admins": [
                {"user": "admin", "password": PASSWORD, **rights},
                {"user": "robot", "apiKey": "k3y", **rights},
            ],
            "adoms": [
                {
                    "name": "prod",
                    "devices": [{"name": name} for name in names],
                    "packages": [{"name": "edge", "targets": names, "policies": []}],
                }
            ],
        }


@dataclass
class Pods:
    """Who has which address now. `replace` gives some of them another one, as a roll-out does."""

    size: Size
    addresses: list[str] = field(default_factory=list)
    _next: int = 0

    def __post_init__(self) -> None:
        self.addresses = [ip(number) for number in range(self.size.addresses)]
        self._next = self.size.addresses

    def replace(self, share: float) -> None:
        changed = max(1, int(self.size.addresses * share))
        step = self.size.addresses // changed
        for number in range(0, changed * step, step):
            self.addresses[number] = ip(self._next)
            self._next += 1

    def members(self) -> dict[str, list[str]]:
        """Addresses by group."""
        found: dict[str, list[str]] = {name: [] for name in self.size.group_names()}
        for number, address in enumerate(self.addresses):
            found[f"g{number % self.size.groups}"].append(address)
        return found

    def write_dump(self, path: Path) -> None:
        """As `kubectl get pods,nodes,namespaces -A -o json` prints them."""
        spaces = [{"kind": "Namespace", "metadata": {"name": "shop", "uid": "ns"}}]
        nodes = [{"kind": "Node", "metadata": {"name": "node-1", "uid": "node"}}]
        pods = [
            {
                "kind": "Pod",
                "metadata": {
                    "name": f"pod-{number}",
                    "namespace": "shop",
                    "uid": f"u{number}",
                    "labels": {"app": f"a{number % self.size.groups}"},
                },
                "spec": {"nodeName": "node-1"},
                "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
            }
            for number, address in enumerate(self.addresses)
        ]
        items = [{"apiVersion": "v1", **each} for each in (*pods, *nodes, *spaces)]
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1))
