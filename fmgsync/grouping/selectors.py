"""The Calico selector language over labels, complete: `parse(text).matches(labels)`.

Selectors compare, hash and print by their canonical form (double quotes, sorted sets, one blank
around operators, combinations in parentheses), so `a=='x'` equals `a == "x"`. Reading the text is
`selector_parser`'s work, what each part means `selector_tree`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, final

from fmgsync.errors import SelectorError
from fmgsync.grouping.selector_parser import MAX_DEPTH, MAX_KEY_LENGTH, MAX_LENGTH, parse_tree
from fmgsync.grouping.selector_tree import Matcher, Node, leaves, truth

__all__ = ["MAX_DEPTH", "MAX_KEY_LENGTH", "MAX_LENGTH", "Selector", "SelectorError", "parse"]

_LONGEST_REMEMBERED: Final = 10_000
"""Characters up to which a parsed selector is kept: together at most some tens of megabytes."""


@final
class Selector:
    """A parsed selector. Immutable; `keys` are the label keys it mentions."""

    __slots__ = ("_canonical", "_match", "_tree", "keys")

    _canonical: str
    _match: Matcher
    _tree: Node
    keys: frozenset[str]

    def __init__(self, tree: Node) -> None:
        out: list[str] = []
        tree.write(out)
        keys: set[str] = set()
        tree.collect_keys(keys)
        for name, value in (
            ("_tree", tree),
            ("_canonical", "".join(out)),
            ("_match", tree.matcher()),
            ("keys", frozenset(keys)),
        ):
            object.__setattr__(self, name, value)

    @property
    def tree(self) -> Node:
        """What was parsed, for those who ask what it means besides whether it matches."""
        return self._tree

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an endpoint with these labels is selected."""
        return self._match(labels)

    def truth(self, labels: Mapping[str, str], doubts: Callable[[str], bool]) -> bool | None:
        """The same where nothing can be said of the keys that `doubts`; None: nobody can tell."""
        return truth(self._tree, labels, doubts)

    def terms(self) -> tuple[Selector, ...]:
        """The single conditions it is made of, for those who ask which of them is not true."""
        return tuple(Selector(leaf) for leaf in leaves(self._tree))

    def __str__(self) -> str:
        return self._canonical

    def __repr__(self) -> str:
        return f"Selector({self._canonical!r})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Selector):
            return self._canonical == other._canonical
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._canonical)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a selector cannot be changed ({name})")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a selector cannot be changed ({name})")

    def __reduce__(self) -> tuple[object, ...]:
        return Selector, (self._tree,)


def parse(text: str) -> Selector:
    """The selector a text stands for; the same text again costs a look-up.

    Raises SelectorError with the position of the fault. Nothing, or blanks alone, is `all()`.
    """
    return _remembered(text) if len(text) <= _LONGEST_REMEMBERED else Selector(parse_tree(text))


@lru_cache(maxsize=4096)
def _remembered(text: str) -> Selector:
    return Selector(parse_tree(text))
