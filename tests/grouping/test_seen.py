"""What a firewall sees of a pod: one table of clusters, and changes one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.daemon.cluster_feeds import difference
from fmgsync.grouping.answers import ClusterMembers
from fmgsync.grouping.membership import ClusterMembership
from fmgsync.grouping.seeing import Standing, around_of
from fmgsync.grouping.seen import seen
from fmgsync.grouping.surroundings import Question, Seen, Surroundings
from fmgsync.model.address import Address, Family
from fmgsync.model.endpoint import ClusterSnapshot, Kind, whole
from fmgsync.model.labels import unread_namespace
from fmgsync.model.rule import GroupRule, Publish
from fmgsync.sources import recognising
from fmgsync.sources.gathering import Gathering
from tests.grouping.ways_out import V4, V6, Row, leaves, node, pod

BOTH = frozenset(Family)
EVERY_KIND = frozenset(Kind)
CASES = yaml.safe_load((Path(__file__).parent / "platforms.yaml").read_text())


def flat(objects: list[Any]) -> Iterator[dict[str, Any]]:
    for each in objects:
        yield from flat(each) if isinstance(each, list) else [each]


def cluster(objects: list[Any]) -> ClusterSnapshot:
    """As a dump of these objects is read; every kind is synced."""
    gathering = Gathering()
    for each in flat(objects):
        titled = {"apiVersion": "v1", **each}
        found = recognising.candidates(titled["apiVersion"], each["kind"], EVERY_KIND)
        (kind,) = recognising.known(found, titled)
        gathering.add_mapping(kind, titled, "here")
    return replace(gathering.snapshot("east"), synced=EVERY_KIND)


def of_pod(
    found: ClusterSnapshot, name: str, towards: list[str], publish: Publish
) -> ClusterMembership:
    """One rule, over the pod of that name only."""
    others = tuple(pod for pod in found.pods if pod.name != name)
    rule = GroupRule(
        "seen",
        select="!has(other)",
        publish=publish,
        families=BOTH,
        towards=tuple(map(Address, towards)),
    )
    labelled = tuple(
        replace(pod, labels=type(pod.labels)({**pod.labels, "other": ""})) for pod in others
    )
    (asked,) = (pod for pod in found.pods if pod.name == name)
    membership = ClusterMembership("east", [rule])
    membership.apply(whole(replace(found, pods=(asked, *labelled))))
    return membership


def answer(membership: ClusterMembership) -> ClusterMembers:
    ((_, found),) = membership.members()
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_a_firewall_sees(case: dict[str, Any]) -> None:
    found = cluster(case["objects"])
    for publish, key in ((Publish.AUTO, "sees"), (Publish.EGRESS_GATEWAY, "gateways")):
        for name, expected in case.get(key, {}).items():
            membership = of_pod(found, name, case.get("towards", []), publish)
            members = answer(membership)
            if isinstance(expected, str):
                assert not members.complete
                assert not members.addresses
                assert expected in members.because
            else:
                assert members.complete, members.because
                assert members.addresses == set(expected)
            if publish is Publish.AUTO and members.complete:
                note = membership.note_on("seen")
                assert (note is not None) is case.get("derived", False), note


@pytest.mark.parametrize("case", [c for c in CASES if "alone" in c], ids=lambda c: c["name"])
def test_what_a_pods_author_wrote_costs_nobody_else_a_removal(case: dict[str, Any]) -> None:
    """Nothing stands for the pod; the group is complete without it, so that others may go."""
    for name, why in case["alone"].items():
        membership = of_pod(cluster(case["objects"]), name, [], Publish.AUTO)
        members = answer(membership)
        assert members.complete
        assert not members.addresses
        note = membership.note_on("seen")
        assert note is not None
        assert why in note.text


def anybody(question: Question, around: Surroundings) -> Seen | None:
    found = seen(question.pod, [question.family], around, question.destinations)
    return found[0] if found else None


ROWS: list[Row] = [
    (anybody, pod("10.1.0.1", doubt="odd"), V4, (), (node("flannel"),), ": ? odd"),
    (anybody, pod(host_network=True), V4, (), (), "host network: ? node n1 was not read (n1)"),
    (anybody, pod(claimed=(Address("10.1.0.1"),)), V4, (), (node("flannel"),),
     "flannel: 192.168.0.1: it translates unless that is switched off (derived, its author's, n1)"),
    (anybody, pod(), V4, (), (node("flannel"),), None),
    (anybody, pod("10.1.0.1"), V6, (), (node("flannel"),), None),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_of_which_pods_anybody_is_asked(row: Row) -> None:
    """And whose fault it is where nobody can tell."""
    assert leaves(*row[:-1]) == row[-1]


# -- changes one after the other ----------------------------------------------------------------

RULES = (
    GroupRule("seen", select="has(app)", publish=Publish.AUTO, families=BOTH),
    GroupRule("web", select="app == 'web'", publish=Publish.AUTO),
    GroupRule("ways", select="has(app)", publish=Publish.EGRESS_GATEWAY, families=BOTH),
    GroupRule(
        "far", select="has(app)", publish=Publish.AUTO, towards=(Address("198.51.100.0/24"),)
    ),
    GroupRule("pods", select="has(app)"),
)

spaces, apps = st.sampled_from(["a", "b"]), st.sampled_from(["web", "db", "gate"])
hosts = st.sampled_from(["n1", "n2"])
v4 = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.1.0.1", "10.2.0.1"])
flags = st.booleans()


def manifest(kind: str, name: str, space: str = "", **parts: Any) -> dict[str, Any]:
    version = {
        "IPPool": "projectcalico.org/v3",
        "FelixConfiguration": "projectcalico.org/v3",
        "EgressGatewayPolicy": "projectcalico.org/v3",
        "EgressGateway": "operator.tigera.io/v1",
        "EgressIP": "k8s.ovn.org/v1",
        "CiliumEgressGatewayPolicy": "cilium.io/v2",
        "Subnet": "kubeovn.io/v1",
        "VpcEgressGateway": "kubeovn.io/v1",
    }.get(kind, "v1")
    notes, labels = parts.pop("annotations", {}), parts.pop("labels", {})
    metadata = {"name": name, "labels": labels, "annotations": notes}
    metadata |= {"namespace": space} if space else {}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}


CHOICES = st.sampled_from(
    [
        {},
        {},
        {"egress.projectcalico.org/selector": "app == 'gate'"},
        {
            "egress.projectcalico.org/selector": "has(app)",
            "egress.projectcalico.org/namespaceSelector": "all()",
        },
        {"egress.projectcalico.org/egressGatewayPolicy": "p"},
        {"ovn.kubernetes.io/eip": "192.0.2.80"},
    ]
)
GATES = {"gateway": {"selector": "app == 'gate'", "namespaceSelector": "all()"}}
MASKS = st.sampled_from(["10.0.0.0/24", "10.1.0.0/16", "10.0.0.0/8", "nonsense"])

things = st.one_of(
    st.builds(
        lambda n, s, a, ip, h, c, hn: manifest(
            "Pod", n, s, labels={"app": a}, annotations=c,
            spec={"nodeName": h, "hostNetwork": hn},
            status={"phase": "Running", "podIPs": [{"ip": ip}]},
        ),
        hosts, spaces, apps, v4, hosts, CHOICES, st.sampled_from([False, False, True]),
    ),
    st.builds(
        lambda s, env, c: manifest("Namespace", s, labels={"env": env}, annotations=c),
        spaces, st.sampled_from(["qa", "prod"]), CHOICES,
    ),
    st.builds(
        lambda n, ip, ovn: manifest(
            "Node", n, annotations={"k8s.ovn.org/node-subnets": "{}"} if ovn else {},
            status={"addresses": [{"type": "InternalIP", "address": ip}]},
        ),
        hosts, st.sampled_from(["192.0.2.1", "192.0.2.2"]), flags,
    ),
    st.builds(
        lambda n, cidr, nat, off: manifest(
            "IPPool", n, spec={"cidr": cidr, "natOutgoing": nat, "disabled": off}
        ),
        st.sampled_from(["one", "two"]), MASKS, flags, flags,
    ),
    st.builds(
        lambda n, word: manifest("FelixConfiguration", n, spec={"egressIPSupport": word}),
        st.sampled_from(["default", "node.n1"]),
        st.sampled_from(["Disabled", "EnabledPerNamespace", "EnabledPerNamespaceOrPerPod"]),
    ),
    st.builds(
        lambda s, a: manifest(
            "EgressGateway", "g", s, spec={"template": {"metadata": {"labels": {"app": a}}}}
        ),
        spaces, apps,
    ),
    st.builds(
        lambda with_default: manifest(
            "EgressGatewayPolicy", "p",
            spec={"rules": [{"destination": {"cidr": "198.51.100.0/24"}, **GATES},
                            *([{}] if with_default else [])]},
        ),
        flags,
    ),
    st.builds(
        lambda env, used: manifest(
            "EgressIP", "e",
            spec={"egressIPs": ["192.0.2.50"], "namespaceSelector": {"matchLabels": {"env": env}}},
            status={"items": [{"egressIP": "192.0.2.50"}] if used else []},
        ),
        st.sampled_from(["qa", "prod"]), flags,
    ),
    st.builds(
        lambda app: manifest(
            "CiliumEgressGatewayPolicy", "c",
            spec={"selectors": [{"podSelector": {"matchLabels": {"app": app}}}],
                  "destinationCIDRs": ["198.51.100.0/25"],
                  "egressGateway": {"egressIP": "192.0.2.60"}},
        ),
        apps,
    ),
    st.builds(
        lambda cidr, node: manifest(
            "Subnet", "s",
            spec={"cidrBlock": cidr, "natOutgoing": True, "gatewayType": "centralized",
                  "gatewayNode": node},
        ),
        MASKS, hosts,
    ),
    st.builds(
        lambda snat: manifest(
            "VpcEgressGateway", "v", "a",
            spec={"policies": [{"snat": snat, "subnets": ["s"]}]},
            status={"ready": True, "externalIPs": ["192.0.2.70"]},
        ),
        flags,
    ),
)  # fmt: skip


def base() -> list[dict[str, Any]]:
    """Pods that leave in every way, so that whatever happens next concerns some of them."""
    running = {"nodeName": "n1"}, {"phase": "Running"}
    by_gate = {
        "egress.projectcalico.org/selector": "app == 'gate'",
        "egress.projectcalico.org/namespaceSelector": "all()",
    }
    none: dict[str, str] = {}
    pods = (("n1", "a", "web", none), ("n2", "a", "gate", none), ("n1", "b", "db", by_gate))
    found = [
        manifest(
            "Pod",
            name,
            space,
            labels={"app": app},
            annotations=notes,
            spec=running[0],
            status={**running[1], "podIPs": [{"ip": f"10.0.0.{number}"}]},
        )
        for number, (name, space, app, notes) in enumerate(pods, 1)
    ]
    found += (manifest("Namespace", name, labels={"env": "prod"}) for name in ("a", "b"))
    address = {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}
    found += (manifest("Node", name, status=address) for name in ("n1", "n2"))
    labels = {"template": {"metadata": {"labels": {"app": "gate"}}}}
    per_pod = {"egressIPSupport": "EnabledPerNamespaceOrPerPod"}
    return [
        *found,
        manifest("IPPool", "one", spec={"cidr": "10.0.0.0/24", "natOutgoing": True}),
        manifest("FelixConfiguration", "default", spec=per_pod),
        manifest("EgressGateway", "g", "a", spec=labels),
    ]


@given(st.lists(st.tuples(st.sampled_from([True, True, False]), things), min_size=1, max_size=8))
@settings(deadline=None, max_examples=100)
def test_any_history_ends_where_a_fresh_look_does(history: list[tuple[bool, Any]]) -> None:
    """And every rule whose answer changed was called dirty; other rules take over what is known."""

    def key_of(thing: dict[str, Any]) -> tuple[str, str, str]:
        metadata = thing["metadata"]
        return thing["kind"], metadata.get("namespace", ""), metadata["name"]

    present = {key_of(each): each for each in base()}
    membership, before = ClusterMembership("east", RULES), cluster([*present.values()])
    membership.apply(whole(before))
    membership.take_dirty()
    known = dict(membership.members())
    for stays, thing in history:
        present.pop(key_of(thing), None)
        if stays:
            present[key_of(thing)] = thing
        after = cluster([*present.values()])
        membership.apply(difference(before, after))
        now = dict(membership.members())
        changed = {name for name in now if now[name] != known[name]}
        assert changed <= membership.take_dirty()
        before, known = after, now
    fresh = ClusterMembership("east", RULES)
    fresh.apply(whole(before))
    assert known == dict(fresh.members())
    others = ClusterMembership("east", RULES[::-2])
    others.apply(whole(before))
    assert dict(membership.under(RULES[::-2]).members()) == dict(others.members())


NODE_2 = {"addresses": [{"type": "InternalIP", "address": "192.0.2.2"}]}
PROD = {"matchLabels": {"env": "prod"}}
OTHER_GATES = {
    "egress.projectcalico.org/selector": "app == 'web'",
    "egress.projectcalico.org/namespaceSelector": "all()",
}
IN_TURN: list[dict[str, Any]] = [
    manifest("Node", "n1", status=NODE_2),
    manifest("Node", "n3", status=NODE_2),
    manifest("IPPool", "one", spec={"cidr": "10.0.0.0/24", "natOutgoing": False}),
    manifest("IPPool", "two", spec={"cidr": "198.51.100.0/24", "disabled": True}),
    manifest("IPPool", "half", spec={"cidr": "10.0.0.0/31", "natOutgoing": False}),
    manifest("IPPool", "odd", spec={"cidr": "x"}),
    manifest("IPPool", "far", spec={"cidr": "198.51.100.0/25", "natOutgoing": True}),
    manifest("FelixConfiguration", "default", spec={"natOutgoingAddress": "192.0.2.9"}),
    manifest("FelixConfiguration", "node.n2", spec={"natOutgoingAddress": "192.0.2.8"}),
    manifest("Namespace", "a", labels={"env": "test"}),
    manifest("Namespace", "b", labels={"env": "prod"}, annotations=OTHER_GATES),
    manifest("EgressIP", "e", spec={"egressIPs": ["192.0.2.50"], "namespaceSelector": PROD},
             status={"items": [{"node": "n2", "egressIP": "192.0.2.50"}]}),
    manifest("EgressIP", "f", spec={"egressIPs": ["192.0.2.51"], "namespaceSelector": PROD,
                                    "podSelector": {"matchLabels": {"app": "db"}}},
             status={"items": [{"node": "n2", "egressIP": "192.0.2.51"}]}),
    manifest("EgressGateway", "g", "a", spec={"template": {"metadata": {"labels": {"app": "x"}}}}),
    manifest("EgressGateway", "h", "a", spec={"template": {"metadata": {"labels": {"app": "db"}}}}),
    manifest("EgressGateway", "h", "b", spec={"template": {"metadata": {"labels": {"app": "db"}}}}),
    manifest("Pod", "n2", "a", labels={"app": "gate"}, spec={"nodeName": "n2"},
             status={"phase": "Running", "podIPs": [{"ip": "10.0.0.77"}]}),
    manifest("Pod", "more", "a", labels={"app": "gate"}, spec={"nodeName": "n1"},
             status={"phase": "Running", "podIPs": [{"ip": "10.0.0.78"}]}),
    manifest("Pod", "bare", "b", labels={"app": "web"}, spec={"nodeName": "n1"},
             status={"phase": "Pending"}),
    manifest("Pod", "lost", "b", labels={"app": "web"}, spec={"nodeName": "n7"},
             status={"phase": "Running", "podIPs": [{"ip": "10.0.0.79"}]}),
    manifest("Subnet", "s", spec={"cidrBlock": "10.0.0.0/24", "natOutgoing": True}),
]  # fmt: skip


def told(membership: ClusterMembership, rules: Sequence[GroupRule]) -> list[Any]:
    """All that it answers: members, notes, and what stands for each pod. Which pod is the example
    that a rule publishes the wrong address is left to chance."""
    names = [rule.name for rule in rules]
    notes = [note for name in names if (note := membership.note_on(name)) and note.partial]
    each = [[*membership.selected(name)] for name in names]
    texts = [note.text for note in notes if "it publishes the pod" not in note.text]
    return [dict(membership.members()), texts, each]


def walk(worlds: list[list[dict[str, Any]]], rules: Sequence[GroupRule] = RULES) -> None:
    """From each of these clusters to the next, as after a fresh look; and back."""
    membership, before = ClusterMembership("east", rules), cluster(worlds[0])
    membership.apply(whole(before))
    membership.take_dirty()
    known = dict(membership.members())
    for world in [*worlds, *worlds[::-1]]:
        after = cluster(world)
        membership.apply(difference(before, after))
        fresh = ClusterMembership("east", rules)
        fresh.apply(whole(after))
        assert told(membership, rules) == told(fresh, rules)
        now = dict(membership.members())
        assert {name for name in now if now[name] != known[name]} <= membership.take_dirty()
        before, known = after, now


@pytest.mark.parametrize("more", [[], *([each] for each in IN_TURN)])
def test_each_rule_answers_as_it_does_alone(more: list[dict[str, Any]]) -> None:
    """What was found out for one is another's as well only where both ask the same."""

    def members(*rules: GroupRule) -> dict[Any, Any]:
        membership = ClusterMembership("east", rules)
        membership.apply(whole(cluster([*base(), *more])))
        return dict(membership.members())

    alone = [members(rule) for rule in RULES]
    for rules in (RULES, RULES[::-1]):
        assert members(*rules) == {key: each[key] for each in alone for key in each}


