"""Equal label sets become the same object, and their strings are shared.

The pods of one Deployment differ in name, not in labels: 150,000 pods have a few thousand label
sets, and selector results are remembered per set.
"""

from __future__ import annotations

from collections.abc import Mapping
from sys import intern
from typing import Final

from fmgsync.model.labels import Labels, Notes

_LIMIT: Final = 200_000


class LabelPool:
    """Hands out one `Labels` per distinct set.

    Jobs bring label sets that never return; a full pool starts afresh rather than grow for ever.
    Sets handed out earlier stay valid and equal, they are only no longer shared with later ones.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit: Final = limit
        self._known: dict[Labels, Labels] = {}

    def labels(
        self, pairs: Mapping[str, str], unknown: frozenset[str] = frozenset(), notes: Notes = ()
    ) -> Labels:
        """The shared set with these pairs."""
        candidate = Labels(pairs, unknown, notes)
        known = self._known.get(candidate)
        if known is not None:
            return known
        if len(self._known) >= self._limit:
            self._known.clear()
        shared = Labels(
            {intern(key): intern(value) for key, value in pairs.items()}, unknown, notes
        )
        self._known[shared] = shared
        return shared
