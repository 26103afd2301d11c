"""Whose an object is: ours is what bears the mark and the name in it. A clone takes the comment
along and is somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import common
from fmgsync.model.change import Action
from tests import builders
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.seen import changes, findings, held, passed, web

OBJ = "/pm/config/adom/prod/obj/firewall"
OLDER = "Managed by fmgsync (prod)"
OTHER = builders.pod("db", "10.1.0.9", labels={"app": "db"})


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """In sync down to the FortiGates, one pod in each cluster; a group may become empty."""
    with open_estate(tmp_path, default_seed(install_s=0)) as made:
        made.write_config(
            groups=[{"name": "k8s-web", "select": "app == 'web'", "allowEmpty": True}]
        )
        made.run("east", web("10.1.0", 5))
        made.run("west", web("10.2.0", 5))
        made.apply_never()
        made.write_policy("k8s-web")
        made.apply()
        yield made


def clone(estate: Estate, table: str, name: str, new: str, **changed: Any) -> None:
    """What the GUI's "clone" does: everything but the name goes along, the comment too."""
    found = estate.object(table, name)
    assert found is not None
    kept = {key: found[key] for key in ("comment", "subnet", "member", "ip6") if key in found}
    with estate.administrator() as console:
        console.call("add", f"{OBJ}/{table}", {**kept, "name": new, **changed})


def comment(estate: Estate, table: str, name: str, text: str) -> None:
    with estate.administrator() as console:
        console.call("update", f"{OBJ}/{table}/{name}", {"comment": text})


def comments(estate: Estate) -> dict[str, str]:
    """Of all groups and addresses that bear our mark."""
    console = estate.unit.console("admin")
    rows = [
        row
        for table in ("address", "addrgrp")
        for row in console.get(f"{OBJ}/{table}")
        if str(row["comment"]).startswith(OLDER)
    ]
    return {row["name"]: row["comment"] for row in rows}


def test_what_is_written_is_marked_with_its_own_name(estate: Estate) -> None:
    names = ("k8s-web", "prod_10.1.0.5", "prod_10.2.0.5")
    assert comments(estate) == {name: f"{OLDER}: {name}" for name in names}


@pytest.mark.parametrize(
    ("new", "changed"),
    [
        ("db-server", {"subnet": ["10.77.0.1", "255.255.255.255"]}),
        ("db-server", {}),
        # Even one that looks like ours: its mark names another.
        ("prod_10.77.0.1", {"subnet": ["10.77.0.1", "255.255.255.255"]}),
    ],
)
def test_a_cloned_address_is_told_and_left_alone(
    estate: Estate, new: str, changed: dict[str, Any]
) -> None:
    clone(estate, "address", "prod_10.1.0.5", new, **changed)
    before = estate.object("address", new)
    result = estate.apply()
    assert common.apply_code(result) == common.IN_SYNC
    assert [found.name for found in findings(result, "copied-mark")] == [new]
    assert changes(result) == []
    assert estate.object("address", new) == before


@pytest.mark.parametrize("new", ["k8s-web-copy", "k8s-web.7"])
def test_a_cloned_group_is_told_and_keeps_its_members(estate: Estate, new: str) -> None:
    """It holds our address, which it uses now: that is kept when our group needs it no more."""
    clone(estate, "addrgrp", "k8s-web", new, member=["prod_10.1.0.5", "legacy-db"])
    estate.run("east", OTHER)
    result = estate.apply()
    assert held(result) == []
    assert [found.name for found in findings(result, "copied-mark")] == [new]
    assert [found.name for found in findings(result, "kept-in-use")] == ["prod_10.1.0.5"]
    copy = estate.object("addrgrp", new)
    assert copy is not None
    assert sorted(copy["member"]) == ["legacy-db", "prod_10.1.0.5"]
    assert passed(estate, "fgt-east") == set()


def test_a_clone_that_bears_a_rules_name_is_in_the_way(estate: Estate) -> None:
    clone(estate, "addrgrp", "k8s-web", "k8s-db", member=["legacy-db"])
    estate.write_config(
        groups=[*estate.config["groups"], {"name": "k8s-db", "select": "app == 'db'"}]
    )
    result = estate.apply()
    assert [clash.name for clash in findings(result, "foreign-name")] == ["k8s-db"]
    assert common.apply_code(result) == common.FAILED
    copy = estate.object("addrgrp", "k8s-db")
    assert copy is not None
    assert copy["member"] == ["legacy-db"]


