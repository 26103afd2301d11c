"""What a parser hands over: scalars whose meaning depends on where they stand, and collections that
are known to be all there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


BOOLS: Final = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class Plain(str):
    """A YAML scalar without quotes and tag: what it means depends on where it stands."""

    __slots__ = ()


class ClosedMap(dict[str, Any]):
    """A YAML mapping in braces: all of it is there."""

    __slots__ = ()


class ClosedList(list[Any]):
    """A YAML sequence in brackets: all of it is there."""

    __slots__ = ()


def settled(content: Any) -> Any:
    """The same with YAML scalars as what they mean by themselves: booleans, nothing, or text."""
    if isinstance(content, Plain):
        return None if content in NULLS else BOOLS.get(content, str(content))
    if isinstance(content, dict):
        return {str(key): settled(each) for key, each in content.items()}
    return [settled(each) for each in content] if isinstance(content, list) else content


def last_key(content: Mapping[str, Any]) -> str:
    """The key that stands last."""
    return next(iter([*content][-1:]), "")


def is_behind(key: str, content: Mapping[str, Any]) -> bool:
    """Whether something shows that the value of this key is all there."""
    closed = isinstance(content[key], ClosedMap | ClosedList)
    return closed or last_key(content) != key


def is_null(content: Any) -> bool:
    """Nothing, as JSON or YAML write it."""
    return content is None or (isinstance(content, Plain) and content in NULLS)
