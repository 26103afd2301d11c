"""Rules that cannot be carried out: a name they need is taken, or longer than the ADOM accepts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from fmgsync.model import naming
from fmgsync.model.address import Address, Family
from fmgsync.model.address import family as family_of
from fmgsync.model.change import Finding, ObjectKind
from fmgsync.model.state import (
    DesiredAdom,
    DesiredGroup,
    ObservedAddress,
    ObservedAdom,
    ObservedGroup,
)
from fmgsync.planning.render import none_member

ADDRESS = {Family.IPV4: ObjectKind.ADDRESS, Family.IPV6: ObjectKind.ADDRESS6}
GROUP = {Family.IPV4: ObjectKind.GROUP, Family.IPV6: ObjectKind.GROUP6}


def find_clashes(
    desired: DesiredAdom, observed: ObservedAdom, *, longest: int
) -> tuple[Finding, ...]:
    """Every rule that cannot be carried out, with the reason. `longest` is in characters.

    Addresses and groups of one family share a name space on FortiOS (FortiOS CLI reference,
    firewall addrgrp), so a foreign address in the group's name is a clash as well.
    """
    found: dict[Finding, None] = {}
    named = strangers(observed, desired.owner)
    open_to_all = without_nothing(observed, desired.owner)
    for group in desired.groups:
        if len(group.name) > longest:
            found[too_long(group.name, group.name, longest)] = None
        if group.family in open_to_all:
            found[no_nothing(group.family, group.name, desired.owner)] = None
        for finding in _clashes_of(group, desired.owner, observed):
            found[finding] = None
        for members in group.distinct():
            for address in sorted(named.keys() & members.addresses):
                taken = _taken(group.name, ADDRESS[group.family], named[address], desired.owner)
                message = f"{taken.message}; {address} is not added, all else goes on"
                found[replace(taken, message=message, newcomers_only=True)] = None
    return tuple(found)


def strangers(observed: ObservedAdom, owner: str) -> dict[Address, str]:
    """Foreign addresses that bear a name of ours, by the value the name stands for."""
    return {
        value: name
        for (table, name), there in observed.addresses.items()
        if not there.owned
        and (value := naming.address_of(owner, name)) is not None
        and family_of(value) is table
    }


def copied_marks(observed: ObservedAdom, owner: str) -> Iterator[Finding]:
    """What bears our mark and is not ours: a clone, or something of ours that was renamed."""
    everything: tuple[tuple[ObjectKind, ObservedAddress | ObservedGroup], ...] = (
        *((ADDRESS[family], there) for (family, _), there in observed.addresses.items()),
        *((GROUP[family], there) for (family, _), there in observed.groups.items()),
    )
    copies = (
        (there.name, kind)
        for kind, there in everything
        if not there.owned and naming.owner_of(there.comment) == owner
    )
    for name, kind in sorted(copies):
        message = (
            f"this {kind} bears our mark, but the mark does not name it: it was cloned, renamed"
            " or written by an older release; it is left as it is. If it is yours, change its"
            " comment"
        )
        yield Finding("copied-mark", name, message)


def without_nothing(observed: ObservedAdom, owner: str) -> frozenset[Family]:
    """The families in which no group can be closed: `none` is altered and our own is not ours."""
    return frozenset(
        family
        for family in Family
        if (there := observed.addresses.get((family, none_member(observed, family, owner))))
        and there.name != naming.NONE
        and not there.owned
    )


def no_nothing(family: Family, rule: str, owner: str) -> Finding:
    """A group that would have to hold such an address."""
    return _taken(rule, ADDRESS[family], naming.none_name(owner), owner)


def shard_clashes(
    rule: str,
    family: Family,
    names: Iterable[str],
    observed: ObservedAdom,
    owner: str,
    longest: int,
) -> Iterator[Finding]:
    """The same for the shards that one rule needs."""
    for name in names:
        if len(name) > longest:
            yield too_long(rule, name, longest)
        if (family, name) in observed.addresses:
            yield _taken(rule, ADDRESS[family], name, owner)
        standing = observed.groups.get((family, name))
        if standing is not None and not standing.owned:
            yield _taken(rule, GROUP[family], name, owner)


def no_room(finding: Finding) -> Finding:
    """The same for a group whose removals go on."""
    message = f"{finding.message}; what is new waits, removals go on"
    return replace(finding, message=message, newcomers_only=True)


def too_long(rule: str, name: str, longest: int) -> Finding:
    """A name that this ADOM's release does not accept."""
    message = f"the name {name} has {len(name)} characters; this ADOM's release accepts {longest}"
    return Finding("name-too-long", rule, message, is_error=True)


def _taken(rule: str, kind: ObjectKind, name: str, owner: str) -> Finding:
    message = (
        f"an {kind} named {name} exists and does not carry the mark {naming.mark(owner, name)!r}"
    )
    return Finding("foreign-name", rule, message, is_error=True)


def _clashes_of(group: DesiredGroup, owner: str, observed: ObservedAdom) -> Iterator[Finding]:
    if (group.family, group.name) in observed.addresses:
        yield _taken(group.name, ADDRESS[group.family], group.name, owner)
    standing = observed.groups.get((group.family, group.name))
    if standing is not None and not standing.owned:
        yield _taken(group.name, GROUP[group.family], group.name, owner)
