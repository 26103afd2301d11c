"""Which members of FortiManager's JSON must not leave the house, and what stands in for them.

The names are those of the JSON API's schemas, FortiOS configuration attributes and published
captures. Scrubbing writes the stand-ins, `check` accepts nothing else at these places.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Final


class Kind(Enum):
    """What a value is; the text is the stem of its stand-in."""

    SECRET = "scrubbed"  # noqa: S105 - a word for one, not one
    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - likewise
    SERIAL = "serial"
    HOST = "host"
    ADMIN = "admin"
    COMMENT = "comment"
    FREE_TEXT = "free text"
    PLACE = "place"
    MANAGEMENT = "management address"
    UUID = "uuid"
    MAIL = "mail"
    HARDWARE = "hardware address"


SCRUBBED: Final = Kind.SECRET.value

_SECRET_NAMES: Final = frozenset(
    {
        "passwd", "password", "pass", "pwd", "psk", "psksecret", "psksecret-remote", "secret",
        "passphrase", "private-key", "api-key", "apikey", "access-token", "refresh-token",
        "auth-key", "authkey", "key-string", "community", "authorization", "cookie",
        "set-cookie", "proxy-authorization", "client-secret", "shared-secret", "adm-pass",
        "tunnel-cookie", "auth-pwd", "priv-pwd", "ppk-secret", "md5-key", "enc-key", "pin",
        "x-api-key", "ldap-password", "radius-secret",
    }
)  # fmt: skip
_SECRET_ENDINGS: Final = ("-passwd", "-password", "-secret", "-passphrase", "-pwd", "-api-key")
_NAMES: Final[dict[str, Kind]] = {
    "session": Kind.SESSION,
    "token": Kind.TOKEN,
    "sn": Kind.SERIAL,
    "old-sn": Kind.SERIAL,
    "serial": Kind.SERIAL,
    "serial-number": Kind.SERIAL,
    "serial-no": Kind.SERIAL,
    "hostname": Kind.HOST,
    "host-name": Kind.HOST,
    "dev": Kind.HOST,
    "ha-group-name": Kind.HOST,
    "user": Kind.ADMIN,
    "userid": Kind.ADMIN,
    "username": Kind.ADMIN,
    "login-user": Kind.ADMIN,
    "admin-user": Kind.ADMIN,
    "lock-user": Kind.ADMIN,
    "create-user": Kind.ADMIN,
    "submit-user": Kind.ADMIN,
    "audit-user": Kind.ADMIN,
    "created-by": Kind.ADMIN,
    "-last-modified-by": Kind.ADMIN,
    "access-user": Kind.ADMIN,
    "adm-usr": Kind.ADMIN,
    "comment": Kind.COMMENT,
    "comments": Kind.COMMENT,
    "desc": Kind.COMMENT,
    "description": Kind.COMMENT,
    "revision-note": Kind.COMMENT,
    "note": Kind.COMMENT,
    "adom-rev-comments": Kind.COMMENT,
    "dev-rev-comments": Kind.COMMENT,
    "adom-rev-name": Kind.COMMENT,
    "organization": Kind.COMMENT,
    "location": Kind.COMMENT,
    "custom-session-label": Kind.COMMENT,
    "latitude": Kind.PLACE,
    "longitude": Kind.PLACE,
    "location-from": Kind.COMMENT,
    "ip": Kind.MANAGEMENT,
    "mgmt-ip": Kind.MANAGEMENT,
    "fmgip": Kind.MANAGEMENT,
    "tunnel-ip": Kind.MANAGEMENT,
    "email": Kind.MAIL,
    "email-address": Kind.MAIL,
}

FREE_TEXT_TABLES: Final = frozenset({"meta-fields"})
"""Objects whose keys an administrator chose: every value in them is treated as a comment."""

RESERVED: Final = frozenset(
    {
        "admin", "administrator", "root", "system", "global", "all", "none", "any", "default",
        "local", "fgfm", "internal", "-", "name", "status", "data", "result", "vdom", "device",
        "host", "session", "token", "comment", "mail", "serial", "scrubbed", "example",
        "net", "fmgsync",
    }
)  # fmt: skip
"""Words that tell nobody anything, and would tear holes if replaced wherever they stand."""

OWN_COMMENT: Final = re.compile(
    r"Managed by fmgsync \([a-z][a-z0-9-]{0,15}\)(?:: [A-Za-z0-9_.-]+)?|fmgsync cassette.*"
)
"""Comments fmgsync itself writes: replaying needs them, and they tell nothing but the name of
their object."""


def kind_of(name: str) -> Kind | None:
    """What a member of that name holds; None for members without anything delicate."""
    plain = name.lower().replace("_", "-").replace(" ", "-")
    if plain in _SECRET_NAMES or plain.endswith(_SECRET_ENDINGS):
        return Kind.SECRET
    return _NAMES.get(plain)


def is_free_text_table(name: str) -> bool:
    """Whether everything below this member is free text."""
    return name.lower().replace("_", "-").replace(" ", "-") in FREE_TEXT_TABLES


_SCOPE: Final = frozenset({"name", "vdom", "oid", "vdom_oid", "poid", "is group"})
_TOLD: Final = frozenset({"percent", "detail", "result"})


def names_device(value: dict[str, Any]) -> bool:
    """Whether the `name` of a JSON object is a device's.

    It stands alone beside its VDOM (`_scope`, `scope member`), in a row of the device manager,
    which has a serial number or a connection state, or in a line about an install or preview.
    """
    if not isinstance(value.get("name"), str):
        return False
    if "sn" in value or "conn_status" in value:
        return True
    if isinstance(value.get("vdom"), str) and value.keys() <= _SCOPE:
        return True
    return "oid" in value and not _TOLD.isdisjoint(value)


def device_part(name: str) -> tuple[str, str]:
    """A device and what a task's line puts behind it: `fgt-1` and `(root)[copy]`."""
    device, bracket, rest = name.partition("(")
    return device, bracket + rest


