"""The tables that live inside a policy package: policies, and what is installed beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from fmgsync.simulator.schema.tables import Table, read_tables

BLOCKS: Final = "pblock"
"""Store name of policy blocks, keyed by name."""

_ALL: Final = read_tables("packages")
POLICY: Final = _ALL["firewall policy"]
HEADER: Final = replace(POLICY, name="global header policy", category=475)
FOOTER: Final = replace(POLICY, name="global footer policy", category=476)

PACKAGE_TABLES: Final[Mapping[str, Table]] = {
    **_ALL,
    HEADER.name: HEADER,
    FOOTER.name: FOOTER,
}
INSTALLED: Final = tuple(
    _ALL[f"firewall {name}"] for name in ("local-in-policy", "local-in-policy6", "DoS-policy")
)
"""Tables that go to a device as they are; policies are put together from several."""

FIRST_ID: Final = {HEADER.name: 1_073_741_825, FOOTER.name: 1_074_741_825}
"""Policies from elsewhere have ids that no package uses of its own accord."""
FIRST_IN_BLOCK: Final = 1_071_741_825
"""`1071741828` is recorded of a block ("How to FortiManager API", 008)."""
