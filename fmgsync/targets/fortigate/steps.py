"""A plan as the requests that carry it out, in an order of which every beginning is safe.

create addresses -> create groups (shards first) -> into groups -> out of groups -> delete groups
-> delete addresses. Wherever it ends, no address has left a group before another one that was to
come with it is in, nothing is referred to that is not there, and nothing is deleted that is used.

A few members come and go one by one, which drops nothing that somebody else has put in; many by the
whole list at once, for which the list must be as it was read.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fmgsync.model import naming
from fmgsync.model.change import Action, Change
from fmgsync.targets import wire
from fmgsync.targets.fortigate import bodies, urls
from fmgsync.targets.fortigate.urls import Table, Url
from fmgsync.targets.wire import Row

SINGLES = 8
"""Most members of one group that are written one by one."""


class Stage(enum.IntEnum):
    """What may be written at the same time: all of one stage, never two."""

    CREATE_ADDRESS = 1
    CREATE_SHARD = 2
    CREATE_GROUP = 3
    SET_BACK = 4
    ADD = 5
    REPLACE = 6
    REMOVE = 7
    DELETE_GROUP = 8
    DELETE_SHARD = 9
    DELETE_ADDRESS = 10


MEMBERSHIP = frozenset({Stage.ADD, Stage.REPLACE, Stage.REMOVE})


@dataclass(frozen=True, slots=True)
class Write:
    """One request, for which change it is, and in which stage."""

    stage: Stage
    method: str
    url: Url
    change: Change
    body: Row | None = None
    members: tuple[str, ...] = ()
    """The members that it brings or takes."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a plan is written: VDOM, owner, the groups' members as they were read, and what the
    unit takes."""

    vdom: str
    owner: str
    standing: Mapping[tuple[Table, str], tuple[str, ...]]
    may_be_empty: bool
    member_limit: int


def scene(
    vdom: str,
    owner: str,
    groups: Mapping[Table, Iterable[Row]],
    *,
    may_be_empty: bool,
    member_limit: int,
) -> Scene:
    """What writing has to know of the groups as they were read."""
    standing = {
        (table, wire.text(row.get("name"))): wire.names(row.get("member"))
        for table, rows in groups.items()
        for row in rows
    }
    return Scene(vdom, owner, standing, may_be_empty, member_limit)


def writes_of(change: Change, where: Scene) -> Iterator[Write]:
    """The requests of one change."""
    table = urls.table_of(change.kind)
    is_address = change.kind in bodies.ADDRESS_KINDS
    if change.device is not None:
        raise ValueError(f"{change.name}: a FortiGate has no mappings")
    if change.action is Action.CREATE:
        body = bodies.new_object(change, where.owner)
        if not is_address:
            body["member"] = bodies.members(content(change.members, where))
        yield Write(_creating(change), "POST", urls.table(table, where.vdom), change, body)
    elif change.action is Action.DELETE:
        url = urls.item(table, where.vdom, change.name)
        yield Write(_deleting(change), "DELETE", url, change)
    elif is_address or change.resets or change.instead_of is not None:
        url = urls.item(table, where.vdom, change.name)
        yield Write(Stage.SET_BACK, "PUT", url, change, bodies.content(change))
    else:
        yield from _members(change, table, where)


def content(members: Iterable[str], where: Scene) -> tuple[str, ...]:
    """Members as the unit is told them: none at all where a group may be empty."""
    wanted = tuple(members)
    return () if where.may_be_empty and wanted == (naming.NONE,) else wanted


def _creating(change: Change) -> Stage:
    if change.kind in bodies.ADDRESS_KINDS:
        return Stage.CREATE_ADDRESS
    return Stage.CREATE_GROUP if naming.shard_of(change.name) is None else Stage.CREATE_SHARD


def _deleting(change: Change) -> Stage:
    if change.kind in bodies.ADDRESS_KINDS:
        return Stage.DELETE_ADDRESS
    return Stage.DELETE_GROUP if naming.shard_of(change.name) is None else Stage.DELETE_SHARD


def _members(change: Change, table: Table, where: Scene) -> Iterator[Write]:
    before = where.standing.get((table, change.name), ())
    wanted = content(change.members, where)
    coming = sorted(set(wanted) - set(before))
    going = sorted(set(before) - set(wanted))
    if _one_by_one(change, before, coming, going, where):
        url = urls.members(table, where.vdom, change.name)
        for name in coming:
            yield Write(Stage.ADD, "POST", url, change, {"name": name}, (name,))
        for name in going:
            url = urls.member(table, where.vdom, change.name, name)
            yield Write(Stage.REMOVE, "DELETE", url, change, None, (name,))
        return
    stage = Stage.ADD if not going else Stage.REPLACE if coming else Stage.REMOVE
    body = bodies.content(change) | {"member": bodies.members(wanted)}
    url = urls.item(table, where.vdom, change.name)
    yield Write(stage, "PUT", url, change, body, (*coming, *going))


def _one_by_one(
    change: Change, before: tuple[str, ...], coming: list[str], going: list[str], where: Scene
) -> bool:
    """Whether members are written singly: few of them, in names that every release finds, and
    never more at a time than the group may hold, nor fewer than it must."""
    if change.comment or change.clears_exclusion or len(coming) + len(going) > SINGLES:
        return False
    if len(before) + len(coming) > where.member_limit:
        return False
    if not where.may_be_empty and not coming and len(going) == len(before):
        return False
    return all(urls.is_plain(name) for name in (*coming, *going))
