"""Attributes of the configuration tables: how values come in, are kept, and go out.

A value is kept in one canonical form: enumerations as words, lists as tuples, subnets as a pair of
dotted strings. Without `verbose` an enumeration goes out as its number, and a number is taken in.
"""

from __future__ import annotations

import enum
import functools
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fmgsync.simulator.codes import bad_data


class Kind(enum.Enum):
    """What an attribute holds."""

    TEXT = "text"
    INTEGER = "integer"
    WORD = "word"
    NAMES = "names"
    WORDS = "words"
    SUBNET = "subnet"
    WILDCARD = "wildcard"
    ADDRESS = "address"
    ADDRESS6 = "address6"
    PREFIX6 = "prefix6"
    TABLE = "table"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a table.

    `words`: enumeration with its numbers. `targets`: tables whose keys the names must be.
    `limit`: the longest text. `bounds`: the least and the greatest number.
    `shown`: part of a read without `fields`. `since` and `until` bound the releases that know it.
    """

    kind: Kind
    default: Any = None
    words: Mapping[str, int] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    limit: int = 255
    bounds: tuple[int, int] = (-(2**63), 2**63 - 1)
    shown: bool = True
    since: tuple[int, ...] = ()
    until: tuple[int, ...] = (99,)
    sub_key: str = "name"
    """For a sub-table: which member of its rows names them."""
    only_mapped: bool = False
    """Only mappings of an object have it, not the object itself."""

    def known_in(self, version: tuple[int, ...]) -> bool:
        """Whether this release has the attribute."""
        return self.since <= version <= self.until


def take_in(attribute: Attribute, value: Any) -> Any:
    """A written value in canonical form; refuses what FortiManager would not take (-10)."""
    return _TAKE[attribute.kind](attribute, value)


def give_out(attribute: Attribute, value: Any, *, verbose: bool) -> Any:
    """A kept value as it is read."""
    if attribute.kind is Kind.WORD and not verbose:
        return attribute.words.get(value, value)
    return list(value) if isinstance(value, tuple) else value


def _text(attribute: Attribute, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > attribute.limit:
        raise bad_data()
    return value


def _integer(attribute: Attribute, value: Any) -> int:
    if isinstance(value, bool):
        raise bad_data()
    if isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) < 20:
        value = int(value)
    least, greatest = attribute.bounds
    if not isinstance(value, int) or not least <= value <= greatest:
        raise bad_data()
    return value


def _word(attribute: Attribute, value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str) and value in attribute.words:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        for word, number in attribute.words.items():
            if number == value:
                return word
    raise bad_data()


def _names(attribute: Attribute, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    items = value if isinstance(value, list) else [value]
    names: dict[str, None] = {}
    for item in items:
        text = str(item) if isinstance(item, int) and not isinstance(item, bool) else item
        if not isinstance(text, str):
            raise bad_data()
        names[text] = None
    return tuple(names)


def is_variable(text: Any) -> bool:
    """Whether a value holds a metadata variable, such as `$(site)`: known only per device."""
    return isinstance(text, str) and "$(" in text and ")" in text.partition("$(")[2]


def subnet(value: Any) -> tuple[str, str]:
    """Address and mask from `10.0.0.1/32`, `10.0.0.0/255.0.0.0`, `ip mask` or a pair.

    Host bits stay: FortiManager does not clear them.
    """
    if isinstance(value, str):
        parts = value.replace("/", " ").split()
    elif isinstance(value, list) and len(value) <= 2 and all(isinstance(v, str) for v in value):
        parts = subnet_parts(value)
    else:
        raise bad_data()
    if len(parts) == 1:
        parts.append("255.255.255.255")
    if len(parts) != 2:
        raise bad_data()
    try:
        address, mask = parts
        return _ipv4(address), mask if is_variable(mask) else _mask(mask)
    except ValueError:
        raise bad_data() from None


def _ipv4(text: str) -> str:
    return text if is_variable(text) else str(ipaddress.IPv4Address(text))


@functools.lru_cache(maxsize=256)
def _mask(text: str) -> str:
    """A netmask from `24` or `255.255.255.0`."""
    return str(ipaddress.IPv4Network(f"0.0.0.0/{text}").netmask)


def subnet_parts(value: list[str]) -> list[str]:
    """A list form of a subnet; a list of one is read as text, and so is a printed Python list."""
    if len(value) == 1:
        return value[0].replace("/", " ").split()
    return list(value)


def _subnet(attribute: Attribute, value: Any) -> tuple[str, str]:
    if isinstance(value, str) and value.startswith("["):
        # Some clients send a list as its Python text.
        value = value.strip("[]").replace("'", "").replace('"', "").replace(",", " ")
    return subnet(value)


def _wildcard(attribute: Attribute, value: Any) -> tuple[str, str]:
    """Address and mask, of which any bit may be set."""
    parts = value.replace("/", " ").split() if isinstance(value, str) else value
    if not isinstance(parts, list) or len(parts) != 2:
        raise bad_data()
    return _address(attribute, parts[0]), _address(attribute, parts[1])


def _address(attribute: Attribute, value: Any) -> str:
    try:
        return _ipv4(value) if isinstance(value, str) else _refuse()
    except ValueError:
        raise bad_data() from None


def _address6(attribute: Attribute, value: Any) -> str:
    try:
        if is_variable(value):
            return str(value)
        return str(ipaddress.IPv6Address(value)) if isinstance(value, str) else _refuse()
    except ValueError:
        raise bad_data() from None


def _prefix6(attribute: Attribute, value: Any) -> str:
    if not isinstance(value, str) or "%" in value:
        raise bad_data()
    if is_variable(value):
        return value
    try:
        interface = ipaddress.IPv6Interface(value)
    except ValueError:
        raise bad_data() from None
    return f"{interface.ip}/{interface.network.prefixlen}"


def _table(attribute: Attribute, value: Any) -> tuple[Any, ...]:
    """Rows of a sub-table, each of which must have its key."""
    rows = [value] if isinstance(value, dict) else value
    if not isinstance(rows, list):
        raise bad_data()
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get(attribute.sub_key), str | int):
            raise bad_data()
    return tuple(rows)


def _free(attribute: Attribute, value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _refuse() -> str:
    raise bad_data()


_TAKE = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.WORD: _word,
    Kind.NAMES: _names,
    Kind.WORDS: _names,
    Kind.SUBNET: _subnet,
    Kind.WILDCARD: _wildcard,
    Kind.ADDRESS: _address,
    Kind.ADDRESS6: _address6,
    Kind.PREFIX6: _prefix6,
    Kind.TABLE: _table,
    Kind.FREE: _free,
}
