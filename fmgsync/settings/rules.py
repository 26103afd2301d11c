"""The configuration as the values that travel: group rules, sites, address ranges."""

from __future__ import annotations

from collections.abc import Mapping

from fmgsync.model.rule import GroupRule, RuleSet, Site
from fmgsync.model.target import TargetRef
from fmgsync.planning import guard
from fmgsync.settings import schema
from fmgsync.settings.endpoints import Network


def rule_set(config: schema.Config) -> RuleSet:
    """The groups in the order of the file; a configuration is always read as a whole."""
    return RuleSet(tuple(group_rule(group) for group in config.groups))


def group_rule(group: schema.Group) -> GroupRule:
    """One group as the rule it asks for."""
    return GroupRule(
        name=group.name,
        select=group.select,
        namespaces=group.namespaces,
        select_nodes=group.select_nodes,
        publish=group.publish,
        families=frozenset(group.families),
        clusters=None if group.sites is None else frozenset(group.sites.clusters),
        mapping=group.mapping,
        allow_empty=group.allow_empty,
        network=group.network,
    )


def sites(config: schema.Config) -> tuple[Site, ...]:
    """The sites in the order of the file, devices as configured."""
    return tuple(
        Site(
            clusters=frozenset(site.clusters),
            adom=TargetRef(site.fortimanager, site.adom),
            devices=site.devices,
            allow_overlap=site.allow_overlap,
        )
        for site in config.sites
    )


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
