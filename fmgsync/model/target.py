"""Names of places: an ADOM on a FortiManager, a VDOM on a device, a policy package."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class AdomRef:
    """An ADOM of a FortiManager, by the names in the configuration."""

    fortimanager: str
    adom: str

    def __str__(self) -> str:
        return f"{self.fortimanager}/{self.adom}"


@dataclass(frozen=True, slots=True, order=True)
class DeviceVdom:
    """A VDOM on a managed FortiGate; `root` on a device without VDOMs."""

    device: str
    vdom: str

    def __str__(self) -> str:
        return f"{self.device}/{self.vdom}"


_DIGITS = re.compile(r"(\d+)")


def natural(text: str) -> list[tuple[bool, int, str]]:
    """Sorts names as people count: fgt-2 before fgt-10."""
    return [
        (part.isdecimal(), int(part) if part.isdecimal() and len(part) < 19 else 0, part)
        for part in _DIGITS.split(text)
    ]


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A device, `device/vdom`, `group:NAME` or a pattern of these, and where it is named."""

    where: str
    name: str
