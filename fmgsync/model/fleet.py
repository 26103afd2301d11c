"""Fleets: targets that are rolled out together, with one canary, waves and one budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fmgsync.model.rule import Site
from fmgsync.model.target import TargetRef


@dataclass(frozen=True, slots=True, order=True)
class Fleet:
    """A fleet by its name. One that nobody has named is of one target, and bears its name."""

    name: str
    targets: tuple[TargetRef, ...]

    @classmethod
    def alone(cls, ref: TargetRef) -> Fleet:
        """The fleet of a target that no site has joined to others."""
        return cls(str(ref), (ref,))

    @property
    def is_alone(self) -> bool:
        """Whether nobody has named it: what is kept of it goes by its target's name then."""
        return self.targets == self.targets[:1] and self.name == str(self.targets[0])

    @property
    def devices(self) -> frozenset[str]:
        """The devices that are known by name without asking: the units of targets that somebody
        has joined, each of which is one."""
        return frozenset() if self.is_alone else frozenset(ref.unit for ref in self.targets)


Fleets = Mapping[TargetRef, Fleet]
"""The fleet of each target."""


def of_sites(sites: Iterable[Site]) -> Fleets:
    """The fleet of every target that a site names. Of several names the first counts."""
    names: dict[TargetRef, str] = {}
    for site in sites:
        names[site.adom] = names.get(site.adom) or site.fleet
    members: dict[str, list[TargetRef]] = {}
    for ref, name in sorted(names.items()):
        members.setdefault(name or str(ref), []).append(ref)
    return {ref: Fleet(name, tuple(refs)) for name, refs in members.items() for ref in refs}


def fleet_of(fleets: Fleets, ref: TargetRef) -> Fleet:
    """The fleet of one target; its own where none is known."""
    return fleets.get(ref) or Fleet.alone(ref)
