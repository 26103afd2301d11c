"""Names of places: a target, a VDOM on a device, a policy package."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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

    @property
    def named(self) -> dict[str, Any]:
        """What an audit line or an error calls it."""
        if self.kind is TargetKind.FORTIGATE:
            return {"fortigate": self.unit, "vdom": self.domain}
        return {"fortimanager": self.unit, "adom": self.domain}

    @property
    def logged(self) -> dict[str, str]:
        """What a log line calls it, in one word."""
        return {"fortigate" if self.is_direct else "adom": str(self)}

    @property
    def row(self) -> dict[str, Any]:
        """The same for documents, which always have FortiManager and ADOM."""
        return {"fortimanager": None, "adom": None, **self.named}

    @property
    def title(self) -> str:
        """`ADOM prod on hq`, `VDOM root on branch-7`."""
        return title_of(self.row)

    @property
    def is_direct(self) -> bool:
        """A FortiGate without a FortiManager: what is written there is live at once."""
        return self.kind is TargetKind.FORTIGATE

    @property
    def short(self) -> str:
        """`ADOM prod`; of a FortiGate its VDOM does not say enough: `VDOM root on branch-7`."""
        return self.title if self.is_direct else f"ADOM {self.domain}"


def title_of(row: Mapping[str, Any]) -> str:
    """A target as people call it, from what documents tell of it."""
    if row.get("fortigate"):
        return f"VDOM {row['vdom']} on {row['fortigate']}"
    return f"ADOM {row['adom']} on {row['fortimanager']}"


def path_of(row: Mapping[str, Any]) -> str:
    """The same in short: `hq/prod`, `branch-7/root`."""
    if row.get("fortigate"):
        return f"{row['fortigate']}/{row['vdom']}"
    return f"{row['fortimanager']}/{row['adom']}"


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
