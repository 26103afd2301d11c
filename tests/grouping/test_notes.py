"""What people are told of a rule in a cluster: word for word, since it is all they have."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Any

import pytest

from fmgsync.grouping import selectors
from fmgsync.grouping.membership import ClusterMembership
from fmgsync.grouping.nothing import nearest, note_on_bare, nothing_among
from fmgsync.model.address import Address, Family
from fmgsync.model.destination import Destination
from fmgsync.model.endpoint import (
    SEEN_KINDS,
    ClusterDifference,
    ClusterSnapshot,
    IPPool,
    Kind,
    NetworkSet,
    NodeEndpoint,
    whole,
)
from fmgsync.model.labels import ANY_KEY, Labels
from fmgsync.model.platform import Egress
from fmgsync.model.rule import GroupRule, Publish
from tests.builders import pod_endpoint

WEB = {"app": "web"}
NO_LABELS = Labels({})
UNREAD = Labels({}, ANY_KEY)
EVERYTHING = frozenset(Kind)
RANGES = (ipaddress.ip_network("10.0.0.0/8"),)


def rule(**parts: Any) -> GroupRule:
    if "select_nodes" not in parts:
        parts.setdefault("select", "app == 'web'")
    return GroupRule("g", **parts)


def web(name: str, *ips: str, **parts: Any) -> Any:
    return pod_endpoint(name, *ips, **{"labels": WEB, **parts})


def node(name: str, *ips: str, **parts: Any) -> NodeEndpoint:
    labels = Labels(parts.pop("labels", {}))
    return NodeEndpoint(name, labels, tuple(map(Address, ips)), **parts)


def pool(name: str, cidr: str, **parts: Any) -> IPPool:
    return IPPool(name, NO_LABELS, Address(cidr), **parts)


def service(name: str, *told: tuple[str, str], asked: str = "", **parts: Any) -> Destination:
    addresses = tuple((role, Address(each)) for role, each in told)
    chosen = frozenset({Address(asked)} if asked else ())
    where = (Kind.SERVICES, "Service", "a", name)
    return Destination(*where, Labels(parts.pop("labels", WEB)), addresses, chosen, **parts)


def network_set(name: str, *ips: str, space: str = "a", **parts: Any) -> NetworkSet:
    return NetworkSet(space, name, Labels(WEB), tuple(map(Address, ips)), **parts)


def follow(asked: GroupRule, ranges: Any = None, **parts: Any) -> ClusterMembership:
    parts.setdefault("namespaces", {"a": NO_LABELS, "default": NO_LABELS})
    synced = parts.pop("synced", EVERYTHING)
    membership = ClusterMembership("east", [asked], ranges)
    membership.apply(whole(ClusterSnapshot("east", synced, **parts)))
    return membership


HOST = "in the network of their node, without an address of their own"
TAKE = "; `publish: node` takes their nodes"
NODES = rule(publish=Publish.NODE)
POOLED = rule(publish=Publish.IP_POOL)
SERVED = rule(publish=Publish.SERVICE, destinations=Kind.SERVICES)
CHOOSING = rule(select_nodes="all()", addresses=("ExternalIP",))
SETS = rule(network_sets=True)
AUTO = rule(publish=Publish.AUTO)
AUTO_KINDS = SEEN_KINDS | {Kind.PODS, Kind.NODES, Kind.NAMESPACES}
LAN = rule(network="a/lan")
NAT = "outside of Calico's ranges a firewall sees the node's address: use publish: node"
NARROWEST = " and 10.1.0.1 lies in all of them: {}, the narrowest, counts"
ONE = web("one", "10.1.0.1")
UNNAMED = pod_endpoint("x", "10.1.0.1")
ON_HOST = web("host", host_network=True)
WAITING = web("new")
WIDE, NARROW = pool("wide", "10.0.0.0/8"), pool("narrow", "10.1.0.0/16")
KNOWN = {"default": Labels({"kubernetes.io/metadata.name": "default"})}
OUT = ("ExternalIP", Address("192.0.2.7"))
LB = ("loadBalancer", "192.0.2.7")

TRANSLATED: dict[str, Any] = {
    "ip_pools": (pool("p", "10.1.0.0/16", nat=True),),
    "nodes": (node("node-1", "10.0.0.1"), node("node-2", "10.0.0.2")),
    "namespaces": KNOWN,
}
BY_TIER = Egress(
    "EgressIP", "", "e", addresses=(Address("192.0.2.9"),), requested=(Address("192.0.2.9"),),
    selects=(("all()", "tier == 'x'"),), derived=True,
)  # fmt: skip
NOTHING = (
    "nothing stands for pod default/{}: nothing in the cluster tells how it leaves: no"
    " IPPool or subnet holds its address, and its node shows no platform that is known;"
    " use publish: pod or node"
)
SEEN = (
    "half: it publishes the {}, but of pod default/one a firewall sees {} (IPPool {}: natOutgoing"
    " is {}): use publish: auto"
)

NOTES: list[tuple[GroupRule, dict[str, Any], str | None]] = [
    (rule(), {"pods": (ONE,)}, None),
    (rule(), {"pods": (ONE, WAITING)}, None),
    (rule(), {"pods": (ONE, ON_HOST)}, f"half: of 2 pods 1 {HOST}{TAKE}"),
    (rule(), {"pods": (ON_HOST,)},
     f"what it selects has no address: 1 {HOST}{TAKE}"),
    (rule(), {"pods": (WAITING, ON_HOST, web("other"))},
     f"what it selects has no address: 1 {HOST} and 2 without an address yet{TAKE}"),
    (rule(), {"pods": (web("one", "2001:db8::1"),)},
     "what it selects has no address: nothing with an address of these families"),
    (rule(), {"pods": (ONE, pod_endpoint("x", "10.1.0.1", labels={"app": "x"}))}, None),
    (LAN, {"pods": (ONE,)}, "what it selects has no address: 1 not in that network"),
    (LAN, {"pods": (ONE, web("two", networks=(("a/lan", (Address("10.2.0.1"),)),)))},
     "half: of 2 pods 1 not in that network"),
    (rule(select="app == 'wep'"), {"pods": (ONE,)},
     "no pod matches: nothing has app == 'wep'; the nearest seen is app == 'web'"),
    (rule(select="ap == 'web'", doubt="odd"), {"pods": (ONE,)}, None),
    (rule(select_nodes="has(ingres)"), {"nodes": (node("n", labels={"ingress": ""}),)},
     "no node matches: nothing has a label 'ingres'; the nearest seen is 'ingress'"),
    (SETS, {"network_sets": (network_set("s", "10.9.0.1", space=""),)}, None),
    (SETS, {"network_sets": (network_set("s", "10.9.0.1", space=""),), "pods": (WAITING,)}, None),
    (SETS, {"network_sets": (network_set("s", "10.9.0.1"),)},
     "no pod matches: nothing has a label 'app'"),
    (POOLED, {"pods": (ONE,), "ip_pools": (NARROW,)}, None),
    (POOLED, {"pods": (ONE,), "ip_pools": (WIDE, NARROW)},
     "half: IPPools narrow, wide overlap," + NARROWEST.format("narrow")),
    (POOLED, {"pods": (web("two", "10.2.0.1"), ONE), "ip_pools": (WIDE, NARROW)},
     "half: IPPools narrow, wide overlap," + NARROWEST.format("narrow")),
    (POOLED, {"pods": (ONE,), "ip_pools": (pool("p", "10.1.0.0/16", nat=True),)},
     f"half: natOutgoing is on in IPPool p: {NAT}"),
    (POOLED, {"pods": (ONE,), "ip_pools": (pool("a", "10.1.0.0/16", nat=True), WIDE)},
     "half: IPPools a, wide overlap,"
     + NARROWEST.format("a") + f"; natOutgoing is on in IPPool a: {NAT}"),
    (POOLED, {"pods": (ONE,), "ip_pools": (NARROW, pool("tunnels", "10.1.0.0/24", workloads=False),
                                            pool("odd", ""))}, None),
    (rule(), {"pods": (ONE,), "ip_pools": (pool("p", "10.1.0.0/16", nat=True),)}, None),
    (rule(), {"pods": (ONE,), **TRANSLATED}, SEEN.format("pod", "10.0.0.1", "p", "on")),
    (NODES, {"pods": (ONE,), **TRANSLATED}, None),
    (POOLED, {"pods": (ONE,), **TRANSLATED}, f"half: natOutgoing is on in IPPool p: {NAT}"),
    (rule(), {"pods": (web("h", "10.0.0.1", host_network=True),), **TRANSLATED}, None),
    (rule(), {"pods": (UNNAMED, web("y", "10.2.0.1")), **TRANSLATED}, None),
    (LAN, {"pods": (web("two", "10.1.0.1", networks=(("a/lan", (Address("10.2.0.1"),)),)),),
           **TRANSLATED}, None),
    (NODES, {"pods": (ONE,), **TRANSLATED, "ip_pools": (NARROW,)},
     SEEN.format("node", "10.1.0.1", "narrow", "off")),
    (rule(), {"pods": (ON_HOST, ONE), **TRANSLATED, "ip_pools": (NARROW,)},
     f"half: of 2 pods 1 {HOST}{TAKE}"),
    (NODES, {"pods": (WAITING, ONE), **TRANSLATED}, None),
    (rule(families=frozenset(Family)), {"pods": (web("two", "10.1.0.1", "2001:db8::1"),),
     **TRANSLATED}, None),
    (rule(), {"pods": (ONE,), **TRANSLATED,
              "nodes": (node("node-1", "10.0.0.1", "10.0.0.2", "10.0.0.3"),)},
     SEEN.format("pod", "10.0.0.1, 10.0.0.2", "p", "on")),
    (replace(AUTO, publish=Publish.EGRESS_GATEWAY), {"pods": (ONE, web("b", "10.1.0.2"),
     web("c", "10.1.0.3", labels={**WEB, "tier": "x"})), **TRANSLATED, "platform": (BY_TIER,)},
     "half: 2 pods use no egress gateway; EgressIP e: it orders that, and nothing confirms it"),
    (AUTO, {"pods": (ONE,
     web("c", claimed=("10.3.0.1",)), web("d", claimed=("10.3.0.2",))), **TRANSLATED},
     f"half: {NOTHING.format('c')}; {NOTHING.format('d')}"),
    (AUTO, {"pods": (ONE,), **TRANSLATED}, None),
    (AUTO, {"pods": (ONE, WAITING), **TRANSLATED}, None),
    (AUTO, {"pods": (WAITING,), **TRANSLATED},
     "what it selects has no address: 1 without an address yet"),
    (AUTO, {"pods": (web("one", "2001:db8::1"),), **TRANSLATED},
     "what it selects has no address: nothing with an address of these families"),
    (replace(AUTO, network_sets=True), {"pods": (WAITING,), **TRANSLATED,
     "network_sets": (network_set("s", "10.9.0.1", space=""),)}, None),
    (replace(AUTO, publish=Publish.EGRESS_GATEWAY), {"pods": (ONE, web("b", "10.1.0.2")),
     **TRANSLATED}, "half: 2 pods use no egress gateway"),
    (replace(AUTO, publish=Publish.EGRESS_GATEWAY), {"pods": (), **TRANSLATED},
     "no pod matches: nothing has a label 'app'"),
    (NODES, {"pods": (web("h", "10.9.0.1", host_network=True),), **TRANSLATED,
             "ip_pools": (pool("p", "10.9.0.0/16"),)}, None),
    (AUTO, {**TRANSLATED}, "no pod matches: nothing has a label 'app'"),
    (rule(select_nodes="all()"), {"nodes": (node("n", "10.0.0.1"),)}, None),
    (rule(select_nodes="all()"), {"nodes": (node("n"),)},
     "what it selects has no address: nothing with an address of these families"),
    (CHOOSING, {"nodes": (node("n", "10.0.0.1", others=(OUT,)),)}, None),
    (CHOOSING, {"nodes": (node("n", "10.0.0.1"),)}, "node n of 1 has no ExternalIP"),
    (rule(select_nodes="all()", families=frozenset({Family.IPV6}), within=(Address("::/0"),)),
     {"nodes": (node("n", "10.0.0.1", others=(OUT,)),)},
     "node n of 1 has no InternalIP within ::/0"),
    (SERVED, {"destinations": tuple(service(f"s{i}") for i in range(3))},
     "what it selects (Service a/s0, Service a/s1, Service a/s2) has no such address"),
    (POOLED, {"pods": (web("two", "10.1.0.2"), web("one", "10.2.0.1")),
              "ip_pools": (pool("b", "10.1.0.0/16", nat=True), pool("a", "10.2.0.0/16", nat=True))},
     f"half: natOutgoing is on in IPPool a, b: {NAT}"),
    (POOLED, {"pods": (web("two", "10.1.0.2"), ONE), "ip_pools": (NARROW, WIDE)},
     "half: IPPools narrow, wide overlap," + NARROWEST.format("narrow")),
    (CHOOSING, {"nodes": (node("n", "10.0.0.1", others=(OUT,)), node("m"), node("l"))},
     "half: node l and 1 more of 3 has no ExternalIP"),
    (rule(select_nodes="all()", within=(Address("10.9.0.0/16"), Address("10.8.0.0/16"))),
     {"nodes": (node("n", "10.0.0.1"),)},
     "node n of 1 has no InternalIP within 10.9.0.0/16, 10.8.0.0/16"),
    (rule(select_nodes="has(x)", addresses=("ExternalIP", "annotation:a")),
     {"nodes": (node("n", "10.0.0.1"),)}, "no node matches: nothing has a label 'x'"),
    (rule(publish=Publish.NODE, addresses=("ExternalIP", "annotation:a")),
     {"nodes": (node("node-1", "10.0.0.1"), node("m")), "pods": (ONE,)},
     "node node-1 of 1 has no ExternalIP or annotation:a"),
    (SERVED, {"destinations": (service("s", LB),)}, None),
    (SERVED, {"destinations": (service("s", LB, unusable=("host h is a name",)),)},
     "half: Service a/s: host h is a name"),
    (SERVED, {"destinations": (service("s"),)},
     "what it selects (Service a/s) has no such address"),
    (SERVED, {"destinations": tuple(service(f"s{i}") for i in range(5))},
     "what it selects (Service a/s0, Service a/s1, Service a/s2 and 2 more) has no such address"),
    (SERVED, {"destinations": (service("s", unusable=("a", "b", "c", "d", "e")),)},
     "Service a/s: a; Service a/s: b; Service a/s: c, and 2 more like these"),
    (SERVED, {"destinations": (service("s", unusable=("a", "b", "c")),)},
     "Service a/s: a; Service a/s: b; Service a/s: c"),
    (SERVED, {"destinations": (service("s", LB, labels={"app": "wep"}),)},
     "none of the services matches: nothing has app == 'web'; the nearest seen is app == 'wep'"),
    (SERVED, {}, "none of the services matches: nothing has a label 'app'"),
    (rule(destinations=Kind.SERVICES, publish=Publish.SERVICE, namespaces="has(x)"),
     {"destinations": (service("s", LB),)},
     "the services that match are in other namespaces than those that match"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "runs", "told"), NOTES)
def test_why_not_all_is_published(asked: GroupRule, runs: dict[str, Any], told: str | None) -> None:
    """`half` marks what is said although something is published."""
    note = follow(asked, **runs).note_on("g")
    if told is None:
        assert note is None
        return
    assert note is not None
    partial = "half: " if note.partial else ""
    found = partial + note.text.removeprefix("cluster east: ")
    assert note.text.startswith("cluster east: ")
    assert found == told


BORNE_OUT = ": give the cluster allowedRanges, or the group within"
# rule, what runs, what is published, why it is not complete, what is withheld
MEMBERS: list[tuple[GroupRule, dict[str, Any], set[str], str, dict[str, str]]] = [
    (rule(), {"pods": (ONE,)}, {"10.1.0.1"}, "", {}),
    (rule(), {"pods": (ONE,), "synced": EVERYTHING - {Kind.PODS}}, {"10.1.0.1"},
     "pods not read completely", {}),
    (NODES, {"pods": (ONE,), "synced": frozenset()}, set(), "nodes, pods not read completely", {}),
    (NODES, {"pods": (ONE, web("b", node="m"))}, set(), "node m has pods but was not read", {}),
    (NODES, {"pods": (ONE,), "nodes": (node("node-1", "10.0.0.1", doubt="odd"),)}, {"10.0.0.1"},
     "node node-1: odd", {}),
    (NODES, {"pods": (web("a", node="b"), web("b", node="a")),
             "nodes": (node("a", "10.0.0.1", doubt="odd"), node("b", doubt="even"))}, {"10.0.0.1"},
     "node a: odd", {}),
    (rule(doubt="nobody knows"), {"pods": (ONE,)}, {"10.1.0.1"}, "nobody knows", {}),
    (rule(), {"pods": (web("b", doubt="even"), web("a", doubt="odd"), ONE)}, {"10.1.0.1"},
     "pod default/a: odd", {}),
    (rule(), {"pods": (web("one", "10.1.0.1"), replace(ONE, name="x", labels=UNREAD))}, set(),
     "pod default/x: its labels cannot all be read",
     {"10.1.0.1": "is the address of pod default/one and pod default/x, and nothing tells which of"
                  " them has it"}),
    (rule(namespaces="has(env)"), {"pods": (ONE,), "namespaces": {"a": NO_LABELS}}, set(),
     "namespace default has pods but was not read", {}),
    (rule(namespaces="has(env)"), {"pods": (ONE,), "namespaces": {"default": UNREAD}}, set(),
     "not all labels of namespace default can be read", {}),
    (rule(accounts="has(team)"), {"pods": (ONE,)}, set(),
     "pod default/one: its service account default was not read", {}),
    (rule(accounts="has(team)"), {"pods": (replace(ONE, account=""),)}, set(), "", {}),
    (LAN, {"pods": (replace(ONE, networks=(("", ()),)),)}, set(),
     "pod default/one, network a/lan: its annotation network-status cannot be read", {}),
    (LAN, {"pods": (replace(ONE, doubt="odd"),)}, set(), "pod default/one, network a/lan: odd", {}),
    (NODES, {"pods": (replace(ONE, node="", doubt="odd"),), "nodes": (node("", "10.0.0.1"),)},
     {"10.0.0.1"}, "pod default/one: odd", {}),
    (rule(select_nodes="has(x)"), {"nodes": (replace(node("n"), labels=UNREAD),)}, set(),
     "node n: its labels cannot all be read", {}),
    (POOLED, {"pods": (ONE,), "ip_pools": (WIDE, NARROW)}, {"10.1.0.0/16"}, "", {}),
    (POOLED, {"pods": (ONE, web("two", "10.1.0.2")), "ip_pools": (pool("x", "", doubt="odd"),)},
     set(), "IPPool x: odd; 10.1.0.1 and 1 more of selected pods: no IPPool holds it", {}),
    (POOLED, {"pods": (ONE,)}, set(), "10.1.0.1 of selected pods: no IPPool holds it", {}),
    (POOLED, {"pods": (ONE,), "synced": EVERYTHING - {Kind.IP_POOLS}}, set(),
     "ippools not read completely", {}),
    (POOLED, {"pods": (web("c", claimed=("10.1.0.1",)),),
              "nodes": (node("node-1", "10.0.0.1", ranges=(Address("10.0.0.0/8"),)),)}, set(), "",
     {"10.1.0.1": "is claimed only by an annotation of pod default/c: no IPPool holds it"}),
    (POOLED, {"pods": (web("c", claimed=("10.1.0.1",)),), "synced": EVERYTHING - {Kind.IP_POOLS},
              "nodes": (node("node-1", "10.0.0.1", ranges=(Address("10.0.0.0/8"),)),)}, set(),
     "ippools not read completely", {}),
    (SETS, {"network_sets": (network_set("s", "10.9.0.1", "2001:db8::1", space=""),)},
     {"10.9.0.1"}, "", {}),
    (SETS, {"network_sets": (network_set("s", "10.9.0.1"),), "pods": (ONE,)}, {"10.1.0.1"}, "",
     {"10.9.0.1": "stands in a network set of a namespace, which whoever works there may write:"
                  " give the cluster allowedRanges"}),
    (SETS, {"network_sets": (network_set("s", "10.9.0.1"),), "ranges": RANGES}, {"10.9.0.1"}, "",
     {}),
    (SETS, {"network_sets": (network_set("s", doubt="odd"),), "ranges": RANGES}, set(),
     "network set a/s: odd", {}),
    (POOLED,
     {"pods": tuple(web(name, claimed=("10.1.0.1",)) for name in "cba"),
      "nodes": (node("node-1", "10.0.0.1", ranges=(Address("10.0.0.0/8"),)),)}, set(), "",
     {"10.1.0.1": "is claimed only by an annotation of pod default/a and pod default/b: no IPPool"
                  " holds it"}),
    (replace(POOLED, network_sets=True),
     {"pods": (web("c", claimed=("10.1.0.2",)), web("b", claimed=("10.1.0.1",)),
               web("d", claimed=("11.0.0.1",))),
      "nodes": (node("node-1", "10.0.0.1", ranges=(Address("10.0.0.0/8"),)),),
      "network_sets": (network_set("s", "10.9.0.1"),)}, set(), "",
     {"11.0.0.1": "is claimed only by an annotation of pod default/d: neither the status, nor the"
                  " node's podCIDRs, nor allowedRanges of the cluster bear it out",
      "10.1.0.1": "is claimed only by an annotation of pod default/b: no IPPool holds it",
      "10.1.0.2": "is claimed only by an annotation of pod default/c: no IPPool holds it",
      "10.9.0.1": "stands in a network set of a namespace, which whoever works there may write:"
                  " give the cluster allowedRanges"}),
    (AUTO, {"pods": (ONE,), **TRANSLATED}, {"10.0.0.1"}, "", {}),
    (AUTO, {"pods": (ONE, UNNAMED), **TRANSLATED}, {"10.0.0.1"}, "", {}),
    (AUTO, {"pods": (ONE, UNNAMED, web("b", "10.1.0.2")), **TRANSLATED, "ip_pools": (NARROW,)},
     {"10.1.0.2"}, "",
     {"10.1.0.1": "is the address of pod default/one and pod default/x, and nothing tells which of"
                  " them has it"}),
    (AUTO, {"pods": (web("c", claimed=("10.1.0.1",)),), **TRANSLATED, "ip_pools": (NARROW,)}, set(),
     "", {"10.1.0.1": "is claimed only by an annotation of pod default/c: neither the status, nor"
                      " the node's podCIDRs, nor allowedRanges of the cluster bear it out"}),
    (AUTO, {"pods": (ONE,), **TRANSLATED, "synced": AUTO_KINDS}, {"10.0.0.1"}, "", {}),
    (AUTO, {"pods": (ONE,), **TRANSLATED, "synced": AUTO_KINDS - {Kind.IP_POOLS}}, set(),
     "ippools not read completely", {}),
    (AUTO, {"pods": (ONE,), "synced": AUTO_KINDS - {Kind.IP_POOLS}}, set(),
     "ippools not read completely", {}),
    (CHOOSING, {"nodes": (node("n", "10.0.0.1", others=(OUT,)),)}, {"192.0.2.7"}, "", {}),
    (rule(select_nodes="all()", addresses=("annotation:a",)),
     {"nodes": (node("n", "10.0.0.1", others=(("annotation:a", Address("192.0.2.7")),)),)}, set(),
     "", {"192.0.2.7": "is told only by annotation:a of node n: give the cluster allowedRanges, or"
                       " the group within"}),
    (rule(select_nodes="all()", addresses=("annotation:a",)),
     {"nodes": (node("n", "10.0.0.1", others=(("annotation:a", Address("10.0.0.1")),)),)},
     {"10.0.0.1"}, "", {}),
    (rule(select_nodes="all()", addresses=("annotation:a",)), {"ranges": RANGES,
     "nodes": (node("n", others=(("annotation:a", Address("10.0.0.9")),)),)}, {"10.0.0.9"}, "", {}),
    (rule(select_nodes="all()", addresses=("annotation:a",), within=(Address("10.0.0.0/8"),)),
     {"nodes": (node("n", others=(("annotation:a", Address("10.0.0.9")),
                                  ("annotation:a", Address("11.0.0.9")))),)}, {"10.0.0.9"}, "", {}),
    (rule(select_nodes="all()", within=(Address("10.0.0.0/8"),)),
     {"nodes": (node("n", "10.0.0.1", "11.0.0.1", others=(OUT,)),)}, {"10.0.0.1"}, "", {}),
    (rule(select_nodes="all()", addresses=("annotation:a",)), {"nodes": (
        node("n", others=(("annotation:a", Address("192.0.2.9")),
                          ("annotation:a", Address("192.0.2.7")))),)}, set(), "",
     dict.fromkeys(("192.0.2.7", "192.0.2.9"),
                   f"is told only by annotation:a of node n{BORNE_OUT}")),
    (SERVED, {"destinations": (service("s", ("externalIP", "2001:db8::1"), LB),)}, {"192.0.2.7"},
     "", {}),
    (SERVED, {"destinations": (service("s", LB, labels={}, doubt="odd"),)}, set(), "", {}),
    (SERVED, {"destinations": (replace(service("s", LB), labels=UNREAD),)}, set(),
     "Service a/s: nobody can tell whether the rule selects it", {}),
    (SERVED, {"destinations": (service("t", LB, doubt="even"), service("s", LB, doubt="odd"))},
     {"192.0.2.7"}, "Service a/s: odd; Service a/t: even", {}),
    (replace(SETS, namespaces="!has(env)"),
     {"network_sets": (network_set("s", "10.9.0.1", space=""),)}, {"10.9.0.1"}, "", {}),
    (POOLED, {"pods": (ONE,), "ip_pools": (pool("b", "", doubt="even"), pool("a", "", doubt="odd"),
                                            NARROW)}, {"10.1.0.0/16"},
     "IPPool a: odd; IPPool b: even", {}),
    (SERVED, {"destinations": (service("s", LB),)}, {"192.0.2.7"}, "", {}),
    (SERVED, {"destinations": (service("s", LB, doubt="odd"),)}, {"192.0.2.7"},
     "Service a/s: odd", {}),
    (SERVED, {"destinations": (service("s", LB, ("externalIP", "10.0.0.8"), asked="10.0.0.8"),)},
     {"192.0.2.7"}, "", {"10.0.0.8": "is what Service a/s asks for, which whoever may write it"
                         " chose: give the cluster allowedRanges, or the group within"}),
    (SERVED, {"destinations": (service("s", ("externalIP", "10.0.0.8"), asked="10.0.0.8"),),
              "ranges": RANGES}, {"10.0.0.8"}, "", {}),
    (rule(destinations=Kind.SERVICES, within=(Address("10.0.0.0/8"),)),
     {"destinations": (service("s", LB, ("externalIP", "10.0.0.8"), asked="10.0.0.8"),)},
     {"10.0.0.8"}, "", {}),
    (rule(destinations=Kind.SERVICES, addresses=("externalIP",), families=frozenset(Family)),
     {"destinations": (service("s", LB, ("externalIP", "2001:db8::8")),)}, {"2001:db8::8"}, "", {}),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "runs", "published", "because", "withheld"), MEMBERS)
def test_what_is_published_and_what_is_not(
    asked: GroupRule,
    runs: dict[str, Any],
    published: set[str],
    because: str,
    withheld: dict[str, str],
) -> None:
    ((_, members),) = follow(asked, **runs).members()
    assert members.addresses == published
    assert members.because.replace("cluster east: ", "") == because
    assert members.because.count("cluster east: ") == bool(because) + because.count("; ")
    assert members.complete is not bool(because)
    assert list(members.withheld) == [*withheld.items()]


SELECTED: list[tuple[GroupRule, dict[str, Any], list[tuple[str, tuple[str, ...], str]]]] = [
    (rule(), {"pods": (WAITING, ONE, pod_endpoint("x", "10.1.0.2"), web("odd", doubt="odd"))},
     [("default/new", (), "without an address yet"), ("default/odd", (), "pod default/odd: odd"),
      ("default/one", ("10.1.0.1",), "")]),
    (rule(), {"pods": (web("c", claimed=("10.1.0.1",)),)}, [("default/c", ("10.1.0.1",), "")]),
    (LAN, {"pods": (ONE, web("two", networks=(("a/lan", (Address("10.2.0.1"),)),)))},
     [("default/one", (), "not in that network"), ("default/two", ("10.2.0.1",), "")]),
    (POOLED, {"pods": (ONE,), "ip_pools": (NARROW,)}, [("default/one", ("10.1.0.0/16",), "")]),
    (NODES, {"pods": (ONE, web("two", node="m")), "nodes": (node("node-1", "10.0.0.1"),)},
     [("default/one", ("10.0.0.1",), ""), ("default/two", (), "")]),
    (rule(publish=Publish.NODE, addresses=("ExternalIP",)),
     {"pods": (ONE,), "nodes": (node("node-1", "10.0.0.1", others=(OUT,)),)},
     [("default/one", ("192.0.2.7",), "")]),
    (rule(select_nodes="has(x)"), {"nodes": (node("n", "10.0.0.1", labels={"x": ""}, doubt="odd"),
                                             node("m", "10.0.0.2"))},
     [("n", ("10.0.0.1",), "odd")]),
    (rule(select_nodes="all()"), {"nodes": (node("n", "10.0.0.1", "2001:db8::1", others=(OUT,)),)},
     [("n", ("10.0.0.1", "2001:db8::1"), "")]),
    (AUTO, {"pods": (ONE,), "namespaces": KNOWN},
     [("default/one", (), ("nothing in the cluster tells how it leaves: no IPPool or subnet"
       " holds its address, and its node shows no platform that is known; use publish: pod or"
       " node"))]),
    (AUTO, {"pods": (pod_endpoint("x"), web("y", "2001:db8::1")), **TRANSLATED},
     [("default/y", (), "")]),
    (CHOOSING, {"nodes": (node("n", "10.0.0.1", others=(OUT,)),)}, [("n", ("192.0.2.7",), "")]),
    (SETS, {"network_sets": (network_set("s", "10.9.0.1", doubt="odd"),), "pods": (ONE,)},
     [("network set a/s", ("10.9.0.1",), "odd"), ("default/one", ("10.1.0.1",), "")]),
    (SERVED, {"destinations": (service("z", LB), service("s", LB))},
     [("Service a/s", ("192.0.2.7",), ""), ("Service a/z", ("192.0.2.7",), "")]),
    (SERVED, {"destinations": (service("s", LB), service("t", unusable=("a", "b")),
                               service("u", unusable=("a",), doubt="odd"))},
     [("Service a/s", ("192.0.2.7",), ""), ("Service a/t", (), "a; b"),
      ("Service a/u", (), "odd")]),
    (rule(publish=Publish.AUTO), {**TRANSLATED, "pods": (ONE, web("odd", doubt="odd"))},
     [("default/odd", (), "pod default/odd: odd"),
      ("default/one", ("10.0.0.1",), "IPPool p: natOutgoing is on")]),
    (rule(publish=Publish.AUTO), {"namespaces": KNOWN, "pods": (WAITING,)},
     [("default/new", (), "without an address yet")]),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "runs", "told"), SELECTED)
def test_what_stands_for_each_that_is_selected(
    asked: GroupRule, runs: dict[str, Any], told: list[tuple[str, tuple[str, ...], str]]
) -> None:
    assert list(follow(asked, **runs).selected("g")) == told


LABELS = [
    {"app": "frontend", "tier": "dmz", "zone": "b"},
    {"app": "backend", "tier": "db", "zone": "a"},
]
NEAREST = [
    ("app == 'fronted'", ": nothing has app == 'fronted'; the nearest seen is app == 'frontend'"),
    ("zone == 'xyz'", ": nothing has zone == 'xyz'; the nearest seen is zone == 'a'"),
    ("has(ap)", ": nothing has a label 'ap'; the nearest seen is 'app'"),
    ("has(apxyz)", ": nothing has a label 'apxyz'; the nearest seen is 'app'"),
    ("has(xyzw)", ": nothing has a label 'xyzw'"),
    ("has(apxyzwv)", ": nothing has a label 'apxyzwv'"),
    ("pcns.env == 'x' && has(xyzw)", ": nothing has a label 'xyzw'"),
    ("xyzw != 'a' && !has(xyzw)", ""),
    ("has(app)", ""),
    ("app not in {'x'} && app in {'x', 'backend'}", ""),
    ("app in {'bckend', 'frontent'}",
     ": nothing has app == 'bckend'; the nearest seen is app == 'backend'"),
    ("app != 'x' && app contains 'zzz'", ""),
    ("xyzw contains 'x'", ": nothing has a label 'xyzw'"),
    (f"app == '{'a' * 58}'",
     f": nothing has app == '{'a' * 58}'; the nearest seen is app == 'backend'"),
    (f"has({'x' * 60})", f": nothing has a label '{'x' * 60}'"),
    (f"has({'x' * 61})", f": nothing has a label '{'x' * 59}…'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), NEAREST)
def test_the_nearest_label_that_is_seen(text: str, told: str) -> None:
    assert nearest(selectors.parse(text), [Labels(each) for each in LABELS]) == told


def test_reasons_are_told_in_one_order() -> None:
    """Whichever pod came first: a note that changes its words would be told again and again."""
    note = note_on_bare("here", ["b", "a", "b"], 4, some=False)
    assert note is not None
    assert note.text == "here: what it selects has no address: 1 a and 2 b"
    assert note_on_bare("here", ["b", "a"], 4, some=True) is None


def test_a_rule_over_services_without_a_selector_says_that_none_is_there() -> None:
    """Of two of which one matches the others are elsewhere."""
    asked = rule(destinations=Kind.SERVICES)
    sets = [Labels({"app": "x"}), Labels(WEB)]
    elsewhere = "the services that match are in other namespaces than those that match"
    assert nothing_among(asked, "services", iter(sets)) == elsewhere
    assert nothing_among(asked, "services", iter(sets[:1])) == (
        "none of the services matches: nothing has app == 'web'; the nearest seen is app == 'x'"
    )


def test_nodes_that_go_are_counted() -> None:
    """With the last of them the note is another."""
    nodes = (node("n", "10.0.0.1"), node("m", "10.0.0.2"))
    membership = follow(rule(select_nodes="all()"), nodes=nodes)
    for gone, told in zip(nodes, (None, "cluster east: no node matches"), strict=True):
        membership.apply(ClusterDifference("east", EVERYTHING, nodes=((gone, None),)))
        note = membership.note_on("g")
        assert (note.text if note is not None else None) == told
