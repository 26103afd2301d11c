"""Uses of a group that lie off the usual path: policy blocks, what the global ADOM puts around a
package, and uses that only FortiManager knows of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import builders
from tests.end_to_end.estate import PACKAGE, Estate, default_seed, open_estate
from tests.end_to_end.seen import findings, held, passed, web

CONFIG = "/pm/config/adom/prod"
RULE = {
    "name": "to-web",
    "srcintf": ["any"],
    "dstintf": ["any"],
    "srcaddr": ["all"],
    "dstaddr": ["k8s-web"],
    "service": ["ALL"],
    "schedule": ["always"],
    "action": "accept",
}
BLOCK = f"{CONFIG}/pblock/shared/firewall/policy"


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """A group that may be empty, with one pod in each cluster; nobody uses it yet."""
    with open_estate(tmp_path, default_seed(install_s=0)) as made:
        made.write_config(
            groups=[{"name": "k8s-web", "select": "app == 'web'", "allowEmpty": True}]
        )
        made.run("east", web("10.1.0", 5))
        made.run("west", web("10.2.0", 5))
        made.apply_never()
        yield made


def no_pods(estate: Estate) -> None:
    """The last selected pod of the east goes."""
    estate.run("east", builders.pod("db-1", "10.1.0.9", labels={"app": "db"}))


def take_in(estate: Estate, **rule: str) -> None:
    """A block with a policy that names our group, taken in by the package."""
    with estate.administrator() as console:
        console.call("add", "/pm/pblock/adom/prod", {"name": "shared"})
        console.call("add", BLOCK, {**RULE, **rule})
        console.call("add", f"{CONFIG}/pkg/{PACKAGE}/firewall/policy", {"_policy_block": "shared"})
    estate.install_by_hand()


def put_around(estate: Estate, part: str, **rule: str) -> None:
    """A global package whose header or footer names a group of this name; assigned to the ADOM."""
    console = estate.unit.console("admin")
    console.call("add", "/pm/pkg/global", {"name": "around", "type": "pkg"})
    obj = "/pm/config/global/obj/firewall"
    console.call("add", f"{obj}/address", {"name": "gdb", "subnet": "10.7.0.1/32"})
    console.call("add", f"{obj}/addrgrp", {"name": "k8s-web", "member": ["gdb"]})
    console.call("add", f"/pm/config/global/pkg/around/global/{part}/policy", {**RULE, **rule})
    data = {"flags": ["none"], "pkg": "around", "target": [{"adom": "prod"}]}
    console.call("exec", "/securityconsole/assign/package", data)
    estate.install_by_hand()


def assert_waits(estate: Estate, use: str) -> None:
    """Noted while it is not empty, held when it would become so."""
    (note,) = findings(estate.apply(), "empty-opens")
    assert use in note.message
    no_pods(estate)
    (hold,) = held(estate.apply())
    assert use in hold.message
    assert passed(estate, "fgt-east") == {"10.1.0.5"}


def test_a_policy_block_brings_a_group_to_the_devices_of_its_package(estate: Estate) -> None:
    take_in(estate)
    estate.run("east", web("10.1.0", 5), web("10.1.0", 6))
    estate.apply()
    assert passed(estate, "fgt-east") == {"10.1.0.5", "10.1.0.6"}
    no_pods(estate)
    assert held(estate.apply()) == []
    assert passed(estate, "fgt-east") == set()


def test_a_group_that_a_policy_block_denies_is_not_emptied_unasked(estate: Estate) -> None:
    take_in(estate, action="deny")
    assert_waits(estate, f"of policy block shared of package {PACKAGE}")


def test_a_group_in_a_block_that_no_package_takes_in_is_kept(estate: Estate) -> None:
    """It reaches no device; it cannot be deleted, and a deny in it counts."""
    with estate.administrator() as console:
        console.call("add", "/pm/pblock/adom/prod", {"name": "shared"})
        console.call("add", BLOCK, {**RULE, "action": "deny"})
    (note,) = findings(estate.apply(), "empty-opens")
    assert "of policy block shared" in note.message
    view = estate.status().adoms[0].survey
    assert view is not None
    assert "no package takes the block in" in view.views[0].groups[0].because


@pytest.mark.parametrize("part", ["header", "footer"])
def test_what_the_global_adom_puts_around_a_package_counts(estate: Estate, part: str) -> None:
    put_around(estate, part, action="deny")
    assert_waits(estate, f"used in deny {part} policy")


def test_a_use_that_only_fortimanager_knows_of_makes_emptying_wait(estate: Estate) -> None:
    """A kind of policy that is not read: what an empty group does there is not known."""
    dos = {"interface": ["any"], "srcaddr": ["k8s-web"], "dstaddr": ["all"], "service": ["ALL"]}
    with estate.administrator() as console:
        console.call("add", f"{CONFIG}/pkg/{PACKAGE}/firewall/DoS-policy", dos)
    result = estate.status()
    (note,) = findings(result, "unknown-use")
    assert "FortiManager says that something uses it" in note.message
    no_pods(estate)
    (hold,) = held(estate.apply())
    assert "what empty means there is not known" in hold.message
    assert estate.mapped("k8s-web")["fgt-east"] == ["prod_10.1.0.5"]
    estate.approve(hold.digest)
    estate.apply()
    assert estate.mapped("k8s-web")["fgt-east"] == ["none"]


def test_a_group_of_a_rule_that_went_is_not_deleted_from_under_an_unknown_use(
    estate: Estate,
) -> None:
    dos = {"interface": ["any"], "srcaddr": ["k8s-web"], "dstaddr": ["all"], "service": ["ALL"]}
    with estate.administrator() as console:
        console.call("add", f"{CONFIG}/pkg/{PACKAGE}/firewall/DoS-policy", dos)
    estate.write_config(groups=[{"name": "k8s-other", "select": "app == 'other'"}])
    result = estate.apply()
    assert {hold.kind for hold in held(result)} == {"held-emptying"}
    assert estate.mapped("k8s-web")["fgt-east"] == ["prod_10.1.0.5"]
