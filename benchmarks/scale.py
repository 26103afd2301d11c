"""20 FortiManagers, 10,000 FortiGates, 50 clusters: who holds what, and what comes first.

    python -m benchmarks.scale [--replicas 5]

100 ADOMs of 100 FortiGates, half a million pods. The Leases' shares are those of the controller's
own rule. What a replica holds of clusters is what its membership of all of them takes, built here.
The requests of a night are those of one ADOM of 100 FortiGates, run against the simulator.
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from collections import Counter

import structlog

from benchmarks import membership, request_counts
from fmgsync.grouping.membership import ClusterMembership
from fmgsync.model.endpoint import whole
from fmgsync.model.target import TargetRef
from fmgsync.scheduling.shares import shares

UNITS, ADOMS, DEVICES, CLUSTERS = 20, 5, 100, 50
PODS, NODES, GROUPS, APPS = 10_000, 300, 40, 160
RENEWALS_A_MINUTE = 20
INSTALL_S, WINDOW_S = 60, 3 * 3600
CONCURRENT_INSTALLS, ADDRESSES = 480, 400_000
"""FortiManager's `concurrent-install-limit` (default of its CLI reference; 5 to 2,000), and the
addresses of one ADOM ("How to FortiManager API", 010)."""


def adoms() -> list[TargetRef]:
    return [TargetRef(f"fmg-{u}", f"adom-{n}") for u in range(UNITS) for n in range(ADOMS)]


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def hold() -> tuple[float, float, int]:
    """Seconds and megabytes to know all clusters, and the addresses that are published of one."""
    before, began = memory_mb(), time.perf_counter()
    rules, kept = membership.make_rules(GROUPS), []
    for number in range(CLUSTERS):
        found = ClusterMembership(f"cluster-{number}", rules)
        found.apply(whole(membership.make_snapshot(PODS, NODES, APPS)))
        kept.append(found)
    published = {a for _, each in kept[0].members() for a in each.addresses}
    return time.perf_counter() - began, memory_mb() - before, len(published)


def shared(replicas: int) -> str:
    """How even the shares are, and what moves when a replica goes."""
    names = [f"replica-{number}" for number in range(replicas)]
    before, after = shares(adoms(), names), shares(adoms(), names[:-1])
    counts = Counter(before.values())
    moved = sum(before[ref] != after[ref] for ref in before)
    lost = counts[names[-1]]
    return (
        f"| {replicas} | {min(counts.values())} to {max(counts.values())} "
        f"| {max(counts.values()) * DEVICES:,} | {moved} (it had {lost}) "
        f"| {(len(before) + replicas) * RENEWALS_A_MINUTE:,} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicas", type=int, action="append")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    took, held, published = hold()
    print(f"Known of {CLUSTERS} clusters with {CLUSTERS * PODS:,} pods, in each replica: "
          f"{held:,.0f} MB, built in {took:.0f} s.\n")  # fmt: skip
    head = "| replicas | ADOMs of each | FortiGates at most | move when one goes |"
    print(head + " Lease renewals a minute |")
    print("|---:|---|---:|---|---:|")
    for replicas in asked.replicas or (1, 2, 3, 5, 10):
        if replicas > 1:
            print(shared(replicas))
    night = len(
        request_counts.count("normal", request_counts.applied, urgent=False, devices=DEVICES)
    )
    at_once = max(1, math.floor(DEVICES * 0.05))
    batches = math.ceil(DEVICES / at_once)
    print("\n| one FortiManager: 5 ADOMs, 500 FortiGates | needed | limit |")
    print("|---|---:|---:|")
    print(f"| addresses in an ADOM in front of one cluster | {published:,} | {ADDRESSES:,} |")
    print(f"| requests to install 100 FortiGates together | {night} | |")
    print(f"| FortiGates installed at once, `maxFailures: 5%` | {ADOMS * at_once} "
          f"| {CONCURRENT_INSTALLS} |")  # fmt: skip
    print(f"| the same, `maxFailures: 100%` | {ADOMS * DEVICES} | {CONCURRENT_INSTALLS} |")
    print(f"| batches of {at_once} in a night, a minute each | {batches} min "
          f"| {WINDOW_S // 60} min |")  # fmt: skip
    slowest = WINDOW_S / batches / 60
    print(f"| how long an install may take for all to fit a window of 3 h | {slowest:.0f} min | |")


if __name__ == "__main__":
    main()
