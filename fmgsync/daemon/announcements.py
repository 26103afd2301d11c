"""Tells in Kubernetes what waits for a person: Events beside the configuration, and in the
namespaces whose workloads it concerns.

A courtesy, on a thread of its own: no pass waits for it, and what cannot be told is dropped.
"""

from __future__ import annotations

import queue
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from fmgsync import redaction
from fmgsync.clock import Clock
from fmgsync.kube.events import About
from fmgsync.model.change import AdomPlan, Finding, Hold, ObjectReport
from fmgsync.model.target import TargetRef
from fmgsync.passes.result import Pass
from fmgsync.passes.rollout_book import Report
from fmgsync.passes.wrong_clock import CLOCK

EVERY_S = 300.0
"""The same thing is told about the same object at most this often."""

_CALICO = "projectcalico.org/v3"
_EVENTS_MOST = 20
_SPACES_MOST = 10
_REMEMBERED = 2000
_WAITING = 64
_END_S = 2.0

_log = structlog.get_logger(__name__)

SpacesOf = Callable[[str], Mapping[str, frozenset[str]]]
"""The namespaces, by cluster, whose pods a rule selects or has selected."""


class Writer(Protocol):
    """What is needed of `kube.events.EventWriter`."""

    def warning(self, about: About, reason: str, message: str) -> bool:
        """Write an event; False if the API server does not answer."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where events go: the configuration's own object, and a writer per cluster."""

    config: About
    home: Writer
    clusters: Mapping[str, Writer]


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell; `subject` is the group or device, `rules` whose workloads it concerns,
    `about` the object of a cluster that it is about, if it is about one."""

    reason: str
    subject: str
    message: str
    rules: tuple[str, ...]
    about: tuple[str, About] | None = None


class Announcer:
    """`announce` from any thread; the rest happens on its own."""

    def __init__(self, places: Places, spaces_of: SpacesOf, *, clock: Clock) -> None:
        self._places = places
        self._spaces_of = spaces_of
        self._clock = clock
        self._waiting: queue.Queue[Sequence[Notice] | None] = queue.Queue(_WAITING)
        self._told_at: OrderedDict[tuple[str, str, str, str], float] = OrderedDict()
        self._thread = threading.Thread(target=self._run, name="announcing", daemon=True)

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def stop(self) -> None:
        """Tell what is left, as far as that is quick."""
        self._put(None)
        self._thread.join(_END_S)

    def announce(self, result: Pass, reports: Sequence[Finding] = ()) -> None:
        """What came of a pass, and what is to be said of objects that ask for rules. Returns at
        once."""
        if found := (*notices(result), *of_objects(reports)):
            self._put(found)

    def tell(self, found: Sequence[Notice]) -> None:
        """Write the events of one pass, those that are due; a cluster that is silent is left."""
        silent: set[str] = set()
        written = 0
        for cluster, about, notice in self._targets(found):
            writer = self._places.clusters[cluster] if cluster else self._places.home
            if (
                written >= _EVENTS_MOST
                or cluster in silent
                or not self._due(cluster, about, notice)
            ):
                continue
            written += 1
            if not writer.warning(about, notice.reason, notice.message):
                silent.add(cluster)

    def _targets(self, found: Sequence[Notice]) -> Iterator[tuple[str, About, Notice]]:
        """The configuration's object first: whoever runs fmgsync looks there."""
        for notice in found:
            yield "", self._places.config, notice
            if notice.about is not None and notice.about[0] in self._places.clusters:
                yield *notice.about, notice
        for notice in found:
            concerned: defaultdict[str, set[str]] = defaultdict(set)
            for rule in notice.rules:
                for cluster, names in self._spaces_of(rule).items():
                    concerned[cluster] |= names
            for cluster, spaces in sorted(concerned.items()):
                if cluster in self._places.clusters:
                    for name in sorted(spaces)[:_SPACES_MOST]:
                        yield cluster, About("Namespace", name, name), notice

    def _due(self, cluster: str, about: About, notice: Notice) -> bool:
        key, now = (cluster, about.name, notice.reason, notice.subject), self._clock.steady()
        told_at = self._told_at.get(key)
        if told_at is not None and now - told_at < EVERY_S:
            return False
        self._told_at[key] = now
        self._told_at.move_to_end(key)
        if len(self._told_at) > _REMEMBERED:
            self._told_at.popitem(last=False)
        return True

    def _put(self, found: Sequence[Notice] | None) -> None:
        try:
            self._waiting.put_nowait(found)
        except queue.Full:
            _log.debug("events dropped: the API server is too slow")

    def _run(self) -> None:
        while (found := self._waiting.get()) is not None:
            try:
                self.tell(found)
            except Exception as error:
                _log.error("events failed", exception=redaction.traceback_text(error))


