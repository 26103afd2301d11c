"""The part of JSONPath by which kubectl's users name fields: `.status.addresses[*].value`.

Public source: the Kubernetes documentation, "JSONPath Support". Taken are names, names in brackets
(`['example.net/ip']`), numbers and `*`; filters, ranges and `..` are not: an address that somebody
else's object holds should be named, not searched for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, TypeAlias

Path: TypeAlias = "tuple[str | int | None, ...]"
"""Names, places in a list, and None for everything."""

_STEP: Final = re.compile(
    r"\.(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|\[(?P<quote>['\"])(?P<quoted>[^'\"\s\[\]]+)(?P=quote)\]"
    r"|\[(?P<place>[0-9]{1,4})\]"
    r"|\[(?P<all>\*)\]"
)
_ROOT: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*")


@lru_cache(maxsize=1 << 10)
def parse(text: str) -> Path:
    """The path, with or without braces and `$`. Raises ValueError that says what is wrong."""
    inner = text.removeprefix("{").removesuffix("}").removeprefix("$")
    if text.startswith("{") != text.endswith("}"):
        raise ValueError("its braces do not match")
    steps: list[str | int | None] = []
    at = 0
    while at < len(inner):
        found = _STEP.match(inner, at)
        if found is None:
            raise ValueError(f"cannot be read from {inner[at : at + 20]!r} on")
        at = found.end()
        if found["all"]:
            steps.append(None)
        else:
            steps.append(
                int(found["place"]) if found["place"] else found["name"] or found["quoted"]
            )
    if not steps or not isinstance(steps[0], str) or not _ROOT.fullmatch(steps[0]):
        raise ValueError("it names no field of the object")
    return tuple(steps)


def found(path: Path, content: Any) -> Iterator[Any]:
    """What stands there; lists at its end are taken apart. Nothing where there is nothing."""
    if not path:
        yield from content if isinstance(content, list) else (content,)
        return
    step, rest = path[0], path[1:]
    if isinstance(content, dict):
        if step is None:
            for each in content.values():
                yield from found(rest, each)
        elif step in content:
            yield from found(rest, content[step])
    elif isinstance(content, list):
        if step is None:
            for each in content:
                yield from found(rest, each)
        elif isinstance(step, int) and step < len(content):
            yield from found(rest, content[step])
