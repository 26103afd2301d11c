"""The tables a FortiGate itself has: addresses and groups by FortiOS' own releases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fmgsync.simulator.schema.catalog import TABLES
from fmgsync.simulator.schema.catalog_packages import PACKAGE_TABLES
from fmgsync.simulator.schema.tables import Table, read_tables

OWN: Final[Mapping[str, Table]] = read_tables("fortios")
"""Described as FortiOS has them, release by release."""
_SHARED: Final[Mapping[str, Table]] = {**TABLES, **PACKAGE_TABLES}
"""Those of which FortiManager's description serves for the unit as well."""
_PLACES: Final = ("firewall", "firewall.service", "firewall.schedule", "firewall.shaper")
_SYSTEM: Final = ("system external-resource",)
"""Of `config system` the unit's tables with rows that others refer to."""


def table_at(path: str, name: str) -> Table | None:
    """The table of `/api/v2/cmdb/{path}/{name}`."""
    full = f"{path.replace('.', ' ')} {name}"
    return named(full) if path in _PLACES or full in _SYSTEM else None


def exists(name: str, version: tuple[int, ...]) -> bool:
    """Whether a release has the table: policies of IPv6 were apart before 6.4.0."""
    return name != "firewall policy6" or version < (6, 4)


def named(name: str) -> Table | None:
    """The table of a name such as `firewall address`."""
    return OWN.get(name) or _SHARED.get(name)
