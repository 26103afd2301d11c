"""How a pod leaves that somebody has ordered a way out for: egress objects, Calico's gateways."""

from __future__ import annotations

from typing import Any

import pytest

from fmgsync.grouping import seen_gateways
from fmgsync.model.address import Address
from fmgsync.model.endpoint import PodEndpoint
from fmgsync.model.labels import Labels
from fmgsync.model.platform import Egress, Gateway, GatewayPolicy, GatewayStep
from tests.grouping.ways_out import (
    V4,
    V6,
    Row,
    config_map,
    leaves,
    node,
    pod,
    pool,
    setting,
    subnet,
)

LAN, FAR = ("10.5.0.0/16",), ("198.18.0.0/16",)
P, P6 = pod("10.1.0.1"), pod("2001:db8::1")


def order(name: str = "e", *ips: str, kind: str = "EgressIP", **parts: Any) -> Egress:
    """One that selects every pod, if nothing else is said."""
    parts = {"selects": (("all()", "all()"),), "requested": tuple(map(Address, ips)), **parts}
    return Egress(kind, "", name, addresses=tuple(map(Address, ips)), **parts)


def towards(*ranges: str) -> tuple[Address, ...]:
    return tuple(map(Address, ranges))


SELECTOR, SPACES, POLICY = (
    f"egress.projectcalico.org/{key}"
    for key in ("selector", "namespaceSelector", "egressGatewayPolicy")
)


def noted(*pairs: tuple[str, str], ips: tuple[str, ...] = ("10.1.0.1",)) -> PodEndpoint:
    return pod(*ips, notes=pairs)


def gate(name: str, *ips: str, labels: Any = None, **parts: Any) -> PodEndpoint:
    return PodEndpoint(
        "a",
        name,
        Labels({"gate": ""}) if labels is None else labels,
        tuple(map(Address, ips)),
        "n1",
        **parts,
    )


def felix(
    name: str = "default", doubt: str = "", support: str = "EnabledPerNamespaceOrPerPod"
) -> Any:
    pairs = {"egressIPSupport": support} if support else {}
    return setting("FelixConfiguration", name, doubt, **pairs)


ORDERED = Gateway("EgressGateway", "a", "o", labels=(("gate", ""),))
GATE = gate("g1", "10.9.0.1")
POOL = pool("gates", "10.9.0.0/16")
MINE = noted((SELECTOR, "has(gate)"), (SPACES, "all()"))
BASE = (felix(), ORDERED, GATE, POOL)
ELSEWHERE = noted((POLICY, "p"), (SPACES, "has(nowhere)"))
BY_POLICY = noted((POLICY, "p"), (SPACES, "all()"))


def policy(*steps: tuple[str, Any], doubt: str = "") -> GatewayPolicy:
    return GatewayPolicy(
        "EgressGatewayPolicy", "", "p", tuple(GatewayStep(*each) for each in steps), doubt
    )


GATES, OTHERS = ("", "has(gate)"), ("all()", "has(other)")
OTHER = gate("g2", "10.9.0.2", labels=Labels({"other": ""}))

