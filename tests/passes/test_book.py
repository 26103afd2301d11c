"""Two runs that keep one ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.model.target import TargetRef
from fmgsync.passes.rollout_book import Book
from fmgsync.scheduling.machine import Started
from fmgsync.state.folder import Folder
from fmgsync.state.rollouts import Rollouts

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


def test_what_another_run_installs_on_is_left_to_it(tmp_path: Path) -> None:
    """Both looked, both would start; the second is told to wait, and nothing of it is noted."""
    clock = ManualClock()
    rollouts = Rollouts(Folder(tmp_path, clock=clock), "prod", clock=clock)
    ref = TargetRef("hq", "prod")
    first, second = (Book(rollouts, ref, "rules", clock=clock) for _ in range(2))
    for book in (first, second):
        book.open(begins=True, lost="")
    first.note(Started(frozenset({"fgt-1"}), 0), NOW)
    with pytest.raises(errors.UnitBusy, match=r"installs on fgt-1 already") as caught:
        second.note(Started(frozenset({"fgt-1", "fgt-2"}), 0), NOW)
    assert caught.value.retryable
    second.refresh()
    assert second.ledger is not None
    assert second.ledger.at_risk == {"fgt-1"}
