"""Writing a plan to one VDOM: stage after stage, refusals sorted out, what is unsure looked at.

What concerns everything (rights, the key, another unit) is raised; what one object is refused for
concerns that object: the others go on, and removals always do.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from fmgsync import errors
from fmgsync.model import naming
from fmgsync.model.change import Action, AdomPlan, Change
from fmgsync.model.state import ObjectKey
from fmgsync.targets import wire
from fmgsync.targets.fortigate import answers, bodies, steps, transactions, urls
from fmgsync.targets.fortigate.answers import Answer
from fmgsync.targets.fortigate.session import Session
from fmgsync.targets.fortigate.steps import MEMBERSHIP, Scene, Stage, Write
from fmgsync.targets.fortigate.transactions import Ability
from fmgsync.targets.fortigate.urls import Table
from fmgsync.targets.wire import Row

_PATIENCE = 3
_LOST = 3
"""Where so many objects were lost on the way, the way is the reason, and not the object."""
_CREATES = frozenset({Stage.CREATE_ADDRESS, Stage.CREATE_SHARD, Stage.CREATE_GROUP})
_CONCERNS_ALL = (
    errors.PermissionDenied,
    errors.LoginRefused,
    errors.UnitBusy,
    errors.LockHeld,
)
_DUPLICATE_STATUS = 424

_log = structlog.get_logger()


@dataclass(slots=True)
class Outcome:
    """What was written and what the unit refused, with its words; `in_use` is what it keeps
    because something refers to it."""

    written: list[Change] = field(default_factory=list)
    refused: list[tuple[Change, str]] = field(default_factory=list)
    in_use: set[ObjectKey] = field(default_factory=set)


class Writer:
    """Writes one plan through one session."""

    def __init__(self, session: Session, plan: AdomPlan, scene: Scene, ability: Ability) -> None:
        self._session = session
        self._plan = plan
        self._scene = scene
        self._ability = ability
        self._lock = threading.Lock()
        self._refused: dict[Change, str] = {}
        self._kept: set[Change] = set()
        self._emptied: dict[Change, Change] = {}
        self._absent: set[ObjectKey] = set()
        self._full: dict[Table, str] = {}
        self._lost: dict[str, list[str]] = {}

    def write(self) -> Outcome:
        """All changes. Raises what concerns every one of them."""
        self._session.hooks.writing(self._plan)
        writes = [one for change in self._plan.changes for one in self._of(change)]
        try:
            for stage in Stage:
                now = [one for one in writes if one.stage is stage]
                if stage is Stage.ADD:
                    together = [one for one in writes if one.stage in MEMBERSHIP]
                    if self._at_once(together):
                        writes = [one for one in writes if one.stage not in MEMBERSHIP]
                        continue
                self._session.each(self._one, now)
        finally:
            outcome = self._outcome()
            if outcome.refused:
                self._session.hooks.refused(outcome.refused)
        return outcome

    def _of(self, change: Change) -> Iterable[Write]:
        return steps.writes_of(change, self._scene)

    def _outcome(self) -> Outcome:
        out = Outcome(refused=list(self._refused.items()))
        for change in self._plan.changes:
            if change in self._kept:
                out.in_use.add((change.kind.family, change.name))
                out.written += [self._emptied[change]] if change in self._emptied else []
            elif change not in self._refused:
                out.written.append(change)
        return out

    # --- membership at once ---------------------------------------------------------------------

    def _at_once(self, writes: Sequence[Write]) -> bool:
        """Whether all that comes to and goes from groups has been carried out together."""
        ready = [fit for write in writes if (fit := self._fit(write)) is not None]
        if not transactions.fits(self._session, self._ability, ready):
            return False
        for write in ready:
            self._as_read(write)
        expected = {
            (urls.table_of(one.change.kind).value, one.change.name): self._expected(one.change)
            for one in ready
        }
        vdom = self._scene.vdom
        return transactions.carry_out(self._session, self._ability, vdom, ready, expected)

    def _expected(self, change: Change) -> frozenset[str]:
        wanted = steps.content(change.members, self._scene)
        return frozenset(self._there(change, wanted))

    # --- one request ----------------------------------------------------------------------------

    def _one(self, write: Write) -> None:
        fit = self._fit(write)
        if fit is None:
            return
        if len(lost := self._lost.get(fit.method, [])) >= _LOST:
            self._refuse(fit.change, f"not sent, since others were {lost[0]}")
            return
        self._as_read(fit)
        for attempt in range(_PATIENCE):
            try:
                answer = self._session.write(fit.method, fit.url, fit.body)
            except errors.OutcomeUnknown as error:
                if self._is_done(fit):
                    return
                if attempt == _PATIENCE - 1:
                    self._give_up(fit, f"sent {_PATIENCE} times: {error.message}")
            else:
                self._settle(fit, answer)
                return

    def _give_up(self, write: Write, why: str) -> None:
        """The unit shows that nothing came of it, so the outcome is known. Where others fare alike,
        no more of the kind is tried."""
        why = f"not carried out, {why}"
        with self._lock:
            self._lost.setdefault(write.method, []).append(why)
        self._refuse(write.change, why)

    def _fit(self, write: Write) -> Write | None:
        """The request without members that could not be created; None if nothing is left of it.

        One bad address must not keep all others, and all removals, from a group.
        """
        change, table = write.change, urls.table_of(write.change.kind)
        if write.stage in _CREATES and table in self._full:
            self._refuse(change, self._full[table])
            return None
        if write.body is None or not self._absent or change.kind in bodies.ADDRESS_KINDS:
            return write
        if (change.kind.family, change.name) in self._absent:
            self._refuse(change, "its group was refused")
            return None
        if write.method == "POST" and write.stage is Stage.ADD:
            return write if self._there(change, write.members) else None
        if "member" not in write.body:
            return write
        wanted = wire.names(write.body["member"])
        left = self._there(change, wanted)
        if wanted and not left and not self._scene.may_be_empty:
            self._refuse(change, "all its members were refused")
            return None
        return dataclasses.replace(write, body={**write.body, "member": bodies.members(left)})

    def _there(self, change: Change, names: Iterable[str]) -> tuple[str, ...]:
        family = change.kind.family
        return tuple(name for name in names if (family, name) not in self._absent)

    def _as_read(self, write: Write) -> None:
        """A whole list is written only over the list that was read: somebody may have added to it
        a second ago."""
        if write.method != "PUT" or write.stage not in MEMBERSHIP:
            return
        change = write.change
        before = self._scene.standing.get((urls.table_of(change.kind), change.name), ())
        row = self._row(change)
        if row is None or set(wire.names(row.get("member"))) != set(before):
            raise errors.ChangedMeanwhile(
                f"group {change.name} was changed since it was read",
                fortigate=self._session.access.name,
                vdom=self._scene.vdom,
                object_name=change.name,
                next_step="it is read again, and the plan is made anew",
            )

    def _settle(self, write: Write, answer: Answer) -> None:
        """Sort the answer: done, kept, refused, or something that concerns everything."""
        change = write.change
        if answer.ok or self._is_gone(write, answer):
            return
        error = self._session.error_for(answer, write.url)
        if isinstance(error, _CONCERNS_ALL):
            raise error
        if answer.is_html:  # a unit that boots shows pages for everything, and is waited for
            if not self._is_done(write):
                self._give_up(write, f"{error.message} ({error.next_step})")
            return
        if self._is_there(write, answer):
            return
        if answer.error == answers.IN_USE and write.method == "DELETE":
            self._keep(write)
            return
        why = f"{error.message} ({error.next_step})" if error.next_step else error.message
        if answer.error in answers.FULL:
            self._full[urls.table_of(change.kind)] = why
        self._refuse(change, why)

    def _is_gone(self, write: Write, answer: Answer) -> bool:
        """What is to be deleted is not there: the group, the address or the member."""
        missing = answer.http_status == answers.ABSENT_STATUS or answer.error == -3
        return write.method == "DELETE" and missing and not answer.is_html

    def _is_there(self, write: Write, answer: Answer) -> bool:
        """ "Exists already" is fine if what exists is what we wanted."""
        exists = answer.error in answers.EXISTS or answer.http_status == _DUPLICATE_STATUS
        return write.method == "POST" and exists and self._is_done(write)

    def _keep(self, write: Write) -> None:
        """Something refers to it. A group that has to stay stays empty."""
        change = write.change
        with self._lock:
            self._kept.add(change)
        if change.kind in bodies.ADDRESS_KINDS:
            return
        held = () if self._scene.may_be_empty else (naming.NONE,)
        if not self._scene.may_be_empty:
            held = (self._nothing(change),)
        body = {"member": bodies.members(held)}
        answer = self._session.write("PUT", write.url, body)
        if not answer.ok:
            self._kept.discard(change)
            self._refuse(change, self._session.error_for(answer, write.url).message)
            return
        because = "no rule of this name any more, but something uses it: emptied and kept"
        self._emptied[change] = dataclasses.replace(
            change, action=Action.UPDATE, members=held, because=because
        )

    def _nothing(self, change: Change) -> str:
        """The address that matches nothing, as the plan uses it."""
        own = naming.none_name(self._scene.owner)
        used = any(own in one for one in self._scene.standing.values())
        return own if used else naming.NONE

    def _refuse(self, change: Change, why: str) -> None:
        with self._lock:
            self._refused[change] = why
            if change.action is Action.CREATE:
                self._absent.add((change.kind.family, change.name))
        _log.warning("change refused", object=change.name, kind=change.kind.value, why=why)

    # --- looking --------------------------------------------------------------------------------

    def _row(self, change: Change) -> Row | None:
        url = urls.item(urls.table_of(change.kind), self._scene.vdom, change.name)
        answer = self._session.ask(url)
        if answer.http_status == answers.ABSENT_STATUS:
            return None
        found = self._session.checked(answer, url).results
        rows = found if isinstance(found, list) else [found]
        named = [row for row in rows if isinstance(row, dict) and row.get("name") == change.name]
        return named[0] if named else None

    def _is_done(self, write: Write) -> bool:
        """Whether the unit shows what the request asks for."""
        change, row = write.change, self._row(write.change)
        if write.stage in (Stage.DELETE_GROUP, Stage.DELETE_SHARD, Stage.DELETE_ADDRESS):
            return row is None
        if row is None:
            return write.stage is Stage.REMOVE
        if write.stage is Stage.SET_BACK and change.resets:
            return not any(name in change.resets for name, _ in wire.altered(row, change.kind))
        comment = wire.text(row.get("comment"))
        if change.instead_of is not None:
            return comment == change.comment
        if not naming.is_marked(comment, self._scene.owner, change.name):
            return False
        if change.kind in bodies.ADDRESS_KINDS:
            return wire.address_value(row, change.kind.family) == change.value
        there = set(wire.names(row.get("member")))
        if write.method == "POST" and write.stage is Stage.ADD:
            return there.issuperset(write.members)
        if write.method == "DELETE":
            return there.isdisjoint(write.members)
        body = write.body or {}
        return there == set(wire.names(body.get("member")))
