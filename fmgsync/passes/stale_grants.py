"""Since when an ADOM's grants are stale: remembered from pass to pass."""

from __future__ import annotations

from collections.abc import Callable

from fmgsync import errors
from fmgsync.assessing import stale
from fmgsync.assessing.observation import Observation
from fmgsync.assessing.stale import Key
from fmgsync.model.target import TargetRef
from fmgsync.state.stale import StaleSince


def note(
    memory: StaleSince,
    ref: TargetRef,
    seen: Observation,
    now: float,
    tell: Callable[[str], None],
) -> dict[Key, float | None]:
    """What is wrong now and since when; remembered at once, since what follows may take long.

    What is damaged is lost: then every stale grant counts as overdue.
    """
    survey = seen.survey
    try:
        known = memory.read(ref)
        since = stale.seen_since(known, survey.views, seen, now=now)
        if survey.asked and since != known:
            memory.write(ref, since)
    except errors.StateError as error:
        tell(f"since when grants are stale cannot be remembered: {error}")
        since = stale.seen_since(None, survey.views, seen, now=now)
    return since
