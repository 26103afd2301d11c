"""The configuration as the values that travel: group rules, sites, address ranges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from fmgsync.model import address, fleet
from fmgsync.model.endpoint import Kind
from fmgsync.model.fleet import Fleets
from fmgsync.model.rule import GroupRule, PolicyRule, Publish, RuleSet, Site
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.planning import guard
from fmgsync.settings import groups, publishing, schema, site_checks
from fmgsync.settings.endpoints import Network

_KINDS: Final[Mapping[Publish, Kind]] = {
    Publish.SERVICE: Kind.SERVICES,
    Publish.ENDPOINT_SLICE: Kind.ENDPOINT_SLICES,
    Publish.GATEWAY: Kind.GATEWAYS,
    Publish.INGRESS: Kind.INGRESSES,
}
_NOTHING: Final[Mapping[str, Kind]] = {}


def rule_set(config: schema.Config) -> RuleSet:
    """The groups in the order of the file; a configuration is always read as a whole."""
    named = tuple(g for g in config.groups if g.from_global_network_policies is None)
    described = _described(config)
    return RuleSet(
        tuple(group_rule(group, described) for group in named),
        from_policies=tuple(
            PolicyRule(selector, group_rule(group), group.staged, group.opt_in, tiers(group))
            for group in config.groups
            if (selector := group.from_global_network_policies) is not None
        ),
    )


def tiers(group: groups.Group) -> tuple[tuple[str, str], ...]:
    """Tiers that had another name, each with that."""
    return tuple(sorted(group.renamed_tiers.items()))


def group_rule(group: groups.Group, described: Mapping[str, Kind] = _NOTHING) -> GroupRule:
    """One group as the rule it asks for, or as what the rules it stands for have in common."""
    return GroupRule(
        name=group.name or "",
        select=group.select,
        namespaces=group.namespaces,
        select_nodes=group.select_nodes,
        publish=group.publish,
        families=frozenset(group.families),
        clusters=None if group.sites is None else frozenset(group.sites.clusters),
        mapping=group.mapping,
        allow_empty=group.allow_empty,
        network=group.network,
        network_sets=group.network_sets,
        destinations=_destinations(group, described),
        addresses=group.object.addresses if group.object is not None else group.addresses,
        within=tuple(address.parse(str(each)) for each in group.within or ()),
        towards=tuple(address.parse(str(each)) for each in group.towards),
    )


def _destinations(group: groups.Group, described: Mapping[str, Kind]) -> Kind | None:
    """The kind whose objects are selected instead of pods."""
    if group.object is not None:
        text = _called(group.object)
        return described.get(text) or _kind(text, group.object.addresses)
    return _KINDS.get(group.publish)


def _described(config: schema.Config) -> Mapping[str, Kind]:
    """The kinds that the configuration describes, each with all paths that any group names: so an
    object is read once."""
    found: dict[str, set[str]] = {}
    for group in config.groups:
        if group.object is not None:
            found.setdefault(_called(group.object), set()).update(group.object.addresses)
    return {text: _kind(text, paths) for text, paths in found.items()}


def _called(wanted: groups.DescribedObject) -> str:
    plural = wanted.resource or publishing.plural(wanted.kind)
    return f"{wanted.api_version} {wanted.kind} {plural}"


def _kind(text: str, paths: Iterable[str]) -> Kind:
    version, name, plural = text.split(" ")
    group, _, version = version.rpartition("/")
    return Kind.described((group, version, plural), name, paths)


def sites(config: schema.Config) -> tuple[Site, ...]:
    """The sites in the order of the file, devices as configured; of FortiGates without a
    FortiManager each VDOM is a site of its own."""
    return tuple(one for site in config.sites for one in _of_site(site, config))


def _of_site(site: schema.Site, config: schema.Config) -> Iterator[Site]:
    clusters, overlap = frozenset(site.clusters), site.allow_overlap
    if site.fortimanager is not None and site.adom is not None:
        ref = TargetRef(site.fortimanager, site.adom)
        yield Site(clusters=clusters, adom=ref, devices=site.devices, allow_overlap=overlap)
        return
    known = [unit.name for unit in config.fortigates]
    # A part that is not there has no unit that could tell of it: the site's first one does.
    lost = tuple(site_checks.undefined_fortigates(list(site.fortigates), known).values())
    for unit, vdom in direct_places(site, config):
        ref = TargetRef(unit, vdom, TargetKind.FORTIGATE)
        yield Site(
            clusters=clusters,
            adom=ref,
            devices=(str(ref), *lost),
            allow_overlap=overlap,
            fleet=site_checks.fleet_name(site.fleet, site.fortigates),
        )
        lost = ()


def direct_places(site: schema.Site, config: schema.Config) -> tuple[tuple[str, str], ...]:
    """The FortiGates without a FortiManager that a site names, each with its VDOM."""
    direct = [unit.name for unit in config.fortigates]
    return tuple(dict.fromkeys(site_checks.direct_places(site.fortigates, direct)))


def fleets(config: schema.Config) -> Fleets:
    """What is rolled out together; who is named in several sites is of the first one's fleet."""
    return fleet.of_sites(sites(config))


def allowed_ranges(config: schema.Config) -> Mapping[str, tuple[Network, ...]]:
    """Ranges by cluster name; clusters that may publish anything are left out."""
    return {
        cluster.name: cluster.allowed_ranges
        for cluster in config.clusters
        if cluster.allowed_ranges is not None
    }


def guard_limits(config: schema.Config) -> guard.Limits:
    """What passes without a human."""
    limits = config.guard
    return guard.Limits(
        max_removed_share=limits.max_removed_share,
        max_added_share=limits.max_added_share,
        unless_fewer_than=limits.unless_fewer_than,
        max_members=limits.max_members,
        period_s=limits.period.total_seconds(),
    )
