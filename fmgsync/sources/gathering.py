"""Collects what one reading of a cluster finds, and judges which kinds it is complete for.

Shared by dumps and live clusters. An object of which something cannot be read is taken in as far
as it can, and says what is not known of it. Only one that cannot even be named costs its whole kind
the mark `synced`: what it contributed before is not known, so nothing of that kind may be removed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from fmgsync.model.destination import Destination
from fmgsync.model.endpoint import (
    PLATFORM_KINDS,
    ClusterSnapshot,
    IPPool,
    Kind,
    NetworkSet,
    NodeEndpoint,
    PodEndpoint,
    SourceProblem,
)
from fmgsync.model.labels import Labels
from fmgsync.model.platform import PlatformObject
from fmgsync.model.policy import Policy
from fmgsync.sources import outcome, problems
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import Malformed
from fmgsync.sources.convert.reading import Raw
from fmgsync.sources.kinds import listed
from fmgsync.sources.outcome import Found, Outcome


class _Found(NamedTuple):
    outcome: Outcome
    place: str


class Gathering:
    """What one reading has found so far; `snapshot` ends it."""

    def __init__(self) -> None:
        self._pool: Final = LabelPool()
        self._found: Final[defaultdict[Kind, dict[str, _Found]]] = defaultdict(dict)
        self._problems: Final[defaultdict[Kind, list[SourceProblem]]] = defaultdict(list)
        self._complete: Final[set[Kind]] = set()

    def add(self, kind: Kind, raw: Raw, place: str) -> None:
        """Take one object in; `place` is where it was read, for messages."""
        self._add(
            kind, place, lambda: (outcome.key(kind, raw), outcome.outcome(kind, raw, self._pool))
        )

    def add_mapping(
        self, kind: Kind, mapping: Mapping[str, Any], place: str, *, last: bool = False
    ) -> None:
        """Take one object in as it was parsed; `last` if the text may be cut off after it."""
        self._add(kind, place, lambda: outcome.of_mapping(kind, mapping, self._pool, last=last))

    def add_json(self, kind: Kind, text: bytes | str, place: str) -> None:
        """Take one object in as its JSON text."""
        self._add(kind, place, lambda: outcome.of_json(kind, text, self._pool))

    def _add(self, kind: Kind, place: str, read: Callable[[], tuple[str, Outcome]]) -> None:
        try:
            key, found = read()
        except Malformed as error:
            self.problem(kind, f"{kind} in {place}", str(error))
            return
        if found.told:
            found = found._replace(told=f"{found.told} ({place})")
        known = self._found[kind].setdefault(key, _Found(found, place))
        if known.outcome is not found and known.outcome.found != found.found:
            told = (
                f"is in {known.place} and, with other content, in {place}: "
                "leave out the older of the two dumps"
            )
            both = outcome.merged(known.outcome, found, self._pool, told)
            self._found[kind][key] = _Found(both, known.place)

    def restart(self, kind: Kind) -> None:
        """Forget what was found of the kind: it is read again from its beginning."""
        self._found[kind].clear()
        self._problems[kind].clear()

    def complete(self, kind: Kind) -> None:
        """The kind was read to its end, be it empty."""
        self._complete.add(kind)

    def problem(self, kind: Kind, where: str, message: str) -> None:
        """Something of this kind was not read, nobody can say which: it will not be synced."""
        self._problems[kind].append(SourceProblem(where, message))

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
        namespaces, accounts = self._outcomes(Kind.NAMESPACES), self._outcomes(Kind.ACCOUNTS)
        policies = self._both(Kind.POLICIES, Kind.STAGED_POLICIES)
        sets = self._both(Kind.GLOBAL_SETS, Kind.NETWORK_SETS)
        return ClusterSnapshot(
            cluster=cluster,
            synced=frozenset(kind for kind in self._complete if not self._problems[kind]),
            pods=tuple(pod for pod in pods.values() if isinstance(pod, PodEndpoint)),
            nodes=tuple(node for node in nodes.values() if isinstance(node, NodeEndpoint)),
            namespaces=MappingProxyType(
                {name: each for name, each in namespaces.items() if isinstance(each, Labels)}
            ),
            problems=tuple(one for kind in self._kinds for one in self._all_problems(kind)),
            accounts=MappingProxyType(
                {key: each for key, each in accounts.items() if isinstance(each, Labels)}
            ),
            network_sets=tuple(each for each in sets if isinstance(each, NetworkSet)),
            policies=tuple(each for each in policies if isinstance(each, Policy)),
            ip_pools=tuple(
                each for each in self._outcomes(Kind.IP_POOLS).values() if isinstance(each, IPPool)
            ),
            platform=tuple(
                each
                for kind in PLATFORM_KINDS
                for each in self._outcomes(kind).values()
                if isinstance(each, PlatformObject)
            ),
            destinations=tuple(
                each
                for kind in self._kinds
                if kind.is_destination
                for each in self._outcomes(kind).values()
                if isinstance(each, Destination)
            ),
        )

    @property
    def _kinds(self) -> tuple[Kind, ...]:
        """Those that anything was read or told of."""
        return listed({*self._found, *self._problems})

    def _both(self, one: Kind, other: Kind) -> list[Found | None]:
        return [*self._outcomes(one).values(), *self._outcomes(other).values()]

    def _outcomes(self, kind: Kind) -> dict[str, Found | None]:
        return {key: found.outcome.found for key, found in sorted(self._found[kind].items())}

    def _all_problems(self, kind: Kind) -> list[SourceProblem]:
        told = {key: each.outcome.told for key, each in self._found[kind].items()}
        return problems.shortened(kind, [*self._problems[kind], *problems.of_objects(kind, told)])
