"""Pieces of an object whose shape is somebody else's: there, not there, or `Malformed`.

Label selectors of Kubernetes become selectors of Calico's language, which says the same: what is
not in a set may be absent in both. Public source: the Kubernetes documentation, "Labels and
selectors".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fmgsync.model import address
from fmgsync.model.address import Address
from fmgsync.sources.convert.objects import Malformed, host_address, quoted

_KEY: Final = re.compile(r"[A-Za-z0-9_./-]{1,512}")
_VALUE: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?|")


def part(content: Any, *path: str) -> dict[str, Any]:
    """A mapping inside; absent is empty."""
    found = content or {}
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
        found = {} if found is None else found
    if not isinstance(found, dict):
        raise Malformed(f"{'.'.join(path)} must be an object")
    return found


def listed(content: Mapping[str, Any], key: str) -> list[Any]:
    """A list inside; absent is empty."""
    found = content.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise Malformed(f"{key} must be a list")
    return found


def objects(content: Mapping[str, Any], key: str) -> Iterator[dict[str, Any]]:
    """The objects of a list inside."""
    for each in listed(content, key):
        if not isinstance(each, dict):
            raise Malformed(f"an entry of {key} must be an object")
        yield each


def text(content: Mapping[str, Any], key: str) -> str:
    """Text inside; absent is empty."""
    found = content.get(key)
    if found is not None and not isinstance(found, str):
        raise Malformed(f"{key} must be text")
    return found or ""


def flag(content: Mapping[str, Any], key: str) -> bool:
    """True or false inside; absent is false."""
    found = content.get(key)
    if found is not None and not isinstance(found, bool):
        raise Malformed(f"{key} must be true or false")
    return bool(found)


def hosts(texts: Iterable[Any], field: str) -> tuple[Address, ...]:
    """Addresses of hosts, each once."""
    found = {host_address(str(each), field) for each in texts if each}
    return tuple(sorted(found, key=address.sort_key))


def ranges(texts: Iterable[Any], field: str) -> tuple[Address, ...]:
    """Prefixes, each once."""
    found = set()
    for each in texts:
        try:
            found.add(address.parse(str(each)))
        except ValueError:
            raise Malformed(f"{field} {quoted(str(each))} is no prefix") from None
    return tuple(sorted(found, key=address.sort_key))


def selector(content: Any, *, prefix: str = "") -> str:
    """A label selector in Calico's language; None selects everything."""
    if content is None:
        return "all()"
    if not isinstance(content, dict):
        raise Malformed("a label selector must be an object")
    terms = [
        f"{_key(key, prefix)} == '{_value(value)}'"
        for key, value in sorted(part(content, "matchLabels").items())
    ]
    terms += (_expression(each, prefix) for each in objects(content, "matchExpressions"))
    return " && ".join(terms) or "all()"


def _expression(content: Mapping[str, Any], prefix: str) -> str:
    key, operator = _key(text(content, "key"), prefix), text(content, "operator")
    values = ", ".join(f"'{_value(each)}'" for each in listed(content, "values"))
    match operator:
        case "In" | "NotIn" if values:
            return f"{key} {'in' if operator == 'In' else 'not in'} {{{values}}}"
        case "Exists":
            return f"has({key})"
        case "DoesNotExist":
            return f"!has({key})"
    raise Malformed(f"{quoted(operator)} is no operator of a label selector")


def _key(key: str, prefix: str) -> str:
    if prefix and key.startswith(prefix):
        key = key.removeprefix(prefix)
    if not _KEY.fullmatch(key):
        raise Malformed(f"{quoted(key)} is no label")
    return key


def _value(value: Any) -> str:
    found = str(value).lower() if isinstance(value, bool) else str(value)
    if not _VALUE.fullmatch(found):
        raise Malformed(f"{quoted(found)} is no value of a label")
    return found
