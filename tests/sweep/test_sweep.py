"""Killed, interrupted and lied to: the next run does what was to be done, once.

These are samples, by a number that every run shares; `python -m tests.sweep --full` is the whole.
"""

from __future__ import annotations

import pytest

from tests.sweep import cases
from tests.sweep.scenes import COMMANDS
from tests.sweep.transport import SIGNALS

EVERYWHERE = [(mode, command) for mode, commands in COMMANDS.items() for command in commands]


def test_a_few_kills_of_an_install() -> None:
    found = cases.swept("normal", "install", list(SIGNALS), 30, 3)
    assert sum(found.cases.values()) > 2
    assert not found.wrong, "\n".join(map(str, found.wrong))


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "command"), EVERYWHERE)
def test_of_every_hundred_cases_one(mode: str, command: str) -> None:
    found = cases.swept(mode, command, cases.KINDS, 97, EVERYWHERE.index((mode, command)))
    assert sum(found.cases.values()) > 0
    assert not found.wrong, "\n".join(map(str, found.wrong))
