"""The estate every end-to-end test starts from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.estate import Estate, open_estate


@pytest.fixture(autouse=True)
def remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands remember in the test's own folder, not where the tests happen to be started."""
    monkeypatch.setenv("FMGSYNC_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Two clusters, two FortiGates, workspace mode normal."""
    with open_estate(tmp_path) as made:
        yield made
