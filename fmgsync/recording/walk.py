"""Walks through a JSON body, knowing what each text is by its name and by what is beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from fmgsync.recording import nesting, vocabulary
from fmgsync.recording.vocabulary import SCRUBBED, Kind

Path = tuple[str | int, ...]
Leaf = Callable[[Kind | None, str], str]
"""Gets each text with what its place says it is; answers what shall stand there."""


LEFT_OUT = {"left out": "JSON nested too deeply"}
"""Stands for what nobody can walk through: no part of it is kept."""


def decode(text: str | bytes) -> Any:
    """A JSON object or list; None for everything else, `LEFT_OUT` if it is nested too deeply."""
    try:
        value = nesting.loads(text)
    except nesting.TooDeep:
        return LEFT_OUT
    except ValueError:
        return None
    return value if isinstance(value, dict | list) else None


def nested(text: str) -> Any:
    """The JSON inside a text, as FortiManager packs several previews into one message."""
    return decode(text) if text.lstrip().startswith(("{", "[")) else None


def texts(
    value: Any, kind: Kind | None = None, path: Path = ()
) -> Iterator[tuple[Path, Kind | None, str]]:
    """Every text in a value, keys included, with its place and what the place says it is."""
    if isinstance(value, dict):
        for name, own in _members(value, kind):
            yield (*path, name), None, name
            yield from texts(value[name], own, (*path, name))
    elif isinstance(value, list):
        pair = _pair(value)
        if pair is not None:
            yield path, kind, pair
            return
        for index, one in enumerate(value):
            yield from texts(one, kind, (*path, index))
    elif isinstance(value, str):
        inside = nested(value) if kind is None else None
        if inside is None:
            yield path, kind, value
        else:
            yield from texts(inside, None, path)
    elif kind is Kind.SECRET and _is_number(value):
        yield path, kind, str(value)


def transform(value: Any, leaf: Leaf, kind: Kind | None = None) -> Any:
    """The same value with every text, also in keys, replaced by what `leaf` answers."""
    if isinstance(value, dict):
        return {
            leaf(None, name): transform(value[name], leaf, own)
            for name, own in _members(value, kind)
        }
    if isinstance(value, list):
        pair = _pair(value)
        parts = leaf(kind, pair).split(" ") if pair is not None else []
        return parts if len(parts) == 2 else [transform(one, leaf, kind) for one in value]
    if isinstance(value, str):
        inside = nested(value) if kind is None else None
        if inside is None:
            return leaf(kind, value)
        return json.dumps(transform(inside, leaf), ensure_ascii=True)
    if kind is Kind.SECRET and _is_number(value):
        return SCRUBBED
    if kind is Kind.PLACE and _is_number(value):
        return 0.0
    return value


def _members(value: dict[str, Any], kind: Kind | None) -> Iterator[tuple[str, Kind | None]]:
    """The names of an object's members, each with what it holds."""
    has_device = vocabulary.names_device(value)
    for name in value:
        if kind in (Kind.SECRET, Kind.FREE_TEXT):
            yield name, kind  # a group of secrets, or a table whose keys an administrator chose
        elif vocabulary.is_free_text_table(name):
            yield name, Kind.FREE_TEXT
        elif name == "name" and has_device:
            yield name, Kind.HOST
        else:
            yield name, vocabulary.kind_of(name)


def _pair(value: list[Any]) -> str | None:
    """A subnet as FortiManager answers it, address and mask apart, as one text; else None."""
    match value:
        case [str(address), str(mask)] if mask.startswith("255.") and address.count(".") == 3:
            return f"{address} {mask}"
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
