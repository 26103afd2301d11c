"""One command where something is due, and how one sees, past everything that fmgsync says, whether
all became as it should."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from fmgsync.simulator.state.worksession import SUBMITTED
from tests.end_to_end.branches import Branches
from tests.end_to_end.estate import Estate
from tests.sweep.processes import Ended, Processes

IDLE_S = 120.0
MARK = "Managed by fmgsync"
WORKFLOW = "/dvmdb/adom/prod/workflow"


@dataclass
class Scene:
    """One command where something is due.

    `begin` makes it due again, `wrong` says what is not as it should be once it is done, `good` are
    the exit codes of a run that did it all.
    """

    estate: Estate
    processes: Processes
    words: Sequence[str]
    begin: Callable[[], None] = lambda: None
    wrong: Callable[[], str] = lambda: ""
    good: int = 0
    pushed: Sequence[str] = ()
    """Devices to which it is to be pushed, once."""
    rest_s: float = IDLE_S + 1
    """How long until the next run: a dead session is gone by then."""
    locked: int = 0
    """How often the ADOM is locked at least, if nobody disturbs it."""
    ours: frozenset[str] = frozenset()
    """Foreign objects that the command is there to change."""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def run(self, *words: str) -> Ended:
        """A command that nobody disturbs."""
        return self.processes.run(self.estate.folder, [*(words or self.words), *self.place()])

    def surely(self, *words: str, code: int = 0) -> None:
        """The same, on the way to where the scene begins."""
        for _ in range(3):
            ended = self.run(*words)
            if not self.decide() and ended.code == code:
                return
        raise AssertionError(f"{words} ended with {ended.code}: {ended.said}")

    def place(self) -> list[str]:
        """Where configuration and memory are."""
        return ["-c", str(self.estate.path), "--state-dir", str(self.estate.folder / "state")]

    def decide(self) -> bool:
        """Whoever may approve does, which takes a while; whether there was anything."""
        if isinstance(self.estate, Branches):
            return False
        waiting = [
            session.number
            for session in self.estate.unit.world.adoms["prod"].workflow
            if session.state == SUBMITTED
        ]
        for number in waiting:
            console = self.estate.unit.console("carol")
            console.call("exec", f"{WORKFLOW}/approve/{number}")
            console.log_out()
            self.estate.clock.sleep(10.0)
        return bool(waiting)

    def locks(self) -> list[str]:
        """Whose locks there are, and whose transactions."""
        if isinstance(self.estate, Branches):
            units = self.estate.unit.world.units().values()
            return [f"transaction on {unit.name}" for unit in units if unit.api.open]
        adom = self.estate.unit.world.adoms["prod"]
        return [f"{lock.kind} {lock.name} of {lock.user}" for lock in adom.locks]

    def foreign(self) -> Any:
        """Everything that is not ours, as its owner left it."""
        if isinstance(self.estate, Branches):
            return {
                place: [row for row in rows if row.get("name") not in self.ours]
                for place, rows in self.estate.foreign().items()
            }
        ground = self.estate.unit.world.adoms["prod"].ground
        return {
            table: [
                row
                for row in ground.rows(table)
                if MARK not in str(row.attrs.get("comment", "")) and row.key not in self.ours
            ]
            for table in ground.tables()
        }

    def newest(self) -> int:
        """The number of the latest task."""
        return max((task.id for task in self.estate.unit.world.tasks.all()), default=0)

    def pushes(self, since: int) -> dict[str, int]:
        """How often something was pushed to each device since."""
        found = dict.fromkeys(self.pushed, 0)
        for task in self.estate.unit.world.tasks.all():
            for line in task.lines:
                if task.id > since and line.name in found and line.state == "done":
                    found[line.name] += 1
        return found
