"""Desired and observed state of one ADOM. `planning.diff` turns the difference into a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from fmgsync.model.address import Address, Family
from fmgsync.model.change import Finding
from fmgsync.model.rule import MappingMode
from fmgsync.model.target import DeviceVdom, TargetRef

ObjectKey = tuple[Family, str]
"""What names an object within an ADOM: its family and its name."""

Altered = tuple[tuple[str, str], ...]
"""Fields of an own object that we never set and somebody did, with what they say now."""


@dataclass(frozen=True, slots=True)
class DesiredMembers:
    """The addresses one group should have at one place.

    `retain` is set while a source behind this place is not synced: addresses may be added, none
    may be removed. `because` says why, for people.
    """

    addresses: frozenset[Address]
    retain: bool = False
    because: str = ""


@dataclass(frozen=True, slots=True)
class DesiredGroup:
    """One group of one family in one ADOM.

    Per-device: `mappings` holds the members per DeviceVdom and the group's own value is `none`.
    Shared: `mappings` is empty and `shared` holds the members, the same at all `places`. `keeps`:
    some of its places are not known, so what stands at others than these is left. `own` are members
    that the group has besides its mappings: it was taken over, and devices use it that no site of
    the rule names.
    """

    name: str
    family: Family
    mode: MappingMode
    mappings: Mapping[DeviceVdom, DesiredMembers] = field(default_factory=dict)
    shared: DesiredMembers | None = None
    places: frozenset[DeviceVdom] = frozenset()
    allow_empty: bool = False
    keeps: bool = False
    own: DesiredMembers | None = None

    def distinct(self) -> Iterator[DesiredMembers]:
        """The members of all places, each once where places share them."""
        every = (*self.mappings.values(), self.shared, self.own)
        yield from {id(members): members for members in every if members is not None}.values()

    def at(self, place: DeviceVdom) -> DesiredMembers | None:
        """The members at one place; None if the group is not meant for it."""
        return self.shared if place in self.places else self.mappings.get(place)


@dataclass(frozen=True, slots=True)
class DesiredAdom:
    """All groups one ADOM should have. `owner` is this installation's name.

    `findings`: addresses withheld and sources that are not synced, for people; `errors` are parts
    of the sites that are not there. `unread` is what
    `RuleSet` says of rules that were not read: while there are any, no group is retired.
    `aliases` are other names that groups may have already, `broad` the groups whose rule selects
    everything: their first members wait for a human. `behind` are the DeviceVdoms of the sites,
    whether or not a rule is meant for them.
    """

    ref: TargetRef
    owner: str
    groups: tuple[DesiredGroup, ...]
    findings: tuple[Finding, ...] = ()
    unread: str = ""
    errors: tuple[Finding, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    broad: frozenset[str] = frozenset()
    behind: frozenset[DeviceVdom] = frozenset()


@dataclass(frozen=True, slots=True)
class ObservedAddress:
    """An address object in the ADOM database.

    `value` is None when it is not a plain IPv4/IPv6 subnet (fqdn, range, ...). `owned` means that
    its comment starts with our owner mark and that it bears a name we give. `mapped` is true if it
    has per-device mappings (ours never have). `altered`, of own ones only: what else in it is not
    as we made it; `changed_by` says who changed it last and when, if that was not us.
    """

    name: str
    family: Family
    value: Address | None
    comment: str
    owned: bool
    mapped: bool = False
    altered: Altered = ()
    changed_by: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ObservedGroup:
    """A group in the ADOM database. Members are object names, default and per DeviceVdom.

    `owned` means that its comment starts with our owner mark, and the mark names this group.
    `changed_by` says who changed it last and when, if that was not us.

    `excluded` are the names that exclude-member takes away again, by where it does so (None: in the
    group's own value). `altered`, of own groups only: other fields by where they are not as we made
    them.
    """

    name: str
    family: Family
    members: tuple[str, ...]
    mappings: Mapping[DeviceVdom, tuple[str, ...]]
    comment: str
    owned: bool
    excluded: Mapping[DeviceVdom | None, tuple[str, ...]] = field(default_factory=dict)
    altered: Mapping[DeviceVdom | None, Altered] = field(default_factory=dict)
    changed_by: str = field(default="", compare=False)

    def named(self) -> set[str]:
        """Every name in it: members and excluded ones, own and on any device."""
        # Devices share their members more often than not.
        distinct = {self.members, *self.mappings.values(), *self.excluded.values()}
        return set(chain.from_iterable(distinct))

    def named_at(self, place: DeviceVdom | None) -> frozenset[str]:
        """Every name in what one device gets of it; None stands for those without a mapping."""
        if place is not None and place in self.mappings:
            return frozenset((*self.mappings[place], *self.excluded.get(place, ())))
        return frozenset((*self.members, *self.excluded.get(None, ())))


@dataclass(frozen=True, slots=True)
class ObservedAdom:
    """What one pass needs to know of an ADOM: our objects, and foreign ones in our way.

    Keyed by (family, name). `addresses` holds own addresses, those named like ours or like a
    rule's group, and `none`; `groups` own groups and foreign groups that bear a rule's name or
    reach one of our objects, directly or through other groups. `used` are own objects that
    FortiManager says are used by something that is not in `groups`: a policy, a foreign mapping.
    `strange` is what foreign members of own groups let through, where what was looked at is live.

    Of a part of an ADOM, `addresses` lacks those that stay in its groups and are as they should be,
    and `elsewhere` names for each address an own group beyond that part which holds it as well.
    `stamp` stands for what the whole ADOM was (None: not known).
    """

    ref: TargetRef
    addresses: Mapping[ObjectKey, ObservedAddress]
    groups: Mapping[ObjectKey, ObservedGroup]
    used: frozenset[ObjectKey] = frozenset()
    elsewhere: Mapping[ObjectKey, str] = field(default_factory=dict)
    stamp: str | None = None
    strange: Mapping[ObjectKey, frozenset[Address]] = field(default_factory=dict)
