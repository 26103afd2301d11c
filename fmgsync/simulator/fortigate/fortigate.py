"""One simulated FortiGate in the hands of a test: look at it, take it away, change it locally."""

from __future__ import annotations

import ipaddress
from typing import Any

from fmgsync.simulator.calls import dvmcmd
from fmgsync.simulator.calls.hitcounts import Hits
from fmgsync.simulator.fortigate import fortios, troubles
from fmgsync.simulator.fortigate.ask import Ask
from fmgsync.simulator.fortigate.transactions import Transactions
from fmgsync.simulator.state.devices import Device
from fmgsync.simulator.state.store import Row
from fmgsync.simulator.state.world import World

_TABLES = {
    "ipv4": ("firewall address", "firewall addrgrp"),
    "ipv6": ("firewall address6", "firewall addrgrp6"),
}


class FortiGate:
    """A handle; the state is the simulator's."""

    def __init__(self, world: World, name: str, plugs: troubles.Plugs | None = None) -> None:
        self._world = world
        self._plugs = plugs
        self._name = name
        if name not in world.units():
            raise KeyError(name)

    @property
    def _device(self) -> Device:
        return self._world.units()[self._name]

    def rest(self, resource: str) -> Any:
        """What the unit's own REST API answers to a GET: an object, for several VDOMs a list."""
        with self._world.lock:
            self._world.now()
            ask = Ask("GET", resource)
            return fortios.request(self._world, self._device, ask).body

    def hit(self, policy: int, times: int = 1, vdom: str = "root", *, size: int = 1500) -> None:
        """Packets matched a policy (0: none did), one at a time, each of so many bytes."""
        with self._world.lock:
            at, held = int(self._world.now()), self._device.hits
            before = held.get((vdom, policy), Hits())
            held[(vdom, policy)] = before.plus(Hits(times, times * size, times, at, at))

    @property
    def serial(self) -> str:
        """The serial number it answers with now."""
        return self._device.serial

    def rotate_key(self, user: str, key: str) -> None:
        """An API administrator gets another key; the old one is nobody's."""
        with self._world.lock:
            self._device.api.users[user].key = key

    def fail_over(self) -> None:
        """Another unit of its cluster answers from now on, with another serial number."""
        with self._world.lock:
            troubles.fail_over(self._device, self._world.now())

    def restart(self) -> None:
        """It boots; what was not saved is lost, as far as `saving` is not automatic."""
        with self._world.lock:
            troubles.restart(self._device, self._world.now())

    def save(self) -> None:
        """The running configuration is what it boots with."""
        with self._world.lock:
            self._device.api.unsaved.clear()
            self._device.api.saves.append((self._world.now(), ""))

    def hold(self, table: str, vdom: str = "root", seconds: int = 3600) -> int:
        """Somebody's transaction keeps others from a table; its number."""
        with self._world.lock:
            now, api = self._world.now(), self._device.api
            transactions = Transactions(self._device, self._world.timeline, now)
            held = transactions.open(vdom, seconds, "somebody")
            held.reserved.add(table)
            return api.last_transaction

    def let_go(self, number: int) -> None:
        """That transaction is given up, if it is still there."""
        with self._world.lock:
            self._device.api.open.pop(number, None)

    def unplug(self, seconds: float | None = None) -> None:
        """Its REST API cannot be reached, for ever or for so many real seconds."""
        if self._plugs is not None:
            self._plugs.unplug(self._name, seconds)

    def plug(self) -> None:
        """Its REST API can be reached again, on the same port."""
        if self._plugs is not None:
            self._plugs.plug(self._name)

    def names(self, table: str, vdom: str = "root") -> set[str]:
        """Names of the objects the unit runs, `table` like `firewall addrgrp`."""
        with self._world.lock:
            self._world.now()
            return {str(key) for key, _ in self._device.vdoms[vdom].running_table(table)}

    def members(self, group: str, vdom: str = "root", family: str = "ipv4") -> set[str] | None:
        """Values a group stands for on the unit, nesting flattened; None if it is not there."""
        with self._world.lock:
            self._world.now()
            return self._flatten(group, vdom, family, set())

    def unnoticed(self) -> None:
        """From now on FortiManager does not notice what is changed on the unit."""
        with self._world.lock:
            self._device.detected = False

    def _flatten(self, group: str, vdom: str, family: str, seen: set[str]) -> set[str] | None:
        addresses, groups = _TABLES[family]
        held = self._device.vdoms[vdom]
        entry = held.running((groups, group))
        if entry is None:
            return None
        seen.add(group)
        found: set[str] = set()
        for name in entry.attrs.get("member", ()):
            if name in seen:
                continue
            address = held.running((addresses, name))
            if address is not None:
                found.add(_value(address, family))
            else:
                found |= self._flatten(name, vdom, family, seen) or set()
        return found

    def go_offline(self) -> None:
        """The tunnel to FortiManager is down."""
        with self._world.lock:
            self._device.online = False

    def fall_silent(self) -> None:
        """FortiManager believes the tunnel is up, but the unit answers nothing."""
        with self._world.lock:
            self._device.silent = True

    def come_back(self) -> None:
        """The tunnel is up again, and nothing hangs any more.

        With the switch `autoPush` FortiManager then sends what the unit missed, window or not.
        """
        with self._world.lock:
            device = self._device
            device.online, device.frozen, device.silent = True, False, False
            if self._world.switches.auto_push:
                for vdom in device.vdoms.values():
                    vdom.push(device.refuses)
                device.pending_global = False

    def freeze_installs(self) -> None:
        """The next install stands still half way, for ever."""
        with self._world.lock:
            self._device.frozen = True

    def refuse(self, table: str, name: str) -> None:
        """The unit refuses this object's commands; the task says OK all the same."""
        with self._world.lock:
            self._device.refuses.add((table, name))

    def accept(self) -> None:
        """The unit takes every command again."""
        with self._world.lock:
            self._device.refuses.clear()

    def leave_pending(self, setting: str = "system/global") -> None:
        """Somebody changed a device setting in FortiManager and did not install it."""
        with self._world.lock:
            device, path = self._device, f"global/{setting}"
            device.settings[path] = {**device.settings.get(path, {}), "alias": "changed by hand"}
            device.pending_global = True

    def rename(self, name: str) -> None:
        """The device gets another name in FortiManager; its mappings are gone."""
        with self._world.lock:
            dvmcmd.rename(self._world, self._name, name, self._world.now())
            self._name = name

    def remove(self) -> None:
        """The device is deleted from FortiManager."""
        with self._world.lock:
            dvmcmd.remove(self._world, self._name, self._world.now())

    def retrieve(self) -> None:
        """FortiManager reads the unit's configuration into its device database."""
        with self._world.lock:
            dvmcmd.retrieve(self._world, self._device)

    def drift(self, table: str, name: str, vdom: str = "root", **attrs: Any) -> None:
        """A change made on the unit itself; without attributes the object is removed there.

        Lists are given as tuples: `drift("firewall addrgrp", "g", member=("a", "b"))`.
        FortiManager notices (`conf_status` outofsync) unless `unnoticed` was called before.
        """
        with self._world.lock:
            self._world.now()
            held = self._device.vdoms[vdom]
            before = held.running((table, name))
            after = None
            if attrs:
                base = dict(before.attrs) if before is not None else {}
                oid = before.oid if before is not None else self._world.next_oid()
                after = Row(name, oid, {**base, **attrs})
            held.set_running((table, name), after)


def _value(entry: Row, family: str) -> str:
    """A host without prefix length, a prefix with it, a range with its ends."""
    if family == "ipv6":
        network: Any = ipaddress.IPv6Network(entry.attrs.get("ip6", "::/0"), strict=False)
    elif entry.attrs.get("type") == "iprange":
        return f"{entry.attrs.get('start-ip')}-{entry.attrs.get('end-ip')}"
    else:
        pair = entry.attrs.get("subnet", ("0.0.0.0", "0.0.0.0"))  # noqa: S104 - the value `all`
        network = ipaddress.IPv4Network("/".join(pair), strict=False)
    host = network.prefixlen == network.max_prefixlen
    return str(network.network_address if host else network)
