"""The configuration as the values that travel."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from fmgsync.model import address
from fmgsync.model.address import Family
from fmgsync.model.endpoint import Kind
from fmgsync.model.rule import GroupRule, MappingMode, Publish, Site
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.settings import load, rules, terms
from tests.settings.texts import DIRECT, SMALL, UNITS, parsed

_IP_ADDRESSES = Kind.described(
    ("ipam.example.net", "v1", "ipaddresses"), "IPAddress", [".status.address"]
)
WHOLE = load.read_config(Path(__file__).with_name("whole.yaml"))


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
        GroupRule(
            name="k8s-batch",
            select="app == 'batch'",
            publish=Publish.AUTO,
            towards=(address.parse("192.0.2.0/24"),),
        ),
        GroupRule(
            name="k8s-ingress-nodes",
            select_nodes="has(node-role.kubernetes.io/ingress)",
            addresses=("ExternalIP", "annotation:flannel.alpha.coreos.com/public-ip"),
            within=(address.parse("198.51.100.0/24"),),
        ),
        GroupRule(
            name="k8s-assigned",
            select="all()",
            publish=Publish.OBJECT,
            destinations=_IP_ADDRESSES,
            addresses=(".status.address",),
        ),
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
        *(
            Site(
                clusters=frozenset({"east"}),
                adom=TargetRef(unit, vdom, TargetKind.FORTIGATE),
                devices=(f"{unit}/{vdom}",),
                fleet="branches",
            )
            for unit, vdom in (("branch-7", "root"), ("branch-8", "dmz"))
        ),
    )


def test_every_adom_is_a_fleet_of_its_own_and_sites_join_fortigates() -> None:
    found = {fleet.name: [*map(str, fleet.targets)] for fleet in rules.fleets(WHOLE).values()}
    assert found == {"hq/prod": ["hq/prod"], "branches": ["branch-7/root", "branch-8/dmz"]}


def test_fortigates_without_a_name_for_their_fleet_are_one_for_each_site() -> None:
    more = "  - {clusters: [east], fortigates: [branch-8/root, branch-7]}\n"
    found = rules.fleets(parsed(DIRECT + more))
    assert {str(ref): fleet.name for ref, fleet in found.items()} == {
        "branch-7/root": "branch-7+branch-8/dmz",  # named twice: the first site's
        "branch-8/dmz": "branch-7+branch-8/dmz",
        "branch-8/root": "branch-8/root+branch-7",
    }


def test_what_is_meant_for_fortigates_without_a_fortimanager_is_missed_in_no_adom() -> None:
    text = (
        UNITS
        + DIRECT
        + "  - {clusters: [east], fortimanager: hq, adom: a, devices: [f]}\n"
        + "install: {rollout: {canary: [branch-7, f]}, windows: [{kind: deny, duration: 1h,"
        " schedule: '0 1 * * *', devices: ['branch-*', 'f*']}]}"
    )
    config = parsed(text)

    def named(ref: TargetRef) -> set[str]:
        return {place.name for place in terms.named_places(config)(ref)}

    assert named(TargetRef("hq", "a")) == {"f", "f*"}
    assert "f" not in named(TargetRef("branch-7", "root", TargetKind.FORTIGATE))


@pytest.mark.parametrize(
    ("words", "places"),
    [
        ("[branch-7]", "branch-7/root"),
        ("[branch-8/dmz]", "branch-8/dmz"),
        ("[branch-8/dmz, branch-8/root]", "branch-8/dmz branch-8/root"),
        ('["branch-*"]', "branch-7/root branch-8/root"),
        ('["branch-*/dmz"]', "branch-7/dmz branch-8/dmz"),
        # a unit that is named is not meant by patterns as well
        ('["branch-*", branch-8/dmz]', "branch-7/root branch-8/dmz"),
        ('["branch-[7]"]', "branch-7/root"),
        ('["*", "branch-*"]', "branch-7/root branch-8/root"),
    ],
)
def test_a_site_names_fortigates_by_name_or_pattern(words: str, places: str) -> None:
    config = parsed(DIRECT.replace("[branch-7, branch-8/dmz]", words))
    assert [str(site.adom) for site in rules.sites(config)] == places.split()


def test_a_cluster_without_ranges_may_publish_anything() -> None:
    assert rules.allowed_ranges(WHOLE) == {
        "west": (ipaddress.ip_network("10.40.0.0/14"), ipaddress.ip_network("2001:db8:40::/44"))
    }