_DEVICE_IN_URL: Final = (
    re.compile(r"/device/([^/]+)"),
    re.compile(r"/dynamic_mapping/([^/]+)/[^/]+"),
    re.compile(r"/_package/status/([^/]+)/[^/]+"),
    re.compile(r"/workspace/[a-z]+/dev/([^/]+)"),
)


def devices_in_url(url: str) -> set[str]:
    """Names of devices in a url."""
    return {found for pattern in _DEVICE_IN_URL for found in pattern.findall(url)}


STAND_IN: Final[dict[Kind, re.Pattern[str]]] = {
    Kind.SECRET: re.compile(r"scrubbed"),
    Kind.SESSION: re.compile(r"session-\d+"),
    Kind.TOKEN: re.compile(r"token-\d+"),
    Kind.SERIAL: re.compile(r"SERIAL\d{4,}"),
    Kind.HOST: re.compile(r"host-\d+"),
    Kind.ADMIN: re.compile(r"admin-\d+"),
    Kind.COMMENT: re.compile(r"comment-\d+"),
    Kind.PLACE: re.compile(r"0\.0"),
    Kind.UUID: re.compile(r"00000000-0000-4000-8000-[0-9]{12}"),
    Kind.MAIL: re.compile(r"mail-\d+@example\.net"),
    Kind.HARDWARE: re.compile(r"00:00:5e:00:53:[0-9a-f]{2}"),
}


def is_stand_in(kind: Kind, text: str) -> bool:
    """Whether a value is what scrubbing puts at such a place."""
    return STAND_IN[kind].fullmatch(text) is not None


def stand_in(kind: Kind, number: int) -> str:
    """The stand-in for the n-th different value of a kind; secrets and places are all alike."""
    match kind:
        case Kind.SECRET:
            return SCRUBBED
        case Kind.PLACE:
            return "0.0"
        case Kind.SERIAL:
            return f"SERIAL{number:04d}"
        case Kind.UUID:
            return f"00000000-0000-4000-8000-{number:012d}"
        case Kind.MAIL:
            return f"mail-{number}@example.net"
        case Kind.HARDWARE:
            return f"00:00:5e:00:53:{number % 256:02x}"  # RFC 7042, for documentation
        case _:
            return f"{kind.value}-{number}"
