"""Writing a plan into an ADOM's object database: in order, in batches, every answer checked.

Each change is one param, so each has its own status. Mappings are written through their own urls:
a parent sent with `dynamic_mapping` loses every mapping not in the list ("How to FortiManager API",
001; networktocode/fortimanager-ansible). `force` is never sent.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model import naming
from fmgsync.model.change import Action, AdomPlan, Change, ObjectKind
from fmgsync.targets import wire
from fmgsync.targets.fortimanager import answers, attributes, urls, write_check
from fmgsync.targets.fortimanager.answers import Place, Result
from fmgsync.targets.fortimanager.session import Param, Session

_log = structlog.get_logger()

PARAMS_PER_REQUEST = 1000
CHARACTERS_PER_REQUEST = 750_000
"""Nobody publishes how large a request may be; this keeps one under a megabyte, and one that was
not carried out at all is sent again in halves."""
_PARAM = 200
"""Characters of a change besides its members' names, at most about so many."""
_QUICK_S = 0.5
"""A unit that has answered a full request so soon may be sent twice as many changes the next time:
each request costs a wait, and a slow unit must not be given more than it does in time."""

_PATIENCE = 2
_PAUSE_S = 0.5
_REMAP = "re-map"
_MAPPINGS = (ObjectKind.MAPPING, ObjectKind.MAPPING6)
_GROUPS = (ObjectKind.GROUP, ObjectKind.GROUP6)
_ADDRESSES = (ObjectKind.ADDRESS, ObjectKind.ADDRESS6)


@dataclass(slots=True)
class Outcome:
    """What became of the changes so far."""

    written: list[Change] = field(default_factory=list)
    refused: list[tuple[Change, str]] = field(default_factory=list)
    absent: set[tuple[ObjectKind, str]] = field(default_factory=set)
    left: list[Change] = field(default_factory=list)

    def refuse(self, change: Change, why: str) -> None:
        """Note a refusal; what could not be created cannot be a member later."""
        self.refused.append((change, why))
        if change.action is Action.CREATE and change.kind not in _MAPPINGS:
            self.absent.add((change.kind, change.name))
        _log.warning("change refused", object=change.name, kind=change.kind.value, why=why)


