"""Reading a table whole, by pages: never half of one, never two states of it joined together.

A paged read is no snapshot. The table's `revision` is in every page: if it moves, reading begins
anew. `next_idx` is the index of the last row delivered, not of the next one; older releases tell
neither it nor the number of rows, so there a short page is the end (FortiOS REST API description;
demisto/content, FortiGate pack).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fmgsync import errors
from fmgsync.targets.fortigate import answers, urls
from fmgsync.targets.fortigate.answers import Answer
from fmgsync.targets.fortigate.session import Session
from fmgsync.targets.fortigate.urls import Url
from fmgsync.targets.wire import Row

PAGE = 1000
_TRIES = 4
_REFUSED = frozenset({400, 403, 404, 424, 500})


@dataclass(frozen=True, slots=True)
class Rows:
    """A table as it was at one revision; empty revision: the release does not tell it."""

    rows: tuple[Row, ...]
    revision: str = ""


@dataclass(slots=True)
class Known:
    """Tables as they were last read, with the serial number of who answered.

    A revision belongs to one table, one VDOM and one unit: on another unit it says nothing.
    """

    serial: str = ""
    tables: dict[tuple[str, str], Rows] = field(default_factory=dict)

    def of(self, serial: str, vdom: str, path: str) -> Rows | None:
        """What is known of a table of this unit."""
        return self.tables.get((vdom, path)) if serial and serial == self.serial else None

    def note(self, serial: str, vdom: str, path: str, rows: Rows) -> None:
        """Remember a table."""
        if serial != self.serial:
            self.serial, self.tables = serial, {}
        self.tables[vdom, path] = rows


def read(
    session: Session,
    path: str,
    vdom: str,
    fields: Sequence[str],
    *,
    known: Known | None = None,
    page: int = PAGE,
) -> Rows:
    """All rows with these fields. What is `known` at the same revision is not read again."""
    for _ in range(_TRIES):
        first = _ask(session, _page(path, vdom, fields, 0, page), path)
        before = known.of(session.serial, vdom, path) if known is not None else None
        if before is not None and before.revision and before.revision == first.revision:
            return before
        found = _whole(session, path, vdom, fields, first, page)
        if found is not None:
            if known is not None:
                known.note(session.serial, vdom, path, found)
            return found
    raise errors.ChangedMeanwhile(
        f"{path} changes faster than it can be read",
        fortigate=session.access.name,
        vdom=vdom,
        next_step="it is read again on the next pass; look who writes there so often",
    )


def revision(session: Session, path: str, vdom: str) -> str:
    """The table's revision now, with as little else as can be asked for."""
    url = urls.table(path, vdom, {"format": "name", "start": 0, "count": 1})
    return _ask(session, url, path).revision


def _ask(session: Session, url: Url, path: str) -> Answer:
    """A good answer. Where one of our tables is refused, whatever the reason it gives, the VDOM may
    be the matter: `system/status` is open to every profile, in every VDOM that is the key's."""
    answer = session.ask(url)
    doubted = not answer.ok and answer.http_status in _REFUSED and path in [*urls.Table]
    if doubted:
        unit(session, url.vdom)
    return session.checked(answer, url)


def unit(session: Session, vdom: str) -> Answer:
    """What the unit says of itself in a VDOM; raises UnknownDevice where that is none of its, or
    none of the key's."""
    url = urls.monitor("system/status", vdom)
    answer = session.ask(url)
    if answer.http_status in _REFUSED and not answer.is_html:
        raise errors.UnknownDevice(
            f"the unit has no VDOM {vdom}, or it is none of the key's",
            fortigate=session.access.name,
            vdom=vdom,
            next_step="correct 'sites' in the configuration, or give the REST API administrator"
            " this VDOM; nothing was written there",
        )
    return session.checked(answer, url)


def _page(path: str, vdom: str, fields: Sequence[str], start: int, count: int) -> Url:
    return urls.table(path, vdom, {"format": "|".join(fields), "start": start, "count": count})


def _whole(
    session: Session, path: str, vdom: str, fields: Sequence[str], first: Answer, page: int
) -> Rows | None:
    """The first page and all that follow; None if the table has changed in between."""
    place = session.place(vdom)
    rows = _rows(first, session)
    last, answer = len(rows), first
    while last and not _is_all(answer, len(rows), last, page):
        start = answer.next_index + 1 if answer.next_index is not None else len(rows)
        if start < len(rows):
            raise answers.protocol_error("its pages do not advance", place)
        answer = session.read(_page(path, vdom, fields, start, page))
        if answer.revision != first.revision:
            return None
        more = _rows(answer, session)
        last = len(more)
        rows += more
    told = first.matched if first.matched is not None else first.size
    if told is not None and len(rows) < told:
        what = f"{told} rows of {path} announced, {len(rows)} delivered"
        raise answers.protocol_error(what, place)
    names = [row.get("name", row.get("policyid")) for row in rows]
    if len(set(map(str, names))) < len(names):
        return None  # the order moved between two pages
    return Rows(tuple(rows), first.revision)


def _is_all(answer: Answer, so_far: int, last: int, page: int) -> bool:
    told = answer.matched if answer.matched is not None else answer.size
    return so_far >= told if told is not None else last < page or last > page


def _rows(answer: Answer, session: Session) -> list[Row]:
    """Rows of an answer: one object is a table of one (hfortix), a list is the rule."""
    found = answer.results
    if isinstance(found, Mapping):
        found = [found]
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise answers.protocol_error("a table that is no list of rows", session.place(answer.vdom))
    return [dict(row) for row in found]
