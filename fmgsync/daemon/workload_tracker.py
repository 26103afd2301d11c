"""What runs in the clusters and what the rules select of it, kept up to date change by change.

One tracker knows one set of rules. When the rules change, another one succeeds it: clusters that
are followed widely enough for the new rules are not read again, and only what is new is evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from fmgsync.grouping import clusters, policies, publishable
from fmgsync.model.address import Address
from fmgsync.model.endpoint import ClusterDifference, ClusterSnapshot, Kind, PodKey
from fmgsync.model.health import Hearing
from fmgsync.model.rule import RuleSet
from fmgsync.passes.world import Workloads

if TYPE_CHECKING:
    from fmgsync.daemon.cluster_feeds import Feed


@dataclass(frozen=True, slots=True)
class ClusterRecord:
    """What is known of one cluster: kinds the rules need, kinds read completely, what is wrong."""

    cluster: str
    needs: frozenset[Kind]
    difference: ClusterDifference | None = None
    was_synced: bool = False

    def after(self, found: ClusterDifference) -> ClusterRecord:
        """With what was heard now; the cluster must show that it is there even if no rule needs
        anything of it."""
        synced = bool(found.synced) and self.needs <= found.synced
        return replace(self, difference=found, was_synced=self.was_synced or synced)

    @property
    def heard(self) -> bool:
        """Whether it ever answered, with all that is needed or with what keeps it from that."""
        found = self.difference
        return self.was_synced or (found is not None and bool(found.problems))


class WorkloadTracker:
    """Follows every cluster for one set of rules. `take_changes` is for one thread, the rest for
    any."""

    def __init__(
        self,
        rules: RuleSet,
        feeds: Sequence[Feed],
        allowed_ranges: Mapping[str, Sequence[publishable.Range]],
    ) -> None:
        self.rules = rules
        self._feeds = tuple(feeds)
        self._followed: frozenset[str] = frozenset()
        self._memberships = clusters.Memberships(
            rules.rules, [feed.cluster for feed in feeds], allowed_ranges
        )
        self._records = {
            feed.cluster: ClusterRecord(feed.cluster, self._memberships.needs(feed.cluster))
            for feed in feeds
        }
        self.workloads = Workloads({}, {}, (), (), self.in_use, who=self.who)

    @property
    def clusters(self) -> tuple[ClusterRecord, ...]:
        """What is known of each cluster."""
        return tuple(self._records.values())

    @property
    def took_over(self) -> bool:
        """Whether something is known from a tracker before this one."""
        return bool(self._followed)

    def heard(self, clusters: frozenset[str]) -> bool:
        """Whether each of these clusters has answered."""
        return all(self._records[name].heard for name in clusters)

    def hearing(self, cluster: str) -> Mapping[Kind, Hearing]:
        """When each kind of the cluster was last heard."""
        return next((feed.hearing() for feed in self._feeds if feed.cluster == cluster), {})

    def spaces_of(self, rule: str) -> dict[str, frozenset[str]]:
        """The namespaces, by cluster, whose pods a rule selects or has selected."""
        return self._memberships.spaces_of(rule)

    def succeed(self, before: WorkloadTracker) -> None:
        """Take over from another one, which is used up; to be called before `start`.

        What it knows of clusters that are followed as before stays known, so nothing is read again
        and nothing is frozen meanwhile.
        """
        kept = {
            old.cluster: old
            for old in before._feeds
            if any(old.stands_for(feed) for feed in self._feeds)
        }
        self._feeds = tuple(kept.get(feed.cluster, feed) for feed in self._feeds)
        self._followed = frozenset(kept)
        for old in before._feeds:
            if old.cluster not in kept:
                old.stop()
        self._memberships.succeed(before._memberships, self._followed)
        self._memberships.refresh()
        for name in self._followed:
            needs = self._memberships.needs(name)
            self._records[name] = replace(before._records[name], needs=needs)
        self.workloads = self._stock(anew=True)

    def start(self, on_change: Callable[[], None]) -> None:
        """Begin to follow the clusters that are not followed yet."""
        for feed in self._feeds:
            if feed.cluster not in self._followed:
                feed.start(on_change)

    def stop(self) -> None:
        """Follow nothing any more."""
        for feed in self._feeds:
            feed.stop()

    def take_changes(self) -> frozenset[tuple[str, str]]:
        """Take in what became different; which (rule, cluster) have other members now."""
        for feed in self._feeds:
            found = feed.take_difference()
            self._records[feed.cluster] = self._records[feed.cluster].after(found)
            self._memberships.apply(found)
            feed.heed(found, partial(self._memberships.selects, feed.cluster))
        changed = self._memberships.refresh()
        self.workloads = self._stock(anew=bool(changed))
        return changed

    def in_use(self, cluster: str, address: Address) -> bool:
        """Whether anything in the cluster has the address: what is followed, then what is not."""
        if self._memberships.in_use(cluster, address):
            return True
        return any(feed.runs(address) for feed in self._feeds if feed.cluster == cluster)

    def who(self, address: Address) -> tuple[str, ...]:
        """Whatever has the address, in words. Any thread may ask."""
        return self._memberships.who(address)

    def about(
        self, pod: PodKey | None = None, address: Address | None = None
    ) -> Mapping[str, ClusterSnapshot]:
        """What is known of a pod, or of whatever has an address. Any thread may ask."""
        return self._memberships.about(pod, address)

    def _stock(self, *, anew: bool) -> Workloads:
        known = self.workloads
        return Workloads(
            {name: _problems_of(record) for name, record in self._records.items()},
            dict(self._memberships.members) if anew else known.members,
            (*self._memberships.findings, *self.rules.problems),
            (),
            self.in_use,
            self.rules,
            self.who,
        )


def _problems_of(record: ClusterRecord) -> ClusterSnapshot:
    """A snapshot that says only what is wrong; endpoints stay in the memberships."""
    found = record.difference
    if found is None:
        return ClusterSnapshot(record.cluster, frozenset())
    told = policies.that_matter(found.problems, record.needs)
    return ClusterSnapshot(record.cluster, found.synced, problems=told)
