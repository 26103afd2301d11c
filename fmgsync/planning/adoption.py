"""Taking groups over from somebody else, and giving them back: changes of ownership, and no member
of any group on any device.

A group is taken over together with those of its addresses that the same hand made. Everything else
about it is left to the next plan, which compares it as it compares any other.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from fmgsync.model import naming
from fmgsync.model.address import Address
from fmgsync.model.change import Action, AdomPlan, Change, Finding, ObjectKind
from fmgsync.model.state import (
    DesiredAdom,
    ObjectKey,
    ObservedAddress,
    ObservedAdom,
    ObservedGroup,
)
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import aliases, groups
from fmgsync.planning.name_conflicts import ADDRESS, GROUP
from fmgsync.planning.usage import Usage

CALICO = "Managed by Tigera"
"""How the comment begins on everything that the Calico controller made (Calico Enterprise
documentation, "Extend Kubernetes to Fortinet firewall devices")."""
REFUSED = "not-taken-over"
_MAPPING = {"addrgrp": ObjectKind.MAPPING, "addrgrp6": ObjectKind.MAPPING6}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which groups are meant. `calico` and `from_owner` say whose they must be, by their comment;
    `names` and `pattern` what they are called."""

    calico: bool = False
    from_owner: str = ""
    names: frozenset[str] = frozenset()
    pattern: str = ""

    def made_by(self, comment: str) -> bool:
        """Whether an object with this comment is of the hand that is meant."""
        if self.calico and comment.startswith(CALICO):
            return True
        return bool(self.from_owner) and naming.owner_of(comment) == self.from_owner

    def means(self, name: str, comment: str) -> bool:
        """Whether a group of this name, with the comment that who made it gave it, is meant."""
        named = name in self.names
        if self.pattern:
            named |= fnmatch.fnmatchcase(name, self.pattern)
        if not self.calico and not self.from_owner:
            return named
        return self.made_by(comment) and (named or not (self.names or self.pattern))


@dataclass(frozen=True, slots=True)
class Taking:
    """One group that changes hands: its members by value, what the next plan would change of them,
    and the devices that get it."""

    key: ObjectKey
    comment: str
    members: frozenset[Address]
    addresses: tuple[str, ...]
    coming: frozenset[Address] = frozenset()
    going: frozenset[Address] = frozenset()
    devices: tuple[DeviceVdom, ...] = ()


@dataclass(frozen=True, slots=True)
class Adoption:
    """What changes hands in one ADOM, and what does not, with why. `leftovers` bear the comment of
    the same hand and are in nobody's way."""

    plan: AdomPlan
    takings: tuple[Taking, ...] = ()
    refused: tuple[Finding, ...] = ()
    leftovers: tuple[tuple[ObjectKind, str], ...] = ()


def left_over(
    made: Adoption,
    remarked: Iterable[tuple[ObjectKind, str]],
    members: Collection[ObjectKey],
) -> tuple[tuple[ObjectKind, str], ...]:
    """Of what bears the old comment, what does not change hands: addresses of nodes that are gone,
    groups of policies that are. It is nobody's by now, and left alone. `members` are in groups that
    were meant, so somebody has them."""
    refused = {finding.name for finding in made.refused}
    taken = {(change.kind, change.name) for change in made.plan.changes}
    taken |= {(ADDRESS[family], name) for family, name in members}
    return tuple(each for each in remarked if each not in taken and each[1] not in refused)


def settled(choice: Choice, observed: ObservedAdom, desired: DesiredAdom) -> DesiredAdom:
    """What is wanted, by the names that the groups which are meant have already: a policy's name
    may have gained or lost its tier since."""
    meant = {
        group.name
        for group in observed.groups.values()
        if not group.owned and choice.means(group.name, group.comment)
    }
    return aliases.settle(desired, observed, meant)


def members_of(choice: Choice, observed: ObservedAdom, desired: DesiredAdom) -> set[ObjectKey]:
    """The members, by name, of the groups that are meant."""
    meant = _meant(choice, observed, desired)
    return {(group.family, name) for group in meant for name in group.named()}


