"""The address objects a plan needs: create what is missing, repair what was altered, delete what
no own group holds any more."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from fmgsync.model import naming
from fmgsync.model.address import Address, sort_key
from fmgsync.model.change import Action, Change, Finding
from fmgsync.model.state import ObservedAddress, ObservedAdom
from fmgsync.planning.clashes import ADDRESS
from fmgsync.planning.render import ObjectKey

Holders = Mapping[ObjectKey, list[str]]
"""Every address some own group will hold, with the groups that hold it."""


def write_addresses(
    wanted: Mapping[ObjectKey, Address], holders: Holders, observed: ObservedAdom, owner: str
) -> Iterator[Change]:
    """Create what is wanted and missing; repair own addresses that were tampered with.

    Repaired is also what groups hold without wanting it: a member kept for an unreadable cluster,
    or while its removal waits.
    """
    values = dict(wanted)
    for key, held in observed.addresses.items():
        value = naming.address_of(owner, key[1])
        if held.owned and value is not None:
            values.setdefault(key, value)
    for key, value in sorted(values.items(), key=lambda item: sort_key(item[1])):
        if key not in holders:
            continue
        before = observed.addresses.get(key)
        if before is None:
            yield _create(key, value, holders[key])
        elif before.value != value or before.mapped:
            yield _repair(key, value, before)


def _create(key: ObjectKey, value: Address, holders: list[str]) -> Change:
    names = sorted({naming.group_of(name) for name in holders})
    others = f" and {len(names) - 1} more" if len(names) > 1 else ""
    because = f"needed by {names[0]}{others}"
    return Change(Action.CREATE, ADDRESS[key[0]], key[1], because, value=value, added=(value,))


def _repair(key: ObjectKey, value: Address, before: ObservedAddress) -> Change:
    what = "has per-device mappings" if before.mapped else f"is {before.value}"
    return Change(
        Action.UPDATE,
        ADDRESS[key[0]],
        key[1],
        f"tampered with: {what}, its name says {value}",
        value=value,
        added=(value,),
        removed=(before.value,) if before.value and before.value != value else (),
    )


def delete_addresses(
    holders: Holders,
    observed: ObservedAdom,
    used: Collection[ObjectKey],
    findings: list[Finding],
) -> Iterator[Change]:
    """Own addresses that no own group holds; one that somebody else uses stays and is reported."""
    for key, before in sorted(observed.addresses.items()):
        if not before.owned or key in holders:
            continue
        if key in used:
            message = "no own group holds it any more, but a policy or a foreign group does: kept"
            findings.append(Finding("kept-in-use", key[1], message))
            continue
        removed = (before.value,) if before.value is not None else ()
        because = "no own group holds it any more"
        yield Change(Action.DELETE, ADDRESS[key[0]], key[1], because, removed=removed)
