"""How deep JSON may be nested: deeper than anything FortiManager says, less than Python bears."""

from __future__ import annotations

import json
from typing import Any, Final

DEEPEST: Final = 100


class TooDeep(ValueError):
    """JSON that would take the walks through it beyond Python's own limit."""


def loads(text: str | bytes) -> Any:
    """Decode JSON; ValueError if it is none, TooDeep if it is nested beyond reason."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise TooDeep from None
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        inside, depth = waiting.pop()
        if depth > DEEPEST:
            raise TooDeep
        if isinstance(inside, dict):
            waiting += [(each, depth + 1) for each in inside.values()]
        elif isinstance(inside, list):
            waiting += [(each, depth + 1) for each in inside]
    return value
