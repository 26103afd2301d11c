"""Desired and observed state of one ADOM -> every change, in an order FortiManager accepts.

create addresses -> create groups -> re-map -> delete mappings -> delete groups -> delete
addresses: nothing is referenced before it exists, nothing is deleted while still referenced.

The cases of ownership, all decided here: a name is free (create it), ours (compare it), or
foreign (an error of the rules that need it; the others go on).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from fmgsync.model import naming
from fmgsync.model.address import Address, Family, sort_key
from fmgsync.model.change import Action, AdomPlan, Change, Finding, ObjectKind
from fmgsync.model.state import DesiredAdom, DesiredGroup, ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom
from fmgsync.planning.render import GroupObject, ObjectKey, Rendering, none_member, render

_ADDRESS = {Family.IPV4: ObjectKind.ADDRESS, Family.IPV6: ObjectKind.ADDRESS6}
_GROUP = {Family.IPV4: ObjectKind.GROUP, Family.IPV6: ObjectKind.GROUP6}
_MAPPING = {Family.IPV4: ObjectKind.MAPPING, Family.IPV6: ObjectKind.MAPPING6}


def make_plan(
    desired: DesiredAdom,
    observed: ObservedAdom,
    *,
    used: Collection[ObjectKey] = (),
    removes: bool = True,
) -> AdomPlan:
    """All changes that make `observed` equal to `desired`, ordered.

    `used` are objects that policies or foreign groups hold (`usage.find_usage`): such a group is
    emptied instead of deleted, such an address is left. `removes=False` (policy mode upsert)
    never takes anything away.
    """
    clashes = find_clashes(desired, observed)
    blocked = {clash.name for clash in clashes}
    groups = tuple(group for group in desired.groups if group.name not in blocked)
    rendering = render(groups, observed, owner=desired.owner, keep_all=not removes)
    wanted = dict(rendering.groups)
    findings = list(desired.findings)
    retired = _retired(desired, observed) if removes else []
    for key in retired:
        if key in used:
            wanted[key] = GroupObject((none_member(observed, key[0], desired.owner),))
            message = "no rule of this name any more, but a policy or a foreign group uses it"
            findings.append(Finding("kept-in-use", key[1], f"{message}: emptied and kept"))
    deleted = [key for key in retired if key not in used]
    staying = _members_after(wanted, observed, deleted)
    values = {**_observed_values(observed), **rendering.values}

    address_changes = list(_write_addresses(rendering, staying, observed))
    group_changes = list(_write_groups(wanted, observed, values))
    deletes = [_delete_group(key, observed, values) for key in deleted]
    if removes:
        deletes.extend(_delete_addresses(staying, observed, used, desired.owner, findings))
    changes = (*address_changes, *group_changes, *deletes)
    return AdomPlan(desired.ref, changes, tuple(clashes), (), tuple(findings))


# --- whose name is it ---------------------------------------------------------------------------


def find_clashes(desired: DesiredAdom, observed: ObservedAdom) -> list[Finding]:
    """Rules that cannot be carried out because a foreign object bears a name they need.

    Addresses and groups share one name space on FortiOS (FortiOS CLI reference, firewall
    addrgrp), so a foreign address in the group's name is a clash as well.
    """
    clashes: dict[Finding, None] = {}
    for group in desired.groups:
        for finding in _clashes_of(group, desired.owner, observed):
            clashes[finding] = None
    return list(clashes)


def _clashes_of(group: DesiredGroup, owner: str, observed: ObservedAdom) -> Iterator[Finding]:
    def clash(what: str) -> Finding:
        message = f"{what} exists and does not carry the mark {naming.mark(owner)!r}"
        return Finding("foreign-name", group.name, message, is_error=True)

    for family in Family:
        if (family, group.name) in observed.addresses:
            yield clash(f"an {_ADDRESS[family]} named {group.name}")
    standing = observed.groups.get((group.family, group.name))
    if standing is not None and not standing.owned:
        yield clash(f"an {_GROUP[group.family]} named {group.name}")
    for members in (*group.mappings.values(), group.shared):
        for address in sorted(members.addresses) if members else ():
            name = naming.address_name(owner, address)
            there = observed.addresses.get((group.family, name))
            if there is not None and not there.owned:
                yield clash(f"an {_ADDRESS[group.family]} named {name}")


# --- groups -------------------------------------------------------------------------------------


def _retired(desired: DesiredAdom, observed: ObservedAdom) -> list[ObjectKey]:
    """Own groups no rule asks for any more (blocked rules still ask for theirs)."""
    asked = {(group.family, group.name) for group in desired.groups}
    return sorted(k for k, g in observed.groups.items() if g.owned and k not in asked)


def _members_after(
    wanted: Mapping[ObjectKey, GroupObject], observed: ObservedAdom, deleted: Iterable[ObjectKey]
) -> dict[ObjectKey, list[str]]:
    """Every address some own group will hold, with the groups that hold it."""
    gone = set(deleted)
    holders: defaultdict[ObjectKey, list[str]] = defaultdict(list)
    after: dict[ObjectKey, GroupObject | ObservedGroup] = dict(wanted)
    for key, standing in observed.groups.items():
        if standing.owned and key not in gone:
            after.setdefault(key, standing)
    for key, group in after.items():
        for names in (group.members, *group.mappings.values()):
            for name in names:
                holders[key[0], name].append(key[1])
    return holders


def _write_groups(
    wanted: Mapping[ObjectKey, GroupObject],
    observed: ObservedAdom,
    values: Mapping[ObjectKey, Address],
) -> Iterator[Change]:
    """Creates first, then own values and mappings, then mappings that go."""
    creates: list[Change] = []
    writes: list[Change] = []
    deletes: list[Change] = []
    for key, group in sorted(wanted.items()):
        before = observed.groups.get(key)
        if before is None:
            creates.append(_change(Action.CREATE, key, None, (), group.members, values, "new rule"))
        elif set(before.members) != set(group.members) or before.excludes:
            why = group.reasons.get(None, "the group's own value differs")
            writes.append(
                _change(Action.UPDATE, key, None, before.members, group.members, values, why)
            )
        writes.extend(_write_mappings(key, group, before, values))
        outside = (before.mappings if before else {}).items() - group.mappings.items()
        for place, held in sorted(outside):
            if place not in group.mappings:
                why = "no site of the rule names this device"
                deletes.append(_change(Action.DELETE, key, place, held, (), values, why))
    yield from creates
    yield from writes
    yield from deletes


def _write_mappings(
    key: ObjectKey,
    group: GroupObject,
    before: ObservedGroup | None,
    values: Mapping[ObjectKey, Address],
) -> Iterator[Change]:
    for place, members in sorted(group.mappings.items()):
        held = before.mappings.get(place) if before else None
        if held is not None and set(held) == set(members):
            continue
        action = Action.CREATE if held is None else Action.UPDATE
        why = group.reasons.get(place) or (
            "the device stands in front of the rule's clusters"
            if held is None
            else "what runs has changed"
        )
        yield _change(action, key, place, held or (), members, values, why)


def _delete_group(
    key: ObjectKey, observed: ObservedAdom, values: Mapping[ObjectKey, Address]
) -> Change:
    before = observed.groups[key]
    held = {name for names in (before.members, *before.mappings.values()) for name in names}
    return _change(
        Action.DELETE, key, None, tuple(held), (), values, "no rule of this name any more"
    )


def _change(
    action: Action,
    key: ObjectKey,
    place: DeviceVdom | None,
    before: Iterable[str],
    after: tuple[str, ...],
    values: Mapping[ObjectKey, Address],
    because: str,
) -> Change:
    family, name = key
    held, wanted = (
        {values[family, m] for m in names if (family, m) in values and not _is_none(m)}
        for names in (before, after)
    )
    strangers = sorted(m for m in before if (family, m) not in values and not _is_none(m))
    if strangers:
        because = f"{because}; foreign members go: {', '.join(strangers)}"
    return Change(
        action,
        (_GROUP if place is None else _MAPPING)[family],
        name,
        because,
        device=place,
        members=after,
        added=tuple(sorted(wanted - held, key=sort_key)),
        removed=tuple(sorted(held - wanted, key=sort_key)),
    )


def _is_none(name: str) -> bool:
    return name == naming.NONE or name.endswith(f"_{naming.NONE}")


# --- addresses ----------------------------------------------------------------------------------


def _observed_values(observed: ObservedAdom) -> dict[ObjectKey, Address]:
    return {k: a.value for k, a in observed.addresses.items() if a.value is not None}


def _write_addresses(
    rendering: Rendering, holders: Mapping[ObjectKey, list[str]], observed: ObservedAdom
) -> Iterator[Change]:
    """Create what is needed and missing; repair own addresses that were tampered with."""
    for key, value in sorted(rendering.values.items(), key=lambda item: sort_key(item[1])):
        if key not in holders:
            continue
        before = observed.addresses.get(key)
        needed = sorted(set(holders[key]))
        others = f" and {len(needed) - 1} more" if len(needed) > 1 else ""
        if before is None:
            because = f"needed by {needed[0]}{others}"
            yield Change(
                Action.CREATE, _ADDRESS[key[0]], key[1], because, value=value, added=(value,)
            )
        elif before.value != value or before.mapped:
            what = "has per-device mappings" if before.mapped else f"is {before.value}"
            because = f"tampered with: {what}, its name says {value}"
            yield Change(
                Action.UPDATE,
                _ADDRESS[key[0]],
                key[1],
                because,
                value=value,
                added=(value,),
                removed=(before.value,) if before.value and before.value != value else (),
            )


def _delete_addresses(
    holders: Mapping[ObjectKey, list[str]],
    observed: ObservedAdom,
    used: Collection[ObjectKey],
    owner: str,
    findings: list[Finding],
) -> Iterator[Change]:
    for key, before in sorted(observed.addresses.items()):
        if not before.owned or key in holders or key[1] == naming.none_name(owner):
            continue
        if key in used:
            message = "no own group holds it any more, but a policy or a foreign group does: kept"
            findings.append(Finding("kept-in-use", key[1], message))
            continue
        removed = (before.value,) if before.value is not None else ()
        because = "no own group holds it any more"
        yield Change(Action.DELETE, _ADDRESS[key[0]], key[1], because, removed=removed)
