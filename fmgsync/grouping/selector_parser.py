"""From selector text to its parts, in one pass and without recursion.

The grammar is the one published for Calico selectors
(https://docs.tigera.io/calico/latest/reference/resources/globalnetworkpolicy#selectors), with the
details of its open-source parser: blanks are spaces and tabs only, word operators exist only
directly after a key, the parenthesis of `has(` touches the word, values have no escapes.

    selector := nothing | or                    nothing, or blanks alone, selects everything
    or       := and { "||" and }
    and      := unary { "&&" unary }
    unary    := { "!" } ( "(" or ")" | test )
    test     := "all()" | "global()" | "has(" key ")" | key operator value | key ["not"] "in" set
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from fmgsync.errors import SelectorError
from fmgsync.grouping import selector_hints as hints
from fmgsync.grouping.selector_tree import (
    Combination,
    Comparison,
    Everything,
    Has,
    Membership,
    Node,
    Not,
)

MAX_LENGTH: Final = 1_000_000
"""Characters in a selector; a Kubernetes object cannot carry more either."""

MAX_DEPTH: Final = 64
"""Parentheses open at the same time, in the text as well as in its canonical form, which puts
every combination in parentheses."""

MAX_KEY_LENGTH: Final = 512

_BLANKS = re.compile(r"[ \t]*")
_NEGATIONS = re.compile(r"(?:![ \t]*)*")
_KEY = re.compile(r"[A-Za-z0-9_./-]+")
_CALL = re.compile(r"(all|global|has)\(")
_SYMBOLS = ("==", "!=")
_WORDS: Final = {
    "contains": "contains",
    "startswith": "starts with",
    "endswith": "ends with",
    "in": "in",
    "notin": "not in",
}
_SPLIT_WORDS: Final = {"starts": "with", "ends": "with", "not": "in"}


class _Term(NamedTuple):
    """A part, and how many combinations nest in it."""

    node: Node
    depth: int


@dataclass(slots=True)
class _Level:
    """What was read since one open parenthesis: closed `&&` runs, and the run being read.

    `position` is where the parenthesis is, `negated` whether an odd number of `!` precedes it.
    """

    position: int
    negated: bool
    alternatives: list[_Term] = field(default_factory=list)
    run: list[_Term] = field(default_factory=list)

    def close_run(self) -> None:
        self.alternatives.append(_joined("&&", self.run))
        self.run = []

    def close(self) -> _Term:
        self.close_run()
        whole = _joined("||", self.alternatives)
        return _negated(whole) if self.negated else whole


def parse_tree(text: str) -> Node:
    """The parts of a selector. Raises SelectorError; takes time linear in the text's length."""
    if len(text) > MAX_LENGTH:
        raise SelectorError(
            f"the selector has {len(text)} characters, more than {MAX_LENGTH}",
            text=text,
            position=MAX_LENGTH,
        )
    return _Parser(text).selector()


def _joined(operator: str, terms: list[_Term]) -> _Term:
    if len(terms) == 1:
        return terms[0]
    nodes = tuple(term.node for term in terms)
    return _Term(Combination(operator, nodes), 1 + max(term.depth for term in terms))


def _negated(term: _Term) -> _Term:
    node = term.node
    return _Term(node.term if isinstance(node, Not) else Not(node), term.depth)


