"""The page of figures: every part has its row there, and what its row is made of is there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from tests import reliability, tally

ROOT = reliability.PAGE.parents[1]


@pytest.mark.parametrize("name", list(reliability.PARTS))
def test_every_part_has_one_row_and_its_tests(name: str) -> None:
    page = reliability.PAGE.read_text(encoding="utf-8")
    assert page.count(f"\n| `{name}` |") == 1
    for test in reliability.PARTS[name].tests:
        assert (reliability.PAGE.parents[1] / test.partition("::")[0]).exists(), test


def test_no_row_is_without_a_part() -> None:
    page = reliability.PAGE.read_text(encoding="utf-8")
    rows = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert rows == list(reliability.PARTS)


def test_counts_are_added_up_and_written_into_their_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(tally.FILE, str(tmp_path / "tally"))
    tally.note("one", kill_points=2)
    tally.note("other", runs=9)
    tally.note("one", kill_points=3, lost=0)
    counts = tally.read(tmp_path / "tally")["one"]
    line = reliability.row("one", reliability.Part("A title", []), counts, 130.0)
    assert line.startswith("| `one` | A title | 5 kill points, 0 lost | 2 min | ")
    assert (
        reliability.replaced("| `one` | old |\n| `two` | x |\n", line) == f"{line}\n| `two` | x |\n"
    )


def test_a_row_says_that_less_was_run_than_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FMGSYNC_RACES_EVERY", "5")
    line = reliability.row("races", reliability.PARTS["races"], {"decisions": 7}, 9.0)
    assert "| 7 decisions (`FMGSYNC_RACES_EVERY=5`) |" in line


TEXTS = [ROOT / "tox.ini", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]
NAMED = {
    name for each in TEXTS for name in re.findall(r"python -m (tests[\w.]*)", each.read_text())
}


@pytest.mark.parametrize("name", sorted(NAMED))
def test_every_program_that_measures_is_in_the_tree(name: str) -> None:
    """One was left out of it by .gitignore, and figures stood here that nobody could measure."""
    assert importlib.util.find_spec(name) is not None
