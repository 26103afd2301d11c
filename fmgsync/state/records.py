"""The text of the documents: JSON with a version, checked completely when it is read.

A document that is damaged or from a newer fmgsync is an error: guessing at what people approved
would be worse than stopping.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from fmgsync import errors
from fmgsync.model.address import Family
from fmgsync.model.memory import Approval, History, Size
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.state.documents import Instant, encoded

VERSION = 1


class _Versioned(msgspec.Struct):
    version: int


class SizeRow(msgspec.Struct, forbid_unknown_fields=True):
    """A size that one or more places had; `device/vdom`, or empty for a group's own value."""

    at: Instant
    family: Family
    name: str
    places: list[str]
    members: int


class HistoryRow(msgspec.Struct, forbid_unknown_fields=True):
    """What the guard knows of one ADOM."""

    owner: str
    fortimanager: str
    adom: str
    since: Instant
    sizes: list[SizeRow]


class GuardDocument(msgspec.Struct, forbid_unknown_fields=True):
    """The guard's memory."""

    version: Literal[1] = 1
    adoms: list[HistoryRow] = []


class ApprovalRow(msgspec.Struct, forbid_unknown_fields=True):
    """A human decision; times are UTC epoch seconds."""

    digest: str
    who: str
    reason: str
    message: str
    at: Instant
    expires_at: Instant


class ShownRow(msgspec.Struct, forbid_unknown_fields=True):
    """One held part as it was shown, and the digests of the plans that showed it."""

    digest: str
    message: str
    at: Instant
    plans: list[str]


class DecisionsDocument(msgspec.Struct, forbid_unknown_fields=True):
    """What was shown as held, and what people let through."""

    version: Literal[1] = 1
    shown: list[ShownRow] = []
    approvals: list[ApprovalRow] = []


_Document = TypeVar("_Document", GuardDocument, DecisionsDocument)


def decode(text: str | None, kind: type[_Document], where: str) -> _Document:
    """The document a text holds; an empty one if there is none. Raises StateError."""
    if text is None:
        return kind()
    try:
        version = msgspec.json.decode(text, type=_Versioned).version
        if version > VERSION:
            raise errors.StateError(
                f"it was written by a newer fmgsync (version {version}, this one knows {VERSION})",
                where=where,
                next_step="use that fmgsync, or another --state-dir: what was approved there does"
                " not count here",
            )
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise damaged(where, str(error)) from error


def encode(document: GuardDocument | DecisionsDocument) -> str:
    """As text; the same content is the same text."""
    return msgspec.json.format(encoded(document), indent=1)


def damaged(where: str, why: str) -> errors.StateError:
    """A document that is not what fmgsync writes."""
    return errors.StateError(
        f"it is damaged: {why}",
        where=where,
        next_step="move it away; losing it is safe: what was approved waits again, and for one"
        " guard period only small changes pass by themselves",
    )


# --- the guard's memory -------------------------------------------------------------------------


def history_of(document: GuardDocument, owner: str, ref: TargetRef, where: str) -> History | None:
    """What is known of one ADOM; None if nothing is."""
    for row in document.adoms:
        if (row.owner, row.fortimanager, row.adom) == (owner, ref.unit, ref.domain):
            try:
                sizes = [size for one in row.sizes for size in _sizes(one)]
            except ValueError as error:
                raise damaged(where, str(error)) from error
            return History(row.since, tuple(sorted(sizes, key=lambda size: size.at)))
    return None


def _sizes(row: SizeRow) -> list[Size]:
    return [
        Size(row.family, row.name, _place(place), row.members, at=row.at) for place in row.places
    ]


def _place(text: str) -> DeviceVdom | None:
    if not text:
        return None
    device, _, vdom = text.partition("/")
    if not (device and vdom):
        raise ValueError(f"{text!r} is no device/vdom")
    return DeviceVdom(device, vdom)


def with_history(
    document: GuardDocument, owner: str, ref: TargetRef, history: History
) -> GuardDocument:
    """The document with this ADOM's history in place of what it had."""
    mine = (owner, ref.unit, ref.domain)
    others = [row for row in document.adoms if (row.owner, row.fortimanager, row.adom) != mine]
    own = HistoryRow(*mine, history.since, _size_rows(history))
    return GuardDocument(
        adoms=sorted([*others, own], key=lambda row: (row.owner, row.fortimanager, row.adom))
    )


def _size_rows(history: History) -> list[SizeRow]:
    """Devices with the same size share a row: a thousand may stand before one cluster."""
    rows: dict[tuple[object, ...], SizeRow] = {}
    for size in history.sizes:
        key = (size.at, size.family, size.name, size.members)
        row = rows.setdefault(key, SizeRow(size.at, size.family, size.name, [], size.members))
        row.places.append(str(size.place or ""))
    return list(rows.values())


# --- decisions ----------------------------------------------------------------------------------


def approvals_of(document: DecisionsDocument) -> tuple[Approval, ...]:
    """Every approval, expired ones as well."""
    return tuple(
        Approval(row.digest, row.who, row.reason, row.message, row.at, row.expires_at)
        for row in document.approvals
    )


def approval_row(approval: Approval) -> ApprovalRow:
    """An approval as it is written."""
    return ApprovalRow(
        approval.digest,
        approval.who,
        approval.reason,
        approval.message,
        approval.at,
        approval.expires_at,
    )