class _Parser:
    """The text and how far it has been read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def selector(self) -> Node:
        """The whole text as one selector."""
        self._skip_blanks()
        if self.at == len(self.text):
            return Everything("all")
        levels = [_Level(position=0, negated=False)]
        while True:
            if self._open_parentheses(levels):
                continue
            if (whole := self._close_and_join(levels)) is not None:
                return whole

    def _open_parentheses(self, levels: list[_Level]) -> bool:
        """Read one unary up to its test; true if it opened a parenthesis instead."""
        start = self.at
        self._skip(_NEGATIONS)
        negated = self.text.count("!", start, self.at) % 2 == 1
        if self._take("("):
            if len(levels) > MAX_DEPTH:
                raise self._too_deep(self.at - 1)
            levels.append(_Level(position=self.at - 1, negated=negated))
            self._skip_blanks()
            return True
        test = _Term(self._test(), 0)
        levels[-1].run.append(_negated(test) if negated else test)
        return False

    def _close_and_join(self, levels: list[_Level]) -> Node | None:
        """After a term: close parentheses, then an operator (None) or the end (the selector)."""
        self._skip_blanks()
        while len(levels) > 1 and self._take(")"):
            levels[-2].run.append(self._closed(levels.pop()))
            self._skip_blanks()
        level = levels[-1]
        if self._take("||"):
            level.close_run()
        elif not self._take("&&"):
            return self._end(levels)
        self._skip_blanks()
        return None

    def _end(self, levels: list[_Level]) -> Node:
        if self.at < len(self.text):
            raise self._fault(*hints.instead_of_operator(self.text, self.at))
        if len(levels) > 1:
            raise self._fault("this parenthesis is never closed", at=levels[-1].position)
        return self._closed(levels[0]).node

    def _closed(self, level: _Level) -> _Term:
        term = level.close()
        if term.depth > MAX_DEPTH:
            raise self._too_deep(level.position)
        return term

    def _test(self) -> Node:
        if call := _CALL.match(self.text, self.at):
            return self._call(call)
        key = self._key(hints.instead_of_test)
        self._skip_blanks()
        operator = self._operator(key)
        self._skip_blanks()
        if operator in {"in", "not in"}:
            return Membership(key, self._set(), negated=operator == "not in")
        return Comparison(key, operator, self._value(hints.instead_of_value))

    def _call(self, call: re.Match[str]) -> Node:
        word = call[1]
        self.at = call.end()
        self._skip_blanks()
        node: Node = Everything(word)
        if word == "has":
            node = Has(self._key(hints.instead_of_key))
            self._skip_blanks()
        if not self._take(")"):
            raise self._fault(*hints.instead_of_closing(word, self.text, self.at))
        return node

    def _key(self, hint: hints.Hint) -> str:
        found = _KEY.match(self.text, self.at)
        if found is None:
            raise self._fault(*hint(self.text, self.at))
        if len(found[0]) > MAX_KEY_LENGTH:
            raise self._fault(f"a label key has at most {MAX_KEY_LENGTH} characters")
        self.at = found.end()
        return found[0]

    def _operator(self, key: str) -> str:
        for symbol in _SYMBOLS:
            if self._take(symbol):
                return symbol
        start = self.at
        word = self._word()
        if (second := _SPLIT_WORDS.get(word)) is not None:
            self._skip_blanks()
            if self._word() == second:
                word += second
        if (operator := _WORDS.get(word)) is not None:
            return operator
        raise self._fault(*hints.instead_of_comparison(key, self.text, start), at=start)

    def _word(self) -> str:
        found = _KEY.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def _set(self) -> tuple[str, ...]:
        if not self._take("{"):
            raise self._fault(*hints.instead_of_set(self.text, self.at))
        values = set()
        self._skip_blanks()
        while not self._take("}"):
            values.add(self._value(hints.instead_of_member))
            self._skip_blanks()
            if self._take(","):
                self._skip_blanks()
            elif not self.text.startswith("}", self.at):
                raise self._fault(*hints.instead_of_comma(self.text, self.at))
        return tuple(sorted(values))

    def _value(self, hint: hints.Hint) -> str:
        quote = self.text[self.at : self.at + 1]
        if quote not in {'"', "'"}:
            raise self._fault(*hint(self.text, self.at))
        end = self.text.find(quote, self.at + 1)
        if end < 0:
            raise self._fault(*hints.unclosed_quote(self.text, self.at))
        value = self.text[self.at + 1 : end]
        self.at = end + 1
        return value

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()

    def _skip_blanks(self) -> None:
        self._skip(_BLANKS)

    def _take(self, symbol: str) -> bool:
        if not self.text.startswith(symbol, self.at):
            return False
        self.at += len(symbol)
        return True

    def _too_deep(self, at: int) -> SelectorError:
        return self._fault(f"terms are nested more than {MAX_DEPTH} deep", at=at)

    def _fault(
        self, problem: str, hint: str | None = None, *, at: int | None = None
    ) -> SelectorError:
        position = self.at if at is None else at
        return SelectorError(problem, text=self.text, position=position, next_step=hint)
