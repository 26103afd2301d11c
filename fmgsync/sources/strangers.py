"""Pods that are not followed, as far as a selected pod may have lost its address to one of them.

Where only the pods that rules can select are followed, nobody else is heard of. So the API server
is asked who has the address of the few pods for which it is in doubt: selected ones that end, or
whose node does not answer, or that got it since the first listing, and those of whose address a
count of all pods says that somebody else has it, too (`sources.census`). Whoever else has it is a
stranger: no rule selects it, it only contends for the address (`grouping.holders`). While there is
doubt it is asked again, less and less often; an address that is new and belongs to nobody else is
asked for once, or not at all where a count that began later says so. What cannot be asked changes
nothing, and is asked later; but an address that only an annotation claims is kept back until the
answer is there.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

import structlog

from fmgsync import redaction
from fmgsync.clock import Clock
from fmgsync.model.address import Address
from fmgsync.model.endpoint import ClusterDifference, Kind, PodEndpoint, PodKey
from fmgsync.sources.agenda import Agenda, Question
from fmgsync.sources.census import Census
from fmgsync.sources.lookups import Lookups

AGAIN_S = 15.0
CLAIM_S = 2.0
"""So long a claim may stand before it is asked about: mostly the pod's status follows at once."""
_LONGEST_S: Final = 300.0
_REST_S: Final = 5.0
"""So long nothing is asked when there was no answer, or too much was asked in a minute."""
_LONGEST_SLEEP_S: Final = 60.0
_KEPT: Final = 10
"""So many questions of each minute are kept for lasting doubt."""

_log = structlog.get_logger()


