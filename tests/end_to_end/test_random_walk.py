"""A random walk: pods come and go, an administrator edits, clones, locks and renames in the middle
of passes, and a middlebox answers 502, nothing, or another request's answer.

After each step the simulator's own state is looked at, past everything fmgsync says; when the
trouble stops, everything converges.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.walking import walk

MODES = ("normal", "disabled")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("number", range(1))
def test_whatever_comes_nothing_foreign_is_touched_and_it_converges(
    tmp_path: Path, number: int, mode: str
) -> None:
    walk(tmp_path, number, mode)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("number", range(1, 22))
def test_longer_walks(tmp_path: Path, number: int, mode: str) -> None:
    walked = walk(tmp_path, number, mode)
    assert walked.box.acted, "a walk without trouble tries nothing"
    assert walked.box.broken
