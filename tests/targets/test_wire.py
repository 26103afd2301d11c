"""Rows of FortiManager and FortiOS, in every spelling that was seen, as our types."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fmgsync.model import naming
from fmgsync.model.address import Address, Family, parse
from fmgsync.model.change import Action, Change, ObjectKind
from fmgsync.model.target import DeviceVdom
from fmgsync.targets import wire
from fmgsync.targets.fortimanager import attributes

OLDER = "Managed by fmgsync (prod)"


@pytest.mark.parametrize(
    ("family", "row", "value"),
    [
        (Family.IPV4, {"type": "ipmask", "subnet": ["10.0.0.1", "255.255.255.255"]}, "10.0.0.1"),
        (Family.IPV4, {"type": 0, "subnet": ["10.0.0.0", "255.255.255.252"]}, "10.0.0.0/30"),
        (Family.IPV4, {"subnet": ["10.0.0.4", "255.255.255.0"]}, "10.0.0.0/24"),
        (Family.IPV4, {"type": "ipmask", "subnet": "10.0.0.1 255.255.255.255"}, "10.0.0.1"),
        (Family.IPV4, {"type": "ipmask", "subnet": "10.0.0.0/24"}, "10.0.0.0/24"),
        (Family.IPV4, {"type": "iprange", "start-ip": "10.0.0.1"}, None),
        (Family.IPV4, {"type": "fqdn", "subnet": ["0.0.0.0", "0.0.0.0"]}, None),
        (Family.IPV4, {"type": "ipmask"}, None),
        (Family.IPV4, {"type": "ipmask", "subnet": []}, None),
        (Family.IPV4, {"type": "ipmask", "subnet": ["10.0.0.1", "garbage"]}, None),
        (Family.IPV6, {"type": "ipprefix", "ip6": "2001:DB8::9/128"}, "2001:db8::9"),
        (Family.IPV6, {"ip6": "2001:db8:1::/48"}, "2001:db8:1::/48"),
        (Family.IPV6, {"type": "iprange", "ip6": "::/0"}, None),
    ],
)
def test_an_address_row_has_one_value_or_none(
    family: Family, row: dict[str, Any], value: str | None
) -> None:
    assert wire.address_value(row, family) == value


@pytest.mark.parametrize("name", ["prod_10.0.0.1", "web", "web.1", "a_b-c.d"])
@pytest.mark.parametrize(
    ("comment", "owned"),
    [
        ("Managed by fmgsync (prod): NAME", True),
        ("Managed by fmgsync (prod): NAME for the web team", True),
        ("Managed by fmgsync (prod): NAME\nfor the web team", True),
        (["Managed by fmgsync (prod): NAME"], True),
        ("Managed by fmgsync (prod): NAME.1", False),
        ("Managed by fmgsync (prod): NAME-2", False),
        ("Managed by fmgsync (prod): xNAME", False),
        ("Managed by fmgsync (prod): ", False),
        ("Managed by fmgsync (prod):NAME", False),
        ("Managed by fmgsync (prod): name NAME", False),
        ("Managed by fmgsync (prod2): NAME", False),
        ("was Managed by fmgsync (prod): NAME", False),
        ("managed by fmgsync (prod): NAME", False),
        (OLDER, False),
        ("", False),
        (None, False),
        ([], False),
    ],
)
def test_ownership_is_a_mark_that_names_the_object(name: str, comment: Any, owned: bool) -> None:
    told = [comment[0].replace("NAME", name)] if isinstance(comment, list) and comment else comment
    told = told.replace("NAME", name) if isinstance(told, str) else told
    row = {"name": name, "comment": told}
    assert wire.decode_group(row, Family.IPV4, "prod").owned is owned
    if name.startswith("prod_") and comment != OLDER:
        assert wire.decode_address(row, Family.IPV4, "prod").owned is owned


@pytest.mark.parametrize(
    ("name", "comment", "owned"),
    [
        ("prod_10.0.0.1", "Managed by fmgsync (prod): prod_10.0.0.1", True),
        ("prod_none", "Managed by fmgsync (prod): prod_none", True),
        ("prod_10.0.0.1", OLDER, True),
        ("prod_10.0.0.1", f"{OLDER} for the web team", True),
        # No name we would give, whatever the comment says.
        ("db-server", "Managed by fmgsync (prod): db-server", False),
        ("db-server", OLDER, False),
        ("prod_10.0.0.1_copy", OLDER, False),
        ("prod_10.0.0.1/32", "Managed by fmgsync (prod): prod_10.0.0.1/32", False),
        ("stage_10.0.0.1", OLDER, False),
    ],
)
def test_an_own_address_bears_the_name_of_a_value_as_well(
    name: str, comment: str, owned: bool
) -> None:
    assert (
        wire.decode_address({"name": name, "comment": comment}, Family.IPV4, "prod").owned is owned
    )


@pytest.mark.parametrize(
    ("name", "owned"), [("web", True), ("web.3", True), ("web-copy", False), ("db", False)]
)
def test_an_older_mark_counts_for_the_groups_of_rules(name: str, owned: bool) -> None:
    """It names no object: on anything else it may be a clone's."""
    row = {"name": name, "comment": OLDER}
    assert wire.decode_group(row, Family.IPV4, "prod", {"web"}).owned is owned


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r'{"a": "x\ud800y"}', {"a": "x?y"}),
        (r'["\uDC9b", {"\udfff": 1}]', ["?", {"?": 1}]),
        (r'"\ud83d\ude00 \u202e"', "\U0001f600 \u202e"),
        ('{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
    ],
)
def test_half_a_character_is_none(written: str, read: object) -> None:
    """JSON can write one; no file, digest or log can hold it."""
    found = wire.decoded(written)
    assert found == read
    assert repr(found).encode()


