"""Group rules and sites: what the configuration asks for, as plain values."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from fmgsync.model.address import Address, Family
from fmgsync.model.change import Finding
from fmgsync.model.endpoint import Kind
from fmgsync.model.target import DeviceVdom, TargetRef


class Publish(enum.StrEnum):
    """Which address stands for a selected pod."""

    POD = "pod"
    NODE = "node"
    AUTO = "auto"
    IP_POOL = "ipPool"
    EGRESS_GATEWAY = "egressGateway"
    SERVICE = "service"
    ENDPOINT_SLICE = "endpointSlice"
    GATEWAY = "gateway"
    INGRESS = "ingress"
    OBJECT = "object"


class MappingMode(enum.StrEnum):
    """Whether each FortiGate gets its own members, or all share the group's own value."""

    PER_DEVICE = "per-device"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class GroupRule:
    """One address group by name: which endpoints are in it and whose firewalls know it.

    Exactly one of `select` (pods) and `select_nodes` is set; selectors are kept as text, already
    checked. `network` is a further network of the pods, whose addresses stand for them instead of
    those of the default one. `clusters` None means every site. `accounts` selects among the labels
    of the pods' service accounts (None: it does not matter), `network_sets` says that sets of
    Calico's with such labels belong to the group as well. `doubt` says why nobody can tell what
    the rule selects: it may add nothing and remove nothing.

    `destinations` is the kind among whose objects `select` chooses instead of pods. `addresses`
    are those that count of what a node or a destination has, by what tells them (empty: those that
    count by default), and of these only such as lie `within` these prefixes. `towards` is what
    lies behind the firewalls, where it depends on the destination which address they see.
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
    accounts: str | None = None
    network_sets: bool = False
    doubt: str = ""
    destinations: Kind | None = None
    addresses: tuple[str, ...] = ()
    within: tuple[Address, ...] = ()
    towards: tuple[Address, ...] = ()

    @property
    def over_pods(self) -> bool:
        """Whether it chooses among pods."""
        return self.select_nodes is None and self.destinations is None

    @property
    def chooses(self) -> bool:
        """Whether it says itself which addresses of nodes count."""
        return self.destinations is None and bool(self.addresses or self.within)


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A rule for each Calico policy that `select` matches by its labels, named by the policy.

    `shape` is what these rules have in common. `staged`: policies that are not enforced count as
    well. `opt_in`: only policies that ask for a group. `renamed_tiers` are pairs of a tier and the
    name it had: groups of its policies keep the names they have by that.
    """

    select: str
    shape: GroupRule
    staged: bool = False
    opt_in: bool = False
    renamed_tiers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The group rules at one moment, from wherever they come.

    `unread` says which rules could not be read, and why; empty: all were. Until they are, a group
    that no rule asks for may belong to one of them, so none is retired. `origins` says of a rule
    where it stands, if that is not the configuration. `from_policies` are those that become rules
    once the clusters' policies are known. Several rules may have one name, each for clusters of
    its own: they are one group. `aliases` are other names a group may have already; `broad` are
    the groups whose rule selects everything, which nobody may have meant. `problems` are reports
    on objects that ask for rules.
    """

    rules: tuple[GroupRule, ...]
    unread: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    from_policies: tuple[PolicyRule, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    broad: frozenset[str] = frozenset()
    problems: tuple[Finding, ...] = ()

    def groups(self) -> tuple[GroupRule, ...]:
        """One rule per group: of the clusters of all rules of its name."""
        found: dict[str, GroupRule] = {}
        for rule in self.rules:
            known = found.setdefault(rule.name, rule)
            if known is not rule:
                both = (known.clusters, rule.clusters)
                joined = None if None in both else frozenset().union(*(c or () for c in both))
                found[rule.name] = replace(known, clusters=joined)
        return tuple(found.values())

    def shared(self) -> RuleSet:
        """The same for a target that knows no mappings: a group has one value there."""
        rules = tuple(replace(rule, mapping=MappingMode.SHARED) for rule in self.rules)
        return replace(self, rules=rules)

    def only(self, names: Collection[str]) -> RuleSet:
        """These rules alone, of the same source."""
        return replace(self, rules=tuple(rule for rule in self.rules if rule.name in names))


@dataclass(frozen=True, slots=True)
class Site:
    """Which FortiGates stand in front of which clusters.

    `devices` are as configured: `device`, `device/vdom` or `group:NAME`; they become `DeviceVdom`
    by asking FortiManager (`targets.fortimanager.topology`). `fleet` is the name of the fleet that
    its target is rolled out with, empty for one of its own.
    """

    clusters: frozenset[str]
    adom: TargetRef
    devices: tuple[str, ...]
    allow_overlap: bool = False
    fleet: str = ""

    def names(self) -> frozenset[str]:
        """The devices it names, with and without VDOM."""
        return frozenset(part for name in self.devices for part in (name, name.partition("/")[0]))


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
