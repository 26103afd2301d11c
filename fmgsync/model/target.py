"""Names of places: a target, a VDOM on a device, a policy package."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass


class TargetKind(enum.StrEnum):
    """What sort of unit holds the objects."""

    FORTIMANAGER = "fortimanager"
    FORTIGATE = "fortigate"


@dataclass(frozen=True, slots=True, order=True)
class TargetRef:
    """What one pass reads and writes, by the names in the configuration.

    An ADOM of a FortiManager (`hq/prod`), or a VDOM of a FortiGate that no FortiManager manages
    (`branch-7/root`).
    """

    unit: str
    domain: str
    kind: TargetKind = TargetKind.FORTIMANAGER

    def __str__(self) -> str:
        return f"{self.unit}/{self.domain}"


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
