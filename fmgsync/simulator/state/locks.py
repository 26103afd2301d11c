"""Workspace locks: who holds what, what that lets a session write, what stands in whose way.

Behaviour as measured by client projects (ftnt-dspille/connector-fortinet-fortimanager-json-rpc,
`lock_matrix_probe` and `per_policy_lock_probe`, 7.6.7): a lock belongs to a session. With
`per-policy-lock` a policy can be locked without its package, by one session each; what is changed
under such a lock is saved by a commit of the package and by no other. Without the setting a lock of
a policy answers 0 to everybody and means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fmgsync.simulator.codes import Refusal
from fmgsync.simulator.state import worksession
from fmgsync.simulator.state.adom import PACKAGES, Adom, Lock
from fmgsync.simulator.state.references import package_of
from fmgsync.simulator.state.sessions import Session
from fmgsync.simulator.state.store import Change, Database

POLICY: Final = "policy"
"""Kind of a lock on one policy; its name is the package's path and `/firewall/policy/N`."""
_INSIDE: Final = "/firewall/policy/"


def policy_name(package: str, policy: object) -> str:
    """The name of a policy's lock."""
    return f"{package}{_INSIDE}{policy}"


def holder(adom: Adom, kind: str, name: str = "") -> Lock | None:
    """The lock on this thing, if anybody has it."""
    for lock in adom.locks:
        if lock.kind == kind and lock.name == name:
            return lock
    return None


def holds(adom: Adom, session: Session, kind: str, name: str = "") -> bool:
    """Whether this session has that lock."""
    lock = holder(adom, kind, name)
    return lock is not None and lock.sid == session.sid


def inside(adom: Adom, package: str) -> list[Lock]:
    """The locks on policies of a package."""
    prefix = f"{package}{_INSIDE}"
    return [held for held in adom.locks if held.kind == POLICY and held.name.startswith(prefix)]


def in_the_way(held: Lock, kind: str, name: str) -> bool:
    """Whether a lock of another session keeps this one from being taken."""
    if "adom" in (held.kind, kind):
        return True
    if {held.kind, kind} == {"pkg", POLICY}:
        policy, package = (name, held.name) if kind == POLICY else (held.name, name)
        return policy.startswith(f"{package}{_INSIDE}")
    return held.kind == kind and held.name == name


def writable(
    adom: Adom,
    session: Session,
    *,
    package: str | None,
    object_url: str = "",
    policies: Iterable[object] = (),
) -> Database:
    """Where this session's write goes: the ground, or its draft. Refuses without the lock."""
    if adom.mode == "disabled":
        return adom.ground
    if not _may_write(adom, session, package, object_url, list(policies)):
        raise Refusal(-10147)
    return adom.draft(session.sid)


def _may_write(
    adom: Adom, session: Session, package: str | None, object_url: str, policies: list[object]
) -> bool:
    if adom.mode == "workflow":
        return holds(adom, session, "adom") and worksession.may_write(adom.workflow, session.sid)
    if holds(adom, session, "adom"):
        return True
    if package is None:
        return bool(object_url) and holds(adom, session, "obj", object_url)
    if holds(adom, session, "pkg", package):
        return True
    return bool(policies) and all(
        holds(adom, session, POLICY, policy_name(package, policy)) for policy in policies
    )


def may_install(adom: Adom, session: Session, *, packages: list[str], devices: list[str]) -> bool:
    """Whether the session holds what an install needs: the ADOM, the packages, or the devices."""
    if adom.mode == "disabled" or holds(adom, session, "adom"):
        return True
    if packages:
        return all(holds(adom, session, "pkg", name) for name in packages)
    return bool(devices) and all(holds(adom, session, "dev", name) for name in devices)


def covers(adom: Adom, kind: str, name: str, change: Change) -> bool:
    """Whether a change belongs to what this lock protects."""
    if kind == "adom":
        return True
    if kind == "obj":
        return f"{change.table.replace(' ', '/')}/{change.key}" == name
    if kind == POLICY:
        package, _, policy = name.rpartition(_INSIDE)
        return _in_package(adom, package, change) and str(change.key) in (policy, package)
    return kind == "pkg" and _in_package(adom, name, change)


def _in_package(adom: Adom, name: str, change: Change) -> bool:
    if change.table == PACKAGES:
        return change.key == name
    package = adom.ground.rows(PACKAGES).get(name)
    return package is not None and package_of(change.table) == package.oid


def committed_with(adom: Adom, sid: int, kind: str, name: str, change: Change) -> bool:
    """Whether a commit of this thing saves the change.

    A package's commit saves the objects that were edited under it too. Of a session that holds
    nothing but policies, only the package's commit saves anything.
    """
    if kind == POLICY:
        return False
    if kind == "adom":
        kinds = {held.kind for held in adom.locks if held.sid == sid}
        return POLICY not in kinds or bool(kinds & {"adom", "pkg"})
    if kind == "pkg" and package_of(change.table) is None and change.table != PACKAGES:
        return True
    return covers(adom, kind, name, change)
