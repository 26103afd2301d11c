"""The parts of a parsed selector: what each prints, which keys it names, how it matches.

Matching is compiled into closures once, because one selector is asked about every label set of
every cluster. Nesting is bounded by the parser, so plain recursion is safe here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Matcher: TypeAlias = Callable[[Mapping[str, str]], bool]


@dataclass(frozen=True, slots=True)
class Everything:
    """`all()` or `global()`: true for any labels. `word` is the one that was written."""

    word: str

    def write(self, out: list[str]) -> None:
        """Append the canonical text."""
        out.append(f"{self.word}()")

    def collect_keys(self, out: set[str]) -> None:
        """No keys."""

    def matcher(self) -> Matcher:
        """Always true."""
        return lambda _labels: True


@dataclass(frozen=True, slots=True)
class Has:
    """`has(key)`: true if the key is there, even with an empty value."""

    key: str

    def write(self, out: list[str]) -> None:
        """Append the canonical text."""
        out.append(f"has({self.key})")

    def collect_keys(self, out: set[str]) -> None:
        """Add the one key."""
        out.add(self.key)

    def matcher(self) -> Matcher:
        """Presence."""
        key = self.key
        return lambda labels: key in labels


@dataclass(frozen=True, slots=True)
class Comparison:
    """`key OPERATOR "value"`. An absent key satisfies `!=` and no other operator."""

    key: str
    operator: str
    value: str

    def write(self, out: list[str]) -> None:
        """Append the canonical text."""
        out.append(f"{self.key} {self.operator} {quoted(self.value)}")

    def collect_keys(self, out: set[str]) -> None:
        """Add the one key."""
        out.add(self.key)

    def matcher(self) -> Matcher:
        """The closure of this operator."""
        return _COMPARISONS[self.operator](self.key, self.value)


@dataclass(frozen=True, slots=True)
class Membership:
    """`key in {..}` or `key not in {..}`; `values` are sorted and differ from one another.

    An absent key is in no set, so it satisfies `not in`.
    """

    key: str
    values: tuple[str, ...]
    negated: bool

    def write(self, out: list[str]) -> None:
        """Append the canonical text."""
        word = "not in" if self.negated else "in"
        out.append(f"{self.key} {word} {{{', '.join(map(quoted, self.values))}}}")

    def collect_keys(self, out: set[str]) -> None:
        """Add the one key."""
        out.add(self.key)

    def matcher(self) -> Matcher:
        """Membership; None, which stands for an absent key, is in no set of strings."""
        key, values = self.key, frozenset(self.values)
        if self.negated:
            return lambda labels: labels.get(key) not in values
        return lambda labels: labels.get(key) in values


@dataclass(frozen=True, slots=True)
class Not:
    """`!term`; the parser never nests two directly."""

    term: Node

    def write(self, out: list[str]) -> None:
        """Append the canonical text."""
        out.append("!")
        self.term.write(out)

    def collect_keys(self, out: set[str]) -> None:
        """Add the term's keys."""
        self.term.collect_keys(out)

    def matcher(self) -> Matcher:
        """The opposite of the term."""
        match = self.term.matcher()
        return lambda labels: not match(labels)


@dataclass(frozen=True, slots=True)
class Combination:
    """Two or more terms joined by `&&` or by `||`, in the order written."""

    operator: str
    terms: tuple[Node, ...]

    def write(self, out: list[str]) -> None:
        """Append the canonical text, in parentheses."""
        before = "("
        for term in self.terms:
            out.append(before)
            term.write(out)
            before = f" {self.operator} "
        out.append(")")

    def collect_keys(self, out: set[str]) -> None:
        """Add the keys of all terms."""
        for term in self.terms:
            term.collect_keys(out)

    def matcher(self) -> Matcher:
        """Every term, or any: stops at the first that decides."""
        matchers = tuple(term.matcher() for term in self.terms)
        return _every(matchers) if self.operator == "&&" else _any(matchers)


Node: TypeAlias = Everything | Has | Comparison | Membership | Not | Combination


def truth(node: Node, labels: Mapping[str, str], doubts: Callable[[str], bool]) -> bool | None:
    """Whether the selector is true where nothing can be said of some keys; None: nobody can tell.

    Kleene's logic: an "and" with a false term is false whatever the others are.
    """
    match node:
        case Everything():
            return True
        case Not(term):
            found = truth(term, labels, doubts)
            return None if found is None else not found
        case Combination(operator, terms):
            deciding = operator == "||"
            found_all = [truth(term, labels, doubts) for term in terms]
            if deciding in found_all:
                return deciding
            return None if None in found_all else not deciding
        case _:
            return None if doubts(node.key) else node.matcher()(labels)


def quoted(value: str) -> str:
    """A value in double quotes, or in single ones if it has a double one (it never has both)."""
    return f"'{value}'" if '"' in value else f'"{value}"'


def _equal(key: str, value: str) -> Matcher:
    return lambda labels: labels.get(key) == value


def _unequal(key: str, value: str) -> Matcher:
    return lambda labels: labels.get(key) != value


def _contains(key: str, value: str) -> Matcher:
    return lambda labels: (found := labels.get(key)) is not None and value in found


def _starts_with(key: str, value: str) -> Matcher:
    return lambda labels: (found := labels.get(key)) is not None and found.startswith(value)


def _ends_with(key: str, value: str) -> Matcher:
    return lambda labels: (found := labels.get(key)) is not None and found.endswith(value)


_COMPARISONS: Final[Mapping[str, Callable[[str, str], Matcher]]] = {
    "==": _equal,
    "!=": _unequal,
    "contains": _contains,
    "starts with": _starts_with,
    "ends with": _ends_with,
}


def _every(matchers: tuple[Matcher, ...]) -> Matcher:
    if len(matchers) == 2:  # by far the most frequent; without a loop twice as fast
        first, second = matchers
        return lambda labels: first(labels) and second(labels)

    def match(labels: Mapping[str, str]) -> bool:
        for matcher in matchers:  # noqa: SIM110 (a generator would cost a frame per label set)
            if not matcher(labels):
                return False
        return True

    return match


def _any(matchers: tuple[Matcher, ...]) -> Matcher:
    if len(matchers) == 2:
        first, second = matchers
        return lambda labels: first(labels) or second(labels)

    def match(labels: Mapping[str, str]) -> bool:
        for matcher in matchers:  # noqa: SIM110 (as above)
            if matcher(labels):
                return True
        return False

    return match


def leaves(node: Node) -> Iterator[Node]:
    """The single conditions of a selector, each with the "not" in front of it, as written."""
    match node:
        case Combination(_, terms):
            for term in terms:
                yield from leaves(term)
        case Not(Combination()):
            for leaf in leaves(node.term):
                yield leaf.term if isinstance(leaf, Not) else Not(leaf)
        case _:
            yield node
