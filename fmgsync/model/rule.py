"""Group rules and sites: what the configuration asks for, as plain values."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from fmgsync.model.address import Family
from fmgsync.model.target import DeviceVdom, TargetRef


class Publish(enum.StrEnum):
    """Which address stands for a selected pod."""

    POD = "pod"
    NODE = "node"
    AUTO = "auto"


class MappingMode(enum.StrEnum):
    """Whether each FortiGate gets its own members, or all share the group's own value."""

    PER_DEVICE = "per-device"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class GroupRule:
    """One address group by name: which endpoints are in it and whose firewalls know it.

    Exactly one of `select` (pods) and `select_nodes` is set; selectors are kept as text, already
    checked. `network` is a further network of the pods, whose addresses stand for them instead of
    those of the default one. `clusters` None means every site.
    """

    name: str
    select: str | None = None
    namespaces: str = "all()"
    select_nodes: str | None = None
    publish: Publish = Publish.POD
    families: frozenset[Family] = frozenset({Family.IPV4})
    clusters: frozenset[str] | None = None
    mapping: MappingMode = MappingMode.PER_DEVICE
    allow_empty: bool = False
    network: str | None = None


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The group rules at one moment, from wherever they come.

    `unread` says which rules could not be read, and why; empty: all were. Until they are, a group
    that no rule asks for may belong to one of them, so none is retired. `origins` says of a rule
    where it stands, if that is not the configuration.
    """

    rules: tuple[GroupRule, ...]
    unread: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)

    def only(self, names: Collection[str]) -> RuleSet:
        """These rules alone, of the same source."""
        return replace(self, rules=tuple(rule for rule in self.rules if rule.name in names))


@dataclass(frozen=True, slots=True)
class Site:
    """Which FortiGates stand in front of which clusters.

    `devices` are as configured: `device`, `device/vdom` or `group:NAME`; they become `DeviceVdom`
    by asking FortiManager (`targets.fortimanager.topology`).
    """

    clusters: frozenset[str]
    adom: TargetRef
    devices: tuple[str, ...]
    allow_overlap: bool = False


@dataclass(frozen=True, slots=True)
class ResolvedSite:
    """A site whose devices are known: `targets` stand in front of `clusters`.

    `missing` are the parts of it that the ADOM does not have, as configured, each with why.
    """

    clusters: frozenset[str]
    adom: TargetRef
    targets: frozenset[DeviceVdom]
    allow_overlap: bool = False
    missing: tuple[tuple[str, str], ...] = ()
