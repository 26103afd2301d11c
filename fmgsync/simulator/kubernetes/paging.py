"""Lists: whole, or in pages that all show the same moment."""

from __future__ import annotations

import base64
import binascii
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fmgsync.simulator.kubernetes import options, tables
from fmgsync.simulator.kubernetes.refusals import bad_request, expired, too_large
from fmgsync.simulator.kubernetes.resources import PODS, Resource, Target
from fmgsync.simulator.kubernetes.selection import address_in, matcher
from fmgsync.simulator.kubernetes.store import Store, Stored

_MOMENTS: Final = 50  # unfinished paged lists that are remembered

_EXPIRED: Final = (
    "The provided continue parameter is too old to display a consistent list result. You can "
    "start a new list without the continue parameter, or use the continue token in this response "
    "to retrieve the remainder of the results."
)


_EXPIRED_VERSION: Final = "The provided resource version is too old."


@dataclass(frozen=True, slots=True)
class _Moment:
    """What a list shows: the objects at one revision, of which the first `given` were sent."""

    revision: int
    objects: list[Stored]
    given: int = 0


class Lists:
    """Answers list requests, and remembers the moment each unfinished one shows."""

    def __init__(self, store: Store) -> None:
        self._store: Final = store
        self._moments: Final[OrderedDict[str, _Moment]] = OrderedDict()
        self.read = 0
        """Objects that lists without a version had to read from etcd, as they do on servers that
        do not answer those from their cache."""

    def forget(self) -> None:
        """Let every continue token expire."""
        with self._store.changed:
            self._moments.clear()

    def page(self, target: Target, query: Mapping[str, str], *, as_table: bool = False) -> bytes:
        """The list, or the page of it that was asked for."""
        options.check_list(query)
        with self._store.changed:
            token = query.get("continue", "")
            moment = self._continued(token) if token else self._begun(target, query)
            limit = options.number(query, "limit")
            end = moment.given + limit if limit > 0 else len(moment.objects)
            given, left = moment.objects[moment.given : end], len(moment.objects) - end
            metadata: dict[str, Any] = {"resourceVersion": str(moment.revision)}
            if left > 0:
                metadata["continue"] = self._remembered(replace(moment, given=end), given[-1])
                # With a selector the real server does not know how many are left.
                if not query.get("labelSelector") and not query.get("fieldSelector"):
                    metadata["remainingItemCount"] = left
        if as_table:
            return tables.table(metadata, given, query)
        return _body(target.resource, metadata, given)

    def _begun(self, target: Target, query: Mapping[str, str]) -> _Moment:
        asked, revision = options.revision(query), self._store.revision
        if asked > revision:
            raise too_large(asked, revision)
        match = query.get("resourceVersionMatch", "")
        # Pages from a version without a match are pages of that very version.
        if asked and (match == options.EXACT or (not match and options.number(query, "limit") > 0)):
            revision = asked
            if asked < self._store.floor:
                raise expired(_EXPIRED_VERSION)
        objects = self._objects(target, query, revision)
        if not query.get("resourceVersion"):
            self.read += len(objects)
        matches = selected(target.resource, query)
        return _Moment(revision, [each for each in objects if matches(each.content)])

    def _objects(self, target: Target, query: Mapping[str, str], revision: int) -> list[Stored]:
        """Those among which the selectors choose."""
        store, address = self._store, address_in(query.get("fieldSelector", ""))
        from_cache = bool(query.get("resourceVersion")) and revision == store.revision
        if address is not None and target.resource == PODS and from_cache:
            return store.pods_at(address, target.namespace)
        return store.all_at(target.resource, target.namespace, revision)

    def _remembered(self, moment: _Moment, last: Stored) -> str:
        start = f"{last.namespace}/{last.name}\0"
        content = {"v": "meta.k8s.io/v1", "rv": moment.revision, "start": start}
        token = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
        self._moments[token] = moment
        if len(self._moments) > _MOMENTS:
            self._moments.popitem(last=False)
        return token

    def _continued(self, token: str) -> _Moment:
        moment = self._moments.get(token)
        if moment is not None:
            return moment
        try:
            json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        except (ValueError, binascii.Error) as error:
            raise bad_request("continue key is not valid") from error
        raise expired(_EXPIRED, **{"continue": token})


def selected(resource: Resource, query: Mapping[str, str]) -> Any:
    """The test that a request's label and field selectors are."""
    return matcher(resource, query.get("labelSelector", ""), query.get("fieldSelector", ""))


def _body(resource: Resource, metadata: dict[str, Any], objects: list[Stored]) -> bytes:
    head = {
        "kind": f"{resource.kind}List",
        "apiVersion": resource.api_version,
        "metadata": metadata,
    }
    items = b",".join(each.body for each in objects)
    return json.dumps(head).encode()[:-1] + b',"items":[' + items + b"]}"
