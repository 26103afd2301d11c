"""What every test has: a log of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A command under test points the log at its own standard error, which is closed afterwards."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
