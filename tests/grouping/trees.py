"""Selectors and labels drawn at random."""

from __future__ import annotations

from typing import Any, TypeAlias

from hypothesis import strategies as st

Tree: TypeAlias = tuple[Any, ...]


COMPARISONS = ("==", "!=", "contains", "starts with", "ends with")
KEYS = st.sampled_from(("a", "b", "in", "not", "has", "all", "x.y/z-1", "contains"))
VALUES = st.sampled_from(("", "a", "ab", "b", "it's", 'say "a"', " a ", "&&", "\n"))
LABELS = st.dictionaries(KEYS, VALUES, max_size=5)
LEAVES = st.one_of(
    st.tuples(st.sampled_from(COMPARISONS), KEYS, VALUES),
    st.tuples(st.sampled_from(("in", "not in")), KEYS, st.lists(VALUES, max_size=3)),
    st.tuples(st.just("has"), KEYS),
    st.tuples(st.sampled_from(("all", "global"))),
)


TREES: st.SearchStrategy[Tree] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.just("!"), inner),
        st.tuples(st.sampled_from(("&&", "||")), st.lists(inner, min_size=2, max_size=4)),
    ),
    max_leaves=12,
)


def written(tree: Tree, gap: str) -> str:
    """The tree as text, every part in parentheses, so that no precedence is relied on."""
    match tree:
        case (("all" | "global") as word,):
            return f"{word}({gap})"
        case ("has", key):
            return f"has({gap}{key}{gap})"
        case ("!", inner):
            return f"!{gap}({written(inner, gap)})"
        case (("&&" | "||") as operator, list(inner)):
            return f"{gap}{operator}{gap}".join(f"({written(term, gap)})" for term in inner)
        case (("in" | "not in") as word, key, list(values)):
            return f"{key} {word}{gap}{{{gap}{','.join(map(quoted, values))}{gap}}}"
        case (operator, key, value):
            return f"{key} {operator}{gap}{quoted(value)}"
    raise AssertionError(tree)


def quoted(value: str) -> str:
    return f'"{value}"' if "'" in value else f"'{value}'"