class Strangers:
    """Those of one cluster. One thread asks; who takes differences never waits for it.

    `follows` says whether a pod is followed, and so no stranger; `on_change` is called from the
    thread when there is a difference. Where `nodes` are not followed either, pods in their node's
    network tell which addresses are a node's.
    """

    def __init__(
        self,
        cluster: str,
        lookups: Lookups,
        census: Census,
        *,
        clock: Clock,
        follows: Callable[[PodKey], bool],
        on_change: Callable[[], None],
        nodes: bool = False,
    ) -> None:
        self._cluster: Final = cluster
        self._lookups: Final = lookups
        self._census: Final = census
        self._nodes: Final = nodes
        self._clock: Final = clock
        self._follows: Final = follows
        self._on_change: Final = on_change
        self._changed: Final = threading.Condition()
        self._questions: Final[dict[Address, Question]] = {}
        self._agenda: Final = Agenda()
        self._asked_for: Final[defaultdict[PodKey, set[Address]]] = defaultdict(set)
        self._found: Final[dict[Address, tuple[PodEndpoint, ...]]] = {}
        self._given: dict[PodKey, PodEndpoint] = {}
        self._claiming: Final[dict[PodKey, PodEndpoint]] = {}  # not given yet
        self._answered: Final[dict[PodKey, set[Address]]] = {}  # of what is claimed
        self._listed = False
        self._settled = False
        self._begun = False  # the first pods were given
        self._rests_until = 0.0
        self._stopped = False

    def start(self) -> None:
        """Begin to ask, in a thread."""
        name = f"strangers-{self._cluster}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def stop(self) -> None:
        """Ask nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    @property
    def settled(self) -> bool:
        """Whether all that was followed first was looked into, as far as that can be."""
        return self._settled

    def wake(self) -> None:
        """Something is followed."""
        with self._changed:
            self._changed.notify()

    def join(self, difference: ClusterDifference) -> ClusterDifference:
        """The difference, and what became different of the strangers.

        Who is followed by now is none any more, and who contended with a pod that is gone neither.
        A claim that was not asked about is left out, and given as soon as it was.
        """
        with self._changed:
            for before, after in difference.pods:
                self._settle(before, after)
            if not self._begun:
                self._clear(after for _, after in difference.pods if after is not None)
                self._begun = self._settled
            pods = [(before, self._given_of(after)) for before, after in difference.pods]
            pods += [(pod, pod) for pod in self._taken_claims()]
            now = {pod.key: pod for pods in self._found.values() for pod in pods}
            given, self._given = self._given, now
            self._changed.notify()
        pairs = ((given.get(key), now.get(key)) for key in {**given, **now})
        strangers = tuple((old, new) for old, new in pairs if old != new)
        return replace(difference, pods=tuple(pods), strangers=strangers)

    def _given_of(self, pod: PodEndpoint | None) -> PodEndpoint | None:
        """The pod, as long as it must without what it claims."""
        waits = self._open(pod) if pod is not None else ()
        if pod is None or not waits:
            return pod
        self._claiming[pod.key] = pod
        self._want(waits, pod.key, lasting=False, in_s=CLAIM_S)
        networks = ((name, [a for a in found if a not in waits]) for name, found in pod.networks)
        return replace(
            pod,
            claimed=tuple(address for address in pod.claimed if address not in waits),
            networks=tuple((name, tuple(found)) for name, found in networks),
        )

    def _taken_claims(self) -> Iterable[PodEndpoint]:
        """Those that may be given by now."""
        found = [pod for pod in self._claiming.values() if not self._open(pod)]
        for pod in found:
            del self._claiming[pod.key]
        return found

    def _open(self, pod: PodEndpoint) -> frozenset[Address]:
        """What it claims and nobody has been asked about."""
        claims = pod.claims if pod.claimed or pod.networks else frozenset[Address]()
        return claims.difference(self._answered.get(pod.key, ()))

    def _clear(self, pods: Iterable[PodEndpoint]) -> bool:
        """Nobody need be asked about what was free when all were counted; whether that helps."""
        free = [
            (pod.key, address)
            for pod in pods
            for address in self._open(pod)
            if self._census.is_free(pod.key, address)
        ]
        for key, address in free:
            self._answered.setdefault(key, set()).add(address)
        return bool(free)

    def heed(self, difference: ClusterDifference, selects: Callable[[PodKey], bool]) -> None:
        """Ask for the addresses that are in doubt since then, of pods that a rule selects."""
        with self._changed:
            listed = self._listed
            self._listed = listed or bool(difference.pods) or Kind.PODS in difference.synced
            for before, after in difference.pods:
                if after is None:
                    continue
                lasting = after.terminating or after.lost
                wanted = after.addresses if lasting else _new(before, after) if listed else ()
                if wanted and selects(after.key):
                    self._want(wanted, after.key, lasting=lasting)
                elif not lasting:
                    self._calm(after.key)
            self._changed.notify()

    def look_around(self) -> bool:
        """Count all pods, if that is due, and ask for the addresses that two of them have."""
        if self._census.due_in_s > 0:
            return False
        with self._changed:
            asked = {address: tuple(one.askers) for address, one in self._questions.items()}
        contested = self._census.contested()
        if contested is None:
            return False
        with self._changed:
            self._drop_free(asked)
            for address, pods in contested.items():
                for pod in pods:
                    if address not in self._found and address not in self._asked_for.get(pod, ()):
                        self._want([address], pod, lasting=False)
            freed = self._clear(tuple(self._claiming.values()))
        if freed:
            self._on_change()
        return True

    def _drop_free(self, asked: Mapping[Address, tuple[PodKey, ...]]) -> None:
        """What was asked before all were counted, and belonged to nobody else then."""
        for address, pods in asked.items():
            question = self._questions.get(address)
            if question is None or question.lasting or address in self._found:
                continue
            for pod in pods:
                if pod in question.askers and self._census.is_free(pod, address):
                    self._withdraw(address, pod)

    def ask_next(self) -> bool:
        """Ask for the address that is due, if one is."""
        with self._changed:
            address = self._due()
            if address is None:
                return False
            spare = 0 if self._questions[address].lasting else _KEPT
        found = self._lookups.find(address, spare=spare)
        with self._changed:
            differs = self._answer(address, found)
        if differs:
            self._on_change()
        return True

    def _run(self) -> None:
        while not self._stopped:
            try:
                if self.look_around() or self.ask_next():
                    continue
                self.settle_down()
            except Exception as error:
                # A defect of ours must not end the asking for ever while everything looks well.
                text = redaction.traceback_text(error)
                _log.error("address not looked up", cluster=self._cluster, exception=text)
                self._rests_until = self._clock.steady() + _LONGEST_SLEEP_S
            with self._changed:
                if not self._stopped and self._due() is None:
                    self._changed.wait(self._pause_s())

    def settle_down(self) -> None:
        """Nothing is left to ask for now: say so the first time."""
        if not self._settled and self._census.counted:
            self._settled = True
            self._on_change()

    def _due(self) -> Address | None:
        """Those in lasting doubt first, then in the order in which they came."""
        now = self._clock.steady()
        return None if now < self._rests_until else self._agenda.due(now)

    def _pause_s(self) -> float:
        """How long nothing is due."""
        now, pause_s = self._clock.steady(), self._census.due_in_s or _LONGEST_SLEEP_S
        if (next_at := self._agenda.next_at) is not None:
            pause_s = min(pause_s, max(self._rests_until, next_at) - now)
        return min(max(pause_s, 0.01), _LONGEST_SLEEP_S)

    def _want(
        self, addresses: Iterable[Address], pod: PodKey, *, lasting: bool, in_s: float = 0.0
    ) -> None:
        due = self._clock.steady() + in_s
        for address in addresses:
            question = self._questions.setdefault(address, Question(due, AGAIN_S))
            if question.askers.get(pod) is not lasting:
                question.due, question.pause_s = min(question.due, due), AGAIN_S
            question.askers[pod] = lasting
            self._asked_for[pod].add(address)
            self._agenda.note(address, question)

    def _calm(self, pod: PodKey) -> None:
        """Its node answers again: no lasting doubt."""
        for address in self._asked_for.get(pod, ()):
            question = self._questions[address]
            question.askers[pod] = False
            self._agenda.note(address, question)

    def _settle(self, before: PodEndpoint | None, after: PodEndpoint | None) -> None:
        if after is not None and self._found:
            self._set_found(
                (address, tuple(pod for pod in pods if pod.key != after.key))
                for address, pods in tuple(self._found.items())
            )
        if before is not None:
            kept = after.stakes if after is not None and after.started == before.started else ()
            self._claiming.pop(before.key, None)
            if before.key in self._answered:
                self._answered[before.key].intersection_update(kept)
            if after is None:
                self._answered.pop(before.key, None)
            for address in tuple(self._asked_for.get(before.key, ())):
                if address not in kept:
                    self._withdraw(address, before.key)

    def _withdraw(self, address: Address, pod: PodKey) -> None:
        question, asked = self._questions[address], self._asked_for[pod]
        del question.askers[pod]
        asked.discard(address)
        if not asked:
            del self._asked_for[pod]
        if question.askers:
            self._agenda.note(address, question)
        else:
            del self._questions[address]
            self._agenda.strike(address)
            self._found.pop(address, None)

    def _answer(self, address: Address, found: tuple[PodEndpoint, ...] | None) -> bool:
        """Take it in; whether anything differs by it."""
        now = self._clock.steady()
        if found is None:
            self._rests_until = now + _REST_S
            return False
        question = self._questions.get(address)
        if question is None:
            return False  # nobody wants to know any more
        # One that was given stays until a difference says that it is followed.
        strange = (pod for pod in found if pod.key in self._given or not self._follows(pod.key))
        counted = (pod for pod in strange if not (pod.host_network and self._nodes))
        before, after = self._found.get(address, ()), tuple(counted)
        claims = [pod for pod in question.askers if pod in self._claiming or not self._begun]
        for pod in claims:
            self._answered.setdefault(pod, set()).add(address)
        self._set_found([(address, after)])
        if after != before:
            question.pause_s = AGAIN_S
        question.due = now + question.pause_s
        question.pause_s = min(question.pause_s * 2, _LONGEST_S)
        self._agenda.note(address, question)
        if not after and not question.lasting:
            for pod in tuple(question.askers):
                self._withdraw(address, pod)
        return after != before or any(pod in self._claiming for pod in claims)

    def _set_found(self, found: Iterable[tuple[Address, tuple[PodEndpoint, ...]]]) -> None:
        for address, pods in found:
            if pods:
                self._found[address] = pods
            else:
                self._found.pop(address, None)


def _new(before: PodEndpoint | None, after: PodEndpoint) -> tuple[Address, ...]:
    """The addresses that the pod did not have; one of the same name may be another pod."""
    if before is None or before.started != after.started:
        return after.addresses
    return tuple(address for address in after.addresses if address not in before.addresses)
