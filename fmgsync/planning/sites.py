"""Sites name devices, `device/vdom` or `group:NAME`; an ADOM's topology turns them into targets."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from fmgsync import errors
from fmgsync.model.adom import AdomTopology
from fmgsync.model.rule import ResolvedSite, Site
from fmgsync.model.target import DeviceVdom

_GROUP = "group:"


def resolve(sites: Iterable[Site], topology: AdomTopology) -> tuple[ResolvedSite, ...]:
    """The sites of this ADOM with their DeviceVdoms, and the parts of them that are not there.

    A FortiGate may have been retired, renamed or moved since the configuration was written. That is
    an error of its part; where nothing is there at all UnknownDevice is raised. A model device has
    no FortiGate yet: it is left out until it has one.
    """
    resolved: list[ResolvedSite] = []
    for site in sites:
        if site.adom != topology.ref:
            continue
        targets: set[DeviceVdom] = set()
        missing: list[tuple[str, str]] = []
        for name in site.devices:
            unknown: list[str] = []
            targets.update(_expand(name, topology, unknown))
            missing += ((name, why) for why in unknown)
        resolved.append(
            ResolvedSite(
                site.clusters,
                site.adom,
                frozenset(t for t in targets if not _is_model(t, topology)),
                site.allow_overlap,
                tuple(missing),
            )
        )
    lost = dict.fromkeys(why for site in resolved for _, why in site.missing)
    if lost and not any(site.targets for site in resolved):
        raise errors.UnknownDevice(
            "; ".join(lost),
            fortimanager=topology.ref.unit,
            adom=topology.ref.domain,
            next_step="correct 'sites' in the configuration; nothing was changed in this ADOM",
        )
    return tuple(resolved)


def _is_model(target: DeviceVdom, topology: AdomTopology) -> bool:
    device = topology.devices.get(target.device)
    return device is not None and device.is_model


def _expand(name: str, topology: AdomTopology, unknown: list[str]) -> Iterable[DeviceVdom]:
    if name.startswith(_GROUP):
        group = name.removeprefix(_GROUP)
        if group not in topology.groups:
            unknown.append(f"no device group {group!r}{_nearest(group, topology.groups)}")
        return topology.groups.get(group, frozenset())
    device_name, _, vdom = name.partition("/")
    device = topology.devices.get(device_name)
    if device is None:
        unknown.append(f"no device {device_name!r}{_nearest(device_name, topology.devices)}")
        return ()
    if not vdom and len(device.vdoms) > 1:
        choices = ", ".join(f"{device_name}/{v}" for v in device.vdoms)
        unknown.append(f"device {device_name!r} has several VDOMs, name one: {choices}")
        return ()
    vdom = vdom or next(iter(device.vdoms), "")
    if vdom not in device.vdoms:
        here = ", ".join(device.vdoms) or "none"
        named = f" {vdom!r}" if vdom else ""
        unknown.append(
            f"device {device_name!r} has no VDOM{named} in this ADOM, which has of it: {here}"
        )
        return ()
    return (DeviceVdom(device_name, vdom),)


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (nearest: {near[0]!r})" if near else ""
