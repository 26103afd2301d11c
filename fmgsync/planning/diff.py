"""Desired and observed state of one ADOM -> every change, in an order FortiManager accepts.

create addresses -> create groups -> re-map -> delete mappings -> delete groups -> delete
addresses: nothing is referenced before it exists, nothing is deleted while still referenced.
Shards come before the groups that hold them, and go after them.

The cases of ownership, all decided here: a name is free (create it), ours (compare it), or
foreign (an error of the rules that need it; the others go on).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from fmgsync.model import naming
from fmgsync.model.address import Address, Family
from fmgsync.model.address import family as family_of
from fmgsync.model.change import AdomPlan, Change, Finding
from fmgsync.model.rule import MappingMode
from fmgsync.model.state import DesiredAdom, ObjectKey, ObservedAdom, ObservedGroup
from fmgsync.planning import addresses, groups, held, name_conflicts, radius, sharding
from fmgsync.planning.guard import Gate
from fmgsync.planning.render import GroupObject, Rendering, none_member, render
from fmgsync.planning.sharding import Limits

_NOWHERE_OPEN: Mapping[ObjectKey, str] = {}
_DEFAULT_LIMITS = Limits()
KEPT_FOREIGN = "kept-foreign"


@dataclass(slots=True)
class _Draft:
    """A plan in the making. `objects` are groups as they will be written, shards and all."""

    desired: DesiredAdom
    observed: ObservedAdom
    limits: Limits
    objects: dict[ObjectKey, GroupObject] = field(default_factory=dict)
    deleted: list[ObjectKey] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def nothing(self, family: Family) -> str:
        """The name of the address that matches nothing."""
        return none_member(self.observed, family, self.desired.owner)


def make_plan(
    desired: DesiredAdom,
    observed: ObservedAdom,
    *,
    used: Collection[ObjectKey] = (),
    opens: Mapping[ObjectKey, str] = _NOWHERE_OPEN,
    unknown: Mapping[ObjectKey, str] = _NOWHERE_OPEN,
    removes: bool = True,
    limits: Limits = _DEFAULT_LIMITS,
    gate: Gate | None = None,
) -> AdomPlan:
    """All changes that make `observed` equal to `desired`, ordered, as far as `gate` lets them.

    `used` are objects that policies or foreign groups hold (`usage.find_usage`): such a group is
    emptied instead of deleted, such an address is left. `opens` says of a group where being empty
    would open traffic, `unknown` why that cannot be told. `removes=False` (policy mode upsert)
    never takes anything away.
    """
    draft = _Draft(desired, observed, limits, findings=list(desired.findings))
    draft.errors += name_conflicts.find_clashes(desired, observed, longest=limits.name)
    draft.findings += name_conflicts.copied_marks(observed, desired.owner)
    asked = {(group.family, group.name) for group in desired.groups}
    own = (key for key, group in observed.groups.items() if group.owned)
    shards = sharding.own_shards(observed, asked.union(own))
    standing = sharding.joined(observed, shards)

    blocked = {clash.name for clash in draft.errors if not clash.newcomers_only}
    draft.errors += desired.errors
    rules = tuple(group for group in desired.groups if group.name not in blocked)
    rendering = render(rules, standing, owner=desired.owner, keep_all=not removes)
    rendering = _without_strangers(draft, rendering, standing)
    retired = _retired(draft, standing, asked) if removes else []
    wanted = {**rendering.groups, **_emptied(draft, retired, used)}
    waits = {
        **{key: f"{why}: what empty means there is not known" for key, why in unknown.items()},
        **{key: f"it is {why}, where empty means open" for key, why in opens.items()},
    }
    passed = _pass(draft, wanted, retired, standing, waits, gate)

    whole = _split(draft, passed.groups, standing, shards)
    draft.deleted += (key for key in retired if key not in passed.groups)
    if removes:
        _retire_shards(draft, shards, used)
    draft.findings += _openings(asked, opens)
    draft.findings += _unknowns(asked, unknown)
    scene = groups.Comparison(desired.owner, observed, draft.objects, standing, whole)
    changes = tuple(_changes(draft, scene, rendering.values, used, removes=removes))
    touched = {(change.kind.family, naming.group_of(change.name)) for change in changes}
    return AdomPlan(
        desired.ref,
        changes,
        tuple(draft.errors),
        passed.holds,
        tuple(draft.findings),
        passed.sizes,
        passed.approved,
        tuple(radius.grants(desired, standing, whole, touched)),
    )


def _without_strangers(draft: _Draft, rendering: Rendering, standing: ObservedAdom) -> Rendering:
    """What is wanted, without foreign addresses that bear a name of ours: they are not written, and
    come to no group. Where one is a member already, since it was ours, it stays."""
    observed, owner = draft.observed, draft.desired.owner
    named = name_conflicts.strangers(observed, owner)
    taken = {(family_of(value), name) for value, name in named.items()} & rendering.values.keys()
    if not taken:
        return rendering
    barred = {family: {name for table, name in taken if table is family} for family in Family}
    rendered = {
        key: sharding.without_newcomers(
            group, standing.groups.get(key), draft.nothing(key[0]), barred[key[0]]
        )
        for key, group in rendering.groups.items()
    }
    values = {key: one for key, one in rendering.values.items() if key not in taken}
    return Rendering(rendered, values)


def _retired(
    draft: _Draft, standing: ObservedAdom, asked: Collection[ObjectKey]
) -> list[ObjectKey]:
    """Own groups no rule asks for any more (blocked rules still ask for theirs).

    They stay as they are where nothing can be closed, and while not all rules were read.
    """
    owner = draft.desired.owner
    retired = sorted(k for k, g in standing.groups.items() if g.owned and k not in asked)
    if draft.desired.unread:
        kept = "no rule of this name is known, but not all rules were read; it stays as it is"
        because = f"{kept} ({draft.desired.unread})"
        draft.findings += (Finding("rules-not-read", name, because) for _, name in retired)
        return []
    stuck = name_conflicts.without_nothing(draft.observed, owner)
    draft.errors += (name_conflicts.no_nothing(*key, owner) for key in retired if key[0] in stuck)
    held = [key for key in retired if _is_somebody_elses(standing.groups[key], owner)]
    draft.findings += (
        Finding(
            KEPT_FOREIGN,
            name,
            "it bears our mark and holds nothing of ours, and no rule here names it: imported, or"
            " filled by somebody else; it is left as it is",
        )
        for _, name in held
    )
    return [key for key in retired if key[0] not in stuck and key not in held]


def _is_somebody_elses(group: ObservedGroup, owner: str) -> bool:
    """Whether all that it grants was put there by others: taking it away is not ours to do."""
    granted = group.named() - naming.nothing(group.comment)
    ours = any(
        naming.address_of(owner, name) is not None or naming.group_of(name) == group.name
        for name in granted
    )
    return bool(granted) and not ours


def _emptied(
    draft: _Draft, retired: Iterable[ObjectKey], used: Collection[ObjectKey]
) -> dict[ObjectKey, GroupObject]:
    """Groups that cannot be deleted because somebody uses them."""
    message = "no rule of this name any more, but a policy or a foreign group uses it"
    emptied: dict[ObjectKey, GroupObject] = {}
    for key in retired:
        if key in used:
            emptied[key] = GroupObject((draft.nothing(key[0]),))
            draft.findings.append(Finding("kept-in-use", key[1], f"{message}: emptied and kept"))
    return emptied


def _pass(
    draft: _Draft,
    wanted: Mapping[ObjectKey, GroupObject],
    retired: Iterable[ObjectKey],
    standing: ObservedAdom,
    opens: Mapping[ObjectKey, str],
    gate: Gate | None,
) -> held.Passed:
    if gate is None:
        return held.Passed(wanted)
    desired = draft.desired
    scene = held.Scene(
        desired.ref,
        desired.owner,
        standing,
        {family: draft.nothing(family) for family in Family},
        frozenset((g.family, g.name) for g in desired.groups if g.allow_empty),
        opens,
        desired.broad,
        frozenset(_covered(desired, standing)),
    )
    return held.hold_back(wanted, retired, scene, gate)


def _covered(desired: DesiredAdom, standing: ObservedAdom) -> Iterator[ObjectKey]:
    """Groups that were taken over, and of which each device that uses them has members of its own
    (`stays_shared`): what they hold by themselves reaches nobody."""
    for group in desired.groups:
        before = standing.groups.get((group.family, group.name))
        by_device = group.mode is MappingMode.PER_DEVICE and group.own is None and group.mappings
        if by_device and before is not None and naming.taken_over(before.comment) is not None:
            yield group.family, group.name


def _openings(asked: Iterable[ObjectKey], opens: Mapping[ObjectKey, str]) -> Iterator[Finding]:
    """For people: these groups open traffic when they are empty."""
    for key in sorted(asked):
        if key in opens:
            message = (
                f"{opens[key]}: empty does not mean closed there, so additions are the urgent"
                " changes, and emptying it always waits"
            )
            yield Finding("empty-opens", key[1], message)


def _unknowns(asked: Iterable[ObjectKey], unknown: Mapping[ObjectKey, str]) -> Iterator[Finding]:
    """For people: who uses these groups is not known."""
    for key in sorted(asked):
        if key in unknown:
            message = f"{unknown[key]}: emptying it always waits, and whether it reaches a device"
            yield Finding("unknown-use", key[1], f"{message} that way is not known")


# --- shards -------------------------------------------------------------------------------------


def _split(
    draft: _Draft,
    wanted: Mapping[ObjectKey, GroupObject],
    standing: ObservedAdom,
    shards: Mapping[ObjectKey, sharding.Shards],
) -> Mapping[ObjectKey, GroupObject]:
    """Groups become objects. Where one cannot be cut, its newcomers wait and the rest goes on: a
    removal needs no room. Answers with the groups as they will be."""
    whole: dict[ObjectKey, GroupObject] = {}
    for key, group in wanted.items():
        parts, trouble = _cut(draft, key, group, shards.get(key, {}))
        if trouble and (before := standing.groups.get(key)) is not None:
            group = sharding.without_newcomers(group, before, draft.nothing(key[0]))
            parts, stuck = _cut(draft, key, group, shards.get(key, {}))
            if not stuck:
                trouble = [name_conflicts.no_room(finding) for finding in trouble]
        draft.errors += trouble
        if parts is not None:
            whole[key] = group
            draft.objects[key] = parts.parent
            for number, shard in parts.shards.items():
                draft.objects[key[0], naming.shard_name(key[1], number)] = shard
    return whole


def _cut(
    draft: _Draft, key: ObjectKey, group: GroupObject, standing: sharding.Shards
) -> tuple[sharding.Split | None, list[Finding]]:
    family, name = key
    limit, nothing = draft.limits.members, draft.nothing(family)
    try:
        parts = sharding.split(name, group, standing, nothing=nothing, limit=limit)
    except sharding.TooLarge:
        message = f"it has more members than shards of {limit} can hold"
        return None, [Finding("too-large", name, message, is_error=True)]
    names = [naming.shard_name(name, number) for number in parts.shards]
    owner, longest = draft.desired.owner, draft.limits.name
    taken = list(name_conflicts.shard_clashes(name, family, names, draft.observed, owner, longest))
    return (None if taken else parts), taken


def _retire_shards(
    draft: _Draft, shards: Mapping[ObjectKey, sharding.Shards], used: Collection[ObjectKey]
) -> None:
    """Shards that their group does not need any more; after it, since it still names them."""
    gone = frozenset(draft.deleted)
    for (family, parent), parts in sorted(shards.items()):
        if (family, parent) not in gone and (family, parent) not in draft.objects:
            continue
        for part in parts.values():
            key = (family, part.name)
            if key in draft.objects:
                continue
            if key in used:
                draft.objects[key] = GroupObject((draft.nothing(family),))
                message = "this part of a group is not needed any more, but somebody uses it"
                finding = Finding("kept-in-use", part.name, f"{message}: emptied and kept")
                draft.findings.append(finding)
            else:
                draft.deleted.append(key)


# --- changes ------------------------------------------------------------------------------------


def _changes(
    draft: _Draft,
    scene: groups.Comparison,
    values: Mapping[ObjectKey, Address],
    used: Collection[ObjectKey],
    *,
    removes: bool,
) -> Iterator[Change]:
    observed, owner = draft.observed, draft.desired.owner
    holders = _holders(draft)
    yield from addresses.write_addresses(values, holders, observed, owner)
    yield from groups.write_groups(scene)
    for key in draft.deleted:
        yield groups.delete_group(scene, key)
    if removes:
        yield from addresses.delete_addresses(holders, observed, used, draft.findings)


def _holders(draft: _Draft) -> addresses.Holders:
    """Every own group as it will be."""
    gone = frozenset(draft.deleted)
    after: dict[ObjectKey, GroupObject | ObservedGroup] = dict(draft.objects)
    for key, standing in draft.observed.groups.items():
        if standing.owned and key not in gone:
            after.setdefault(key, standing)
    return addresses.Holders(after, draft.observed.elsewhere)
