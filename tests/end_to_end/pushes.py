"""What was brought to each FortiGate by ours, told from the simulators' own history: which pushes
ended how, who is at risk, and whether the same was pushed twice."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from fmgsync.simulator.state.tasks import Line
from fmgsync.simulator.state.world import World
from tests.end_to_end.mixed import ALONE, BEHIND, RULES, Mixed

GROUPS = "/api/v2/cmdb/firewall/addrgrp/"
WELL = ("done", "warning")


Held = dict[str, set[str]]
"""Of each group of ours, what a FortiGate lets through."""


class Pushes:
    """Of one estate. `begins` and `writes` are told of each before it is sent."""

    def __init__(self, estate: Mixed) -> None:
        self._estate, self._world = estate, estate.unit.world
        self._begun: dict[str, tuple[int, int]] = {}
        self.last_at: dict[str, float] = {}
        """When each was told something last, by our own computer's clock."""
        self.open: set[str] = set()
        """Whatever was begun on and is not proven since."""
        self._outcomes: dict[str, tuple[Held, ...]] = {}

    def begins(self, devices: Collection[str]) -> None:
        """6: the same was not pushed before, unless that failed or something changed since."""
        newest = max((task.id for task in self._world.tasks.all()), default=0)
        changes = len(self._world.adoms["prod"].journal)
        for name in sorted(devices):
            task, line = last_of_ours(self._world, name)
            before = self._begun.get(name)
            device = self._world.devices[name]
            in_sync = device.conf_status() == "insync" and device.db_status() == "nomod"
            arrived = line is not None and line.state == "done" and task > (before or (0, 0))[0]
            again = before is not None and arrived and in_sync and before[1] == changes
            assert not again, f"the same is pushed to {name} again: {line}"
            self._begun[name] = newest, changes
        self.open |= set(devices)
        self.last_at |= dict.fromkeys(devices, self._estate.host.now())

    def writes(self, place: str, method: str, url: str, body: bytes | str | None) -> bool:
        """6: a FortiGate that stands alone is not told what it holds. Whether this is a write of a
        group, after which it is at risk."""
        path = urlsplit(url).path
        if method == "GET" or GROUPS.rstrip("/") not in path:
            return False
        self.last_at[place] = self._estate.host.now()
        if method == "PUT":
            asked = json.loads(body or "{}")
            row = _row(self._world, place, unquote(path.removeprefix(GROUPS)))
            if row is not None and "member" in asked:
                wanted = {str(each["name"]) for each in asked["member"]}
                same = wanted == set(map(str, row.get("member", ()))) and wanted
                also = asked.get("comment", row.get("comment")) == row.get("comment")
                assert not (same and also), f"{place} is told again what it holds: {path}"
        truth = self._estate.truth
        if self._estate.choice.strict or truth.unsure or truth.policy != "sync":
            return False  # what is kept back is not known here: neither is what it should hold
        # A group that no rule names may stay: it waits for a person, or others have filled it.
        before = {group: held for group, held in self._now(place).items() if group in truth.rules}
        meant = {group: truth.wanted(group) for group in before}
        narrowed = {group: before[group] & meant[group] for group in before}
        earlier = self._outcomes.get(place, ()) if place in self.open else ()
        self._outcomes[place] = *earlier, before, meant, narrowed
        self.open.add(place)
        return True

    def _now(self, place: str) -> Held:
        return {group: self._estate.held(place, group) for group in RULES}

    def at_risk(self, places: Collection[str]) -> set[str]:
        """5: begun on, and as its own state says not well since. Who was taken out of the fleet of
        those that stand alone is nobody's any more."""
        _, alone = self._estate.config["sites"]
        gone = set(ALONE).difference(alone["fortigates"])
        return {n for n in self.open & set(places) - gone if not self._is_well(n)}

    def _is_well(self, name: str) -> bool:
        if name in BEHIND:
            _, line = last_of_ours(self._world, name)
            return line is None or line.state in WELL
        # All of it arrived, or all that goes, or nothing.
        now = self._now(name).items()
        return name not in self._outcomes or any(
            outcome.items() <= now for outcome in self._outcomes[name]
        )

    def room(self) -> int:
        """How many of a fleet may be at risk at once: rounded down, at least one."""
        failures = self._estate.choice.failures
        if isinstance(failures, int):
            return failures
        return max(1, int(len(ALONE) * float(failures.rstrip("%")) / 100))


def last_of_ours(world: World, name: str) -> tuple[int, Line | None]:
    """The last line of a push of ours to a device, with the number of its task."""
    found: tuple[int, Line | None] = (0, None)
    for task in world.tasks.all():
        for line in task.lines:
            if line.name == name and task.user == "fmgsync" and "preview" not in line.detail:
                found = task.id, line
    return found


def _row(world: World, place: str, name: str) -> Mapping[str, Any] | None:
    row = world.alone[place].vdoms["root"].running(("firewall addrgrp", name))
    return None if row is None else row.attrs
