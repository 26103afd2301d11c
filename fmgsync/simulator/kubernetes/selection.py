"""Label and field selectors, as list and watch requests carry them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from fmgsync.simulator.kubernetes.refusals import bad_request
from fmgsync.simulator.kubernetes.resources import Resource

Content = Mapping[str, Any]
Test = Callable[[Content], bool]

_KEY: Final = r"[A-Za-z0-9][-A-Za-z0-9_./]*"
_VALUE: Final = r"[-A-Za-z0-9_.]*"
_SET: Final = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)")
_EQUAL: Final = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_PRESENT: Final = re.compile(rf"(!?)\s*({_KEY})")
_FIELD: Final = re.compile(r"([A-Za-z.]+)(==|!=|=)([^,]*)")

_FIELDS: Final = {
    "pods": (
        "spec.nodeName",
        "spec.hostNetwork",
        "spec.restartPolicy",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
    ),
    "namespaces": ("status.phase",),
    "events": ("involvedObject.kind", "involvedObject.name", "reason", "type"),
}


def matcher(resource: Resource, labels: str, fields: str) -> Test:
    """The test that both selectors together are; an empty one holds for everything."""
    tests = [*_label_tests(labels), *_field_tests(resource, fields)]
    return lambda content: all(test(content) for test in tests)


def _label_tests(selector: str) -> list[Test]:
    # Commas separate requirements, save inside the parentheses of a set.
    parts = re.findall(r"(?:[^,(]|\([^)]*\))+", selector)
    return [_label_test(part.strip()) for part in parts if part.strip()]


def _label_test(part: str) -> Test:
    if found := _SET.fullmatch(part):
        key, operator, listed = found.groups()
        values = {value.strip() for value in listed.split(",")}
        return _by_label(key, values.__contains__, wanted=operator == "in")
    if found := _EQUAL.fullmatch(part):
        key, operator, value = found.groups()
        return _by_label(key, value.__eq__, wanted=operator != "!=")
    if found := _PRESENT.fullmatch(part):
        negated, key = found.groups()
        return _by_label(key, lambda _: True, wanted=not negated)
    raise bad_request(f"unable to parse requirement: {part!r}")


def _by_label(key: str, holds: Callable[[str], bool], *, wanted: bool) -> Test:
    """`!=`, `notin` and `!` are true of an object that lacks the label."""

    def test(content: Content) -> bool:
        labels = content["metadata"].get("labels") or {}
        return (key in labels and holds(labels[key])) is wanted

    return test


def _field_tests(resource: Resource, selector: str) -> list[Test]:
    return [_field_test(resource, part) for part in selector.split(",") if part.strip()]


def _field_test(resource: Resource, part: str) -> Test:
    found = _FIELD.fullmatch(part.strip())
    if found is None:
        raise bad_request(f"invalid field selector: {part!r}")
    path, operator, value = found.groups()
    known = ("metadata.name", "metadata.namespace", *_FIELDS.get(resource.plural, ()))
    if path not in known:
        raise bad_request(f"field label not supported: {path}")
    wanted = operator != "!="
    return lambda content: (_text(content, path) == value) is wanted


def _text(content: Content, path: str) -> str:
    value: Any = content
    for word in path.split("."):
        value = value.get(word) if isinstance(value, Mapping) else None
    if isinstance(value, bool) or path == "spec.hostNetwork":
        return "true" if value else "false"
    return "" if value is None else str(value)
