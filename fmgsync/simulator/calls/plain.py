"""Reading tables that are not configuration: devices, ADOMs, tasks, status rows, as dictionaries.

Rows are made with words; without `verbose` the words of the named enumerations become numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fmgsync.simulator.calls.filters import Column, compile_filter
from fmgsync.simulator.calls.reading import cut, field_names, heed, sort, wants_subtables
from fmgsync.simulator.wire.call import Call, Members

Words = Mapping[str, Mapping[str, int]]
PlainRow = dict[str, Any]


def answer_table(
    call: Call,
    rows: Iterable[PlainRow],
    *,
    always: tuple[str, ...] = ("name", "oid"),
    subtables: tuple[str, ...] = (),
    words: Words | None = None,
) -> Members:
    """A get of a table; no data when no row is left."""
    words, rows = words or {}, list(rows)
    _heed(call, rows, (*always, *subtables, *words))
    selected = choose(call, rows, words)
    if "count" in call.options():
        return {"data": len(selected)}
    shown = [
        show_plain(call, row, always=always, subtables=subtables, words=words) for row in selected
    ]
    return {"data": shown} if shown else {}


def answer_row(
    call: Call,
    row: PlainRow,
    *,
    always: tuple[str, ...] = ("name", "oid"),
    subtables: tuple[str, ...] = (),
    words: Words | None = None,
) -> Members:
    """A get of one object."""
    _heed(call, [row], (*always, *subtables, *(words or {})))
    return {"data": show_plain(call, row, always=always, subtables=subtables, words=words or {})}


def _heed(call: Call, rows: list[PlainRow], names: tuple[str, ...]) -> None:
    """Fields that no row has are told; which there are is known from the rows themselves."""
    known = _known(rows) | set(names)
    heed(call, lambda name: not rows or name in known)


def _known(rows: list[PlainRow]) -> set[str]:
    """Which members the rows have; the first hundred show all there are."""
    return {name for row in rows[:100] for name in row}


def choose(call: Call, rows: Iterable[PlainRow], words: Words) -> list[PlainRow]:
    """The rows a request means: filter, sortings, range, sub fetch."""
    rows = list(rows)
    known = _known(rows)

    def column(name: Any) -> Column:
        if rows and isinstance(name, str) and name not in known:
            call.ignore("field", name)
        return _column(name, words)

    test = compile_filter(call.param.get("filter"), column)
    selected = [row for row in rows if test(row)]
    selected = sort(selected, call.param.get("sortings"), lambda row, name: row.get(name))
    return cut(selected, call.param.get("range"))


def _column(name: Any, words: Words) -> Column:
    known = words.get(name, {}) if isinstance(name, str) else {}
    numbers = {number: word for word, number in known.items()}
    return Column(
        lambda row: row.get(name) if isinstance(name, str) else None,
        operand=lambda value: numbers.get(value, value) if isinstance(value, int) else value,
    )


def show_plain(
    call: Call,
    row: PlainRow,
    *,
    always: tuple[str, ...],
    subtables: tuple[str, ...],
    words: Words,
) -> PlainRow:
    """The requested part of a row; key fields and sub-tables come along."""
    fields = field_names(call)
    hide = set() if wants_subtables(call) else set(subtables)
    if fields is None:
        names = [name for name in row if name not in hide]
    else:
        kept = [name for name in subtables if name not in hide]
        names = [name for name in dict.fromkeys([*always, *fields, *kept]) if name in row]
        names = [name for name in names if name not in hide]
    shown = {name: row[name] for name in names}
    return shown if call.verbose else {k: _numbered(k, v, words) for k, v in shown.items()}


def _numbered(name: str, value: Any, words: Words) -> Any:
    """Words as numbers, in sub-tables too; unset flags are 0."""
    if isinstance(value, dict):
        return {k: _numbered(k, v, words) for k, v in value.items()}
    if isinstance(value, list):
        return [_numbered(name, item, words) for item in value]
    if name == "flags" and value is None:
        return 0
    return words[name].get(value, value) if name in words and isinstance(value, str) else value
