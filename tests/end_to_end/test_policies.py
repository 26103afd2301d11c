"""Calico's policies as rules: one group per policy, from dumps, written to a FortiManager."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import main
from fmgsync.passes import once
from fmgsync.passes.result import Result
from tests.builders import (
    Manifest,
    listing,
    namespace,
    network_set,
    node,
    pod,
    policy,
    service_account,
)
from tests.end_to_end.estate import Estate, default_seed, open_estate

DMZ: dict[str, Any] = {
    "fromGlobalNetworkPolicies": "projectcalico.org/tier == 'dmz'",
    "sites": {"clusters": ["east"]},
}
WEB = pod("web-1", "10.1.0.1", labels={"app": "web"})
SHOP = pod("shop-1", "10.1.0.2", namespace="shop", labels={"app": "shop"}, service_account="cart")
NO_POLICIES = {"apiVersion": "projectcalico.org/v3", "kind": "GlobalNetworkPolicyList", "items": []}


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    seed = default_seed(install_s=0, workspaceMode="disabled")
    with open_estate(tmp_path, seed) as made:
        made.write_config(groups=[DMZ])
        made.run("west", pod("other", "10.2.0.1"))
        yield made


def runs(estate: Estate, *objects: Manifest, cluster: str = "east", **more: Any) -> None:
    """The cluster has these objects besides its two pods."""
    there = [WEB, SHOP, node("node-1", "192.0.2.1"), namespace(), *objects]
    if not any(
        each["kind"] == "Namespace" and each["metadata"]["name"] == "shop" for each in there
    ):
        there.append(namespace("shop", labels={"team": "pay"}))
    if not any(each["kind"] == "ServiceAccount" for each in there):
        there.append(service_account("cart", namespace="shop", labels={"role": "till"}))
        there.append(service_account("default"))
    estate.run(cluster, dump=listing(*there), **more)


def written(estate: Estate, group: str) -> set[str] | None:
    """What the group holds for the device in front of the cluster; None: there is no group."""
    found = estate.object("addrgrp", group)
    if found is None:
        return None
    names = estate.mapped(group).get("fgt-east", [])
    return {name.removeprefix("prod_") for name in names} - {"none"}


def told(result: Result) -> str:
    gaps = [*once.source_gaps(result.workloads)]
    findings = [f"{each.name}: {each.message}" for each in result.workloads.findings]
    findings += [
        f"{f.name}: {f.message}" for a in result.adoms if a.seen for f in a.seen.plan.findings
    ]
    return "\n".join([*gaps, *findings])


def test_each_policy_of_the_tier_becomes_a_group_of_its_name(estate: Estate) -> None:
    runs(
        estate,
        policy("dmz.web", "app == 'web'", tier="dmz", raw=True),
        policy("dmz.shop", "app == 'shop'", tier="dmz", labels={"projectcalico.org/tier": "dmz"}),
        policy("default.other", "app == 'web'", tier="default"),
        policy("knp.default.mirror", "app == 'web'", tier="dmz"),
    )
    estate.apply_never()
    assert written(estate, "dmz.web") == {"10.1.0.1"}
    assert written(estate, "dmz.shop") == {"10.1.0.2"}
    assert written(estate, "default.other") is None
    assert written(estate, "knp.default.mirror") is None


BY_SELECTORS: list[tuple[dict[str, Any], set[str]]] = [
    ({"selector": "has(app)", "namespaceSelector": "team == 'pay'"}, {"10.1.0.2"}),
    ({"selector": "has(app)", "serviceAccountSelector": "role == 'till'"}, {"10.1.0.2"}),
    ({"selector": "pcns.team == 'pay' && pcsa.role == 'till'"}, {"10.1.0.2"}),
    ({"selector": "pcsa.projectcalico.org/name == 'cart'"}, {"10.1.0.2"}),
    ({"selector": "pcns.team != 'pay'"}, {"10.1.0.1"}),
    ({"selector": "app == 'web'", "serviceAccountSelector": "all()"}, {"10.1.0.1"}),
    ({"selector": "app == 'web'", "namespaceSelector": "  "}, {"10.1.0.1"}),
    ({"selector": "app == 'web'", "serviceAccountSelector": "role != 'till'"}, {"10.1.0.1"}),
    ({"namespaceSelector": "team == 'pay'"}, {"10.1.0.2"}),
    ({"serviceAccountSelector": "has(role)"}, {"10.1.0.2"}),
    ({"selector": "!all()"}, set()),
]


def test_the_three_selectors_of_a_policy_count_together(estate: Estate) -> None:
    names = {f"dmz.p{number}x": row for number, row in enumerate(BY_SELECTORS)}
    runs(estate, *(policy(name, tier="dmz", **spec) for name, (spec, _) in names.items()))
    estate.apply_never()
    assert {name: written(estate, name) for name in names} == {
        name: members for name, (_, members) in names.items()
    }


SPOILT: list[tuple[dict[str, Any], str]] = [
    ({"selector": "app = 'web'"}, "selector"),
    ({"selector": "app == 'web'", "namespaceSelector": "team 'pay'"}, "namespaceSelector"),
    ({"selector": "app == 'web'", "serviceAccountSelector": "dmz"}, "serviceAccountSelector"),
    ({"selector": "global()"}, "global()"),
    ({"selector": "app == 'web' || !global()"}, "global()"),
    ({"selector": 7}, "spec.selector"),
    ({"selector": ["app"]}, "spec.selector"),
    ({"selector": "app == 'web'", "preDNAT": "perhaps"}, "spec.preDNAT"),
]


def test_policies_that_cannot_be_understood_change_nothing_and_are_named(estate: Estate) -> None:
    both = {"10.1.0.1", "10.1.0.2"}
    names = {f"dmz.p{number}x": row for number, row in enumerate(SPOILT)}
    shop = "dmz.shop"
    fine = (policy(name, "has(app)", tier="dmz") for name in names)
    runs(estate, policy(shop, "app == 'shop'", tier="dmz"), *fine)
    estate.apply_never()
    assert {name: written(estate, name) for name in names} == dict.fromkeys(names, both)
    spoilt = (policy(name, tier="dmz", **spec) for name, (spec, _) in names.items())
    runs(estate, policy(shop, "app == 'web'", tier="dmz"), *spoilt)
    result = estate.apply_never()
    assert {name: written(estate, name) for name in names} == dict.fromkeys(names, both)
    assert written(estate, shop) == {"10.1.0.1"}, "the others go on"
    for name, (_, why) in names.items():
        (found,) = (each for each in result.workloads.findings if each.name == name)
        assert found.is_error
        assert why in found.message
        assert f"GlobalNetworkPolicy {name} of cluster east" in found.message


def test_a_new_policy_that_cannot_be_understood_gets_an_empty_group_at_most(estate: Estate) -> None:
    runs(estate, policy("dmz.web", "app = 'web'", tier="dmz"))
    estate.apply_never()
    assert not written(estate, "dmz.web")


def test_a_policy_that_is_gone_from_a_whole_list_takes_its_group_along_after_a_person_says_so(
    estate: Estate,
) -> None:
    runs(estate, policy("dmz.web", "app == 'web'", tier="dmz"))
    estate.apply_never()
    runs(estate, policy("dmz.shop", "app == 'shop'", tier="dmz"))
    (adom,) = estate.apply_never().adoms
    assert adom.seen
    (hold,) = adom.seen.plan.held
    assert hold.name == "dmz.web"
    assert written(estate, "dmz.web") == {"10.1.0.1"}
    estate.approve(hold.digest)
    estate.apply_never()
    assert written(estate, "dmz.web") is None


@pytest.mark.parametrize("what", ["absent", "cut", "another page", "no cluster"])
def test_a_policy_that_was_not_read_keeps_its_group_as_it_is(estate: Estate, what: str) -> None:
    runs(estate, policy("dmz.web", "app == 'web'", tier="dmz"))
    estate.apply_never()
    if what == "absent":
        runs(estate)
    elif what == "another page":
        dump = [WEB, SHOP, node(), namespace(), namespace("shop")]
        page = {**NO_POLICIES, "metadata": {"continue": "more"}}
        text = "\n".join(json.dumps(each) for each in (listing(*dump), page))
        estate.run("east", dump=text)
    elif what == "cut":
        text = (estate.folder / "east.json").read_text()
        (estate.folder / "east.json").write_text(text[: len(text) // 2])
    else:
        (estate.folder / "east.json").unlink()
    result = estate.apply_never()
    assert written(estate, "dmz.web") == {"10.1.0.1"}
    assert not [h for a in result.adoms if a.seen for h in a.seen.plan.held]
    assert "globalnetworkpolicies" in told(result) or "could not be read" in told(result)


WITHOUT_GROUP: list[tuple[dict[str, Any], str]] = [
    ({"preDNAT": True}, "preDNAT"),
    ({"doNotTrack": True}, "doNotTrack"),
    ({"name": "dmz." + "x" * 80}, "at most 75"),
    ({"name": "dmz.web.7"}, "shard"),
    ({"staged": True}, ""),
    ({"labels": {"fmgsync/publish": "false"}}, ""),
    ({"annotations": {"fmgsync/publish": "False"}}, ""),
]


def test_policies_that_get_no_group(estate: Estate) -> None:
    rows = [{"name": f"dmz.p{n}x", **given} for n, (given, _) in enumerate(WITHOUT_GROUP)]
    there = [policy(selector="app == 'web'", tier="dmz", **row) for row in rows]
    runs(estate, *there, policy("dmz.shop", "app == 'shop'", tier="dmz"))
    result = estate.apply_never()
    assert [written(estate, row["name"]) for row in rows] == [None] * len(rows)
    assert written(estate, "dmz.shop") == {"10.1.0.2"}
    for row, (_, why) in zip(rows, WITHOUT_GROUP, strict=True):
        found = [each.message for each in result.workloads.findings if each.name == row["name"]]
        assert [why in message for message in found] == [True] * bool(why)


def test_a_group_of_a_policy_can_be_tried(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    runs(
        estate,
        policy("dmz.web", tier="dmz", selector="app == 'web'"),
        policy("dmz.till", tier="dmz", selector="all()", serviceAccountSelector="role == 'till'"),
        policy("dmz.odd", tier="dmz", selector="app = 'web'"),
        policy("dmz.hosts", tier="dmz", selector="all()", preDNAT=True),
    )

    def tried(group: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main.run(["selector", "--group", group, "-c", str(estate.path)])
        found = capsys.readouterr()
        return code, found.out + found.err

    code, told = tried("dmz.web")
    assert (code, "10.1.0.1" in told, "10.1.0.2" in told) == (0, True, False)
    assert tried("web") == (code, told), "the name without the tier is another of the same group"
    code, told = tried("dmz.till")
    assert code == 0
    assert "of service accounts" in told
    assert "10.1.0.2" in told
    code, told = tried("dmz.odd")
    assert code == 1
    assert "is not a selector" in told
    code, told = tried("dmz.hosts")
    assert code == 2
    assert "it applies before DNAT" in told
    assert "name one of: dmz.odd, dmz.till, dmz.web" in told


def test_only_policies_that_ask_for_it_where_that_is_wanted(estate: Estate) -> None:
    estate.write_config(groups=[{**DMZ, "optIn": True}])
    runs(
        estate,
        policy("dmz.web", "app == 'web'", tier="dmz", annotations={"fmgsync/publish": "true"}),
        policy("dmz.shop", "app == 'shop'", tier="dmz"),
        policy("dmz.odd", "app == 'shop'", tier="dmz", labels={"fmgsync/publish": "maybe"}),
    )
    result = estate.apply_never()
    assert written(estate, "dmz.web") == {"10.1.0.1"}
    assert written(estate, "dmz.shop") is None
    assert not written(estate, "dmz.odd")
    assert """dmz.odd: fmgsync/publish is 'maybe': write "true" or "false\"""" in told(result)


