"""Whatever others write, reading it ends with a value or with an error of ours.

A sample, the same in every run; `python -m tests.fuzz` goes on for as long as one likes.
"""

from __future__ import annotations

import os
import random

import pytest

from tests import tally
from tests.fuzz import corpus, targets

FEW, MANY = 25, int(os.environ.get("FMGSYNC_HOSTILE_INPUTS", "400"))
FOUND: dict[str, list[bytes]] = {
    # A quote in a table's name swallowed the edit that followed.
    "preview": [
        b'config firewall a"x\nedit root\nconfig firewall y\nedit g\nset member #a" b\nend\n'
    ],
}
"""What once came out as something else than an error of ours."""


@pytest.mark.parametrize("name", targets.TARGETS)
@pytest.mark.parametrize("inputs", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_broken_texts(name: str, inputs: int) -> None:
    dice = random.Random(f"{name}{inputs}")
    for whole in (*corpus.WHOLE[name], *FOUND.get(name, ())):
        targets.strike(name, whole)
    for odd in corpus.ODD[:: 4 if inputs == FEW else 1]:
        targets.strike(name, odd)
    for _ in range(inputs):
        targets.strike(name, corpus.broken(name, dice))
    tally.note("hostile", inputs=inputs)
