"""Rules x clusters x sites -> what one ADOM should hold.

Each DeviceVdom gets the addresses of the clusters behind it and of no other. What must not be
published (outside the cluster's ranges, not a unicast address, claimed by two clusters behind one
firewall) is withheld and reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from fmgsync.grouping import membership, nothing, publishable
from fmgsync.grouping.answers import ClusterMembers
from fmgsync.grouping.holders import NodeHolder, PodHolder
from fmgsync.model.address import Address, Family, family
from fmgsync.model.change import Finding
from fmgsync.model.endpoint import ClusterDifference, ClusterSnapshot, Kind, PodKey, whole
from fmgsync.model.rule import GroupRule, MappingMode, ResolvedSite, RuleSet
from fmgsync.model.state import DesiredAdom, DesiredGroup, DesiredMembers
from fmgsync.model.target import DeviceVdom, TargetKind, TargetRef

MISSING = "missing-place"

Members = Mapping[tuple[str, str], ClusterMembers]
"""(rule name, cluster) -> members, after what is withheld was taken out."""


def cluster_members(
    rules: Sequence[GroupRule],
    snapshots: Mapping[str, ClusterSnapshot],
    allowed_ranges: Mapping[str, Sequence[publishable.Range]],
) -> tuple[Members, tuple[Finding, ...]]:
    """Evaluate every rule on every cluster once. Clusters without a snapshot are incomplete."""
    found = memberships(rules, snapshots, allowed_ranges)
    return found.members, found.findings


def memberships(
    rules: Sequence[GroupRule],
    snapshots: Mapping[str, ClusterSnapshot],
    allowed_ranges: Mapping[str, Sequence[publishable.Range]],
) -> Memberships:
    """The rules on these snapshots, already evaluated."""
    clusters = Memberships(rules, snapshots, allowed_ranges)
    for snapshot in snapshots.values():
        clusters.apply(whole(snapshot))
    clusters.refresh()
    return clusters


class Memberships:
    """All rules on all clusters, kept up to date: `apply` differences, then `refresh`."""

    def __init__(
        self,
        rules: Sequence[GroupRule],
        clusters: Iterable[str],
        allowed_ranges: Mapping[str, Sequence[publishable.Range]],
    ) -> None:
        self.members: dict[tuple[str, str], ClusterMembers] = {}
        self._rules = tuple(rules)
        self._ranges = allowed_ranges
        self._withheld: dict[tuple[str, str], tuple[Finding, ...]] = {}
        self._notes: dict[tuple[str, str], nothing.Note | None] = {}
        self._findings: tuple[Finding, ...] | None = None  # None: to be made anew
        self._clusters = {
            name: membership.ClusterMembership(name, self._rules_on(name), allowed_ranges.get(name))
            for name in clusters
        }

    def _rules_on(self, cluster: str) -> list[GroupRule]:
        return [r for r in self._rules if r.clusters is None or cluster in r.clusters]

    def succeed(self, before: Memberships, same: Iterable[str]) -> None:
        """Carry over what another set of rules knows of the clusters that are the same.

        Only rules that are new are evaluated there. `before` is used up.
        """
        self._findings = None
        for name in same:
            ranges = self._ranges.get(name)
            self._clusters[name] = before._clusters[name].under(self._rules_on(name), ranges)
            for rule in self._rules_on(name):
                if (key := (rule.name, name)) in before.members:
                    self.members[key] = before.members[key]
                    self._withheld[key] = before._withheld[key]
                    self._notes[key] = before._notes[key]
            if ranges != before._ranges.get(name):
                self._clusters[name].doubt()

    def apply(self, difference: ClusterDifference) -> None:
        """Take in what became different in one cluster."""
        self._clusters[difference.cluster].apply(difference)

    def refresh(self) -> frozenset[tuple[str, str]]:
        """Answer anew for what the differences touched; which (rule, cluster) really changed."""
        changed: set[tuple[str, str]] = set()
        for name, cluster in self._clusters.items():
            for rule, raw in cluster.members_of(cluster.take_dirty()):
                key = (rule, name)
                kept, refused = split_publishable(raw.addresses, self._ranges.get(name))
                found = ClusterMembers(kept, raw.complete, raw.because)
                if self.members.get(key) != found:
                    self.members[key] = found
                    changed.add(key)
                withheld = tuple(
                    Finding("withheld", rule, f"{about(name, a)}{reason}; not published")
                    for a, reason in (*raw.withheld, *refused)
                )
                note = cluster.note_on(rule) if raw.complete else None
                self._tell(key, withheld, note)
        return frozenset(changed)

    def _tell(
        self, key: tuple[str, str], withheld: tuple[Finding, ...], note: nothing.Note | None
    ) -> None:
        """Most answers say nothing new of what is not published: that costs nothing then."""
        known = (self._withheld.get(key), self._notes.get(key))
        if key not in self._notes or known != (withheld, note):
            self._findings = None
        self._withheld[key], self._notes[key] = withheld, note

    def needs(self, cluster: str) -> frozenset[Kind]:
        """The kinds that some rule needs of a cluster."""
        return self._clusters[cluster].needs

    def spaces_of(self, rule: str) -> dict[str, frozenset[str]]:
        """The namespaces, by cluster, whose pods a rule selects or has selected."""
        return {name: cluster.spaces_of(rule) for name, cluster in self._clusters.items()}

    def selects(self, cluster: str, pod: PodKey) -> bool:
        """Whether some rule selects the pod."""
        return self._clusters[cluster].selects(pod)

    def in_use(self, cluster: str, address: Address) -> bool:
        """Whether anything that runs in the cluster has the address, selected or not.

        Any thread may ask.
        """
        found = self._clusters.get(cluster)
        return found is not None and found.holdings.uses(address)

    def about(self, pod: PodKey | None, address: Address | None) -> dict[str, ClusterSnapshot]:
        """A snapshot of that pod alone, or of whatever has the address. Any thread may ask."""
        found: dict[str, ClusterSnapshot] = {}
        for name, cluster in self._clusters.items():
            having = (
                (*cluster.holdings.having(address), *cluster.chosen_at(address))
                if address is not None
                else ()
            )
            reached = cluster.reached_at(address) if address is not None else ()
            if pod is not None:
                found[name] = cluster.about(pod)
            elif having or reached:
                pods = tuple(each.pod for each in having if isinstance(each, PodHolder))
                nodes = tuple(each.node for each in having if isinstance(each, NodeHolder))
                found[name] = ClusterSnapshot(name, frozenset(), pods, nodes, destinations=reached)
        return found

    def who(self, address: Address) -> tuple[str, ...]:
        """Whatever has the address, in words, over all clusters. Any thread may ask."""
        return tuple(
            f"{holder.place} of cluster {name}"
            for name, cluster in self._clusters.items()
            for holder in dict.fromkeys(
                (
                    *cluster.holdings.having(address),
                    *cluster.reached_at(address),
                    *cluster.chosen_at(address),
                )
            )
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Addresses that are never published, and rules that publish nothing, with the reason."""
        if self._findings is None:
            withheld = [finding for found in self._withheld.values() for finding in found]
            self._findings = tuple(dict.fromkeys((*withheld, *self._empty())))
        return self._findings

    def _empty(self) -> Iterator[Finding]:
        """Rules that publish nothing of any cluster, and what they select and cannot publish."""
        for rule in self._rules:
            known = [
                self._notes[key] for c in self._clusters if (key := (rule.name, c)) in self._notes
            ]
            notes = [note for note in known if note is not None]
            if notes and (len(notes) == len(known) or any(note.partial for note in notes)):
                told = "; ".join(note.text for note in notes)
                yield Finding("publishes-nothing", rule.name, told)


def about(cluster: str, address: Address) -> str:
    """How a finding begins that says why a rule does not publish the address."""
    return f"{address} of cluster {cluster} "


def split_publishable(
    addresses: Iterable[Address], ranges: Sequence[publishable.Range] | None
) -> tuple[frozenset[Address], list[tuple[Address, str]]]:
    """What may be published, and what may not, with why."""
    kept: set[Address] = set()
    refused: list[tuple[Address, str]] = []
    for address in addresses:
        reason = publishable.refusal(address)
        if reason is None and ranges is not None and not publishable.inside(address, ranges):
            reason = "lies outside the cluster's allowedRanges"
        if reason is None:
            kept.add(address)
        else:
            refused.append((address, reason))
    return frozenset(kept), sorted(refused)


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
