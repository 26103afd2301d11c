"""Which cluster is read how, and which of them keeps what fmgsync itself remembers."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fmgsync import errors
from fmgsync.grouping import interest, policies
from fmgsync.grouping.interest import Interest
from fmgsync.model.endpoint import ALWAYS, POLICY_KINDS, SEEN_KINDS, ClusterSnapshot, Kind
from fmgsync.model.rule import RuleSet
from fmgsync.sources import manifests
from fmgsync.sources.rules import FixedRules, RuleSource

if TYPE_CHECKING:
    from fmgsync.daemon.announcements import Places
    from fmgsync.daemon.cluster_feeds import Feed
    from fmgsync.kube.client import Access
    from fmgsync.passes.world import ReadSource, World
    from fmgsync.settings.schema import Cluster, Config

CONFIG_MAP = "FMGSYNC_CONFIG_MAP"
"""Environment: the ConfigMap that the configuration comes from, for events about it."""


def home(config: Config) -> Access:
    """Where fmgsync itself keeps things: the cluster that `lease` names, else the one it runs in,
    else the first kubeconfig.

    A configuration that reads a cluster by the service account is meant to run there: elsewhere
    it would find another memory than the controller's, so it is refused.
    """
    from fmgsync.kube.client import Access

    live = [cluster for cluster in config.clusters if cluster.manifests is None]
    if config.lease is not None and config.lease.cluster is not None:
        live = [cluster for cluster in live if cluster.name == config.lease.cluster]
        if live[0].kubeconfig is not None:
            return access(live[0])
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return Access()
    for cluster in live:
        if cluster.kubeconfig is None:
            raise config.origin.error(
                ("lease",),
                f"Leases and decisions are kept in cluster {cluster.name}, which is reached from"
                " inside only",
                "run this there: kubectl -n fmgsync exec deploy/fmgsync -- fmgsync ...",
            )
    if live:
        return access(live[0])
    raise config.origin.error(
        ("lease",),
        "there is no Kubernetes to keep Leases in",
        "run fmgsync in a cluster, give a cluster a kubeconfig, or remove 'lease'",
    )


def access(cluster: Cluster) -> Access:
    """By its kubeconfig, or else by the service account this runs under."""
    from fmgsync.kube.client import Access

    return cluster.kubeconfig.access if cluster.kubeconfig else Access()


def referenced_files(config: Config) -> list[Path]:
    """The kubeconfigs, and what they name."""
    from fmgsync.kube.kubeconfig import named_files

    reached = [cluster.kubeconfig.access for cluster in config.clusters if cluster.kubeconfig]
    return [file for access in reached for file in (*access.files, *named_files(access))]


def check_kubeconfigs(config: Config) -> frozenset[str]:
    """The clusters whose certificate nobody verifies. Asks nobody.

    Raises SourceMisconfigured for a kubeconfig, or a file it names, that cannot be used.
    """
    from fmgsync.kube import connection

    found: set[str] = set()
    for cluster in config.clusters:
        if cluster.kubeconfig is not None:
            reached = cluster.kubeconfig.access
            made = connection.check(reached, reached.where(cluster.name))
            found |= {cluster.name} if made is not None and not made.verified else set()
    return frozenset(found)


def source(cluster: Cluster, kinds: Iterable[Kind] = ALWAYS) -> ReadSource:
    """A dump, a kubeconfig, or, where neither is given, the pod's own service account.

    What a dump holds besides costs nobody a right: it may tell that a fixed choice is wrong.
    """
    if cluster.manifests is not None:
        wanted = frozenset(kinds)
        if Kind.NODES in wanted:
            wanted |= SEEN_KINDS
        return partial(manifests.read_snapshot, cluster.name, cluster.manifests, kinds=wanted)
    return partial(_read_live, cluster, frozenset(kinds))


def _read_live(cluster: Cluster, kinds: frozenset[Kind]) -> ClusterSnapshot:
    # The Kubernetes client costs most of a second to import: only who reads a live cluster pays.
    from fmgsync.sources import live

    return live.read_snapshot(cluster.name, access(cluster), kinds)


def feeds(config: Config, world: World, rules: RuleSet) -> list[Feed]:
    """What the clusters' changes come through, as far as these rules need them."""
    resync_s = config.reconcile.resync.total_seconds()
    found = []
    for cluster in config.clusters:
        here = (r for r in rules.rules if r.clusters is None or cluster.name in r.clusters)
        kinds = policies.kinds_to_read(rules, cluster.name) - POLICY_KINDS
        found.append(_feed(cluster, world, interest.of_rules(here), kinds, resync_s))
    return found


def rule_source(config: Config, world: World) -> RuleSource:
    """The rules of the configuration, and those of the policies it asks for."""
    rules, resync_s = world.intent.rules, config.reconcile.resync.total_seconds()
    if not rules.from_policies:
        return FixedRules(rules)
    found = [
        _feed(cluster, world, interest.of_policies(kinds), kinds, resync_s)
        for cluster in config.clusters
        if (kinds := policies.wanted_kinds(rules, cluster.name))
    ]
    from fmgsync.daemon.policy_rules import PolicyRules

    return PolicyRules(rules, found)


def _feed(
    cluster: Cluster, world: World, wanted: Interest, kinds: frozenset[Kind], resync_s: float
) -> Feed:
    """Every `resync_s` it is compared in full; of a dump these kinds are read. Raises NotBuiltError
    for standard input."""
    # Imported here: one-shot commands on dumps need no Kubernetes client.
    from fmgsync.daemon.cluster_feeds import DumpFeed, LiveFeed

    if cluster.manifests is None:
        return LiveFeed(
            cluster.name,
            access(cluster),
            interest=wanted,
            clock=world.clock,
            relist_s=resync_s,
        )
    if isinstance(cluster.manifests, Path):
        read = source(cluster, kinds)
        return DumpFeed(cluster.name, cluster.manifests, read, clock=world.clock)
    raise errors.NotBuiltError(
        f"cluster {cluster.name} is read from standard input, which cannot be followed",
        next_step="'fmgsync run' needs a kubeconfig or a file; 'fmgsync apply' reads '-' once",
    )


def places(config: Config) -> Places | None:
    """Where events go: only an installation in Kubernetes, one with `lease`, writes any."""
    if config.lease is None:
        return None
    from fmgsync.daemon.announcements import Places
    from fmgsync.kube.client import ApiSession
    from fmgsync.kube.events import About, EventWriter

    def writer(name: str, access: Access) -> EventWriter:
        session = ApiSession(name, access, connect_s=2.0, answer_s=3.0)
        return EventWriter(session, instance=socket.gethostname()[:128])

    name = os.environ.get(CONFIG_MAP, "fmgsync-config")
    return Places(
        About("ConfigMap", name, config.lease.namespace),
        writer("events", home(config)),
        {
            cluster.name: writer(cluster.name, access(cluster))
            for cluster in config.clusters
            if cluster.manifests is None
        },
    )
