"""Rows for people: a table where every word fits, blocks where it does not, columns on a pipe.

A name or an address is never broken inside a cell: half an address is another address.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from fmgsync.model.target import natural
from fmgsync.model.words import some
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from rich.console import Console

    from fmgsync.wiring.selector_trial import Tried

NARROW = 100
"""On a terminal with fewer columns rows are blocks."""

_GAP = 3
_INDENT = "  "


class Listing:
    """Rows under named columns. Made by `table`, printed by `show`."""

    def __init__(self, columns: Sequence[str], title: str | None) -> None:
        self._columns = tuple(columns)
        self._title = Text(safe_text(title), "bold") if title else None
        self._rows: list[tuple[Text, ...]] = []

    def add_row(self, *cells: Text | str) -> None:
        """One cell for each column; texts are taken as they are, see `cell`."""
        self._rows.append(tuple(c if isinstance(c, Text) else Text(c) for c in cells))

    def show(self, console: Console) -> None:
        """Print all rows in the way this console has room for."""
        if self._title is not None:
            console.print(self._title)
        if not console.is_terminal:
            console.print(self._table(None))
            return
        widths = self._widths(console.width)
        if widths is None:
            self._show_blocks(console)
        else:
            console.print(self._table(widths))

    def _table(self, widths: Sequence[int] | None) -> Table:
        made = Table(box=SIMPLE_HEAD if widths else None, show_edge=False, pad_edge=False)
        for number, name in enumerate(self._columns):
            made.add_column(name, no_wrap=not widths, width=widths[number] if widths else None)
        for row in self._rows:
            made.add_row(*row)
        return made

    def _widths(self, room: int) -> list[int] | None:
        """How wide each column is, words kept whole; None if there is no room for that."""
        if room < NARROW:
            return None
        columns = [
            [name, *(str(row[number]) for row in self._rows)]
            for number, name in enumerate(self._columns)
        ]
        least = [max(map(_longest_word, texts)) for texts in columns]
        widths = [max(1, *map(cell_len, texts)) for texts in columns]
        room -= _GAP * (len(widths) - 1)
        while sum(widths) > room:
            slack, number = max((width - least[n], n) for n, width in enumerate(widths))
            if slack <= 0:
                return None
            widths[number] -= min(slack, sum(widths) - room, max(1, slack // 2))
        return widths

    def _show_blocks(self, console: Console) -> None:
        """The first filled cell is the heading of its row, the others stand below by name."""
        label = max((cell_len(name) for name in self._columns), default=0)
        for row in self._rows:
            filled = [(n, c) for n, c in zip(self._columns, row, strict=True) if c.plain.strip()]
            for number, (name, content) in enumerate(filled):
                lead = Text("" if number == 0 else f"{_INDENT}{name:{label}}  ", "dim")
                for line in _wrapped(content, console.width - cell_len(lead.plain)):
                    console.print(lead + line, soft_wrap=True)
                    lead = Text(" " * cell_len(lead.plain))


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=1)


def _wrapped(content: Text, room: int) -> Iterable[Text]:
    """Lines of whole words; a word that is longer than the room has a line of its own."""
    line, used = Text(style=content.style), 0
    for word in content.plain.split():
        needed = cell_len(word) + (1 if used else 0)
        if used and used + needed > room:
            yield line
            line, used, needed = Text(style=content.style), 0, cell_len(word)
        line.append(f" {word}" if used else word)
        used += needed
    yield line


def print_hanging(console: Console, line: Text, *, indent: int) -> None:
    """One line; on a terminal it goes on under itself, words kept whole."""
    room = console.width - indent
    if not console.is_terminal or _longest_word(line.plain) > room:
        console.print(line, soft_wrap=True)
        return
    lead = Text()
    for part in line.wrap(console, room):
        console.print(lead + part, soft_wrap=True)
        lead = Text(" " * indent)


def table(columns: Sequence[str], *, title: str | None = None) -> Listing:
    """An empty table with these columns."""
    return Listing(columns, title)


def cell(value: object, style: str = "") -> Text:
    """Untrusted text as a cell: no markup, no control characters."""
    return Text(safe_text(str(value)), style=style)


def names(found: Iterable[str], most: int = 3) -> str:
    """`fgt-1, fgt-2, fgt-3 and 17 more`, in natural order."""
    return some(sorted(set(found), key=natural), most)


def many(count: int, noun: str) -> str:
    """`1 group`, `2 groups`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def print_selected(console: Console, canonical: str, tried: Tried) -> None:
    """What a selector selects, and what keeps it from being all."""
    made = table(("cluster", "name", "addresses"), title=canonical)
    for row in tried.rows:
        text = ", ".join(row.addresses) or row.because
        made.add_row(cell(row.cluster), cell(row.name), cell(text))
    made.show(console)
    for note in tried.notes:
        console.print(Text(safe_text(f"note: {note}"), style="yellow"))
    for gap in tried.gaps:
        console.print(Text(safe_text(f"problem: {gap}"), style="red"))
    more = ", and perhaps more" if tried.gaps else ""
    console.print(f"{len(tried.rows)} selected{more}")