def notices(result: Pass) -> tuple[Notice, ...]:
    """What a person should know of a pass, one notice per group or device."""
    found: list[Notice] = []
    if result.seen is not None:
        found += of_plan(result.seen.plan)
        waits = result.seen.submission
        if waits is not None and waits.outdated:
            message = f"{_place(result.ref)}: {waits}"
            found.append(Notice("SubmissionObsolete", str(result.ref), message, ()))
    if result.rollout is not None:
        found += _failures(result.ref, result.rollout)
    if (held := result.held) is not None:
        message = f"{_place(result.ref)}: rollout held: {held.reason}; {held.next_step}"
        found.append(Notice("RolloutHeld", str(result.ref), message, ()))
    return tuple(found)


def _place(ref: TargetRef) -> str:
    return ref.title if ref.is_direct else f"ADOM {ref}"


def of_objects(reports: Iterable[Finding]) -> Iterator[Notice]:
    """What is to be said of Calico's policies, each on the policy itself."""
    for each in reports:
        if isinstance(each, ObjectReport):
            about = About(each.object_kind, each.name, api_version=_CALICO)
            reason = "PolicyNotUnderstood" if each.is_error else "PolicyNoted"
            yield Notice(reason, each.name, each.message, (), (each.cluster, about))


def of_plan(plan: AdomPlan) -> Iterator[Notice]:
    """What waits or clashes in a plan."""
    yield from _holds(_place(plan.ref), plan.held)
    for finding in plan.foreign:
        yield _clash(_place(plan.ref), finding)
    for finding in plan.findings:
        if finding.kind == CLOCK:
            message = f"{_place(plan.ref)}: {finding.message}"
            yield Notice("ClockWrong", finding.name, message, ())


def _failures(ref: TargetRef, report: Report) -> Iterator[Notice]:
    groups = {each.pending.target.device: tuple(each.pending.groups) for each in report.admissions}
    for device, why in sorted(report.failures.items()):
        message = f"{_place(ref)}: device {device}: {why}; see 'fmgsync rollout status'"
        reason = "WriteFailed" if ref.is_direct else "InstallFailed"
        yield Notice(reason, device, message, groups.get(device, ()))


def _holds(place: str, held: Iterable[Hold]) -> Iterator[Notice]:
    by_group: defaultdict[str, list[Hold]] = defaultdict(list)
    for hold in held:
        by_group[hold.name].append(hold)
    for name, holds in sorted(by_group.items()):
        first = min(holds, key=lambda hold: str(hold.device))
        where = f" on {first.device}" if first.device else ""
        more = f"; {len(holds) - 1} more" if len(holds) > 1 else ""
        message = (
            f"{place}: group {name}{where}: {first.message}; waits for"
            f" 'fmgsync approve {first.digest}'{more}"
        )
        yield Notice("GuardHold", name, message, (name,))


def _clash(place: str, finding: Finding) -> Notice:
    message = f"{place}: {finding.name}: {finding.message}"
    return Notice("NameTaken", finding.name, message, (finding.name,))
