"""Server-side apply: who owns which field, and what an apply changes, keeps and takes away.

Owners are told by `metadata.managedFields`, which an object has from its first apply on: what is
there before that belongs to the manager `before-first-apply`. Public source: the Kubernetes
documentation, "Server-Side Apply".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fmgsync.simulator.kubernetes import refusals
from fmgsync.simulator.kubernetes.resources import Resource

Content = dict[str, Any]
Path = tuple[str, ...]
Fields = dict[Path, Any]
"""Every field of an object that is not made of others, by its path in the notation of FieldsV1."""

_BEFORE: Final = "before-first-apply"
_KEYS: Final = {  # lists whose items are told apart by a key; all others are one value
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "conditions": "type",
    "addresses": "type",
    "podIPs": "ip",
    "ownerReferences": "uid",
}
_SYSTEM: Final = frozenset(
    {
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "generateName",
        "managedFields",
    }
)


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, how, and into which part of the object."""

    name: str
    operation: str = "Update"
    part: str = ""


@dataclass(frozen=True, slots=True)
class _Owner:
    author: Author
    version: str
    time: str
    paths: frozenset[Path]


def applied(
    resource: Resource, before: Content, wanted: Content, author: Author, now: str, *, force: bool
) -> Content:
    """The object after an apply of `wanted`; conflicts with other owners are refused."""
    live, asked = _fields(before), _fields(wanted)
    owners = _owners(before) or [_first_owner(resource, live, now)]
    others = [each for each in owners if each.author != author]
    conflicts = [
        (each.author.name, path)
        for each in others
        for path in sorted(each.paths & asked.keys())
        if path in live and live[path] != asked[path]
    ]
    if conflicts and not force:
        shown = [(name, _shown(path)) for name, path in conflicts]
        raise refusals.field_conflicts(shown, resource.api_version)
    lost = {path for _, path in conflicts}
    others = [replace(each, paths=each.paths - lost) for each in others]
    mine = next((each for each in owners if each.author == author), None)
    dropped = (mine.paths if mine else frozenset()) - asked.keys()
    for path in dropped - {path for each in others for path in each.paths}:
        live.pop(path, None)
    own = _Owner(author, resource.api_version, now, frozenset(asked))
    if mine and mine.paths == own.paths and live | asked == _fields(before):
        own = mine
    return _joined(before, live | asked, [own, *others])


def updated(
    resource: Resource, before: Content, after: Content, author: Author, now: str
) -> Content:
    """The object after any other write, which takes the fields it changes from their owners."""
    owners = _owners(before)
    if not owners:
        return after
    old, new = _fields(before), _fields(after)
    taken = frozenset(path for path, value in new.items() if old.get(path, ...) != value)
    gone = old.keys() - new.keys()
    kept = [replace(each, paths=each.paths - taken - gone) for each in owners]
    if taken:
        mine = next((each.paths for each in kept if each.author == author), frozenset[Path]())
        kept = [each for each in kept if each.author != author]
        kept.append(_Owner(author, resource.api_version, now, mine | taken))
    return _with_owners(after, kept)


def _fields(content: Mapping[str, Any]) -> Fields:
    bare = {key: value for key, value in content.items() if key not in ("kind", "apiVersion")}
    metadata = bare.get("metadata") or {}
    bare["metadata"] = {key: each for key, each in metadata.items() if key not in _SYSTEM}
    return dict(_flat(bare, ()))


def _flat(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    for word, each in _children(value, path):
        inner = list(_flat(each, (*path, word))) if isinstance(each, dict | list) else []
        if inner:
            yield from inner
        elif each not in ({}, []) or path:
            yield (*path, word), each


def _children(value: Any, path: Path) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f"f:{key}", each) for key, each in value.items())
    elif (key := _KEYS.get(path[-1][2:])) and all(
        isinstance(each, dict) and key in each for each in value
    ):
        yield from ((f"k:{json.dumps({key: each[key]})}", each) for each in value)


def _built(fields: Fields) -> Content:
    tree: dict[str, Any] = {}
    for path, value in fields.items():
        node = tree
        for word in path[:-1]:
            node = node.setdefault(word, {})
        node[path[-1]] = value
    return {key[2:]: _unflat(each) for key, each in tree.items()}


def _unflat(value: Any) -> Any:
    if not isinstance(value, dict) or not all(key[:2] in ("f:", "k:") for key in value):
        return value
    if value and all(key.startswith("k:") for key in value):
        return [_unflat(each) for each in value.values()]
    return {key[2:]: _unflat(each) for key, each in value.items()}


def _joined(before: Content, fields: Fields, owners: list[_Owner]) -> Content:
    built = _built(fields)
    system = {key: each for key, each in before["metadata"].items() if key in _SYSTEM}
    metadata = {**built.get("metadata", {}), **system}
    return _with_owners({**built, "metadata": metadata}, owners)


def _with_owners(content: Content, owners: list[_Owner]) -> Content:
    rows = [_row(each) for each in owners if each.paths]
    return {**content, "metadata": {**content["metadata"], "managedFields": rows}}


def _first_owner(resource: Resource, live: Fields, now: str) -> _Owner:
    paths = frozenset(path for path in live if path[0] != "f:status")
    return _Owner(Author(_BEFORE), resource.api_version, now, paths)


def _row(owner: _Owner) -> Content:
    tree: dict[str, Any] = {}
    for path in sorted(owner.paths):
        node = tree
        for word in path:
            node = node.setdefault(word, {})
    row = {
        "manager": owner.author.name,
        "operation": owner.author.operation,
        "apiVersion": owner.version,
        "time": owner.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": tree,
    }
    return row | ({"subresource": owner.author.part} if owner.author.part else {})


def _owners(content: Content) -> list[_Owner]:
    return [
        _Owner(
            Author(row["manager"], row["operation"], row.get("subresource", "")),
            row["apiVersion"],
            row["time"],
            frozenset(_leaves(row["fieldsV1"], ())),
        )
        for row in content["metadata"].get("managedFields") or ()
    ]


def _leaves(tree: Mapping[str, Any], path: Path) -> Iterator[Path]:
    for word, below in tree.items():
        if below:
            yield from _leaves(below, (*path, word))
        else:
            yield (*path, word)


def _shown(path: Path) -> str:
    """`.spec.containers[name="main"].image`, as messages have it."""
    text = ""
    for word in path:
        if word.startswith("k:"):
            key = json.loads(word[2:])
            text += "[" + ",".join(f"{name}={json.dumps(value)}" for name, value in key.items())
            text += "]"
        else:
            text += f".{word[2:]}"
    return text
