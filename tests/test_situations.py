"""docs/situations.md promises; every line has a test, and every marked test a line."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINE = re.compile(r"^\| `([a-z0-9-]+)` \|", re.MULTILINE)
MARK = re.compile(r"^@pytest\.mark\.situation\(\"([a-z0-9-]+)\"\)$", re.MULTILINE)


def lines() -> list[str]:
    return LINE.findall((ROOT / "docs/situations.md").read_text(encoding="utf-8"))


def marks() -> set[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return {key for file in files for key in MARK.findall(file.read_text(encoding="utf-8"))}


def test_every_line_is_proven() -> None:
    assert sorted(set(lines()) - marks()) == []


def test_every_proof_has_its_line() -> None:
    assert sorted(marks() - set(lines())) == []


def test_no_line_stands_twice() -> None:
    assert [key for key, count in Counter(lines()).items() if count > 1] == []
