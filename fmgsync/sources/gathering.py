"""Collects what one reading of a cluster finds, and judges which kinds it is complete for.

Shared by dumps and live clusters. An object that cannot be read costs its whole kind the mark
`synced`: what it contributed before is not known, so nothing of that kind may be removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from fmgsync.model.endpoint import ClusterSnapshot, Kind, NodeEndpoint, PodEndpoint, SourceProblem
from fmgsync.model.labels import Labels
from fmgsync.sources.convert import outcome
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import Malformed, Namespace, Node, Pod
from fmgsync.sources.convert.outcome import Outcome, Raw

_MOST_PROBLEMS: Final = 20  # of one kind; the rest are counted


class _Found(NamedTuple):
    outcome: Outcome
    place: str


class Gathering:
    """What one reading has found so far; `snapshot` ends it."""

    def __init__(self) -> None:
        self._pool: Final = LabelPool()
        self._found: Final[dict[Kind, dict[str, _Found]]] = {kind: {} for kind in Kind}
        self._problems: Final[dict[Kind, list[SourceProblem]]] = {kind: [] for kind in Kind}
        self._uncounted: Final = dict.fromkeys(Kind, 0)
        self._complete: Final[set[Kind]] = set()

    def add(self, kind: Kind, raw: Raw, place: str) -> None:
        """Take one object in; `place` is where it was read, for messages."""
        key = outcome.key(raw)
        try:
            found = outcome.outcome(raw, self._pool)
        except Malformed as error:
            self.problem(kind, outcome.place(kind, key), f"{error} ({place})")
            return
        known = self._found[kind].setdefault(key, _Found(found, place))
        if known.outcome != found:
            self.problem(
                kind,
                outcome.place(kind, key),
                f"is in {known.place} and, with other content, in {place}: "
                "leave out the older of the two dumps",
            )

    def add_mapping(self, kind: Kind, mapping: Mapping[str, Any], place: str) -> None:
        """Take one object in as it was parsed."""
        try:
            raw = msgspec.convert(mapping, _TYPES[kind])
        except msgspec.ValidationError as error:
            self.problem(kind, f"{kind} in {place}", str(error))
            return
        self.add(kind, raw, place)

    def restart(self, kind: Kind) -> None:
        """Forget what was found of the kind: it is read again from its beginning."""
        self._found[kind].clear()
        self._problems[kind].clear()
        self._uncounted[kind] = 0

    def complete(self, kind: Kind) -> None:
        """The kind was read to its end, be it empty."""
        self._complete.add(kind)

    def problem(self, kind: Kind, where: str, message: str) -> None:
        """Something of this kind could not be read: it will not be synced."""
        problems = self._problems[kind]
        if len(problems) < _MOST_PROBLEMS:
            problems.append(SourceProblem(where, message))
        else:
            self._uncounted[kind] += 1

    def is_complete(self, kind: Kind) -> bool:
        """The kind was said to have been read to its end."""
        return kind in self._complete

    def holds(self, kind: Kind) -> bool:
        """At least one object of the kind was read."""
        return bool(self._found[kind])

    def has_problem(self, kind: Kind) -> bool:
        """Something of the kind could not be read."""
        return bool(self._problems[kind])

    def snapshot(self, cluster: str) -> ClusterSnapshot:
        """All of it, sorted by name."""
        pods, nodes = self._outcomes(Kind.PODS), self._outcomes(Kind.NODES)
        namespaces = self._outcomes(Kind.NAMESPACES)
        return ClusterSnapshot(
            cluster=cluster,
            synced=frozenset(kind for kind in self._complete if not self._problems[kind]),
            pods=tuple(pod for pod in pods.values() if isinstance(pod, PodEndpoint)),
            nodes=tuple(node for node in nodes.values() if isinstance(node, NodeEndpoint)),
            namespaces=MappingProxyType(
                {name: each for name, each in namespaces.items() if isinstance(each, Labels)}
            ),
            problems=tuple(problem for kind in Kind for problem in self._all_problems(kind)),
        )

    def _outcomes(self, kind: Kind) -> dict[str, Outcome]:
        return {key: found.outcome for key, found in sorted(self._found[kind].items())}

    def _all_problems(self, kind: Kind) -> list[SourceProblem]:
        uncounted = self._uncounted[kind]
        more = [SourceProblem(str(kind), f"{uncounted} more like these")] if uncounted else []
        return [*self._problems[kind], *more]


_TYPES: Final[dict[Kind, type[Pod] | type[Node] | type[Namespace]]] = {
    Kind.PODS: Pod,
    Kind.NODES: Node,
    Kind.NAMESPACES: Namespace,
}
