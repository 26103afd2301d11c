"""Since when a device is more open than it should be: per device, group and address. Pure.

An address is stale from the first pass in which a device may hold it and the rules no longer ask
for it, until that device was asked and proven without it. Of a group whose membership denies
(a deny policy, a negated position) it is the missing address that lets too much through.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from fmgsync.assessing import four
from fmgsync.assessing.observation import Observation
from fmgsync.model import instants
from fmgsync.model.address import Address
from fmgsync.model.rule import ResolvedSite
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import DeviceView, GroupView


class Fault(enum.StrEnum):
    """What is wrong with an address in a group on a device."""

    STALE = "stale"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One address in one group on one DeviceVdom."""

    target: DeviceVdom
    group: str
    address: Address
    fault: Fault = Fault.STALE


Since = Mapping[Key, float | None]
"""UTC epoch seconds; None: since when is not known."""

Denies = Callable[[str], bool]
"""Whether membership of a group closes traffic instead of opening it."""

Running = Callable[[DeviceVdom, Address], bool]
"""Whether a workload behind a DeviceVdom has the address."""


def track(
    known: Since | None, views: Iterable[DeviceView], denies: Denies, *, now: float
) -> dict[Key, float | None]:
    """What is wrong now, each since when. `known` None: what was known before is lost.

    Where nothing can be said, because a device was not asked or a cluster not read, what was known
    stays. Places that are in no view any more are forgotten.
    """
    by_place: defaultdict[tuple[DeviceVdom, str], dict[Key, float | None]] = defaultdict(dict)
    for key, at in (known or {}).items():
        by_place[key.target, key.group][key] = at
    begins = None if known is None else now
    found: dict[Key, float | None] = {}
    for view in views:
        for group in view.groups:
            mine = by_place.get((view.target, group.name), {})
            found.update(_of_group(view.target, group, mine, denies, begins))
    return found


def _of_group(
    target: DeviceVdom, group: GroupView, before: Since, denies: Denies, now: float | None
) -> dict[Key, float | None]:
    if group.desired is None:
        return dict(before)
    held = group.last_known
    if held is None:
        return {key: at for key, at in before.items() if _still(key, group.desired)}
    wrong = {Key(target, group.name, address) for address in held - group.desired}
    if denies(group.name):
        wrong |= {Key(target, group.name, a, Fault.MISSING) for a in group.desired - held}
    found = {key: before.get(key, now) for key in wrong}
    if group.device is None:
        # FortiManager's copy may be ahead of the device: what was wrong there is not proven gone.
        found |= {key: at for key, at in before.items() if _still(key, group.desired)}
    return found


def _still(key: Key, desired: frozenset[Address]) -> bool:
    """Whether the rules still make it wrong."""
    return (key.address in desired) is (key.fault is Fault.MISSING)


def seen_since(
    known: Since | None, views: Iterable[DeviceView], seen: Observation, *, now: float
) -> dict[Key, float | None]:
    """As `track`, of what a pass saw; a time that lies ahead is not known."""
    if known is not None:
        ahead = (at is not None and instants.lies_ahead(at, now) for at in known.values())
        known = {k: None if late else known[k] for k, late in zip(known, ahead, strict=True)}
    return track(known, views, lambda name: denies(seen, name), now=now)


def denies(seen: Observation, name: str) -> bool:
    """Whether membership of the group closes traffic: a deny policy or a negated position."""
    return any(key in seen.usage.widening for key in four.keys(name))


def running_behind(
    resolved: Iterable[ResolvedSite], in_use: Callable[[str, Address], bool]
) -> Running:
    """Whether an address runs behind a DeviceVdom, as far as the clusters were read."""
    clusters: defaultdict[DeviceVdom, set[str]] = defaultdict(set)
    for site in resolved:
        for target in site.targets:
            clusters[target] |= site.clusters
    return lambda target, address: any(in_use(name, address) for name in clusters.get(target, ()))


def dated(views: Iterable[DeviceView], since: Since, running: Running) -> tuple[DeviceView, ...]:
    """The same views, their stale grants dated, and marked where another workload has the address
    by now."""
    return tuple(
        replace(
            view,
            stale_grants=tuple(
                replace(
                    grant,
                    since=since.get(Key(view.target, grant.group, grant.address)),
                    reused=running(view.target, grant.address),
                )
                for grant in view.stale_grants
            ),
        )
        if view.stale_grants
        else view
        for view in views
    )
