"""One VDOM of one FortiGate as the passes see it: a target whose write is its delivery."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model.adom import (
    AdomTopology,
    Device,
    Limits,
    Package,
    Reading,
    Surroundings,
    Workspace,
)
from fmgsync.model.change import AdomPlan, ApplyReport, Change
from fmgsync.model.state import ObjectKey, ObservedAdom
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.targets import taken_over
from fmgsync.targets.fortigate import (
    managed,
    policies,
    reading,
    steps,
    tables,
    transactions,
    urls,
)
from fmgsync.targets.fortigate.reading import Tables
from fmgsync.targets.fortigate.session import Session
from fmgsync.targets.fortigate.unit import Unit
from fmgsync.targets.fortigate.urls import Table
from fmgsync.targets.fortigate.writing import Outcome, Writer
from fmgsync.targets.hooks import Look, nothing
from fmgsync.targets.in_session import InSession
from fmgsync.targets.protocol import Answer, Around, Delivery, Part, Question, Traits

Seen = TypeVar("Seen")
TRAITS: Final = Traits(stages=False, mappings=False)
POLICIES_COUNT_S: Final = 600.0
"""So long policies count as they were read, as long as nothing is taken away because of them."""
READ_BACK_COUNTS_S: Final = 2.0
"""So long what was read right after a write is what the unit answers: it is not asked twice."""
IN_USE_COUNTS_S: Final = 600.0
"""So long an object that could not be deleted is not tried again."""


class FortiGateVdom(InSession[Session]):
    """Reads and writes one VDOM.

    Inside `with` all calls share one session; outside, each has its own. Not to be used by two
    threads at a time. `requests` counts the HTTP requests so far.
    """

    def __init__(
        self,
        ref: TargetRef,
        unit: Unit,
        *,
        owner: str,
        open_session: Callable[[], Session],
        clock: Clock,
    ) -> None:
        self.ref = ref
        self._unit = unit
        super().__init__(open_session)
        self._owner = owner
        self._clock = clock
        self._place = DeviceVdom(ref.unit, ref.domain)
        self._tables: Tables | None = None
        self._just_read = False
        self._wrote = False
        self._was_locked = False
        self._read_back_at: float | None = None
        self._seen_serial = ""
        self._package: tuple[float, Package] | None = None
        self._in_use: dict[ObjectKey, float] = {}
        self._names = taken_over.NONE

    @property
    def traits(self) -> Traits:
        """A FortiGate has its own copy of every object, live as soon as it is written."""
        return TRAITS

    def read_serial(self) -> str:
        """Empty: every answer tells it, and it is held against what is remembered there."""
        return ""

    def look(self, question: Question) -> Answer:
        """One after the other, in the order of a plan's making. The revisions of four tables cost
        what reading them does, so there is no stamp; and asking for a part would cost as much as
        the whole."""
        found: dict[str, Any] = {"stamp": None}
        if question.around is not None:
            found["around"] = self._look_around(question.around)
        if question.objects is not None:
            found["objects"] = self._look_at(question.objects)
        if question.remark:
            assert self._tables is not None  # noqa: S101
            found["remarked"] = reading.remarked(self._tables, question.remark)
        return Answer(**{part: partial(_as_seen, what) for part, what in found.items()})

    def _look_around(self, around: Around) -> Surroundings:
        """The unit and its policies as far as they may be seen; but for the devices alone, and for
        the uses, the tables are read on the way."""
        with self._session() as session:
            if around is Around.DEVICES and not session.serial:
                tables.revision(session, Table.GROUP, self.ref.domain)
            if around in (Around.GLANCE, Around.ALL):
                session.look_anew()
                self._read(session)
            if around in (Around.USES, Around.ALL):
                self._require_free(session, again=False)
                packages: tuple[Package, ...] = (self._policies(session),)
            else:
                known = self._known_policies if self._is_free(session) else None
                packages = () if known is None else (known,)
            if around in (Around.GLANCE, Around.ALL):
                self._just_read, self._wrote, self._read_back_at = True, False, None
            return Surroundings(self._topology(session), packages, Limits(), unasked=not packages)

    def _look_at(self, wanted: Collection[str] | Part) -> ObservedAdom:
        """What was read on the way, or as it is now."""
        if not self._just_read:
            with self._session() as session:
                self._read(session)
                # What is read after a write, with nothing in between, is the unit's own word.
                self._read_back_at = self._clock.steady() if self._wrote else None
        self._just_read = self._wrote = False
        if not isinstance(wanted, Part):
            return self._observed(wanted)
        seen = self._observed(name for _, name in wanted.groups)
        assert self._tables is not None  # noqa: S101
        asked = taken_over.keys(wanted.addresses, self._names)
        more = reading.named(self._tables, asked, self._owner)
        others = {key: one for key, one in more.items() if key not in self._names.shown}
        return replace(seen, addresses={**others, **seen.addresses})

    def write(
        self, plan: AdomPlan, *, last_look: Look = nothing, after_wait: Look = nothing
    ) -> ApplyReport:
        """Write the plan if the unit is still as it was read; an empty plan costs no request. There
        are no locks to wait for."""
        if not plan.changes:
            return ApplyReport(self.ref)
        self._just_read, self._wrote, self._read_back_at = False, True, None
        before = self.requests
        with self._session() as session:
            if self._was_locked:
                transactions.refuse_open(session, self.ref.domain)
            found = self._unchanged(session, plan)
            self._require_free(session, again=True)
            there = taken_over.written(plan, self._names)
            session.last_look = last_look
            try:
                outcome = self._writer(session, there, found).write()
            except errors.LockHeld as error:
                self._was_locked = True
                raise transactions.whose(session, self.ref.domain, error) from error
        self._was_locked = False
        self._note_in_use(outcome)
        report = ApplyReport(
            self.ref,
            written=tuple(outcome.written),
            refused=tuple(outcome.refused),
            requests=self.requests - before,
        )
        return taken_over.reported(report, plan, self._names)

    def ask(
        self, targets: Iterable[DeviceVdom], group_names: Iterable[str]
    ) -> Mapping[DeviceVdom, Reading]:
        """Members by group as the FortiGate answers now."""
        wanted, names = sorted(set(targets)), tuple(group_names)
        found: dict[DeviceVdom, Reading] = {}
        back, self._read_back_at = self._read_back_at, None
        is_answer = back is not None and self._clock.steady() - back < READ_BACK_COUNTS_S
        for target in wanted:
            if target != self._place:
                found[target] = Reading(None, f"{target} is not behind {self.ref}")
                continue
            if is_answer and self._tables is not None and self._shared is not None:
                found[target] = reading.reading(self._tables, names)
                continue
            try:
                with self._session() as session:
                    found[target] = reading.reading(
                        reading.read_tables(session, self.ref.domain), names
                    )
            except errors.TargetError as error:
                found[target] = Reading(None, error.message)
        return found

    def delivery(self) -> Delivery | None:
        """None: what is written is live."""
        return None

    # --- reading --------------------------------------------------------------------------------

    def _read(self, session: Session) -> Tables:
        """The tables as they are; what has the same revision as before is not read again."""
        self._tables = reading.read_tables(session, self.ref.domain, self._unit.known)
        self._seen_serial = session.serial
        self._unit.identities.claim(session.serial, self.ref.unit)
        self._unit.recognise(session, self.ref.domain)
        return self._tables

    def _observed(self, group_names: Iterable[str]) -> ObservedAdom:
        assert self._tables is not None  # noqa: S101
        seen = reading.observed(self._tables, self.ref, self._owner, group_names)
        now = self._clock.steady()
        used = {key for key, at in self._in_use.items() if now - at < IN_USE_COUNTS_S}
        self._names = taken_over.names_in(seen, self._owner)
        return taken_over.show(replace(seen, used=frozenset(used), stamp=None), self._names)

    def _topology(self, session: Session) -> AdomTopology:
        release = session.release or (0, 0, 0)
        unit, vdom = self._place.device, self._place.vdom
        device = Device(
            unit,
            (vdom,),
            online=True,
            in_sync=True,
            database_modified=False,
            kept_by=self._unit.kept_by,
        )
        return AdomTopology(self.ref, release[:2], Workspace.DISABLED, {unit: device}, {})

    @property
    def _known_policies(self) -> Package | None:
        """As they were read, while that counts."""
        read_at, known = self._package or (0.0, None)
        return known if self._clock.steady() - read_at < POLICIES_COUNT_S else None

    def _policies(self, session: Session) -> Package:
        known = self._known_policies
        if known is None:
            known = policies.read_package(session, self._place)
            self._package = self._clock.steady(), known
        return known

    def _is_free(self, session: Session) -> bool:
        """Whether it is known, or vouched for, that no FortiManager manages the unit."""
        return not self._unit.asks_management or session.serial in self._unit.free_serials

    def _require_free(self, session: Session, *, again: bool) -> None:
        """Refuse a unit that a FortiManager manages; before each write it is asked `again`."""
        if not self._unit.asks_management:
            return
        if again or not self._is_free(session):
            self._unit.kept_by = managed.refuse(session, self.ref.domain)
            self._unit.free_serials.add(session.serial)

    # --- writing --------------------------------------------------------------------------------

    def _unchanged(self, session: Session, plan: AdomPlan) -> Tables:
        """The tables as they were read, if nobody has written since; raises if somebody has."""
        found, touched = self._tables, _tables_of(plan)
        if found is None:
            found = self._read(session)
        moved = [
            table
            for table, now in zip(touched, self._revisions(session, touched), strict=True)
            if now != found.revisions[table]
        ]
        if self._seen_serial and session.serial != self._seen_serial:
            raise errors.OtherUnit(
                f"{self._seen_serial} was read, {session.serial} answers now: a failover, or"
                " another unit; nothing was written, and everything is read again",
                fortigate=self.ref.unit,
                vdom=self.ref.domain,
            )
        moved = [table for table in moved if self._differs(session, table, found)]
        if moved or (self._takes_away(plan) and self._policies_moved(session)):
            what = ", ".join(moved) or "a policy"
            raise errors.ChangedMeanwhile(
                f"{what} was changed since it was read; nothing was written",
                fortigate=self.ref.unit,
                vdom=self.ref.domain,
                next_step="it is read again, and the plan is made anew",
            )
        return found

    def _revisions(self, session: Session, touched: list[Table]) -> list[str]:
        vdom = self.ref.domain
        return session.each(lambda table: tables.revision(session, table, vdom), touched)

    def _differs(self, session: Session, table: Table, found: Tables) -> bool:
        """Whether the rows differ; a release that tells no revision is read once more."""
        if found.revisions[table]:
            return True
        now = reading.read_tables(session, self.ref.domain).rows[table]
        return now.rows != found.rows[table].rows

    def _takes_away(self, plan: AdomPlan) -> bool:
        return any(change.removed or change.action == "delete" for change in plan.changes)

    def _policies_moved(self, session: Session) -> bool:
        """Whether policies say something else than when the plan was made. What no key may see
        has not been counted on either."""
        if self._package is None:
            return False
        before = self._package[1]
        if before.unread and not before.policies:
            return False
        now = policies.read_package(session, self._place)
        self._package = self._clock.steady(), now
        return now != before

    def _writer(self, session: Session, plan: AdomPlan, found: Tables) -> Writer:
        scene = steps.scene(
            self.ref.domain,
            self._owner,
            {table: found.rows[table].rows for table in urls.GROUPS.values()},
            may_be_empty=found.may_be_empty,
            member_limit=self._unit.member_limit,
        )
        return Writer(session, plan, scene, self._unit.ability)

    def _note_in_use(self, outcome: Outcome) -> None:
        self._in_use.update(dict.fromkeys(outcome.in_use, self._clock.steady()))


def _as_seen(what: Seen) -> Seen:
    return what


def _tables_of(plan: AdomPlan) -> list[Table]:
    """The tables that a plan writes."""
    return sorted({_table(change) for change in plan.changes})


def _table(change: Change) -> Table:
    return urls.table_of(change.kind)
