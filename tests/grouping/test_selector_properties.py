"""Selectors as a language: printing and parsing agree, matching equals a naive evaluator."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.grouping.selectors import SelectorError, parse
from tests.grouping.trees import LABELS, TREES, Tree, written


def naive(tree: Tree, labels: Mapping[str, str]) -> bool:
    """The documented meaning, word for word."""
    match tree:
        case ("all",) | ("global",):
            return True
        case ("has", key):
            return key in labels
        case ("!", inner):
            return not naive(inner, labels)
        case ("&&", list(inner)):
            return all(naive(term, labels) for term in inner)
        case ("||", list(inner)):
            return any(naive(term, labels) for term in inner)
        case ("!=", key, value):
            return key not in labels or labels[key] != value
        case ("not in", key, values):
            return key not in labels or labels[key] not in values
    word, key, value = tree
    if key not in labels:
        return False
    found = labels[key]
    if word in {"==", "in"}:
        return found == value if word == "==" else found in value
    tests = {"contains": value in found, "starts with": found.startswith(value)}
    return tests.get(word, found.endswith(value))


@settings(max_examples=200, deadline=None)
@given(tree=TREES, labels=LABELS, gap=st.sampled_from(("", " ", "\t ")))
def test_matching_equals_the_naive_evaluator(tree: Tree, labels: dict[str, str], gap: str) -> None:
    assert parse(written(tree, gap)).matches(labels) is naive(tree, labels)


@settings(max_examples=200, deadline=None)
@given(tree=TREES, labels=LABELS, gap=st.sampled_from(("", " ", "\t ")))
def test_printing_and_parsing_are_inverse(tree: Tree, labels: dict[str, str], gap: str) -> None:
    selector = parse(written(tree, gap))
    again = parse(str(selector))
    assert again == selector
    assert str(again) == str(selector)
    assert again.keys == selector.keys
    assert again.matches(labels) is selector.matches(labels)


WORDS = ("has(", "has", "all()", "all(", "a", "in", "not", "starts", "with", "contains", "é")
SYMBOLS = ("(", ")", "!", "&&", "||", "==", "!=", "=", "{", "}", ",", "'x'", '"', "'")
PIECES = st.sampled_from((*WORDS, *SYMBOLS, " ", "\t", "\n", "\x1b"))


@settings(max_examples=200, deadline=None)
@given(text=st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=12).map("".join)))
def test_arbitrary_text_parses_or_raises_selector_error(text: str) -> None:
    fault = None
    try:
        selector = parse(text)
    except SelectorError as error:
        fault = error
    if fault is None:
        assert parse(str(selector)) == selector
    else:
        assert 0 <= fault.position <= len(text)
        assert all(line.isprintable() for line in str(fault).split("\n"))