def test_labels_of_a_gateways_namespace_concern_pods_of_others() -> None:
    notes = {
        "egress.projectcalico.org/selector": "app == 'gate'",
        "egress.projectcalico.org/namespaceSelector": "env == 'gates'",
    }
    far = manifest("Pod", "far", "b", labels={"app": "db"}, annotations=notes,
                   spec={"nodeName": "n1"},
                   status={"phase": "Running", "podIPs": [{"ip": "10.0.0.80"}]})  # fmt: skip
    others = [each for each in base() if each["metadata"]["name"] != "a"]
    spaces = [manifest("Namespace", "a", labels={"env": env}) for env in ("prod", "gates")]
    walk([[*others, far, space] for space in spaces])


def test_each_thing_that_comes_and_goes_is_looked_at_again() -> None:
    """Alone, on top of all that is there, which comes back when it goes."""

    def with_one(thing: dict[str, Any] | None) -> list[dict[str, Any]]:
        def key(each: dict[str, Any]) -> tuple[str, str, str]:
            found = each["metadata"]
            return each["kind"], found.get("namespace", ""), found["name"]

        more = [] if thing is None else [thing]
        return [*({key(each): each for each in [*base(), *more]}.values())]

    walk([with_one(each) for thing in IN_TURN for each in (thing, None)])


