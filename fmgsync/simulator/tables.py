"""What a configuration table is, and short ways to write its attributes down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fmgsync.simulator.attributes import Attribute, Kind

OFF_ON: Final = {"disable": 0, "enable": 1}

Check = Callable[[str, Mapping[str, Any], Mapping[str, Any]], None]
"""Name, record as written, attributes as kept; refuses what does not hold together."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `by_type` lists attributes that only objects of that type show."""

    name: str
    key: str
    attributes: Mapping[str, Attribute]
    category: int
    mapped: bool = False
    by_type: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rivals: tuple[str, ...] = ()
    """Tables that share the name space."""
    key_limit: int = 79
    size: int = 20_000
    check: Check | None = None
    maps_global: bool = False
    """Mappings may name the VDOM `global`: the device as a whole."""
    echoes_scope: bool = True
    """Whether adding a mapping is answered with its `_scope`, or with null."""
    unmapped: frozenset[str] = frozenset(("_image-base64",))
    """Attributes a mapping does not have."""


def text(default: Any = None, *, limit: int = 255, **more: Any) -> Attribute:
    """A text attribute."""
    return Attribute(Kind.TEXT, default, limit=limit, **more)


def switch(default: str = "disable", **more: Any) -> Attribute:
    """An enable/disable attribute."""
    return Attribute(Kind.WORD, default, OFF_ON, **more)


def word(*words: str, default: str | None = None, **more: Any) -> Attribute:
    """An enumeration, numbered from 0 in the order given."""
    numbers = {name: number for number, name in enumerate(words)}
    return Attribute(Kind.WORD, default or words[0], numbers, **more)


def integer(default: int = 0, **more: Any) -> Attribute:
    """An integer attribute."""
    return Attribute(Kind.INTEGER, default, **more)


COLOR: Final = integer(bounds=(0, 32))
"""Of an icon in the GUI; 32 are painted, 0 is the default."""


def names(*targets: str, default: tuple[str, ...] = (), **more: Any) -> Attribute:
    """A list of names that must exist in one of the target tables."""
    return Attribute(Kind.NAMES, default, targets=targets, **more)
