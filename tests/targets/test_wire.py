"""Rows of FortiManager and FortiOS, in every spelling that was seen, as our types."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fmgsync.model.address import Address, Family, parse
from fmgsync.model.change import Action, Change, ObjectKind
from fmgsync.model.target import DeviceVdom
from fmgsync.targets.fortimanager import wire

MARK = "Managed by fmgsync (prod)"


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


@pytest.mark.parametrize(
    ("comment", "owned"),
    [
        (MARK, True),
        (f"{MARK} for the web team", True),
        ([MARK], True),
        ("Managed by fmgsync (prod2)", False),
        (f"was {MARK}", False),
        ("", False),
        (None, False),
        ([], False),
    ],
)
def test_ownership_is_the_mark_at_the_beginning_of_the_comment(comment: Any, owned: bool) -> None:
    row = {"name": "x", "type": "ipmask", "subnet": ["10.0.0.1", "255.255.255.255"]}
    assert wire.decode_address(row | {"comment": comment}, Family.IPV4, "prod").owned is owned
    assert wire.decode_group({"name": "x", "comment": comment}, Family.IPV4, "prod").owned is owned


def test_a_group_row_with_mappings() -> None:
    row = {
        "name": "web",
        "member": ["none"],
        "comment": MARK,
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
    assert not group.excluding


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
    assert group.excluding
    assert group.excluded == ("c",)


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
    change = Change(Action.CREATE, kind, "n", "why", value=Address(value))
    row = wire.new_object(change, "prod")
    assert row == {"name": "n", "comment": MARK, **data}
    back = wire.decode_address(row, kind.family, "prod")
    assert back.owned
    assert back.value == parse(value)


def test_an_existing_object_is_never_sent_its_mappings_or_comment() -> None:
    """A parent sent with `dynamic_mapping` loses every mapping that is not in the list."""
    change = Change(Action.UPDATE, ObjectKind.GROUP, "web", "why", members=("a",))
    assert wire.content(change) == {"member": ["a"]}
    repair = dataclasses.replace(change, clears_exclusion=True)
    assert wire.content(repair) == {"member": ["a"], "exclude": "disable"}


def test_a_new_mapping_names_its_scope() -> None:
    change = Change(
        Action.CREATE, ObjectKind.MAPPING, "web", "", DeviceVdom("fgt-1", "root"), members=("a",)
    )
    assert wire.new_mapping(change) == {
        "_scope": [{"name": "fgt-1", "vdom": "root"}],
        "member": ["a"],
    }
