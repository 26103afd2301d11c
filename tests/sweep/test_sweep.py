"""Killed, interrupted and lied to: the next run does what was to be done, once.

These are samples, by a number that every run shares; `python -m tests.sweep --full` is the whole.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import tally
from tests.sweep import cases, scenes
from tests.sweep.cases import Count
from tests.sweep.processes import Processes
from tests.sweep.scenes import COMMANDS
from tests.sweep.transport import SIGNALS, Trouble

SHORT = 97
EVERY = int(os.environ.get("FMGSYNC_SWEEP_EVERY", SHORT))
ALIKE = ("disabled", "per-adom")
"""Modes in which a short sweep meets only what is dealt with in another way than in `normal`."""
EVERYWHERE = [
    (mode, command)
    for mode, commands in COMMANDS.items()
    for command in commands
    if EVERY < SHORT or mode not in ALIKE or command not in scenes.SHAPED
]


def test_a_few_kills_of_an_install() -> None:
    found = cases.swept("normal", "install", list(SIGNALS), 29, 3)
    assert sum(found.cases.values()) > 2
    assert not found.wrong, "\n".join(map(str, found.wrong))


@pytest.mark.slow
def test_killed_between_what_is_given_back(tmp_path: Path) -> None:
    """What was not given back yet is found again by its group, which goes last."""
    with (
        Processes(tmp_path / "processes") as processes,
        scenes.open_scene(tmp_path / "estate", processes, "direct", "release") as scene,
    ):
        for at in (17, 18):
            assert not cases.case(scene, Trouble("SIGKILL after", at), Count())


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "command"), EVERYWHERE)
def test_of_many_cases_one(mode: str, command: str) -> None:
    shift = EVERYWHERE.index((mode, command))
    found = cases.swept(mode, command, cases.KINDS, EVERY, shift)
    assert sum(found.cases.values()) > 0
    assert not found.wrong, "\n".join(map(str, found.wrong))
    kills = counted(found, "SIGKILL")
    told = counted(found, "SIGTERM") + counted(found, "Ctrl-C")
    faults = sum(found.cases.values()) - kills - told
    tally.note("sweep", kills=kills, signals=told, faults=faults, requests=found.requests)


def counted(found: Count, word: str) -> int:
    return sum(number for (_, _, kind), number in found.cases.items() if word in kind)
