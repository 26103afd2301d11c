"""What an ADOM holds once a plan is carried out: what a run vouches for when it pushes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fmgsync.model.change import Action, Change, ObjectKind
from fmgsync.model.state import ObjectKey, ObservedAddress, ObservedAdom, ObservedGroup

_ADDRESSES = (ObjectKind.ADDRESS, ObjectKind.ADDRESS6)


def after(observed: ObservedAdom, changes: Iterable[Change]) -> ObservedAdom:
    """The ADOM with these changes made, in their order."""
    addresses, groups = dict(observed.addresses), dict(observed.groups)
    for change in changes:
        key = change.kind.family, change.name
        if change.kind in _ADDRESSES:
            _change_address(addresses, key, change)
        elif change.action is Action.DELETE and change.device is None:
            groups.pop(key, None)
        else:
            standing = groups.get(key) or ObservedGroup(change.name, key[0], (), {}, "", owned=True)
            groups[key] = _changed(standing, change)
    return replace(observed, addresses=addresses, groups=groups, stamp=None)


def _change_address(
    addresses: dict[ObjectKey, ObservedAddress], key: ObjectKey, change: Change
) -> None:
    if change.action is Action.DELETE:
        addresses.pop(key, None)
        return
    standing = addresses.get(key)
    was = standing.altered if standing is not None else ()
    left = tuple(one for one in was if one[0] not in (change.resets or ("type",)))
    if not change.resets or standing is None:
        standing = ObservedAddress(key[1], key[0], change.value, "", owned=True)
    addresses[key] = replace(standing, altered=left)


def _changed(group: ObservedGroup, change: Change) -> ObservedGroup:
    gone = change.resets or change.action is Action.DELETE
    altered = {p: what for p, what in group.altered.items() if not (gone and p == change.device)}
    group = replace(group, altered=altered)
    if change.resets:
        return group
    gone = change.clears_exclusion or change.action is Action.DELETE
    excluded = {
        place: names
        for place, names in group.excluded.items()
        if not (gone and place == change.device)
    }
    if change.device is None:
        return replace(group, members=change.members, excluded=excluded)
    mappings = {place: m for place, m in group.mappings.items() if place != change.device}
    if change.action is not Action.DELETE:
        mappings[change.device] = change.members
    return replace(group, mappings=mappings, excluded=excluded)
