"""What every ADOM holds from the start, as seen in public reads of factory-new ADOMs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_NONE4 = ("0.0.0.0", "255.255.255.255")  # noqa: S104 - the value of the object `none`

_PROFILES: Final = {
    "antivirus profile": "default sniffer-profile wifi-default",
    "application list": "block-high-risk default sniffer-profile wifi-default",
    "dlp profile": "default sniffer-profile",
    "dnsfilter profile": "default",
    "emailfilter profile": "default sniffer-profile",
    "file-filter profile": "default sniffer-profile",
    "firewall profile-protocol-options": "default",
    "firewall shaper traffic-shaper": (
        "guarantee-100kbps high-priority low-priority medium-priority shared-1M-pipe"
    ),
    "firewall ssl-ssh-profile": (
        "certificate-inspection custom-deep-inspection deep-inspection no-inspection"
    ),
    "ips sensor": (
        "all_default all_default_pass default high_security protect_client protect_email_server"
        " protect_http_server sniffer-profile wifi-default"
    ),
    "user group": "Guest-group SSO_Guest_Users",
    "user local": "guest",
    "voip profile": "default strict",
    "waf profile": "default",
    "webfilter profile": "default monitor-all sniffer-profile wifi-default",
}
"""Profiles and users that FortiOS 7 has from the start, by table; their contents are not known."""

PREDEFINED: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "firewall address": {
        "all": {},
        "none": {"subnet": _NONE4},
        "FABRIC_DEVICE": {"comment": "IPv4 addresses of Fabric Devices."},
        "FIREWALL_AUTH_PORTAL_ADDRESS": {},
        "RFC1918-10": {"subnet": ("10.0.0.0", "255.0.0.0")},
        "RFC1918-172": {"subnet": ("172.16.0.0", "255.240.0.0")},
        "RFC1918-192": {"subnet": ("192.168.0.0", "255.255.0.0")},
        "SSLVPN_TUNNEL_ADDR1": {
            "type": "iprange",
            "start-ip": "10.212.134.200",
            "end-ip": "10.212.134.210",
        },
        "gmail.com": {"type": "fqdn", "fqdn": "gmail.com"},
        "login.microsoft.com": {"type": "fqdn", "fqdn": "login.microsoft.com"},
        "login.microsoftonline.com": {"type": "fqdn", "fqdn": "login.microsoftonline.com"},
        "login.windows.net": {"type": "fqdn", "fqdn": "login.windows.net"},
    },
    "firewall addrgrp": {
        "G Suite": {"member": ("gmail.com",)},
        "Microsoft Office 365": {
            "member": ("login.microsoftonline.com", "login.microsoft.com", "login.windows.net")
        },
    },
    "firewall address6": {
        "all": {},
        "none": {"ip6": "::/128"},
        "SSLVPN_TUNNEL_IPv6_ADDR1": {"ip6": "fdff:ffff::/120"},
    },
    "firewall addrgrp6": {},
    "firewall service category": {
        "General": {},
        "Web Access": {},
        "File Access": {},
        "Network Services": {},
    },
    "firewall service custom": {
        "ALL": {"protocol": "IP", "category": ("General",)},
        "ALL_TCP": {"tcp-portrange": ("1-65535",), "category": ("General",)},
        "ALL_UDP": {"udp-portrange": ("1-65535",), "category": ("General",)},
        "ALL_ICMP": {"protocol": "ICMP", "category": ("General",)},
        "DNS": {
            "tcp-portrange": ("53",),
            "udp-portrange": ("53",),
            "category": ("Network Services",),
        },
        "FTP": {"tcp-portrange": ("21",), "category": ("File Access",)},
        "HTTP": {"tcp-portrange": ("80",), "category": ("Web Access",)},
        "HTTPS": {"tcp-portrange": ("443",), "category": ("Web Access",)},
        "PING": {"protocol": "ICMP", "category": ("Network Services",)},
        "SSH": {"tcp-portrange": ("22",), "category": ("General",)},
    },
    "firewall service group": {"Web Access": {"member": ("DNS", "HTTP", "HTTPS")}},
    "firewall schedule recurring": {
        "always": {
            "day": (
                "sunday",
                "monday",
                "tuesday",
                "wednesday",
                "thursday",
                "friday",
                "saturday",
            )
        },
        "none": {},
    },
    "firewall schedule onetime": {},
    "firewall schedule group": {},
    "dynamic interface": {"any": {}},
    **{table: {name: {} for name in names.split()} for table, names in _PROFILES.items()},
}

KEEPS: Final = frozenset(
    (table, name) for table, rows in PREDEFINED.items() for name in rows if name in ("all", "none")
)
"""Objects that FortiOS itself has: never removed from a device as unreferenced."""
