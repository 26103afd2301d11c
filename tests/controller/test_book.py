"""Two runs that keep one ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.controller.progress import Book
from fmgsync.model.target import AdomRef
from fmgsync.state.folder import Folder
from fmgsync.state.rollouts import Rollouts

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


def test_what_another_run_installs_on_is_left_to_it(tmp_path: Path) -> None:
    """Both looked, both would start; the second is told to wait, and nothing of it is noted."""
    rollouts = Rollouts(Folder(tmp_path, clock=ManualClock()), "prod", clock=ManualClock())
    first, second = (Book(rollouts, AdomRef("hq", "prod"), "rules") for _ in range(2))
    for book in (first, second):
        book.open(NOW, installed_before=lambda: False)
    first.started(["fgt-1"], 0, NOW)
    with pytest.raises(errors.UnitBusy, match=r"installs on fgt-1 already") as caught:
        second.started(["fgt-1", "fgt-2"], 0, NOW)
    assert caught.value.retryable
    second.refresh()
    assert second.ledger is not None
    assert second.ledger.at_risk == {"fgt-1"}
