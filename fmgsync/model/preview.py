"""What an install would change on a device, before it is done."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from fmgsync.model.state import ObjectKey, ObservedAdom
from fmgsync.model.target import DeviceVdom


@dataclass(frozen=True, slots=True)
class PendingEdit:
    """One object an install would write or delete, or one block of settings.

    `table` as in the device's CLI (`firewall address`); empty for lines that could not be read.
    `name` is the object, None for settings without one and for commands that concern a whole
    table. `lines` are the CLI lines as FortiManager shows them, without their indentation.
    """

    table: str
    name: str | None
    lines: tuple[str, ...]
    vdom: str | None = None
    deletes: bool = False

    def __str__(self) -> str:
        what = " ".join(part for part in (self.table or "unreadable lines", self.name) if part)
        place = f" in VDOM {self.vdom}" if self.vdom else ""
        return f"{'delete ' if self.deletes else ''}{what}{place}"


class Source(enum.StrEnum):
    """Whose edit it is."""

    OWN = "own"
    PEER = "peer"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class DevicePreview:
    """All edits pending for one physical device; `problem` where no preview could be had.

    `changes` False: the install would change nothing there.
    """

    device: str
    edits: tuple[PendingEdit, ...] = ()
    problem: str | None = None

    @property
    def changes(self) -> bool:
        """Whether the install would do anything."""
        return bool(self.edits)


@dataclass(frozen=True, slots=True)
class Marked:
    """What one owner wrote in an ADOM: the objects in `adom` that are `owned`.

    `copied` are objects, with their table (`firewall addrgrp`), that bear the owner's mark in
    FortiManager's copies of devices, where they may outlive the ADOM's.
    """

    owner: str
    adom: ObservedAdom
    copied: Mapping[DeviceVdom, frozenset[tuple[str, ObjectKey]]] = field(default_factory=dict)