def test_staged_policies_count_where_that_is_wanted_and_never_before_their_twin(
    estate: Estate,
) -> None:
    estate.write_config(groups=[{**DMZ, "staged": True}])
    runs(
        estate,
        policy("dmz.web", "app == 'web'", tier="dmz", staged=True),
        policy("dmz.both", "app == 'web'", tier="dmz", staged=True),
        policy("dmz.both", "app == 'shop'", tier="dmz"),
        policy("dmz.gone", "app == 'shop'", tier="dmz", staged=True, stagedAction="Delete"),
    )
    result = estate.apply_never()
    assert written(estate, "dmz.web") == {"10.1.0.1"}
    assert written(estate, "dmz.both") == {"10.1.0.2"}
    assert written(estate, "dmz.gone") is None
    assert "an enforced policy of this name counts instead" in told(result)


def test_a_group_keeps_its_name_when_the_tier_comes_into_it_or_goes(estate: Estate) -> None:
    estate.write_config(groups=[{**DMZ, "fromGlobalNetworkPolicies": "all()"}])
    runs(estate, policy("default.web", "app == 'web'"))
    estate.apply_never()
    runs(estate, policy("web", "app == 'web' || app == 'shop'"))
    result = estate.apply_never()
    assert written(estate, "default.web") == {"10.1.0.1", "10.1.0.2"}
    assert written(estate, "web") is None
    assert not [h for a in result.adoms if a.seen for h in a.seen.plan.held]
    assert "default.web: the group of web keeps the name it has" in told(result)
    runs(estate, policy("default.web", "app == 'web'"))
    estate.apply_never()
    assert written(estate, "default.web") == {"10.1.0.1"}


