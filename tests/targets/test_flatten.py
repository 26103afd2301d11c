"""From names to values: what a firewall really matches in a group."""

from __future__ import annotations

from typing import Any

from fmgsync.model.address import Family
from fmgsync.targets import flatten


def v4(name: str, ip: str, mask: str = "255.255.255.255", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "ipmask", "subnet": [ip, mask], **more}


def group(name: str, *members: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "member": [{"name": member} for member in members], **more}


def tables(addresses: list[Any], groups: list[Any]) -> flatten.FamilyTables:
    return flatten.family_tables(addresses, groups, Family.IPV4)


def test_nesting_is_flattened_and_the_value_counts_not_the_name() -> None:
    found = tables(
        [v4("prod_10.0.0.1", "10.0.0.99"), v4("b", "10.0.0.2")],
        [group("web", "web.1", "b"), group("web.1", "prod_10.0.0.1")],
    )
    reading = flatten.reading(["web"], [found])
    assert reading.groups == {"web": frozenset({"10.0.0.99", "10.0.0.2"})}


def test_both_families_count_and_none_counts_as_nothing() -> None:
    four = tables(
        [v4("none", "0.0.0.0"), v4("a", "10.0.0.1")], [group("web", "a"), group("db", "none")]
    )
    six = flatten.family_tables(
        [{"name": "s", "type": "ipprefix", "ip6": "2001:db8::1/128"}],
        [group("web", "s")],
        Family.IPV6,
    )
    reading = flatten.reading(["web", "db"], [four, six])
    assert reading.groups == {"web": frozenset({"10.0.0.1", "2001:db8::1"}), "db": frozenset()}


def test_a_group_the_place_does_not_know_is_left_out() -> None:
    assert flatten.reading(["web"], [tables([], [])]).groups == {}


def test_whatever_is_no_plain_address_makes_a_group_opaque() -> None:
    """It must never be taken for equal to what is desired."""
    fqdn = {"name": "f", "type": "fqdn", "fqdn": "example.org"}
    found = tables(
        [fqdn, v4("a", "10.0.0.1")],
        [
            group("direct", "f", "a"),
            group("nested", "direct"),
            group("unknown member", "missing"),
            group("subtracting", "a", **{"exclude": "enable", "exclude-member": ["a"]}),
            group("plain", "a"),
        ],
    )
    names = ["direct", "nested", "unknown member", "subtracting", "plain"]
    reading = flatten.reading(names, [found])
    assert reading.groups == {"plain": frozenset({"10.0.0.1"})}
    assert reading.opaque == {"direct", "nested", "unknown member", "subtracting"}


def test_groups_that_contain_each_other_end_the_walk() -> None:
    found = tables([v4("a", "10.0.0.1")], [group("x", "y", "a"), group("y", "x")])
    assert flatten.reading(["x"], [found]).groups == {"x": frozenset({"10.0.0.1"})}
