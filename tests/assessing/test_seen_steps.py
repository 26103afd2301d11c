"""What a firewall sees of one pod, word for word as it is explained: a row for each case."""

from __future__ import annotations

from typing import Any

import pytest

from fmgsync.assessing import seen_steps
from fmgsync.assessing.explanation import Step
from fmgsync.model.address import Address, Family
from fmgsync.model.endpoint import ClusterSnapshot, IPPool, Kind, NodeEndpoint, PodEndpoint
from fmgsync.model.labels import Labels
from fmgsync.model.rule import GroupRule, Publish
from tests.grouping.ways_out import node, pod, pool

V4, BOTH = frozenset({Family.IPV4}), frozenset(Family)
P, P6, TWO = pod("10.1.0.1"), pod("2001:db8::1"), pod("10.1.0.1", "2001:db8::1")
HOST = pod(host_network=True)
PLAIN, PLAIN6 = pool("q", "10.1.0.0/16"), pool("q6", "2001:db8::/64")
NAT, ODD = pool("p", "10.1.0.0/16", nat=True), pool("x", "", doubt="odd")
NODE, LOST = node(), node(doubt="is odd")
OWN = "seen rule web True: 10.1.0.1 by IPPool q: natOutgoing is off [10.1.0.1]"
OWN6 = "seen rule web True: 2001:db8::1 by IPPool q6: natOutgoing is off [2001:db8::1]"
NO_GATEWAY = "seen rule web False: it uses no egress gateway []"
UNREAD = frozenset({Kind.NODES, Kind.FELIX, Kind.SUBNETS, Kind.EGRESSES, Kind.EGRESS_IPS})

# what is published, of which families and which pod, what is there, the steps and the addresses
ASKED: dict[str, tuple[Publish, frozenset[Family], PodEndpoint, Any, list[str], str]] = {
    "its own": (Publish.AUTO, V4, P, (PLAIN,), [OWN], "10.1.0.1"),
    "of both families": (Publish.AUTO, BOTH, TWO, (PLAIN, PLAIN6), [OWN, OWN6],
        "10.1.0.1 2001:db8::1"),
    "two addresses": (Publish.AUTO, V4, pod("10.1.0.1", "10.1.0.2"), (PLAIN,),
        [("seen rule web True: 10.1.0.1, 10.1.0.2 by IPPool q: natOutgoing is off"
         " [10.1.0.1 10.1.0.2]")], "10.1.0.1 10.1.0.2"),
    "of one family nobody can tell": (Publish.AUTO, BOTH, TWO, (PLAIN, pool("y", "2001:db8::/64",
        nat=True), LOST), [OWN, "seen rule web None: IPPool y: node n1 is odd []"], ""),
    "who cannot tell is in the reason": (Publish.AUTO, V4, P, (ODD,),
        ["seen rule web None: IPPool x, which may hold it: odd []"], ""),
    "nobody has a say": (Publish.AUTO, V4, P, (),
        [("seen rule web None: nothing in the cluster tells how it leaves: no IPPool or subnet"
         " holds its address, and its node shows no platform that is known; use publish: pod or"
         " node []")], ""),
    "it waits for an address": (Publish.AUTO, V4, pod(), (PLAIN,),
        ["seen rule web None: it has no address yet []"], ""),
    "it has none of the family": (Publish.AUTO, V4, P6, (PLAIN6,),
        ["seen rule web False: nothing []"], ""),
    "it claims one": (Publish.AUTO, V4, pod(claimed=(Address("10.1.0.1"),)), (PLAIN,), [OWN],
        "10.1.0.1"),
    "no gateway": (Publish.EGRESS_GATEWAY, V4, P, (PLAIN,), [NO_GATEWAY], ""),
    "no gateway, and none of the family": (Publish.EGRESS_GATEWAY, V4, P6, (), [NO_GATEWAY], ""),
    "no gateway takes what is in its node's network": (Publish.EGRESS_GATEWAY, V4, HOST, (NODE,),
        [NO_GATEWAY], ""),
    "its node's": (Publish.AUTO, V4, HOST, (NODE,),
        [("seen rule web True: 192.168.0.1 by host network: it is in its node's network"
         " [192.168.0.1]")], "192.168.0.1"),
    "not all is read": (Publish.AUTO, V4, P, (PLAIN, *UNREAD),
        [("seen rule web None: not read completely: egresses, egressips, felixconfigurations,"
         " nodes, subnets; nothing comes and nothing goes []")], ""),
    "what it does not need is not read": (Publish.EGRESS_GATEWAY, V4, P, (Kind.AWS_NODE,),
        [NO_GATEWAY], ""),
}  # fmt: skip
TOLD = "of pod a/p a firewall sees 192.168.0.1 (IPPool p: natOutgoing is on): use publish: auto"
COMPARED: dict[str, tuple[Publish, tuple[Any, ...], list[str]]] = {
    "it is translated": (Publish.POD, (NAT, NODE), [f"seen rule web None: {TOLD} []"]),
    "it is not": (Publish.POD, (PLAIN, NODE), []),
    "its node stands for it": (Publish.NODE, (NAT, NODE), []),
    "nobody can tell": (Publish.POD, (), []),
}


def cluster(there: tuple[Any, ...]) -> ClusterSnapshot:
    """These nodes and pools; a kind among them was not read."""
    return ClusterSnapshot(
        "east",
        frozenset(Kind).difference(there),
        nodes=tuple(each for each in there if isinstance(each, NodeEndpoint)),
        namespaces={"a": Labels({"env": "qa"})},
        ip_pools=tuple(each for each in there if isinstance(each, IPPool)),
    )


def said(steps: list[Step]) -> list[str]:
    return [f"{s.what} {s.where} {s.holds}: {s.because} [{' '.join(s.objects)}]" for s in steps]


@pytest.mark.parametrize("case", ASKED)
def test_what_stands_for_a_pod_in_a_rule_that_asks(case: str) -> None:
    publish, families, asked, there, told, expected = ASKED[case]
    rule = GroupRule("web", select="all()", publish=publish, families=families)
    steps: list[Step] = []
    found = seen_steps.asked(rule, cluster(there), asked, steps)
    assert (said(steps), " ".join(found)) == (told, expected)


@pytest.mark.parametrize("case", COMPARED)
def test_a_fixed_choice_is_held_against_what_is_seen(case: str) -> None:
    publish, there, told = COMPARED[case]
    steps: list[Step] = []
    rule = GroupRule("web", select="all()", publish=publish)
    seen_steps.compared(rule, cluster(there), P, steps)
    assert said(steps) == told