def leaving(name: str, ip: str, node: str = "n1", **notes: str) -> dict[str, Any]:
    """A pod, with annotations of Calico's egress gateways or of its own address."""
    stem = {"podIP": "cni.projectcalico.org/"}
    found = {f"{stem.get(key, 'egress.projectcalico.org/')}{key}": v for key, v in notes.items()}
    return manifest("Pod", name, "b", labels={"app": "web"}, annotations=found,
                    spec={"nodeName": node},
                    status={"phase": "Running", "podIPs": [{"ip": ip}] if ip else []})  # fmt: skip


def default_steps(*others: dict[str, Any]) -> dict[str, Any]:
    return manifest("EgressGatewayPolicy", "p", spec={"rules": [GATES, *others]})


def node_at(name: str, ip: str, **notes: str) -> dict[str, Any]:
    address = {"addresses": [{"type": "InternalIP", "address": ip}]}
    return manifest("Node", name, annotations=notes, status=address)


BY_POLICY = leaving("far", "10.0.0.80", egressGatewayPolicy="p")
BY_GATES = leaving("far", "10.9.0.80", selector="app == 'gate'", namespaceSelector="all()")
CENTRAL = manifest("Subnet", "s", spec={"cidrBlock": "10.9.0.0/24", "natOutgoing": True,
                   "gatewayType": "centralized", "gatewayNode": "n2"})  # fmt: skip