def test_a_tier_that_is_renamed_is_told_and_keeps_its_groups_where_somebody_says_so(
    estate: Estate,
) -> None:
    any_tier = {**DMZ, "fromGlobalNetworkPolicies": "all()"}
    estate.write_config(groups=[any_tier])
    runs(estate, policy("dmz.web", "app == 'web'", tier="dmz"))
    estate.apply_never()
    estate.write_policy("dmz.web")
    renamed = policy("edge.web", "app == 'web' || app == 'shop'", tier="edge")
    other = policy("edge.shop", "app == 'shop'", tier="edge")
    runs(estate, renamed, other)
    result = estate.plan()
    assert "edge.web: group dmz.web has no policy any more" in told(result)
    assert "edge.shop: group" not in told(result)
    estate.write_config(groups=[{**any_tier, "renamedTiers": {"edge": "dmz"}}])
    result = estate.apply_never()
    assert written(estate, "dmz.web") == {"10.1.0.1", "10.1.0.2"}
    assert written(estate, "edge.web") is None
    assert written(estate, "edge.shop") == {"10.1.0.2"}, "it never had another name"
    assert "dmz.web: the group of edge.web keeps the name it has" in told(result)


def test_a_policy_renamed_while_its_group_is_used_is_told_and_everything_else_goes_on(
    estate: Estate,
) -> None:
    runs(estate, policy("dmz.web", "app == 'web'", tier="dmz"))
    estate.apply_never()
    estate.write_policy("dmz.web")
    runs(
        estate,
        policy("dmz.portal", "app == 'web'", tier="dmz"),
        policy("dmz.shop", "app == 'shop'", tier="dmz"),
    )
    result = estate.apply_never()
    assert written(estate, "dmz.web") == {"10.1.0.1"}, "emptying it waits for a person"
    assert written(estate, "dmz.portal") == {"10.1.0.1"}
    assert written(estate, "dmz.shop") == {"10.1.0.2"}
    (adom,) = result.adoms
    assert adom.seen is not None
    assert "dmz.web" in str(adom.seen.plan.held)


