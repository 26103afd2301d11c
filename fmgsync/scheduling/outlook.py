"""What the calendar says of many devices at once: open now, and what is coming."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fmgsync.model.adom import AdomTopology
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.scheduling.calendar import Calendar, place_of
from fmgsync.scheduling.timetable import Judgement, Opening, Timetable


@dataclass(frozen=True, slots=True)
class Outlook:
    """One DeviceVdom's windows as seen from one instant.

    `openings` are those that touch the time asked for; `opens_at` is when the opening of now
    began, or when the next one begins, however far away; None if there is none.
    """

    adom: TargetRef
    target: DeviceVdom
    judgement: Judgement
    opens_at: datetime | None
    openings: tuple[Opening, ...] = ()


def outlooks(
    calendar: Calendar,
    topology: AdomTopology,
    targets: Iterable[DeviceVdom],
    instant: datetime,
    *,
    ahead: timedelta = timedelta(0),
) -> tuple[Outlook, ...]:
    """One outlook per DeviceVdom, sorted; `ahead` is how far openings are listed.

    Devices with the same windows share one timetable, so each question is asked once for all.
    """
    asked: dict[Timetable, tuple[Judgement, datetime | None, tuple[Opening, ...]]] = {}
    found = []
    for target in sorted(set(targets)):
        timetable = calendar.timetable(place_of(topology, target))
        if timetable not in asked:
            openings = timetable.openings(instant, instant + ahead) if ahead else ()
            now = timetable.opening(instant)
            opens_at = timetable.next_opening(instant) if now is None else now.opens_at
            asked[timetable] = (timetable.judge(instant), opens_at, openings)
        found.append(Outlook(topology.ref, target, *asked[timetable]))
    return tuple(found)
