"""Which DeviceVdoms a change concerns: from objects up through groups and policies to packages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from fmgsync.simulator.schema.catalog_packages import BLOCKS, POLICY
from fmgsync.simulator.state.references import package_of, package_store
from fmgsync.simulator.state.store import Change, Database, Row, Scope, Target


class Adom(Protocol):
    """Of an ADOM what is asked here."""

    @property
    def ground(self) -> Database:
        """What is committed."""

    def packages(self, database: Database) -> list[Row]:
        """Policy packages without the folders."""

    def expand(self, scope: Iterable[tuple[str, str | None]]) -> list[Scope]:
        """DeviceVdoms a scope means."""


EVERYWHERE = None
Reach = frozenset[Scope] | None
"""Where a change is felt: on these DeviceVdoms, or everywhere (None)."""
_NOWHERE: frozenset[Scope] = frozenset()


def affected(adom: Adom, changes: Iterable[Change]) -> set[Scope]:
    """DeviceVdoms whose rendered configuration a set of changes may alter."""
    touched = _policies(adom, changes)
    if not touched:
        return set()
    packages = {row.oid: row for row in adom.packages(adom.ground)}
    targets = {
        oid: adom.expand(packages[oid].attrs["scope"]) for oid, _ in touched if oid in packages
    }
    found: set[Scope] = set()
    for (oid, policy_id), reach in touched.items():
        allowed = _installs_on(adom, oid, policy_id)
        found.update(
            target
            for target in targets.get(oid, ())
            if (reach is EVERYWHERE or target in reach) and (allowed is None or target in allowed)
        )
    return found


def _policies(adom: Adom, changes: Iterable[Change]) -> dict[tuple[int, int | None], Reach]:
    """Policies reached, by package oid and policy id (None: the package as a whole)."""
    pending: dict[Target, Reach] = {}
    reached: dict[tuple[int, int | None], Reach] = {}
    blocks = {row.oid: row.key for row in adom.ground.rows(BLOCKS)}
    for change in changes:
        oid = package_of(change.table)
        if oid in blocks:
            _join(pending, (BLOCKS, blocks[oid]), EVERYWHERE)
        elif oid is not None:
            reached[(oid, None)] = EVERYWHERE
        else:
            _join(pending, (change.table, change.key), _reach_of(change))
    done: dict[Target, Reach] = {}
    while pending:
        target, reach = pending.popitem()
        if not _grows(done, target, reach):
            continue
        for store, key, scope in adom.ground.uses.of(target):
            onward = _through(reach, scope)
            if _covers(done, (store, key), onward):
                continue
            oid = package_of(store)
            if oid in blocks:
                _join(pending, (BLOCKS, blocks[oid]), onward)
            elif oid is not None:
                # Only a package's own policies can be restricted to some targets.
                own = key if store == package_store(POLICY.name, oid) else None
                _join(reached, (oid, own if isinstance(own, int) else None), onward)
            else:
                _join(pending, (store, key), onward)
    return reached


def _join(found: dict, key: object, reach: Reach) -> None:  # type: ignore[type-arg]
    known = found.get(key, _NOWHERE)
    found[key] = EVERYWHERE if known is None or reach is None else known | reach


def _covers(done: Mapping[Target, Reach], target: Target, reach: Reach) -> bool:
    """Whether nothing more follows from this reach, be it that it is nowhere."""
    known = done.get(target, _NOWHERE)
    return known is EVERYWHERE or (reach is not EVERYWHERE and reach <= known)


def _grows(done: dict[Target, Reach], target: Target, reach: Reach) -> bool:
    if target in done and _covers(done, target, reach):
        return False
    _join(done, target, reach)
    return True


def _reach_of(change: Change) -> Reach:
    before, after = change.before, change.after
    if before is None or after is None or before.attrs is not after.attrs:
        return EVERYWHERE
    return frozenset(_changed_mappings(before, after))


def _changed_mappings(before: Row, after: Row) -> Iterator[Scope]:
    for scope in before.maps.keys() | after.maps.keys():
        if before.maps.get(scope) is not after.maps.get(scope):
            yield scope


def _through(reach: Reach, scope: Scope | None) -> Reach:
    """What of a reach passes on to a user that refers from this mapping only."""
    if scope is None:
        return reach
    if reach is EVERYWHERE or scope in reach:
        return frozenset((scope,))
    return _NOWHERE


def _installs_on(adom: Adom, package_oid: int, policy_id: int | None) -> set[Scope] | None:
    """The DeviceVdoms a policy is restricted to; None without restriction."""
    if policy_id is None:
        return None
    policy = adom.ground.rows(package_store(POLICY.name, package_oid)).get(policy_id)
    if policy is None or "install-on" not in policy.attrs:
        return None
    return set(adom.expand(policy.attrs["install-on"]))