# what is there beside all else, and which of that one after the other takes its place
FURTHER: dict[str, tuple[list[dict[str, Any]], list[list[dict[str, Any]]]]] = {
    "a policy of gateways": ([BY_POLICY], [[], [default_steps()],
        [manifest("EgressGatewayPolicy", "p", spec={"rules": [{}]})]]),
    "an order that bears out gateways": ([BY_GATES], [[],
        [manifest("EgressGateway", "g", "a",
                  spec={"template": {"metadata": {"labels": {"app": "none"}}}})]]),
    "the gateways' pool": ([BY_GATES], [[manifest("IPPool", "one", spec={"cidr": "10.0.0.0/24",
        "natOutgoing": nat})] for nat in (True, False)]),
    "a pool that holds nobody knows what": ([leaving("far", "10.9.0.80")],
        [[], [manifest("IPPool", "odd", spec={"cidr": "x"})]]),
    "a pool that is spared": ([], [[], [manifest("IPPool", "two", spec={"cidr": "198.51.100.0/24",
        "disabled": True})]]),
    "a pool around a claim": ([leaving("far", "", podIP="10.9.0.80")], [[],
        [manifest("IPPool", "two", spec={"cidr": "10.9.0.0/24", "natOutgoing": True})]]),
    "another node's address": ([leaving("far", "10.9.0.80"), CENTRAL],
        [[node_at("n2", ip)] for ip in ("192.0.2.3", "192.0.2.4")]),
}  # fmt: skip