def test_two_policies_whose_names_differ_by_their_tier_have_a_group_each(estate: Estate) -> None:
    estate.write_config(groups=[{**DMZ, "fromGlobalNetworkPolicies": "all()"}])
    runs(estate, policy("default.web", "app == 'web'"), policy("web", "app == 'shop'"))
    result = estate.apply_never()
    assert written(estate, "default.web") == {"10.1.0.1"}
    assert written(estate, "web") == {"10.1.0.2"}
    assert "differ by their tier only" in told(result)


EVERYTHING = (None, "", "all()", "has(projectcalico.org/namespace)", "has(app) || !has(app)")


def test_policies_that_select_everything_wait_with_their_size(estate: Estate) -> None:
    names = {f"dmz.p{number}x": selector for number, selector in enumerate(EVERYTHING)}
    runs(estate, *(policy(name, selector, tier="dmz") for name, selector in names.items()))
    (adom,) = estate.apply_never().adoms
    assert adom.seen
    assert [(hold.name, len(hold.added)) for hold in adom.seen.plan.held] == [
        (name, 2) for name in names
    ]
    hold = adom.seen.plan.held[0]
    assert "selects everything that runs: 2 addresses" in hold.message
    assert not any(written(estate, name) for name in names)
    estate.approve(hold.digest)
    estate.apply_never()
    assert written(estate, hold.name) == {"10.1.0.1", "10.1.0.2"}


