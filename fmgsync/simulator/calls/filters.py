"""The `filter` member: `["name","==","x"]`, joined by `"&&"` and `"||"`, nested at will.

Conditions in a row without a joint are alternatives, and `"!"` before one turns it round.

A filter is compiled once into a test of one row. Which columns exist, and how an operand is read,
is the table's business (`Column`); what the operators mean stands here. Operators and the meaning
of `<=` and `>=` on subnets: "How to FortiManager API, 002".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from fmgsync.simulator.codes import bad_data
from fmgsync.simulator.schema.attributes import Kind, is_variable, subnet

MAX_DEPTH: Final = 40
MAX_PARTS: Final = 20_000
MAX_PATTERN: Final = 1024

Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Column:
    """One column as a filter sees it: how to get the value, how to read an operand."""

    get: Callable[[Any], Any]
    kind: Kind = Kind.FREE
    operand: Callable[[Any], Any] = lambda value: value


Columns = Callable[[str], Column]
"""Finds a column by name; refuses unknown ones."""


def compile_filter(filter_: Any, columns: Columns) -> Test:
    """The test a filter stands for. None and an empty list let everything pass."""
    if filter_ is None or filter_ == []:
        return lambda row: True
    return _Compiler(columns).expression(filter_, 0)


def conditions(filter_: Any) -> list[list[Any]]:
    """The conditions that every matching row must meet: the filter itself, or parts of an "&&"."""
    while isinstance(filter_, list) and len(filter_) == 1 and isinstance(filter_[0], list):
        filter_ = filter_[0]
    if not isinstance(filter_, list) or not filter_:
        return []
    if isinstance(filter_[0], str):
        return [] if filter_[0] == "!" else [filter_]
    if _alternatives(filter_) or "||" in filter_[1::2]:
        return []
    return [condition for part in filter_[::2] for condition in conditions(part)]


def _alternatives(filter_: list[Any]) -> bool:
    """Whether conditions follow one another without a joint."""
    return len(filter_) > 1 and all(isinstance(part, list) for part in filter_)


class _Compiler:
    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._parts = 0

    def expression(self, filter_: Any, depth: int) -> Test:
        self._parts += 1
        if depth > MAX_DEPTH or self._parts > MAX_PARTS:
            raise bad_data()
        if not isinstance(filter_, list) or not filter_:
            raise bad_data()
        if filter_[0] == "!":
            turned = filter_[1] if len(filter_) == 2 else filter_[1:]
            inner = self.expression(turned, depth + 1)
            return lambda row: not inner(row)
        if isinstance(filter_[0], str):
            return self._condition(filter_)
        return self._joined(filter_, depth)

    def _joined(self, filter_: list[Any], depth: int) -> Test:
        if _alternatives(filter_):
            tests = [self.expression(part, depth + 1) for part in filter_]
            return lambda row: any(test(row) for test in tests)
        test = self.expression(filter_[0], depth + 1)
        if len(filter_) % 2 == 0:
            raise bad_data()
        for joint, part in zip(filter_[1::2], filter_[2::2], strict=True):
            test = _join(test, joint, self.expression(part, depth + 1))
        return test

    def _condition(self, condition: list[Any]) -> Test:
        if len(condition) < 3 or not isinstance(condition[1], str):
            raise bad_data()
        column, operator = self._columns(condition[0]), condition[1]
        negated = operator.startswith("!") and operator != "!="
        operator = operator.lstrip("!") if negated else operator
        make = _OPERATORS.get(operator)
        if make is None:
            raise bad_data()
        matches = make(column, condition[2:])
        if negated:
            return lambda row: not matches(column.get(row))
        return lambda row: matches(column.get(row))


def _join(left: Test, joint: Any, right: Test) -> Test:
    if joint == "&&":
        return lambda row: left(row) and right(row)
    if joint == "||":
        return lambda row: left(row) or right(row)
    raise bad_data()


def _equal(column: Column, operands: list[Any]) -> Test:
    wanted = _operand(column, operands[0])
    return lambda value: bool(value == wanted)


def _unequal(column: Column, operands: list[Any]) -> Test:
    wanted = _operand(column, operands[0])
    return lambda value: bool(value != wanted)


def _operand(column: Column, operand: Any) -> Any:
    if column.kind is Kind.SUBNET:
        return subnet(operand)
    if column.kind is Kind.WILDCARD:
        return tuple(operand) if isinstance(operand, list) else operand
    if column.kind is Kind.NAMES:
        return tuple(operand) if isinstance(operand, list) else (operand,)
    return column.operand(operand)


def _in(column: Column, operands: list[Any]) -> Test:
    items = operands[0] if len(operands) == 1 and isinstance(operands[0], list) else operands
    try:
        wanted = frozenset(column.operand(item) for item in items)
    except TypeError:
        raise bad_data() from None
    return lambda value: value in wanted


def _contain(column: Column, operands: list[Any]) -> Test:
    items = operands[0] if isinstance(operands[0], list) else operands
    if not all(isinstance(item, (str, int)) for item in items):
        raise bad_data()
    wanted = {str(item) for item in items}
    return lambda value: isinstance(value, (tuple, list)) and not wanted.isdisjoint(value)


def _like(column: Column, operands: list[Any]) -> Test:
    """`%` stands for anything, `_` for one character."""
    return _pattern(operands[0], many="%", one="_")


def _glob(column: Column, operands: list[Any]) -> Test:
    """`*` and `?`, as in a shell."""
    return _pattern(operands[0], many="*", one="?")


def _pattern(pattern: Any, *, many: str, one: str) -> Test:
    """No regular expression: hostile patterns must stay harmless."""
    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
        raise bad_data()
    first, *parts = (_Piece.of(part, one) for part in pattern.split(many))
    if len(parts) == 1 and not parts[0].size:
        return lambda value: isinstance(value, str) and first.fits(value, 0)

    def matches(value: Any) -> bool:
        if not isinstance(value, str) or not first.fits(value, 0):
            return False
        if not parts:
            return len(value) == first.size
        at = first.size
        for part in parts[:-1]:
            last = len(value) - part.size
            found = next((n for n in range(at, last + 1) if part.fits(value, n)), None)
            if found is None:
                return False
            at = found + part.size
        end = len(value) - parts[-1].size
        return end >= at and parts[-1].fits(value, end)

    return matches


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a pattern without wide gaps: its texts, each with its place."""

    size: int
    texts: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, part: str, one: str) -> _Piece:
        texts, at = [], 0
        for text in part.split(one):
            if text:
                texts.append((at, text))
            at += len(text) + 1
        return cls(len(part), tuple(texts))

    def fits(self, value: str, at: int) -> bool:
        """Whether it stands at this place."""
        if len(value) - at < self.size:
            return False
        return all(value.startswith(text, at + place) for place, text in self.texts)


