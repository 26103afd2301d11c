"""The ways to change part of an object: merge patch (RFC 7386) and JSON patch (RFC 6902).

A strategic merge patch is taken as a merge patch, which is the same thing for all that has no
lists with a merge key.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from fmgsync.simulator.kubernetes.refusals import ApiRefusal, bad_request

_MERGES: Final = ("application/merge-patch+json", "application/strategic-merge-patch+json")


def patched(content: Mapping[str, Any], content_type: str, patch: Any) -> dict[str, Any]:
    """The object after the patch; the given one stays as it is."""
    kind = content_type.partition(";")[0].strip()
    if kind in _MERGES:
        if not isinstance(patch, Mapping):
            raise bad_request("the patch is no object")
        merged = _merge(copy.deepcopy(dict(content)), patch)
        return dict(merged)
    if kind == "application/json-patch+json":
        return _json_patched(copy.deepcopy(dict(content)), patch)
    raise ApiRefusal(415, "UnsupportedMediaType", f"the patch type {kind!r} is not supported")


def _merge(onto: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    merged = onto if isinstance(onto, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged


def _json_patched(content: dict[str, Any], operations: Any) -> dict[str, Any]:
    if not isinstance(operations, list):
        raise bad_request("a JSON patch is a list of operations")
    for operation in operations:
        try:
            _operate(content, operation)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            message = f"the server rejected our request due to an error in our request: {error}"
            raise ApiRefusal(422, "Invalid", message) from error
    return content


def _operate(content: dict[str, Any], operation: Mapping[str, Any]) -> None:
    *path, last = [
        word.replace("~1", "/").replace("~0", "~") for word in operation["path"].split("/")[1:]
    ]
    holder: Any = content
    for word in path:
        holder = holder[int(word)] if isinstance(holder, list) else holder[word]
    verb = operation["op"]
    if isinstance(holder, list):
        _operate_on_list(holder, verb, last, operation)
    elif verb == "add":
        holder[last] = operation["value"]
    elif holder[last] is not None and verb == "remove":
        del holder[last]
    elif verb == "replace":
        holder[last] = operation["value"]
    elif verb != "test" or holder[last] != operation["value"]:
        raise ValueError(f"{verb} of {operation['path']} does not hold")


def _operate_on_list(holder: list[Any], verb: str, last: str, operation: Mapping[str, Any]) -> None:
    if verb == "add":
        holder.insert(len(holder) if last == "-" else int(last), operation["value"])
    elif verb == "remove":
        del holder[int(last)]
    elif verb == "replace":
        holder[int(last)] = operation["value"]
    elif verb != "test" or holder[int(last)] != operation["value"]:
        raise ValueError(f"{verb} of {operation['path']} does not hold")