def test_a_policy_that_only_denies_has_its_group_and_is_named(estate: Estate) -> None:
    runs(estate, policy("dmz.web", "app == 'web'", tier="dmz", egress=[{"action": "Deny"}]))
    result = estate.apply_never()
    assert written(estate, "dmz.web") == {"10.1.0.1"}
    assert "all its rules deny" in told(result)


def test_network_sets_belong_to_a_group_that_asks_for_them(estate: Estate) -> None:
    sets = [
        network_set("lb", "198.51.100.0/28", labels={"app": "web"}, raw=True),
        network_set("mine", "10.1.9.9", namespace="shop", labels={"app": "web"}),
        network_set("other", "198.51.100.99", labels={"app": "none"}),
    ]
    runs(estate, policy("dmz.web", "app == 'web'", tier="dmz"), *sets)
    estate.apply_never()
    assert written(estate, "dmz.web") == {"10.1.0.1"}
    estate.write_config(groups=[{**DMZ, "networkSets": True}])
    result = estate.apply_never()
    assert written(estate, "dmz.web") == {"10.1.0.1", "198.51.100.0_28"}
    assert "10.1.9.9 of cluster east stands in a network set of a namespace" in told(result)
    clusters = estate.config["clusters"]
    ranges = ["10.1.0.0/16", "198.51.100.0/24"]
    estate.write_config(clusters=[{**clusters[0], "allowedRanges": ranges}, *clusters[1:]])
    estate.apply_never()
    assert written(estate, "dmz.web") == {"10.1.0.1", "10.1.9.9", "198.51.100.0_28"}


def test_a_network_set_of_which_an_entry_cannot_be_read_removes_nothing(estate: Estate) -> None:
    estate.write_config(groups=[{**DMZ, "networkSets": True}])
    web = policy("dmz.web", "app == 'web'", tier="dmz")
    none = network_set("none", namespace="shop")
    runs(
        estate, web, none, network_set("lb", "198.51.100.1", "198.51.100.2", labels={"app": "web"})
    )
    estate.apply_never()
    runs(estate, web, none, network_set("lb", "198.51.100.1", "nonsense", labels={"app": "web"}))
    result = estate.apply_never()
    assert written(estate, "dmz.web") == {"10.1.0.1", "198.51.100.1", "198.51.100.2"}
    assert "'nonsense', which is no address or prefix" in told(result)


def test_policies_of_one_name_in_two_clusters_are_one_group(estate: Estate) -> None:
    estate.write_config(groups=[{**DMZ, "sites": {"clusters": ["east", "west"]}}])
    runs(estate, policy("dmz.web", "app == 'web'", tier="dmz"))
    runs(estate, policy("dmz.web", "app == 'shop'", tier="dmz"), cluster="west")
    estate.apply_never()
    assert estate.mapped("dmz.web") == {
        "": ["none"],
        "fgt-east": ["prod_10.1.0.1"],
        "fgt-west": ["prod_10.1.0.2"],
    }


def test_node_addresses_stand_for_pods_where_that_is_wanted(estate: Estate) -> None:
    estate.write_config(groups=[{**DMZ, "publish": "node"}])
    runs(estate, policy("dmz.web", "app == 'web'", tier="dmz"))
    estate.apply_never()
    assert written(estate, "dmz.web") == {"192.0.2.1"}


def test_a_policy_named_like_a_group_of_the_configuration_leaves_it_alone(estate: Estate) -> None:
    estate.write_config(groups=[{"name": "dmz.web", "select": "app == 'shop'"}, DMZ])
    runs(estate, policy("dmz.web", "app == 'web'", tier="dmz"))
    result = estate.apply_never()
    assert written(estate, "dmz.web") == {"10.1.0.2"}
    assert "a group of this name stands in the configuration" in told(result)
