"""Policy packages: where they install, which address objects their policies use, their status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fmgsync import errors
from fmgsync.model.address import Family
from fmgsync.model.adom import AdomTopology, Package, PackageStatus, PolicyUse
from fmgsync.model.target import AdomRef, DeviceVdom
from fmgsync.targets.fortimanager import answers, tables, topology, urls, wire
from fmgsync.targets.fortimanager.answers import Place
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.fortimanager.tables import Query, Row

_ACTIONS = {0: "deny", 1: "accept", 2: "ipsec"}
_ON = ("enable", 1)


@dataclass(frozen=True, slots=True)
class _Attribute:
    """An attribute of a policy that names addresses, and the one that negates it."""

    name: str
    family: Family
    negate: str


_BOTH = tuple(
    _Attribute(f"{side}addr{suffix}", family, f"{side}addr{suffix}-negate")
    for side in ("src", "dst")
    for suffix, family in (("", Family.IPV4), ("6", Family.IPV6))
)
_ONLY_IPV6 = tuple(
    _Attribute(f"{side}addr", Family.IPV6, f"{side}addr-negate") for side in ("src", "dst")
)
_ONLY_IPV4 = tuple(
    _Attribute(f"{side}addr", Family.IPV4, f"{side}addr-negate") for side in ("src", "dst")
)
_POLICY = "firewall/policy"
_TABLES: Mapping[str, tuple[_Attribute, ...]] = {
    _POLICY: _BOTH,
    "firewall/security-policy": _BOTH,
    "firewall/proxy-policy": _BOTH,
    "firewall/policy6": _ONLY_IPV6,
    "firewall/local-in-policy": _ONLY_IPV4,
    "firewall/local-in-policy6": _ONLY_IPV6,
}
_CONSOLIDATED_SINCE = (6, 4)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A package as the tree shows it."""

    path: str
    targets: frozenset[DeviceVdom]
    settings: Row


def read_packages(session: Session, adom: AdomTopology) -> tuple[Package, ...]:
    """All packages with install targets and policies; scopes are expanded with the topology."""
    place = Place(session.access.name, adom.ref.adom)
    tree = session.read({"url": urls.package_tree(adom.ref.adom)}, place=place)
    leaves = list(_leaves(tables.decode_rows(tree, place), (), adom))
    wanted = [(leaf, table) for leaf in leaves for table in _tables_of(leaf, adom)]
    read = tables.read_all(
        session, [_policy_query(adom.ref, leaf.path, table, place) for leaf, table in wanted]
    )
    uses: dict[str, list[PolicyUse]] = {leaf.path: [] for leaf in leaves}
    for (leaf, name), table in zip(wanted, read, strict=True):
        if name != _POLICY and isinstance(table.error, (errors.NotFound, errors.InvalidData)):
            continue  # a kind of policy this release or this package does not have
        uses[leaf.path].extend(
            _policy_use(row, _TABLES[name], adom)
            for row in table.checked()
            if row.get("policyid") is not None
        )
    return tuple(Package(leaf.path, leaf.targets, tuple(uses[leaf.path])) for leaf in leaves)


def read_package_status(session: Session, ref: AdomRef) -> tuple[PackageStatus, ...]:
    """One row per DeviceVdom and package that was installed there before.

    A package that is assigned and was never installed is not listed ("How to FortiManager API",
    008).
    """
    place = Place(session.access.name, ref.adom)
    data = session.read({"url": urls.package_status(ref.adom)}, place=place)
    return tuple(
        PackageStatus(
            DeviceVdom(wire.text(row.get("dev")), wire.text(row.get("vdom")) or "root"),
            wire.text(row.get("pkg")),
            answers.printable(wire.text(row.get("status"))),
        )
        for row in tables.decode_rows(data, place)
    )


def _leaves(rows: Iterable[Row], folders: tuple[str, ...], adom: AdomTopology) -> Iterator[_Leaf]:
    """Packages of a tree; folders hold theirs in `subobj`."""
    for row in rows:
        path = (*folders, wire.text(row.get("name")))
        if row.get("type") in ("folder", 1):
            yield from _leaves(row.get("subobj") or [], path, adom)
        else:
            scope = row.get("scope member")
            targets = topology.expand_scope(scope, adom.devices, adom.groups)
            yield _Leaf("/".join(path), targets, row.get("package settings") or {})


def _tables_of(leaf: _Leaf, adom: AdomTopology) -> Iterator[str]:
    """The policy tables that can hold something in this package."""
    yield _POLICY
    yield "firewall/proxy-policy"
    # What may reach the FortiGate itself; these deny unless they say otherwise.
    yield "firewall/local-in-policy"
    yield "firewall/local-in-policy6"
    if leaf.settings.get("ngfw-mode") in ("policy-based", 1):
        yield "firewall/security-policy"
    if adom.os_version < _CONSOLIDATED_SINCE:
        yield "firewall/policy6"


def _policy_query(ref: AdomRef, path: str, table: str, place: Place) -> Query:
    fields = ["policyid", "name", "action", "status"]
    for attribute in _TABLES[table]:
        fields += [attribute.name, attribute.negate]
    return Query(
        urls.policies(ref.adom, path, table),
        tuple(fields),
        place,
        options=("scope member",),
    )


def _policy_use(row: Row, attributes: Iterable[_Attribute], adom: AdomTopology) -> PolicyUse:
    positive: set[tuple[Family, str]] = set()
    negated: set[tuple[Family, str]] = set()
    for attribute in attributes:
        side = negated if row.get(attribute.negate) in _ON else positive
        side.update((attribute.family, name) for name in wire.names(row.get(attribute.name)))
    action = row.get("action")
    return PolicyUse(
        policy_id=row["policyid"] if isinstance(row["policyid"], int) else 0,
        name=answers.printable(wire.text(row.get("name"))),
        action=_ACTIONS.get(action, "") if isinstance(action, int) else wire.text(action),
        positive=frozenset(positive),
        negated=frozenset(negated),
        install_on=_install_on(row, adom),
        enabled=row.get("status", "enable") in _ON,
    )


def _install_on(row: Row, adom: AdomTopology) -> frozenset[DeviceVdom] | None:
    """`scope member` of a policy: absent means all targets, an empty list none at all."""
    scope: Any = row.get("scope member")
    if scope is None:
        return None
    return topology.expand_scope(scope, adom.devices, adom.groups)
