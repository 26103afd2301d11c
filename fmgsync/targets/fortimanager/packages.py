"""Policy packages: where they install, which address objects their policies use, their status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fmgsync import errors
from fmgsync.model.adom import AdomTopology, Package, PackageStatus, PolicyUse
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.targets import policy_rows, wire
from fmgsync.targets.fortimanager import answers, tables, topology, urls
from fmgsync.targets.fortimanager.answers import Place, Result
from fmgsync.targets.fortimanager.reads import Read
from fmgsync.targets.fortimanager.session import Param
from fmgsync.targets.fortimanager.tables import Query, Table
from fmgsync.targets.wire import Row

_POLICY = "firewall/policy"
_KINDS = {"global/header/policy": "header policy", "global/footer/policy": "footer policy"}
_BLOCK = "_policy_block"
_ABSENT = (errors.NotFound, errors.InvalidData)
_CONSOLIDATED_SINCE = (6, 4)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A package as the tree shows it, or a policy block."""

    path: str
    targets: frozenset[DeviceVdom]
    settings: Row
    is_block: bool = False

    def url(self, adom: str, table: str) -> str:
        """One of its policy tables."""
        if self.is_block:
            return urls.block_policies(adom, self.path, table)
        return urls.policies(adom, self.path, table)


def reading(
    place: Place, adom: AdomTopology, tree: Sequence[Result], known: Sequence[Table] = ()
) -> Read[tuple[tuple[Package, ...], list[Query]]]:
    """All packages with install targets and policies; scopes are expanded with the topology. With
    the tables that they were read from, which are likely those of the next time.

    `tree` is what was answered to `questions`, `known` tables that were read along with them.

    A policy that takes in a policy block stands for the block's policies ("How to FortiManager
    API", 008). What the global ADOM puts before and after a package's own is read as it is here.
    """
    leaves = _leaves_of(tree, adom, place)
    wanted = [(leaf, table) for leaf in leaves for table in _tables_of(leaf, adom)]
    queries = [_policy_query(adom.ref, leaf, table, place) for leaf, table in wanted]
    read_along = {table.query: table for table in known}
    rest = yield from tables.reading([query for query in queries if query not in read_along])
    read_along.update((table.query, table) for table in rest)
    read = [read_along[query] for query in queries]
    rows: dict[_Key, list[_Policy]] = {(leaf.is_block, leaf.path): [] for leaf in leaves}
    for (leaf, name), table in zip(wanted, read, strict=True):
        if name != _POLICY and isinstance(table.error, _ABSENT):
            continue  # a kind of policy this release or this package does not have
        rows[leaf.is_block, leaf.path].extend(
            _Policy(_policy_use(row, name, adom), wire.names(row.get(_BLOCK)))
            for row in table.checked()
            if row.get("policyid") is not None
        )
    blocks = {
        path: [replace(one.use, block=path) for one in inside]
        for (is_block, path), inside in rows.items()
        if is_block
    }
    packages = [
        _package(leaf, rows[False, leaf.path], blocks) for leaf in leaves if not leaf.is_block
    ]
    unused = blocks.keys() - {b for inside in rows.values() for one in inside for b in one.blocks}
    alone = (Package("", frozenset(), tuple(blocks[path])) for path in sorted(unused))
    return (*packages, *alone), queries


_Key = tuple[bool, str]
"""Whether it is a policy block, and its path."""


@dataclass(frozen=True, slots=True)
class _Policy:
    """A policy, and the blocks that it stands for."""

    use: PolicyUse
    blocks: tuple[str, ...]


def _package(
    leaf: _Leaf, policies: Iterable[_Policy], blocks: Mapping[str, Iterable[PolicyUse]]
) -> Package:
    """The package with the policies of the blocks it takes in."""
    uses: list[PolicyUse] = []
    unread: list[str] = []
    for policy in policies:
        uses.append(policy.use)
        for name in policy.blocks:
            if name in blocks:
                uses += (_taken_in(use, policy.use) for use in blocks[name])
            else:
                unread.append(f"policy block {name} of package {leaf.path}")
    return Package(leaf.path, leaf.targets, tuple(uses), tuple(unread))


