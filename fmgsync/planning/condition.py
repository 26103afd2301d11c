"""The condition of the devices of an ADOM, where people should know it before an install."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fmgsync.model.adom import AdomTopology
from fmgsync.model.change import Finding
from fmgsync.model.target import DeviceVdom


def of_devices(topology: AdomTopology, targets: Iterable[DeviceVdom]) -> Iterator[Finding]:
    """HA clusters that lack a unit.

    A cluster is installed as one device, and its read-back is that of the unit that answers.
    """
    for name in sorted({target.device for target in targets}):
        device = topology.devices.get(name)
        for unit in device.units_down if device else ():
            yield Finding(
                "ha-unit-down",
                name,
                f"unit {unit} of this HA cluster is down; it takes over what was installed"
                " once it is back, and is not verified before",
            )
