"""An estate as the Calico controller left it: taken over, followed, given back, cleaned up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import main
from fmgsync.model import naming
from tests.builders import Manifest, listing, namespace, node, pod, policy, service_account
from tests.end_to_end.estate import PACKAGE, Estate, default_seed, open_estate

TIGERA = "Managed by Tigera Calico Enterprise"
GROUP = "dmz.web"
DMZ: dict[str, Any] = {
    "fromGlobalNetworkPolicies": "projectcalico.org/tier == 'dmz'",
    "publish": "node",
    "sites": {"clusters": ["east"]},
}


def left_behind(**more: Any) -> dict[str, Any]:
    """Address objects named by nodes, in a group named by the policy, which a firewall policy uses.
    Nothing has a mapping."""
    seed = default_seed(install_s=0, workspaceMode="disabled")
    adom = seed["adoms"][0]
    adom["addresses"] += [
        {"name": "node-a.example", "subnet": "192.0.2.1/32", "comment": TIGERA},
        {"name": "node-b.example", "subnet": "192.0.2.2/32", "comment": TIGERA},
        {"name": "node-gone", "subnet": "192.0.2.9/32", "comment": TIGERA},
    ]
    adom["addressGroups"] = [
        {"name": GROUP, "members": ["node-a.example", "node-b.example"], "comment": TIGERA},
        {"name": "dmz.old", "members": ["node-gone"], "comment": TIGERA},
    ]
    adom["packages"][0]["policies"].append(
        {
            "name": "to-web",
            "srcaddr": ["all"],
            "dstaddr": [GROUP],
            "service": ["ALL"],
            "action": "accept",
            **more,
        }
    )
    return seed


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with open_estate(tmp_path, left_behind(installOn=["fgt-east/root"])) as made:
        made.write_config(groups=[DMZ])
        runs(made, "node-a.example", "node-b.example")
        made.run("west", dump=listing(pod("x"), node("n"), namespace()))
        made.install_by_hand()
        yield made


def runs(
    estate: Estate, *nodes: str, extra: tuple[Manifest, ...] = (), called: str = GROUP
) -> None:
    known = {"node-a.example": "192.0.2.1", "node-b.example": "192.0.2.2", "node-c": "192.0.2.3"}
    pods = [
        pod(f"web-{number}", f"10.1.0.{number}", labels={"app": "web"}, node=name)
        for number, name in enumerate(nodes, 1)
    ]
    there = [node(name, ip) for name, ip in known.items()]
    web = policy(called, "app == 'web'", tier="dmz")
    others = [namespace(), namespace("tigera"), service_account("default"), web, *extra]
    estate.run("east", dump=listing(*pods, *there, *others))


def command(estate: Estate, *words: str) -> int:
    folder = str(estate.folder / "state")
    return main.run([*words, "-c", str(estate.path), "--state-dir", folder])


def document(
    estate: Estate, capsys: pytest.CaptureFixture[str], *words: str, code: int
) -> dict[str, Any]:
    capsys.readouterr()
    found = command(estate, *words, "-o", "json")
    told = capsys.readouterr()
    assert found == code, told
    (adom,) = json.loads(told.out)["adoms"]
    return dict(adom)


def members(estate: Estate) -> list[str]:
    found = estate.object("addrgrp", GROUP)
    assert found is not None
    return sorted(found["member"])


def comment(estate: Estate, table: str, name: str) -> str:
    found = estate.object(table, name)
    assert found is not None
    return str(found["comment"])


def on_devices(estate: Estate) -> dict[str, Any]:
    return {device: estate.on_device(device, GROUP) for device in ("fgt-east", "fgt-west")}


def test_a_group_is_taken_over_and_no_device_notices(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    before = on_devices(estate)
    assert before["fgt-east"] == {"192.0.2.1", "192.0.2.2"}
    shown = document(estate, capsys, "adopt", "--calico", code=3)
    (group,) = shown["groups"]
    assert (group["name"], group["added"], group["removed"]) == (GROUP, [], [])
    assert group["members"] == ["192.0.2.1", "192.0.2.2"]
    assert group["devices"] == ["fgt-east/root"]
    assert comment(estate, "addrgrp", GROUP) == TIGERA, "it was only shown"
    left = [{"kind": "address", "name": "node-gone"}, {"kind": "addrgrp", "name": "dmz.old"}]
    assert shown["leftovers"] == left

    document(estate, capsys, "adopt", "--calico", "--apply", code=0)
    for table, name in (("addrgrp", GROUP), ("address", "node-a.example")):
        text = comment(estate, table, name)
        assert naming.is_marked(text, "prod", name)
        assert naming.taken_over(text) == TIGERA
    assert members(estate) == ["node-a.example", "node-b.example"]
    assert comment(estate, "address", "node-gone") == TIGERA
    assert comment(estate, "addrgrp", "dmz.old") == TIGERA
    assert on_devices(estate) == before
    assert document(estate, capsys, "adopt", "--calico", code=0)["leftovers"] == left
    command(estate, "adopt", "--calico")
    assert "left alone: addrgrp dmz.old: no rule has it" in capsys.readouterr().out

    result = estate.apply("now")
    assert not result.adoms[0].rollout or not result.adoms[0].rollout.failures
    assert estate.mapped(GROUP) == {"": ["none"], "fgt-east": ["node-a.example", "node-b.example"]}
    assert on_devices(estate) == before
    assert not [n for n in estate.unit.console().objects("prod", "address") if "prod_" in n]


def test_what_was_taken_over_follows_the_next_change_and_is_cleared_away(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    document(estate, capsys, "adopt", "--calico", "--apply", code=0)
    estate.apply("now")
    runs(estate, "node-b.example", "node-c")
    estate.apply("now")
    assert estate.mapped(GROUP)["fgt-east"] == ["node-b.example", "prod_192.0.2.3"]
    assert estate.object("address", "node-a.example") is None
    assert on_devices(estate)["fgt-east"] == {"192.0.2.2", "192.0.2.3"}


@pytest.mark.slow
def test_once_its_comments_were_installed_all_that_follows_is_known_to_be_ours(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    document(estate, capsys, "adopt", "--calico", "--apply", code=0)
    estate.apply("now")
    estate.install_by_hand()
    runs(estate, "node-b.example", "node-c")
    estate.write_config(install={**estate.config["install"], "foreignChanges": "block"})
    estate.apply("now")
    assert on_devices(estate)["fgt-east"] == {"192.0.2.2", "192.0.2.3"}


def test_an_address_that_gets_another_value_makes_way_for_one_of_ours(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    document(estate, capsys, "adopt", "--calico", "--apply", code=0)
    estate.apply("now")
    with estate.administrator() as console:
        url = "/pm/config/adom/prod/obj/firewall/address/node-a.example"
        console.call("set", url, {"subnet": ["10.0.0.0", "255.0.0.0"]})
    estate.apply("now")
    assert estate.mapped(GROUP)["fgt-east"] == ["node-b.example", "prod_192.0.2.1"]
    assert on_devices(estate)["fgt-east"] == {"192.0.2.1", "192.0.2.2"}


def test_a_group_that_is_used_where_no_site_is_stays_what_it_was_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_estate(tmp_path, left_behind()) as estate:
        estate.write_config(groups=[DMZ])
        runs(estate, "node-a.example", "node-b.example")
        estate.run("west", dump=listing(pod("x"), node("n"), namespace()))
        estate.install_by_hand()
        document(estate, capsys, "adopt", "--calico", "--apply", code=0)
        estate.apply("now")
        both = ["node-a.example", "node-b.example"]
        assert estate.mapped(GROUP) == {"": both, "fgt-east": both}
        assert on_devices(estate)["fgt-west"] == {"192.0.2.1", "192.0.2.2"}
        runs(estate, "node-b.example", "node-c")
        estate.apply("now")
        assert members(estate) == ["node-b.example", "prod_192.0.2.3"]
        estate.install_by_hand()
        assert on_devices(estate)["fgt-west"] == {"192.0.2.2", "192.0.2.3"}
        estate.write_config(groups=[{**DMZ, "sites": {"clusters": ["east", "west"]}}])
        dump = listing(pod("x"), node("n"), namespace(), policy(GROUP, "!all()", tier="dmz"))
        estate.run("west", dump=dump)
        (adom,) = estate.apply("now").adoms
        assert adom.seen
        assert members(estate) == ["none"]
        assert [hold.name for hold in adom.seen.plan.held] == [GROUP], "emptying waits"


def test_it_is_given_back_as_it_was(estate: Estate, capsys: pytest.CaptureFixture[str]) -> None:
    document(estate, capsys, "adopt", "--calico", "--apply", code=0)
    estate.apply("now")
    runs(estate, "node-b.example", "node-c")
    estate.apply("now")
    document(estate, capsys, "adopt", "--release", code=3)
    document(estate, capsys, "adopt", "--release", "--apply", code=0)
    assert comment(estate, "addrgrp", GROUP) == TIGERA
    assert estate.mapped(GROUP) == {"": ["node-b.example", "prod_192.0.2.3"]}
    assert comment(estate, "address", "node-b.example") == TIGERA
    assert comment(estate, "address", "prod_192.0.2.3") == TIGERA
    assert on_devices(estate)["fgt-east"] == {"192.0.2.2", "192.0.2.3"}
    document(estate, capsys, "adopt", "--release", code=0)


@pytest.mark.parametrize("mode", ["normal", "per-adom"])
def test_workspaces_are_locked_and_let_go_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    seed = {**left_behind(), "workspaceMode": mode}
    with open_estate(tmp_path, seed) as estate:
        estate.write_config(groups=[DMZ])
        runs(estate, "node-a.example", "node-b.example")
        estate.run("west", dump=listing(pod("x"), node("n"), namespace()))
        document(estate, capsys, "adopt", "--calico", "--apply", code=0)
        assert naming.taken_over(comment(estate, "addrgrp", GROUP)) == TIGERA
        document(estate, capsys, "cleanup", code=1)


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        ({"members": ["node-a.example", "inner"]}, "inner"),
        ({"members": ["node-a.example", "range"]}, "range"),
        ({"comment": "Managed by fmgsync (other): dmz.web"}, "--from-owner other"),
    ],
)
def test_what_would_change_by_it_is_not_taken_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoilt: dict[str, Any], why: str
) -> None:
    seed = left_behind()
    adom = seed["adoms"][0]
    adom["addresses"].append({"name": "range", "startIp": "192.0.2.5", "endIp": "192.0.2.7"})
    adom["addressGroups"].insert(0, {"name": "inner", "members": ["legacy-db"]})
    (group,) = (one for one in adom["addressGroups"] if one["name"] == GROUP)
    group.update(spoilt)
    with open_estate(tmp_path, seed) as estate:
        estate.write_config(groups=[DMZ])
        runs(estate, "node-a.example")
        estate.run("west", dump=listing(pod("x"), node("n"), namespace()))
        found = document(estate, capsys, "adopt", "--names", GROUP, "--apply", code=1)
        assert why in found["refused"][0]["message"]
        assert members(estate) == sorted(group["members"])
        assert comment(estate, "addrgrp", GROUP) == group["comment"]


def test_nothing_changes_hands_while_the_old_controller_runs(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    old = pod(
        "old", "10.1.9.9", namespace="tigera", labels={"k8s-app": "tigera-firewall-controller"}
    )
    runs(estate, "node-a.example", extra=(old,))
    assert command(estate, "adopt", "--calico", "--apply") == 2
    assert "scale deploy" in capsys.readouterr().err
    assert comment(estate, "addrgrp", GROUP) == TIGERA


def test_a_policy_that_lost_its_tier_since_still_has_the_group(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    """As an upgrade of Calico does it on the way."""
    runs(estate, "node-a.example", "node-b.example", called="web")
    command(estate, "plan")
    said = " ".join(capsys.readouterr().out.split())
    assert f"and it keeps its name: fmgsync adopt --names {GROUP}" in said
    before = on_devices(estate)
    for words in (("--names", GROUP), ("--calico",)):
        (found,) = document(estate, capsys, "adopt", *words, code=3)["groups"]
        assert (found["name"], found["added"], found["removed"]) == (GROUP, [], [])
    document(estate, capsys, "adopt", "--calico", "--apply", code=0)
    estate.apply("now")
    assert on_devices(estate) == before
    assert estate.object("addrgrp", "web") is None


def test_a_group_that_an_early_apply_made_for_the_same_policy_makes_room(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    """Firewall policies use the old one, and nobody the new one."""
    runs(estate, "node-a.example", "node-b.example", called="web")
    before = on_devices(estate)
    estate.apply_never()
    assert estate.object("addrgrp", "web") is not None
    (found,) = document(estate, capsys, "adopt", "--names", GROUP, code=3)["groups"]
    assert (found["name"], found["added"], found["removed"]) == (GROUP, [], [])
    document(estate, capsys, "adopt", "--calico", "--apply", code=0)
    estate.apply("now")
    assert on_devices(estate) == before
    assert naming.is_marked(comment(estate, "addrgrp", GROUP), "prod", GROUP)
    (held,) = document(estate, capsys, "plan", code=3)["held"]
    assert held["name"] == "web", "what would become empty waits for a person, as ever"
    estate.approve(held["digest"])
    estate.apply("now")
    assert on_devices(estate) == before
    assert estate.object("addrgrp", "web") is None


def test_what_was_not_meant_is_not_called_left_over(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that was mistyped, or a group that is refused, leaves the others their rules."""
    found = document(estate, capsys, "adopt", "--calico", "--names", "dmz.old", code=1)
    assert found["leftovers"] == []
    with estate.administrator() as console:
        url = f"/pm/config/adom/prod/obj/firewall/addrgrp/{GROUP}"
        console.call("set", url, {"member": ["node-a.example", "node-b.example", "dmz.old"]})
    found = document(estate, capsys, "adopt", "--calico", code=1)
    assert [row["name"] for row in found["refused"]] == [GROUP]
    assert not {"node-a.example", "node-b.example"} & {row["name"] for row in found["leftovers"]}


