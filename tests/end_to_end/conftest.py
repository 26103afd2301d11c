"""The estate every end-to-end test starts from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.estate import Estate, open_estate


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Two clusters, two FortiGates, workspace mode normal."""
    with open_estate(tmp_path) as made:
        yield made
