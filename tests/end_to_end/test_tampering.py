"""Somebody changes our objects by hand; the next apply puts them back, down to the FortiGate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import common
from fmgsync.model.view import GroupState
from tests import builders
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.seen import changes, findings, held, passed, plans, states, web

OBJ = "/pm/config/adom/prod/obj/firewall"
ADDRESS = f"{OBJ}/address/prod_10.1.0.5"
GROUP = f"{OBJ}/addrgrp/k8s-web"


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """In sync down to the FortiGates, one pod in each cluster."""
    with open_estate(tmp_path, default_seed(install_s=0)) as made:
        made.run("east", web("10.1.0", 5))
        made.run("west", web("10.2.0", 5))
        made.apply_never()
        made.write_policy("k8s-web")
        made.apply()
        yield made


def by_hand(estate: Estate, method: str, url: str, data: Any = None) -> None:
    """An administrator changes one thing."""
    with estate.administrator() as console:
        console.call(method, url, data)


def assert_repaired(estate: Estate) -> None:
    """Nothing waits, nothing is left to do, and the FortiGates hold what runs."""
    result = estate.apply()
    assert held(result) == []
    assert changes(estate.plan()) == []
    assert passed(estate, "fgt-east") == {"10.1.0.5"}
    assert passed(estate, "fgt-west") == {"10.2.0.5"}
    assert estate.mapped("k8s-web") == {
        "": ["none"],
        "fgt-east": ["prod_10.1.0.5"],
        "fgt-west": ["prod_10.2.0.5"],
    }


def test_another_value_in_our_address_is_put_back(estate: Estate) -> None:
    by_hand(estate, "set", ADDRESS, {"subnet": ["0.0.0.0", "0.0.0.0"]})
    assert "tampered with: is 0.0.0.0/0" in changes(estate.plan())[0].because
    assert_repaired(estate)


def test_another_kind_of_address_is_put_back(estate: Estate) -> None:
    by_hand(estate, "set", ADDRESS, {"type": "fqdn", "fqdn": "www.example.net"})
    assert_repaired(estate)


def test_a_mapping_on_our_address_goes(estate: Estate) -> None:
    """It would be another address on that one device."""
    scope = [{"name": "fgt-east", "vdom": "root"}]
    data = {"_scope": scope, "subnet": ["10.66.0.0", "255.255.0.0"]}
    by_hand(estate, "add", f"{ADDRESS}/dynamic_mapping", data)
    assert_repaired(estate)
    found = estate.object("address", "prod_10.1.0.5")
    assert found is not None
    assert found["dynamic_mapping"] is None


def test_a_value_of_the_group_itself_goes_back_to_none(estate: Estate) -> None:
    """It would reach every device without a mapping."""
    by_hand(estate, "set", GROUP, {"member": ["all"]})
    assert_repaired(estate)


def test_a_member_by_hand_goes_at_once(estate: Estate) -> None:
    url = f"{GROUP}/dynamic_mapping/fgt-east/root"
    by_hand(estate, "set", url, {"member": ["prod_10.1.0.5", "legacy-db", "all"]})
    (change,) = changes(estate.plan())
    assert "changed by hand by 'admin' at 2026-" in change.because
    assert "foreign members go: all, legacy-db" in change.because
    assert "what runs has changed" not in change.because
    assert set(change.removed) == {"0.0.0.0/0", "legacy-db"}
    assert estate.plan().blast_radius.removed == 2
    assert_repaired(estate)


def test_a_member_by_hand_goes_also_while_a_cluster_is_silent(estate: Estate) -> None:
    """An outage must not keep open what somebody opened."""
    (estate.folder / "east.json").unlink()
    url = f"{GROUP}/dynamic_mapping/fgt-east/root"
    by_hand(estate, "set", url, {"member": ["prod_10.1.0.5", "all"]})
    result = estate.apply()
    assert (held(result), changes(result)) == ([], [])
    assert estate.mapped("k8s-web")["fgt-east"] == ["prod_10.1.0.5"]
    assert passed(estate, "fgt-east") == {"10.1.0.5"}


def test_a_member_taken_out_by_hand_comes_back(estate: Estate) -> None:
    by_hand(estate, "set", f"{GROUP}/dynamic_mapping/fgt-east/root", {"member": ["none"]})
    assert_repaired(estate)


def test_a_mapping_taken_out_by_hand_comes_back(estate: Estate) -> None:
    by_hand(estate, "delete", f"{GROUP}/dynamic_mapping/fgt-west/root")
    assert_repaired(estate)


def test_a_mapping_by_hand_outside_the_sites_goes_at_once(estate: Estate) -> None:
    """Nothing of it is ours to lose. One with our addresses would wait, like any removal."""
    estate.write_config(sites=estate.config["sites"][:1])
    estate.approve(held(estate.plan())[0].digest)
    estate.apply()
    scope = [{"name": "fgt-west", "vdom": "root"}]
    by_hand(estate, "add", f"{GROUP}/dynamic_mapping", {"_scope": scope, "member": ["all"]})
    assert held(estate.apply()) == []
    assert estate.mapped("k8s-web") == {"": ["none"], "fgt-east": ["prod_10.1.0.5"]}


def test_an_exclusion_in_our_group_goes(estate: Estate) -> None:
    """Members taken away again by exclude-member would not be let through."""
    data = {"exclude": "enable", "exclude-member": ["prod_10.1.0.5"]}
    by_hand(estate, "set", GROUP, data)
    assert_repaired(estate)
    found = estate.object("addrgrp", "k8s-web")
    assert found is not None
    assert found["exclude"] == "disable"


def test_an_exclusion_in_one_mapping_goes(estate: Estate) -> None:
    url = f"{GROUP}/dynamic_mapping/fgt-east/root"
    by_hand(estate, "set", url, {"exclude": "enable", "exclude-member": ["legacy-db"]})
    assert_repaired(estate)


def test_other_fields_are_set_back_and_told(estate: Estate) -> None:
    """Interface, kind of group, Security Fabric; in one mapping, too. Colour is anybody's."""
    bound = {"associated-interface": ["port1"], "fabric-object": "enable", "color": 7}
    by_hand(estate, "set", ADDRESS, bound)
    by_hand(estate, "set", GROUP, {"type": "folder", "color": 9})
    by_hand(estate, "set", f"{GROUP}/dynamic_mapping/fgt-east/root", {"category": "ztna-ems-tag"})
    found = changes(estate.plan())
    assert [(c.kind.value, c.resets, c.added, c.removed) for c in found] == [
        ("address", ("associated-interface", "fabric-object"), (), ()),
        ("addrgrp", ("type",), (), ()),
        ("mapping", ("category",), (), ()),
    ]
    assert all("changed by hand by 'admin' at 2026-" in change.because for change in found)
    assert "associated-interface is port1, fabric-object is enable" in found[0].because
    assert_repaired(estate)
    address, group = estate.object("address", "prod_10.1.0.5"), estate.object("addrgrp", "k8s-web")
    assert address is not None
    assert group is not None
    assert (address["associated-interface"], address["fabric-object"]) == (["any"], "disable")
    assert (group["type"], group["dynamic_mapping"][0]["category"]) == ("default", "default")
    assert (address["color"], group["color"]) == (7, 9)


