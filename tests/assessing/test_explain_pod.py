"""What is answered about a pod and an address, up to where the walk to the devices begins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fmgsync.assessing import explain
from fmgsync.assessing.explanation import Scene
from fmgsync.model.address import Address, Family
from fmgsync.model.endpoint import ALWAYS, ClusterSnapshot, IPPool, NodeEndpoint, PodEndpoint
from fmgsync.model.labels import NO_LABELS, Labels
from fmgsync.model.rule import GroupRule, Publish
from fmgsync.model.view import GroupState
from tests.assessing.scenes import on, view
from tests.assessing.walks import adom, both, held, lines, scene
from tests.planning.estates import EAST, WEST

FINE = view(state=GroupState.IN_SYNC)
GONE = view(desired="", state=GroupState.INSTALL_PENDING)
POD = PodEndpoint(
    "shop",
    "web-1",
    Labels({"app": "web", "projectcalico.org/x": "y"}),
    (Address("10.1.0.1"),),
    "n1",
)
NODE = NodeEndpoint("n1", NO_LABELS, (Address("10.1.0.1"),))
WEB = GroupRule("web", "app == 'web'")
OTHER = GroupRule("db", "app == 'db'")
TIER = replace(WEB, namespaces="tier == 'dmz'")
TEAM = replace(WEB, accounts="team == 'x'")


def cluster(*pods: PodEndpoint, name: str = "prod", synced: Any = ALWAYS) -> ClusterSnapshot:
    return ClusterSnapshot(name, synced, pods, (NODE,), {"shop": NO_LABELS})


def runs(*pods: PodEndpoint, rules: tuple[GroupRule, ...] = (WEB,), **more: Any) -> Scene:
    found = cluster(*pods, synced=more.pop("synced", ALWAYS))
    found = replace(found, namespaces=more.pop("spaces", found.namespaces))
    return scene(more.pop("adom", both(FINE)), rules=rules, snapshots={"prod": found}, **more)


PODS: dict[str, tuple[Scene, str | None]] = {
    "no such pod": (runs(replace(POD, name="web-2"), replace(POD, namespace="dev")), None),
    "pods were not read": (runs(synced=frozenset()), "web"),
    "the controller does not follow it": (runs(partial=True), None),
    "no rules": (runs(POD, rules=(GroupRule("n", select_nodes="all()"),)), None),
    "selected": (runs(POD, rules=(WEB, OTHER)), None),
    "asked of one": (runs(POD, rules=(WEB, OTHER)), "db"),
    "of none": (runs(replace(POD, labels=NO_LABELS), rules=(WEB, OTHER)), None),
    "of another cluster": (runs(POD, rules=(replace(WEB, clusters=frozenset({"x"})),)), None),
    "of this cluster": (runs(POD, rules=(replace(WEB, clusters=frozenset({"prod"})),)), None),
    "all pods": (runs(POD, rules=(replace(WEB, select="all()"),)), None),
    "a doubt": (runs(POD, rules=(replace(WEB, doubt="half read"),)), None),
    "ending": (runs(replace(POD, terminating=True, node="")), None),
    "lost": (runs(replace(POD, lost=True)), None),
    "its node": (runs(POD, rules=(replace(WEB, publish=Publish.NODE),)), None),
    "its node, of others": (
        runs(replace(POD, node="n2"), rules=(replace(WEB, publish=Publish.NODE),)),
        None,
    ),
    "its node's network": (runs(replace(POD, host_network=True)), None),
    "of the other family": (
        runs(POD, rules=(replace(WEB, families=frozenset({Family.IPV6})),)),
        None,
    ),
    "withheld": (
        runs(POD, withheld=lambda rule, cluster, address: f"is not for {rule} of {cluster}"),
        None,
    ),
    "on one device only": (runs(POD, adom=adom(on(EAST, FINE), on(WEST, view(device="")))), None),
    "perhaps by a rule that was not read": (runs(POD, rules=(OTHER,), unread="cluster x"), None),
    "perhaps by that rule": (runs(POD, rules=(OTHER,), unread="cluster x"), "web"),
    "by a rule that was read": (runs(POD, unread="cluster x"), None),
    "its namespace was not read": (
        runs(replace(POD, namespace="shop"), rules=(TIER,), synced=frozenset({"pods"}), spaces={}),
        None,
    ),
    "its account was not read": (runs(replace(POD, account="ci"), rules=(TEAM,)), None),
    "its node was not read": (
        runs(
            replace(POD, node="n2"),
            rules=(replace(WEB, publish=Publish.NODE),),
            synced=frozenset({"pods"}),
        ),
        None,
    ),
    "IPPools were not read": (
        runs(POD, rules=(replace(WEB, publish=Publish.IP_POOL),), synced=frozenset({"pods"})),
        None,
    ),
}
ADDRESSES: dict[str, Scene] = {
    "nobody": scene(),
    "nobody, where it was looked": scene(unseen={"fgt-a": "off"}),
    "nobody, as far as devices tell": scene(
        adom(
            on(EAST, view("db", "", "", None, None), view("x", "", "", None, None, in_error=True)),
            on(WEST, view("db", "", "", "", None, state=GroupState.UNREACHABLE)),
        )
    ),
    "nobody, unless the copy is ahead": scene(adom(on(EAST, view("db", "", "", "", None)))),
    "nobody, where no policy uses it": scene(
        adom(on(EAST, view("db", "", "", None, None, state=GroupState.NOT_REFERENCED)))
    ),
    "wanted, and one does not tell": scene(
        adom(on(EAST, view(device="")), on(WEST, view("web", "", "", None, None))), rules=(WEB,)
    ),
    "of another group only": scene(both(view("db", *[""] * 4)), rules=(WEB,)),
    "nobody whom the controller follows": runs(partial=True, adom=both(view("db", *[""] * 4))),
    "perhaps of a rule that was not read": scene(both(view(desired=None)), unread="cluster x"),
    "wanted": runs(POD),
    "of nodes": scene(both(FINE), rules=(GroupRule("web", select_nodes="has(gpu)"),)),
    "no rule": scene(both(FINE)),
    "not wanted any more": runs(adom=both(GONE)),
    "perhaps wanted still": runs(adom=adom(on(EAST, GONE), on(WEST, view(desired=None)))),
    "on one device only": scene(
        adom(on(EAST, FINE, view("db", device="")), on(WEST, view(device="")))
    ),
}
UNTOLD = (
    "nobody, as far as devices tell",
    "nobody, unless the copy is ahead",
    "wanted, and one does not tell",
)
RUNS = ["pod, cluster prod: yes: runs on node n1; labels app=web"]
CHOSEN = ["namespace: yes: all()", "label: yes: app == \"web\": app is 'web'"]
EXPECTED: dict[str, tuple[list[str], dict[str, bool | None]]] = {
    "pod: no such pod": (
        ["pod, clusters: no: no cluster has such a pod, or it is not scheduled or has ended"],
        {},
    ),
    "pod: pods were not read": (
        ["pod, clusters: ?: not seen, but pods were not read completely in prod"],
        {},
    ),
    "pod: the controller does not follow it": (
        [
            (
                "pod, clusters: ?: the controller does not follow it: no rule can select it, or "
                "there is none"
            )
        ],
        {},
    ),
    "pod: no rules": ([*RUNS, "rule, configuration: no: no rule over pods of that name"], {}),
    "pod: selected": (
        [
            *RUNS,
            *CHOSEN,
            "address: yes: 10.1.0.1: the cluster says that the pod has it",
            "  10.1.0.1",
        ],
        {"east": True, "west": True},
    ),
    "pod: asked of one": (
        [
            *RUNS,
            "namespace, rule db: yes: all()",
            "label, rule db: no: app == \"db\": app is 'web'",
        ],
        {},
    ),
    "pod: of none": (
        [
            "pod, cluster prod: yes: runs on node n1; labels -",
            "namespace: yes: all()",
            'label: no: app == "web": no such label',
            "namespace, rule db: yes: all()",
            'label, rule db: no: app == "db": no such label',
        ],
        {},
    ),
    "pod: of another cluster": ([*RUNS, "rule: no: it is not about cluster prod"], {}),
    "pod: of this cluster": (
        [
            *RUNS,
            *CHOSEN,
            "address: yes: 10.1.0.1: the cluster says that the pod has it",
            "  10.1.0.1",
        ],
        {"east": True, "west": True},
    ),
    "pod: all pods": (
        [
            *RUNS,
            "namespace: yes: all()",
            "label: yes: all()",
            "address: yes: 10.1.0.1: the cluster says that the pod has it",
            "  10.1.0.1",
        ],
        {"east": True, "west": True},
    ),
    "pod: a doubt": (
        [
            *RUNS,
            *CHOSEN,
            "rule: ?: half read",
            "address: yes: 10.1.0.1: the cluster says that the pod has it",
            "  10.1.0.1",
        ],
        {"east": True, "west": True},
    ),
    "pod: ending": (
        [
            "pod, cluster prod: yes: runs on node ?, ending; labels app=web",
            *CHOSEN,
            "address: yes: 10.1.0.1: the cluster says that the pod has it",
            "  10.1.0.1",
        ],
        {"east": True, "west": True},
    ),
    "pod: lost": (
        [
            "pod, cluster prod: yes: runs on node n1, its node does not answer; labels app=web",
            *CHOSEN,
            "address: yes: 10.1.0.1: the cluster says that the pod has it",
            "  10.1.0.1",
        ],
        {"east": True, "west": True},
    ),
    "pod: its node": (
        [
            *RUNS,
            *CHOSEN,
            "address: yes: 10.1.0.1: the rule publishes nodes, and the pod runs on n1",
            "  10.1.0.1",
        ],
        {"east": True, "west": True},
    ),
    "pod: its node, of others": (
        [
            "pod, cluster prod: yes: runs on node n2; labels app=web",
            *CHOSEN,
            "address: no: none of ipv4: the rule publishes nodes, and the pod runs on n2",
        ],
        {},
    ),
    "pod: its node's network": (
        [
            *RUNS,
            *CHOSEN,
            (
                "address: no: none of ipv4: the pod is in its node's network and has no address "
                "of its own"
            ),
        ],
        {},
    ),
    "pod: of the other family": (
        [
            *RUNS,
            *CHOSEN,
            "address: no: none of ipv6: the cluster says that the pod has it",
        ],
        {},
    ),
    "pod: withheld": (
        [
            *RUNS,
            *CHOSEN,
            "address: no: 10.1.0.1 is not for web of prod",
            "  10.1.0.1",
        ],
        {},
    ),
    "pod: on one device only": (
        [
            *RUNS,
            *CHOSEN,
            "address: yes: 10.1.0.1: the cluster says that the pod has it",
            "  10.1.0.1",
        ],
        {"east": True, "west": False},
    ),
    "pod: perhaps by a rule that was not read": (
        [
            *RUNS,
            "rule, configuration: ?: no rule that was read selects it; not all were: cluster x",
        ],
        {},
    ),
    "pod: perhaps by that rule": (
        [
            *RUNS,
            "rule, configuration: ?: no rule over pods of that name; not all were read: cluster x",
        ],
        {},
    ),
    "pod: by a rule that was read": (
        [
            *RUNS,
            *CHOSEN,
            "address: yes: 10.1.0.1: the cluster says that the pod has it",
            "  10.1.0.1",
        ],
        {"east": True, "west": True},
    ),
    "pod: its namespace was not read": (
        [*RUNS, 'namespace: ?: tier == "dmz": not known', CHOSEN[1]],
        {},
    ),
    "pod: its account was not read": (
        [*RUNS, *CHOSEN, 'account: ?: team == "x": not known'],
        {},
    ),
    "pod: its node was not read": (
        [
            "pod, cluster prod: yes: runs on node n2; labels app=web",
            *CHOSEN,
            "seen: ?: not read completely: nodes; nothing comes and nothing goes",
        ],
        {},
    ),
    "pod: IPPools were not read": (
        [
            *RUNS,
            *CHOSEN,
            "seen: ?: not read completely: ippools; nothing comes and nothing goes",
        ],
        {},
    ),
    "ip: nobody": (
        [
            "endpoint, clusters: no: no pod and no node has it",
            "group, everywhere: no: no group of ours has it, wanted or held",
        ],
        {},
    ),
    "ip: nobody, where it was looked": (
        [
            "endpoint, clusters: no: no pod and no node has it",
            (
                "group, everywhere: ?: no group of ours has it, wanted or held, where it was "
                "looked; fgt-a could not be"
            ),
        ],
        {},
    ),
    "ip: nobody, as far as devices tell": (
        [
            "endpoint, clusters: no: no pod and no node has it",
            (
                "group, everywhere: ?: no group of ours has it, wanted or held, where it was "
                "looked; east could not be"
            ),
        ],
        {},
    ),
    "ip: nobody, unless the copy is ahead": (
        [
            "endpoint, clusters: no: no pod and no node has it",
            (
                "group, everywhere: ?: no group of ours has it, wanted or held, where it was "
                "looked; east could not be"
            ),
        ],
        {},
    ),
    "ip: nobody, where no policy uses it": (
        [
            "endpoint, clusters: no: no pod and no node has it",
            "group, everywhere: no: no group of ours has it, wanted or held",
        ],
        {},
    ),
    "ip: wanted, and one does not tell": (
        [
            "endpoint, clusters: no: no pod and no node has it",
            "rule: yes: selected by app == 'web'; wanted on east",
        ],
        {"east": False},
    ),
    "ip: of another group only": (
        [
            "endpoint, clusters: no: no pod and no node has it",
            "group, everywhere: no: no group of ours has it, wanted or held",
        ],
        {},
    ),
    "ip: nobody whom the controller follows": (
        [
            "endpoint, clusters: yes: node n1 of cluster prod",
            "  node n1 of cluster prod",
            "group, everywhere: no: no group of ours has it, wanted or held",
        ],
        {},
    ),
    "ip: perhaps of a rule that was not read": (
        [
            "endpoint, clusters: no: no pod and no node has it",
            "rule: ?: no rule of this name; whether it is wanted is not known on east, west",
        ],
        {"east": True, "west": True},
    ),
    "ip: wanted": (
        [
            "endpoint, clusters: yes: pod shop/web-1 of cluster prod; node n1 of cluster prod",
            "  pod shop/web-1 of cluster prod, node n1 of cluster prod",
            "rule: yes: selected by app == 'web'; wanted on east, west",
        ],
        {"east": True, "west": True},
    ),
    "ip: of nodes": (
        [
            "endpoint, clusters: no: no pod and no node has it",
            "rule: yes: selected by has(gpu); wanted on east, west",
        ],
        {"east": True, "west": True},
    ),
    "ip: no rule": (
        [
            "endpoint, clusters: no: no pod and no node has it",
            "rule: yes: no rule of this name; wanted on east, west",
        ],
        {"east": True, "west": True},
    ),
    "ip: not wanted any more": (
        [
            "endpoint, clusters: yes: node n1 of cluster prod",
            "  node n1 of cluster prod",
            "rule: no: no rule wants it any more",
        ],
        {"east": True, "west": True},
    ),
    "ip: perhaps wanted still": (
        [
            "endpoint, clusters: yes: node n1 of cluster prod",
            "  node n1 of cluster prod",
            "rule: ?: selected by app == 'web'; whether it is wanted is not known on west",
        ],
        {"east": True, "west": True},
    ),
    "ip: on one device only": (
        [
            "endpoint, clusters: no: no pod and no node has it",
            "rule, group db: yes: no rule of this name; wanted on east",
            "rule: yes: no rule of this name; wanted on east, west",
        ],
        {"east": True, "west": False},
    ),
}


@pytest.mark.parametrize("case", PODS)
def test_what_is_told_of_a_pod(case: str) -> None:
    given, group = PODS[case]
    found = explain.pod(given, "shop", "web-1", group=group)
    assert found.question == "pod shop/web-1" + (f" in {group}" if group else "")
    told = [each for each in found.steps if each.where != "group web"]
    assert (lines(told, "rule web"), held(found.devices)) == EXPECTED[f"pod: {case}"]


@pytest.mark.parametrize("case", ADDRESSES)
def test_what_is_told_of_an_address(case: str) -> None:
    given = ADDRESSES[case]
    found = explain.ip(given, Address("10.1.0.1"))
    assert (found.question, found.somewhere) == ("ip 10.1.0.1", True)
    assert found.unseen is (bool(given.unseen) or case in UNTOLD)
    told = [each for each in found.steps if each.what in ("endpoint", "group", "rule")]
    assert (lines(told, "group web"), held(found.devices)) == EXPECTED[f"ip: {case}"]


BOTH = replace(POD, addresses=(Address("10.1.0.1"), Address("10.1.0.9")), account="ci")
NINE = replace(NODE, addresses=(Address("10.9.0.1"),), others=(("ExternalIP", Address("9.9.9.9")),))
POOL = IPPool("inner", NO_LABELS, Address("10.1.0.0/24"))
ABOUT = replace(
    cluster(BOTH),
    nodes=(NINE,),
    ip_pools=(POOL,),
    namespaces={"shop": Labels({"tier": "a"})},
    accounts={"shop/ci": Labels({"team": "x"})},
)
PUBLISHED: dict[str, tuple[dict[str, Any], str]] = {
    "two": ({}, "10.1.0.1, 10.1.0.9: the cluster says that the pod has it"),
    "a pool": ({"publish": Publish.IP_POOL}, "10.1.0.0/24: the IPPool that its address is from"),
    "a node's": (
        {"publish": Publish.NODE, "addresses": ("ExternalIP",)},
        "9.9.9.9: the rule publishes nodes, and the pod runs on n1",
    ),
    "of a service account": (
        {"accounts": "team == 'x'", "namespaces": "tier == 'a'"},
        "10.1.0.1, 10.1.0.9: the cluster says that the pod has it",
    ),
}


@pytest.mark.parametrize("case", PUBLISHED)
def test_what_stands_for_a_pod(case: str) -> None:
    more, expected = PUBLISHED[case]
    given = scene(both(FINE), rules=(replace(WEB, **more),), snapshots={"prod": ABOUT})
    found = explain.pod(given, "shop", "web-1").steps
    assert [step.because for step in found if step.what == "address"] == [expected]
    accounts = [each for each in found if each.what == "account"]
    assert lines(accounts, "rule web") == (
        ["account: yes: team == \"x\": team is 'x'"] if "accounts" in more else []
    )


def test_one_address_of_two_may_be_withheld() -> None:
    held_back = {Address("10.1.0.9"): "is another's"}
    given = scene(
        both(FINE),
        rules=(WEB,),
        snapshots={"prod": ABOUT},
        withheld=lambda rule, cluster, address: held_back.get(address, ""),
    )
    found = explain.pod(given, "shop", "web-1").steps
    assert lines([each for each in found if each.what == "address"], "rule web") == [
        "address: no: 10.1.0.9 is another's",
        "  10.1.0.9",
        "address: yes: 10.1.0.1: the cluster says that the pod has it",
        "  10.1.0.1",
    ]


@pytest.mark.parametrize("one", [True, None, False])
@pytest.mark.parametrize("other", [True, None, False])
def test_of_several_groups_none_hides_what_another_one_says(
    monkeypatch: pytest.MonkeyPatch, one: bool | None, other: bool | None
) -> None:
    """A pod is let through where all its groups bring it, an address where one does; what could
    not be looked at is no "no", whichever comes first."""
    rules = (WEB, replace(WEB, name="app"))
    answered = {"web": one, "app": other}
    monkeypatch.setattr(explain, "chain", lambda scene, name, *_, **__: {EAST: answered[name]})
    given = runs(POD, rules=rules, adom=both(FINE, view("app", state=GroupState.IN_SYNC)))
    [(_, of_pod)] = explain.pod(given, "shop", "web-1").devices
    [(_, of_address)] = explain.ip(given, Address("10.1.0.1")).devices
    said = {one, other}
    assert of_pod is (False if False in said else None if None in said else True)
    assert of_address is (True if True in said else None if None in said else False)
