"""What one rule selects in the clusters of a configuration, and what keeps that from being sure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from fmgsync import errors
from fmgsync.grouping import clusters, policies, selectors
from fmgsync.grouping.holdings import Ranges
from fmgsync.grouping.membership import ClusterMembership
from fmgsync.model.address import Address, Family
from fmgsync.model.endpoint import ClusterSnapshot, whole
from fmgsync.model.rule import GroupRule, RuleSet
from fmgsync.settings import load, rules
from fmgsync.wiring import wiring

BOTH: Final = frozenset(Family)
_NAMED: Final = 20


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
    text += f" in namespaces {spaces}" if spaces != "all()" else ""
    return f"{text} of service accounts {rule.accounts}" if rule.accounts else text


def tried(config: Path, rule: GroupRule, *, tell: Callable[[str], None]) -> Tried:
    """Read the clusters the rule is about, and ask it of each. One that fails is a gap."""
    selectors.parse(rule.select_nodes or rule.select or "")
    selectors.parse(rule.namespaces)
    read = _read(config, [rule], rule.clusters, tell)
    return _asked(config, [rule], read, read.gaps)


def tried_group(config: Path, name: str, *, tell: Callable[[str], None]) -> tuple[str, Tried]:
    """The same of a group, and its selectors. Raises UsageError if there is none of that name."""
    known = rules.rule_set(load.load_config(config))
    rule = next((rule for rule in known.rules if rule.name == name), None)
    if rule is not None:
        return canonical(rule), tried(config, rule, tell=tell)
    gaps: tuple[str, ...] = ()
    read = _Read()
    if known.from_policies:
        read = _read(config, [], None, tell)
        views = {each: policies.view(read.snapshots.get(each), each) for each in read.clusters}
        known = policies.derived(known, views)
        gaps = (*read.gaps, *filter(None, [known.unread]))
    names = {name, *(own for own, other in known.aliases.items() if other == name)}
    found = [rule for rule in known.rules if rule.name in names]
    told = [each.message for each in known.problems if each.name in names]
    if not found:
        raise _no_group(config, name, known, "; ".join(told or gaps))
    result = _asked(config, found, read, gaps)
    titles = dict.fromkeys(map(canonical, found))
    return "; ".join(titles), replace(result, notes=(*told, *result.notes))


def _no_group(config: Path, name: str, known: RuleSet, why: str) -> errors.UsageError:
    names = sorted({rule.name for rule in known.rules})
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return errors.UsageError(
        f"no group {name!r}" + (f": {why}" if why else ""),
        where=str(config),
        next_step=f"name one of: {', '.join(names[:_NAMED]) or 'there is none'}{more}",
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """The clusters that were asked, and what those that answered hold."""

    clusters: tuple[str, ...] = ()
    snapshots: Mapping[str, ClusterSnapshot] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()


def _read(
    config: Path,
    more: list[GroupRule],
    only: frozenset[str] | None,
    tell: Callable[[str], None],
) -> _Read:
    sources = wiring.make_sources(config, more)
    asked = {each: read for each, read in sources.items() if only is None or each in only}
    found: dict[str, ClusterSnapshot] = {}
    gaps: list[str] = []
    for name, read in asked.items():
        tell(f"reading cluster {name}")
        try:
            found[name] = read()
        except errors.SourceError as error:
            gaps.append(str(error))
    return _Read(tuple(asked), found, tuple(gaps))


def _asked(config: Path, asked: Sequence[GroupRule], read: _Read, gaps: tuple[str, ...]) -> Tried:
    """Each cluster's answer to those of the rules that are about it."""
    ranges = rules.allowed_ranges(load.load_config(config))
    found = [
        _in_cluster(rule, snapshot, ranges.get(name))
        for name, snapshot in read.snapshots.items()
        for rule in asked
        if rule.clusters is None or name in rule.clusters
    ]
    return Tried(
        tuple(row for each in found for row in each.rows),
        (*gaps, *(gap for each in found for gap in each.gaps)),
        tuple(note for each in found for note in each.notes),
    )


def _in_cluster(rule: GroupRule, snapshot: ClusterSnapshot, ranges: Ranges | None) -> Tried:
    asked = ClusterMembership(snapshot.cluster, [rule], ranges)
    asked.apply(whole(snapshot))
    ((_, found),) = asked.members()
    _, refused = clusters.split_publishable(found.addresses, ranges)
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