def _flagged(column: Column, operands: list[Any]) -> Test:
    """`["flags","&","is_model"]`: the flag is set; of numbers, some of the bits."""
    wanted, *rest = (column.operand(operand) for operand in operands)

    def matches(value: Any) -> bool:
        if isinstance(value, int) and isinstance(wanted, int):
            bits = value & wanted
            return bits == rest[0] if rest else bool(bits)
        return wanted in value if isinstance(value, list | tuple) else value == wanted

    return matches


def _ordered(compare: Callable[[Any, Any], bool], *, within: bool | None) -> Callable[..., Test]:
    def make(column: Column, operands: list[Any]) -> Test:
        if column.kind is Kind.SUBNET and within is not None:
            return _subnet_test(operands[0], within=within)
        if column.kind in (Kind.ADDRESS, Kind.ADDRESS6):
            return _address_test(compare, operands[0])
        wanted = column.operand(operands[0])

        def matches(value: Any) -> bool:
            try:
                return compare(value, wanted)
            except TypeError:
                return False

        return matches

    return make


def _subnet_test(operand: Any, *, within: bool) -> Test:
    pair = subnet(operand)
    if any(map(is_variable, pair)):
        raise bad_data()
    wanted = ipaddress.IPv4Network("/".join(pair), strict=False)

    def matches(value: Any) -> bool:
        if not isinstance(value, tuple) or any(map(is_variable, value)):
            return False
        network = ipaddress.IPv4Network("/".join(value), strict=False)
        return network.subnet_of(wanted) if within else network.supernet_of(wanted)

    return matches


def _address_test(compare: Callable[[Any, Any], bool], operand: Any) -> Test:
    try:
        wanted = ipaddress.ip_address(operand)
    except ValueError:
        raise bad_data() from None

    def matches(value: Any) -> bool:
        if is_variable(value):
            return False
        address = ipaddress.ip_address(value)
        return address.version == wanted.version and compare(int(address), int(wanted))

    return matches


_OPERATORS: Final[dict[str, Callable[[Column, list[Any]], Test]]] = {
    "==": _equal,
    "!=": _unequal,
    "in": _in,
    "contain": _contain,
    "&": _flagged,
    "like": _like,
    "glob": _glob,
    "<=": _ordered(lambda a, b: bool(a <= b), within=True),
    ">=": _ordered(lambda a, b: bool(a >= b), within=False),
    "<": _ordered(lambda a, b: bool(a < b), within=None),
    ">": _ordered(lambda a, b: bool(a > b), within=None),
}
