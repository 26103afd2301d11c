"""Label and field selectors, as list and watch requests carry them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from fmgsync.simulator.kubernetes.refusals import bad_request
from fmgsync.simulator.kubernetes.resources import Resource
from fmgsync.simulator.kubernetes.validation import is_label_key, is_label_value

Content = Mapping[str, Any]
Test = Callable[[Content], bool]

_SET: Final = re.compile(r"(\S+)\s+(in|notin)\s*\(([^()]*)\)")
_EQUAL: Final = re.compile(r"([^\s=!<>]+)\s*(==|=|!=)\s*(\S*)")
_COMPARED: Final = re.compile(r"([^\s=!<>]+)\s*([<>])\s*(-?[0-9]+)")
_PRESENT: Final = re.compile(r"(!?)\s*([^\s=!<>]+)")
_FIELD_TERMS: Final = re.compile(r"(?:[^\\,]|\\.|\\$)+", re.DOTALL)
_FIELD: Final = re.compile(r"([A-Za-z.]+)(==|!=|=)((?:[^\\=]|\\[\\,=])*)", re.DOTALL)

_FIELDS: Final = {
    "pods": (
        "spec.nodeName",
        "spec.hostNetwork",
        "spec.restartPolicy",
        "spec.serviceAccountName",
        "spec.schedulerName",
        "status.nominatedNodeName",
        "status.phase",
        "status.podIP",
        "status.podIPs",
    ),
    "namespaces": ("status.phase",),
    "events": ("involvedObject.kind", "involvedObject.name", "reason", "type"),
}


def matcher(resource: Resource, labels: str, fields: str) -> Test:
    """The test that both selectors together are; an empty one holds for everything."""
    tests = [*_label_tests(labels), *_field_tests(resource, fields)]
    return lambda content: all(test(content) for test in tests)


def address_in(fields: str) -> str | None:
    """The pod address that an object must have to match; None where the selector names none."""
    for part in _FIELD_TERMS.findall(fields):
        found = _FIELD.fullmatch(part.strip())
        if found is not None and found[1] == "status.podIP" and found[2] != "!=":
            return found[3]
    return None


def _label_tests(selector: str) -> list[Test]:
    # Commas separate requirements, save inside the parentheses of a set.
    parts = re.findall(r"(?:[^,(]|\([^)]*\))+", selector)
    return [_label_test(part.strip()) for part in parts if part.strip()]


def _label_test(part: str) -> Test:
    if found := _SET.fullmatch(part):
        key, operator, listed = found.groups()
        values = {_value(value.strip()) for value in listed.split(",")}
        return _by_label(_key(key), values.__contains__, wanted=operator == "in")
    if found := _EQUAL.fullmatch(part):
        key, operator, value = found.groups()
        return _by_label(_key(key), _value(value).__eq__, wanted=operator != "!=")
    if found := _COMPARED.fullmatch(part):
        key, operator, value = found.groups()
        return _by_label(_key(key), _compared(operator, int(value)), wanted=True)
    if found := _PRESENT.fullmatch(part):
        negated, key = found.groups()
        return _by_label(_key(key), lambda _: True, wanted=not negated)
    raise bad_request(f"unable to parse requirement: {part!r}")


def _key(text: str) -> str:
    if not is_label_key(text):
        raise bad_request(f"unable to parse requirement: {text!r} is no label key")
    return text


def _value(text: str) -> str:
    if not is_label_value(text):
        raise bad_request(f"unable to parse requirement: {text!r} is no label value")
    return text


def _compared(operator: str, bound: int) -> Callable[[str], bool]:
    """A label that is no whole number is neither above nor below anything."""

    def holds(text: str) -> bool:
        if not re.fullmatch(r"[-+]?[0-9]+", text):
            return False
        return int(text) > bound if operator == ">" else int(text) < bound

    return holds


def _by_label(key: str, holds: Callable[[str], bool], *, wanted: bool) -> Test:
    """`!=`, `notin` and `!` are true of an object that lacks the label."""

    def test(content: Content) -> bool:
        labels = content["metadata"].get("labels") or {}
        return (key in labels and holds(labels[key])) is wanted

    return test


def _field_tests(resource: Resource, selector: str) -> list[Test]:
    parts = _FIELD_TERMS.findall(selector)
    return [_field_test(resource, part) for part in parts if part.strip()]


def _field_test(resource: Resource, part: str) -> Test:
    found = _FIELD.fullmatch(part.strip())
    if found is None:
        raise bad_request(f"invalid field selector: {part!r}")
    path, operator, escaped = found.groups()
    value = re.sub(r"\\(.)", r"\1", escaped)
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
    # Known, and of no value: `status.podIPs=` holds for every pod.
    return "" if value is None or isinstance(value, list) else str(value)