def test_a_group_row_with_mappings() -> None:
    row = {
        "name": "web",
        "member": ["none"],
        "comment": "Managed by fmgsync (prod): web",
        "exclude": "disable",
        "exclude-member": [],
        "dynamic_mapping": [
            {"_scope": [{"name": "fgt-1", "vdom": "root"}], "member": ["a", "b"]},
            {"_scope": {"name": "fgt-2", "vdom": "dmz"}, "member": "a", "exclude": 0},
        ],
    }
    group = wire.decode_group(row, Family.IPV4, "prod")
    assert group.members == ("none",)
    assert group.mappings == {
        DeviceVdom("fgt-1", "root"): ("a", "b"),
        DeviceVdom("fgt-2", "dmz"): ("a",),
    }
    assert not group.excluded


def test_an_empty_mapping_table_reads_as_null() -> None:
    row: dict[str, Any] = {"name": "web", "member": [], "dynamic_mapping": None}
    assert wire.decode_group(row, Family.IPV4, "prod").mappings == {}


@pytest.mark.parametrize("where", ["group", "mapping"])
def test_members_taken_away_again_are_noticed_wherever_they_are(where: str) -> None:
    taking = {"exclude": "enable", "exclude-member": ["c"]}
    mapping = {"_scope": [{"name": "fgt-1", "vdom": "root"}], "member": ["a"]}
    row: dict[str, Any] = {"name": "web", "member": ["a"], "dynamic_mapping": [mapping]}
    (row if where == "group" else mapping).update(taking)
    group = wire.decode_group(row, Family.IPV4, "prod")
    place = None if where == "group" else DeviceVdom("fgt-1", "root")
    assert group.excluded == {place: ("c",)}


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        (["a", "b"], ("a", "b")),
        ("a", ("a",)),
        ([{"name": "a", "q_origin_key": "a"}], ("a",)),
        ([], ()),
        (None, ()),
        ("", ()),
    ],
)
def test_member_lists_in_every_spelling(raw: Any, names: tuple[str, ...]) -> None:
    assert wire.names(raw) == names


@pytest.mark.parametrize(
    ("kind", "value", "data"),
    [
        (
            ObjectKind.ADDRESS,
            "10.0.0.0/30",
            {"type": "ipmask", "subnet": ["10.0.0.0", "255.255.255.252"]},
        ),
        (ObjectKind.ADDRESS6, "2001:db8::9", {"type": "ipprefix", "ip6": "2001:db8::9/128"}),
    ],
)
def test_a_new_address_carries_value_and_mark_and_reads_back_equal(
    kind: ObjectKind, value: str, data: dict[str, Any]
) -> None:
    name = naming.address_name("prod", Address(value))
    change = Change(Action.CREATE, kind, name, "why", value=Address(value))
    row = attributes.new_object(change, "prod")
    assert row == {"name": name, "comment": f"Managed by fmgsync (prod): {name}", **data}
    back = wire.decode_address(row, kind.family, "prod")
    assert back.owned
    assert back.value == parse(value)


