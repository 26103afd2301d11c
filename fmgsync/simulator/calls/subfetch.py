"""`sub fetch`: of each sub-table, which rows come along, which of their fields, and whether a row
without any is shown at all ("How to FortiManager API", 002 and 021)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fmgsync.simulator.calls.place import scope_of
from fmgsync.simulator.codes import bad_data
from fmgsync.simulator.state.store import Scope
from fmgsync.simulator.wire.call import Call

_COMPARE: Final[Mapping[Any, Callable[[int, int], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked of one sub-table. `enough` judges how many of its rows matched."""

    fields: list[str] | None
    filter: Any
    scopes: frozenset[Scope] | None
    hidden: bool
    enough: Callable[[int], bool]


def wanted_of(call: Call, tables: Collection[str]) -> dict[str, Wanted]:
    """By sub-table; what is no sub-table is told and, as on a unit, does nothing."""
    given = call.param.get("sub fetch")
    demanded = call.param.get("subfetch filter") in (1, "1")
    if given is None or given in (0, 1):
        return {}
    if not isinstance(given, dict):
        raise bad_data()
    found = {}
    for name, asked in given.items():
        if name in tables and isinstance(asked, dict):
            found[name] = _wanted(asked, demanded=demanded)
        else:
            call.ignore("parameter", f"sub fetch.{name}")
    return found


def _wanted(asked: Mapping[str, Any], *, demanded: bool) -> Wanted:
    fields, filter_, scope = (asked.get(name) for name in ("fields", "filter", "scope member"))
    if fields is not None and not isinstance(fields, list):
        raise bad_data()
    return Wanted(
        [name for name in fields if isinstance(name, str)] if fields is not None else None,
        filter_,
        frozenset(scope_of(scope)) if scope is not None else None,
        asked.get("subfetch hidden") in (1, "1"),
        _enough(asked.get("subfetch count"), demanded=demanded or filter_ is not None),
    )


def _enough(count: Any, *, demanded: bool) -> Callable[[int], bool]:
    if count is None:
        return lambda matched: matched > 0 or not demanded
    if not isinstance(count, list) or len(count) != 2 or not isinstance(count[1], int):
        raise bad_data()
    compare = _COMPARE.get(count[0]) if isinstance(count[0], str) else None
    if compare is None:
        raise bad_data()
    return lambda matched: compare(matched, count[1])