def take_over(
    choice: Choice,
    desired: DesiredAdom,
    observed: ObservedAdom,
    addresses: Mapping[ObjectKey, ObservedAddress],
    users: Mapping[ObjectKey, Collection[DeviceVdom]],
    ambiguous: Collection[str],
) -> Adoption:
    """Groups whose name a rule has. `addresses` are their members; `ambiguous` are names that more
    than one cluster asks for, so that they have to be named."""
    takings: list[Taking] = []
    refused: list[Finding] = []
    changes: dict[ObjectKey, Change] = {}
    for group in sorted(_meant(choice, observed, desired), key=lambda g: (g.name, g.family)):
        key = (group.family, group.name)
        why = _why_not(choice, group, observed, addresses, ambiguous)
        if why:
            refused.append(Finding(REFUSED, group.name, why, is_error=True))
            continue
        made = _with_group(choice, group, addresses)
        takings.append(_taking(group, made, desired, addresses, users.get(key, ())))
        changes |= {
            each: _change(ADDRESS[each[0]], each[1], desired.owner, addresses[each].comment)
            for each in made
        }
        changes[key] = _change(GROUP[group.family], group.name, desired.owner, group.comment)
    known = {key[1] for key in changes} | {finding.name for finding in refused}
    known |= {group.name for group in observed.groups.values() if group.owned}
    for name in sorted(choice.names - known):
        told = "no rule has it (give it a rule), or no such group has the comment asked for"
        refused.append(Finding(REFUSED, name, told, is_error=True))
    plan = AdomPlan(desired.ref, tuple(changes.values()))
    return Adoption(plan, tuple(takings), tuple(refused))


def _meant(choice: Choice, observed: ObservedAdom, desired: DesiredAdom) -> list[ObservedGroup]:
    wanted = {(group.family, group.name) for group in desired.groups}
    return [
        group
        for key, group in observed.groups.items()
        if key in wanted and not group.owned and choice.means(group.name, group.comment)
    ]


def _why_not(
    choice: Choice,
    group: ObservedGroup,
    observed: ObservedAdom,
    addresses: Mapping[ObjectKey, ObservedAddress],
    ambiguous: Collection[str],
) -> str:
    """Why a group cannot be taken over without changing it; empty if it can."""
    other = naming.owner_of(group.comment)
    if other is not None and other != choice.from_owner:
        return f"it is of fmgsync installation {other!r}: take it over with --from-owner {other}"
    if choice.calico and group.name in ambiguous and group.name not in choice.names:
        return (
            "more than one cluster asks for it, and its comment does not tell whose it is: name it"
        )
    if not naming.can_be_marked(group.name):
        return "its name has characters that a mark cannot name"
    if group.excluded:
        return "it excludes members: what it holds cannot be told from its members"
    nested = sorted(n for n in group.named() if (group.family, n) in observed.groups)
    if nested:
        return f"it holds groups ({', '.join(nested[:3])}): a rule's group holds addresses only"
    odd = sorted(
        name
        for name in group.named() - naming.nothing(group.comment)
        if not _is_plain(addresses.get((group.family, name)))
    )
    if odd:
        return (
            "it holds what is no plain address or prefix (a group, a range, a name, values by"
            f" device): {', '.join(odd[:3])}"
        )
    return ""


def _is_plain(address: ObservedAddress | None) -> bool:
    return address is not None and address.value is not None and not address.mapped


def _with_group(
    choice: Choice, group: ObservedGroup, addresses: Mapping[ObjectKey, ObservedAddress]
) -> list[ObjectKey]:
    """The addresses that change hands with a group: those of the same hand."""
    granted = group.named() - naming.nothing(group.comment)
    keys = sorted((group.family, name) for name in granted)
    return [
        key
        for key in keys
        if choice.made_by(addresses[key].comment) and naming.can_be_marked(key[1])
    ]


