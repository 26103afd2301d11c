"""The verbs of the API on objects: read, create, replace, patch, delete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import yaml

from fmgsync import yamlplain
from fmgsync.simulator.kubernetes import admission, applying, deleting, patches, refusals
from fmgsync.simulator.kubernetes.applying import Author
from fmgsync.simulator.kubernetes.options import APPLY
from fmgsync.simulator.kubernetes.paging import Lists
from fmgsync.simulator.kubernetes.resources import Target
from fmgsync.simulator.kubernetes.store import Store, Stored

_PROTOBUF: Final = "application/vnd.kubernetes.protobuf"

SOMEBODY: Final = Author("unknown")


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
        content = admission.parsed(target.resource, body)
        if content["metadata"].get("resourceVersion") not in (None, "", "0"):
            raise refusals.internal("resourceVersion should not be set on objects to be created")
        return self._create(target, content)

    def _create(self, target: Target, content: dict[str, Any]) -> Stored:
        resource = target.resource
        namespace = self._namespace(target, content)
        with self._store.changed:
            made = admission.created(resource, namespace, content)
            name = made["metadata"]["name"]
            if self._store.get(resource, namespace, name) is not None:
                raise refusals.already_exists(resource, name)
            if namespace:
                deleting.check_open(self._store, namespace, resource, name)
            return self._store.put(resource, namespace, name, made)

    def replace(self, target: Target, body: Any, author: Author = SOMEBODY) -> Stored:
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
                return self._create(target, content)
            return self._update(target, content, author)

    def patch(
        self, target: Target, content_type: str, patch: Any, author: Author = SOMEBODY
    ) -> Stored:
        """PATCH: part of the object, or of its status."""
        with self._store.changed:
            old = self.read(target)
            before = {key: each for key, each in old.content.items() if key != "metadata"}
            # A patch that names no resourceVersion applies to whatever is there.
            after = patches.patched(
                {**before, "metadata": old.content["metadata"]}, content_type, patch
            )
            return self._update(target, admission.parsed(target.resource, after), author)

    def apply(
        self, target: Target, body: Any, author: Author, *, force: bool
    ) -> tuple[bool, Stored]:
        """Server-side apply; also says whether that made the object."""
        wanted = self._applicable(target, body)
        now = admission.timestamp()
        with self._store.changed:
            old = self._store.get(target.resource, target.namespace, target.name)
            if old is None:
                bare: dict[str, Any] = {"metadata": {"name": target.name}}
                made = applying.applied(target.resource, bare, wanted, author, now, force=force)
                return True, self._create(Target(target.resource, target.namespace), made)
            before = dict(old.content)
            after = applying.applied(target.resource, before, wanted, author, now, force=force)
            return False, self._write(target, old, after)

    def delete(self, target: Target, options: Mapping[str, Any]) -> Stored:
        """DELETE: the object is gone, or has begun to go."""
        with self._store.changed:
            return deleting.delete(self._store, self.read(target), options)

    def _applicable(self, target: Target, body: Any) -> dict[str, Any]:
        given = body if isinstance(body, Mapping) else {}
        if not given.get("apiVersion") or not given.get("kind"):
            raise refusals.bad_request("an apply names apiVersion and kind of its object")
        wanted = admission.parsed(target.resource, dict(body))
        if wanted["metadata"].get("managedFields"):
            raise refusals.bad_request("metadata.managedFields must be nil")
        if wanted["metadata"].get("name", target.name) != target.name:
            raise refusals.bad_request("the name of the object does not match the name on the URL")
        return wanted

    def _update(self, target: Target, content: dict[str, Any], author: Author) -> Stored:
        old = self.read(target)
        after = admission.updated(old, content, part=target.part)
        owned = applying.updated(
            target.resource, dict(old.content), after, author, admission.timestamp()
        )
        return self._put(target, owned)

    def _write(self, target: Target, old: Stored, content: dict[str, Any]) -> Stored:
        managed = content["metadata"]["managedFields"]
        after = admission.updated(old, content, part=target.part)
        return self._put(
            target, {**after, "metadata": {**after["metadata"], "managedFields": managed}}
        )

    def _put(self, target: Target, after: dict[str, Any]) -> Stored:
        """Write it; what was only held back by its finalizers is gone when they are."""
        where = (target.resource, target.namespace, target.name)
        if deleting.is_finished(after):
            return self._store.remove(*where) or self.read(target)
        return self._store.put(*where, after)

    def _namespace(self, target: Target, content: Mapping[str, Any]) -> str:
        given = content["metadata"].get("namespace")
        if given not in (None, "", target.namespace):
            raise refusals.bad_request(
                "the namespace of the provided object does not match the namespace sent on the "
                "request"
            )
        return target.namespace


def parsed_body(raw: bytes, content_type: str = "") -> Any:
    """A request's JSON (YAML where it is to be applied), None if it has no body."""
    if not raw:
        return None
    if content_type == APPLY:
        try:
            return yamlplain.load(raw)
        except yaml.YAMLError as error:
            raise refusals.bad_request(f"error decoding YAML: {error}") from error
    if content_type == _PROTOBUF:  # a real one takes it; whoever uses this server sends JSON
        raise refusals.ApiRefusal(
            415,
            "UnsupportedMediaType",
            f"the body of the request was in an unknown format - here is no {content_type}",
        )
    try:
        return json.loads(raw)
    except ValueError as error:
        raise refusals.bad_request(f"couldn't parse the body: {error}") from error
