"""What is remembered, in the words of its readers: approvals and the guard's account."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial

from fmgsync import errors
from fmgsync.model import instants
from fmgsync.model.change import Hold
from fmgsync.model.memory import Approval, History
from fmgsync.model.target import TargetRef
from fmgsync.state import records
from fmgsync.state.documents import Change, Documents, Parsed, update_soon
from fmgsync.state.records import DecisionsDocument, GuardDocument, ShownRow
from fmgsync.state.units import Units
from fmgsync.untrusted import shortened

_GUARD = "guard"
_DECISIONS = "decisions"
_SHOWN_KEPT_S = 7 * 24 * 3600.0
_SHOWN_AGAIN_S = 24 * 3600.0
_SHOWN_MOST = 2000
_MESSAGE_MOST = 500
_PLANS_MOST = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """A held part that some plan has shown: its digest, in words, and when it was last shown."""

    digest: str
    message: str
    at: float


class Memory:
    """Reads and writes the documents of one installation. Times are UTC epoch seconds."""

    def __init__(self, documents: Documents, units: Units | None = None) -> None:
        self._documents = documents
        self._units = units
        self._guard = Parsed(partial(self._decode, _GUARD, kind=GuardDocument))
        self._decisions = Parsed(partial(self._decode, _DECISIONS, kind=DecisionsDocument))

    def history(self, owner: str, ref: TargetRef) -> History | None:
        """What the guard knows of one ADOM."""
        ref = self._units.of(ref) if self._units is not None else ref
        document = self._guard.of(self._documents.read(_GUARD))
        return records.history_of(document, owner, ref, self._documents.where(_GUARD))

    def remember(
        self, owner: str, ref: TargetRef, change: Callable[[History | None], History]
    ) -> None:
        """Replace one ADOM's history by what `change` makes of it."""
        self._documents.update(_GUARD, self._on_history(owner, ref, change))

    def settle(
        self, owner: str, ref: TargetRef, change: Callable[[History | None], History | None]
    ) -> None:
        """The same, of what nothing depends on yet."""
        update_soon(self._documents, _GUARD, self._on_history(owner, ref, change))

    def _on_history(
        self, owner: str, ref: TargetRef, change: Callable[[History | None], History | None]
    ) -> Change:
        ref = self._units.of(ref) if self._units is not None else ref

        def changed(text: str | None) -> str:
            document = self._guard.of(text)
            before = records.history_of(document, owner, ref, self._documents.where(_GUARD))
            after = change(before)
            made = document if after is None else records.with_history(document, owner, ref, after)
            return self._guard.made(records.encode(made), made)

        return changed

    def approvals(self, now: float) -> tuple[Approval, ...]:
        """What people let through and is still valid."""
        document = self._decisions.of(self._documents.read(_DECISIONS))
        return tuple(
            one
            for one in records.approvals_of(document)
            if one.expires_at > now and not instants.lies_ahead(one.at, now)
        )

    def approved(self) -> tuple[Approval, ...]:
        """What people let through, expired or not."""
        document = self._decisions.of(self._documents.read(_DECISIONS))
        return records.approvals_of(document)

    def shown(self) -> tuple[Shown, ...]:
        """Held parts that were shown lately, newest first."""
        document = self._decisions.of(self._documents.read(_DECISIONS))
        return tuple(Shown(row.digest, row.message, row.at) for row in reversed(document.shown))

    def show(self, plan: str, holds: Iterable[tuple[TargetRef, Hold]], now: float) -> None:
        """Note what a plan shows as held, so that it can be approved by its digest or the plan's.

        Nothing is written where nothing is new; what goes on being shown is noted once a day.
        """
        wanted = [(hold.digest, _told(ref, hold)) for ref, hold in holds]
        standing = self._decisions.of(self._documents.read(_DECISIONS))
        fresh = (r for r in standing.shown if r.at > now - _SHOWN_AGAIN_S and _is_past(r, now))
        known = {row.digest for row in fresh if plan in row.plans}
        if all(digest in known for digest, _ in wanted):
            return

        def changed(document: DecisionsDocument) -> DecisionsDocument:
            kept = (r for r in document.shown if r.at > now - _SHOWN_KEPT_S and _is_past(r, now))
            rows = {row.digest: row for row in kept}
            for digest, message in wanted:
                before = rows.pop(digest, None)
                plans = [one for one in (before.plans if before else []) if one != plan]
                rows[digest] = ShownRow(digest, message, now, [*plans, plan][-_PLANS_MOST:])
            document.shown = list(rows.values())[-_SHOWN_MOST:]
            return document

        update_soon(self._documents, _DECISIONS, self._on_decisions(changed))

    def approve(
        self, digest: str, *, who: str, reason: str, now: float, expires_at: float
    ) -> tuple[Approval, ...]:
        """Let a held part through, or all that a plan showed; what was approved before is renewed.

        Raises UsageError for a digest under which nothing was shown.
        """
        approved: list[Approval] = []

        def changed(document: DecisionsDocument) -> DecisionsDocument:
            approved[:] = [
                Approval(row.digest, who, reason, row.message, now, expires_at)
                for row in document.shown
                if digest == row.digest or digest in row.plans
            ]
            if not approved:
                raise self._unknown(digest)
            renewed = {one.digest for one in approved}
            document.approvals = [
                *(r for r in document.approvals if r.digest not in renewed and r.expires_at > now),
                *map(records.approval_row, approved),
            ]
            return document

        self._change_decisions(changed)
        return tuple(approved)

    def withdraw(self, digest: str) -> tuple[Approval, ...]:
        """Take an approval back that was not used yet; by the digest it was given with."""
        gone: list[Approval] = []

        def changed(document: DecisionsDocument) -> DecisionsDocument:
            named = {row.digest for row in document.shown if digest in row.plans} | {digest}
            standing = records.approvals_of(document)
            gone[:] = [one for one in standing if one.digest in named]
            if not gone:
                raise self._unknown(digest)
            kept = (one for one in standing if one.digest not in named)
            document.approvals = list(map(records.approval_row, kept))
            return document

        self._change_decisions(changed)
        return tuple(gone)

    def spend(self, digests: Collection[str]) -> None:
        """Forget approvals that were used: each lets one write through."""

        def changed(document: DecisionsDocument) -> DecisionsDocument:
            document.approvals = [r for r in document.approvals if r.digest not in digests]
            document.shown = [row for row in document.shown if row.digest not in digests]
            return document

        update_soon(self._documents, _DECISIONS, self._on_decisions(changed))

    def _change_decisions(self, change: Callable[[DecisionsDocument], DecisionsDocument]) -> None:
        self._documents.update(_DECISIONS, self._on_decisions(change))

    def _on_decisions(self, change: Callable[[DecisionsDocument], DecisionsDocument]) -> Change:
        def changed(text: str | None) -> str:
            return records.encode(change(self._decode(_DECISIONS, text, DecisionsDocument)))

        return changed

    def _decode(
        self, name: str, text: str | None, kind: type[records._Document]
    ) -> records._Document:
        return records.decode(text, kind, self._documents.where(name))

    def _unknown(self, digest: str) -> errors.UsageError:
        return errors.UsageError(
            f"nothing that waits was shown under {digest!r}",
            where=self._documents.where(_DECISIONS),
            next_step="'fmgsync plan' shows what waits, each part with its digest; it must use"
            " the same configuration and --state-dir",
        )


def _is_past(row: ShownRow, now: float) -> bool:
    return not instants.lies_ahead(row.at, now)


def _told(ref: TargetRef, hold: Hold) -> str:
    place = f" on {hold.device}" if hold.device else ""
    return shortened(f"{ref}: {hold.name}{place}: {hold.message}", _MESSAGE_MOST)
