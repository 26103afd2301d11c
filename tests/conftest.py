"""What every test has: a log of its own, the same examples in every run, code compiled once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

# A run tells what a change broke, not what chance found on a busy machine. To look for more:
# pytest --hypothesis-profile=default.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_configure() -> None:
    """Keep compiled code, and listen to Ctrl-C, whatever the environment says.

    Under PYTHONDONTWRITEBYTECODE every worker would rewrite all assertions anew in every run, and
    every command that a test starts would compile all it imports. What a shell starts in the
    background ignores interrupts, and with it every command under test.
    """
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A command under test points the log at its own standard error, which is closed afterwards.

    Before a command does, a controller on a thread of the test speaks on standard error as well:
    standard output is what the command under test prints.
    """
    structlog.reset_defaults()
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    yield
    structlog.reset_defaults()
