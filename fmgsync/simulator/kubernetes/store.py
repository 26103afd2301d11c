"""What the API server knows: objects with one revision counter, and the log of their changes.

The log has a movable floor: what lies below is forgotten, as after a compaction or a restart, and
a watch from there is answered with 410. Pods are found by their address as well: a real server
looks through all of a large cluster in milliseconds, which would take this one seconds.
"""

from __future__ import annotations

import bisect
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fmgsync.simulator.kubernetes.resources import PODS, Resource

_LOGGED: Final = 200_000  # changes kept per resource before the floor rises by itself

Key = tuple[str, str]
"""Namespace (empty for cluster-wide kinds) and name."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One state of one object; a change makes a new one.

    `body` is its JSON text without kind and apiVersion, which lists leave out.
    """

    resource: Resource
    namespace: str
    name: str
    content: Mapping[str, Any]
    revision: int
    body: bytes

    def typed_body(self) -> bytes:
        """The JSON text with kind and apiVersion, as single objects and events have it."""
        head = f'{{"kind":"{self.resource.kind}","apiVersion":"{self.resource.api_version}",'
        return head.encode() + self.body[1:]


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the log; `before` is None for a creation, `after` for a deletion, both for
    nothing but a revision.

    Of a deletion `before` is the object as last seen.
    """

    revision: int
    before: Stored | None
    after: Stored | None

    @property
    def tells_revision(self) -> bool:
        """Whether nothing has changed, and watches are told how far they have come."""
        return self.before is None and self.after is None


@dataclass(frozen=True, slots=True)
class Backup:
    """What etcd's snapshot holds: all objects as they were at one revision."""

    revision: int
    objects: Mapping[Resource, Mapping[Key, Stored]]


class Store:
    """All objects. Every method is safe from any thread; `changed` is notified of changes."""

    def __init__(self) -> None:
        self.changed: Final = threading.Condition(threading.RLock())
        self.floor = 0
        self.compacted = False
        self._revision = 0
        self._objects: Final[dict[Resource, dict[Key, Stored]]] = defaultdict(dict)
        self._log: Final[dict[Resource, list[Change]]] = defaultdict(list)
        self._at_address: Final[defaultdict[str, set[Key]]] = defaultdict(set)

    @property
    def revision(self) -> int:
        """The revision of the latest change to anything."""
        with self.changed:
            return self._revision

    def get(self, resource: Resource, namespace: str, name: str) -> Stored | None:
        """The object, or None."""
        with self.changed:
            return self._objects[resource].get((namespace, name))

    def all_of(self, resource: Resource, namespace: str = "") -> tuple[int, list[Stored]]:
        """The revision and all objects at it, by namespace and name."""
        with self.changed:
            found = sorted(self._objects[resource].items())
            within = [each for key, each in found if not namespace or key[0] == namespace]
            return self._revision, within

    def all_at(self, resource: Resource, namespace: str, revision: int) -> list[Stored]:
        """All objects as they were at a revision, which is not below the floor."""
        with self.changed:
            found = dict(self._objects[resource])
            for change in reversed(self.since(resource, revision)):
                if change.before is not None:
                    found[change.before.namespace, change.before.name] = change.before
                elif change.after is not None:
                    del found[change.after.namespace, change.after.name]
            return [each for key, each in sorted(found.items()) if namespace in ("", key[0])]

    def pods_at(self, address: str, namespace: str) -> list[Stored]:
        """The pods that have this address now, by namespace and name."""
        with self.changed:
            keys = sorted(self._at_address.get(address, ()))
            return [self._objects[PODS][key] for key in keys if namespace in ("", key[0])]

    def put(
        self, resource: Resource, namespace: str, name: str, content: Mapping[str, Any]
    ) -> Stored:
        """Write the object and log the change; unchanged content changes nothing."""
        with self.changed:
            before = self._objects[resource].get((namespace, name))
            if before is not None and _same(before.content, content):
                return before
            stored = self._stored(resource, namespace, name, content)
            self._objects[resource][namespace, name] = stored
            self._find_by_address(before, stored)
            self._append(resource, Change(stored.revision, before, stored))
            return stored

    def remove(self, resource: Resource, namespace: str, name: str) -> Stored | None:
        """Forget the object; gives its last state, with the revision of the removal."""
        with self.changed:
            before = self._objects[resource].pop((namespace, name), None)
            if before is None:
                return None
            self._find_by_address(before, None)
            last = self._stored(resource, namespace, name, before.content)
            self._append(resource, Change(last.revision, before, None))
            return last

    def tell_revision(self) -> int:
        """Give a revision to nothing, as if to an object that nobody watches, and note in every
        log that watches are to be told of it."""
        with self.changed:
            self._revision += 1
            for resource in list(self._objects):
                self._append(resource, Change(self._revision, None, None))
            return self._revision

    def since(self, resource: Resource, revision: int) -> list[Change]:
        """The changes after that revision."""
        with self.changed:
            log = self._log[resource]
            return log[bisect.bisect_right(log, revision, key=lambda change: change.revision) :]

    def backup(self) -> Backup:
        """All there is now."""
        with self.changed:
            objects = {resource: dict(each) for resource, each in self._objects.items()}
            return Backup(self._revision, objects)

    def restore(self, backup: Backup) -> None:
        """Be as at the backup: the revisions since then will be given a second time."""
        with self.changed:
            self._objects.clear()
            self._objects.update({key: dict(each) for key, each in backup.objects.items()})
            self._at_address.clear()
            for each in self._objects[PODS].values():
                self._find_by_address(None, each)
            self._revision = backup.revision
            self.forget_history()

    def forget_history(self, *, compacted: bool = False) -> None:
        """Raise the floor to now: a compaction of etcd, or an empty watch cache."""
        with self.changed:
            self.floor = self._revision
            self.compacted = compacted
            self._log.clear()
            self.changed.notify_all()

    def _find_by_address(self, before: Stored | None, after: Stored | None) -> None:
        for pod in (before, after):
            if pod is None or pod.resource != PODS:
                continue
            address = str((pod.content.get("status") or {}).get("podIP") or "")
            found = self._at_address[address]
            if pod is after:
                found.add((pod.namespace, pod.name))
            else:
                found.discard((pod.namespace, pod.name))
                if not found:
                    del self._at_address[address]

    def _stored(
        self, resource: Resource, namespace: str, name: str, content: Mapping[str, Any]
    ) -> Stored:
        self._revision += 1
        metadata = {**content["metadata"], "resourceVersion": str(self._revision)}
        complete = {**content, "metadata": metadata}
        body = msgspec.json.encode(complete)
        return Stored(resource, namespace, name, complete, self._revision, body)

    def _append(self, resource: Resource, change: Change) -> None:
        log = self._log[resource]
        log.append(change)
        if len(log) > _LOGGED:
            del log[: _LOGGED // 2]
            self.floor = max(self.floor, log[0].revision - 1)
        self.changed.notify_all()


def _same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Equal but for the resourceVersion."""

    def bare(content: Mapping[str, Any]) -> dict[str, Any]:
        metadata = {**content["metadata"]}
        metadata.pop("resourceVersion", None)
        return {**content, "metadata": metadata}

    return bare(old) == bare(new)