def _taking(
    group: ObservedGroup,
    made: Iterable[ObjectKey],
    desired: DesiredAdom,
    addresses: Mapping[ObjectKey, ObservedAddress],
    users: Collection[DeviceVdom],
) -> Taking:
    def values(names: Iterable[str]) -> frozenset[Address]:
        found = (addresses.get((group.family, name)) for name in names)
        return frozenset(one.value for one in found if one is not None and one.value is not None)

    (wanted,) = (g for g in desired.groups if (g.family, g.name) == (group.family, group.name))
    coming: set[Address] = set()
    going: set[Address] = set()
    for place in {*wanted.mappings, *wanted.places}:
        asked, has = wanted.at(place), values(groups.names_at(group, place))
        if asked is not None:
            coming |= asked.addresses - has
            going |= has - asked.addresses if not asked.retain else frozenset()
    return Taking(
        (group.family, group.name),
        group.comment,
        values(chain(group.members, *group.mappings.values())),
        tuple(name for _, name in made),
        frozenset(coming),
        frozenset(going),
        tuple(sorted(users)),
    )


def _change(kind: ObjectKind, name: str, owner: str, comment: str) -> Change:
    return Change(
        Action.UPDATE,
        kind,
        name,
        "taken over: its comment alone changes",
        comment=naming.taking_over(owner, name, comment),
        instead_of=comment,
    )


# --- giving back ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Release:
    observed: ObservedAdom
    usage: Usage
    changes: list[Change] = field(default_factory=list)
    refused: list[Finding] = field(default_factory=list)
    takings: list[Taking] = field(default_factory=list)


def release(choice: Choice, observed: ObservedAdom, usage: Usage) -> Adoption:
    """Groups that were taken over, with the comments they had; `choice` without any word: all.

    Where every device that gets it has the same members, the group gets them as its own again, and
    its mappings go: whoever has it back may know no mappings. What else it holds of ours goes along
    with it.
    """
    draft = _Release(observed, usage)
    given = {
        key: group
        for key, group in observed.groups.items()
        if group.owned
        and (before := naming.taken_over(group.comment)) is not None
        and (choice == Choice() or choice.means(group.name, before))
    }
    kept = {
        (key[0], name)
        for key, group in observed.groups.items()
        if group.owned and key not in given
        for name in group.named()
    }
    for key, group in sorted(given.items()):
        _give_back(draft, key, group, kept)
    plan = AdomPlan(observed.ref, tuple(draft.changes))
    return Adoption(plan, tuple(draft.takings), tuple(draft.refused))


def _give_back(
    draft: _Release, key: ObjectKey, group: ObservedGroup, kept: Collection[ObjectKey]
) -> None:
    before = naming.taken_over(group.comment) or ""
    kind, alike = GROUP[key[0]], {frozenset(members) for members in group.mappings.values()}
    nothing = naming.nothing(group.comment)
    users = {*draft.usage.devices.get(key, ()), *draft.usage.disputed.get(key, ())}
    if alike and users - group.mappings.keys():
        alike.add(frozenset(group.members))
    if len(alike) > 1 or (alike and not nothing.issuperset(group.members)):
        told = "its devices have different members, so its mappings stay: whoever has it back must"
        told += " know of them"
        draft.refused.append(Finding("keeps-mappings", group.name, told))
    elif alike:
        members = tuple(sorted(next(iter(alike))))
        why = "given back: the members that every device has become its own"
        draft.changes.append(Change(Action.UPDATE, kind, group.name, why, members=members))
        draft.changes += (
            Change(Action.DELETE, _MAPPING[kind.value], group.name, why, device=place)
            for place in sorted(group.mappings)
        )
    mine = [
        (member, one)
        for name in sorted(group.named() - nothing)
        if (member := (key[0], name)) not in kept
        and (one := draft.observed.addresses.get(member)) is not None
        and one.owned
    ]
    for member, one in mine:
        old = naming.taken_over(one.comment)
        comment = before if old is None else old
        if any(c.name == one.name and c.kind is ADDRESS[member[0]] for c in draft.changes):
            continue
        draft.changes.append(
            Change(
                Action.UPDATE,
                ADDRESS[member[0]],
                one.name,
                "given back with its group",
                value=one.value,
                comment=comment,
                instead_of=one.comment,
            )
        )
    # Last: by the group whoever goes on after an interruption finds what is still to be given back.
    told = "given back: its comment is what it was"
    draft.changes.append(
        Change(Action.UPDATE, kind, group.name, told, comment=before, instead_of=group.comment)
    )
    draft.takings.append(
        Taking(
            key,
            before,
            frozenset(one.value for _, one in mine if one.value is not None),
            tuple(one.name for _, one in mine),
        )
    )