def test_a_field_set_back_goes_along_with_the_next_install(estate: Estate) -> None:
    """Somebody has installed it: the ADOM is put right, no window is spent on it alone, and what is
    pushed then is known to be ours."""
    estate.write_config(install={"foreignChanges": "block"})
    by_hand(estate, "set", ADDRESS, {"associated-interface": ["port1"], "fabric-object": "enable"})
    by_hand(estate, "set", GROUP, {"type": "folder"})
    estate.install_by_hand()
    assert_repaired(estate)
    estate.run("east", web("10.1.0", 5), web("10.1.0", 6))
    result = estate.apply()
    assert common.apply_code(result) == 0
    assert estate.on_device("fgt-east", "k8s-web") == {"10.1.0.5", "10.1.0.6"}


def test_a_lost_mark_makes_an_object_foreign(estate: Estate) -> None:
    """It is not touched any more: an error of the rules that need it; the others go on."""
    estate.write_config(
        groups=[
            {"name": "k8s-web", "select": "app == 'web'"},
            {"name": "k8s-db", "select": "app == 'db'"},
        ]
    )
    by_hand(
        estate, "set", ADDRESS, {"comment": "mine now", "subnet": ["10.9.9.9", "255.255.255.255"]}
    )
    estate.run("east", web("10.1.0", 5), builders.pod("db", "10.1.0.8", labels={"app": "db"}))
    result = estate.apply()
    (clash,) = findings(result, "foreign-name")
    assert clash.name == "k8s-web"
    assert common.apply_code(result) == common.FAILED
    found = estate.object("address", "prod_10.1.0.5")
    assert found is not None
    assert (found["comment"], found["subnet"][0]) == ("mine now", "10.9.9.9")
    assert estate.mapped("k8s-db")["fgt-east"] == ["prod_10.1.0.8"]