def _taken_in(use: PolicyUse, by: PolicyUse) -> PolicyUse:
    """A block's policy goes where both it and the policy that takes the block in go."""
    if by.install_on is None:
        return use
    both = by.install_on if use.install_on is None else by.install_on & use.install_on
    return replace(use, install_on=both)


def questions(ref: TargetRef) -> list[Param]:
    """What to ask for the tree of packages and for policy blocks."""
    return [{"url": urls.package_tree(ref.domain)}, {"url": urls.policy_blocks(ref.domain)}]


def _leaves_of(told: Sequence[Result], adom: AdomTopology, place: Place) -> list[_Leaf]:
    """All packages and policy blocks; a release may know no blocks."""
    tree, blocks = told
    leaves = list(_leaves(tables.decode_rows(answers.checked(tree, place), place), (), adom))
    if blocks.ok or not isinstance(answers.error_for(blocks, place), _ABSENT):
        leaves += (
            _Leaf(
                wire.text(row.get("name")),
                frozenset(),
                _settings(row),
                is_block=True,
            )
            for row in tables.decode_rows(answers.checked(blocks, place), place)
        )
    return leaves


def reading_status(place: Place, ref: TargetRef) -> Read[tuple[PackageStatus, ...]]:
    """One row per DeviceVdom and package that was installed there before.

    A package that is assigned and was never installed is not listed ("How to FortiManager API",
    008).
    """
    (answered,) = yield [{"url": urls.package_status(ref.domain)}]
    data = answers.checked(answered, place)
    return tuple(
        PackageStatus(
            DeviceVdom(wire.text(row.get("dev")), wire.text(row.get("vdom")) or "root"),
            wire.text(row.get("pkg")),
            wire.printable(wire.text(row.get("status"))),
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
            targets = topology.expand_scope(row.get("scope member"), adom.devices, adom.groups)
            yield _Leaf("/".join(path), targets, _settings(row))


def _settings(row: Row) -> Row:
    settings: list[Row] = row.get("package settings") or [{}]
    return settings[0]


def _tables_of(leaf: _Leaf, adom: AdomTopology) -> Iterator[str]:
    """The policy tables that can hold something in this package."""
    yield _POLICY
    if leaf.is_block:
        yield "firewall/security-policy"
        return
    yield "global/header/policy"
    yield "global/footer/policy"
    yield "firewall/proxy-policy"
    # What may reach the FortiGate itself; these deny unless they say otherwise.
    yield "firewall/local-in-policy"
    yield "firewall/local-in-policy6"
    if leaf.settings.get("ngfw-mode") in ("policy-based", 1):
        yield "firewall/security-policy"
    if adom.os_version < _CONSOLIDATED_SINCE:
        yield "firewall/policy6"


def _policy_query(ref: TargetRef, leaf: _Leaf, table: str, place: Place) -> Query:
    fields = ["policyid", "action", "status"]
    if "local-in" not in table:
        fields.append("name")
    if table == _POLICY:
        fields.append(_BLOCK)
    for attribute in policy_rows.attributes(table):
        fields += [attribute.name, attribute.negate]
    return Query(
        leaf.url(ref.domain, table),
        tuple(fields),
        place,
        options=("scope member",),
    )


def _policy_use(row: Row, table: str, adom: AdomTopology) -> PolicyUse:
    use = policy_rows.policy_use(row, table, _KINDS.get(table))
    return replace(use, install_on=_install_on(row, adom))


def _install_on(row: Row, adom: AdomTopology) -> frozenset[DeviceVdom] | None:
    """`scope member` of a policy: absent means all targets, an empty list none at all."""
    scope: Any = row.get("scope member")
    if scope is None:
        return None
    return topology.expand_scope(scope, adom.devices, adom.groups)
