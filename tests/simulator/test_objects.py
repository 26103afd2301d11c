from __future__ import annotations

import pytest

from tests.simulator.conftest import Start, small_seed

OBJ = "/pm/config/adom/prod/obj/firewall"
EAST1 = [{"name": "east-1", "vdom": "root"}]
EAST2 = [{"name": "east-2", "vdom": "root"}]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("10.0.0.2/32", ["10.0.0.2", "255.255.255.255"]),
        ("10.0.0.2", ["10.0.0.2", "255.255.255.255"]),
        ("10.0.0.0/255.255.255.0", ["10.0.0.0", "255.255.255.0"]),
        ("10.0.0.0 255.255.255.0", ["10.0.0.0", "255.255.255.0"]),
        (["10.0.0.4", "255.255.255.0"], ["10.0.0.4", "255.255.255.0"]),  # host bits stay
        ("['10.0.0.4', '255.255.255.0']", ["10.0.0.4", "255.255.255.0"]),  # as Ansible sends lists
    ],
)
def test_subnet_is_read_as_a_pair_however_it_was_written(
    start: Start, given: object, kept: list[str]
) -> None:
    _, client = start()

    client.data("add", f"{OBJ}/address", {"name": "a", "subnet": given})

    assert client.get(f"{OBJ}/address/a")["subnet"] == kept


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "text",
        {"name": "a", "subnet": "10.0.0.300/32"},
        {"name": "a", "subnet": 7},
        {"name": "a", "subnet": "10.0.0.0/24/8"},
        {"name": ""},
        {"name": "x" * 80},
        {"name": "a", "comment": "x" * 256},
        {"name": "less<than"},
        {"name": "a", "type": "no-such-type"},
        {"subnet": "10.0.0.1/32"},
    ],
)
def test_bad_data_is_refused_and_nothing_is_made(start: Start, data: object) -> None:
    _, client = start()
    before = client.get(f"{OBJ}/address", option=["count"])

    assert client.code("add", f"{OBJ}/address", data) == -10

    assert client.get(f"{OBJ}/address", option=["count"]) == before


def test_unknown_attributes_are_ignored(start: Start) -> None:
    _, client = start()

    assert client.code("add", f"{OBJ}/address", {"name": "a", "no-such": 1}) == 0


def test_add_refuses_names_taken_by_addresses_and_groups_alike(start: Start) -> None:
    _, client = start()

    assert client.code("add", f"{OBJ}/address", {"name": "db"}) == -2
    assert client.code("add", f"{OBJ}/address", {"name": "legacy"}) == -2
    assert client.code("add", f"{OBJ}/addrgrp", {"name": "db", "member": ["all"]}) == -2
    assert client.code("add", f"{OBJ}/addrgrp6", {"name": "db", "member": ["all"]}) == 0


@pytest.mark.parametrize("method", ["update", "replace"])
def test_update_of_a_missing_object_is_refused(start: Start, method: str) -> None:
    _, client = start()

    assert client.code(method, f"{OBJ}/address/ghost", {"comment": "x"}) == -3


def test_set_creates_merges_and_replace_forgets(start: Start) -> None:
    _, client = start()
    url = f"{OBJ}/address/a"
    client.data("set", f"{OBJ}/address", {"name": "a", "subnet": "10.0.0.1/32", "color": 4})

    client.data("set", url, {"comment": "more"})
    merged = client.get(url)
    client.data("replace", url, {"name": "a", "subnet": "10.0.0.1/32"})
    replaced = client.get(url)

    assert (merged["color"], merged["comment"]) == (4, "more")
    assert (replaced["color"], replaced["comment"]) == (0, None)


def test_lists_are_replaced_not_joined(start: Start) -> None:
    _, client = start()
    url = f"{OBJ}/addrgrp/legacy"

    client.data("set", url, {"member": ["spare"]})

    assert client.get(url)["member"] == ["spare"]