def test_an_existing_object_is_never_sent_its_mappings_nor_asked_a_comment() -> None:
    """A parent sent with `dynamic_mapping` loses every mapping that is not in the list."""
    change = Change(Action.UPDATE, ObjectKind.GROUP, "web", "why", members=("a",))
    assert attributes.content(change) == {"member": ["a"]}
    repair = dataclasses.replace(change, clears_exclusion=True)
    assert attributes.content(repair) == {"member": ["a"], "exclude": "disable"}
    named = dataclasses.replace(change, comment="its mark, named")
    assert attributes.content(named) == {"member": ["a"], "comment": "its mark, named"}


@pytest.mark.parametrize(
    ("kind", "row", "altered"),
    [
        (ObjectKind.ADDRESS, {}, ()),
        (ObjectKind.ADDRESS, {"type": "ipmask", "associated-interface": ["any"]}, ()),
        (ObjectKind.ADDRESS, {"type": 0, "associated-interface": "any", "color": 7}, ()),
        (ObjectKind.ADDRESS, {"associated-interface": [], "fabric-object": 0}, ()),
        (ObjectKind.ADDRESS, {"associated-interface": None, "allow-routing": "disable"}, ()),
        (
            ObjectKind.ADDRESS,
            {"associated-interface": "dmz"},
            (("associated-interface", "dmz"),),
        ),
        (
            ObjectKind.ADDRESS,
            {"associated-interface": ["any", "100", "dmz"]},
            (("associated-interface", "100, dmz"),),
        ),
        (ObjectKind.ADDRESS, {"fabric-object": "enable"}, (("fabric-object", "enable"),)),
        (ObjectKind.ADDRESS, {"allow-routing": 1}, (("allow-routing", "enable"),)),
        (ObjectKind.ADDRESS, {"type": "dynamic", "sub-type": "sdn"}, (("type", "dynamic"),)),
        (ObjectKind.ADDRESS, {"type": "ipmask", "obj-type": "mac"}, ()),
        (ObjectKind.ADDRESS6, {"type": "ipprefix", "fabric-object": "disable"}, ()),
        (ObjectKind.ADDRESS6, {"fabric-object": "enable"}, (("fabric-object", "enable"),)),
        (ObjectKind.ADDRESS6, {"type": "iprange"}, (("type", "iprange"),)),
        (ObjectKind.GROUP, {"type": "default", "category": "default", "color": 7}, ()),
        (ObjectKind.GROUP, {"type": 3, "category": 0}, ()),
        (ObjectKind.GROUP, {"type": "folder"}, (("type", "folder"),)),
        (ObjectKind.GROUP, {"type": "array"}, (("type", "array"),)),
        (ObjectKind.GROUP, {"category": "ztna-geo-tag"}, (("category", "ztna-geo-tag"),)),
        (ObjectKind.GROUP, {"allow-routing": "enable"}, (("allow-routing", "enable"),)),
        (ObjectKind.GROUP6, {"fabric-object": "enable"}, (("fabric-object", "enable"),)),
    ],
)
def test_what_we_never_set_is_noticed_in_every_spelling(
    kind: ObjectKind, row: dict[str, Any], altered: tuple[tuple[str, str], ...]
) -> None:
    assert wire.altered(row, kind) == altered


def test_what_is_set_back_is_all_that_is_written() -> None:
    """A unit that refuses it keeps nothing else from being written."""
    change = Change(
        Action.UPDATE, ObjectKind.GROUP, "web", "why", members=("a",), resets=("type", "category")
    )
    assert attributes.content(change) == {"type": "default", "category": "default"}
    bound = Change(
        Action.UPDATE,
        ObjectKind.ADDRESS,
        "prod_10.0.0.1",
        "why",
        value=Address("10.0.0.1"),
        resets=("associated-interface", "allow-routing", "fabric-object"),
    )
    assert attributes.content(bound) == {
        "associated-interface": "any",
        "allow-routing": "disable",
        "fabric-object": "disable",
    }


def test_a_new_mapping_names_its_scope() -> None:
    change = Change(
        Action.CREATE, ObjectKind.MAPPING, "web", "", DeviceVdom("fgt-1", "root"), members=("a",)
    )
    assert attributes.new_mapping(change) == {
        "_scope": [{"name": "fgt-1", "vdom": "root"}],
        "member": ["a"],
    }
