"""Values in a seed that need a word of their own when they are wrong: names and releases."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

OLDEST: Final = (7, 2)
NEWEST: Final = (8, 0)
"""The releases of FortiManager that are simulated."""
_RELEASE: Final = re.compile(r"\d{1,3}\.\d{1,3}(\.\d{1,3})?", re.ASCII)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds a character that cannot be printed")
    return text


def _segment(text: str) -> str:
    if "/" in text:
        raise ValueError("this name cannot hold a slash")
    return text


def _written(value: Any) -> Any:
    """YAML reads 7.4 as a number; what was meant is the text."""
    return str(value) if isinstance(value, float) else value


def _release(text: str) -> str:
    if _RELEASE.fullmatch(text) is None:
        raise ValueError("write a release such as 7.4 or 7.4.5")
    return text


def _unit_release(text: str) -> str:
    major, minor = (int(part) for part in _release(text).split(".")[:2])
    if not OLDEST <= (major, minor) <= NEWEST:
        known = f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
        raise ValueError(f"FortiManager {known} is simulated; write for example 7.4.5")
    return text


def _adom_release(text: str) -> str:
    if _release(text).count(".") != 1:
        raise ValueError("an ADOM has a version such as 7.4, without patch")
    return text


Name = Annotated[str, Field(min_length=1, max_length=127), AfterValidator(_printable)]
"""Of an object or package; a slash is part of the name, or separates folders."""
Segment = Annotated[Name, AfterValidator(_segment)]
"""Of an ADOM, device, VDOM or device group: names that others write before or behind a slash."""
UnitRelease = Annotated[str, BeforeValidator(_written), AfterValidator(_unit_release)]
AdomRelease = Annotated[str, BeforeValidator(_written), AfterValidator(_adom_release)]
DeviceRelease = Annotated[str, BeforeValidator(_written), AfterValidator(_release)]


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text.replace(" ", "/"), strict=False)
    except ValueError:
        raise ValueError("write an address or a network such as 10.0.0.0/8") from None
    return text.replace(" ", "/")


Network = Annotated[str, AfterValidator(_network)]
