"""Reading tables whole: paged, many tables per request, and never half of one taken for all.

The row count is asked together with the first page, because nothing says how many rows a release
is willing to put into one answer: a short page alone does not prove the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fmgsync import errors
from fmgsync.targets.fortimanager import answers, reads
from fmgsync.targets.fortimanager.answers import Place, Result
from fmgsync.targets.fortimanager.reads import PARAMS_PER_REQUEST, Read
from fmgsync.targets.fortimanager.session import Param, Session
from fmgsync.targets.wire import MAPPINGS, Row
from fmgsync.untrusted import DEEPEST

_WITHIN = {
    *(MAPPINGS, "_scope", "object member", "scope member", "subobj", "package settings"),
    *("ha_slave", "line", "history"),
}
"""Fields that hold a table of their own."""


@dataclass(frozen=True, slots=True)
class Query:
    """One table: its url, the fields and rows wanted, rows per page.

    `subtables` False leaves out child tables such as `dynamic_mapping`, which can be far larger
    than the rows themselves.
    """

    url: str
    fields: tuple[str, ...]
    place: Place
    filter: tuple[Any, ...] = ()
    options: tuple[str, ...] = ()
    subtables: bool = False
    page: int = 1000


@dataclass(slots=True)
class Table:
    """The rows of one query, or the error that the unit gave for it."""

    query: Query
    rows: list[Row] = field(default_factory=list)
    error: errors.TargetError | None = None
    _total: int | None = None
    _done: bool = False

    def checked(self) -> list[Row]:
        """The rows; raises the error."""
        if self.error is not None:
            raise self.error
        return self.rows


def read(session: Session, query: Query) -> list[Row]:
    """All rows of one table."""
    return read_all(session, [query])[0].checked()


def read_all(session: Session, queries: Sequence[Query]) -> list[Table]:
    """All rows of several tables, each with its own error; as few requests as paging allows."""
    return reads.run(session, reading(queries))


def reading(queries: Sequence[Query]) -> Read[list[Table]]:
    """The same, to be read together with something else."""
    return (yield from reading_after((), queries))[1]


def reading_after(
    first: Sequence[Param], queries: Sequence[Query]
) -> Read[tuple[list[Result], list[Table]]]:
    """The same, with questions that the first request asks before it reads any table."""
    tables = [Table(query) for query in queries]
    answered: list[Result] = []
    asked = list(first)
    nothing: list[Sequence[Table]] = [()] if asked else []
    for batch in _batches(tables, (PARAMS_PER_REQUEST - len(asked)) // 2) or nothing:
        params = [param for table in batch for param in (_count(table), _page(table))]
        results = yield [*asked, *params]
        answered += results[: len(asked)]
        results, asked = results[len(asked) :], []
        for table, count, page in zip(batch, results[::2], results[1::2], strict=True):
            if count.ok and isinstance(count.data, int):
                table._total = count.data
            _take(table, page)
    while waiting := [table for table in tables if not table._done]:
        for batch in _batches(waiting, PARAMS_PER_REQUEST):
            results = yield [_page(table) for table in batch]
            for table, page in zip(batch, results, strict=True):
                _take(table, page)
    return answered, tables


def decode_rows(data: Any, place: Place, depth: int = 0) -> list[Row]:
    """Rows of an answer: nothing is an empty table, one object is a table of one.

    So are the tables within its rows. One that is none is no empty one: what it should tell would
    be taken away.
    """
    if data is None:
        return []
    rows = [data] if isinstance(data, dict) else data
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise answers.protocol_error("a table that is no list of rows", place)
    if depth > DEEPEST:
        raise answers.protocol_error("tables nested too deep", place)
    for row in rows:
        for name in row.keys() & _WITHIN:
            if row[name]:  # in a policy's scope, nothing and an empty list are two things
                row[name] = decode_rows(row[name], place, depth + 1)
    return rows


def _count(table: Table) -> Row:
    param: Row = {"url": table.query.url, "option": ["count"]}
    if table.query.filter:
        param["filter"] = list(table.query.filter)
    return param


def _page(table: Table) -> Row:
    query = table.query
    param: Row = {
        "url": query.url,
        "fields": list(query.fields),
        "loadsub": int(query.subtables),
        "range": [len(table.rows), query.page],
    }
    if query.filter:
        param["filter"] = list(query.filter)
    if query.options:
        param["option"] = list(query.options)
    return param


def _take(table: Table, result: Result) -> None:
    if not result.ok:
        table.error = answers.error_for(result, table.query.place)
        table._done = True
        return
    rows = decode_rows(result.data, table.query.place)
    table.rows.extend(rows)
    if table._total is None:
        table._done = len(rows) < table.query.page
    else:
        table._done = not rows or len(table.rows) >= table._total
    if table._done and table._total is not None and len(table.rows) < table._total:
        what = f"{table._total} rows announced, {len(table.rows)} delivered"
        table.error = answers.protocol_error(what, table.query.place)


def _batches(tables: Sequence[Table], size: int) -> list[Sequence[Table]]:
    return [tables[start : start + size] for start in range(0, len(tables), size)]
