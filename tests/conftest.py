"""What every test has: a log of its own, and examples that are the same in every run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

# A run tells what a change broke, not what chance found on a busy machine. To look for more:
# pytest --hypothesis-profile=default.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A command under test points the log at its own standard error, which is closed afterwards."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
