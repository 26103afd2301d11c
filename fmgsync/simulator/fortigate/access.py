"""Who asks, and what of the unit an administrator's profile opens to him.

Access groups of the calls: Fortinet's API description of FortiOS 6.4.14 and 7.6.6.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fmgsync.simulator.state.devices import Device
from fmgsync.simulator.state.unitapi import ApiUser, Right

_READ: Final[Right] = "read"
_WRITE: Final[Right] = "read-write"

GROUPS: Final = ("address", "policy", "service", "schedule", "others", "cfg", "admin", "net")
"""`fwgrp` by its sub-rights, `sysgrp` by two of them, and the rest."""
PROFILES: Final[Mapping[str, Mapping[str, Right]]] = {
    "minimal": {"address": _WRITE},
    "advised": {"address": _WRITE, "policy": _READ, "cfg": _READ},
    "read-only": {group: _READ for group in GROUPS if group != "admin"},
    "super_admin": dict.fromkeys(GROUPS, _WRITE),
}
_TABLES: Final = {
    "firewall policy": "policy",
    "firewall policy6": "policy",
    # `monitor/firewall/local-in` is of this group.
    "firewall local-in-policy": "policy",
    "firewall local-in-policy6": "policy",
    "firewall proxy-policy": "policy",
    "firewall security-policy": "policy",
    "firewall address": "address",
    "firewall address6": "address",
    "firewall addrgrp": "address",
    "firewall addrgrp6": "address",
}
_ELSEWHERE: Final = (
    "secfabgrp", "ftviewgrp", "authgrp", "loggrp", "vpngrp", "utmgrp", "wanoptgrp", "wifi",
)  # fmt: skip
_PARTS: Final = {
    "fwgrp": {part: part for part in ("policy", "address", "service", "schedule", "others")},
    "sysgrp": {"admin": "admin", "upd": "cfg", "cfg": "cfg", "mnt": "cfg"},
}
QUERY_KEY_UNTIL: Final = (7, 4, 5)
"""From here on a key in the url is refused (Fortinet community article 357228)."""
LOCKED_AFTER: Final = 10
LOCKED_S: Final = 60
"""So many wrong keys in a row, and the source is not heard for so long."""


@dataclass(frozen=True, slots=True)
class Access:
    """One administrator on one unit."""

    user: str
    rights: Mapping[str, Right]
    vdoms: frozenset[str] = frozenset()

    def may(self, group: str, method: str) -> bool:
        """Whether a call of this access group is open; `any` is, to everybody."""
        right = self.rights.get(group, "none")
        return group == "any" or right == _WRITE or (right == _READ and method == "GET")

    @property
    def writes(self) -> bool:
        """Whether anything at all may be written."""
        return _WRITE in self.rights.values()

    def enters(self, vdom: str) -> bool:
        """Whether the VDOM is this administrator's."""
        return not self.vdoms or vdom in self.vdoms


WHOLE: Final = Access("", PROFILES["super_admin"])
"""What FortiManager itself may do on its units."""


def group_of(table: str) -> str:
    """The access group of a configuration table."""
    if table in _TABLES:
        return _TABLES[table]
    area, _, name = table.partition(" ")
    if area != "firewall":
        return "cfg" if area == "system" else "others"
    first = name.partition(" ")[0]
    return first if first in ("service", "schedule") else "others"


def user_of(device: Device, key: str, now: float) -> ApiUser | None:
    """Whose key it is; expired ones are nobody's."""
    sent = key.encode("utf-8", "replace")
    for user in device.api.users.values():
        alive = user.expires_at is None or now < user.expires_at
        if alive and hmac.compare_digest(user.key.encode(), sent):
            return user
    return None


def access_of(user: ApiUser) -> Access:
    """What this administrator may do."""
    return Access(user.name, rights_of(user), user.vdoms)


def rights_of(user: ApiUser) -> Mapping[str, Right]:
    """What his profile opens, by access group."""
    return {**PROFILES[user.profile], **user.rights}


def described(user: ApiUser) -> dict[str, Any]:
    """His profile as `config system accprofile` has it: a group whose parts differ is custom."""
    name, rights = user.profile_name, rights_of(user)
    others = rights.get("others", "none")
    shown: dict[str, Any] = {"name": name, "q_origin_key": name, "scope": "global", "comments": ""}
    shown |= dict.fromkeys(_ELSEWHERE, others) | {"netgrp": rights.get("net", "none")}
    for group, parts in _PARTS.items():
        held = {part: rights.get(of, "none") for part, of in parts.items()}
        first, *more = set(held.values())
        shown[group] = "custom" if more else first
        shown[f"{group}-permission"] = held
    return shown


def takes_query_key(version: tuple[int, ...]) -> bool:
    """Whether `?access_token=` is accepted; in the 7.6 line it ends with 7.6.1."""
    return version < QUERY_KEY_UNTIL or version == (7, 6, 0)


def locked(device: Device, source: str, now: float) -> int:
    """Seconds for which a source is not heard after too many wrong keys."""
    count, last = device.api.failures.get(source, (0, 0.0))
    return max(0, int(last + LOCKED_S - now)) if count >= LOCKED_AFTER else 0


def failed(device: Device, source: str, now: float) -> None:
    """Another wrong key; those of long ago are forgotten."""
    count, last = device.api.failures.get(source, (0, 0.0))
    count = count if now < last + LOCKED_S else 0
    device.api.failures[source] = (count + 1, now)
