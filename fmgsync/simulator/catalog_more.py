"""Further object tables, for clients that look beyond addresses: kept and checked, not installed.

Their attribute lists are short; values of unlisted attributes are ignored, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fmgsync.simulator.attributes import Attribute, Kind
from fmgsync.simulator.codes import Refusal
from fmgsync.simulator.tables import COLOR, Table, integer, names, switch, text, word

_ZERO = "0.0.0.0"  # noqa: S104 - an address that means "none given", nothing listens here


def _needs_start(name: str, record: Mapping[str, Any], attrs: Mapping[str, Any]) -> None:
    """A pool without a default value is refused unless the client says it knows."""
    if attrs.get("startip", _ZERO) == _ZERO and record.get("_if_no_default") != 1:
        raise Refusal(-9998, f'firewall/ippool/{name}/ : ippool "{name}": start ip should be set')


MORE: Final = (
    Table(
        "firewall ippool",
        "name",
        {
            "comments": text(),
            "endip": Attribute(Kind.ADDRESS, _ZERO),
            "permit-any-host": switch(),
            "startip": Attribute(Kind.ADDRESS, _ZERO),
            "type": word("overload", "one-to-one", "fixed-port-range", "port-block-allocation"),
        },
        category=149,
        mapped=True,
        check=_needs_start,
    ),
    Table(
        "firewall multicast-address",
        "name",
        {
            "color": COLOR,
            "comment": text(),
            "end-ip": Attribute(Kind.ADDRESS, _ZERO),
            "start-ip": Attribute(Kind.ADDRESS, _ZERO),
            "subnet": Attribute(Kind.SUBNET, (_ZERO, _ZERO)),
            "type": word("multicastrange", "broadcastmask"),
        },
        category=139,
    ),
    Table("antivirus profile", "name", {"comment": text()}, category=114),
    Table("ips sensor", "name", {"comment": text()}, category=118),
    Table(
        "firewall profile-group",
        "name",
        {"av-profile": names("antivirus profile"), "ips-sensor": names("ips sensor")},
        category=184,
    ),
    Table(
        "fmg variable",
        "name",
        {"description": text(), "value": text("")},
        category=9998,
        mapped=True,
        maps_global=True,
        echoes_scope=False,
        unmapped=frozenset(("description",)),
    ),
    Table(
        "dynamic certificate local",
        "name",
        {"description": text(), "local-cert": text("")},
        category=1104,
        mapped=True,
        maps_global=True,
    ),
    Table(
        "fsp vlan",
        "name",
        {
            "color": COLOR,
            "vlanid": integer(1),
            "_dhcp-status": switch(),
            "dhcp-server": Attribute(Kind.FREE, None),
            "interface": Attribute(Kind.FREE, None),
        },
        category=2050,
        mapped=True,
        echoes_scope=False,
    ),
)
