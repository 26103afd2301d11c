"""What an ADOM holds once a plan is carried out: what a run vouches for when it pushes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fmgsync.model.change import Action, Change, ObjectKind
from fmgsync.model.state import (
    Altered,
    ObjectKey,
    ObservedAddress,
    ObservedAdom,
    ObservedGroup,
)
from fmgsync.model.target import DeviceVdom

_ADDRESSES = (ObjectKind.ADDRESS, ObjectKind.ADDRESS6)


def after(observed: ObservedAdom, changes: Iterable[Change]) -> ObservedAdom:
    """The ADOM with these changes made, in their order."""
    addresses, groups = dict(observed.addresses), dict(observed.groups)
    drafts: dict[ObjectKey, _Draft] = {}
    for change in changes:
        key = change.kind.family, change.name
        if change.kind in _ADDRESSES:
            _change_address(addresses, key, change)
        elif change.action is Action.DELETE and change.device is None:
            drafts.pop(key, None)
            groups.pop(key, None)
        else:
            if key not in drafts:
                drafts[key] = _Draft.of(groups.get(key), change)
            drafts[key].take(change)
    groups |= {key: draft.group() for key, draft in drafts.items()}
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


@dataclass(slots=True)
class _Draft:
    """A group that is being changed, on a thousand devices perhaps."""

    standing: ObservedGroup
    members: tuple[str, ...]
    mappings: dict[DeviceVdom, tuple[str, ...]]
    excluded: dict[DeviceVdom | None, tuple[str, ...]]
    altered: dict[DeviceVdom | None, Altered]

    @classmethod
    def of(cls, standing: ObservedGroup | None, change: Change) -> _Draft:
        """The group as it is, or a new one."""
        family = change.kind.family
        group = standing or ObservedGroup(change.name, family, (), {}, "", owned=True)
        mappings, excluded = dict(group.mappings), dict(group.excluded)
        return cls(group, group.members, mappings, excluded, dict(group.altered))

    def take(self, change: Change) -> None:
        """One more change."""
        goes = change.action is Action.DELETE
        if change.resets or goes:
            self.altered.pop(change.device, None)
        if change.resets:
            return
        if change.clears_exclusion or goes:
            self.excluded.pop(change.device, None)
        if change.device is None:
            self.members = change.members
        elif goes:
            self.mappings.pop(change.device, None)
        else:
            self.mappings[change.device] = change.members

    def group(self) -> ObservedGroup:
        """What has become of it."""
        return replace(
            self.standing,
            members=self.members,
            mappings=self.mappings,
            excluded=self.excluded,
            altered=self.altered,
        )