class Writer:
    """Writes one plan through one session, which holds the lock if the ADOM needs one."""

    def __init__(
        self,
        session: Session,
        plan: AdomPlan,
        owner: str,
        *,
        clock: Clock,
        batch: int = PARAMS_PER_REQUEST,
        absent: Collection[tuple[ObjectKind, str]] = (),
    ) -> None:
        self._session = session
        self._adom = plan.ref.domain
        self._plan = plan
        self._changes = plan.changes
        self._owner = owner
        self._clock = clock
        self._batch = batch
        self._may_grow = True
        self._place = Place(session.access.name, plan.ref.domain)
        self.outcome = Outcome(absent=set(absent))

    def write(self, *, is_over: Callable[[], bool] = lambda: False) -> Outcome:
        """All changes in order. Raises what concerns every change: rights, lock, connection.

        Once it `is_over` nothing more is sent, and `left`; the first request always is. `absent`
        is what could not be created before.
        """
        found = write_check.existing(self._session, self._place, self._touched())
        ours = [change for change in self._changes if self._may_touch(change, found)]
        self._session.hooks.writing(self._plan)
        self._clear_mappings_of_addresses(ours, found)
        for at, batch in enumerate(self._batches(ours)):
            if self.outcome.left or (at and is_over()):
                self.outcome.left.extend(batch)
                continue
            ready = [fit for change in batch if (fit := self._without_absent(change)) is not None]
            self._write_batch(ready)
        if self.outcome.refused:
            self._session.hooks.refused(self.outcome.refused)
        return self.outcome

    def _touched(self) -> Iterable[tuple[ObjectKind, str]]:
        """Existing objects that the plan writes to or deletes, each once."""
        return dict.fromkeys(
            (change.kind.table, change.name)
            for change in self._changes
            if change.action is not Action.CREATE or change.kind in _MAPPINGS
        )

    def _may_touch(self, change: Change, found: write_check.Existing) -> bool:
        """Look at the mark once more just before writing: a human may have been faster.

        A group that the plan itself creates is not there yet, and ours when it is.
        """
        row = found.get((change.kind.table, change.name))
        if row is None or write_check.is_ours(row, change, self._owner):
            return True
        self.outcome.refuse(change, "it has lost our owner mark and is foreign now")
        return False

    def _clear_mappings_of_addresses(
        self, changes: Sequence[Change], found: write_check.Existing
    ) -> None:
        """Own addresses have one value everywhere: per-device values somebody added go."""
        params = [
            {"url": urls.mapping(_table(self._adom, change), change.name, target)}
            for change in changes
            if change.kind in _ADDRESSES
            and change.action is Action.UPDATE
            and change.instead_of is None
            for row in (found.get((change.kind, change.name), {}).get(wire.MAPPINGS) or [])
            for target in wire.scopes(row)
        ]
        for start in range(0, len(params), self._batch):
            for result in self._session.call("delete", params[start : start + self._batch]):
                if result.code != answers.ABSENT:
                    answers.checked(result, self._place)

    def _batches(self, changes: Sequence[Change]) -> Iterator[list[Change]]:
        """As many as one request takes, which carries one method only and changes of one step."""
        for _, same in itertools.groupby(
            in_order(changes), key=lambda change: (_step(change), _method(change))
        ):
            yield from _cut(same, lambda: self._batch)

    def _without_absent(self, change: Change) -> Change | None:
        """The change without members that could not be created; None if then nothing is left.

        One bad address must not keep all others, and all removals, from a group.
        """
        if change.action is Action.DELETE or change.resets or not self.outcome.absent:
            return change
        missing = {name for kind, name in self.outcome.absent if kind.family is change.kind.family}
        if change.kind in _MAPPINGS and (change.kind.table, change.name) in self.outcome.absent:
            self.outcome.refuse(change, "its group was refused")
            return None
        left = tuple(name for name in change.members if name not in missing)
        if len(left) == len(change.members):
            return change
        if not left:
            self.outcome.refuse(change, "all its members were refused")
            return None
        unwritten = {naming.address_name(self._owner, one): one for one in change.added}
        added = tuple(one for name, one in unwritten.items() if name not in missing)
        return dataclasses.replace(change, members=left, added=added)

    def _write_batch(self, batch: Sequence[Change]) -> None:
        """Send until every change is settled; after an unsure outcome look first, then go on.

        Whether a release goes on after a param it refuses is documented nowhere. If it stops
        there, or answers half a list, each round still settles something; if not even that, half
        as many are sent from then on: the request may have been too large, or one change takes the
        others with it.
        """
        waiting, stalled = list(batch), 0
        while waiting:
            sent, began = waiting[: self._batch], self._clock.steady()
            try:
                results = self._session.call(
                    _method(sent[0]), [self._param(change) for change in sent]
                )
            except errors.OutcomeUnknown:
                if stalled == _PATIENCE:
                    raise
                left = self._not_done(sent)
                if len(left) == len(sent) > 1:
                    self._batch, stalled, self._may_grow = len(sent) // 2, -1, False
            else:
                left = self._settle(sent, results, last=stalled == _PATIENCE)
                was_quick = self._clock.steady() - began < _QUICK_S
                if self._may_grow and was_quick and len(sent) == self._batch:
                    self._batch *= 2
            stalled = 0 if len(left) < len(sent) else stalled + 1
            waiting[: len(sent)] = left
            if left:
                self._clock.sleep(_PAUSE_S)

    def _not_done(self, changes: Sequence[Change]) -> list[Change]:
        """Which of these the unit does not show; the others count as written."""
        done = write_check.carried_out(self._session, self._place, changes, self._owner)
        self.outcome.written.extend(change for change in changes if change in done)
        return [change for change in changes if change not in done]

    def _settle(
        self, changes: Sequence[Change], results: Sequence[Result], *, last: bool
    ) -> list[Change]:
        """Sort answers into written and refused; the changes worth sending again come back."""
        self._raise_if_all_denied(results)
        again: list[Change] = []
        unsure: list[tuple[Change, Result]] = []
        for change, result in zip(changes, results, strict=True):
            if result.ok or (change.action is Action.DELETE and result.code == answers.ABSENT):
                self.outcome.written.append(change)
            elif result.code == answers.EXISTS:
                unsure.append((change, result))
            elif isinstance(answers.error_for(result, self._place), errors.UnitBusy) and not last:
                again.append(change)
            else:
                self.outcome.refuse(change, _words(result))
        if unsure:
            self._settle_existing(unsure)
        return again

    def _settle_existing(self, clashes: Sequence[tuple[Change, Result]]) -> None:
        """ "Exists already" is fine if what exists is what we wanted to create."""
        done = write_check.carried_out(
            self._session, self._place, [change for change, _ in clashes], self._owner
        )
        for change, result in clashes:
            if change in done:
                self.outcome.written.append(change)
            else:
                self.outcome.refuse(change, _words(result))

    def _raise_if_all_denied(self, results: Sequence[Result]) -> None:
        """Rights and locks concern every change: going on would refuse each one singly."""
        for result in results:
            if result.code in answers.CONTENTION or result.code == answers.NO_WRITE_PERMISSION:
                raise answers.error_for(result, self._place)
        if all(result.code == answers.STALE_OR_DENIED for result in results):
            raise answers.error_for(results[0], self._place)

    def _param(self, change: Change) -> Param:
        table = _table(self._adom, change)
        if change.kind in _MAPPINGS:
            if change.device is None:
                raise ValueError(f"{change.name}: a mapping without a device")
            if change.action is Action.CREATE:
                return {
                    "url": urls.mappings(table, change.name),
                    "data": attributes.new_mapping(change),
                }
            url = urls.mapping(table, change.name, change.device)
        elif change.action is Action.CREATE:
            return {"url": table, "data": attributes.new_object(change, self._owner)}
        else:
            url = urls.item(table, change.name)
        if change.action is Action.DELETE:
            return {"url": url}
        return {"url": url, "data": attributes.content(change)}


