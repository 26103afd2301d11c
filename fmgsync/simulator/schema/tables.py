"""What a configuration table is, and how a row of the schema's files says it.

`schema/*.json` describes the tables: a member is a line such as `word ipmask|iprange; shown`, first
its kind with what belongs to it, then what else is to be said of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Final, Literal

import msgspec

from fmgsync.simulator.schema.attributes import Attribute, Kind

Echo = Literal["always", "object", "never"]
"""Always, when one object was sent and not a list of one, or never."""
OFF_ON: Final = {"disable": 0, "enable": 1}

Check = Callable[[str, Mapping[str, Any], Mapping[str, Any]], None]
"""Name, record as written, attributes as kept; refuses what does not hold together."""
_EMPTY: Final[Mapping[Kind, Any]] = {
    Kind.INTEGER: 0,
    Kind.NAMES: (),
    Kind.WORDS: (),
    Kind.SUBNET: ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - means "none given", nothing listens here
    Kind.WILDCARD: ("0.0.0.0", "0.0.0.0"),  # noqa: S104
    Kind.ADDRESS: "0.0.0.0",  # noqa: S104
    Kind.ADDRESS6: "::",
    Kind.PREFIX6: "::/0",
}


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `by_type` lists attributes that only objects of that type show; the attribute
    `typed_by` says of which type an object is."""

    name: str
    key: str
    attributes: Mapping[str, Attribute]
    category: int = 0
    numbered: bool = False
    """Whether the key is a number."""
    mapped: bool = False
    by_type: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    typed_by: str = "type"
    rivals: tuple[str, ...] = ()
    """Tables that share the name space."""
    key_limit: int = 79
    size: int = 20_000
    check: Check | None = None
    maps_global: bool = False
    """Mappings may name the VDOM `global`: the device as a whole."""
    echoes_scope: Echo = "always"
    """When adding a mapping is answered with its `_scope`, and not with null."""
    of_types: frozenset[str] = frozenset()
    """All attributes that only objects of some type show."""
    subtables: tuple[str, ...] = ()
    """Those of its sub-tables that a read shows."""
    unmapped: frozenset[str] = frozenset(("_image-base64",))
    """Attributes a mapping does not have."""

    def known(self, name: str, version: tuple[int, ...], *, mapping: bool) -> Attribute | None:
        """The attribute, if an object (or a mapping of one) has it in this release."""
        attribute = self.attributes.get(name)
        if attribute is None or not attribute.known_in(version):
            return None
        if name in self.unmapped if mapping else attribute.only_mapped:
            return None
        return attribute


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    members: dict[str, str]
    key: str = "name"
    category: int = 0
    numbered: bool = False
    mapped: bool = False
    by_type: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    typed_by: str = "type"
    rivals: tuple[str, ...] = ()
    key_limit: int = 79
    size: int = 20_000
    maps_global: bool = False
    echoes_scope: Echo = "always"
    unmapped: tuple[str, ...] = ("_image-base64",)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    source: str
    tables: dict[str, _Row]


def read_tables(*names: str, checks: Mapping[str, Check] | None = None) -> dict[str, Table]:
    """All tables that these of the schema's files describe."""
    folder, checks = resources.files("fmgsync.simulator.schema"), checks or {}
    files = [
        msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=_File) for name in names
    ]
    return {
        name: _table(name, row, checks.get(name))
        for file in files
        for name, row in file.tables.items()
    }


def _table(name: str, row: _Row, check: Check | None) -> Table:
    given = msgspec.structs.asdict(row)
    members, unmapped = given.pop("members"), frozenset(given.pop("unmapped"))
    attributes = {member: attribute(line) for member, line in members.items()}
    of_types = frozenset(member for members in row.by_type.values() for member in members)
    return Table(
        name=name,
        attributes=attributes,
        check=check,
        unmapped=unmapped,
        of_types=of_types,
        subtables=tuple(n for n, a in attributes.items() if a.kind is Kind.TABLE and a.shown),
        **given,
    )


def attribute(line: str) -> Attribute:
    """An attribute from its line."""
    first, *notes = line.split("; ")
    word, _, rest = first.partition(" ")
    kind = Kind.WORD if word == "switch" else Kind(word)
    more: dict[str, Any] = _DETAILS[word](rest) if word in _DETAILS else {}
    if kind is Kind.WORD:
        more["default"] = next(iter(more["words"]))
    made: dict[str, Any] = {"default": _EMPTY.get(kind), "shown": False, **more}
    for note in notes:
        made |= _note(note)
    return Attribute(kind, **made)


def _note(note: str) -> dict[str, Any]:
    name, _, value = note.partition(" ")
    if name == "default":
        default = json.loads(value)
        return {"default": tuple(default) if isinstance(default, list) else default}
    if name in ("since", "until"):
        return {name: tuple(int(part) for part in value.split("."))}
    return {"shown": {"shown": True}, "mapping": {"only_mapped": True}}[name]


def _words(rest: str) -> dict[str, Any]:
    """`a|b=5|c`: numbered on from 0, or from the number given."""
    words: dict[str, int] = {}
    number = -1
    for item in rest.split("|") if rest else ():
        word, equals, given = item.rpartition("=")
        number = int(given) if equals else number + 1
        words[word if equals else item] = number
    return {"words": words}


def _bounds(rest: str) -> dict[str, Any]:
    least, dots, greatest = rest.partition("..")
    return {"bounds": (int(least), int(greatest))} if dots else {}


_DETAILS: Final[Mapping[str, Callable[[str], dict[str, Any]]]] = {
    "switch": lambda rest: {"words": OFF_ON},
    "word": _words,
    "words": _words,
    "integer": _bounds,
    "text": lambda rest: {"limit": int(rest)} if rest else {},
    "names": lambda rest: {"targets": tuple(rest.split("|"))} if rest else {},
    "table": lambda rest: {"sub_key": rest or "name"},
}
