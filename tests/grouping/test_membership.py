"""Incremental membership: whatever happened on the way, the answer is that of a fresh look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.grouping.answers import ClusterMembers
from fmgsync.grouping.membership import ClusterMembership
from fmgsync.model.address import Address, Family
from fmgsync.model.endpoint import (
    ClusterDifference,
    ClusterSnapshot,
    IPPool,
    Kind,
    NodeEndpoint,
    PodEndpoint,
    whole,
)
from fmgsync.model.labels import ANY_KEY, Labels
from fmgsync.model.rule import GroupRule, Publish

BOTH = frozenset(Family)
RULES = (
    GroupRule("web", select="app == 'web'"),
    GroupRule("web6", select="app == 'web'", families=BOTH),
    GroupRule("prod", select="all()", namespaces="environment == 'prod'"),
    GroupRule("inherited", select="pcns.environment != 'test' && has(app)"),
    GroupRule("hosts", select="app in {'web', 'db'}", publish=Publish.NODE),
    GroupRule("ingress", select_nodes="has(ingress)"),
    GroupRule("lan", select="app == 'web'", network="lan"),
    GroupRule("range", select="app == 'web'", publish=Publish.IP_POOL),
)

V4 = [Address(f"10.0.0.{i}") for i in range(1, 5)]
V6 = [Address(f"2001:db8::{i}") for i in range(1, 5)]
EVERY_ADDRESS = (*V4, *V6)

names = st.sampled_from(["a", "b", "c"])
apps = st.sampled_from(["web", "db", "cache"])
v4, v6 = st.sampled_from(V4), st.sampled_from(V6)
some = st.lists(st.one_of(v4, v6), max_size=2, unique=True).map(tuple)
doubts = st.sampled_from(["", "", "", "an odd value"])
unknown = st.sampled_from([frozenset[str]()] * 4 + [frozenset({"app"}), ANY_KEY])
started = st.sampled_from(["", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"])


@st.composite
def pods(draw: st.DrawFn) -> PodEndpoint:
    """Pods of every condition: on their way in or out, claiming, in a second network, odd."""
    labels, lost = draw(unknown), draw(st.booleans())
    pairs = {} if "app" in labels else {"app": draw(apps)}
    addresses = draw(some)
    return PodEndpoint(
        draw(names),
        draw(names),
        Labels(pairs, labels),
        addresses,
        draw(names),
        claimed=() if addresses else draw(some),
        networks=draw(st.sampled_from([(), (("a/lan", (V4[0],)),), (("", ()),)])),
        host_network=draw(st.booleans()),
        terminating=draw(st.booleans()),
        lost=lost,
        started=draw(started),
        doubt=draw(doubts),
    )


@st.composite
def nodes(draw: st.DrawFn) -> NodeEndpoint:
    return NodeEndpoint(
        draw(names),
        Labels({"ingress": ""} if draw(st.booleans()) else {}, draw(unknown) - {"app"}),
        (draw(v4),),
        ranges=draw(st.sampled_from([(), (Address("10.0.0.0/30"),)])),
        started=draw(started),
        doubt=draw(doubts),
    )


namespaces = st.tuples(
    names,
    st.sampled_from(
        [
            None,
            Labels({"environment": "prod"}),
            Labels({"environment": "test"}),
            Labels({}, frozenset({"environment"})),
        ]
    ),
)
pools = st.builds(
    IPPool,
    names,
    st.just(Labels({})),
    st.sampled_from([Address(""), Address("10.0.0.0/31"), Address("10.0.0.2/31")]),
    workloads=st.booleans(),
    doubt=doubts,
)
synced = st.one_of(st.just(frozenset(Kind)), st.sets(st.sampled_from(list(Kind))).map(frozenset))
happenings = st.one_of(
    st.tuples(st.just("pod"), pods()),
    st.tuples(st.just("no pod"), pods()),
    st.tuples(st.just("node"), nodes()),
    st.tuples(st.just("no node"), nodes()),
    st.tuples(st.just("namespace"), namespaces),
    st.tuples(st.just("pool"), pools),
    st.tuples(st.just("no pool"), pools),
    st.tuples(st.just("synced"), synced),
)


class World:
    """What runs, kept in the plainest way; gives differences as an inventory would."""

    def __init__(self) -> None:
        self.pods: dict[tuple[str, str], PodEndpoint] = {}
        self.nodes: dict[str, NodeEndpoint] = {}
        self.namespaces: dict[str, Labels] = {}
        self.pools: dict[str, IPPool] = {}
        self.synced: frozenset[Kind] = frozenset()

    def snapshot(self) -> ClusterSnapshot:
        return ClusterSnapshot(
            "east",
            self.synced,
            tuple(self.pods.values()),
            tuple(self.nodes.values()),
            self.namespaces,
            ip_pools=tuple(self.pools.values()),
        )

    def happen(self, what: str, thing: object) -> ClusterDifference:
        pod_pairs, node_pairs, space_pairs, pool_pairs = [], [], [], []
        if isinstance(thing, PodEndpoint):
            key = (thing.namespace, thing.name)
            before = self.pods.pop(key, None)
            if what == "pod":
                self.pods[key] = thing
            pod_pairs = [(before, self.pods.get(key))]
        elif isinstance(thing, NodeEndpoint):
            old = self.nodes.pop(thing.name, None)
            if what == "node":
                self.nodes[thing.name] = thing
            node_pairs = [(old, self.nodes.get(thing.name))]
        elif isinstance(thing, IPPool):
            former = self.pools.pop(thing.name, None)
            if what == "pool":
                self.pools[thing.name] = thing
            pool_pairs = [(former, self.pools.get(thing.name))]
        elif isinstance(thing, tuple):
            name, labels = thing
            known = self.namespaces.pop(name, None)
            if labels is not None:
                self.namespaces[name] = labels
            space_pairs = [(name, known, labels)]
        elif isinstance(thing, frozenset):
            self.synced = thing
        return ClusterDifference(
            "east",
            self.synced,
            tuple(pod_pairs),
            tuple(node_pairs),
            tuple(space_pairs),
            ip_pools=tuple(pool_pairs),
        )


def fresh(
    snapshot: ClusterSnapshot, rules: Sequence[GroupRule] = RULES
) -> dict[str, ClusterMembers]:
    membership = ClusterMembership("east", rules)
    membership.apply(whole(snapshot))
    return dict(membership.members())


@given(st.lists(happenings, max_size=25))
@settings(deadline=None, max_examples=200)
def test_any_history_ends_where_a_fresh_look_does(history: list[tuple[str, object]]) -> None:
    """And every rule whose answer changed was called dirty."""
    world = World()
    membership = ClusterMembership("east", RULES)
    membership.take_dirty()
    before = dict(membership.members())
    for what, thing in history:
        membership.apply(world.happen(what, thing))
        after = dict(membership.members())
        changed = {name for name in after if after[name] != before[name]}
        assert changed <= membership.take_dirty()
        before = after
    assert before == fresh(world.snapshot())
    of_pods = {address for pod in world.snapshot().pods for address in pod.addresses}
    of_nodes = {address for node in world.snapshot().nodes for address in node.addresses}
    assert {each for each in EVERY_ADDRESS if membership.holdings.uses(each)} == of_pods | of_nodes


@given(
    st.lists(happenings, max_size=15),
    st.lists(st.sampled_from(RULES), unique=True),
    st.permutations(RULES),
    st.lists(happenings, max_size=5),
)
@settings(deadline=None, max_examples=100)
def test_other_rules_over_the_same_cluster_answer_as_after_a_fresh_look(
    history: list[tuple[str, object]],
    before: list[GroupRule],
    after: list[GroupRule],
    more: list[tuple[str, object]],
) -> None:
    """And only those that are new have to be asked; what happens next is counted as ever."""
    world = World()
    old = ClusterMembership("east", before)
    for what, thing in history:
        old.apply(world.happen(what, thing))
    old.take_dirty()
    membership = old.under(after)
    assert dict(membership.members()) == fresh(world.snapshot(), after)
    assert membership.take_dirty() == {rule.name for rule in after if rule not in before}
    for what, thing in more:
        membership.apply(world.happen(what, thing))
    assert dict(membership.members()) == fresh(world.snapshot(), after)


def test_what_was_dirty_stays_dirty_under_other_rules() -> None:
    """A change that nobody has asked about yet must not get lost when the rules change."""
    world = World()
    old = ClusterMembership("east", RULES[:2])
    old.take_dirty()
    pod = PodEndpoint("a", "x", Labels({"app": "web"}), (Address("2001:db8::1"),), "n1")
    old.apply(world.happen("pod", pod))
    assert old.under(RULES[1:3]).take_dirty() == {"web6", "prod"}


def test_an_event_that_changes_no_group_dirties_nothing() -> None:
    """A new pod nobody selects, a pod that only changes its node: no work follows."""
    world = World()
    membership = ClusterMembership("east", RULES[:2])
    membership.apply(whole(world.snapshot()))
    pod = PodEndpoint("a", "x", Labels({"app": "web"}), (Address("10.0.0.1"),), "n1")
    membership.apply(world.happen("pod", pod))
    assert membership.take_dirty() == {"web", "web6"}
    moved = PodEndpoint("a", "x", pod.labels, pod.addresses, "n2")
    membership.apply(world.happen("pod", moved))
    other = PodEndpoint("a", "y", Labels({"app": "cache"}), (Address("10.0.0.2"),), "n1")
    membership.apply(world.happen("pod", other))
    assert membership.take_dirty() == frozenset()


def test_an_address_two_pods_share_stays_until_both_are_gone() -> None:
    """A reused address during a roll-out: the old pod's end must not take the new one's away."""
    world = World()
    membership = ClusterMembership("east", RULES[:1])
    old = PodEndpoint("a", "old", Labels({"app": "web"}), (Address("10.0.0.1"),), "n1")
    new = PodEndpoint("a", "new", old.labels, old.addresses, "n2")
    for pod in (old, new):
        membership.apply(world.happen("pod", pod))
    membership.take_dirty()
    membership.apply(world.happen("no pod", old))
    assert membership.take_dirty() == frozenset()
    assert dict(membership.members())["web"].addresses == {"10.0.0.1"}


def test_a_stranger_contends_for_an_address_under_any_rules_and_stands_for_none() -> None:
    """One that is known only because it has the address, be it for a moment that of one followed
    by now."""
    world = World()
    membership = ClusterMembership("east", RULES[:1])
    old = PodEndpoint(
        "a", "old", Labels({"app": "web"}), (Address("10.0.0.1"),), "n1", terminating=True
    )
    stranger = PodEndpoint("a", "other", Labels({"app": "cache"}), old.addresses, "n2")
    twin = PodEndpoint("a", "new", old.labels, old.addresses, "n2", terminating=True)
    met = partial(ClusterDifference, "east", frozenset(Kind))

    def published() -> frozenset[Address]:
        return dict(membership.members())["web"].addresses

    membership.apply(world.happen("pod", old))
    membership.apply(met(strangers=((None, twin),)))
    assert published() == {"10.0.0.1"}
    membership.apply(met(strangers=((None, stranger), (twin, None))))
    assert published() == frozenset()
    assert membership.holdings.uses(Address("10.0.0.1"))
    membership = membership.under(RULES[:2])
    assert published() == frozenset()
    ending = replace(stranger, terminating=True, started="2020-01-01T00:00:00Z")
    membership.apply(met(strangers=((stranger, ending),)))
    assert dict(membership.members())["web"].withheld[0][0] == "10.0.0.1"
    membership.apply(met(strangers=((ending, None),)))
    assert published() == {"10.0.0.1"}
    assert membership.selects(old.key)
    assert not membership.selects(stranger.key)


def test_a_kind_that_is_lost_or_found_again_concerns_the_rules_that_need_it() -> None:
    """And only those: a cluster that cannot list nodes freezes no rule over pods."""
    membership = ClusterMembership("east", RULES)
    everything = frozenset({Kind.PODS, Kind.NODES, Kind.NAMESPACES, Kind.IP_POOLS})
    needing = {
        kind: {
            rule.name
            for rule, needs in zip(RULES, membership._book.needs, strict=True)
            if kind in needs
        }
        for kind in everything
    }
    assert needing[Kind.NODES] == {"hosts", "ingress"}
    membership.apply(ClusterDifference("east", everything))
    membership.take_dirty()
    for kind in everything:
        for synced in (everything - {kind}, everything):
            membership.apply(ClusterDifference("east", synced))
            assert membership.take_dirty() == needing[kind], (kind, synced)
            found = dict(membership.members())
            whole_ones = {name for name, members in found.items() if members.complete}
            lost = set() if kind in synced else needing[kind]
            assert whole_ones == {rule.name for rule in RULES} - lost
            assert membership.about(("a", "x")).synced == synced
    membership.apply(ClusterDifference("east", everything))
    assert membership.take_dirty() == frozenset()


def test_what_a_pod_claimed_and_has_now_changes_what_is_known_of_its_range() -> None:
    """The same address, of another weight: what nobody vouched for holds nothing back, what a pod
    has does, as long as no pool is known for it."""
    rule = next(rule for rule in RULES if rule.publish is Publish.IP_POOL)
    node = NodeEndpoint("n", Labels({}), (V4[3],), ranges=(Address("10.0.0.0/30"),))
    claim = PodEndpoint("a", "x", Labels({"app": "web"}), (), "n", claimed=(V4[0],))
    real = replace(claim, addresses=(V4[0],), claimed=())
    world = World()
    world.synced = frozenset(Kind)
    membership = ClusterMembership("east", (rule,))
    membership.apply(world.happen("node", node))
    for pod, complete in ((claim, True), (real, False), (claim, True)):
        membership.apply(world.happen("pod", pod))
        assert membership.take_dirty() == {rule.name}
        assert dict(membership.members())[rule.name].complete is complete
