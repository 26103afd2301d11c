"""What every test has: a log and secrets of its own, the same examples in every run, code compiled
once, and files in memory."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from fmgsync import redaction

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
    if _is_roomy(MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays until the end: nobody looks for garbage in it again and
    again, neither while it grows nor beside every test."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


MEMORY = Path("/dev/shm")
"""What is remembered waits for the disk thousands of times in a run; here it need not."""


def _is_roomy(folder: Path) -> bool:
    """Whether a run's files find room there, programs among them."""
    if not os.access(folder, os.W_OK):
        return False
    may_run = not os.statvfs(folder).f_flag & os.ST_NOEXEC
    return may_run and shutil.disk_usage(folder).free > 4 * 1024**3


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Half as many again as there are processors: many a test waits for a thread or a process."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    affinity = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    return len(affinity(0)) * 3 // 2


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


@pytest.fixture(autouse=True)
def own_secrets() -> Iterator[None]:
    """What one test has read is no secret in another, where it would be hidden and looked for."""
    known, renewed = set(redaction._known), dict(redaction._renewed)
    variables = set(redaction._variables)
    yield
    redaction._known.intersection_update(known)
    redaction._variables.intersection_update(variables)
    redaction._renewed.clear()
    redaction._renewed.update(renewed)
    redaction._sort()
