"""docs/fortimanager.md names a test for every line; each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "fortimanager.md"
LINES = [
    line
    for line in PAGE.read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| Situation")
]


@pytest.mark.parametrize("line", LINES, ids=[line.split("|")[1].strip() for line in LINES])
def test_each_situation_is_proven(line: str) -> None:
    named = re.search(r"`(test_\w+\.py)::(test_\w+)`", line)
    assert named is not None, "no test is named"
    file, function = named.groups()
    found = [path.read_text() for path in HERE.parent.rglob(file)]
    assert any(f"def {function}(" in text for text in found)