def test_an_address_that_is_in_the_way_stops_itself_only(estate: Estate) -> None:
    """What goes from the group goes, what else is new comes; also where ours lost its mark."""
    estate.run("east", web("10.1.0", 5), web("10.1.0", 6))
    estate.apply()
    theirs = {"name": "prod_10.1.0.7", "subnet": ["10.1.0.7", "255.255.255.255"]}
    by_hand(estate, "add", f"{OBJ}/address", theirs)
    estate.run("east", web("10.1.0", 6), web("10.1.0", 7), web("10.1.0", 8))
    result = estate.apply()
    (clash,) = findings(result, "foreign-name")
    assert "10.1.0.7 is not added, all else goes on" in clash.message
    assert common.apply_code(result) == common.FAILED
    assert estate.on_device("fgt-east", "k8s-web") == {"10.1.0.6", "10.1.0.8"}
    assert states(estate.status())["fgt-east", "k8s-web"] is GroupState.HELD
    by_hand(estate, "update", f"{OBJ}/address/prod_10.1.0.6", {"comment": "mine now"})
    estate.run("east", web("10.1.0", 6))
    estate.apply()
    assert estate.on_device("fgt-east", "k8s-web") == {"10.1.0.6"}


def test_a_group_deleted_by_hand_is_made_again(estate: Estate) -> None:
    estate.write_config(groups=[*estate.config["groups"], {"name": "k8s-new", "select": "all()"}])
    estate.apply()
    by_hand(estate, "delete", f"{OBJ}/addrgrp/k8s-new")
    assert held(estate.apply()) == []
    assert estate.mapped("k8s-new")["fgt-east"] == ["prod_10.1.0.5"]


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_none_is_believed_only_if_it_is_none(estate: Estate, family: str) -> None:
    """Altered in one family, it is replaced there by our own, and used on in the other."""
    value = {"ipv4": {"subnet": ["10.0.0.0", "255.0.0.0"]}, "ipv6": {"ip6": "2001:db8::/32"}}
    tables = {"ipv4": ("address", "addrgrp"), "ipv6": ("address6", "addrgrp6")}
    both = {"families": ["ipv4", "ipv6"]}
    estate.write_config(groups=[{"name": "k8s-web", "select": "app == 'web'", **both}])
    by_hand(estate, "set", f"{OBJ}/{tables[family][0]}/none", value[family])
    assert held(estate.apply()) == []
    for each, (_, table) in tables.items():
        found = estate.object(table, "k8s-web")
        assert found is not None
        assert found["member"] == (["prod_none"] if each == family else ["none"])
    ours = estate.object(tables[family][0], "prod_none")
    assert ours is not None
    assert (ours.get("subnet") or ours.get("ip6")) in (["0.0.0.0", "255.255.255.255"], "::/128")
    assert changes(estate.plan()) == []


def test_none_with_a_mapping_is_not_none(estate: Estate) -> None:
    """On that one device it would let somebody through."""
    scope = [{"name": "fgt-west", "vdom": "root"}]
    data = {"_scope": scope, "subnet": ["10.66.0.0", "255.255.0.0"]}
    by_hand(estate, "add", f"{OBJ}/address/none/dynamic_mapping", data)
    estate.apply()
    assert estate.mapped("k8s-web")[""] == ["prod_none"]


def test_our_none_goes_when_the_predefined_one_is_none_again(estate: Estate) -> None:
    """Like every address that no own group holds any more."""
    by_hand(estate, "set", f"{OBJ}/address/none", {"subnet": ["10.0.0.0", "255.0.0.0"]})
    estate.apply()
    by_hand(estate, "set", f"{OBJ}/address/none", {"subnet": ["0.0.0.0", "255.255.255.255"]})
    assert_repaired(estate)
    assert estate.object("address", "prod_none") is None


def test_where_no_address_means_nobody_nothing_is_written(estate: Estate) -> None:
    """`none` is altered and its stand-in is somebody else's: whatever held it would be open."""
    foreign = {"name": "prod_none", "subnet": ["0.0.0.0", "0.0.0.0"], "comment": "by hand"}
    by_hand(estate, "add", f"{OBJ}/address", foreign)
    by_hand(estate, "set", f"{OBJ}/address/none", {"subnet": ["10.0.0.0", "255.0.0.0"]})
    before = estate.mapped("k8s-web")
    estate.run("east", web("10.1.0", 6))
    result = estate.apply()
    assert [clash.name for clash in findings(result, "foreign-name")] == ["k8s-web"]
    assert common.apply_code(result) == common.FAILED
    assert changes(result) == []
    assert estate.mapped("k8s-web") == before
    found = estate.object("address", "prod_none")
    assert found is not None
    assert found["comment"] == "by hand"


def test_our_none_is_repaired_as_well(estate: Estate) -> None:
    by_hand(estate, "set", f"{OBJ}/address/none", {"subnet": ["10.0.0.0", "255.0.0.0"]})
    estate.apply()
    by_hand(estate, "set", f"{OBJ}/address/prod_none", {"subnet": ["10.0.0.0", "255.0.0.0"]})
    assert [c.name for c in changes(estate.plan())] == ["prod_none"]
    estate.apply()
    assert [plan.changes for plan in plans(estate.plan())] == [()]
