"""Numbers in the configuration: switches, counts, shares, the size of a wave."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, Strict, WithJsonSchema

from fmgsync.settings.names import GROUP_PREFIX, check_fortimanager_name
from fmgsync.settings.refusing import refuse, shown

# YAML knows these already, so nothing is converted: `yes` and "5" are mistakes.
Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]


@dataclass(frozen=True, slots=True)
class Percent:
    """A share of something, 0 to 100."""

    value: float

    def __str__(self) -> str:
        return f"{self.value:g}%"


@dataclass(frozen=True, slots=True)
class DeviceGroup:
    """A device group of FortiManager, by name."""

    name: str

    def __str__(self) -> str:
        return f"{GROUP_PREFIX}{self.name}"


_PERCENT = r"^[0-9]{1,3}(\.[0-9]{1,4})?%$"


def _percent(text: str) -> Percent | None:
    if not re.fullmatch(_PERCENT, text, re.ASCII) or float(text[:-1]) > 100:
        return None
    return Percent(float(text[:-1]))


def parse_wave(value: object) -> Percent | int | DeviceGroup:
    """`25%`, a number of devices, or `group:NAME`."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, str):
        if value.startswith(GROUP_PREFIX):
            return DeviceGroup(check_fortimanager_name(value.removeprefix(GROUP_PREFIX)))
        percent = _percent(value)
        if percent is not None and percent.value > 0:
            return percent
    raise refuse(
        f"{shown(value)} is not the size of a wave",
        'write a share of the pending devices such as 25%, a number, or "group:NAME"',
    )


def parse_failures(value: object) -> Percent | int:
    """`5%` or a number of devices; 0 stops at the first failure."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    percent = _percent(value) if isinstance(value, str) else None
    if percent is None:
        raise refuse(
            f"{shown(value)} is not a failure budget", "write a number of devices such as 1, or 5%"
        )
    return percent


def _written(value: Percent | int | DeviceGroup) -> int | str:
    return value if isinstance(value, int) else str(value)


_AS_WRITTEN = PlainSerializer(_written, return_type=int | str, when_used="json")
_PERCENT_SCHEMA: dict[str, Any] = {"type": "string", "pattern": _PERCENT, "title": "percentage"}
_GROUP_SCHEMA: dict[str, Any] = {"type": "string", "pattern": "^group:.+", "title": "group:NAME"}
WaveSize = Annotated[
    Percent | int | DeviceGroup,
    PlainValidator(parse_wave),
    _AS_WRITTEN,
    WithJsonSchema({"anyOf": [_PERCENT_SCHEMA, {"type": "integer", "minimum": 1}, _GROUP_SCHEMA]}),
]
FailureBudget = Annotated[
    Percent | int,
    PlainValidator(parse_failures),
    _AS_WRITTEN,
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, _PERCENT_SCHEMA]}),
]
