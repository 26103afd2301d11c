"""All configured windows: may an install start on this device at this instant, and when next?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fmgsync.model.adom import AdomTopology
from fmgsync.model.target import DeviceVdom
from fmgsync.scheduling.timetable import Judgement, Opening, Timetable
from fmgsync.scheduling.window import Place, Window, WindowKind


@dataclass(frozen=True, slots=True)
class Calendar:
    """The windows of the configuration. None at all means never, unless `always`.

    The methods answer for one place. Who asks for many devices takes their `timetable` first:
    devices with the same windows share one, so each question needs to be asked once for all.
    """

    windows: tuple[Window, ...] = ()
    always: bool = False

    @property
    def zone(self) -> str:
        """The zone in which times are told to people: the windows', UTC where they differ."""
        named = {window.timezone for window in self.windows}
        return named.pop() if len(named) == 1 else "UTC"

    def timetable(self, place: Place) -> Timetable:
        """The windows whose scope covers this place."""
        relevant = [window for window in self.windows if window.scope.covers(place)]
        return Timetable(
            allow=tuple(w for w in relevant if w.kind is WindowKind.ALLOW),
            deny=tuple(w for w in relevant if w.kind is WindowKind.DENY),
            always=self.always,
        )

    def may_start(self, place: Place, instant: datetime) -> bool:
        """Whether an install may start there at `instant`."""
        return self.timetable(place).is_open(instant)

    def judge(self, place: Place, instant: datetime) -> Judgement:
        """Whether an install may start there at `instant`, and which windows say so."""
        return self.timetable(place).judge(instant)

    def next_opening(self, place: Place, instant: datetime) -> datetime | None:
        """The first opening there after `instant`; None if there is none."""
        return self.timetable(place).next_opening(instant)

    def closes_at(self, place: Place, instant: datetime) -> datetime | None:
        """Until when installs may start there; None if not now, or without an end in sight."""
        return self.timetable(place).closes_at(instant)

    def openings(self, place: Place, start: datetime, end: datetime) -> tuple[Opening, ...]:
        """The effective openings there that touch `[start, end)`."""
        return self.timetable(place).openings(start, end)


ALWAYS: Final = Calendar(always=True)
NEVER: Final = Calendar()


def place_of(topology: AdomTopology, target: DeviceVdom) -> Place:
    """The place of a DeviceVdom, with the device groups that it is in."""
    groups = (name for name, members in topology.groups.items() if target in members)
    return Place(topology.ref, target, frozenset(groups), topology.fleet)
