"""What is wrong in a seed or fault file, said with file, line and dotted path."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from fmgsync import yamllines


class SeedError(ValueError):
    """A seed or fault file that cannot be used. Each problem is `file:line: path: message`."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Source:
    """Where data came from, so that a later problem can name the line."""

    name: str
    document: yamllines.Document | None = None

    def problem(self, path: tuple[str | int, ...], message: str) -> str:
        """`file:line: path: message`."""
        line = f":{self.document.at(path).line}" if self.document is not None else ""
        dotted = yamllines.dotted(path)
        place = f"{self.name}{line}"
        return f"{place}: {dotted}: {message}" if dotted else f"{place}: {message}"


def problems_of(error: ValidationError, source: Source, keys: Sequence[str]) -> Iterator[str]:
    """pydantic's findings in our words; unknown keys with the nearest of the known `keys`."""
    for found in error.errors():
        path, message = found["loc"], found["msg"]
        if found["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(path[-1]), keys, n=1)
            message = "unknown key" + (f"; did you mean {near[0]}?" if near else "")
        yield source.problem(path, re.sub(r"\s+", " ", message.removeprefix("Value error, ")))
