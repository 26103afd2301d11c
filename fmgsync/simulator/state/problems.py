"""What is wrong in a seed or fault file, said with file, line and dotted path."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from fmgsync import yamllines

_Read = TypeVar("_Read", bound=BaseModel)


class SeedError(ValueError):
    """A seed or fault file that cannot be used. Each problem is `file:line: path: message`."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Source:
    """Where data came from, so that a later problem can name the line."""

    name: str
    document: yamllines.Document | None = None

    def line(self, path: tuple[str | int, ...]) -> int:
        """Where a path stands; 0 for data that was never a file."""
        return self.document.at(path).line if self.document is not None else 0

    def problem(self, path: tuple[str | int, ...], message: str) -> str:
        """`file:line: path: message`."""
        line = f":{self.line(path)}" if self.document is not None else ""
        dotted = yamllines.dotted(path)
        place = f"{self.name}{line}"
        return f"{place}: {dotted}: {message}" if dotted else f"{place}: {message}"


def read(
    model: type[_Read], given: Mapping[str, Any] | str | Path, name: str, what: str
) -> tuple[_Read, Source]:
    """`what` is given as a mapping, which is then called `name`, or as a YAML file.

    Raises SeedError with path and line. A YAML syntax error is `yamllines`' ConfigError.
    """
    if isinstance(given, Mapping):
        source, data = Source(name), dict(given)
    else:
        try:
            text = Path(given).read_bytes()
        except OSError as error:
            raise SeedError([f"{given}: {error.strerror or error}"]) from error
        document = yamllines.load(text, str(given))
        source = Source(str(given), document)
        if not isinstance(document.data, dict | None):
            raise SeedError([source.problem((), f"a {what} is a mapping of keys")])
        data = document.data or {}
    try:
        return model.model_validate(data), source
    except ValidationError as error:
        raise SeedError(_problems_of(error, source, model)) from error


def _problems_of(error: ValidationError, source: Source, model: type[BaseModel]) -> list[str]:
    """pydantic's findings in our words and in the file's order; `model` is what was read."""
    found = sorted(error.errors(), key=lambda one: source.line(one["loc"]))
    return [source.problem(one["loc"], _said(one, model)) for one in found]


_WORDS: Final = {
    "model_type": "write a mapping of keys",
    "list_type": "write a list",
    "string_type": "write text, in quotes if it looks like something else",
}
"""pydantic's messages that speak of Python instead of YAML."""


def _said(found: Any, model: type[BaseModel]) -> str:
    if found["type"] in _WORDS:
        return _WORDS[found["type"]]
    message = re.sub(r"\s+", " ", found["msg"].removeprefix("Value error, "))
    if found["type"] != "extra_forbidden":
        return message
    path = found["loc"]
    near = difflib.get_close_matches(str(path[-1]), _keys_at(model, path[:-1]), n=1)
    return "unknown key" + (f"; did you mean {near[0]}?" if near else "")


def _keys_at(model: type[BaseModel], path: Iterable[str | int]) -> list[str]:
    """The keys that may stand at a path."""
    here: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, str) and here is not None:
            here = next((_inner(f.annotation) for n, f in _by_key(here) if n == part), None)
    return [name for name, _ in _by_key(here)] if here is not None else []


def _by_key(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    return [(field.alias or name, field) for name, field in model.model_fields.items()]


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The model inside `list[Model]`, `Model | None` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for part in get_args(annotation) if (m := _inner(part)) is not None), None)
