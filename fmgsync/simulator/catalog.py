"""The configuration tables the simulator serves: keys, attributes, references, predefined rows.

Field names follow the attribute lists of the Ansible collection fortinet.fortimanager and of
recorded reads in "How to FortiManager API, 002"; the numbers behind the words are those that were
seen in reads without `verbose`, the others count on in the order of the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fmgsync.simulator.attributes import Attribute, Kind
from fmgsync.simulator.catalog_more import MORE
from fmgsync.simulator.catalog_policy import (
    ADDRESS6_TABLES,
    ADDRESS_TABLES,
    POLICY,
    SCHEDULES,
    SERVICES,
)
from fmgsync.simulator.tables import COLOR, Table, integer, names, switch, text, word

_TYPES4 = (
    "ipmask",
    "iprange",
    "fqdn",
    "wildcard",
    "geography",
    "url",
    "wildcard-fqdn",
    "nsx",
    "aws",
    "dynamic",
    "interface-subnet",
    "mac",
    "fqdn-group",
    "route-tag",
)
_TYPES6 = (
    "ipprefix",
    "iprange",
    "nsx",
    "dynamic",
    "fqdn",
    "template",
    "mac",
    "geography",
    "route-tag",
)
_ZERO = "0.0.0.0"  # noqa: S104 - an address that means "none given", nothing listens here

ADDRESS: Final = Table(
    "firewall address",
    "name",
    {
        "_image-base64": text(limit=5120),
        "allow-routing": switch(),
        "associated-interface": names(default=("any",)),
        "clearpass-spt": word(
            "unknown", "healthy", "quarantine", "checkup", "transient", "infected"
        ),
        "color": COLOR,
        "comment": text(),
        "dirty": Attribute(Kind.WORD, "dirty", {"clean": 0, "dirty": 1}),
        "fabric-object": switch(),
        "fqdn": text(shown=False),
        "country": text(shown=False),
        "start-ip": Attribute(Kind.ADDRESS, _ZERO, shown=False),
        "end-ip": Attribute(Kind.ADDRESS, _ZERO, shown=False),
        "hw-model": text(since=(7, 4, 0)),
        "hw-vendor": text(since=(7, 4, 0)),
        "interface": names(shown=False),
        "list": Attribute(Kind.TABLE, sub_key="ip"),
        "macaddr": Attribute(Kind.WORDS, (), shown=False),
        "node-ip-only": switch(),
        "obj-tag": text(),
        "obj-type": Attribute(Kind.WORD, "ip", {"ip": 9, "mac": 10}),
        "organization": text(),
        "os": text(since=(7, 4, 0)),
        "policy-group": text(),
        "route-tag": integer(since=(7, 4, 0)),
        "sub-type": word("sdn", "clearpass-spt", "fsso", "ems-tag", shown=False),
        "subnet": Attribute(Kind.SUBNET, (_ZERO, _ZERO), shown=False),
        "subnet-name": text(),
        "sw-version": text(since=(7, 4, 0)),
        "tag-detection-level": text(),
        "tag-type": text(),
        "tagging": Attribute(Kind.TABLE, sub_key="name"),
        "type": word(*_TYPES4),
        "uuid": text(),
        "visibility": switch("enable", until=(7, 6, 2), shown=False),
        "wildcard": Attribute(Kind.SUBNET, (_ZERO, _ZERO), shown=False),
        "wildcard-fqdn": text(shown=False),
    },
    category=140,
    mapped=True,
    by_type={
        "ipmask": ("subnet",),
        "iprange": ("start-ip", "end-ip"),
        "fqdn": ("fqdn",),
        "wildcard": ("wildcard",),
        "geography": ("country",),
        "wildcard-fqdn": ("wildcard-fqdn",),
        "mac": ("macaddr",),
        "dynamic": ("sub-type",),
        "interface-subnet": ("interface", "subnet"),
    },
    rivals=("firewall addrgrp",),
    size=400_000,
)

ADDRGRP: Final = Table(
    "firewall addrgrp",
    "name",
    {
        "_image-base64": text(limit=5120),
        "allow-routing": switch(),
        "category": word("default", "ztna-ems-tag", "ztna-geo-tag"),
        "color": COLOR,
        "comment": text(""),
        "exclude": switch(),
        "exclude-member": names(*ADDRESS_TABLES),
        "fabric-object": switch(),
        "member": names(*ADDRESS_TABLES),
        "tagging": Attribute(Kind.TABLE, sub_key="name"),
        "type": Attribute(Kind.WORD, "default", {"folder": 1, "array": 2, "default": 3}),
        "uuid": text(),
        "visibility": switch("enable", until=(7, 6, 2), shown=False),
    },
    category=142,
    mapped=True,
    rivals=("firewall address",),
)

ADDRESS6: Final = Table(
    "firewall address6",
    "name",
    {
        "_image-base64": text(limit=5120),
        "cache-ttl": integer(),
        "color": COLOR,
        "comment": text(),
        "country": text(shown=False),
        "end-ip": Attribute(Kind.ADDRESS6, "::", shown=False),
        "fabric-object": switch(),
        "fqdn": text(shown=False),
        "host": Attribute(Kind.ADDRESS6, "::", shown=False),
        "host-type": word("any", "specific", shown=False),
        "ip6": Attribute(Kind.PREFIX6, "::/0", shown=False),
        "list": Attribute(Kind.TABLE, sub_key="ip"),
        "macaddr": Attribute(Kind.WORDS, (), shown=False),
        "obj-id": text(),
        "route-tag": integer(since=(7, 4, 0)),
        "start-ip": Attribute(Kind.ADDRESS6, "::", shown=False),
        "tagging": Attribute(Kind.TABLE, sub_key="name"),
        "type": word(*_TYPES6),
        "uuid": text(),
        "visibility": switch("enable", until=(7, 6, 2), shown=False),
    },
    category=251,
    mapped=True,
    by_type={
        "ipprefix": ("ip6",),
        "iprange": ("start-ip", "end-ip"),
        "fqdn": ("fqdn",),
        "geography": ("country",),
        "mac": ("macaddr",),
    },
    rivals=("firewall addrgrp6",),
    size=400_000,
)

ADDRGRP6: Final = Table(
    "firewall addrgrp6",
    "name",
    {
        "_image-base64": text(limit=5120),
        "color": COLOR,
        "comment": text(""),
        "exclude": switch(since=(7, 4, 0)),
        "exclude-member": names(*ADDRESS6_TABLES, since=(7, 4, 0)),
        "fabric-object": switch(),
        "member": names(*ADDRESS6_TABLES),
        "tagging": Attribute(Kind.TABLE, sub_key="name"),
        "uuid": text(),
        "visibility": switch("enable", until=(7, 6, 2), shown=False),
    },
    category=252,
    mapped=True,
    rivals=("firewall address6",),
)

_COMMENTED: Final = {"comment": text(), "color": COLOR, "uuid": text()}

SERVICE: Final = Table(
    "firewall service custom",
    "name",
    {
        **_COMMENTED,
        "protocol": Attribute(
            Kind.WORD, "TCP/UDP/SCTP", {"IP": 1, "ICMP": 2, "ICMP6": 3, "TCP/UDP/SCTP": 5}
        ),
        "protocol-number": integer(),
        "tcp-portrange": Attribute(Kind.WORDS, ()),
        "udp-portrange": Attribute(Kind.WORDS, ()),
        "category": names("firewall service category"),
    },
    category=146,
    rivals=("firewall service group",),
)

SERVICE_GROUP: Final = Table(
    "firewall service group",
    "name",
    {**_COMMENTED, "member": names(*SERVICES), "proxy": switch()},
    category=147,
    rivals=("firewall service custom",),
)

SERVICE_CATEGORY: Final = Table(
    "firewall service category", "name", {"comment": text(), "uuid": text()}, category=145
)

RECURRING: Final = Table(
    "firewall schedule recurring",
    "name",
    {
        "color": COLOR,
        "day": Attribute(Kind.WORDS, ()),
        "start": text("00:00"),
        "end": text("00:00"),
    },
    category=164,
)

ONETIME: Final = Table(
    "firewall schedule onetime",
    "name",
    {"color": COLOR, "start": text(), "end": text()},
    category=163,
)

SCHEDULE_GROUP: Final = Table(
    "firewall schedule group",
    "name",
    {"color": COLOR, "member": names(*SCHEDULES[:2])},
    category=165,
)

INTERFACE: Final = Table(
    "dynamic interface",
    "name",
    {
        "color": COLOR,
        "default-mapping": switch(),
        "defmap-intf": text(""),
        "description": text(""),
        "single-intf": switch("enable"),
        "platform_mapping": Attribute(Kind.TABLE, sub_key="name"),
    },
    category=1103,
    mapped=True,
    key_limit=35,
)

TABLES: Final[Mapping[str, Table]] = {
    table.name: table
    for table in (
        ADDRESS,
        ADDRGRP,
        ADDRESS6,
        ADDRGRP6,
        SERVICE,
        SERVICE_GROUP,
        SERVICE_CATEGORY,
        RECURRING,
        ONETIME,
        SCHEDULE_GROUP,
        INTERFACE,
        *MORE,
    )
}
"""Tables of the ADOM's object database; policies live inside packages."""

__all__ = ["ADDRESS", "ADDRESS6", "ADDRGRP", "ADDRGRP6", "INTERFACE", "POLICY", "TABLES"]
