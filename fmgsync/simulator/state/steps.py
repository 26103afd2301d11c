"""The memory of what was done to objects: bounded, newest kept."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from fmgsync.simulator.state.store import Change, Key, Row

ADDED: Final = 1
DELETED: Final = 2
CHANGED: Final = 3
KEPT_OBJECTS: Final = 20_000
KEPT_STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one object; `row` as it was afterwards (before, for a deletion)."""

    act: int
    row: Row
    at: int
    user: str


class History:
    """The last changes of the objects changed last."""

    def __init__(self) -> None:
        self._steps: OrderedDict[tuple[str, Key], list[Step]] = OrderedDict()

    def add(self, change: Change, at: int) -> None:
        """Note a committed change."""
        row = change.after or change.before
        if row is None:
            return
        act = ADDED if change.before is None else DELETED if change.after is None else CHANGED
        steps = self._steps.setdefault((change.table, change.key), [])
        steps.append(Step(act, row, row.modified if change.after is not None else at, row.by))
        del steps[:-KEPT_STEPS]
        self._steps.move_to_end((change.table, change.key))
        if len(self._steps) > KEPT_OBJECTS:
            self._steps.popitem(last=False)

    def of(self, table: str, key: Key | None) -> list[tuple[Key, Step]]:
        """Steps of one object, or of a whole table."""
        if key is not None:
            return [(key, step) for step in self._steps.get((table, key), [])]
        return [(k, step) for (name, k), s in self._steps.items() if name == table for step in s]
