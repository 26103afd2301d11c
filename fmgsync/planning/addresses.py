"""The address objects a plan needs: create what is missing, repair what was altered, delete what
no own group holds any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain

from fmgsync.model import naming
from fmgsync.model.address import Address, Family, sort_key
from fmgsync.model.change import Action, Change, Finding
from fmgsync.model.state import ObjectKey, ObservedAddress, ObservedAdom, ObservedGroup
from fmgsync.planning.name_conflicts import ADDRESS
from fmgsync.planning.render import GroupObject


class Holders:
    """Which addresses own groups will hold, and which groups these are.

    `elsewhere` names a further group for some addresses.
    """

    def __init__(
        self,
        groups: Mapping[ObjectKey, GroupObject | ObservedGroup],
        elsewhere: Mapping[ObjectKey, str],
    ) -> None:
        self._groups = groups
        self._elsewhere = elsewhere
        self._names: dict[Family, set[str]] = {family: set() for family in Family}
        for (family, _), group in groups.items():
            self._names[family].update(*_distinct(group))

    def without(self, keys: Iterable[ObjectKey]) -> list[ObjectKey]:
        """The addresses that no own group will hold."""
        names, elsewhere = self._names, self._elsewhere
        return [key for key in keys if key[1] not in names[key[0]] and key not in elsewhere]

    def of(self, keys: Collection[ObjectKey]) -> Mapping[ObjectKey, list[str]]:
        """The names of the groups that hold these addresses, as far as there are any."""
        found: defaultdict[ObjectKey, list[str]] = defaultdict(list)
        wanted = {name for _, name in keys}
        for (family, holder), group in self._groups.items():
            for name in wanted.intersection(chain.from_iterable(_distinct(group))):
                found[family, name].append(holder)
        for key in self._elsewhere.keys() & keys:
            found[key].append(self._elsewhere[key])
        return found


def _distinct(group: GroupObject | ObservedGroup) -> set[tuple[str, ...]]:
    """Its lists of members, each once: devices share theirs more often than not."""
    return {group.members, *group.mappings.values()}


def write_addresses(
    wanted: Mapping[ObjectKey, Address], holders: Holders, observed: ObservedAdom, owner: str
) -> Iterator[Change]:
    """Create what is wanted and missing; repair own addresses that were tampered with.

    Missing is only what no group holds yet: FortiManager lets nobody delete what is used. Repaired
    is also what groups hold without wanting it: a member kept for an unreadable cluster, or while
    its removal waits.
    """
    standing = observed.addresses
    found = {
        key: value
        for key, there in standing.items()
        if (value := wanted.get(key) or _own_value(there, owner)) is not None
        and not (_is_as_made(there, value, owner) and not there.altered)
    }
    coming = Holders(observed.groups, observed.elsewhere).without(wanted)
    found.update((key, wanted[key]) for key in coming)
    groups = holders.of(found.keys())
    for key, value in sorted(found.items(), key=lambda item: sort_key(item[1])):
        before = standing.get(key)
        if key not in groups:
            continue
        if before is None:
            yield _create(key, value, groups[key])
            continue
        if resets := _resets(before):
            yield Change(
                Action.UPDATE, ADDRESS[key[0]], key[1], _by_hand(before), value=value, resets=resets
            )
        if not _is_as_made(before, value, owner):
            yield _repair(key, value, before, owner)


def _own_value(there: ObservedAddress, owner: str) -> Address | None:
    return naming.address_of(owner, there.name) if there.owned else None


def is_sound(there: ObservedAddress, owner: str) -> bool:
    """Whether it is one of ours and as its name says."""
    value = _own_value(there, owner)
    return value is not None and not there.altered and _is_as_made(there, value, owner)


def _is_as_made(there: ObservedAddress, value: Address, owner: str) -> bool:
    """Whether value, mappings and mark are what we write."""
    marked = not naming.has_older_mark(there.comment, owner)
    return marked and there.value == value and not there.mapped


def _resets(there: ObservedAddress) -> tuple[str, ...]:
    """What has to be set back; the type is written together with the value."""
    return tuple(name for name, _ in there.altered if name != "type")


def _by_hand(there: ObservedAddress) -> str:
    by = f" {there.changed_by}" if there.changed_by else ""
    told = ", ".join(f"{name} is {now}" for name, now in there.altered)
    return f"changed by hand{by}: {told}"


def _create(key: ObjectKey, value: Address, holders: list[str]) -> Change:
    names = sorted({naming.group_of(name) for name in holders})
    others = f" and {len(names) - 1} more" if len(names) > 1 else ""
    because = f"needed by {names[0]}{others}"
    return Change(Action.CREATE, ADDRESS[key[0]], key[1], because, value=value, added=(value,))


def _repair(key: ObjectKey, value: Address, before: ObservedAddress, owner: str) -> Change:
    kind = dict(before.altered).get("type")
    what = f"is of type {kind}" if kind else f"is {before.value}"
    what = "has per-device mappings" if before.mapped else what
    altered = before.mapped or before.value != value
    older = naming.has_older_mark(before.comment, owner)
    by = f"; changed by hand {before.changed_by}" if before.changed_by else ""
    return Change(
        Action.UPDATE,
        ADDRESS[key[0]],
        key[1],
        f"tampered with: {what}, its name says {value}{by}" if altered else naming.MARK_NAMES_IT,
        value=value,
        added=(value,) if altered else (),
        removed=(before.value,) if before.value and before.value != value else (),
        comment=naming.with_mark(before.comment, owner, key[1]) if older else "",
    )


def delete_addresses(
    holders: Holders,
    observed: ObservedAdom,
    used: Collection[ObjectKey],
    findings: list[Finding],
) -> Iterator[Change]:
    """Own addresses that no own group holds; one that somebody else uses stays and is reported."""
    unheld = holders.without(observed.addresses)
    for key in sorted(key for key in unheld if observed.addresses[key].owned):
        before = observed.addresses[key]
        if key in used:
            message = "no own group holds it any more, but a policy or a foreign group does: kept"
            findings.append(Finding("kept-in-use", key[1], message))
            continue
        removed = (before.value,) if before.value is not None else ()
        because = "no own group holds it any more"
        yield Change(Action.DELETE, ADDRESS[key[0]], key[1], because, removed=removed)
