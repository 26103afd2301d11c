"""FortiGates as a seed describes them."""

from __future__ import annotations

from typing import Final

from fmgsync.simulator.state.adom import Adom
from fmgsync.simulator.state.devices import ClusterMember, Device
from fmgsync.simulator.state.seed import DeviceSeed
from fmgsync.simulator.state.world import Version, World

_BUILDS: Final = {(7, 0): 523, (7, 2): 1639, (7, 4): 2702, (7, 6): 3510, (8, 0): 100}


def version_of(text: str) -> Version:
    """`7.4` and `7.4.5` as numbers."""
    numbers = [int(part) for part in text.split(".")]
    return (numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 0)


def new_device(world: World, adom: Adom, seed: DeviceSeed) -> Device:
    """A FortiGate without VDOMs yet; what the seed does not say is made up, the same every time."""
    number = len(world.devices) + 1
    text = seed.os_version or f"{adom.os_version[0]}.{adom.os_version[1]}.5"
    version = version_of(text)
    return Device(
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
