"""The firewall policy's attributes: those that decide what passes, and the many that come along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fmgsync.simulator.attributes import Attribute, Kind
from fmgsync.simulator.tables import Table, integer, names, switch, text, word

ADDRESS_TABLES: Final = ("firewall address", "firewall addrgrp")
ADDRESS6_TABLES: Final = ("firewall address6", "firewall addrgrp6")
SERVICES: Final = ("firewall service custom", "firewall service group")
SCHEDULES: Final = (
    "firewall schedule recurring",
    "firewall schedule onetime",
    "firewall schedule group",
)

BLOCKS: Final = "pblock"
"""Store name of policy blocks, keyed by name."""

_OFF = (
    "auth-path",
    "block-notification",
    "captive-portal-exempt",
    "capture-packet",
    "delay-tcp-npu-session",
    "diffserv-forward",
    "diffserv-reverse",
    "disclaimer",
    "fixedport",
    "internet-service",
    "internet-service-negate",
    "internet-service-src",
    "internet-service-src-negate",
    "ippool",
    "logtraffic-start",
    "nat",
    "service-negate",
    "tos-negate",
    "utm-status",
    "wanopt",
    "wccp",
    "webcache",
    "webcache-https",
    "ztna-status",
)
_ON = ("anti-replay", "auto-asic-offload", "status")
_LISTS = (
    "app-category",
    "app-group",
    "application",
    "application-list",
    "av-profile",
    "dlp-sensor",
    "dnsfilter-profile",
    "emailfilter-profile",
    "fsso-groups",
    "groups",
    "icap-profile",
    "internet-service-custom",
    "internet-service-custom-group",
    "internet-service-group",
    "internet-service-id",
    "internet-service-src-custom",
    "internet-service-src-custom-group",
    "internet-service-src-group",
    "internet-service-src-id",
    "ips-sensor",
    "per-ip-shaper",
    "poolname",
    "profile-group",
    "replacemsg-override-group",
    "ssl-ssh-profile",
    "traffic-shaper",
    "traffic-shaper-reverse",
    "url-category",
    "users",
    "voip-profile",
    "vpntunnel",
    "waf-profile",
    "webfilter-profile",
    "webproxy-forward-server",
)
"""Names of profiles and the like, kept unchecked: their tables are not all served."""
_BITS = "000000"
_TOS = "0x00"

_MATCHED: Final[Mapping[str, Attribute]] = {
    "name": text(limit=35),
    "_policy_block": names(BLOCKS, shown=False),
    "action": word("deny", "accept", "ipsec"),
    "comments": text(limit=1023),
    "dstaddr": names(*ADDRESS_TABLES),
    "dstaddr-negate": switch(),
    "dstaddr6": names(*ADDRESS6_TABLES),
    "dstaddr6-negate": switch(),
    "dstintf": names("dynamic interface"),
    "schedule": names(*SCHEDULES),
    "service": names(*SERVICES),
    "srcaddr": names(*ADDRESS_TABLES),
    "srcaddr-negate": switch(),
    "srcaddr6": names(*ADDRESS6_TABLES),
    "srcaddr6-negate": switch(),
    "srcintf": names("dynamic interface"),
    "uuid": text(),
}
_ALONG: Final[Mapping[str, Attribute]] = {
    **{name: switch() for name in _OFF},
    **{name: switch("enable") for name in _ON},
    **{name: names() for name in _LISTS},
    "diffservcode-forward": text(_BITS),
    "diffservcode-rev": text(_BITS),
    "global-label": text(),
    "inspection-mode": word("proxy", "flow", default="flow"),
    "label": text(),
    "logtraffic": Attribute(Kind.WORD, "utm", {"disable": 0, "all": 2, "utm": 3}),
    "profile-protocol-options": names(default=("default",)),
    "profile-type": word("single", "group"),
    "tos": text(_TOS),
    "tos-mask": text(_TOS),
    "vlan-cos-fwd": integer(255),
    "vlan-cos-rev": integer(255),
    "vpn_dst_node": Attribute(Kind.TABLE, sub_key="seq"),
    "vpn_src_node": Attribute(Kind.TABLE, sub_key="seq"),
    "wanopt-detection": word("active", "passive", "off"),
    "wanopt-passive-opt": word("default", "transparent", "non-transparent"),
    "_global-label-color": integer(shown=False),
    "_hitcount": integer(shown=False),
    "_last_hit": integer(shown=False),
}

POLICY: Final = Table("firewall policy", "policyid", {**_MATCHED, **_ALONG}, category=181)
