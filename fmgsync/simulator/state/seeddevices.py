"""FortiGates as a seed describes them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from fmgsync.simulator.state.adom import Adom
from fmgsync.simulator.state.devices import ClusterMember, Device
from fmgsync.simulator.state.seed import DeviceSeed
from fmgsync.simulator.state.seedunits import ApiUserSeed, UnitSeed
from fmgsync.simulator.state.unitapi import ApiUser
from fmgsync.simulator.state.world import Version, World

_BUILDS: Final = {
    (6, 0): 335,
    (6, 2): 1066,
    (6, 4): 1803,
    (7, 0): 523,
    (7, 2): 1639,
    (7, 4): 2702,
    (7, 6): 3510,
    (8, 0): 100,
}


def version_of(text: str) -> Version:
    """`7.4` and `7.4.5` as numbers."""
    numbers = [int(part) for part in text.split(".")]
    return (numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 0)


def new_device(world: World, adom: Adom, seed: DeviceSeed) -> Device:
    """A FortiGate without VDOMs yet; what the seed does not say is made up, the same every time."""
    number = len(world.devices) + 1
    text = seed.os_version or f"{adom.os_version[0]}.{adom.os_version[1]}.5"
    version = version_of(text)
    device = Device(
        seed.name,
        world.next_oid(),
        seed.serial or f"FGVMSIM{number:09}",
        seed.platform,
        f"192.0.2.{number % 250 + 1}",
        version,
        _BUILDS.get(version[:2], 1000) + version[2],
        {},
        online=seed.online,
        authorized=seed.authorized,
        install_seconds=seed.install_seconds,
        cluster=_cluster(world, seed, number),
    )
    device.api.managed = "yes"
    device.api.manager_serial = world.serial
    device.api.booted = world.started
    device.api.users = api_users(seed.api_users, world.started)
    return device


def new_unit(world: World, seed: UnitSeed) -> Device:
    """A FortiGate that no FortiManager of this world knows."""
    number = len(world.devices) + len(world.alone) + 1
    version = version_of(seed.version or "7.4.5")
    device = Device(
        seed.name,
        world.next_oid(),
        seed.serial or f"FGVMSIM{number:09}",
        seed.platform,
        f"192.0.2.{number % 250 + 1}",
        version,
        _BUILDS.get(version[:2], 1000) + version[2],
        {},
    )
    device.api.booted = world.started
    return device


def api_users(seeds: Iterable[ApiUserSeed], now: float) -> dict[str, ApiUser]:
    """REST API administrators by name."""
    return {
        seed.name: ApiUser(
            seed.name,
            seed.key,
            seed.profile,
            frozenset(seed.vdoms),
            tuple(ipaddress.ip_network(host, strict=False) for host in seed.trust_hosts),
            None if seed.expires_in_seconds is None else now + seed.expires_in_seconds,
            {str(part): right for part, right in seed.rights.items()},
        )
        for seed in seeds
    }


def _cluster(world: World, seed: DeviceSeed, number: int) -> list[ClusterMember]:
    return [
        ClusterMember(
            unit.name,
            world.next_oid(),
            unit.serial or f"FGVMSIM{number:06}{at:03}",
            unit.role or ("slave" if at else "master"),
            unit.priority,
            up=unit.up,
        )
        for at, unit in enumerate(seed.cluster)
    ]
