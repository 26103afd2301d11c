"""The limits a unit states about itself, from the `syntax` of its tables.

`max_argv` of an attribute is how many values it takes, `max` how long a text may be, `alimit` how
many rows a table has per ADOM; -1 means unlimited ("How to FortiManager API", 012). Not every
release states all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fmgsync.model.address import Family
from fmgsync.model.adom import Limits
from fmgsync.model.target import TargetRef
from fmgsync.targets.fortimanager import urls
from fmgsync.targets.fortimanager.answers import Result
from fmgsync.targets.fortimanager.session import Param, Session


def read_limits(session: Session, ref: TargetRef) -> Limits:
    """The tighter of both families for each limit."""
    described = [_description(result) for result in session.ask_once(questions(ref))]
    groups, addresses = described[: len(Family)], described[len(Family) :]
    return Limits(
        members=_least(_of(groups, "member", "max_argv")),
        name=_least(_of(described, "name", "max")),
        comment=_least(_of(described, "comment", "max")),
        addresses=_least(table.get("alimit") for table in addresses),
    )


def questions(ref: TargetRef) -> list[Param]:
    """What to ask for them."""
    tables = [
        make(ref.domain, family) for make in (urls.groups, urls.addresses) for family in Family
    ]
    return [{"url": url, "option": ["syntax"]} for url in tables]


def _description(result: Result) -> dict[str, Any]:
    """The one table an answer describes; nothing where the release has no `syntax`."""
    if not result.ok or not isinstance(result.data, dict):
        return {}
    return next((table for table in result.data.values() if isinstance(table, dict)), {})


def _of(tables: Iterable[dict[str, Any]], attribute: str, limit: str) -> Iterator[Any]:
    for table in tables:
        attributes = table.get("attr")
        described = attributes.get(attribute) if isinstance(attributes, dict) else None
        if isinstance(described, dict):
            yield described.get(limit)


def _least(values: Iterable[Any]) -> int | None:
    stated = [value for value in values if isinstance(value, int) and value > 0]
    return min(stated, default=None)