BY = "Calico's egress gateways: ? "
NONE_AT_ALL = (
    f"{BY}no egress gateway is there that its annotation chooses and an EgressGateway orders"
    " (by gateways)"
)
NONE_THERE = NONE_AT_ALL.replace("(by", "(its author's, by")
NO_POLICY_HERE = f"{BY}the EgressGatewayPolicy that its annotation names is not there (by gateways)"
NO_POLICY = NO_POLICY_HERE.replace("(by", "(its author's, by")
ROWS: list[Row] = [
    (seen_gateways.egress, P, V4, (), (), None),
    (seen_gateways.egress, P, V4, (), (order("e", "192.0.2.1"),),
     'EgressIP e: 192.0.2.1: its status says so'),
    (seen_gateways.egress, P, V6, (), (order("e", "192.0.2.1"),), None),
    (seen_gateways.egress, P, V4, (), (order("e", "192.0.2.1", derived=True),),
     'EgressIP e: 192.0.2.1: it orders that, and nothing confirms it (derived)'),
    (seen_gateways.egress, P, V4, (), (order("e", doubt="odd"),), 'EgressIP e: ? EgressIP e: odd'),
    (seen_gateways.egress, P, V4, (), (order("e", selects=(("has(x)", "all()"),), doubt="odd"),),
     None),
    (seen_gateways.egress, P, V4, (), (order("e", "192.0.2.1", selects=(("[", "all()"),)),),
     'EgressIP e: ? nobody can tell whether EgressIP e selects it'),
    (seen_gateways.egress, P, V4, (), (order("e", "192.0.2.1"), order("f", "192.0.2.2"), order("g",
     "192.0.2.3", exclusive=False)),
     'EgressIP e: ? EgressIP e and EgressIP f select it, and one of them counts'),
    (seen_gateways.egress, P, V4, (), (order("e", "192.0.2.1"), order("f", "192.0.2.1")),
     'EgressIP e, EgressIP f: 192.0.2.1: its status says so'),
    (seen_gateways.egress, P, V4, (), (order("e", "192.0.2.9", exclusive=False), order("f",
     "192.0.2.10", exclusive=False)),
     'EgressIP e, EgressIP f: 192.0.2.10 192.0.2.9: its status says so'),
    (seen_gateways.egress, P, V4, (), (order("e", requested=towards("192.0.2.1")),),
     'EgressIP e: ? EgressIP e has no address in use (ipv4)'),
    (seen_gateways.egress, P, V4, (), (order("e", "192.0.2.1", exclusive=False), order("f",
     requested=towards("192.0.2.1"), exclusive=False)),
     'EgressIP f: ? EgressIP f has no address in use (ipv4)'),
    (seen_gateways.egress, P, V4, (), (order("e", "192.0.2.1", requested=()),),
     'EgressIP e: 192.0.2.1: its status says so'),
    (seen_gateways.egress, P, V4, (), (order("e", "192.0.2.1",
     destinations=towards("10.0.0.0/8")),),
     ('EgressIP e: 192.0.2.1: its status says so; to other destinations as'
     ' ordinarily (and others)')),
    (seen_gateways.egress, P, V4, LAN, (order("e", "192.0.2.1",
     destinations=towards("10.0.0.0/8")),), 'EgressIP e: 192.0.2.1: its status says so'),
    (seen_gateways.egress, P, V4, FAR, (order("e", "192.0.2.1",
     destinations=towards("10.0.0.0/8")),), None),
    (seen_gateways.egress, P, V4, LAN, (order("e", "192.0.2.1", destinations=towards("10.0.0.0/8"),
     excluded=towards("10.5.0.0/16")),), None),
    (seen_gateways.egress, P, V4, LAN, (order("e", "192.0.2.1", destinations=towards("10.0.0.0/8"),
     excluded=towards("10.5.7.0/24")),),
     ('EgressIP e: 192.0.2.1: its status says so; to other destinations as'
     ' ordinarily (and others)')),
    (seen_gateways.egress, P, V4, LAN, (order("e", destinations=towards("10.0.0.0/8")),), None),
    (seen_gateways.egress, P, V4, (), (order("v", "192.0.2.1", selects=(), sources=(("10.1.0.0/16",
     True),)),), 'EgressIP v: 192.0.2.1: its status says so'),
    (seen_gateways.egress, P, V4, (), (order("v", "192.0.2.1", selects=(), sources=(("10.1.0.0/16",
     False),)),), 'EgressIP v: 10.1.0.1: it forwards without translating'),
    (seen_gateways.egress, P, V4, (), (order("v", "192.0.2.1", selects=(), sources=(("10.1.0.0/16",
     False), ("10.0.0.0/8", True))),), 'EgressIP v: 192.0.2.1: its status says so'),
    (seen_gateways.egress, P, V4, (), (order("v", "192.0.2.1", selects=(), sources=(("10.2.0.0/16",
     True),)),), None),
    (seen_gateways.egress, P, V4, (), (order("v", "192.0.2.1", selects=(), sources=(("s", True),)),
     subnet("s", "10.1.0.0/16")), 'EgressIP v: 192.0.2.1: its status says so'),
    (seen_gateways.egress, P, V4, (), (order("v", "192.0.2.1", selects=(), sources=(("s",
     True),)),), None),
    (seen_gateways.egress, P, V4, (), (order("v", "192.0.2.1", selects=(), sources=(("s", True),)),
     subnet("s", "10.1.0.0/16"), subnet("t", "10.0.0.0/8")),
     'EgressIP v: ? nobody can tell whether EgressIP v selects it'),
    (seen_gateways.egress, P, V4, (), (order("v", "192.0.2.1", sources=(("s", True),)), subnet("s",
     "10.1.0.0/16"), subnet("t", "10.0.0.0/8")), 'EgressIP v: 192.0.2.1: its status says so'),
    (seen_gateways.egress, P, V4, (), (order("v", selects=(), sources=(("10.2.0.0/16", True),),
     doubt="odd"),), None),
    (seen_gateways.calico, P, V4, (), BASE, None),
    (seen_gateways.calico, MINE, V4, (), BASE,
     'egress gateway a/g1: 10.9.0.1: natOutgoing is off (by gateways, n1)'),
    (seen_gateways.calico, MINE, V4, (), BASE[1:], None),
    (seen_gateways.calico, MINE, V4, (), (felix(support="EnabledPerNamespace"), *BASE[1:]), None),
    (seen_gateways.calico, P, V4, (), (felix(support="EnabledPerNamespace"), *BASE[1:], Labels({},
     notes=MINE.notes)), 'egress gateway a/g1: 10.9.0.1: natOutgoing is off (by gateways, n1)'),
    (seen_gateways.calico, P, V4, (), (felix(support="Disabled"), *BASE[1:], Labels({},
     notes=MINE.notes)), None),
    (seen_gateways.calico, MINE, V4, (), (felix("node.n1", support=""), *BASE),
     'egress gateway a/g1: 10.9.0.1: natOutgoing is off (by gateways, n1)'),
    (seen_gateways.calico, MINE, V4, (), (felix("node.n1", support="Disabled"), *BASE), None),
    (seen_gateways.calico, MINE, V4, (), (felix("node.n1", support=""), *BASE[1:]), None),
    (seen_gateways.calico, MINE, V4, (), (felix("node.n9", "odd"), *BASE),
     'FelixConfiguration node.n9: ? FelixConfiguration node.n9: odd'),
    (seen_gateways.calico, BY_POLICY, V4, (), (felix("node.n9", "odd"), *BASE),
     'FelixConfiguration node.n9: ? FelixConfiguration node.n9: odd'),
    (seen_gateways.calico, P, V4, (), (felix("node.n9", "odd"), *BASE), None),
    (seen_gateways.calico, MINE, V4, (), (config_map("x", "odd"), *BASE),
     'egress gateway a/g1: 10.9.0.1: natOutgoing is off (by gateways, n1)'),
    (seen_gateways.calico, noted((SPACES, "all()")), V4, (), BASE, None),
    (seen_gateways.calico, noted((SELECTOR, "has(gate)")), V4, (), (*BASE,
     Labels({"projectcalico.org/name": "a"})),
     'egress gateway a/g1: 10.9.0.1: natOutgoing is off (by gateways, n1)'),
    (seen_gateways.calico, noted((SELECTOR, "has(gate)")), V4, (), (*BASE,
     Labels({"projectcalico.org/name": "b"})), NONE_THERE),
    (seen_gateways.calico, noted((SELECTOR, "[")), V4, (), BASE,
     ("Calico's egress gateways: ? '[' is no selector of egress gateways: a term"
     " cannot begin with '[' (its author's, by gateways)")),
    (seen_gateways.calico, MINE, V4, (), (*BASE, gate("g0", "10.9.0.9"), OTHER),
     ('egress gateway a/g0, egress gateway a/g1: 10.9.0.1 10.9.0.9: natOutgoing is'
     ' off (by gateways, n1)')),
    (seen_gateways.calico, MINE, V4, (), (*BASE, gate("g0")),
     'egress gateway a/g1: 10.9.0.1: natOutgoing is off (by gateways, n1)'),
    (seen_gateways.calico, MINE, V4, (), (felix(), ORDERED, POOL, gate("g0")),
     "Calico's egress gateways: ? egress gateway a/g0 has no address yet (by gateways)"),
    (seen_gateways.calico, MINE, V4, (), (felix(), ORDERED, POOL, gate("g0",
     claimed=towards("10.9.0.9"))),
     'egress gateway a/g0: 10.9.0.9: natOutgoing is off (by gateways, n1)'),
    (seen_gateways.calico, MINE, V4, (), (felix(), ORDERED, POOL, gate("g0", doubt="odd")),
     'egress gateway a/g0: ? egress gateway a/g0: odd (by gateways)'),
    (seen_gateways.calico, MINE, V4, (), (*BASE, gate("g2", doubt="odd")),
     'egress gateway a/g2: ? egress gateway a/g2: odd (by gateways)'),
    (seen_gateways.calico, MINE, V4, (), (*BASE, gate("g0", "10.9.0.9", labels=Labels({},
     frozenset({"gate"})))),
     ("Calico's egress gateways: ? nobody can tell which gateways its annotation"
     ' chooses (by gateways)')),
    (seen_gateways.calico, MINE, V6, (), BASE,
     "Calico's egress gateways: : no gateway for it (by gateways, and others)"),
    (seen_gateways.calico, MINE, V4, (), (felix(), ORDERED, GATE),
     ('egress gateway a/g1: ? no IPPool holds the address of egress gateway a/g1 (by'
     ' gateways)')),
    (seen_gateways.calico, MINE, V4, (), (felix(), ORDERED, GATE, node(), pool("gates",
     "10.9.0.0/16", nat=True)),
     'egress gateway a/g1: 192.168.0.1: natOutgoing is on (by gateways, n1)'),
    (seen_gateways.calico, MINE, V4, LAN, (felix(), ORDERED, GATE, node(), pool("gates",
     "10.9.0.0/16", nat=True), pool("far", "10.5.0.0/16")),
     ("egress gateway a/g1: 10.9.0.1: these destinations are of Calico's pools, and"
     ' not translated (by gateways, n1)')),
    (seen_gateways.calico, MINE, V4, (), (*BASE, Gateway("EgressGateway", "b", "z", doubt="odd")),
     'EgressGateway b/z: ? EgressGateway b/z: odd (by gateways)'),
    (seen_gateways.calico, MINE, V4, (), (*BASE, Gateway("EgressGateway", "a", "z", labels=(("gate",
     ""),), elastic=True)),
     ('egress gateway a/g1: ? egress gateway a/g1: a cloud translates its address'
     ' once more (by gateways)')),
    (seen_gateways.calico, BY_POLICY, V4, (), BASE, NO_POLICY),
    (seen_gateways.calico, P, V4, (), (*BASE, Labels({}, notes=BY_POLICY.notes)), NO_POLICY_HERE),
    (seen_gateways.calico, BY_POLICY, V4, (), (*BASE, policy(doubt="odd")),
     "Calico's egress gateways: ? EgressGatewayPolicy p: odd (by gateways)"),
    (seen_gateways.calico, BY_POLICY, V4, (), (*BASE, policy(("", GATES))),
     'egress gateway a/g1: 10.9.0.1: natOutgoing is off (by gateways, n1)'),
    (seen_gateways.calico, BY_POLICY, V4, (), (*BASE, OTHER, policy(("", GATES), ("10.0.0.0/8",
     OTHERS))), ('egress gateway a/g1, egress gateway a/g2: 10.9.0.1 10.9.0.2: natOutgoing is'
     ' off (by gateways, n1)')),
    (seen_gateways.calico, BY_POLICY, V4, LAN, (*BASE, OTHER, policy(("", GATES), ("10.0.0.0/8",
     OTHERS))), 'egress gateway a/g2: 10.9.0.2: natOutgoing is off (by gateways, n1)'),
    (seen_gateways.calico, BY_POLICY, V4, FAR, (*BASE, OTHER, policy(("", GATES), ("10.0.0.0/8",
     OTHERS))), 'egress gateway a/g1: 10.9.0.1: natOutgoing is off (by gateways, n1)'),
    (seen_gateways.calico, BY_POLICY, V4, LAN, (*BASE, OTHER, policy(("10.0.0.0/8", GATES),
     ("10.5.0.0/16", OTHERS))),
     'egress gateway a/g2: 10.9.0.2: natOutgoing is off (by gateways, n1)'),
    (seen_gateways.calico, BY_POLICY, V4, LAN, (*BASE, OTHER, policy(("10.0.0.0/8", GATES),
     ("10.5.7.0/24", OTHERS))),
     ('egress gateway a/g1, egress gateway a/g2: 10.9.0.1 10.9.0.2: natOutgoing is'
     ' off (by gateways, n1)')),
    (seen_gateways.calico, BY_POLICY, V4, FAR, (*BASE, policy(("10.0.0.0/8", GATES))),
     "Calico's egress gateways: : no gateway for it (by gateways, and others)"),
    (seen_gateways.calico, BY_POLICY, V4, (), (*BASE, policy(("10.0.0.0/8", GATES))),
     'egress gateway a/g1: 10.9.0.1: natOutgoing is off (by gateways, and others, n1)'),
    (seen_gateways.calico, BY_POLICY, V4, LAN, (*BASE, policy(("10.0.0.0/8", None), ("", GATES))),
     "Calico's egress gateways: : no gateway for it (by gateways, and others)"),
    (seen_gateways.calico, BY_POLICY, V4, (), (*BASE, policy(("10.0.0.0/8", None), ("", GATES))),
     'egress gateway a/g1: 10.9.0.1: natOutgoing is off (by gateways, and others, n1)'),
    (seen_gateways.calico, BY_POLICY, V4, (), (*BASE, policy(("", ("", "[")),)),
     ("Calico's egress gateways: ? '[' is no selector of egress gateways: a term"
     " cannot begin with '[' (by gateways)")),
    (seen_gateways.calico, BY_POLICY, V4, (), (*BASE, policy(("", OTHERS))), NONE_AT_ALL),
    (seen_gateways.egress, P, V4, LAN, (order("e", "192.0.2.1", exclusive=False,
     destinations=towards("10.5.7.0/24")), order("f", "192.0.2.2", exclusive=False, derived=True)),
     ('EgressIP e, EgressIP f: 192.0.2.1 192.0.2.2: its status says so; to other'
     ' destinations as ordinarily; it orders that, and nothing confirms it (derived, and others)')),
    (seen_gateways.egress, pod("10.1.0.1", "10.2.0.1"), V4, (), (order("v", "192.0.2.1", selects=(),
     sources=(("10.2.0.0/16", True),)),), 'EgressIP v: 192.0.2.1: its status says so'),
    (seen_gateways.calico, ELSEWHERE, V4, (), (*BASE, policy(("", GATES))), NONE_AT_ALL),
    (seen_gateways.calico, ELSEWHERE, V4, (), (*BASE, policy(("", ("all()", "has(gate)")))),
     'egress gateway a/g1: 10.9.0.1: natOutgoing is off (by gateways, n1)'),
    (seen_gateways.calico, MINE, V4, (), (felix(support="Disabled"), felix("node.n1"), *BASE[1:]),
     'egress gateway a/g1: 10.9.0.1: natOutgoing is off (by gateways, n1)'),
    (seen_gateways.calico, P, V4, (), (*BASE, felix("node.n9", "odd"), Labels({},
     notes=MINE.notes)), 'FelixConfiguration node.n9: ? FelixConfiguration node.n9: odd'),
    (seen_gateways.calico, noted(("x", "y")), V4, (), (*BASE, felix("node.n9", "odd")), None),
    (seen_gateways.calico, P, V4, (), (*BASE, Labels({}, notes=((SPACES, "all()"),))), None),
    (seen_gateways.calico, P, V4, (), (*BASE, Labels({}, notes=((SELECTOR, "["),))),
     ("Calico's egress gateways: ? '[' is no selector of egress gateways: a term"
     " cannot begin with '[' (by gateways)")),
    (seen_gateways.calico, MINE, V4, (), (*BASE, gate("g5", labels=Labels({"other": ""}))),
     'egress gateway a/g1: 10.9.0.1: natOutgoing is off (by gateways, n1)'),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_how_a_pod_leaves(row: Row) -> None:
    assert leaves(*row[:-1]) == row[-1]
