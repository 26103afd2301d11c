"""The verbs of the API on objects: read, create, replace, patch, delete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from fmgsync.simulator.kubernetes import admission, patches, refusals
from fmgsync.simulator.kubernetes.paging import Lists
from fmgsync.simulator.kubernetes.resources import NAMESPACES, PODS, RESOURCES, Target
from fmgsync.simulator.kubernetes.store import Store, Stored

_GRACE_S: Final = 30


class Api:
    """What requests do to the store. Methods raise `ApiRefusal`."""

    def __init__(self, store: Store) -> None:
        self._store: Final = store
        self.lists: Final = Lists(store)

    def read(self, target: Target) -> Stored:
        """One object."""
        found = self._store.get(target.resource, target.namespace, target.name)
        if found is None:
            raise refusals.not_found(target.resource, target.name)
        return found

    def create(self, target: Target, body: Any) -> Stored:
        """POST: a new object."""
        resource = target.resource
        content = admission.parsed(resource, body)
        namespace = self._namespace(target, content)
        with self._store.changed:
            made = admission.created(resource, namespace, content)
            name = made["metadata"]["name"]
            if self._store.get(resource, namespace, name) is not None:
                raise refusals.already_exists(resource, name)
            if namespace and self._store.get(NAMESPACES, "", namespace) is None:
                raise refusals.not_found(NAMESPACES, namespace)
            return self._store.put(resource, namespace, name, made)

    def replace(self, target: Target, body: Any) -> Stored:
        """PUT: the whole object, or its whole status."""
        content = admission.parsed(target.resource, body)
        name = content["metadata"].get("name")
        if name not in (None, target.name):
            raise refusals.bad_request(
                f"the name of the object ({name}) does not match the name on the URL "
                f"({target.name})"
            )
        with self._store.changed:
            old = self._store.get(target.resource, target.namespace, target.name)
            if old is None and target.resource.put_creates and not target.part:
                content["metadata"]["name"] = target.name
                return self.create(target, content)
            return self._update(target, content)

    def patch(self, target: Target, content_type: str, patch: Any) -> Stored:
        """PATCH: part of the object, or of its status."""
        with self._store.changed:
            old = self.read(target)
            before = {key: each for key, each in old.content.items() if key != "metadata"}
            # A patch that names no resourceVersion applies to whatever is there.
            after = patches.patched(
                {**before, "metadata": old.content["metadata"]}, content_type, patch
            )
            return self._update(target, admission.parsed(target.resource, after))

    def delete(self, target: Target, options: Mapping[str, Any]) -> Stored:
        """DELETE. A scheduled pod only begins to terminate, unless its grace is zero."""
        with self._store.changed:
            old = self.read(target)
            wanted = options.get("preconditions") or {}
            metadata = old.content["metadata"]
            for field in ("uid", "resourceVersion"):
                if wanted.get(field) not in (None, metadata[field]):
                    why = f"Precondition failed: {field} in precondition: {wanted[field]}"
                    raise refusals.conflict(target.resource, target.name, why)
            grace = options.get("gracePeriodSeconds", _GRACE_S)
            if target.resource is PODS and grace != 0 and old.content["spec"].get("nodeName"):
                return self._terminating(old, grace)
            if target.resource is NAMESPACES:
                self._empty(target.name)
            return self._store.remove(target.resource, target.namespace, target.name) or old

    def _terminating(self, old: Stored, grace: int) -> Stored:
        metadata = dict(old.content["metadata"])
        if "deletionTimestamp" not in metadata:
            metadata["deletionTimestamp"] = admission.timestamp()
            metadata["deletionGracePeriodSeconds"] = grace
        after = {**old.content, "metadata": metadata}
        return self._store.put(old.resource, old.namespace, old.name, after)

    def _empty(self, namespace: str) -> None:
        """What the namespace controller does before a namespace is gone."""
        for resource in RESOURCES:
            if resource.namespaced:
                for each in self._store.all_of(resource, namespace)[1]:
                    self._store.remove(resource, namespace, each.name)

    def _update(self, target: Target, content: dict[str, Any]) -> Stored:
        old = self.read(target)
        after = admission.updated(old, content, part=target.part)
        return self._store.put(target.resource, target.namespace, target.name, after)

    def _namespace(self, target: Target, content: Mapping[str, Any]) -> str:
        given = content["metadata"].get("namespace")
        if given not in (None, "", target.namespace):
            raise refusals.bad_request(
                "the namespace of the provided object does not match the namespace sent on the "
                "request"
            )
        return target.namespace


def parsed_body(raw: bytes) -> Any:
    """A request's JSON, None if it has no body."""
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError as error:
        raise refusals.bad_request(f"couldn't parse the body: {error}") from error
