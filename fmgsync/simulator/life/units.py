"""FortiGates of the seed's own: filled by the same writes that a client of theirs would make."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final

from fmgsync.simulator.fortigate.config import Config
from fmgsync.simulator.fortigate.envelope import NOT_FOUND, Failed
from fmgsync.simulator.fortigate.writes import Writes
from fmgsync.simulator.schema.catalog_units import named
from fmgsync.simulator.schema.predefined import PREDEFINED
from fmgsync.simulator.state.devices import Device, Vdom
from fmgsync.simulator.state.layered import Layered
from fmgsync.simulator.state.problems import SeedError, Source
from fmgsync.simulator.state.seeddevices import api_users, new_unit
from fmgsync.simulator.state.seedunits import (
    UnitGroupSeed,
    UnitPolicySeed,
    UnitSeed,
)
from fmgsync.simulator.state.seedvalues import AddressValues, GroupValues
from fmgsync.simulator.state.store import Row
from fmgsync.simulator.state.unitapi import Limits
from fmgsync.simulator.state.world import World

Path = tuple[str | int, ...]
_FACTORY: Final = tuple(
    f"firewall {name}"
    for name in (
        *("address", "addrgrp", "address6", "addrgrp6"),
        *("service category", "service custom", "service group", "schedule recurring"),
    )
)


class Units:
    """Adds the seed's `fortigates` to a world; raises SeedError for what a unit would refuse."""

    def __init__(self, world: World, source: Source) -> None:
        self._world = world
        self._source = source

    @functools.cached_property
    def _factory(self) -> dict[str, dict[str | int, Row]]:
        """What a unit has from the start; all of them share it."""
        number = self._world.next_oid
        return {
            table: {name: Row(name, number(), attrs) for name, attrs in PREDEFINED[table].items()}
            for table in _FACTORY
        }

    def add(self, seed: UnitSeed, path: Path) -> None:
        """One of them; a device of an ADOM by that name gets what is said of it here."""
        device = self._world.devices.get(seed.name)
        if device is None:
            device = self._world.alone[seed.name] = new_unit(self._world, seed)
            self._vdoms(device, seed)
        api, limits = device.api, seed.limits.model_dump()
        api.users |= api_users(seed.api_users, self._world.started)
        api.managed = seed.managed or api.managed
        api.manager = seed.manager or api.manager
        api.management_vdom = seed.management_vdom or next(iter(device.vdoms))
        api.saving, api.standby, api.limits = seed.saving, list(seed.standby), Limits(**limits)
        for at, address in enumerate(seed.addresses):
            self._write(
                device, address.vdom, address.table, _row(address), (*path, "addresses", at)
            )
        self._groups(device, seed.address_groups, path)
        for at, policy in enumerate(seed.policies):
            record = _policy(policy)
            self._write(device, policy.vdom, "firewall policy", record, (*path, "policies", at))
        for vdom in device.vdoms.values():
            vdom.stamps.clear()
        api.unsaved.clear()

    def _vdoms(self, device: Device, seed: UnitSeed) -> None:
        for name in seed.vdoms or ["root"]:
            vdom = device.vdoms[name] = Vdom(name, self._world.next_oid(), alone=True)
            vdom.tables = {table: Layered(rows) for table, rows in self._factory.items()}

    def _groups(self, device: Device, seeds: list[UnitGroupSeed], path: Path) -> None:
        """Groups may contain groups that come later: each waits until its members are there."""
        left = list(enumerate(seeds))
        while left:
            waiting = [one for one in left if not self._group(device, *one, path, last=False)]
            if len(waiting) == len(left):
                self._group(device, *left[0], path, last=True)
            left = waiting

    def _group(
        self, device: Device, at: int, seed: UnitGroupSeed, path: Path, *, last: bool
    ) -> bool:
        where = (*path, "addressGroups", at)
        try:
            self._writes(device, seed.vdom, seed.table).create(_row(seed))
        except Failed as failed:
            if failed.error == NOT_FOUND and not last:
                return False
            raise self._problem(where, failed) from None
        return True

    def _write(
        self, device: Device, vdom: str | None, table: str, record: Mapping[str, Any], path: Path
    ) -> None:
        try:
            self._writes(device, vdom, table).create(record)
        except Failed as failed:
            raise self._problem(path, failed) from None

    def _writes(self, device: Device, vdom: str | None, table: str) -> Writes:
        described = named(table)
        assert described is not None, table  # noqa: S101 - the tables named in this module
        held = device.vdoms[vdom or next(iter(device.vdoms))]
        return Writes(described, Config(device, held), self._world.next_oid, lambda name: None)

    def _problem(self, path: Path, failed: Failed) -> SeedError:
        told = failed.cli.replace("\n\n", ": ") or f"refused with {failed.error}"
        return SeedError([self._source.problem(path, told)])


def _row(seed: AddressValues | GroupValues) -> dict[str, Any]:
    return {"name": seed.name, **seed.attributes()}


def _policy(seed: UnitPolicySeed) -> dict[str, Any]:
    given = seed.model_dump(exclude={"vdom"})
    record = {k: v for k, v in given.items() if v and not isinstance(v, bool)}
    for name in ("srcaddr", "dstaddr"):
        if given[f"{name}_negate"]:
            record[f"{name}-negate"] = "enable"
    return record
