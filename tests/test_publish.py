"""The figures in the documentation are replaced as a whole, and say which tree they are of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import publish
from benchmarks.__main__ import Row
from benchmarks.publish import Clock, Raced, TooLate

SMALL = Row(1_000, 50, "cold", "fmgsync", 2.0, 0, 20, 1.0, 0.5, 0.5, 1.0, 90, projected=False)
LARGE = replace(SMALL, size=100_000, seconds=40.0)
PAGE = "before\n<!-- measured: race -->\nold\n<!-- /measured -->\nafter\n"


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    front, figures = tmp_path / "README.md", tmp_path / "figures.md"
    for name, path in (("README", front), ("FIGURES", figures)):
        path.write_text(PAGE)
        monkeypatch.setattr(publish, name, path)
    return front, figures


def test_a_race_of_one_size_leaves_the_others_and_says_that_they_are_older(
    pages: tuple[Path, Path],
) -> None:
    before = [Raced(SMALL, "old"), Raced(LARGE, "old")]
    found = publish.joined(before, [Raced(replace(SMALL, seconds=1.0), "new")])
    assert [(each.row.size, each.row.seconds, each.tree) for each in found] == [
        (1_000, 1.0, "new"),
        (100_000, 40.0, "old"),
    ]
    publish.tell(found, {"python": "3"}, "new")
    for page in pages:
        text = page.read_text()
        assert text.startswith("before\n"), page
        assert text.endswith("<!-- /measured -->\nafter\n"), page
        assert "40.0" in text, page
        assert "an older tree: 100,000 addresses at 50 ms." in text, page


def test_after_a_run_of_all_nothing_is_said_of_older_trees(pages: tuple[Path, Path]) -> None:
    before = [Raced(SMALL, "old"), Raced(LARGE, "old")]
    found = publish.joined(before, [Raced(SMALL, "new"), Raced(LARGE, "new")])
    publish.tell(found, {"python": "3"}, "new")
    assert all("older" not in page.read_text() for page in pages)


def test_what_was_raced_is_known_again_and_the_pages_tell_no_other_figures() -> None:
    raced = publish.known()
    assert publish.joined(raced, raced) == raced
    text = publish.FIGURES.read_text()
    for each in raced:
        assert f"| {each.row.latency_ms} | {each.row.what} | {each.row.who} |" in text


def test_every_part_has_its_place_and_all_of_them_fit_the_time_of_a_run() -> None:
    pages = [publish.FIGURES, publish.DIRECT, *(publish.ROOT / "docs").glob("*.md")]
    text = "".join(page.read_text() for page in pages)
    for part in publish.PARTS:
        assert f"<!-- measured: {part.name.partition('-')[0]} -->\n" in text
    assert sum(part.seconds for part in publish.PARTS) < 28 * 60


def test_what_is_cut_off_leaves_the_page_as_it_was(pages: tuple[Path, Path]) -> None:
    measure = publish.printed(pages[0], "race", "-c", "import time; time.sleep(60)")
    with pytest.raises(TooLate):
        measure(Clock(0.0))
    assert pages[0].read_text() == PAGE
