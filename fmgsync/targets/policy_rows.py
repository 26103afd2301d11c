"""The addresses that each policy names: FortiManager and FortiOS tell them alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fmgsync.model.address import Family
from fmgsync.model.adom import PolicyUse
from fmgsync.targets import wire
from fmgsync.targets.wire import Row

ON = ("enable", 1)
_ACTIONS = {0: "deny", 1: "accept", 2: "ipsec"}


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a policy that names addresses, and the one that negates it."""

    name: str
    family: Family
    negate: str


_BOTH = tuple(
    Attribute(f"{side}addr{suffix}", family, f"{side}addr{suffix}-negate")
    for side in ("src", "dst")
    for suffix, family in (("", Family.IPV4), ("6", Family.IPV6))
)
_ONLY_IPV4, _ONLY_IPV6 = (
    tuple(Attribute(f"{side}addr", family, f"{side}addr-negate") for side in ("src", "dst"))
    for family in Family
)
_TABLES: Mapping[str, tuple[Attribute, ...]] = {
    "firewall/policy6": _ONLY_IPV6,
    "firewall/local-in-policy": _ONLY_IPV4,
    "firewall/local-in-policy6": _ONLY_IPV6,
}


def attributes(table: str) -> tuple[Attribute, ...]:
    """What of a policy of this table names addresses."""
    return _TABLES.get(table, _BOTH)


def policy_use(row: Row, table: str, kind: str | None = None) -> PolicyUse:
    """The address objects that one policy names, by position. `kind` is what people call it."""
    positive: set[tuple[Family, str]] = set()
    negated: set[tuple[Family, str]] = set()
    for attribute in attributes(table):
        side = negated if row.get(attribute.negate) in ON else positive
        side.update((attribute.family, name) for name in wire.names(row.get(attribute.name)))
    action = row.get("action")
    if kind is None:
        named = table.rpartition("/")[2]
        kind = "policy" if named == "policy6" else named.replace("-policy", " policy")
    return PolicyUse(
        policy_id=number if isinstance(number := row.get("policyid"), int) else 0,
        name=wire.printable(wire.text(row.get("name"))),
        action=_ACTIONS.get(action, "") if isinstance(action, int) else wire.text(action),
        positive=frozenset(positive),
        negated=frozenset(negated),
        enabled=row.get("status", "enable") in ON,
        kind=kind,
    )