def test_what_was_renamed_is_not_ours_any_more(estate: Estate) -> None:
    """The rule gets its group anew, and what somebody gave a name of his own stays."""
    estate.write_config(groups=[*estate.config["groups"], {"name": "k8s-new", "select": "all()"}])
    estate.apply()
    with estate.administrator() as console:
        console.call("update", f"{OBJ}/addrgrp/k8s-new", {"name": "web-servers"})
    result = estate.apply()
    assert [found.name for found in findings(result, "copied-mark")] == ["web-servers"]
    assert (Action.CREATE, "k8s-new") in [(c.action, c.name) for c in report(result)]
    assert estate.object("addrgrp", "web-servers") is not None


def report(result: Any) -> tuple[Any, ...]:
    """What was written."""
    return tuple(result.adoms[0].report.written)


def test_older_marks_are_taken_over_once(estate: Estate) -> None:
    """Of addresses by the name of their value, of groups that a rule names; what people have added
    to the comment stays. Nobody comes or goes."""
    mapped = estate.mapped("k8s-web")
    for table, name in (
        ("address", "prod_10.1.0.5"),
        ("address", "prod_10.2.0.5"),
        ("addrgrp", "k8s-web"),
    ):
        comment(estate, table, name, f"{OLDER} for the web team")
    clone(estate, "addrgrp", "k8s-web", "someones")
    clone(estate, "address", "prod_10.1.0.5", "db-server")
    planned = changes(estate.plan())
    assert {change.name for change in planned} == {"k8s-web", "prod_10.1.0.5", "prod_10.2.0.5"}
    assert not any(change.added or change.removed for change in planned)
    result = estate.apply()
    assert {f.name for f in findings(result, "copied-mark")} == {"someones", "db-server"}
    own = ("k8s-web", "prod_10.1.0.5", "prod_10.2.0.5")
    assert comments(estate) == {
        **{name: f"{OLDER}: {name} for the web team" for name in own},
        **dict.fromkeys(("someones", "db-server"), f"{OLDER} for the web team"),
    }
    assert estate.mapped("k8s-web") == mapped
    assert changes(estate.plan()) == []


def test_an_older_mark_of_a_group_without_a_rule_is_told_and_left(estate: Estate) -> None:
    comment(estate, "addrgrp", "k8s-web", OLDER)
    estate.write_config(groups=[{"name": "k8s-other", "select": "app == 'other'"}])
    before = estate.mapped("k8s-web")
    result = estate.apply()
    assert [found.name for found in findings(result, "copied-mark")] == ["k8s-web"]
    assert estate.mapped("k8s-web") == before


def test_an_older_mark_does_not_keep_an_address_from_going(estate: Estate) -> None:
    comment(estate, "address", "prod_10.1.0.5", OLDER)
    estate.run("east", OTHER)
    estate.apply()
    assert estate.object("address", "prod_10.1.0.5") is None


def test_a_mark_that_is_lost_between_plan_and_write_stops_the_write(estate: Estate) -> None:
    """The mark is looked at once more right before writing, name and all."""
    comment(estate, "address", "prod_10.1.0.5", f"{OLDER}: prod_10.1.0.6")
    estate.run("east", web("10.1.0", 6))
    result = estate.apply()
    assert [found.name for found in findings(result, "copied-mark")] == ["prod_10.1.0.5"]
    assert estate.object("address", "prod_10.1.0.5") is not None


def test_a_group_imported_with_its_mark_keeps_what_others_put_there(estate: Estate) -> None:
    """Nothing of ours is in it, and no rule names it here."""
    mark = f"{OLDER}: k8s-shop"
    with estate.administrator() as console:
        shop = {"name": "k8s-shop", "member": ["legacy-db"], "comment": mark}
        console.call("add", f"{OBJ}/addrgrp", shop)
    result = estate.apply()
    assert [found.name for found in findings(result, "kept-foreign")] == ["k8s-shop"]
    found = estate.object("addrgrp", "k8s-shop")
    assert found is not None
    assert found["member"] == ["legacy-db"]


def test_what_others_put_into_a_group_that_came_with_ours_goes_with_the_approval(
    estate: Estate,
) -> None:
    """It was imported with an address of ours, and no rule names it: nothing of it goes unasked."""
    members = {"member": ["legacy-db", "prod_10.1.0.5"]}
    mapping = {"_scope": [{"name": "fgt-west", "vdom": "root"}], "member": ["legacy-db"]}
    with estate.administrator() as console:
        shop = {"name": "k8s-shop", **members, "comment": f"{OLDER}: k8s-shop"}
        console.call("add", f"{OBJ}/addrgrp", shop)
        console.call("add", f"{OBJ}/addrgrp/k8s-shop/dynamic_mapping", mapping)
    (hold,) = held(estate.apply())
    assert estate.mapped("k8s-shop") == {
        "": ["legacy-db", "prod_10.1.0.5"],
        "fgt-west": ["legacy-db"],
    }
    assert changes(estate.plan()) == []
    estate.approve(hold.digest)
    estate.apply()
    assert estate.object("addrgrp", "k8s-shop") is None