@pytest.mark.parametrize("case", FURTHER)
@pytest.mark.parametrize("rules", [RULES, RULES[:2]], ids=["all rules", "without a destination"])
def test_what_changes_for_pods_that_rest_on_it(case: str, rules: Sequence[GroupRule]) -> None:
    """A change matters: the rules answer otherwise; and they do as after a fresh look."""
    beside, turns = FURTHER[case]

    def key(each: dict[str, Any]) -> tuple[str, str, str]:
        found = each["metadata"]
        return each["kind"], found.get("namespace", ""), found["name"]

    worlds = [[*{key(e): e for e in [*base(), *beside, *turn]}.values()] for turn in turns]
    walk(worlds, rules)
    walk([worlds[-1], worlds[0]], rules)
    answers = []
    for world in worlds:
        membership = ClusterMembership("east", rules)
        membership.apply(whole(cluster(world)))
        answers.append(told(membership, rules))
    assert all(one != other for one, other in pairwise(answers))


def test_whoever_left_a_node_rests_on_it_no_more() -> None:
    """And whoever stays there does."""
    pool = manifest("IPPool", "one", spec={"cidr": "10.9.0.0/24", "natOutgoing": True})
    nodes = [node_at("n1", "192.0.2.1"), node_at("n2", "192.0.2.2")]
    plain = [manifest("Namespace", "b"), *nodes, pool]
    one, two = leaving("one", "10.9.0.1"), leaving("two", "10.9.0.2")
    moved, other = leaving("two", "10.9.0.2", "n2"), node_at("n1", "192.0.2.9")
    membership, before = ClusterMembership("east", RULES[:1]), cluster([*plain, one, two])
    membership.apply(whole(before))
    asked = [membership.asked]
    for world in ([*plain, one, moved], [*plain, one, moved, other], [*plain, moved, other]):
        after = cluster([*{(e["kind"], e["metadata"]["name"]): e for e in world}.values()])
        membership.apply(difference(before, after))
        asked.append(membership.asked)
        before = after
        fresh = ClusterMembership("east", RULES[:1])
        fresh.apply(whole(after))
        assert dict(membership.members()) == dict(fresh.members())
    assert asked == [2, 3, 4, 5]


