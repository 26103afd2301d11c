"""Why a group is held on a device, or never reaches it: one sentence for each place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from fmgsync.assessing import four
from fmgsync.assessing.observation import Observation
from fmgsync.model.address import Family
from fmgsync.model.change import Finding
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import absence, backup_mode

_FAMILY = {Family.IPV4: "IPv4", Family.IPV6: "IPv6"}


def blocked(seen: Observation, names: Iterable[str]) -> frozenset[str]:
    """Groups that cannot be carried out in this ADOM at all."""
    if backup_mode.is_closed(seen.topology):
        return frozenset(names)
    parts = frozenset(seen.desired.errors)
    found = (finding for finding in seen.plan.foreign if finding not in parts)
    return frozenset(finding.name for finding in found if not finding.newcomers_only)


def reasons(
    seen: Observation,
    wanted: Mapping[DeviceVdom, Iterable[str]],
    reach: Collection[four.Place],
    families: Collection[four.Place],
) -> Mapping[four.Place, str]:
    """What stands in the way, what waits, and what no policy brings there; of places in
    `families` one family's group is brought."""
    told = {**_unread(seen), **_absences(seen, wanted, reach, families)}
    everywhere = tuple(wanted)
    for finding in (*seen.plan.held, *seen.plan.foreign):
        for place in _places(finding, everywhere, wanted):
            told[place] = finding.message
    return told


def _places(
    finding: Finding, everywhere: Iterable[DeviceVdom], wanted: Mapping[DeviceVdom, Iterable[str]]
) -> Iterable[four.Place]:
    for target in (finding.device,) if finding.device else everywhere:
        # What concerns the ADOM as a whole concerns every group in it.
        names = wanted.get(target, ()) if finding.kind == backup_mode.KIND else (finding.name,)
        yield from ((target, name) for name in names)


def _unread(seen: Observation) -> dict[four.Place, str]:
    """Why it is not known what should be somewhere."""
    return {
        (place, group.name): f"what should be there is not known: {members.because}"
        for group in seen.desired.groups
        for place in (*group.mappings, *group.places)
        if (members := group.at(place)) is not None and members.retain and members.because
    }


def _absences(
    seen: Observation,
    wanted: Mapping[DeviceVdom, Iterable[str]],
    reach: Collection[four.Place],
    families: Collection[four.Place],
) -> dict[four.Place, str]:
    absent = {
        (target, name): four.keys(name)
        for target, names in wanted.items()
        for name in names
        if (target, name) not in reach
    }
    partly = {
        (target, name): tuple(
            key for key in four.keys(name) if not seen.usage.reaches([key], target)
        )
        for target, name in families
        if name in wanted.get(target, ())
    }
    keys = {key for several in (*absent.values(), *partly.values()) for key in several}
    if not keys:
        return {}
    uses = absence.find_uses(seen.packages, seen.observed, keys)
    told = {place: absence.why(place[0], theirs, uses) for place, theirs in absent.items()}
    for place, theirs in partly.items():
        lacking = " and ".join(f"{_FAMILY[family]} group" for family, _ in theirs)
        why = absence.why(place[0], theirs, uses)
        told[place] = f"its {lacking} does not reach the device: {why}"
    return told
