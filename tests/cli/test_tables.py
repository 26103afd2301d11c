"""Rows on consoles of every width: no name and no address is ever broken."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from fmgsync.cli import tables
from fmgsync.model.target import natural
from fmgsync.untrusted import safe_text

words = st.sampled_from(
    [
        "fgt-east-1/root",
        "10.255.255.254",
        "2001:db8:40:1234:5678:9abc:def0:1",
        "防火墙-東",
        "שלום",
        "a",
    ]
)
texts = st.lists(words, max_size=6).map(", ".join)
rows = st.integers(2, 7).flatmap(
    lambda columns: st.lists(st.tuples(*[texts] * columns), min_size=1, max_size=5)
)


def shown(console: Console, listed: list[tuple[str, ...]]) -> str:
    columns = ("device", "members", "because", "wave", "starts", "groups", "why")
    made = tables.table(columns[: len(listed[0])], title="what there is")
    for row in listed:
        made.add_row(*map(tables.cell, row))
    made.show(console)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@given(rows, st.integers(20, 200))
@settings(max_examples=150, deadline=None)
def test_no_word_is_broken_at_any_width(listed: list[tuple[str, ...]], width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    said = shown(console, listed).split()
    for row in listed:
        for word in " ".join(row).split():
            assert word in said


@given(rows)
@settings(max_examples=50, deadline=None)
def test_a_pipe_gets_one_line_for_each_row(listed: list[tuple[str, ...]]) -> None:
    lines = shown(Console(file=io.StringIO(), width=10_000), listed).splitlines()
    assert len(lines) == len(listed) + 2  # title and columns


@pytest.mark.parametrize(
    ("width", "heading"),
    [(99, False), (100, True)],
    ids=["blocks below 100 columns", "a table from 100 on"],
)
def test_narrow_terminals_get_blocks(width: int, heading: bool) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    said = shown(console, [("fgt-1/root", "10.1.0.1", "")])
    assert ("device" in said) is heading
    assert "fgt-1/root" in said


def test_words_from_outside_steer_no_terminal() -> None:
    console = Console(file=io.StringIO(), width=60, force_terminal=True, color_system=None)
    said = shown(console, [("fgt\x1b[2J", "[bold]x[/bold]", "\u202eabc")])
    assert "\x1b[2J" not in said
    assert safe_text("\u202eabc") in said
    assert "[bold]x[/bold]" in said


def test_people_count_two_before_ten() -> None:
    assert sorted(["fgt-10", "fgt-2", "fgt-1/b", "fgt-1"], key=natural) == [
        "fgt-1", "fgt-1/b", "fgt-2", "fgt-10",
    ]  # fmt: skip
    assert tables.names(["b10", "b9", "b1", "b2"]) == "b1, b2, b9 and 1 more"
