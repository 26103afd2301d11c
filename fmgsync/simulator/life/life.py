"""Foreign life: other people and the world at work while a client under test does its own.

Each step does one thing that happens in real operation. Which one is chance, repeatable by seed;
steps that FortiManager refuses (a lock that is taken, an object that is used) count as tried.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from fmgsync.simulator.codes import Refusal
from fmgsync.simulator.life.console import Console
from fmgsync.simulator.state.adom import Adom
from fmgsync.simulator.state.store import Row
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.route import Router


class Life:
    """One administrator, and the FortiGates' own moods, in one ADOM."""

    def __init__(self, world: World, router: Router, adom: str, seed: int = 0) -> None:
        self._world = world
        self._adom = adom
        self._random = random.Random(seed)  # noqa: S311 - repeatable, nothing secret
        self._console = Console(world, router, "foreign")
        self._acts: tuple[Callable[[], str], ...] = (
            self._lock,
            self._unlock,
            self._add_address,
            self._add_policy,
            self._edit_policy,
            self._edit_group,
            self._delete_own,
            self._leave_pending,
            self._drift,
            self._offline,
            self._online,
        )
        self._made = 0

    def step(self) -> str:
        """Do one thing; returns what it was, for messages."""
        act = self._random.choice(self._acts)
        try:
            return act()
        except Refusal as refusal:
            return f"{act.__name__.strip('_')}: {refusal}"

    def end(self) -> None:
        """Go home: locks released, devices back online."""
        self._console.log_out()
        with self._world.lock:
            for name in self._place().members:
                device = self._world.devices[name]
                device.online, device.frozen, device.silent = True, False, False

    def _place(self) -> Adom:
        return self._world.adoms[self._adom]

    def _url(self, *path: str) -> str:
        return "/".join(("", "pm", "config", "adom", self._adom, *path))

    def _lock(self) -> str:
        self._console.lock(self._adom)
        return "locks the ADOM"

    def _unlock(self) -> str:
        if self._random.random() < 0.7:
            self._console.commit(self._adom)
        self._console.unlock(self._adom)
        return "unlocks the ADOM"

    def _add_address(self) -> str:
        self._made += 1
        name = f"foreign-{self._made}"
        data = {"name": name, "subnet": f"172.20.{self._made % 256}.0/24"}
        self._console.call("add", self._url("obj", "firewall", "address"), data)
        return f"adds address {name}"

    def _package(self) -> Row | None:
        packages = self._place().packages(self._place().ground)
        return self._random.choice(packages) if packages else None

    def _add_policy(self) -> str:
        package = self._package()
        groups = [str(row.key) for row in self._place().ground.rows("firewall addrgrp")]
        if package is None or not groups:
            return "finds no package"
        group = self._random.choice(groups)
        self._console.add_policy(self._adom, str(package.key), srcaddr=[group], dstaddr=["all"])
        return f"uses {group} in a policy of {package.key}"

    def _edit_policy(self) -> str:
        package = self._package()
        ids = list(package.attrs["order"]) if package is not None else []
        if package is None or not ids:
            return "finds no policy"
        number = self._random.choice(ids)
        url = self._url("pkg", str(package.key), "firewall", "policy", str(number))
        self._console.call("update", url, {"comments": f"reviewed {self._random.random():.6f}"})
        return f"edits policy {number} of {package.key}"

    def _edit_group(self) -> str:
        """Whoever it belongs to."""
        groups = [str(row.key) for row in self._place().ground.rows("firewall addrgrp")]
        group = self._random.choice(groups)
        url = self._url("obj", "firewall", "addrgrp", group)
        self._console.call("update", url, {"color": self._random.randrange(32)})
        return f"recolours group {group}"

    def _delete_own(self) -> str:
        if not self._made:
            return "has nothing to delete"
        name = f"foreign-{self._random.randint(1, self._made)}"
        self._console.call("delete", self._url("obj", "firewall", "address", name))
        return f"deletes address {name}"

    def _device(self) -> str | None:
        names = sorted(self._place().members)
        return self._random.choice(names) if names else None

    def _leave_pending(self) -> str:
        name = self._device()
        if name is None:
            return "finds no device"
        with self._world.lock:
            self._world.devices[name].pending_global = True
        return f"leaves a device setting of {name} pending"

    def _drift(self) -> str:
        name = self._device()
        if name is None:
            return "finds no device"
        with self._world.lock:
            vdom = next(iter(self._world.devices[name].vdoms.values()))
            groups = sorted(str(key) for key in vdom.table("firewall addrgrp"))
            if not groups:
                return f"{name} has no groups"
            target = ("firewall addrgrp", self._random.choice(groups))
            vdom.set_running(target, Row(target[1], self._world.next_oid(), {"member": ("none",)}))
        return f"empties {target[1]} on {name} itself"

    def _offline(self) -> str:
        return self._set_online(online=False)

    def _online(self) -> str:
        return self._set_online(online=True)

    def _set_online(self, *, online: bool) -> str:
        name = self._device()
        if name is None:
            return "finds no device"
        with self._world.lock:
            self._world.devices[name].online = online
        return f"{name} goes {'online' if online else 'offline'}"
