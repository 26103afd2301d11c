"""The objects of one kind as far as they are known: what changes say of them, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from fmgsync.kube.changes import Change, Listed, Removed, Upserted
from fmgsync.kube.listing import Garbled
from fmgsync.model.endpoint import Kind, PodEndpoint
from fmgsync.sources import outcome
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import Malformed
from fmgsync.sources.convert.reading import Raw
from fmgsync.sources.outcome import Found


class Seen(NamedTuple):
    """One object after conversion: what it contributes, and what of it cannot be read.

    `unreadable` says why it cannot even be named.
    """

    key: str
    found: Found | None
    told: str = ""
    unreadable: str = ""


@dataclass(slots=True)
class Objects:
    """The objects of one kind."""

    found: dict[str, Found] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)

    def put(self, seen: Seen) -> None:
        """Take it in, in the place of what was known of the object."""
        self.found.pop(seen.key, None)
        self.told.pop(seen.key, None)
        self.unreadable.pop(seen.key, None)
        if seen.unreadable:
            self.unreadable[seen.key] = seen.unreadable
        elif seen.found is not None:
            self.found[seen.key] = seen.found
            if seen.told:
                self.told[seen.key] = seen.told

    def has(self, seen: Seen) -> bool:
        """Whether nothing of it is new."""
        key = seen.key
        return (
            self.found.get(key) == seen.found
            and self.told.get(key, "") == seen.told
            and self.unreadable.get(key, "") == seen.unreadable
        )


def seen_in(kind: Kind, change: Change[Raw], pool: LabelPool) -> Iterator[Seen]:
    """The objects of a change, converted."""
    match change:
        case Listed(items, garbled):
            for item in items:
                yield _converted(kind, item, pool)
            for each in garbled:
                yield _repaired(kind, each, pool)
        case Upserted(item):
            yield _converted(kind, item, pool)
        case Removed(item):
            yield Seen(outcome.key(kind, item), None)
        case Garbled() as each:
            yield _repaired(kind, each, pool)


def _converted(kind: Kind, raw: Raw, pool: LabelPool) -> Seen:
    try:
        return Seen(outcome.key(kind, raw), *outcome.outcome(kind, raw, pool))
    except Malformed as error:
        return Seen(outcome.key(kind, raw), None, unreadable=str(error))


def _repaired(kind: Kind, garbled: Garbled, pool: LabelPool) -> Seen:
    """An object whose fields have types they cannot have, as far as it can be read."""
    key = outcome.key_of(garbled.namespace, garbled.name)
    if garbled.gone:
        return Seen(key, None)
    try:
        found = outcome.of_json(kind, garbled.content, pool)
    except Malformed as error:
        return Seen(key, None, unreadable=str(error))
    return Seen(found[0], *found[1])


def remembering(known: Objects, seen: Seen) -> Seen:
    """A pod that only claims an address by now has it still if its status had it before."""
    pod, before = seen.found, known.found.get(seen.key)
    if not isinstance(pod, PodEndpoint) or not isinstance(before, PodEndpoint):
        return seen
    if not pod.claimed or pod.started != before.started or not pod.started:
        return seen
    kept = tuple(each for each in pod.claimed if each in before.addresses)
    return seen._replace(found=replace(pod, addresses=kept)) if kept else seen