STANDING = [
    ((), (), "", False, ""),
    ((Seen((Address("10.0.0.1"),), "one", "so"), Seen((), "", "x"),
      Seen((Address("::1"),), "two", "it is")),
     ("10.0.0.1", "::1"), "", False, "one: so; two: it is"),
    ((Seen((Address("10.0.0.1"),), "one", "so"), Seen(by="two", unknown="odd")),
     ("10.0.0.1",), "odd", True, "one: so; two: "),
    ((Seen(unknown="odd", by_author=True), Seen(unknown="lost", by_author=True)),
     (), "odd", False, ""),
]  # fmt: skip


@pytest.mark.parametrize("answers", STANDING)
def test_what_stands_for_a_pod_by_its_answers(answers: Any) -> None:
    stands = Standing(answers[0])
    assert (stands.addresses, stands.unknown, stands.holds, stands.because) == answers[1:]


def test_from_any_platform_to_the_next() -> None:
    """Whole clusters change into one another, in both directions."""
    walk([case["objects"] for case in CASES])


def test_what_is_known_around_one_pod_answers_as_the_whole() -> None:
    """The gateways are those that an order bears out, and what was not read is unknown."""
    found = cluster(base())
    around = around_of(found)
    assert [*around.gateway_pods] == [("a", "n2")]
    assert around.space("a") == found.namespaces["a"]
    assert around.space("x") == unread_namespace("x")
    assert around.nodes("n1") == found.nodes[0]
    assert {each.name for each in around.pools} == {"one"}
    assert len(around.objects) == len(found.platform)


