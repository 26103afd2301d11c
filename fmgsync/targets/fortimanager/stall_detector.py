"""When the lines of unfinished tasks last moved, so that one that stands still is told from a slow
one: an install on a device that went away may stay at its percentage for ever.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from fmgsync.targets.fortimanager.tasks import Line, Task

Seen = tuple[tuple[Line, ...], float]


@dataclass(slots=True)
class StallDetector:
    """What one ADOM's tasks looked like, and since when. Outlives the flows that look at them.

    `limit_s`: a device whose lines have not moved for so long counts as frozen.
    """

    limit_s: float
    _seen: dict[tuple[int, str], Seen] = field(default_factory=dict)

    def is_frozen(self, task_id: int, name: str, lines: Sequence[Line], now: float) -> bool:
        """Whether nothing has moved on these lines for longer than the limit."""
        before = self._seen.get((task_id, name))
        if before is None or before[0] != tuple(lines):
            self._seen[task_id, name] = (tuple(lines), now)
            return False
        return now - before[1] >= self.limit_s

    def frozen(self, task: Task, now: float) -> frozenset[str]:
        """The devices of an unfinished task that are frozen."""
        theirs: defaultdict[str, list[Line]] = defaultdict(list)
        for line in task.lines:
            for device in line.devices:
                theirs[device].append(line)
        return frozenset(
            device
            for device, lines in theirs.items()
            if not all(line.finished for line in lines)
            and self.is_frozen(task.task_id, device, lines, now)
        )

    def stands_still(self, task: Task, now: float) -> bool:
        """Whether an unfinished task waits for frozen devices alone."""
        frozen = self.frozen(task, now)
        unfinished = {name for line in task.lines if not line.finished for name in line.devices}
        if not unfinished:  # it has not reached a device yet
            return self.is_frozen(task.task_id, "", task.lines, now)
        return unfinished <= frozen

    def forget_others(self, task_ids: Collection[int]) -> None:
        """Only these tasks are unfinished."""
        self._seen = {key: seen for key, seen in self._seen.items() if key[0] in task_ids}
