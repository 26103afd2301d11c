"""A configuration as plain data, read without trusting its shape; what several checks ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fmgsync.settings.refusing import nearest, shown
from fmgsync.yamllines import Plain

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Issue:
    """A problem before its line is known."""

    path: Steps
    message: str
    next_step: str | None = None


def child(value: Plain, *steps: str) -> Plain:
    """What stands there, or nothing."""
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def entries(data: Plain, *steps: str) -> Iterator[tuple[Steps, dict[str, Plain]]]:
    """The mappings in a list, each with its path."""
    found = child(data, *steps)
    for index, entry in enumerate(found if isinstance(found, list) else ()):
        if isinstance(entry, dict):
            yield (*steps, index), entry


def words(value: Plain) -> list[tuple[int, str]]:
    """The texts in a list, each with its index."""
    items = value if isinstance(value, list) else ()
    return [(index, item) for index, item in enumerate(items) if isinstance(item, str)]


def names(data: Plain, key: str) -> list[str]:
    """What the entries of a list are called."""
    named = (entry.get("name") for _, entry in entries(data, key))
    return [name for name in named if isinstance(name, str)]


def has(entry: dict[str, Plain], key: str) -> bool:
    """Whether anything is said under the key."""
    return entry.get(key) is not None


def repeated_names(data: Plain, key: str) -> Iterator[Issue]:
    """Entries of a list with the name of one before."""
    seen: set[str] = set()
    for path, entry in entries(data, key):
        name = entry.get("name")
        if isinstance(name, str) and name in seen:
            yield Issue((*path, "name"), f"{shown(name)} is used twice", "names are unique")
        elif isinstance(name, str):
            seen.add(name)


def repeated_words(path: Steps, value: Plain) -> Iterator[Issue]:
    """Texts that stand in a list twice."""
    seen: set[str] = set()
    for index, word in words(value):
        if word in seen:
            yield Issue((*path, index), f"{shown(word)} stands twice in this list")
        seen.add(word)


def references(path: Steps, value: Plain, what: str, known: Iterable[str]) -> Iterator[Issue]:
    """Problems with a name, or a list of names, of things defined elsewhere in the file."""
    found = [(path, value)] if isinstance(value, str) else []
    found += [((*path, index), word) for index, word in words(value)]
    defined = list(known)
    for place, name in found:
        if name not in defined:
            yield Issue(
                place,
                f"there is no {what} {shown(name)}{nearest(str(name), defined)}",
                f"defined are: {', '.join(defined) or 'none'}",
            )
