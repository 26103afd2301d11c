"""pydantic's errors as sentences for people: what is wrong, where, and what to write instead.

pydantic's own words speak of Python types. Input values are shown only by our own validators,
which know that they are no secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fmgsync import yamllines
from fmgsync.errors import ConfigProblem
from fmgsync.settings.origin import Origin
from fmgsync.settings.refusing import nearest, shown

Sentence = tuple[str, str | None]
"""What is wrong, and what to do about it."""


def from_validation(
    error: ValidationError, model: type[BaseModel], origin: Origin
) -> Iterator[ConfigProblem]:
    """Every error of `model`'s validation, with path and line."""
    details = error.errors(include_url=False)
    places = [detail["loc"] for detail in details]
    for detail in details:
        if not (detail["type"] == "too_short" and _has_inner(detail["loc"], places)):
            yield _problem(detail, model, origin)


def _has_inner(place: tuple[int | str, ...], places: list[tuple[int | str, ...]]) -> bool:
    """Whether an item inside has a problem: pydantic does not count it, but it was written."""
    return any(len(other) > len(place) and other[: len(place)] == place for other in places)


def _problem(detail: ErrorDetails, model: type[BaseModel], origin: Origin) -> ConfigProblem:
    # Unions add the tag of the side they checked; it is not in the file.
    path = tuple(step for step in detail["loc"] if not str(step).startswith("<"))
    kind = detail["type"]
    if kind == "extra_forbidden":
        message, next_step = _unknown_key(path, model)
        return origin.problem(path, message, next_step, at_key=True)
    if kind == "missing":
        meaning = _description(path, model)
        return origin.problem(path, "this key is required", meaning)
    message, next_step = _sentence(detail)
    return origin.problem(path, message, next_step)


def _sentence(detail: ErrorDetails) -> Sentence:
    context: Mapping[str, Any] = detail.get("ctx") or {}
    kind, value = detail["type"], detail["input"]
    if kind == "fmgsync":
        return context["message"], context["next_step"] or None
    if value is None and kind != "missing":
        return f"has no value; {_EXPECTED.get(kind, 'one is needed')}", _advice(kind, value)
    if kind in _EXPECTED:
        return _EXPECTED[kind], _advice(kind, value)
    if kind in _BOUNDS:
        return _BOUNDS[kind](context), None
    if kind in {"literal_error", "enum"}:
        return _choice(str(context["expected"]), value)
    return str(detail["msg"]), None


_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "tuple_type": "must be a list",
    "model_type": "must be a mapping of keys to values",
}

_BOUNDS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "greater_than_equal": lambda context: f"must be at least {context['ge']:g}",
    "less_than_equal": lambda context: f"must be at most {context['le']:g}",
    "too_short": lambda context: f"needs at least {context['min_length']} entry",
}


def _advice(kind: str, value: object) -> str | None:
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "put it in quotes"
    if kind == "bool_type" and value in ("yes", "no", "on", "off"):
        return "in this file yes, no, on and off are text"
    if kind == "tuple_type":
        return "write [] for none" if value is None else "put it in brackets: [...]"
    return None


def _choice(expected: str, value: object) -> Sentence:
    """`expected` is pydantic's `'a', 'b' or 'c'`."""
    words = [word for word in expected.split("'")[1::2] if word]
    hint = nearest(value, words) if isinstance(value, str) else ""
    return f"{shown(value)} is not one of {', '.join(words)}{hint}", None


def _unknown_key(path: yamllines.Path, model: type[BaseModel]) -> Sentence:
    key = str(path[-1])
    known = sorted({alias for part in _parts_at(path[:-1], model) for alias in _keys(part)})
    hint = nearest(key, known)
    if hint:
        return f"there is no such key{hint}", None
    elsewhere = [place for place in _places(model) if place.split(".")[-1] == key]
    if elsewhere:
        return "there is no such key here", f"it belongs to {' or '.join(elsewhere)}"
    return "there is no such key", f"keys here: {', '.join(known)}"


def _description(path: yamllines.Path, model: type[BaseModel]) -> str | None:
    for part in _parts_at(path[:-1], model):
        for alias, field in _keys(part).items():
            if alias == path[-1] and field.description:
                return str(field.description).partition(". ")[0].rstrip(".")
    return None


def _keys(part: type[BaseModel]) -> dict[str, Any]:
    """Keys as written in YAML, with their fields."""
    return {field.alias or name: field for name, field in part.model_fields.items()}


def parts_in(annotation: object) -> Iterator[type[BaseModel]]:
    """The models inside a type, such as Site in `tuple[Site, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from parts_in(argument)


def _parts_at(path: yamllines.Path, model: type[BaseModel]) -> list[type[BaseModel]]:
    parts = [model]
    for step in path:
        if isinstance(step, str):
            fields = [keys[step] for part in parts if step in (keys := _keys(part))]
            parts = [inner for field in fields for inner in parts_in(field.annotation)]
    return parts


def _places(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key of the configuration as a dotted path, list items without their index."""
    for key, field in _keys(model).items():
        yield f"{prefix}{key}"
        for part in parts_in(field.annotation):
            yield from _places(part, f"{prefix}{key}.")