def test_single_members_come_and_go(start: Start) -> None:
    _, client = start()
    url = f"{OBJ}/addrgrp/legacy/member"

    assert client.one("add", url, ["spare"]) == {
        "status": {"code": 0, "message": "OK"},
        "url": url,
    }
    client.data("delete", url, ["db"])

    assert client.get(f"{OBJ}/addrgrp/legacy")["member"] == ["spare"]


def test_unset_attrs_empties_a_group(start: Start) -> None:
    _, client = start()

    client.data("set", f"{OBJ}/addrgrp/legacy", {"unset attrs": ["member"]})

    assert client.get(f"{OBJ}/addrgrp/legacy")["member"] == []


@pytest.mark.parametrize(("table", "group"), [("addrgrp", "g4"), ("addrgrp6", "g6")])
def test_missing_members_are_named(start: Start, table: str, group: str) -> None:
    _, client = start()

    element = client.one("add", f"{OBJ}/{table}", {"name": group, "member": ["all", "ghost"]})

    assert element["status"] == {
        "code": -10131,
        "message": f"datasrc invalid. object: firewall {table} member {group}. "
        "detail: ghost. solution: data not exist",
    }


def test_used_objects_are_not_deleted(start: Start) -> None:
    _, client = start()

    assert client.one("delete", f"{OBJ}/address/db")["status"] == {
        "code": -10015,
        "message": "used",
    }
    assert client.code("delete", f"{OBJ}/addrgrp/legacy") == -10015  # by the policy
    assert client.code("delete", f"{OBJ}/address/spare") == 0
    assert client.code("delete", f"{OBJ}/address/spare") == -3


def test_an_object_is_free_once_the_last_user_lets_go(start: Start) -> None:
    _, client = start()
    mapping = {"_scope": EAST1, "member": ["spare"]}
    client.data("add", f"{OBJ}/addrgrp/legacy/dynamic_mapping", mapping)
    assert client.code("delete", f"{OBJ}/address/spare") == -10015

    client.data("delete", f"{OBJ}/addrgrp/legacy/dynamic_mapping/east-1/root")

    assert client.code("delete", f"{OBJ}/address/spare") == 0


def test_a_group_cannot_contain_itself(start: Start) -> None:
    _, client = start()
    client.data("add", f"{OBJ}/addrgrp", {"name": "outer", "member": ["legacy"]})

    assert client.code("update", f"{OBJ}/addrgrp/legacy", {"member": ["outer"]}) == -10
    mapping = {"_scope": EAST1, "member": ["outer"]}
    assert client.code("add", f"{OBJ}/addrgrp/legacy/dynamic_mapping", mapping) == -10


@pytest.mark.parametrize(
    ("table", "value", "expected"),
    [
        ("address", "subnet", ["0.0.0.0", "255.255.255.255"]),
        ("address6", "ip6", "::/128"),
    ],
)
def test_none_is_predefined_in_both_families(
    start: Start, table: str, value: str, expected: object
) -> None:
    _, client = start()

    none = client.get(f"{OBJ}/{table}/none")

    assert none[value] == expected
    assert none["dynamic_mapping"] is None


def test_ipv6_prefixes_are_kept_in_short_form(start: Start) -> None:
    _, client = start()

    client.data("add", f"{OBJ}/address6", {"name": "six", "ip6": "2001:0DB8:0::9/128"})

    assert client.get(f"{OBJ}/address6/six")["ip6"] == "2001:db8::9/128"


def test_slashes_in_names_are_escaped_in_urls(start: Start) -> None:
    _, client = start()
    client.data("add", f"{OBJ}/address", {"name": "net/24", "subnet": "10.0.0.0/24"})

    assert client.get(f"{OBJ}/address/net\\/24")["name"] == "net/24"


def test_numbers_without_verbose_words_with_it(start: Start) -> None:
    _, client = start()
    param = {"url": f"{OBJ}/address/db", "fields": ["type"]}

    words = client.envelope("get", param)["result"][0]["data"]
    numbers = client.envelope("get", param, verbose=0)["result"][0]["data"]

    assert (words["type"], numbers["type"]) == ("ipmask", 0)
    client.data("add", f"{OBJ}/address", {"name": "r", "type": 1, "start-ip": "10.0.0.1"})
    assert client.get(f"{OBJ}/address/r")["type"] == "iprange"


