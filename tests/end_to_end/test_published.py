"""Which addresses reach a FortiGate, and which never do although a rule selects them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import builders
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.seen import changes, findings, held, passed, web

BOTH_BEHIND_EAST: dict[str, Any] = {
    "clusters": ["east", "west"],
    "fortimanager": "hq",
    "adom": "prod",
    "devices": ["fgt-east"],
}


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """A policy uses the group from the beginning; nothing runs yet."""
    with open_estate(tmp_path, default_seed(install_s=0)) as made:
        made.run("east", web("10.1.0", 5))
        made.run("west", web("10.2.0", 5))
        made.apply_never()
        made.write_policy("k8s-web")
        made.apply()
        yield made


def test_two_clusters_with_the_same_address_get_neither_through(estate: Estate) -> None:
    """The firewall cannot tell them apart; what only one of them has goes through."""
    estate.write_config(sites=[BOTH_BEHIND_EAST])
    estate.run("east", web("10.1.0", 5), web("10.7.0", 7))
    estate.run("west", web("10.2.0", 5), web("10.7.0", 7))
    result = estate.apply()
    (note,) = findings(result, "overlap")
    assert "10.7.0.7 is published by clusters east and west" in note.message
    assert passed(estate, "fgt-east") == {"10.1.0.5", "10.2.0.5"}


def test_a_shared_group_gives_nobody_what_one_device_must_not_get(estate: Estate) -> None:
    """Its one value reaches every device, also the one on which the address is withheld."""
    behind_west = {**BOTH_BEHIND_EAST, "clusters": ["west"], "devices": ["fgt-west"]}
    shared = {"name": "k8s-web", "select": "app == 'web'", "mapping": "shared"}
    estate.write_config(sites=[BOTH_BEHIND_EAST, behind_west], groups=[shared])
    estate.run("east", web("10.1.0", 5), web("10.7.0", 7))
    estate.run("west", web("10.2.0", 5), web("10.7.0", 7))
    result = estate.apply()
    (note,) = findings(result, "overlap")
    assert str(note.device) == "fgt-east/root"
    assert estate.mapped("k8s-web")[""] == ["prod_10.1.0.5", "prod_10.2.0.5"]
    assert "10.7.0.7" not in passed(estate, "fgt-west")


def test_a_site_may_allow_overlap(estate: Estate) -> None:
    estate.write_config(sites=[{**BOTH_BEHIND_EAST, "allowOverlap": True}])
    estate.run("east", web("10.1.0", 5), web("10.7.0", 7))
    estate.run("west", web("10.2.0", 5), web("10.7.0", 7))
    result = estate.apply()
    assert findings(result, "overlap") == []
    assert "10.7.0.7" in passed(estate, "fgt-east")


def test_the_same_address_behind_different_firewalls_is_no_overlap(estate: Estate) -> None:
    estate.run("east", web("10.1.0", 5), web("10.7.0", 7))
    estate.run("west", web("10.2.0", 5), web("10.7.0", 7))
    estate.apply()
    assert passed(estate, "fgt-east") == {"10.1.0.5", "10.7.0.7"}
    assert passed(estate, "fgt-west") == {"10.2.0.5", "10.7.0.7"}


def test_a_cluster_publishes_only_its_ranges(estate: Estate) -> None:
    """A cluster that claims somebody else's address does not get it."""
    clusters = [dict(cluster) for cluster in estate.config["clusters"]]
    clusters[0]["allowedRanges"] = ["10.1.0.0/24"]
    estate.write_config(clusters=clusters)
    estate.run("east", web("10.1.0", 5), web("10.2.0", 9))
    result = estate.apply()
    (note,) = findings(result, "withheld")
    assert "10.2.0.9 of cluster east lies outside the cluster's allowedRanges" in note.message
    assert passed(estate, "fgt-east") == {"10.1.0.5"}


ODD = {
    "0.0.0.0": "is unspecified",
    "127.0.0.1": "is loopback",
    "224.0.0.5": "is multicast",
    "169.254.1.1": "is link-local",
    "255.255.255.255": "is the broadcast address",
    "::": "is unspecified",
    "::1": "is loopback",
    "ff02::1": "is multicast",
    "fe80::1": "is link-local",
    "::ffff:10.1.0.6": "is an IPv4-mapped IPv6 address",
}


def test_what_is_no_unicast_address_is_never_published(estate: Estate) -> None:
    """One line for each, naming the cluster; the good ones go through."""
    group = {"name": "k8s-web", "select": "app == 'web'", "families": ["ipv4", "ipv6"]}
    estate.write_config(groups=[group])
    odd = [
        builders.pod(f"odd-{n}", text, labels={"app": "web"}) for n, text in enumerate(sorted(ODD))
    ]
    estate.run("east", web("10.1.0", 5), web("10.1.0", 6), *odd)
    result = estate.apply()
    told = {note.message for note in findings(result, "withheld")}
    assert len(told) == len(ODD)
    for reason in ODD.values():
        assert any(reason in message for message in told), reason
    assert passed(estate, "fgt-east") == {"10.1.0.5", "10.1.0.6"}


def test_an_own_address_in_a_foreign_group_stays(estate: Estate) -> None:
    """Somebody built on it: our group loses it, theirs keeps it, and plan says so."""
    with estate.administrator() as console:
        data = {"name": "theirs", "member": ["prod_10.1.0.5"]}
        console.call("add", "/pm/config/adom/prod/obj/firewall/addrgrp", data)
    estate.run("east", web("10.1.0", 6))
    result = estate.apply()
    assert [note.name for note in findings(result, "kept-in-use")] == ["prod_10.1.0.5"]
    assert passed(estate, "fgt-east") == {"10.1.0.6"}
    theirs = estate.object("addrgrp", "theirs")
    assert theirs is not None
    assert theirs["member"] == ["prod_10.1.0.5"]
    assert changes(estate.plan()) == []


def test_a_foreign_group_in_the_rules_name_is_never_touched(estate: Estate) -> None:
    """An error of that rule alone."""
    with estate.administrator() as console:
        data = {"name": "k8s-db", "member": ["legacy-db"], "comment": "by hand"}
        console.call("add", "/pm/config/adom/prod/obj/firewall/addrgrp", data)
    estate.write_config(groups=[*estate.config["groups"], {"name": "k8s-db", "select": "all()"}])
    estate.run("east", web("10.1.0", 6))
    result = estate.apply()
    assert [clash.name for clash in findings(result, "foreign-name")] == ["k8s-db"]
    assert passed(estate, "fgt-east") == {"10.1.0.6"}
    assert estate.mapped("k8s-db") == {"": ["legacy-db"]}


def test_an_address_of_somebody_else_in_our_name_fails_the_rule(estate: Estate) -> None:
    """We neither overwrite it nor trust what it will be tomorrow. Without it the group would be
    empty, which waits for a person."""
    with estate.administrator() as console:
        data = {"name": "prod_10.1.0.6", "subnet": ["10.1.0.6", "255.255.255.255"]}
        console.call("add", "/pm/config/adom/prod/obj/firewall/address", data)
    estate.run("east", web("10.1.0", 6))
    result = estate.apply()
    assert [clash.name for clash in findings(result, "foreign-name")] == ["k8s-web"]
    assert passed(estate, "fgt-east") == {"10.1.0.5"}
    assert [one.kind for one in held(result)] == ["held-emptying"]
