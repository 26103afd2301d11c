"""From events to dirty groups: incremental membership against evaluating everything anew.

    python benchmarks/membership.py [--pods 150000] [--groups 2000] [--events 20000]

The peer is the same code asked to start from nothing after each event,
which is what a controller without counted membership does; the ratio is measured in one run.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections.abc import Iterator

from fmgsync.grouping.membership import ClusterMembership
from fmgsync.model.address import Address
from fmgsync.model.endpoint import (
    ClusterDifference,
    ClusterSnapshot,
    Kind,
    NodeEndpoint,
    PodEndpoint,
    whole,
)
from fmgsync.model.labels import Labels
from fmgsync.model.rule import GroupRule, Publish

EVERYTHING = frozenset(Kind)


def make_rules(count: int) -> list[GroupRule]:
    """Mostly one app each; some by namespace, some by node, some with longer selectors."""
    rules = []
    for n in range(count):
        if n % 20 == 0:
            rules.append(GroupRule(f"g{n}", select="all()", namespaces=f"team == 't{n % 200}'"))
        elif n % 20 == 1:
            rules.append(GroupRule(f"g{n}", select=f"app == 'a{n}'", publish=Publish.NODE))
        elif n % 20 == 2:
            select = f"app in {{'a{n}', 'a{n + 1}'}} && tier != 'batch' && !has(canary)"
            rules.append(GroupRule(f"g{n}", select=select))
        else:
            rules.append(GroupRule(f"g{n}", select=f"app == 'a{n}'"))
    return rules


def make_snapshot(pods: int, nodes: int, apps: int) -> ClusterSnapshot:
    """Pods of `apps` deployments over 500 namespaces; label sets are shared, as in a cluster."""
    labels = [
        Labels({"app": f"a{n}", "tier": ("web", "batch")[n % 2], "version": "1"})
        for n in range(apps)
    ]
    return ClusterSnapshot(
        "east",
        EVERYTHING,
        tuple(make_pod(n, labels, nodes) for n in range(pods)),
        tuple(
            NodeEndpoint(f"n{n}", Labels({"zone": str(n % 3)}), (ip("192.168", n),))
            for n in range(nodes)
        ),
        {f"ns{n}": Labels({"team": f"t{n % 200}"}) for n in range(500)},
    )


def ip(prefix: str, n: int) -> Address:
    if prefix == "10":
        return Address(f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}")
    return Address(f"{prefix}.{n >> 8 & 255}.{n & 255}")


def make_pod(n: int, labels: list[Labels], nodes: int) -> PodEndpoint:
    return PodEndpoint(
        f"ns{n % 500}", f"pod-{n}", labels[n % len(labels)], (ip("10", n),), f"n{n % nodes}"
    )


def churn(snapshot: ClusterSnapshot, events: int) -> Iterator[ClusterDifference]:
    """Pods move to another address and node, one at a time."""
    chance = random.Random(1)
    now = list(snapshot.pods)
    for n in range(events):
        at = chance.randrange(len(now))
        before = now[at]
        after = PodEndpoint(
            before.namespace, before.name, before.labels, (ip("10", 1 << 20 | n),), before.node
        )
        now[at] = after
        yield ClusterDifference("east", EVERYTHING, ((before, after),))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=150_000)
    parser.add_argument("--nodes", type=int, default=5_000)
    parser.add_argument("--groups", type=int, default=2_000)
    parser.add_argument("--apps", type=int, default=4_000)
    parser.add_argument("--events", type=int, default=20_000)
    size = parser.parse_args()
    rules, snapshot = make_rules(size.groups), make_snapshot(size.pods, size.nodes, size.apps)
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    began = time.perf_counter()
    membership = ClusterMembership("east", rules)
    membership.apply(whole(snapshot))
    dict(membership.members())
    built_s = time.perf_counter() - began
    membership.take_dirty()

    delays = []
    for difference in churn(snapshot, size.events):
        start = time.perf_counter()
        membership.apply(difference)
        dirty = membership.take_dirty()
        dict(membership.members_of(dirty))
        delays.append(time.perf_counter() - start)
    delays.sort()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    median, p99 = delays[len(delays) // 2], delays[int(len(delays) * 0.99)]
    print(f"| {size.pods:,} pods, {size.nodes:,} nodes, {size.groups:,} groups | measured |")
    print("|---|---:|")
    print(f"| initial build, s | {built_s:.1f} |")
    print(f"| memory, peak, MB (inventory alone) | {peak_mb:.0f} ({before_mb:.0f}) |")
    print(f"| event to members of the group, median, us | {median * 1e6:.0f} |")
    print(f"| the same, p99 (groups of thousands), us | {p99 * 1e6:,.0f} |")
    print(f"| events a second | {len(delays) / sum(delays):,.0f} |")
    print(f"| less work than starting anew for each event | {built_s / median:,.0f} times |")


if __name__ == "__main__":
    main()
