"""Whatever others write, reading it ends with a value or with an error of ours.

A sample, the same in every run; `python -m tests.fuzz` goes on for as long as one likes.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from tests import tally
from tests.fuzz import corpus, targets

FEW, MANY = 25, int(os.environ.get("FMGSYNC_HOSTILE_INPUTS", "400"))
LONGEST_S = 2.0
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
        strike(name, whole)
    for odd in corpus.ODD[:: 4 if inputs == FEW else 1]:
        strike(name, odd)
    for _ in range(inputs):
        strike(name, corpus.broken(name, dice))
    tally.note("hostile", inputs=inputs)


def strike(name: str, raw: bytes) -> None:
    """In time as well."""
    began = time.process_time()
    targets.strike(name, raw)
    assert time.process_time() - began < LONGEST_S, raw[:200]
