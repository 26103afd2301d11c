"""One ADOM on one FortiManager as the passes see it: a target, and its own delivery."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from fmgsync import clock as clocks
from fmgsync.clock import Clock
from fmgsync.model.address import Family
from fmgsync.model.adom import (
    AdomTopology,
    Limits,
    Reading,
    Surroundings,
    Workspace,
)
from fmgsync.model.change import AdomPlan, ApplyReport, ObjectKind, Submission
from fmgsync.model.rollout import SeenTask
from fmgsync.model.state import ObservedAdom
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.targets import taken_over
from fmgsync.targets.fortimanager import (
    adom,
    limits,
    lock_rounds,
    marks,
    object_install,
    packages,
    reads,
    tables,
    tasks,
    topology,
    unit_version,
    verify,
    workflow,
    workspace,
)
from fmgsync.targets.fortimanager.answers import Place
from fmgsync.targets.fortimanager.install import FortiManagerFlow
from fmgsync.targets.fortimanager.lock_rounds import Rounds
from fmgsync.targets.fortimanager.reads import Asked, Read
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.fortimanager.stall_detector import StallDetector
from fmgsync.targets.fortimanager.tables import Query
from fmgsync.targets.fortimanager.writing import Writer, in_order
from fmgsync.targets.hooks import Look, nothing
from fmgsync.targets.in_session import InSession
from fmgsync.targets.protocol import Answer, Around, Delivery, Part, Question, Traits

TRAITS = Traits(
    stages=True, mappings=True, locks=True, approvals=True, previews=True, object_installs=True
)


class FortiManagerAdom(InSession[Session]):
    """Reads, writes and installs in one ADOM.

    Inside `with` all calls share one session; outside, each opens and closes its own. Not to be
    used by two threads at a time. `requests` counts the HTTP requests of all its sessions so far.
    """

    def __init__(
        self,
        ref: TargetRef,
        *,
        owner: str,
        open_session: Callable[[], Session],
        clock: Clock,
        lock_wait_s: float = 60.0,
        frozen_after_s: float = 900.0,
        per_lock: int = lock_rounds.CHARACTERS,
    ) -> None:
        super().__init__(open_session)
        self.ref = ref
        self._owner = owner
        self._clock = clock
        self._lock_wait_s = lock_wait_s
        self._per_lock = per_lock
        self._progress = StallDetector(frozen_after_s)
        self._topology: AdomTopology | None = None
        self._mode: Workspace | None = None
        self._limits: Limits | None = None
        self._around: Surroundings | None = None
        self._serial: str | None = None
        self._names = taken_over.NONE
        self._listed: Mapping[Family, Sequence[str]] = {}
        self._policies: Sequence[Query] = ()
        self._flow: FortiManagerFlow | None = None

    def _end(self) -> None:
        self._topology = self._around = self._mode = self._serial = None
        super()._end()

    def read_serial(self) -> str:
        """The unit's serial number, asked by the first look of each session, since another unit may
        answer by now; units of a cluster take turns, and have none."""
        if self._serial is None:
            with self._session() as session:
                self._around = reads.run(session, self._surroundings(session))
                self._serial = unit_version.read_serial(session)
        return self._serial

    def read_serials(self) -> dict[str, str]:
        """The serial numbers of its FortiGates, and the device that each belongs to."""
        with self._session() as session:
            return topology.read_serials(session, self.ref)

    def read_limits(self) -> Limits:
        """The unit's own limits; asked once, since they change with its firmware only."""
        if self._limits is None:
            with self._session() as session:
                self._limits = limits.read_limits(session, self.ref)
        return self._limits

    def look(self, question: Question) -> Answer:
        """All parts together."""
        with self._session() as session:
            asked = {part: Asked(read) for part, read in self._reads(session, question)}
            along = [Asked(read) for read in self._along(question)]
            reads.run(session, reads.joined([*asked.values(), *along]))
        return Answer(**{part: one.answer for part, one in asked.items()})

    def _along(self, question: Question) -> Iterator[Read[None]]:
        """What the call that may follow in this session has to know first."""
        if self._shared is None:
            return
        if self._flow is not None and self._flow.is_open:
            yield self._flow.reading()
        if question.stamp and self._topology is None and self._mode is None:
            yield self._reading_mode(Place(self._shared.access.name, self.ref.domain))

    def _reading_mode(self, place: Place) -> Read[None]:
        self._mode = yield from topology.reading_workspace(place)

    def _reads(self, session: Session, asked: Question) -> Iterator[tuple[str, Read[Any]]]:
        ref, place = self.ref, Place(session.access.name, self.ref.domain)
        if asked.around is not None:
            yield "around", self._reading_around(session, asked.around)
        if asked.objects is not None:
            yield "objects", self._reading_objects(session, asked.objects)
        if asked.stamp:
            yield "stamp", adom.reading_stamp(ref)
        if asked.remark:
            yield "remarked", adom.reading_remarked(place, asked.remark)
        if asked.copies is not None:
            copies = asked.copies
            yield "copies", verify.reading_databases(place, copies.targets, copies.names)
        if asked.statuses:
            yield "statuses", packages.reading_status(place, ref)
        if asked.marks is not None:
            marked = asked.marks
            yield "marked", marks.reading(session, ref, marked)
        if asked.locks is not None:
            yield "locks", workspace.reading_locks(place, asked.locks)
        if asked.unused is not None:
            yield "unused", object_install.reading_unused(place, self._owner, asked.unused)
        if asked.submission:
            mode, now = self._workspace(session), self._clock.now()
            yield "submission", workflow.reading(session, ref.domain, mode, now=now)

    def _reading_around(self, session: Session, around: Around) -> Read[Surroundings]:
        if around is not Around.DEVICES:
            looked, self._around = self._around, None
            return looked or (yield from self._surroundings(session))
        place = Place(session.access.name, self.ref.domain)
        self._topology, _ = yield from topology.reading(place, self.ref, ())
        return Surroundings(self._topology, (), Limits(), unasked=True)

    def _surroundings(self, session: Session) -> Read[Surroundings]:
        """In one request with what stands while the session lasts, or longer: release, limits; and
        with the policies of the packages that were there the last time."""
        place = Place(session.access.name, self.ref.domain)
        tree = packages.questions(self.ref)
        once = limits.questions(self.ref) if self._limits is None else ()
        unit = session.unasked([*unit_version.QUESTIONS, *once])
        around = Asked(topology.reading(place, self.ref, [*tree, *unit]))
        policies = Asked(tables.reading(self._policies))
        yield from reads.joined([around, policies])
        self._topology, told = around.answer()
        session.learn(unit, told[len(tree) :])
        read, self._policies = yield from packages.reading(
            place, self._topology, told[: len(tree)], policies.answer()
        )
        return Surroundings(self._topology, read, self.read_limits())

    def _reading_objects(
        self, session: Session, wanted: Collection[str] | Part
    ) -> Read[ObservedAdom]:
        if isinstance(wanted, Part):
            addresses = taken_over.keys(wanted.addresses, self._names)
            found = yield from adom.reading_part(
                session, self.ref, self._owner, wanted.groups, addresses
            )
        else:
            found, self._listed = yield from adom.reading(
                session, self.ref, self._owner, wanted, listed=self._listed
            )
            self._names = taken_over.names_in(found, self._owner)
        return taken_over.show(found, self._names)

    def delivery(self) -> Delivery:
        """What was written reaches the devices by an install."""
        return self

    @property
    def traits(self) -> Traits:
        """A FortiManager can do everything there is a word for."""
        return TRAITS

    def write(
        self, plan: AdomPlan, *, last_look: Look = nothing, after_wait: Look = nothing
    ) -> ApplyReport:
        """Write the plan under the lock the ADOM needs; an empty plan costs no request. It delivers
        nothing, so it begins at any time."""
        if not plan.changes:
            return ApplyReport(self.ref)
        before = self.requests
        with self._session() as session:
            mode = self._workspace(session)
            waiting = workflow.awaiting(session, self.ref.domain, mode, now=self._clock.now())
            stands = waiting is not None and waiting.wants in ("", plan.wants)
            if waiting is not None and (stands or not waiting.turned_down):
                return ApplyReport(self.ref, submitted=waiting)
            there = taken_over.written(plan, self._names)
            report = self._write_rounds(session, there, mode, after_wait)
        report = replace(report, requests=self.requests - before)
        return taken_over.reported(report, plan, self._names)

    def _write_rounds(
        self, session: Session, plan: AdomPlan, mode: Workspace, after_wait: Look
    ) -> ApplyReport:
        """Under as many locks, one after the other, as keep others out for seconds only. Whoever is
        to end leaves what comes after the present one."""
        report, absent = ApplyReport(self.ref), set[tuple[ObjectKind, str]]()
        splits = mode is Workspace.NORMAL
        rounds = Rounds(tuple(in_order(plan.changes)), size=self._per_lock if splits else None)
        while rounds:
            part = replace(plan, changes=rounds.take())
            with (
                lock_rounds.telling(report.written, of=len(plan.changes)),
                workflow.editing(
                    session,
                    self.ref.domain,
                    mode,
                    clock=self._clock,
                    wait_s=self._lock_wait_s,
                    after_wait=after_wait,
                    owner=self._owner,
                    note=workflow.note_of(self._owner, len(part.changes), plan.wants),
                ) as edit,
            ):
                is_over = lock_rounds.watch(self._clock) if splits else lock_rounds.never
                writer = Writer(session, part, self._owner, clock=self._clock, absent=absent)
                outcome = writer.write(is_over=is_over)
                number = edit.commit()
            report = report.beside(
                written=outcome.written,
                refused=outcome.refused,
                submitted=None if number is None else Submission(number),
            )
            absent |= outcome.absent
            rounds.put_back(outcome.left, sent=len(part.changes) - len(outcome.left))
            if rounds:
                clocks.rest(self._clock, lock_rounds.BREATH_S, until=session.hooks.gives_up)
                if session.hooks.gives_up():
                    break
        return replace(report, left=rounds.left)

    def ask(
        self, targets: Iterable[DeviceVdom], group_names: Iterable[str]
    ) -> Mapping[DeviceVdom, Reading]:
        """Members by group as each FortiGate itself answers."""
        with self._session() as session:
            return verify.read_devices(session, self.ref.domain, targets, group_names)

    def find_installs(self, after: int) -> tuple[SeenTask, ...]:
        """Installs in this ADOM that were started after task `after`, whoever started them."""
        with self._session() as session:
            place = Place(session.access.name, self.ref.domain)
            oid = topology.read_oid(session, place)
            found = tasks.read_installs(session, place, adom=oid, after=after)
            now, user = self._clock.steady(), session.access.username
        return tuple(
            SeenTask(
                task.task_id,
                task.title,
                task.user,
                ours=user is None or task.user == user,
                over=task.finished or self._progress.stands_still(task, now),
                devices=frozenset(name for line in task.lines for name in line.devices),
                failed={
                    name: line.because
                    for line in task.lines
                    if line.failed
                    for name in line.devices
                },
            )
            for task in found
        )

    def own_installs(self) -> Mapping[int, bool]:
        """Our administrator's installs in this ADOM, as far back as tasks are kept: whether each
        has ended."""
        with self._session() as session:
            place = Place(session.access.name, self.ref.domain)
            oid = topology.read_oid(session, place)
            return tasks.own_installs(session, place, adom=oid)

    def refuses_objects(self) -> str | None:
        """Why objects alone cannot be installed here; None if they can."""
        with self._session() as session:
            return object_install.refusal(session)

    def open_install_flow(self) -> FortiManagerFlow:
        """An install flow, in the session that is open if one is; entering it takes the lock, or
        raises."""
        self._flow = FortiManagerFlow(
            self.ref,
            owner=self._owner,
            session=self._own_session() if self._shared is None else nullcontext(self._shared),
            clock=self._clock,
            progress=self._progress,
            mode=self._topology.workspace if self._topology else None,
            names=lambda: self._names,
        )
        return self._flow

    def _workspace(self, session: Session) -> Workspace:
        """How the ADOM wants its changes made, as it was read while this session lasts."""
        if self._topology is not None:
            return self._topology.workspace
        return self._mode or topology.read_workspace(session, self.ref.domain)

    @contextmanager
    def _own_session(self) -> Iterator[Session]:
        """A session nobody else uses, counted like the others."""
        session = self._open_session()
        try:
            with session:
                yield session
        finally:
            self._requests_before += session.requests
