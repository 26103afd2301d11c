"""What runs is kept up to date change by change; a change costs what it changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fmgsync.daemon.workload_tracker import WorkloadTracker
from fmgsync.model.address import Address
from fmgsync.model.endpoint import (
    ClusterDifference,
    ClusterSnapshot,
    Kind,
    NodeEndpoint,
    PodEndpoint,
    PodKey,
    whole,
)
from fmgsync.model.health import Hearing
from fmgsync.model.labels import Labels
from fmgsync.model.rule import GroupRule, Publish, RuleSet
from tests.effort import effort, held

SYNCED = frozenset({Kind.PODS, Kind.NAMESPACES})


class Told:
    """A feed that gives what it is told, once."""

    cluster = "east"

    def __init__(self) -> None:
        self.next = ClusterDifference("east", SYNCED)

    def take_difference(self) -> ClusterDifference:
        given, self.next = self.next, ClusterDifference("east", SYNCED)
        return given

    def heed(self, difference: ClusterDifference, selects: Callable[[PodKey], bool]) -> None:
        """Everything is known."""

    def stands_for(self, other: object) -> bool:
        return other is self

    def start(self, on_change: Callable[[], None]) -> None:
        """Nothing to follow."""

    def hearing(self) -> dict[Kind, Hearing]:
        return {}

    def runs(self, address: Address) -> bool:
        return False

    def stop(self) -> None:
        """Nothing to end."""


def pod(number: int, ip: str, groups: int) -> PodEndpoint:
    labels = Labels({"app": f"a{number % groups}"})
    return PodEndpoint("shop", f"pod-{number}", labels, (Address(ip),), "node-1")


def tracked(pods: int, groups: int) -> tuple[WorkloadTracker, Told]:
    """A tracker that has taken in a cluster."""
    rules = RuleSet(tuple(GroupRule(f"g{n}", select=f"app == 'a{n}'") for n in range(groups)))
    feed = Told()
    tracker = WorkloadTracker(rules, [feed], {})
    found = tuple(pod(n, f"10.1.{n >> 8}.{n & 255}", groups) for n in range(pods))
    feed.next = whole(ClusterSnapshot("east", SYNCED, found, (), {"shop": Labels({})}))
    tracker.take_changes()
    return tracker, feed


def one_change(pods: int, groups: int) -> int:
    """What it takes to learn that one pod has another address."""
    tracker, feed = tracked(pods, groups)
    changes: list[frozenset[tuple[str, str]]] = []

    def change(number: int) -> None:
        before = pod(number, f"10.1.0.{number}", groups)
        after = pod(number, f"10.9.0.{number}", groups)
        feed.next = ClusterDifference("east", SYNCED, ((before, after),))
        changes.append(tracker.take_changes())

    change(1)  # what is worked out once is there by now
    cost = effort(lambda: change(2))
    assert changes == [{("g1", "east")}, {("g2", "east")}]
    return cost


@pytest.mark.parametrize(
    ("pods", "groups"),
    [pytest.param(2000, 200, id="more of all"), pytest.param(200, 200, id="groups")],
)
def test_a_change_costs_the_same_however_many_pods_and_groups_there_are(
    pods: int, groups: int
) -> None:
    assert one_change(pods, groups) < 1.2 * one_change(200, 20)


def test_what_is_not_published_is_told_as_it_is_now() -> None:
    """Findings are made anew only when some answer says something else of what is withheld."""
    tracker, feed = tracked(4, 2)
    assert not tracker.workloads.findings
    for ip, told in (("127.0.0.1", 1), ("127.0.0.2", 1), ("10.9.0.1", 0)):
        before = next(iter(tracker.about(("shop", "pod-1"))["east"].pods))
        feed.next = ClusterDifference("east", SYNCED, ((before, pod(1, ip, 2)),))
        tracker.take_changes()
        messages = [each.message for each in tracker.workloads.findings]
        assert [ip in message for message in messages] == [True] * told
    feed.next = ClusterDifference(
        "east", SYNCED, tuple((pod(n, "10.1.0.1", 2), None) for n in range(0, 4, 2))
    )
    tracker.take_changes()
    (finding,) = tracker.workloads.findings
    assert (finding.kind, finding.name) == ("publishes-nothing", "g0")


class Life:
    """A cluster of constant size whose namespaces, nodes and pods are all new all the time: jobs,
    previews of changes, and nodes that come with them."""

    LASTS = 10
    RULES = (
        GroupRule("all", select="all()"),
        GroupRule("spaced", select="app == 'job'", namespaces="team == 'web'"),
        GroupRule("hosts", select="app == 'job'", publish=Publish.NODE),
        GroupRule("nodes", select_nodes="zone == 'z'"),
        GroupRule("seen", select="app == 'job'", publish=Publish.AUTO),
        GroupRule("nothing", select="app == 'nobody'"),
    )

    def __init__(self) -> None:
        self._feed = Told()
        self.tracker = WorkloadTracker(RuleSet(self.RULES), [self._feed], {})
        self._at = 0

    def live(self, generations: int) -> int:
        """So many generations more; the most that was held meanwhile."""
        most = 0
        for _ in range(generations):
            self._tell(self._born(self._at), comes=True)
            if self._at >= self.LASTS:
                self._tell(self._born(self._at - self.LASTS), comes=False)
            self._at += 1
            if self._at % 50 == 0:
                most = max(most, held(self.tracker))
        return most

    def _born(self, number: int) -> tuple[str, Labels, NodeEndpoint, PodEndpoint]:
        space, ending = f"pr-{number}", f"{number >> 8}.{number & 255}"
        labels = Labels({"zone": "z", "host": str(number)})
        node = NodeEndpoint(f"node-{number}", labels, (Address(f"192.168.{ending}"),))
        own = Labels({"app": "job", "run": str(number)})
        pod = PodEndpoint(space, f"job-{number}", own, (Address(f"10.1.{ending}"),), node.name)
        return space, Labels({"team": "web", "name": space}), node, pod

    def _tell(self, born: tuple[str, Labels, NodeEndpoint, PodEndpoint], *, comes: bool) -> None:
        space, labels, node, pod = born
        self._feed.next = ClusterDifference(
            "east",
            frozenset(Kind),
            ((None, pod) if comes else (pod, None),),
            ((None, node) if comes else (node, None),),
            ((space, None, labels) if comes else (space, labels, None),),
        )
        self.tracker.take_changes()


def test_what_is_held_does_not_grow_with_what_has_happened() -> None:
    """Ten times the events at the same size: nothing of what is gone stays for good."""
    life = Life()
    first = life.live(250)
    life.live(2000)
    assert life.live(250) <= first * 1.02
    assert all(len(found) <= 2 * Life.LASTS for found in life.tracker.spaces_of("all").values())