def test_which_groups_must_be_said(estate: Estate, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(estate, "adopt") == 2
    assert "--calico" in capsys.readouterr().err
    found = document(estate, capsys, "adopt", "--names", "dmz.old,nope", code=1)
    assert {row["name"] for row in found["refused"]} == {"dmz.old", "nope"}
    assert document(estate, capsys, "adopt", "--pattern", "nothing*", code=0)["groups"] == []
    estate.write_config(policy={"mode": "observe"})
    assert command(estate, "adopt", "--calico", "--apply") == 2


@pytest.mark.slow
def test_a_group_that_people_made_is_taken_over_and_their_addresses_stay_theirs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = left_behind(installOn=["fgt-east/root"])
    for one in (*seed["adoms"][0]["addresses"], *seed["adoms"][0]["addressGroups"]):
        one["comment"] = "by hand"
    with open_estate(tmp_path, seed) as estate:
        estate.write_config(groups=[DMZ])
        runs(estate, "node-a.example", "node-b.example")
        estate.run("west", dump=listing(pod("x"), node("n"), namespace()))
        estate.install_by_hand()
        before = on_devices(estate)
        found = document(estate, capsys, "adopt", "--names", GROUP, "--apply", code=0)
        assert found["groups"][0]["addresses"] == []
        estate.apply("now")
        both = ["prod_192.0.2.1", "prod_192.0.2.2"]
        assert estate.mapped(GROUP) == {"": ["none"], "fgt-east": both}
        assert comment(estate, "address", "node-a.example") == "by hand"
        assert on_devices(estate) == before


@pytest.mark.slow
def test_groups_of_another_installation_are_taken_over(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    document(estate, capsys, "adopt", "--calico", "--apply", code=0)
    runs(estate, "node-b.example", "node-c")
    estate.apply("now")
    before = on_devices(estate)
    estate.write_config(owner="next")
    document(estate, capsys, "adopt", "--from-owner", "prod", "--apply", code=0)
    estate.apply("now")
    assert estate.mapped(GROUP)["fgt-east"] == ["node-b.example", "prod_192.0.2.3"]
    assert naming.is_marked(comment(estate, "address", "prod_192.0.2.3"), "next", "prod_192.0.2.3")
    assert on_devices(estate) == before


def test_cleanup_empties_what_is_used_and_leaves_nothing_when_told_twice(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    estate.write_config(
        groups=[
            {"name": "k8s-used", "select": "has(app)", "sites": {"clusters": ["east"]}},
            {"name": "k8s-free", "select": "has(app)", "sites": {"clusters": ["east"]}},
        ]
    )
    estate.apply_never()
    estate.write_policy("k8s-used")
    shown = document(estate, capsys, "cleanup", code=3)
    assert shown["deleted"] == ["k8s-free", "prod_10.1.0.1", "prod_10.1.0.2"]
    assert PACKAGE in shown["used"][0]["message"]
    document(estate, capsys, "cleanup", "--apply", code=0)
    assert estate.mapped("k8s-used") == {"": ["none"]}
    assert estate.object("addrgrp", "k8s-free") is None
    with estate.administrator() as console:
        url = f"/pm/config/adom/prod/pkg/{PACKAGE}/firewall/policy"
        rows = console.get(url)
        number = next(row["policyid"] for row in rows if row["name"] == "to-k8s-used")
        console.call("delete", f"{url}/{number}")
    document(estate, capsys, "cleanup", "--apply", code=0)
    assert estate.object("addrgrp", "k8s-used") is None
    ours = {n for n in estate.unit.console().objects("prod", "address") if n.startswith("prod_")}
    assert not ours
    assert document(estate, capsys, "cleanup", code=0)["changes"] == 0


def test_cleanup_leaves_open_nothing_and_takes_nothing_of_others(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    document(estate, capsys, "adopt", "--calico", "--apply", code=0)
    estate.write_config(
        groups=[DMZ, {"name": "k8s-deny", "select": "has(app)", "sites": {"clusters": ["east"]}}]
    )
    estate.apply_never()
    estate.write_policy("k8s-deny", action="deny")
    before = estate.mapped("k8s-deny")
    found = document(estate, capsys, "cleanup", "--apply", code=1)
    assert {row["name"] for row in found["left"]} == {GROUP, "k8s-deny"}
    assert estate.mapped("k8s-deny") == before
    assert estate.mapped(GROUP)["fgt-east"] == ["node-a.example", "node-b.example"]
    assert comment(estate, "address", "legacy-db") == "by hand"