class TestMappings:
    def test_add_read_and_delete_one(self, start: Start) -> None:
        _, client = start()
        url = f"{OBJ}/address/db/dynamic_mapping"
        entry = {"_scope": EAST1, "subnet": ["10.0.2.0", "255.255.255.0"]}

        assert client.data("add", url, entry) == {"_scope": EAST1}
        assert client.get(f"{url}/east-1/root")["subnet"] == ["10.0.2.0", "255.255.255.0"]
        assert client.code("add", url, entry) == -2
        client.data("delete", f"{url}/east-1/root")
        assert client.code("get", f"{url}/east-1/root") == -3
        assert client.get(f"{OBJ}/address/db")["dynamic_mapping"] is None

    def test_writing_the_sub_table_leaves_the_others_alone(self, start: Start) -> None:
        _, client = start()
        url = f"{OBJ}/addrgrp/legacy/dynamic_mapping"
        client.data("set", url, {"_scope": EAST1, "member": ["db"]})

        client.data("set", url, [{"_scope": EAST2, "member": ["spare"]}])
        client.data("update", f"{url}/east-1/root", {"member": ["spare"]})

        members = {m["_scope"][0]["name"]: m["member"] for m in client.get(url)}
        assert members == {"east-1": ["spare"], "east-2": ["spare"]}

    def test_a_parent_write_with_mappings_drops_those_not_listed(self, start: Start) -> None:
        """The careless client's way to lose its neighbours' mappings."""
        _, client = start()
        url = f"{OBJ}/addrgrp/legacy"
        both = [{"_scope": EAST1, "member": ["db"]}, {"_scope": EAST2, "member": ["spare"]}]
        client.data("update", url, {"dynamic_mapping": both})

        client.data("update", url, {"dynamic_mapping": [{"_scope": EAST2}]})

        kept = client.get(f"{url}/dynamic_mapping")
        assert [(m["_scope"], m["member"]) for m in kept] == [(EAST2, ["spare"])]

    def test_a_parent_write_without_mappings_keeps_them(self, start: Start) -> None:
        _, client = start()
        url = f"{OBJ}/addrgrp/legacy"
        client.data("add", f"{url}/dynamic_mapping", {"_scope": EAST1, "member": ["db"]})

        client.data("update", url, {"comment": "x"})

        assert len(client.get(f"{url}/dynamic_mapping")) == 1

    def test_the_switch_keeps_unlisted_ones(self, start: Start) -> None:
        _, client = start(small_seed(switches={"parentWriteKeepsMappings": True}))
        url = f"{OBJ}/addrgrp/legacy"
        client.data("add", f"{url}/dynamic_mapping", {"_scope": EAST1, "member": ["db"]})

        client.data("update", url, {"dynamic_mapping": [{"_scope": EAST2, "member": ["db"]}]})

        assert len(client.get(f"{url}/dynamic_mapping")) == 2

    @pytest.mark.parametrize(
        "scope",
        [
            None,
            [],
            [{"name": "east-1"}],
            [{"name": "ghost", "vdom": "root"}],
            [{"name": "east-2", "vdom": "dmz"}],
            [{"name": "East", "vdom": "root"}],
        ],
    )
    def test_scopes_that_mean_no_device_are_refused(self, start: Start, scope: object) -> None:
        _, client = start()

        entry = {"_scope": scope, "member": ["db"]}

        assert client.code("add", f"{OBJ}/addrgrp/legacy/dynamic_mapping", entry) == -10


@pytest.mark.parametrize("color", [33, -1, "40", True, [5]])
def test_a_number_out_of_its_range_is_refused(start: Start, color: object) -> None:
    _, client = start()

    assert client.code("set", f"{OBJ}/address/db", {"color": color}) == -10
    assert client.code("set", f"{OBJ}/address/db", {"color": 32}) == 0
    assert client.code("set", f"{OBJ}/address/db", {"start-ip": 5}) == -10
