"""Urls of a FortiGate: `/api/v2/cmdb/{path}/{name}/{key}/{child}/{child key}?...`.

Keys are percent-encoded whole, slashes included; `+` is a plus sign; parameters come escaped or
not. `.` and `..` are steps, as for any web server, so a careless client reaches another table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

_ROOT: Final = ("api", "v2")


@dataclass(frozen=True, slots=True)
class Resource:
    """A url taken apart: `area` cmdb, monitor and the like, the segments after it, the query."""

    area: str
    path: tuple[str, ...]
    query: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        """Every value of a parameter."""
        return [value for found, value in self.query if found == name]

    def last(self, name: str) -> str | None:
        """The value of a parameter that is given once, None without."""
        found = self.all(name)
        return found[-1] if found else None

    def segment(self, at: int) -> str:
        """One of the segments after the area, empty where there is none."""
        return self.path[at] if at < len(self.path) else ""


def parse(text: Any) -> Resource | None:
    """A resource, None for urls that do not belong to the API."""
    path, _, query = (text if isinstance(text, str) else "").partition("?")
    steps = _walk(path.split("/"))
    if tuple(steps[:2]) != _ROOT or len(steps) < 3:
        return None
    return Resource(steps[2], tuple(steps[3:]), tuple(_parameters(query)))


def _walk(segments: Sequence[str]) -> list[str]:
    steps: list[str] = []
    for segment in map(unquote, segments):
        if segment == "..":
            del steps[-1:]
        elif segment not in ("", "."):
            steps.append(segment)
    return steps


def _parameters(query: str) -> list[tuple[str, str]]:
    pairs = [part.partition("=") for part in query.split("&") if part]
    return [(unquote(name), unquote(value)) for name, _, value in pairs]
