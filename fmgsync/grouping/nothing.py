"""Why a rule publishes nothing: which of its labels nobody has, and what comes nearest to it; or
what it selects has no address."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fmgsync.grouping import selectors
from fmgsync.grouping.doubts import HOST_NETWORK, NOT_ATTACHED
from fmgsync.grouping.selector_tree import Combination, Comparison, Has, Membership, Node
from fmgsync.model.labels import Labels
from fmgsync.model.rule import GroupRule

_CUTOFF: Final = 0.5
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Note:
    """Why a rule publishes nothing of a cluster, or (`partial`) not all that it selects."""

    text: str
    partial: bool = False


def note_on_bare(where: str, bare: Iterable[str], selected: int, *, some: bool) -> Note | None:
    """What a rule selects without an address, by reason; `some` if others have one."""
    kinds = Counter(bare)
    told = " and ".join(f"{count} {why}" for why, count in sorted(kinds.items()))
    advice = "; `publish: node` takes their nodes" if kinds[HOST_NETWORK] else ""
    if not some:
        told = told or "nothing with an address of these families"
        return Note(f"{where}: what it selects has no address: {told}{advice}")
    if kinds[HOST_NETWORK] or kinds[NOT_ATTACHED]:
        return Note(f"{where}: of {selected} pods {told}{advice}", partial=True)
    return None


def nothing(rule: GroupRule, sets: Iterable[Labels], namespaces: Mapping[str, Labels]) -> str:
    """Why the rule selects nothing among what has these label sets (pods, or nodes)."""
    if rule.select_nodes is not None:
        return f"no node matches{nearest(selectors.parse(rule.select_nodes), sets)}"
    spaces = selectors.parse(rule.namespaces)
    if not any(spaces.matches(labels) for labels in namespaces.values()):
        return f"no namespace matches{nearest(spaces, namespaces.values())}"
    select, listed = selectors.parse(rule.select or ""), list(sets)
    inherits = any(key.startswith("pcns.") for key in select.keys)
    if not inherits and any(select.matches(labels) for labels in listed):
        return "the pods that match are in other namespaces than those that match"
    return f"no pod matches{nearest(select, listed)}"


def nothing_among(rule: GroupRule, what: str, sets: Iterable[Labels]) -> str:
    """The same of Services and the like."""
    listed, select = list(sets), selectors.parse(rule.select or "")
    if any(select.matches(labels) for labels in listed):
        return f"the {what} that match are in other namespaces than those that match"
    return f"none of the {what} matches{nearest(select, listed)}"


def nearest(selector: selectors.Selector, sets: Iterable[Labels]) -> str:
    """The first label asked for that nobody has, and the nearest one seen; may be empty."""
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for labels in sets:
        for key, value in labels.items():
            seen[key].add(value)
    for term in _terms(selector.tree):
        if term.key.startswith("pcns."):
            continue
        if term.key not in seen:
            return _told(f"nothing has a label {_cut(term.key)}", _like(term.key, seen))
        values = _values(term)
        if values and not seen[term.key].intersection(values):
            near = _like(values[0], seen[term.key]) or min(seen[term.key])
            what = f"nothing has {term.key} == {_cut(values[0])}"
            return f": {what}; the nearest seen is {term.key} == {_cut(near)}"
    return ""


def _told(what: str, near: str) -> str:
    return f": {what}; the nearest seen is {_cut(near)}" if near else f": {what}"


def _like(word: str, words: Iterable[str]) -> str:
    found = difflib.get_close_matches(word, words, n=1, cutoff=_CUTOFF)
    return found[0] if found else ""


def _terms(node: Node) -> Iterator[Has | Comparison | Membership]:
    """The tests that must be true for something to be selected, in the order written."""
    match node:
        case Combination(_, terms):
            for term in terms:
                yield from _terms(term)
        case Has():
            yield node
        case Comparison(_, operator, _) if operator != "!=":
            yield node
        case Membership(negated=False):
            yield node


def _values(term: Has | Comparison | Membership) -> tuple[str, ...]:
    if isinstance(term, Membership):
        return term.values
    return (term.value,) if isinstance(term, Comparison) and term.operator == "==" else ()


def _cut(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
