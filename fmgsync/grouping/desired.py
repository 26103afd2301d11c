"""Members x sites -> what one ADOM should hold.

Each DeviceVdom gets the addresses of the clusters behind it and of no other. What two clusters
behind one firewall claim is withheld and reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from fmgsync.grouping.clusters import Members
from fmgsync.model.address import Address, Family, family
from fmgsync.model.change import Finding
from fmgsync.model.rule import GroupRule, MappingMode, ResolvedSite, RuleSet
from fmgsync.model.state import DesiredAdom, DesiredGroup, DesiredMembers
from fmgsync.model.target import DeviceVdom, TargetKind, TargetRef

MISSING = "missing-place"


def desired_adom(
    ref: TargetRef,
    *,
    owner: str,
    rules: RuleSet,
    sites: Sequence[ResolvedSite],
    members: Members,
) -> DesiredAdom:
    """What the ADOM `ref` should hold. `sites` are those of this ADOM, devices resolved."""
    behind, tolerant = _clusters_behind(sites)
    lost = frozenset().union(*(site.clusters for site in sites if site.missing))
    withheld, findings = _overlaps(behind, tolerant, members)
    groups: list[DesiredGroup] = []
    for rule in rules.groups():
        places = {
            target: clusters & rule.clusters if rule.clusters is not None else clusters
            for target, clusters in behind.items()
        }
        places = {target: clusters for target, clusters in places.items() if clusters}
        gone = lost if rule.clusters is None else lost & rule.clusters
        if places or gone:
            groups.extend(_groups(rule, places, members, withheld, gone))
    return DesiredAdom(
        ref,
        owner,
        tuple(groups),
        findings,
        rules.unread,
        _missing(ref, sites),
        aliases=rules.aliases,
        broad=rules.broad,
        behind=frozenset(behind),
    )


def _missing(ref: TargetRef, sites: Iterable[ResolvedSite]) -> tuple[Finding, ...]:
    """For people: these parts of the sites are left as they are."""
    left = "what FortiManager holds for it is left as it is, and for devices that no site names"
    because = "nobody is asked for it" if ref.kind is TargetKind.FORTIGATE else left
    found = dict.fromkeys(part for site in sites for part in site.missing)
    return tuple(
        Finding(
            MISSING,
            name,
            f"{why}; {because}: correct 'sites'",
            is_error=True,
        )
        for name, why in found
    )


def _clusters_behind(
    sites: Iterable[ResolvedSite],
) -> tuple[dict[DeviceVdom, frozenset[str]], set[DeviceVdom]]:
    """The clusters behind each DeviceVdom, and the DeviceVdoms that tolerate overlap."""
    behind: defaultdict[DeviceVdom, set[str]] = defaultdict(set)
    tolerant: set[DeviceVdom] = set()
    for site in sites:
        for target in site.targets:
            behind[target] |= site.clusters
            if site.allow_overlap:
                tolerant.add(target)
    return {target: frozenset(behind[target]) for target in sorted(behind)}, tolerant


def _overlaps(
    behind: Mapping[DeviceVdom, frozenset[str]], tolerant: set[DeviceVdom], members: Members
) -> tuple[dict[DeviceVdom, frozenset[Address]], tuple[Finding, ...]]:
    """Addresses that two clusters behind one DeviceVdom claim, over all rules.

    A firewall cannot tell the two apart, so neither is let through.
    """
    if all(len(clusters) < 2 for clusters in behind.values()):
        return {}, ()
    published: defaultdict[str, set[Address]] = defaultdict(set)
    for (_, cluster), found in members.items():
        published[cluster] |= found.addresses
    known: dict[frozenset[str], dict[Address, tuple[str, str]]] = {}
    withheld: dict[DeviceVdom, frozenset[Address]] = {}
    findings: list[Finding] = []
    for target, clusters in behind.items():
        if target in tolerant or len(clusters) < 2:
            continue
        if clusters not in known:
            known[clusters] = {
                address: pair
                for pair in combinations(sorted(clusters), 2)
                for address in published[pair[0]] & published[pair[1]]
            }
        withheld[target] = frozenset(known[clusters])
        for address, pair in sorted(known[clusters].items()):
            message = f"{address} is published by clusters {pair[0]} and {pair[1]}; withheld"
            findings.append(Finding("overlap", address, message, device=target))
    return withheld, tuple(findings)


def _groups(
    rule: GroupRule,
    places: Mapping[DeviceVdom, frozenset[str]],
    members: Members,
    withheld: Mapping[DeviceVdom, frozenset[Address]],
    gone: frozenset[str],
) -> Iterable[DesiredGroup]:
    """One group per family. Of the clusters in `gone` some devices are not known."""
    # A thousand devices may stand before one cluster: what they share is made once.
    kinds = {
        target: (clusters, withheld.get(target, frozenset())) for target, clusters in places.items()
    }
    joined = {kind: _join(rule, kind[0], members, kind[1]) for kind in set(kinds.values())}
    for wanted in sorted(rule.families):
        parts = {kind: _of_family(found, wanted) for kind, found in joined.items()}
        by_place = {target: parts[kind] for target, kind in kinds.items()}
        if rule.mapping is MappingMode.PER_DEVICE:
            yield DesiredGroup(
                rule.name,
                wanted,
                rule.mapping,
                by_place,
                allow_empty=rule.allow_empty,
                keeps=bool(gone),
            )
        else:
            # One value for all: what one firewall must not get, no other can be given either.
            barred = frozenset().union(*(withheld.get(place, ()) for place in by_place))
            every = [*by_place.values()]
            every += [_of_family(_join(rule, gone, members, frozenset()), wanted)] if gone else []
            shared = DesiredMembers(
                frozenset().union(*(m.addresses for m in every)) - barred,
                retain=any(m.retain for m in every),
                because="; ".join(dict.fromkeys(m.because for m in every if m.because)),
            )
            yield DesiredGroup(
                rule.name,
                wanted,
                rule.mapping,
                shared=shared,
                places=frozenset(by_place),
                allow_empty=rule.allow_empty,
                keeps=bool(gone),
            )


def _join(
    rule: GroupRule, clusters: frozenset[str], members: Members, withheld: frozenset[Address]
) -> DesiredMembers:
    """The union over the clusters behind one place; it retains if one of them is incomplete."""
    addresses: set[Address] = set()
    gaps: list[str] = []
    for cluster in sorted(clusters):
        found = members.get((rule.name, cluster))
        if found is None:
            gaps.append(f"cluster {cluster}: could not be read")
            continue
        addresses |= found.addresses
        if not found.complete:
            gaps.append(found.because)
    return DesiredMembers(frozenset(addresses) - withheld, bool(gaps), "; ".join(gaps))


def _of_family(members: DesiredMembers, wanted: Family) -> DesiredMembers:
    addresses = frozenset(a for a in members.addresses if family(a) is wanted)
    return DesiredMembers(addresses, members.retain, members.because)