def test_a_gap_names_the_first_pod_and_counts_the_others() -> None:
    pods = [
        manifest("Pod", name, "a", labels={"app": "web"}, spec={"nodeName": "n1"},
                 status={"phase": "Running", "podIPs": [{"ip": f"10.9.0.{number}"}]})
        for number, name in enumerate(("c", "a", "b"), 1)
    ]  # fmt: skip
    rule = GroupRule("g", select="app == 'web'", publish=Publish.AUTO)
    for count, more in ((1, ""), (2, " (and of 1 more pods)"), (3, " (and of 2 more pods)")):
        membership = ClusterMembership("east", [rule])
        membership.apply(whole(cluster([*pods[:count], manifest("Namespace", "a")])))
        first = "c" if count == 1 else "a"
        assert answer(membership).because.startswith(
            f"cluster east: what a firewall sees of pod a/{first}{more} is not known: "
        )


def test_what_nothing_rests_on_is_not_asked_again() -> None:
    """A gateway, a pool elsewhere and an egress address for others concern nobody here."""
    world = next(case for case in CASES if case["name"] == "a pool that is translated")["objects"]
    before = cluster(world)
    membership = ClusterMembership("east", RULES[:2])
    membership.apply(whole(before))
    asked = membership.asked
    address = {"addresses": [{"type": "InternalIP", "address": "192.0.2.9"}]}
    elsewhere = {"matchLabels": {"env": "x"}}
    for further in (
        manifest("IPPool", "far", spec={"cidr": "10.99.0.0/16"}),
        manifest("EgressGateway", "g", "a", spec={}),
        manifest("EgressIP", "e", spec={"egressIPs": ["::1"], "namespaceSelector": elsewhere}),
        manifest(
            "EgressIP",
            "f",
            spec={"egressIPs": ["::1"], "namespaceSelector": {}, "podSelector": elsewhere},
        ),
        manifest("IPPool", "six", spec={"cidr": "2001:db8::/48", "disabled": True}),
        manifest("Node", "n9", status=address),
    ):
        after = cluster([world, further])
        membership.apply(difference(before, after))
        before = after
    assert membership.asked == asked
