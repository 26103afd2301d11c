"""What one rule selects in the clusters of a configuration, and what keeps that from being sure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fmgsync import errors
from fmgsync.grouping import desired, policies, selectors
from fmgsync.grouping.holdings import Ranges
from fmgsync.grouping.membership import ClusterMembership
from fmgsync.model.address import Address, Family
from fmgsync.model.endpoint import ClusterSnapshot, whole
from fmgsync.model.rule import GroupRule
from fmgsync.settings import load, rules
from fmgsync.wiring import wiring

BOTH: Final = frozenset(Family)


@dataclass(frozen=True, slots=True)
class Row:
    """Something selected; `because` says why it has no address, or not all."""

    cluster: str
    name: str
    addresses: tuple[Address, ...]
    because: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """What is selected. With `gaps` it may not be all; `notes` are what else should be known."""

    rows: tuple[Row, ...]
    gaps: tuple[str, ...]
    notes: tuple[str, ...]


def canonical(rule: GroupRule) -> str:
    """The rule's selectors as they were understood."""
    text = str(selectors.parse(rule.select_nodes or rule.select or ""))
    spaces = str(selectors.parse(rule.namespaces))
    return text if spaces == "all()" else f"{text} in namespaces {spaces}"


def rule_of(config: Path, name: str) -> GroupRule:
    """A group of the configuration. Raises UsageError if there is none of that name."""
    found = {rule.name: rule for rule in rules.rule_set(load.load_config(config)).rules}
    if name not in found:
        raise errors.UsageError(
            f"no group {name!r}",
            where=str(config),
            next_step=f"name one of: {', '.join(sorted(found)) or 'there is none'}",
        )
    return found[name]


def tried(config: Path, rule: GroupRule, *, tell: Callable[[str], None]) -> Tried:
    """Read the clusters the rule is about, and ask it of each. One that fails is a gap."""
    selectors.parse(rule.select_nodes or rule.select or "")
    selectors.parse(rule.namespaces)
    sources = wiring.make_sources(config, command="selector", more=[rule])
    ranges = rules.allowed_ranges(load.load_config(config))
    rows: list[Row] = []
    gaps: list[str] = []
    notes: list[str] = []
    for name, read in sources.items():
        if rule.clusters is not None and name not in rule.clusters:
            continue
        tell(f"reading cluster {name}")
        try:
            snapshot = read()
        except errors.SourceError as error:
            gaps.append(str(error))
            continue
        one = _in_cluster(rule, snapshot, ranges.get(name))
        rows += one.rows
        gaps += one.gaps
        notes += one.notes
    return Tried(tuple(rows), tuple(gaps), tuple(notes))


def _in_cluster(rule: GroupRule, snapshot: ClusterSnapshot, ranges: Ranges | None) -> Tried:
    asked = ClusterMembership(snapshot.cluster, [rule], ranges)
    asked.apply(whole(snapshot))
    ((_, found),) = asked.members()
    _, refused = desired.split_publishable(found.addresses, ranges)
    withheld = {**dict(found.withheld), **dict(refused)}
    rows = [
        Row(snapshot.cluster, name, tuple(a for a in addresses if a not in withheld), why)
        for name, addresses, why in asked.selected(rule.name)
    ]
    problems = policies.that_matter(snapshot.problems, asked.needs)
    told = [f"cluster {snapshot.cluster}: {p.where}: {p.message}" for p in problems]
    note = asked.note_on(rule.name) if found.complete else None
    notes = [f"{address} {reason}; not published" for address, reason in sorted(withheld.items())]
    notes += [note.text] if note else []
    if found.complete:
        return Tried(tuple(rows), (), (*told, *notes))
    return Tried(tuple(rows), (found.because, *told), tuple(notes))
