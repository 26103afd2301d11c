"""Rules x clusters -> members: every rule on every cluster, kept up to date, less what must not be
published (outside the cluster's ranges, not a unicast address)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from fmgsync.grouping import membership, nothing, publishable
from fmgsync.grouping.answers import ClusterMembers
from fmgsync.grouping.holders import NodeHolder, PodHolder
from fmgsync.model.address import Address
from fmgsync.model.change import Finding
from fmgsync.model.endpoint import ClusterDifference, ClusterSnapshot, Kind, PodKey, whole
from fmgsync.model.rule import GroupRule

Members = Mapping[tuple[str, str], ClusterMembers]
"""(rule name, cluster) -> members, after what is withheld was taken out."""


def memberships(
    rules: Sequence[GroupRule],
    snapshots: Mapping[str, ClusterSnapshot],
    allowed_ranges: Mapping[str, Sequence[publishable.Range]],
) -> Memberships:
    """The rules on these snapshots, evaluated. Clusters without a snapshot are incomplete."""
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
