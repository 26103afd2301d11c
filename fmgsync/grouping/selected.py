"""What rules select by its labels and contends with no pod: network sets, Services and the like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from fmgsync.grouping.doubts import Key
from fmgsync.grouping.rulebook import Picked
from fmgsync.model.labels import NO_LABELS, Labels

Space = Callable[[str], Labels]
"""The labels of a namespace."""


class Object(Protocol):
    """What all of these objects have."""

    @property
    def key(self) -> Key:
        """What no other one of the cluster has."""

    @property
    def namespace(self) -> str:
        """Empty for one of the whole cluster."""

    @property
    def place(self) -> str:
        """For messages."""

    @property
    def doubt(self) -> str:
        """Why not all is known of it."""


_Object = TypeVar("_Object", bound=Object)


@dataclass(frozen=True, slots=True)
class _Holder(Generic[_Object]):
    found: _Object
    picked: Picked


class Selected(Generic[_Object]):
    """Those of one cluster, kept up to date by change; `pick` tells which rules one belongs to, by
    itself and the labels of its namespace."""

    def __init__(self, pick: Callable[[_Object, Labels], Picked]) -> None:
        self._pick: Final = pick
        self._holders: Final[dict[Key, _Holder[_Object]]] = {}

    def __iter__(self) -> Iterator[_Object]:
        """All of them. Any thread may ask."""
        return (holder.found for holder in [*self._holders.values()])

    def exchange(
        self, changed: Iterable[tuple[_Object | None, _Object | None]], space: Space
    ) -> set[int]:
        """Let some take others' places, or those of nobody; the rules that this concerns."""
        found: set[int] = set()
        for before, after in changed:
            if (either := after or before) is not None:
                found |= self._put(either.key, after, space)
        return found

    def judge_again(self, namespace: str, space: Space) -> set[int]:
        """The labels of a namespace have changed."""
        return self.exchange([(None, each) for each in self if each.namespace == namespace], space)

    def _put(self, key: Key, found: _Object | None, space: Space) -> set[int]:
        before, after = self._holders.pop(key, None), None
        if found is not None:
            labels = space(found.namespace) if found.namespace else NO_LABELS
            after = self._holders[key] = _Holder(found, self._pick(found, labels))
        return {
            index
            for holder in (before, after)
            if holder is not None
            for index in (*holder.picked.sure, *holder.picked.unsure)
        }

    def of(self, index: int) -> Iterator[_Object]:
        """Those that a rule selects, by key."""
        for _, holder in sorted(self._holders.items()):
            if index in holder.picked.sure:
                yield holder.found

    def gaps(self, index: int) -> Iterator[str]:
        """Why not all is known that they add to the rule."""
        for _, holder in sorted(self._holders.items()):
            if index in holder.picked.unsure:
                yield f"{holder.found.place}: nobody can tell whether the rule selects it"
            elif index in holder.picked.sure and holder.found.doubt:
                yield f"{holder.found.place}: {holder.found.doubt}"