def in_order(changes: Iterable[Change]) -> Iterator[Change]:
    """As they are sent: the order of steps stays.

    Updates and new mappings do not depend on each other, so among these additions go first: a group
    whose own value goes has its members on each device before.
    """
    for step, run in itertools.groupby(changes, key=_step):
        neighbours = list(run)
        if step == _REMAP:
            neighbours.sort(key=_method)
        yield from neighbours


def _table(adom: str, change: Change) -> str:
    if change.kind in _ADDRESSES:
        return urls.addresses(adom, change.kind.family)
    return urls.groups(adom, change.kind.family)


def _step(change: Change) -> str:
    """Which neighbours may be reordered among themselves."""
    if change.action is Action.UPDATE:
        return _REMAP
    if change.action is Action.CREATE and change.kind in _MAPPINGS:
        return _REMAP
    return change.action.value


def _cut(changes: Iterable[Change], size: Callable[[], int]) -> Iterator[list[Change]]:
    """`size` may become another one with each that was sent."""
    batch: list[Change] = []
    characters = 0
    for change in changes:
        more = _PARAM + sum(map(len, change.members))
        if batch and (len(batch) >= size() or characters + more > CHARACTERS_PER_REQUEST):
            yield batch
            batch, characters = [], 0
        batch.append(change)
        characters += more
    if batch:
        yield batch


def _method(change: Change) -> str:
    return {Action.CREATE: "add", Action.UPDATE: "set", Action.DELETE: "delete"}[change.action]


def _words(result: Result) -> str:
    return f"{result.code} {result.message}"
