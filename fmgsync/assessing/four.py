"""The four views of one ADOM side by side, and one word per group and device.

The order of the questions matters: what is not written yet cannot be installed, what is not
installed yet cannot have drifted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from fmgsync.assessing.rendered import Members
from fmgsync.model.address import Address, Family
from fmgsync.model.adom import AdomTopology, Reading
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.model.view import DeviceView, GroupState, GroupView, StaleGrant, in_families

_BOTH = frozenset(Family)

Place = tuple[DeviceVdom, str]
"""A group name on a DeviceVdom."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the views are made from.

    `reach` maps a place to the package that carries the group there; a place without one is not
    referenced, and `families` says where only one family of a group is carried. `write_pending`
    and `held` come from the plan; `submitted` says what the writes wait for. `devices` may lack a
    target that was not asked. `blocked` groups cannot be carried out; `reasons` says why a place
    is held or not referenced; at those in `disputed` one of several packages may carry it.
    `staged` False: what is written is on the device, so there is no device database, and nothing
    that could drift.
    """

    ref: TargetRef
    topology: AdomTopology
    desired: Mapping[DeviceVdom, Mapping[str, frozenset[Address] | None]]
    adom: Members
    reach: Mapping[Place, str]
    databases: Mapping[DeviceVdom, Reading]
    devices: Mapping[DeviceVdom, Reading]
    write_pending: frozenset[Place] = frozenset()
    submitted: str = ""
    held: frozenset[Place] = frozenset()
    families: Mapping[Place, frozenset[Family]] = field(default_factory=dict)
    blocked: frozenset[str] = frozenset()
    disputed: frozenset[Place] = frozenset()
    reasons: Mapping[Place, str] = field(default_factory=dict)
    staged: bool = True


def device_views(facts: Facts) -> tuple[DeviceView, ...]:
    """One view per DeviceVdom that a site names, sorted."""
    return tuple(_device_view(facts, target) for target in sorted(facts.desired))


def _device_view(facts: Facts, target: DeviceVdom) -> DeviceView:
    groups = tuple(
        group_view(facts, target, name, wanted)
        for name, wanted in sorted(facts.desired[target].items())
    )
    stale = tuple(
        StaleGrant(view.name, address)
        for view in groups
        if view.desired is not None and view.device is not None and not view.in_error
        for address in sorted(view.device - view.desired)
    )
    reading = facts.devices.get(target)
    silent = reading is not None and reading.groups is None
    return DeviceView(
        target, facts.ref, groups, stale, _why_silent(facts, target) if silent else ""
    )


def group_view(
    facts: Facts, target: DeviceVdom, name: str, wanted: frozenset[Address] | None
) -> GroupView:
    """One group on one DeviceVdom in each view, with its state."""
    database = members(facts.databases.get(target), name)
    device = members(facts.devices.get(target), name)
    adom = facts.adom.get(target, {}).get(name)
    families = facts.families.get((target, name), _BOTH)
    used = (in_families(members, families) for members in (adom, database, device))
    state = _state(facts, target, name, *used)
    if wanted is None and state is GroupState.IN_SYNC:
        state = GroupState.UNKNOWN  # nothing is removed, and nobody can say what should be there
        because = facts.reasons.get((target, name)) or "what the rules want there is not known"
    else:
        because = _because(facts, (target, name), state)
    in_error = name in facts.blocked
    return GroupView(name, wanted, adom, database, device, state, because, families, in_error)


def members(reading: Reading | None, name: str) -> frozenset[Address] | None:
    """What is there; None where it is not known, which never equals anything."""
    if reading is None or reading.groups is None or name in reading.opaque:
        return None
    return reading.groups.get(name, frozenset())


def _state(
    facts: Facts,
    target: DeviceVdom,
    name: str,
    adom: frozenset[Address] | None,
    database: frozenset[Address] | None,
    device: frozenset[Address] | None,
) -> GroupState:
    if name in facts.blocked:
        return GroupState.HELD
    place = (target, name)
    if place in facts.write_pending or adom is None:
        return GroupState.WRITE_PENDING
    if not facts.staged:
        return GroupState.HELD if place in facts.held else GroupState.IN_SYNC
    if place not in facts.reach:
        return GroupState.HELD if place in facts.disputed else GroupState.NOT_REFERENCED
    if database is None and not _is_opaque(facts.databases.get(target), name):
        return GroupState.UNKNOWN
    if database != adom:
        return GroupState.INSTALL_PENDING
    state = _device_state(facts, target, adom, device)
    # Only what waits for nothing else is shown as held: the parts that do not wait go on.
    return GroupState.HELD if state is GroupState.IN_SYNC and place in facts.held else state


def _device_state(
    facts: Facts,
    target: DeviceVdom,
    adom: frozenset[Address],
    device: frozenset[Address] | None,
) -> GroupState:
    """The device database equals the ADOM: is the device as far?

    A failed install leaves the device database changed and ahead of the device (`db_status` mod);
    only without that is a difference a drift.
    """
    if device == adom:
        return GroupState.IN_SYNC
    known = facts.topology.devices.get(target.device)
    if known is not None and known.database_modified:
        return GroupState.INSTALL_PENDING
    reading = facts.devices.get(target)
    if reading is None:
        return GroupState.UNKNOWN
    return GroupState.UNREACHABLE if reading.groups is None else GroupState.DRIFTED


def _because(facts: Facts, place: Place, state: GroupState) -> str:
    target, name = place
    database, device = facts.databases.get(target), facts.devices.get(target)
    if state is GroupState.WRITE_PENDING:
        return facts.submitted
    if state is GroupState.UNKNOWN:
        return (database.problem if database else None) or "the device itself was not asked"
    if state is GroupState.UNREACHABLE:
        return _why_silent(facts, target)
    if state in (GroupState.INSTALL_PENDING, GroupState.DRIFTED):
        if _is_opaque(database, name) or _is_opaque(device, name):
            return "it holds something else than plain addresses there"
        if place not in facts.families:
            return ""
    return facts.reasons.get(place, "")


def _why_silent(facts: Facts, target: DeviceVdom) -> str:
    known = facts.topology.devices.get(target.device)
    why = facts.devices[target].problem or "the device did not answer"
    checked = known.last_checked if known is not None else None
    if known is None or known.online is not False or checked is None:
        return why
    at = datetime.fromtimestamp(checked, UTC)
    return f"{why}; FortiManager last checked it {at:%Y-%m-%dT%H:%M:%SZ}"


def for_proof(views: Iterable[DeviceView]) -> tuple[DeviceView, ...]:
    """The same views where only the devices' own answers count: one that did not answer is
    unreachable, whatever waits for it."""
    return tuple(
        replace(
            view,
            groups=tuple(
                group
                if group.state is GroupState.NOT_REFERENCED or group.in_error
                else replace(group, state=GroupState.UNREACHABLE, because=view.silent)
                for group in view.groups
            ),
        )
        if view.silent
        else view
        for view in views
    )


def asked_for(view: DeviceView) -> tuple[GroupView, ...]:
    """The groups a device is held to: those a policy brings there, without rules in error."""
    silent = GroupState.NOT_REFERENCED
    return tuple(g for g in view.groups if g.state is not silent and not g.in_error)


def _is_opaque(reading: Reading | None, name: str) -> bool:
    return reading is not None and name in reading.opaque


def joined(views: Iterable[DeviceView], parts: Iterable[DeviceView]) -> tuple[DeviceView, ...]:
    """The views with some groups' in place of what was known of them."""
    fresh = {part.target: part for part in parts}
    return tuple(
        _with_part(view, fresh[view.target]) if view.target in fresh else view for view in views
    )


def _with_part(view: DeviceView, part: DeviceView) -> DeviceView:
    groups = {group.name: group for group in (*view.groups, *part.groups)}
    again = {group.name for group in part.groups}
    stale = (*(g for g in view.stale_grants if g.group not in again), *part.stale_grants)
    return replace(
        view,
        groups=tuple(groups[name] for name in sorted(groups)),
        stale_grants=tuple(sorted(stale, key=lambda grant: (grant.group, grant.address))),
    )


def with_held(
    views: Iterable[DeviceView], held: Mapping[DeviceVdom, str], waiting: GroupState
) -> tuple[DeviceView, ...]:
    """The same views, where what is pending waits for a person on some DeviceVdoms, and why."""
    return tuple(
        replace(
            view,
            groups=tuple(
                replace(group, state=GroupState.HELD, because=held[view.target])
                if group.state is waiting
                else group
                for group in view.groups
            ),
        )
        if view.target in held
        else view
        for view in views
    )


def keys(name: str) -> tuple[tuple[Family, str], ...]:
    """The object keys of a rule's group, one per family."""
    return tuple((family, name) for family in Family)
