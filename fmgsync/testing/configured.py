"""A configuration as its owner's tests see it: who is in which group where, and when installs run.

Nothing is asked and nothing is written: the same code that thinks in fmgsync thinks here.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from fmgsync import errors
from fmgsync.grouping import desired
from fmgsync.grouping.clusters import Members as ByCluster
from fmgsync.grouping.clusters import memberships
from fmgsync.model.adom import AdomTopology, Device, Workspace
from fmgsync.model.endpoint import ClusterSnapshot
from fmgsync.model.rule import Site
from fmgsync.model.state import DesiredAdom, DesiredGroup, DesiredMembers
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.planning import sites
from fmgsync.scheduling import calendar
from fmgsync.scheduling.window import Place
from fmgsync.settings import load, rules, terms
from fmgsync.settings.schema import Config
from fmgsync.sources import manifests
from fmgsync.testing import builders
from fmgsync.testing.builders import Manifest


@dataclass(frozen=True)
class Members:
    """Who is in which group on which device. `withheld` says what was left out, and why."""

    groups: Mapping[str, Mapping[str, frozenset[str]]]
    """`device/vdom` -> group -> addresses, as `10.1.0.5` or `10.1.0.0/24`."""
    withheld: tuple[str, ...] = ()

    def on(self, device: str, group: str) -> frozenset[str]:
        """The members of a group on `device` or `device/vdom`; raises LookupError naming both."""
        place = _place(device, self.groups)
        found = self.groups[place].get(group)
        if found is None:
            known = ", ".join(self.groups[place]) or "none"
            raise LookupError(f"{place} knows no group {group!r}; it knows: {known}")
        return found


@dataclass(frozen=True)
class Configured:
    """One fmgsync.yaml. `device_groups` are those its sites name, with their members.

    A device without VDOM in `sites` is taken to have one, `root`.
    """

    path: Path
    config: Config
    device_groups: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def with_device_groups(self, **groups: Sequence[str]) -> Configured:
        """The same where FortiManager has these device groups: `East=["fgt-1", "fgt-2/dmz"]`."""
        return Configured(self.path, self.config, {**self.device_groups, **groups})

    def members(self, **clusters: Iterable[Manifest]) -> Members:
        """Members if the clusters ran just these pods, nodes and namespaces.

        Clusters of the configuration that are not given run nothing.
        """
        unknown = sorted(set(clusters) - {cluster.name for cluster in self.config.clusters})
        if unknown:
            known = ", ".join(cluster.name for cluster in self.config.clusters)
            raise LookupError(f"{self.path} has no cluster {unknown[0]!r}; it has: {known}")
        snapshots = {
            cluster.name: _snapshot(cluster.name, list(clusters.get(cluster.name, ())))
            for cluster in self.config.clusters
        }
        found = memberships(
            rules.rule_set(self.config).rules, snapshots, rules.allowed_ranges(self.config)
        )
        adoms = [self._desired(ref, found.members) for ref in self._refs()]
        groups: dict[str, dict[str, frozenset[str]]] = {str(place): {} for place in self._places()}
        for adom in adoms:
            for group in adom.groups:
                _note(groups, group)
        told = (*found.findings, *(finding for adom in adoms for finding in adom.findings))
        return Members(groups, tuple(finding.message for finding in told))

    def may_install(self, device: str, at: datetime) -> bool:
        """Whether an install may start on `device` or `device/vdom` at an instant with a zone."""
        place, ref = self._found(device)
        return terms.calendar(self.config).may_start(self._where(place, ref), _zoned(at))

    def openings(
        self, device: str, start: datetime, end: datetime
    ) -> list[tuple[datetime, datetime | None]]:
        """When installs may start there in `[start, end)`; deny windows are taken out.

        Each opening with its end, None for one without an end in sight.
        """
        place, ref = self._found(device)
        found = terms.calendar(self.config).openings(
            self._where(place, ref), _zoned(start), _zoned(end)
        )
        return [(opening.opens_at, opening.closes_at) for opening in found]

    @property
    def devices(self) -> tuple[str, ...]:
        """Every `device/vdom` the sites name."""
        return tuple(str(place) for place in self._places())

    def _refs(self) -> list[TargetRef]:
        return sorted({site.adom for site in rules.sites(self.config)})

    def _sites(self, ref: TargetRef) -> list[Site]:
        return [site for site in rules.sites(self.config) if site.adom == ref]

    def _desired(self, ref: TargetRef, found: ByCluster) -> DesiredAdom:
        resolved = sites.resolve(self._sites(ref), self._topology(ref))
        return desired.desired_adom(
            ref,
            owner=self.config.owner,
            rules=rules.rule_set(self.config),
            sites=resolved,
            members=found,
        )

    def _topology(self, ref: TargetRef) -> AdomTopology:
        """An ADOM with exactly the devices and device groups that the sites name."""
        vdoms: dict[str, dict[str, None]] = {}
        groups: dict[str, frozenset[DeviceVdom]] = {}
        for name in [name for site in self._sites(ref) for name in site.devices]:
            if not name.startswith("group:"):
                _note_vdom(vdoms, _device(name))
                continue
            group = name.removeprefix("group:")
            groups[group] = frozenset(_device(each) for each in self._group(group))
            for place in groups[group]:
                _note_vdom(vdoms, place)
        devices = {name: Device(name, tuple(found)) for name, found in vdoms.items()}
        return AdomTopology(ref, (7, 4), Workspace.DISABLED, devices, groups)

    def _group(self, name: str) -> Sequence[str]:
        if name not in self.device_groups:
            raise errors.UsageError(
                f"{self.path} names the device group {name!r}, which only FortiManager knows",
                next_step=f'say what is in it: with_device_groups({name}=["device", ...])',
            )
        return self.device_groups[name]

    def _places(self) -> list[DeviceVdom]:
        return [place for place, _ in self._placed()]

    def _placed(self) -> list[tuple[DeviceVdom, TargetRef]]:
        return [
            (place, ref)
            for ref in self._refs()
            for place in sorted(
                {
                    place
                    for site in sites.resolve(self._sites(ref), self._topology(ref))
                    for place in site.targets
                }
            )
        ]

    def _found(self, device: str) -> tuple[DeviceVdom, TargetRef]:
        placed = {str(place): (place, ref) for place, ref in self._placed()}
        return placed[_place(device, placed)]

    def _where(self, place: DeviceVdom, ref: TargetRef) -> Place:
        return calendar.place_of(self._topology(ref), place)


def read(path: Path) -> Configured:
    """Read and check a configuration; raises ConfigError."""
    return Configured(path, load.load_config(path))


def _snapshot(cluster: str, objects: list[Manifest]) -> ClusterSnapshot:
    """What fmgsync would read of such a cluster, read by the same code."""
    dump = _Dump(builders.dump_text(objects).encode())
    return manifests.read_snapshot(cluster, "-", stdin=dump)


class _Dump(io.BytesIO):
    """A dump in memory where standard input is expected."""

    def isatty(self) -> bool:
        return False


def _note(groups: dict[str, dict[str, frozenset[str]]], group: DesiredGroup) -> None:
    """Add one group's members, both families, to the places that know it."""
    by_place: Mapping[DeviceVdom, DesiredMembers] = group.mappings
    if group.shared is not None:
        by_place = dict.fromkeys(group.places, group.shared)
    for place, members in by_place.items():
        known = groups.setdefault(str(place), {})
        addresses = frozenset(str(address) for address in members.addresses)
        known[group.name] = known.get(group.name, frozenset()) | addresses


def _place(device: str, known: Iterable[str]) -> str:
    """`device/vdom` for a device or one of its VDOMs, which must be clear."""
    places = list(known)
    found = [place for place in places if place == device or place.startswith(f"{device}/")]
    if len(found) == 1:
        return found[0]
    if found:
        raise LookupError(f"{device} has several VDOMs, name one: {', '.join(found)}")
    raise LookupError(f"no site names {device!r}; named are: {', '.join(places) or 'none'}")


def _device(name: str) -> DeviceVdom:
    device, _, vdom = name.partition("/")
    return DeviceVdom(device, vdom or "root")


def _note_vdom(vdoms: dict[str, dict[str, None]], place: DeviceVdom) -> None:
    vdoms.setdefault(place.device, {})[place.vdom] = None


def _zoned(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone: write datetime(..., tzinfo=ZoneInfo('...'))")
    return at
