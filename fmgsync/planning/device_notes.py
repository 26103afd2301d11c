"""The condition of the devices of an ADOM, where people should know it before an install."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fmgsync.model.adom import AdomTopology
from fmgsync.model.change import Finding
from fmgsync.model.rule import Site
from fmgsync.model.target import DeviceVdom


def of_sites(sites: Iterable[Site], topology: AdomTopology) -> Iterator[Finding]:
    """Parts of the sites that are there and stand for no FortiGate: empty groups, model devices."""
    told: set[str] = set()
    for site in sites:
        if site.adom != topology.ref:
            continue
        for name in site.devices:
            group = name.removeprefix("group:")
            members = topology.groups.get(group) if group != name else None
            if members is not None and not members:
                why = "no device of this ADOM is in this device group, so nothing is meant for it"
                yield Finding("empty-device-group", group, why)
            told.update({target.device for target in members or ()} or {name.partition("/")[0]})
    for name in sorted(told):
        device = topology.devices.get(name)
        if device is not None and device.is_model:
            why = "a model device has no FortiGate yet; it is left out until it has one"
            yield Finding("model-device", name, why)


def of_devices(topology: AdomTopology, targets: Iterable[DeviceVdom]) -> Iterator[Finding]:
    """HA clusters that lack a unit, and FortiGates of which a FortiManager keeps copies.

    A cluster is installed as one device, and its read-back is that of the unit that answers.
    """
    for name in sorted({target.device for target in targets}):
        device = topology.devices.get(name)
        if device is not None and device.kept_by:
            why = f"{device.kept_by} keeps copies of it and changes nothing (mode backup)"
            yield Finding("kept-by-fortimanager", name, why)
        for unit in device.units_down if device else ():
            yield Finding(
                "ha-unit-down",
                name,
                f"unit {unit} of this HA cluster is down; it takes over what was installed"
                " once it is back, and is not verified before",
            )
