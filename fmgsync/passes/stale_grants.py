"""Stale grants of one ADOM: since when, and whether the address is in use again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from fmgsync import errors
from fmgsync.assessing import four, stale
from fmgsync.assessing.observation import Look
from fmgsync.assessing.stale import Key, Since
from fmgsync.assessing.survey import Survey
from fmgsync.model import instants
from fmgsync.model.address import Address
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.passes.reconcile import AdomWork
from fmgsync.passes.result import AdomResult
from fmgsync.passes.world import Inventory, World
from fmgsync.planning import sites
from fmgsync.state.stale import StaleSince


def track(
    known: Since | None, survey: Survey, seen: Look, *, now: float
) -> dict[Key, float | None]:
    """What is wrong on the devices now, each since when; a time that lies ahead is not known."""
    if known is not None:
        ahead = (at is not None and instants.lies_ahead(at, now) for at in known.values())
        known = {k: None if late else known[k] for k, late in zip(known, ahead, strict=True)}
    return stale.track(known, survey.views, lambda name, target: denies(seen, name), now=now)


def note(
    memory: StaleSince,
    ref: TargetRef,
    survey: Survey,
    seen: Look,
    now: float,
    tell: Callable[[str], None],
) -> dict[Key, float | None]:
    """What is wrong now and since when; remembered at once, since what follows may take long.

    What is damaged is lost: then every stale grant counts as overdue.
    """
    try:
        known = memory.read(ref)
        since = track(known, survey, seen, now=now)
        if survey.asked and since != known:
            memory.write(ref, since)
    except errors.StateError as error:
        tell(f"since when grants are stale cannot be remembered: {error}")
        since = track(None, survey, seen, now=now)
    return since


def denies(seen: Look, name: str) -> bool:
    """Whether membership of the group closes traffic: a deny policy or a negated position."""
    return any(key in seen.usage.widening for key in four.keys(name))


def date(world: World, work: AdomWork, inventory: Inventory, result: AdomResult) -> None:
    """Date the stale grants in view, and remember them. Where that fails, say so and go on."""
    if result.seen is None or result.survey is None:
        return
    memory, now = world.installing.stale, world.clock.now()
    since = note(memory, work.ref, result.survey, result.seen, now, world.tell)
    views = stale.with_since(result.survey.views, since)
    views = stale.with_reused(views, _running(work, inventory, result.seen))
    result.survey = replace(result.survey, views=views)


def _running(work: AdomWork, inventory: Inventory, seen: Look) -> stale.Running:
    """Whether an address runs behind a DeviceVdom, as far as the clusters were read."""
    resolved = sites.resolve(work.sites, seen.topology)

    @cache
    def behind(target: DeviceVdom) -> frozenset[str]:
        return frozenset().union(*(site.clusters for site in resolved if target in site.targets))

    def running(target: DeviceVdom, address: Address) -> bool:
        return any(inventory.in_use(cluster, address) for cluster in behind(target))

    return running
