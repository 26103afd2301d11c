"""Openings for people: a table, and a bar per device that shows when it is open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.text import Text

from fmgsync import zones
from fmgsync.cli.tables import cell, names, table
from fmgsync.scheduling.window import WindowKind, written
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from rich.console import Console

    from fmgsync.passes.windows import AdomWindows
    from fmgsync.scheduling.calendar import Calendar
    from fmgsync.scheduling.outlook import Outlook
    from fmgsync.scheduling.timetable import Opening
    from fmgsync.scheduling.window import Window

SHOWN = 3
"""Openings listed per device before the rest becomes a count."""

BAR = 56
"""Cells of a bar."""

_OPEN, _PARTLY, _CLOSED = "█", "▒", "·"
_PLAIN = str.maketrans({_OPEN: "#", _PARTLY: "+", _CLOSED: "."})


def print_windows(
    console: Console,
    found: Iterable[AdomWindows],
    calendar: Calendar,
    start: datetime,
    ahead: timedelta,
) -> None:
    """The windows, then everything from `start` on, in the time of their zone."""
    print_calendar(console, calendar.windows, start)
    zone = calendar.zone
    outlooks: list[Outlook] = []
    for adom in found:
        if adom.error:
            console.print(Text("error: " + safe_text(str(adom.error)), style="red"))
        for why in adom.missing:
            text = f"error: {adom.ref.title}: {why}: correct 'sites'"
            console.print(Text(safe_text(text), style="red"))
        outlooks.extend(adom.outlooks)
    local = start.astimezone(zones.zone(zone))
    _print_table(console, outlooks, local)
    print_bars(console, outlooks, local, ahead)


def print_calendar(console: Console, windows: Sequence[Window], start: datetime) -> None:
    """The windows as they are configured, each in its own zone, and whether it is active."""
    if not windows:
        return
    made = table(("window", "schedule", "for", "scope", "seen from then"), title="Windows")
    for window in windows:
        style = "red" if window.kind is WindowKind.DENY else ""
        made.add_row(
            cell(window.kind.value, style),
            cell(f"{window.schedule} ({window.timezone})"),
            cell(written(window.duration)),
            cell(window.limits or "everything"),
            cell(*_activity(window, start)),
        )
    made.show(console)


def _activity(window: Window, start: datetime) -> tuple[str, str]:
    zone = zones.zone(window.timezone)
    if (closes := window.closes_at(start)) is not None:
        return f"active until {_clock(closes.astimezone(zone))}", "green"
    opens = window.next_opening(start)
    return (f"opens {_clock(opens.astimezone(zone))}" if opens else "never opens again"), ""


def print_notes(console: Console, notes: Iterable[str]) -> None:
    """What is worth knowing of the windows themselves, each note once."""
    for note in dict.fromkeys(notes):
        console.print(safe_text(f"note: {note}"), soft_wrap=True)


def _print_table(console: Console, outlooks: Sequence[Outlook], start: datetime) -> None:
    title = f"Installs may start, seen from {_clock(start)} ({start.tzinfo})"
    made = table(("devices", "now", "openings", "because"), title=title)
    alike: dict[tuple[object, ...], list[Outlook]] = {}
    for outlook in outlooks:
        key = (outlook.openings, outlook.opens_at, outlook.judgement.because)
        alike.setdefault(key, []).append(outlook)
    for same in alike.values():
        state = ("open", "green") if same[0].judgement.is_open else ("closed", "yellow")
        made.add_row(
            cell(names(str(each.target) for each in same)),
            cell(*state),
            cell(_listed(same[0], start)),
            cell(same[0].judgement.because),
        )
    made.show(console)


def _listed(outlook: Outlook, start: datetime) -> str:
    if not outlook.openings:
        if outlook.opens_at is None:
            return "none"
        return f"none in this time; next {_clock(outlook.opens_at.astimezone(start.tzinfo))}"
    texts = [_span(opening, start) for opening in outlook.openings[:SHOWN]]
    rest = len(outlook.openings) - SHOWN
    return "; ".join(texts) + (f"; and {rest} more" if rest > 0 else "")


def _span(opening: Opening, start: datetime) -> str:
    opens = _clock(opening.opens_at.astimezone(start.tzinfo))
    if opening.closes_at is None:
        return f"{opens}, no end in sight"
    closes = opening.closes_at.astimezone(start.tzinfo)
    same_day = closes.date() == opening.opens_at.astimezone(start.tzinfo).date()
    return f"{opens} to {closes:%H:%M}" if same_day else f"{opens} to {_clock(closes)}"


def _clock(instant: datetime) -> str:
    return f"{instant:%a %Y-%m-%d %H:%M}"


def print_bars(
    console: Console, outlooks: Sequence[Outlook], start: datetime, ahead: timedelta
) -> None:
    """One bar for all devices that open and close together."""
    groups: dict[tuple[Opening, ...], list[Outlook]] = {}
    for outlook in outlooks:
        groups.setdefault(outlook.openings, []).append(outlook)
    if not groups:
        return
    cell_s = ahead / BAR
    lines = [
        (_label(members), _bar(openings, start, cell_s)) for openings, members in groups.items()
    ]
    width = max(len(label) for label, _ in lines)
    console.print(f"\n{'':{width}}  {_ruler(start, cell_s)}")
    for label, bar in lines:
        shown = bar if can_draw(console) else bar.translate(_PLAIN)
        console.print(Text(safe_text(f"{label:{width}}  ") + shown))
    console.print(f"{'':{width}}  one cell is {_length(cell_s)}; half-open cells are marked apart")


def can_draw(console: Console) -> bool:
    """Whether more than ASCII can be shown."""
    return (console.encoding or "").lower().startswith("utf")


def _label(members: Sequence[Outlook]) -> str:
    first = str(members[0].target)
    return first if len(members) == 1 else f"{first} and {len(members) - 1} more"


def _bar(openings: Iterable[Opening], start: datetime, cell_s: timedelta) -> str:
    cells = []
    listed = list(openings)
    for number in range(BAR):
        begins, ends = start + number * cell_s, start + (number + 1) * cell_s
        open_for = sum((_overlap(o, begins, ends) for o in listed), timedelta(0))
        full = open_for >= cell_s
        cells.append(_OPEN if full else _PARTLY if open_for else _CLOSED)
    return "".join(cells)


def _overlap(opening: Opening, begins: datetime, ends: datetime) -> timedelta:
    closes = ends if opening.closes_at is None else min(opening.closes_at, ends)
    return max(closes - max(opening.opens_at, begins), timedelta(0))


def _ruler(start: datetime, cell_s: timedelta) -> str:
    """The days, each where its midnight lies, as far as there is room."""
    marks = [" "] * BAR
    day = (start + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    free_from = 0
    while (position := int((day - start) / cell_s)) < BAR - 2:
        text = f"|{day:%a %d}"
        if position >= free_from:
            fits = text[: BAR - position]
            marks[position : position + len(fits)] = fits
            free_from = position + len(fits) + 1
        day = (day + timedelta(days=1)).replace(hour=0, minute=0)
    return "".join(marks).rstrip()


def _length(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"
