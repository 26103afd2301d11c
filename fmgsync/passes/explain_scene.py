"""What was looked at, as the scene in which questions are answered (`assessing.explain`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from fmgsync.assessing.explanation import AdomScene, Scene
from fmgsync.grouping import clusters
from fmgsync.model.address import Address
from fmgsync.model.rule import GroupRule, Site
from fmgsync.model.target import DeviceVdom
from fmgsync.passes.result import Pass, Result
from fmgsync.passes.world import AdomWork, World
from fmgsync.planning import sites


def scene(world: World, result: Result) -> Scene:
    """The scene of one look at everything, the devices included."""
    told: defaultdict[str, list[str]] = defaultdict(list)
    for finding in result.workloads.findings:
        told[finding.name].append(finding.message)

    def withheld(rule: str, cluster: str, address: Address) -> str:
        begins = clusters.about(cluster, address)
        found = (each.removeprefix(begins) for each in told[rule] if each.startswith(begins))
        return next(found, "")

    works = {work.ref: work for work in world.adoms}
    adoms = [_adom(works[adom.ref].sites, adom) for adom in result.adoms if adom.seen]
    known = result.workloads.rules
    rules = tuple(_as_written(rule, result, told) for rule in known.rules)
    formerly = world.installing.formerly.about
    unseen: dict[str, str] = {}
    behind: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for adom in result.adoms:
        if adom.error is not None and not adom.seen:
            for name, of in _named(works[adom.ref]):
                unseen[name] = adom.error.message
                behind[name] |= of
    snapshots = result.workloads.snapshots
    return Scene(
        rules,
        snapshots,
        tuple(adoms),
        withheld,
        formerly,
        unseen=unseen,
        behind=behind,
        unread=known.unread,
    )


def _named(work: AdomWork) -> Iterator[tuple[str, frozenset[str]]]:
    """The devices that sites name in a place, and the clusters they stand in front of; a FortiGate
    without a FortiManager is one itself."""
    ref = work.ref
    alone = (ref.unit, str(DeviceVdom(ref.unit, ref.domain))) if ref.is_direct else ()
    for site in work.sites:
        for name in alone or sorted(site.names()):
            yield name, site.clusters


def _as_written(rule: GroupRule, result: Result, told: defaultdict[str, list[str]]) -> GroupRule:
    """The rule under the name that its group has."""
    alias = result.workloads.rules.aliases.get(rule.name)
    groups = {g.name for adom in result.adoms if adom.seen for g in adom.seen.desired.groups}
    if alias is None or rule.name in groups or alias not in groups:
        return rule
    told[alias] += told[rule.name]
    return replace(rule, name=alias)


def _adom(configured: Sequence[Site], adom: Pass) -> AdomScene:
    assert adom.seen is not None  # noqa: S101 - only what was looked at is asked about
    behind: dict[DeviceVdom, frozenset[str]] = {}
    resolved = sites.resolve(configured, adom.seen.topology)
    missing = dict(part for site in resolved for part in site.missing)
    for site in resolved:
        for target in site.targets:
            behind[target] = behind.get(target, frozenset()) | site.clusters
    what = "writing it" if adom.ref.is_direct else "its install"
    waits = {
        each.pending.target: f"{what} is held: {each.because}"
        if each.held
        else f"{what} waits: {each.because}"
        for each in adom.view.admissions
        if each.because
    }
    opens = {
        target: f"the next window opens at {found.opens_at:%Y-%m-%d %H:%M} UTC"
        if found.opens_at is not None
        else "no window ever opens"
        for target, found in adom.view.outlooks.items()
        if not found.judgement.is_open
    }
    seen, views = adom.seen, adom.views
    return AdomScene(
        adom.ref, behind, seen.topology, seen.observed, seen.packages, views, waits, opens, missing
    )
