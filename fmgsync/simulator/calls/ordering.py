"""What all install calls share: reading their data, who may install, tasks with nothing to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from fmgsync.simulator.codes import bad_data, no_permission
from fmgsync.simulator.state.adom import PACKAGES, Adom, Lock
from fmgsync.simulator.state.locks import may_install
from fmgsync.simulator.state.store import Row, Scope
from fmgsync.simulator.state.tasks import Task
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call

_HEEDED: Final = frozenset(
    (
        "auto_lock_ws",
        "copy_only",
        "create_task",
        "default_cfg",
        "generate_rev",
        "json",
        "nonblocking",
        "preview",
    )
)
"""Flags that make a difference here; installs never wait for their end, so are nonblocking."""
_COMMENTS: Final = ("adom_rev_name", "adom_rev_comments", "dev_rev_comments")


def adom_of(world: World, call: Call) -> Adom:
    """The ADOM an exec names in its data; the caller must be allowed to write there."""
    name = call.record().get("adom")
    if not isinstance(name, str) or name not in world.adoms:
        raise bad_data()
    if call.session.admin.rpc_permit != "read-write":
        raise no_permission()
    return world.enter(name, call.session)


def package_of(adom: Adom, record: Mapping[str, Any]) -> Row:
    """The package by its path."""
    path = record.get("pkg")
    row = adom.ground.rows(PACKAGES).get(path) if isinstance(path, str) else None
    if row is None or row.attrs["type"] != "pkg":
        raise bad_data()
    return row


def flags_of(record: Mapping[str, Any]) -> frozenset[str]:
    """Flags as a set of words."""
    flags = record.get("flags")
    if flags is None or isinstance(flags, int):
        return frozenset()
    words = [flags] if isinstance(flags, str) else flags
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise bad_data()
    return frozenset(words) - {"none"}


def scope_of(adom: Adom, record: Mapping[str, Any]) -> list[Scope] | None:
    """DeviceVdoms of a scope, groups expanded; None when no scope was given.

    A name without VDOM is a device group; a device named so is not found.
    """
    given = record.get("scope")
    if given is None:
        return None
    members: list[tuple[str, str | None]] = []
    for item in given if isinstance(given, list) else [given]:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            raise bad_data()
        vdom = item.get("vdom")
        if not isinstance(vdom, str | None):
            raise bad_data()
        members.append((item["name"], vdom))
    return adom.expand(members)


def targets_of(world: World, adom: Adom, package: Row, wanted: list[Scope] | None) -> list[Scope]:
    """The package's installation targets, or those of them that were asked for."""
    targets = adom.expand(package.attrs["scope"])
    scopes = targets if wanted is None else [scope for scope in wanted if scope in targets]
    return [scope for scope in scopes if scope[0] in world.devices]


def permission(
    world: World,
    call: Call,
    adom: Adom,
    *,
    packages: list[str] | None = None,
    devices: list[str] | None = None,
) -> Callable[[], bool]:
    """Asked at every step: the lock must be held, by a living session, until the task ends."""
    session = call.session

    def allowed() -> bool:
        if adom.mode == "disabled":
            return True
        alive = world.sessions.find(session.token) is session
        return alive and may_install(adom, session, packages=packages or [], devices=devices or [])

    return allowed


def lock_for_task(adom: Adom, call: Call, task: Task) -> bool:
    """`auto_lock_ws`: the ADOM is locked for the length of the task; False if it cannot be."""
    if adom.mode == "disabled":
        return True
    if adom.locks:
        return False
    lock = Lock("adom", "", call.session.sid, call.session.admin.user, call.now)
    adom.locks.append(lock)
    task.after_end.append(lambda at: adom.locks.remove(lock) if lock in adom.locks else None)
    return True


def open_task(
    world: World, call: Call, adom: Adom, title: str, src: str, *, heeds: Iterable[str] = ()
) -> Task:
    """A new task of the caller's; flags without effect here are told, comments are kept with it."""
    record = call.record()
    for flag in sorted(flags_of(record) - _HEEDED - set(heeds)):
        call.ignore("option", flag)
    task = world.tasks.open(title, src, call.session.admin.user, adom.oid, call.now)
    task.comments = {name: str(record[name]) for name in _COMMENTS if name in record}
    return task
