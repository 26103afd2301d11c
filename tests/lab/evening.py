"""An evening in the lab: last night was installed, by day pods came and went, tonight comes.

Commands are run as on a terminal, on the lab's own clock, so that what they print is the same on
every computer.
"""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fmgsync.clock
from fmgsync.cli import lab_story, main, story
from fmgsync.clock import ManualClock
from fmgsync.passes import install_context
from fmgsync.wiring import memories, wiring

NIGHT = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)
EVENING = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
COLUMNS = 100
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Screen(io.StringIO):
    """Says that it is a terminal."""

    def isatty(self) -> bool:
        """A person looks at it."""
        return True


@contextmanager
def open_evening(
    folder: Path, devices: int, *, pods: int = 120, groups: int = 4
) -> Iterator[story.Estate]:
    """The lab at five in the afternoon, UTC, after a night in which everything was installed."""
    clock = ManualClock(NIGHT.timestamp() - 3600)
    size = story.Size(devices, pods, groups)
    with _same_everywhere(clock), lab_story.open_lab(folder, size, clock=clock) as estate:
        _to(clock, NIGHT)
        with chdir(folder):
            _bring_back(estate)
            screen("fmgsync apply --reason CHG-4711 --yes")
            _to(clock, EVENING)
            lab_story.ordinary_day(estate, install_s=1)
            yield estate


def _bring_back(estate: story.Estate) -> None:
    """The FortiGate that went offline is back, and the administrator has installed the policy."""
    for device in estate.unit.world.devices.values():
        if not device.online:
            estate.unit.fortigate(device.name).come_back()
            story.install_by_hand(estate)


def screen(command: str, *, columns: int = COLUMNS) -> tuple[int, str]:
    """Run a command as on a terminal so wide: its exit code, and what is on the screen."""
    name, *arguments = shlex.split(command)
    assert name == "fmgsync"
    shown, before = Screen(), {key: os.environ.get(key) for key in _TERMINAL}
    os.environ.update({**_TERMINAL, "COLUMNS": str(columns)})
    try:
        with redirect_stdout(shown), redirect_stderr(io.StringIO()):
            code = main.run(arguments)
    finally:
        for key, value in before.items():
            os.environ.pop(key, None)
            if value is not None:
                os.environ[key] = value
    lines = _ESCAPES.sub("", shown.getvalue()).splitlines()
    return code, "\n".join(line.rstrip() for line in lines)


_TERMINAL = {"COLUMNS": "", "TERM": "xterm", "NO_COLOR": "1"}


def _to(clock: ManualClock, instant: datetime) -> None:
    clock.sleep(max(0.0, instant.timestamp() - clock.now()))


@contextmanager
def _same_everywhere(clock: ManualClock) -> Iterator[None]:
    """Commands go by this clock, and whoever runs them has one name."""
    places: list[tuple[Any, str, Any]] = [
        (fmgsync.clock, "SystemClock", lambda: clock),
        (wiring, "SystemClock", lambda: clock),
        (memories, "SystemClock", lambda: clock),
        (install_context, "who", lambda: "ann@lab"),
    ]
    before = [(module, name, getattr(module, name)) for module, name, _ in places]
    for module, name, value in places:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
