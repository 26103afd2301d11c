"""The configuration as the values that travel."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from fmgsync.model.address import Family
from fmgsync.model.rule import GroupRule, MappingMode, Publish, Site
from fmgsync.model.target import TargetRef
from fmgsync.settings import load, rules
from tests.settings.texts import SMALL, parsed

WHOLE = load.load_config(Path(__file__).with_name("whole.yaml"))


def test_groups_become_rules() -> None:
    assert rules.rule_set(WHOLE).rules == (
        GroupRule(
            name="k8s-frontend",
            select="app == 'frontend' && tier in {'dmz'}",
            namespaces="environment == 'prod'",
            clusters=frozenset({"east", "west"}),
            allow_empty=True,
            network="prod/dmz-lan",
        ),
        GroupRule(name="k8s-ingress-nodes", select_nodes="has(node-role.kubernetes.io/ingress)"),
    )


def test_every_choice_arrives() -> None:
    (rule,) = rules.rule_set(
        parsed(
            SMALL + "groups: [{name: g, select: all(), publish: node, families: [ipv6, ipv4], "
            "mapping: shared}]"
        )
    ).rules
    assert rule.publish is Publish.NODE
    assert rule.families == {Family.IPV4, Family.IPV6}
    assert rule.mapping is MappingMode.SHARED
    assert rule.clusters is None


def test_sites() -> None:
    assert rules.sites(WHOLE) == (
        Site(
            clusters=frozenset({"east"}),
            adom=TargetRef("hq", "prod"),
            devices=("fgt-east-1", "fgt-east-2/dmz", "group:East"),
            allow_overlap=True,
        ),
    )


def test_a_cluster_without_ranges_may_publish_anything() -> None:
    assert rules.allowed_ranges(WHOLE) == {
        "west": (ipaddress.ip_network("10.40.0.0/14"), ipaddress.ip_network("2001:db8:40::/44"))
    }
