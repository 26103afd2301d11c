"""Groups over the member limit become nested groups: `web` holds `web.1`, `web.2`, ...

Which address lies in which shard is remembered nowhere but in the ADOM: the shards found there
are the memory. An address stays in its shard while others come and go; a newcomer takes the first
shard with room. A place goes back to a plain group once half a group's limit suffices, so that a
group around the limit does not change its shape with every pod.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from fmgsync.model import naming
from fmgsync.model.state import DesiredGroup, ObjectKey, ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom
from fmgsync.planning.groups import names_at
from fmgsync.planning.render import GroupObject

Place = DeviceVdom | None
"""A DeviceVdom, or None for a group's own value."""

Shards = Mapping[int, ObservedGroup]


DEFAULT_MEMBERS = 600
"""Members of one group where neither the unit nor the configuration says a limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an ADOM accepts: members of one group, characters of one name."""

    members: int = DEFAULT_MEMBERS
    name: int = 79


DEFAULT = Limits()


class TooLarge(Exception):
    """A group has more members than shards can hold; caught in this package, never seen outside."""


@dataclass(frozen=True, slots=True)
class Split:
    """A group as objects: the parent under the rule's name, and its shards by number."""

    parent: GroupObject
    shards: Mapping[int, GroupObject] = field(default_factory=dict)


def possible_names(group: DesiredGroup, limit: int) -> Iterator[str]:
    """The shards a group may need, so that a foreign object in one of their names is noticed."""
    places = (*group.mappings.values(), group.shared)
    most = max((len(members.addresses) for members in places if members), default=0)
    if most > limit:
        for number in range(1, min(2 * -(-most // limit), naming.MAX_SHARDS) + 1):
            yield naming.shard_name(group.name, number)


def own_shards(
    observed: ObservedAdom, parents: Iterable[ObjectKey]
) -> Mapping[ObjectKey, dict[int, ObservedGroup]]:
    """The shards of each of these groups that stand in the ADOM and are ours."""
    found: dict[ObjectKey, dict[int, ObservedGroup]] = {}
    known = {key for key in parents if naming.shard_of(key[1]) is None}
    for (family, name), group in observed.groups.items():
        named = naming.shard_of(name)
        if named and group.owned and (family, named[0]) in known:
            found.setdefault((family, named[0]), {})[named[1]] = group
    return found


def joined(
    observed: ObservedAdom, shards: Mapping[ObjectKey, Mapping[int, ObservedGroup]]
) -> ObservedAdom:
    """The ADOM as if there were no shards: each parent holds its shards' members itself."""
    groups = dict(observed.groups)
    for (family, parent), parts in shards.items():
        by_name = {part.name: part for part in parts.values()}
        for name in by_name:
            del groups[family, name]
        standing = groups.get((family, parent))
        if standing is not None:
            groups[family, parent] = replace(
                standing,
                members=_joined(standing.members, None, by_name),
                mappings={
                    place: _joined(names, place, by_name)
                    for place, names in standing.mappings.items()
                },
            )
    return replace(observed, groups=groups)


def _joined(
    names: Iterable[str], place: Place, shards: Mapping[str, ObservedGroup]
) -> tuple[str, ...]:
    held: dict[str, None] = {}
    for name in names:
        part = shards.get(name)
        held.update(dict.fromkeys((name,) if part is None else names_at(part, place)))
    return tuple(held)


def split(name: str, wanted: GroupObject, standing: Shards, *, nothing: str, limit: int) -> Split:
    """Cut a group into a parent and shards wherever it is over `limit`.

    `standing` are the shards in the ADOM, `nothing` the name of the address that matches nothing.
    Raises TooLarge if not even the most shards hold it.
    """
    if not standing and all(len(names) <= limit for names in _everywhere(wanted)):
        return Split(wanted)
    shares = {
        place: _cut(names, _whereabouts(standing, place, nothing), limit)
        for place, names in ((None, wanted.members), *wanted.mappings.items())
    }
    numbers = sorted({number for share in shares.values() for number in share})

    def listed(place: Place, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(naming.shard_name(name, number) for number in shares[place]) or names

    parent = replace(
        wanted,
        members=listed(None, wanted.members),
        mappings={place: listed(place, names) for place, names in wanted.mappings.items()},
    )
    shards = {
        number: GroupObject(
            shares[None].get(number, (nothing,)),
            {
                place: share[number]
                for place, share in shares.items()
                if place is not None and number in share
            },
            wanted.reasons,
            f"{name} has more than {limit} members",
        )
        for number in numbers
    }
    return Split(parent, shards)


def without_newcomers(
    wanted: GroupObject,
    before: ObservedGroup | None,
    nothing: str,
    barred: Collection[str] | None = None,
) -> GroupObject:
    """The group with those members only that each place has already, or that are not `barred`."""

    def staying(place: Place, names: tuple[str, ...]) -> tuple[str, ...]:
        held = set(names_at(before, place))
        kept = (n for n in names if n in held or (barred is not None and n not in barred))
        return tuple(kept) or (nothing,)

    mappings = {place: staying(place, names) for place, names in wanted.mappings.items()}
    return replace(wanted, members=staying(None, wanted.members), mappings=mappings)


def _everywhere(group: GroupObject) -> Iterator[tuple[str, ...]]:
    yield group.members
    yield from group.mappings.values()


def _whereabouts(standing: Shards, place: Place, nothing: str) -> dict[str, int]:
    """In which shard each name lies at a place; the first one counts."""
    found: dict[str, int] = {}
    for number, part in sorted(standing.items()):
        if place is not None and place not in part.mappings:
            continue
        for name in names_at(part, place):
            if name != nothing:
                found.setdefault(name, number)
    return found


def _cut(
    names: tuple[str, ...], before: Mapping[str, int], limit: int
) -> dict[int, tuple[str, ...]]:
    """Shard number -> names, nothing where the group needs no shards at this place."""
    staying = {name: before[name] for name in names if name in before}
    if len(names) <= (limit // 2 if staying else limit):
        return {}
    most = min(limit, naming.MAX_SHARDS)
    if len(names) > most * limit:
        raise TooLarge
    share = _fill(names, staying, limit)
    if len(share) > most or max(share) > naming.MAX_SHARDS:
        # The limit was lowered while many shards were nearly empty: start over.
        share = _fill(names, {}, limit)
    return {number: tuple(members) for number, members in share.items()}


def _fill(names: Iterable[str], staying: Mapping[str, int], limit: int) -> dict[int, list[str]]:
    """Everybody to its old shard while that has room, newcomers to the first with room."""
    share: dict[int, list[str]] = {}
    homeless: list[str] = []
    for name in sorted(names):
        number = staying.get(name)
        if number is None or len(share.setdefault(number, [])) >= limit:
            homeless.append(name)
        else:
            share[number].append(name)
    rooms = _rooms(share, limit)
    for name in homeless:
        share.setdefault(next(rooms), []).append(name)
    return share


def _rooms(share: Mapping[int, list[str]], limit: int) -> Iterator[int]:
    """One shard number for each newcomer: standing shards first, then the lowest free numbers."""
    for number, members in sorted(share.items()):
        yield from [number] * (limit - len(members))
    taken = frozenset(share)
    for number in count(1):
        if number not in taken:
            yield from [number] * limit
