"""Each question of docs/questions.md is answered on one screen, as the page shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fmgsync.cli import story
from tests.lab import evening, questions

SLOW = pytest.mark.slow


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[story.Estate]:
    with evening.open_evening(tmp_path_factory.mktemp("lab"), 6, pods=60, groups=4) as estate:
        yield estate


@pytest.mark.parametrize("columns", [100, *(pytest.param(n, marks=SLOW) for n in (60, 80, 140))])
def test_each_question_is_answered_on_one_screen(lab: story.Estate, columns: int) -> None:
    """Below 100 columns rows are blocks, which need more lines; nothing is cut off."""
    for answer in questions.answers(lab, columns=columns):
        lines = answer.text.splitlines()
        assert answer.code == answer.question.code, answer.command
        if columns >= evening.COLUMNS:
            assert len(lines) <= questions.LINES, answer.command
        assert "…" not in answer.text, answer.command


def test_the_page_asks_these_questions() -> None:
    """The whole page is made anew by a slow test."""
    shown = questions.PAGE.read_text(encoding="utf-8")
    for each in questions.QUESTIONS:
        assert f"## {each.asks}\n" in shown
        assert each.command.partition("{")[0] in shown


@pytest.mark.slow
def test_the_page_shows_what_is_printed(tmp_path: Path) -> None:
    with evening.open_evening(tmp_path, questions.DEVICES) as estate:
        found = questions.answers(estate)
    for answer in found:
        assert len(answer.text.splitlines()) <= questions.LINES, answer.command
        assert answer.code == answer.question.code, answer.command
    shown = questions.PAGE.read_text(encoding="utf-8")
    assert questions.page(found, questions.DEVICES) == shown, "python -m tests.lab.questions"
