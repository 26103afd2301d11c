"""The object tables the simulator serves, and what of them a line of data cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fmgsync.simulator.codes import Refusal
from fmgsync.simulator.schema.catalog_packages import POLICY
from fmgsync.simulator.schema.tables import Table, read_tables

_ZERO: Final = "0.0.0.0"  # noqa: S104 - an address that means "none given", nothing listens here


def _needs_start(name: str, record: Mapping[str, Any], attrs: Mapping[str, Any]) -> None:
    """A pool without a default value is refused unless the client says it knows."""
    if attrs.get("startip", _ZERO) == _ZERO and record.get("_if_no_default") != 1:
        raise Refusal(-9998, f'firewall/ippool/{name}/ : ippool "{name}": start ip should be set')


TABLES: Final[Mapping[str, Table]] = read_tables(
    "addresses",
    "firewall",
    "security",
    "system",
    "users",
    checks={"firewall ippool": _needs_start},
)
"""Tables of the ADOM's object database; policies live inside packages."""

ADDRESS: Final = TABLES["firewall address"]
ADDRGRP: Final = TABLES["firewall addrgrp"]
ADDRESS6: Final = TABLES["firewall address6"]
ADDRGRP6: Final = TABLES["firewall addrgrp6"]
INTERFACE: Final = TABLES["dynamic interface"]

__all__ = ["ADDRESS", "ADDRESS6", "ADDRGRP", "ADDRGRP6", "INTERFACE", "POLICY", "TABLES"]
