"""What is wrong in a seed though each value alone is right: names twice, names of nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic.alias_generators import to_camel

from fmgsync.simulator.state.rights import PREDEFINED
from fmgsync.simulator.state.seed import AdminSeed, AdomSeed, Seed
from fmgsync.simulator.state.seedunits import UnitSeed

Path = tuple[str | int, ...]
Misfit = tuple[Path, str]


def misfits(seed: Seed) -> Iterator[Misfit]:
    """Each with the path of the value that should change."""
    adoms = {"root", "global", *(adom.name for adom in seed.adoms)}
    for at, admin in enumerate(seed.admins):
        yield from _admin(admin, adoms, ("admins", at))
        known = {*PREDEFINED, *(profile.name for profile in seed.profiles)}
        if admin.profile is not None and admin.profile not in known:
            yield ("admins", at, "profile"), f"no profile {admin.profile!r}: {', '.join(known)}"
    for at, profile in enumerate(seed.profiles):
        if profile.name in PREDEFINED:
            yield ("profiles", at, "name"), f"{profile.name} is there already and stays as it is"
    yield from _twice("profile", (p.name for p in seed.profiles), ("profiles",), "name")
    yield from _twice("administrator", (a.user for a in seed.admins), ("admins",), "user")
    yield from _same_keys(seed.admins)
    yield from _twice("ADOM", (adom.name for adom in seed.adoms), ("adoms",), "name")
    yield from _units(seed)
    for at, adom in enumerate(seed.adoms):
        yield from _adom(adom, ("adoms", at))
        if adom.workspace_mode is not None and seed.workspace_mode != "per-adom":
            path = ("adoms", at, "workspaceMode")
            yield path, "an ADOM has its own mode only if the unit's workspaceMode is per-adom"


def _admin(admin: AdminSeed, adoms: set[str], path: Path) -> Iterator[Misfit]:
    if admin.password is None and admin.api_key is None:
        yield (*path, "user"), f"{admin.user!r} has neither password nor apiKey and cannot log in"
    for at, name in enumerate(admin.adoms or ()):
        if name not in adoms:
            yield (*path, "adoms", at), f"no ADOM {name!r} in this seed"


def _same_keys(admins: Iterable[AdminSeed]) -> Iterator[Misfit]:
    seen: dict[str, str] = {}
    for at, admin in enumerate(admins):
        if admin.api_key is not None:
            first = seen.setdefault(admin.api_key, admin.user)
            if first != admin.user:
                yield ("admins", at, "apiKey"), f"{first!r} has the same key"


def _units(seed: Seed) -> Iterator[Misfit]:
    managed = {device.name for adom in seed.adoms for device in adom.devices}
    yield from _twice("FortiGate", (u.name for u in seed.fortigates), ("fortigates",), "name")
    for at, unit in enumerate(seed.fortigates):
        path: Path = ("fortigates", at)
        names = (user.name for user in unit.api_users)
        yield from _twice("API administrator", names, (*path, "apiUsers"), "name")
        if unit.name in managed:
            yield from _managed(unit, path)
            continue
        vdoms = unit.vdoms or ["root"]
        yield from _vdoms(unit, vdoms, path)


def _managed(unit: UnitSeed, path: Path) -> Iterator[Misfit]:
    """Of a unit that an ADOM has, the ADOM's list of devices says what it is."""
    given = unit.model_dump(exclude_none=True, exclude_defaults=True, by_alias=True)
    for key in ("serial", "version", "platform", "vdoms", "addresses", "addressGroups", "policies"):
        if key in given:
            yield (*path, key), f"{unit.name!r} is a device of an ADOM: say it there"
    if unit.managed == "no":
        yield (*path, "managed"), f"{unit.name!r} is a device of an ADOM, so it is managed"


def _vdoms(unit: UnitSeed, vdoms: list[str], path: Path) -> Iterator[Misfit]:
    if unit.management_vdom is not None and unit.management_vdom not in vdoms:
        yield (*path, "managementVdom"), f"no VDOM {unit.management_vdom!r} on {unit.name!r}"
    for key in ("api_users", "addresses", "address_groups", "policies"):
        for at, one in enumerate(getattr(unit, key)):
            named = one.vdoms if key == "api_users" else [one.vdom] if one.vdom else []
            for vdom in named:
                if vdom not in vdoms:
                    yield (*path, to_camel(key), at), f"no VDOM {vdom!r} on {unit.name!r}"


def _adom(adom: AdomSeed, path: Path) -> Iterator[Misfit]:
    if adom.name == "global":
        yield (*path, "name"), "the global ADOM is always there and starts empty"
    devices, groups = (d.name for d in adom.devices), (g.name for g in adom.device_groups)
    yield from _twice("device", devices, (*path, "devices"), "name")
    yield from _twice("device group", groups, (*path, "deviceGroups"), "name")
    for at, device in enumerate(adom.devices):
        where = (*path, "devices", at, "apiUsers")
        yield from _twice("API administrator", (u.name for u in device.api_users), where, "name")
        for user in device.api_users:
            for vdom in user.vdoms:
                if vdom not in device.vdoms:
                    yield where, f"no VDOM {vdom!r} on {device.name!r} in this ADOM"
    for at, address in enumerate(adom.addresses):
        values = (address.subnet, address.ip6, address.start_ip, address.fqdn)
        if sum(value is not None for value in values) > 1:
            yield (*path, "addresses", at), "subnet, ip6, startIp and fqdn exclude each other"


def _twice(what: str, names: Iterable[str], path: Path, key: str) -> Iterator[Misfit]:
    seen: set[str] = set()
    for at, name in enumerate(names):
        if name in seen:
            yield (*path, at, key), f"a second {what} {name!r}"
        seen.add(name)
