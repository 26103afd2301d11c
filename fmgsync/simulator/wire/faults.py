"""Trouble on order: which requests meet which fault. Deterministic, by counting and by seed.

A fault acts on requests that match; most take one request of many params as a whole. The same
faults can be written in YAML (`--faults FILE`) and added by `Simulator.faults.add(...)`.
"""

from __future__ import annotations

import fnmatch
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from fmgsync.simulator.state import problems
from fmgsync.simulator.state.problems import SeedError
from fmgsync.simulator.state.seed import checked_switches

Kind = Literal[
    "reset-before",
    "reset-after",
    "http-error",
    "truncate",
    "garbage",
    "short-result",
    "misdirected",
    "stall",
    "status",
    "expire-session",
    "failover",
    "unplug",
    "device-offline",
    "device-online",
    "device-freeze",
    "device-silent",
    "device-drift",
    "unit-restart",
    "unit-failover",
    "other-serial",
    "lost-commit",
    "reorder",
    "status-in-200",
]


_MANAGER_ONLY = frozenset(("failover",))
_UNITS_ONLY = frozenset(
    ("unit-restart", "unit-failover", "other-serial", "lost-commit", "reorder", "status-in-200")
)


class Fault(BaseModel):
    """One fault: what happens, and to which requests.

    `url` is a pattern (`*/addrgrp*`) against any url of the request, without outer slashes;
    `skip` lets the first matching requests pass, `times` bounds how often it happens (0: always),
    `chance` is per matching request. `status` and `message` serve `http-error` and `status`.

    A FortiGate's own REST API meets them as well: there `method` is GET, POST, PUT or DELETE, `url`
    is path and query, `user` the API administrator, and `device` (a pattern, save for `device-*`)
    the units that are meant; a fault that names one leaves FortiManager's own requests alone.
    """

    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True
    )

    kind: Kind
    method: str | None = None
    url: str | None = None
    user: str | None = None
    skip: Annotated[int, Field(ge=0)] = 0
    times: Annotated[int, Field(ge=0)] = 1
    chance: Annotated[float, Field(gt=0, le=1)] = 1.0
    seconds: Annotated[float, Field(ge=0, le=3600)] = 0.0
    status: int = 503
    message: str | None = None
    retry_after: Annotated[int, Field(ge=0)] | None = None
    after_effect: bool = False
    device: str | None = None
    group: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Fault:
        if self.kind.startswith("device-") and self.device is None:
            raise ValueError(f"{self.kind} needs a device")
        if self.kind == "device-drift" and self.group is None:
            raise ValueError("device-drift needs a group")
        if self.kind == "http-error" and not 400 <= self.status <= 599:
            raise ValueError("http-error needs a status from 400 to 599")
        return self


class FaultFile(BaseModel):
    """`seed` makes chances repeatable; `switches` are those of a seed file."""

    model_config = ConfigDict(extra="forbid")

    seed: int = 0
    faults: list[Fault] = Field(default_factory=list)
    switches: dict[str, bool | int | str] = Field(default_factory=dict)

    @field_validator("switches")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        return checked_switches(value)

    max_body: Annotated[int, Field(gt=0)] | None = Field(default=None, alias="maxBody")


def read_faults(
    given: Mapping[str, Any] | str | Path, devices: Collection[str] | None = None
) -> FaultFile:
    """A fault file or mapping; raises SeedError with path and line.

    `devices`: the names there are, so that a fault of any other is refused; None for any.
    """
    found, source = problems.read(FaultFile, given, "faults", "fault file")
    nowhere = [
        source.problem(("faults", at, "device"), f"no device {fault.device!r} in the seed")
        for at, fault in enumerate(found.faults)
        if devices is not None and fault.device is not None and not _known(fault, devices)
    ]
    if nowhere:
        raise SeedError(nowhere)
    return found


def _known(fault: Fault, devices: Collection[str]) -> bool:
    """Whether a fault's device is there; a pattern must fit one at least."""
    if fault.kind.startswith("device-"):
        return fault.device in devices
    return bool(fnmatch.filter(devices, fault.device or ""))


@dataclass(slots=True)
class _Armed:
    """A fault with its counters and its own source of chance."""

    fault: Fault
    chance: random.Random
    matched: int = 0
    happened: int = 0


@dataclass(slots=True)
class Faults:
    """The faults in force. Every one that matches a request happens.

    `follow`, if set, is called with each fault that happens and the urls it happens to.
    """

    seed: int = 0
    follow: Callable[[Fault, Sequence[str]], None] | None = None
    _armed: list[_Armed] = field(default_factory=list)
    _added: int = 0

    def add(self, kind: Kind, **options: Any) -> None:
        """Add one; options as the fields of `Fault`."""
        self.arm(Fault(kind=kind, **options))

    def arm(self, fault: Fault) -> None:
        """Put a fault in force."""
        self._added += 1
        chance = random.Random(self.seed * 1_000_003 + self._added)  # noqa: S311 - repeatable
        self._armed.append(_Armed(fault, chance))

    def clear(self) -> None:
        """No more trouble."""
        self._armed.clear()

    def happened(self) -> int:
        """How often faults have happened so far."""
        return sum(armed.happened for armed in self._armed)

    def strike(
        self, method: str, urls: Sequence[str], user: str, device: str | None = None
    ) -> list[Fault]:
        """The faults this request meets; counting goes on. `device`: the unit that was asked."""
        struck = [
            armed.fault
            for armed in self._armed
            if _meant(armed.fault, device) and _happens(armed, method, urls, user)
        ]
        if self.follow is not None:
            for fault in struck:
                self.follow(fault, urls)
        return struck


def _meant(fault: Fault, device: str | None) -> bool:
    """Whether a fault is for who was asked: FortiManager (None) or a unit's own API."""
    if fault.kind in (_MANAGER_ONLY if device is not None else _UNITS_ONLY):
        return False
    if fault.kind.startswith("device-") or fault.device is None:
        return True
    return device is not None and fnmatch.fnmatchcase(device, fault.device)


def _happens(armed: _Armed, method: str, urls: Sequence[str], user: str) -> bool:
    fault = armed.fault
    if fault.method not in (None, method) or fault.user not in (None, user):
        return False
    if fault.url is not None and not any(matches(url, fault.url) for url in urls):
        return False
    if fault.times and armed.happened >= fault.times:
        return False
    armed.matched += 1
    if armed.matched <= fault.skip or armed.chance.random() >= fault.chance:
        return False
    armed.happened += 1
    return True


def matches(url: str, pattern: str) -> bool:
    """Whether a url, or what stands before its parameters, fits; outer slashes do not count."""
    parts = dict.fromkeys((url.strip("/"), url.partition("?")[0].strip("/")))
    return any(fnmatch.fnmatchcase(part, pattern.strip("/")) for part in parts)
