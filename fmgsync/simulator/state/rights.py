"""What an administrator's profile lets them do, beside what `rpc-permit` lets JSON-RPC do at all.

Rights have the names of `config system admin profile`; of the many, those that concern this unit.
Refusals as published: -11 for what the profile does not give ("How to FortiManager API", 001), and
-10147 for a write to an ADOM's configuration by one who may only read it (`utils/errors.py` of
rstierli/fortimanager-mcp).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from fmgsync.simulator.codes import Refusal

Right = Literal["none", "read", "read-write"]

NAMES: Final = (
    "adom-policy-packages",
    "config-retrieve",
    "deploy-management",
    "device-manager",
    "device-op",
    "global-policy-packages",
    "policy-objects",
    "system-setting",
)
_ALL: Final[Mapping[str, Right]] = dict.fromkeys(NAMES, "read-write")
PREDEFINED: Final[Mapping[str, Mapping[str, Right]]] = {
    "Restricted_User": {
        **dict.fromkeys(NAMES, "read"),
        "deploy-management": "none",
        "global-policy-packages": "none",
        "system-setting": "none",
    },
    "Standard_User": {**_ALL, "system-setting": "none"},
    "Super_User": _ALL,
}
_INSTALLS: Final = frozenset(
    (
        ("batch", "install"),
        ("install", "device"),
        ("install", "objects"),
        ("install", "package"),
        ("package", "commit"),
        ("reinstall", "package"),
    )
)


def require(rights: Mapping[str, Right], path: tuple[str, ...], method: str) -> None:
    """Refuse what the profile does not allow; urls that no right here concerns pass."""
    right = _right_of(path, method)
    if right is None:
        return
    given = rights.get(right, "read-write")
    if given == "read-write" or (given == "read" and method == "get"):
        return
    stays_here = path[:2] == ("pm", "config") and path[2:3] != ("device",)
    raise Refusal(-10147 if stays_here and given == "read" else -11)


def _right_of(path: tuple[str, ...], method: str) -> str | None:
    """Which right a call needs."""
    top = path[:2]
    if top == ("pm", "config"):
        return _in_configuration(path[2:])
    if top in (("pm", "pkg"), ("pm", "pblock")):
        return "global-policy-packages" if path[2:3] == ("global",) else "adom-policy-packages"
    if path[:1] == ("securityconsole",):
        return _in_console(path[1:])
    if path[:1] == ("dvm",):
        return "config-retrieve" if path[2:3] in (("reload",), ("update",)) else "device-manager"
    if path[:1] == ("dvmdb",) and method != "get":
        # Locking is for those who write something.
        return "policy-objects" if "workspace" in path or "workflow" in path else "device-manager"
    return None


def _in_configuration(rest: tuple[str, ...]) -> str | None:
    if rest[:1] == ("device",):
        return "device-manager"
    what = rest[1:2] if rest[:1] == ("global",) else rest[2:3]
    if rest[:1] == ("global",) and what == ("pkg",):
        return "global-policy-packages"
    if what in (("pkg",), ("pblock",)):
        return "adom-policy-packages"
    return "policy-objects" if what == ("obj",) else None


def _in_console(rest: tuple[str, ...]) -> str | None:
    if rest[:2] in _INSTALLS:
        return "deploy-management"
    if rest[:1] in (("assign",), ("unassign",)):
        return "global-policy-packages"
    return "adom-policy-packages" if rest[:1] in (("pblock",), ("import",)) else None
