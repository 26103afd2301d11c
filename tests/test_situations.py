"""docs/situations.md promises; every line names a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES = [
    line
    for line in (ROOT / "docs/situations.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| Situation")
]


@pytest.mark.parametrize("line", LINES, ids=[line.split("|")[1].strip() for line in LINES])
def test_each_situation_is_proven(line: str) -> None:
    named = re.search(r"`(test_\w+\.py)::(test_\w+)`", line)
    assert named is not None, "no test is named"
    file, function = named.groups()
    assert f"def {function}(" in (ROOT / "tests/end_to_end" / file).read_text(encoding="utf-8")
