"""FortiOS CLI text, as an install preview shows it, read into the objects it would change.

`config TABLE`, `edit NAME`, `set ...`, `next`, `end`, nested; the tables of a VDOM may stand inside
`config vdom` / `edit NAME`, device-wide ones inside `config global`. Older releases write no
indentation and begin with stray `next` and `end` ("How to FortiManager API", 007 and 008; the
networktocode collection shows the old form). Lines that do not fit are kept, so that somebody
looks at them: nothing may hide in an unexpected shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from fmgsync.model.preview import PendingEdit

_TITLE = re.compile(r"=+ [^=]{1,200} =+")
_WORD_OF_A_TABLE = re.compile(r"[\w.-]+", re.ASCII)
"""Anything else may be a quote that has swallowed what follows."""
_LONGEST_VALUE = 200
"""Lines of a quoted value (a certificate has about 40). A quote open for longer is a stray one."""


def parse(text: str) -> tuple[PendingEdit, ...]:
    """The edits in the order of the text; none for an empty preview."""
    reader = _Reader()
    for line, words in _statements(text):
        reader.take(line, words)
    return tuple(reader.finish())


@dataclass(slots=True)
class _Table:
    """A `config` that is open, and the object in it that is being edited."""

    name: str
    object: str | None = None
    lines: list[str] = field(default_factory=list)
    depth: int = 0
    """Tables open inside the object: they belong to it."""


class _Reader:
    """Follows the nesting."""

    def __init__(self) -> None:
        self._vdoms = False  # inside `config vdom`
        self._global = False  # inside `config global`
        self._vdom: str | None = None
        self._table: _Table | None = None
        self._found: list[PendingEdit] = []

    def take(self, line: str, words: list[str] | None) -> None:
        """One statement; `words` None where its quotes do not close."""
        if words is None:
            self._found.append(PendingEdit("", None, (line,), self._vdom))
        elif self._table is None:
            self._between_tables(line, words)
        elif self._table.object is None:
            self._in_table(self._table, line, words)
        else:
            self._in_object(self._table, line, words[0])

    def finish(self) -> list[PendingEdit]:
        """All edits; what was still open when the text ended counts as well."""
        if self._table is not None:
            self._close_table(self._table)
        return self._found

    def _between_tables(self, line: str, words: list[str]) -> None:
        match words:
            case ["config", "vdom"] if not self._vdoms and not self._global:
                self._vdoms = True
            case ["config", "global"] if not self._vdoms and not self._global:
                self._global = True
            case ["edit", vdom] if self._vdoms and self._vdom is None:
                self._vdom = vdom
            case ["config", *name] if name and all(map(_WORD_OF_A_TABLE.fullmatch, name)):
                self._table = _Table(" ".join(name))
            case ["next"]:
                self._vdom = None
            case ["end"]:
                self._vdom, self._vdoms, self._global = None, False, False
            case _ if not _TITLE.fullmatch(line):
                self._found.append(PendingEdit("", None, (line,), self._vdom))

    def _in_table(self, table: _Table, line: str, words: list[str]) -> None:
        match words:
            case ["edit", name]:
                self._store(table)
                table.object = name
            case ["delete", *names] if names:
                self._found.extend(
                    PendingEdit(table.name, name, (line,), self._vdom, deletes=True)
                    for name in names
                )
            case ["end"]:
                self._close_table(table)
            case ["next"]:
                pass
            case _:  # settings without an object, `purge`, `move`, tables inside settings
                if words[0] == "config":
                    table.object, table.depth = "", 1
                table.lines.append(line)

    def _in_object(self, table: _Table, line: str, verb: str) -> None:
        if verb == "config":
            table.depth += 1
        elif verb == "end":
            if not table.depth:  # without a `next` before it
                self._close_table(table)
                return
            table.depth -= 1
        elif verb == "next" and not table.depth:
            self._store(table)
            return
        table.lines.append(line)
        if not table.depth and table.object == "":
            table.object = None  # back among the settings

    def _store(self, table: _Table) -> None:
        if table.lines or table.object:
            name = table.object or None
            self._found.append(PendingEdit(table.name, name, tuple(table.lines), self._vdom))
        table.object, table.lines, table.depth = None, [], 0

    def _close_table(self, table: _Table) -> None:
        self._store(table)
        self._table = None


def _statements(text: str) -> Iterator[tuple[str, list[str] | None]]:
    """Statements with their words; a quoted value may span lines. None: its quotes never close."""
    lines = text.split("\n")
    position = 0
    while position < len(lines):
        first = lines[position].lstrip()
        ends = position + 1
        is_open = _is_open(first, False)
        if not is_open:
            first = first.rstrip()  # an open quote may end in blanks that belong to its value
        while is_open and ends < len(lines) and ends - position < _LONGEST_VALUE:
            is_open = _is_open(lines[ends], True)
            ends += 1
        if is_open:
            yield first.rstrip(), None
            position += 1
            continue
        statement = "\n".join([first, *lines[position + 1 : ends]])
        if statement:
            yield statement, _words(statement)
        position = ends


_QUOTE_OR_ESCAPE = re.compile(r"\\.|\"", re.DOTALL)
_WORD = re.compile(r"(?:\"(?:\\.|[^\"\\])*\"|\\.|[^\s\"])+", re.DOTALL)
_UNQUOTE = re.compile(r"\\(.)|\"", re.DOTALL)


def _is_open(line: str, was_open: bool) -> bool:
    """Whether a quoted value is still open after this line.

    FortiOS prints double quotes only; an apostrophe is a letter, lest it hide what follows.
    """
    quotes = sum(found.group() == '"' for found in _QUOTE_OR_ESCAPE.finditer(line))
    return was_open != bool(quotes % 2)


def _words(statement: str) -> list[str]:
    """Words as FortiOS separates them: quotes group, a backslash takes the next one literally."""
    if '"' not in statement and "\\" not in statement:
        return statement.split()
    return [_UNQUOTE.sub(r"\1", word) for word in _WORD.findall(statement)]
