"""Where an empty group opens traffic instead of closing it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import builders
from tests.end_to_end.estate import PACKAGE, Estate, default_seed, open_estate
from tests.end_to_end.seen import findings, held, passed, web

GROUP = {"name": "k8s-web", "select": "app == 'web'", "allowEmpty": True}


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """A group that may be empty, with one pod in each cluster."""
    with open_estate(tmp_path, default_seed(install_s=0)) as made:
        made.write_config(groups=[GROUP])
        made.run("east", web("10.1.0", 5))
        made.run("west", web("10.2.0", 5))
        made.apply_never()
        yield made


def no_pods(estate: Estate) -> None:
    """The last selected pod of the east goes."""
    estate.run("east", builders.pod("db-1", "10.1.0.9", labels={"app": "db"}))


def assert_waits(estate: Estate, use: str) -> None:
    """Noted while it is not empty, held when it would become so, emptied when approved."""
    (note,) = findings(estate.apply(), "empty-opens")
    assert use in note.message
    no_pods(estate)
    result = estate.apply()
    (hold,) = held(result)
    assert use in hold.message
    assert passed(estate, "fgt-east") == {"10.1.0.5"}
    estate.approve(hold.digest)
    assert held(estate.apply()) == []
    assert passed(estate, "fgt-east") == set()


def test_in_an_accept_policy_empty_is_closed(estate: Estate) -> None:
    estate.write_policy("k8s-web")
    assert findings(estate.apply(), "empty-opens") == []
    no_pods(estate)
    assert held(estate.apply()) == []
    assert passed(estate, "fgt-east") == set()


def test_a_group_in_a_deny_policy_is_not_emptied_unasked(estate: Estate) -> None:
    estate.write_policy("k8s-web", action="deny")
    assert_waits(estate, f"used in deny policy 2 of package {PACKAGE}")


def test_a_group_in_a_negated_position_is_not_emptied_unasked(estate: Estate) -> None:
    estate.write_policy("k8s-web", dstaddr_negate="enable")
    assert_waits(estate, f"negated in policy 2 of package {PACKAGE}")


def test_a_group_in_a_nested_deny_is_not_emptied_unasked(estate: Estate) -> None:
    """The policy names a group of somebody else, which names ours."""
    with estate.administrator() as console:
        data = {"name": "all-apps", "member": ["legacy-db", "k8s-web"]}
        console.call("add", "/pm/config/adom/prod/obj/firewall/addrgrp", data)
    estate.write_policy("all-apps", action="deny")
    estate.install_by_hand()
    assert_waits(estate, "used in deny policy 2")


def hold_on_one_device(estate: Estate, **mapped: object) -> None:
    """A group of somebody else whose own value knows nothing of ours."""
    url = "/pm/config/adom/prod/obj/firewall/addrgrp"
    with estate.administrator() as console:
        console.call("add", url, {"name": "all-apps", "member": ["legacy-db"]})
        scope = [{"name": "fgt-east", "vdom": "root"}]
        console.call("add", f"{url}/all-apps/dynamic_mapping", {"_scope": scope, **mapped})


def test_a_group_that_a_deny_policy_knows_on_one_device_only_is_not_emptied_unasked(
    estate: Estate,
) -> None:
    hold_on_one_device(estate, member=["k8s-web"])
    estate.write_policy("all-apps", action="deny")
    estate.install_by_hand()
    assert_waits(estate, "used in deny policy 2")


def test_a_group_excluded_on_one_device_only_is_not_emptied_unasked(estate: Estate) -> None:
    excluded = {"exclude": "enable", "exclude-member": ["k8s-web"]}
    hold_on_one_device(estate, member=["legacy-db"], **excluded)
    estate.write_policy("all-apps")
    (note,) = findings(estate.apply(), "empty-opens")
    assert "excluded from group all-apps" in note.message
    no_pods(estate)
    assert [hold.kind for hold in held(estate.apply())] == ["held-emptying"]


def test_what_an_accept_policy_knows_on_one_device_only_gets_there(estate: Estate) -> None:
    """And leaves it again; on the other device the group is not referenced."""
    hold_on_one_device(estate, member=["k8s-web"])
    estate.write_policy("all-apps")
    estate.apply()
    assert passed(estate, "fgt-east") == {"10.1.0.5"}
    assert estate.on_device("fgt-west", "k8s-web") is None
    no_pods(estate)
    assert held(estate.apply()) == []
    assert passed(estate, "fgt-east") == set()


def test_an_excluded_group_is_not_emptied_unasked(estate: Estate) -> None:
    """Everything but web: with an empty web it is everything."""
    with estate.administrator() as console:
        data = {
            "name": "not-web",
            "member": ["legacy-db"],
            "exclude": "enable",
            "exclude-member": ["k8s-web"],
        }
        console.call("add", "/pm/config/adom/prod/obj/firewall/addrgrp", data)
    estate.write_policy("not-web")
    (note,) = findings(estate.apply(), "empty-opens")
    assert "excluded from group not-web" in note.message
    no_pods(estate)
    assert [hold.kind for hold in held(estate.apply())] == ["held-emptying"]
