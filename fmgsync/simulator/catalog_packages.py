"""The tables that live inside a policy package: policies, and what is installed beside them.

Attribute names follow the Ansible collection fortinet.fortimanager (`fmgr_pkg_*`,
`fmgr_pm_config_pblock_*`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from fmgsync.simulator.attributes import Attribute
from fmgsync.simulator.catalog_policy import (
    ADDRESS6_TABLES,
    ADDRESS_TABLES,
    POLICY,
    SCHEDULES,
    SERVICES,
)
from fmgsync.simulator.tables import Table, names, switch, text, word

HEADER: Final = replace(POLICY, name="global header policy", category=475)
FOOTER: Final = replace(POLICY, name="global footer policy", category=476)


def _local_in(name: str, addresses: tuple[str, ...], category: int) -> Table:
    """What may reach the FortiGate itself."""
    attributes: Mapping[str, Attribute] = {
        "action": word("deny", "accept"),
        "comments": text(limit=1023),
        "dstaddr": names(*addresses),
        "dstaddr-negate": switch(),
        "ha-mgmt-intf-only": switch(),
        "internet-service-src": switch(since=(7, 4, 3)),
        "internet-service-src-custom": names(since=(7, 4, 3)),
        "internet-service-src-custom-group": names(since=(7, 4, 3)),
        "internet-service-src-group": names(since=(7, 4, 3)),
        "internet-service-src-name": names(since=(7, 4, 3)),
        "internet-service-src-negate": switch(since=(7, 4, 3)),
        "intf": names("dynamic interface"),
        "logtraffic": switch(since=(7, 6, 0)),
        "schedule": names(*SCHEDULES),
        "service": names(*SERVICES),
        "service-negate": switch(),
        "srcaddr": names(*addresses),
        "srcaddr-negate": switch(),
        "status": switch("enable"),
        "uuid": text(),
        "virtual-patch": switch(since=(7, 2, 6)),
    }
    return Table(name, "policyid", attributes, category=category)


LOCAL_IN: Final = _local_in("firewall local-in-policy", ADDRESS_TABLES, 467)
LOCAL_IN6: Final = _local_in("firewall local-in-policy6", ADDRESS6_TABLES, 468)

DOS: Final = Table(
    "firewall DoS-policy",
    "policyid",
    {
        "comments": text(limit=1023),
        "dstaddr": names(*ADDRESS_TABLES),
        "interface": names("dynamic interface"),
        "name": text(limit=35),
        "service": names(*SERVICES),
        "srcaddr": names(*ADDRESS_TABLES),
        "status": switch("enable"),
    },
    category=185,
)

PACKAGE_TABLES: Final[Mapping[str, Table]] = {
    table.name: table for table in (POLICY, LOCAL_IN, LOCAL_IN6, DOS, HEADER, FOOTER)
}
INSTALLED: Final = (LOCAL_IN, LOCAL_IN6, DOS)
"""Tables that go to a device as they are; policies are put together from several."""

FIRST_ID: Final = {HEADER.name: 1_073_741_825, FOOTER.name: 1_074_741_825}
"""Policies from elsewhere have ids that no package uses of its own accord."""
FIRST_IN_BLOCK: Final = 1_071_741_825
"""`1071741828` is recorded of a block ("How to FortiManager API", 008)."""
