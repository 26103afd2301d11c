"""Rules x clusters x sites: who gets which addresses, and what is withheld."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest

from fmgsync.grouping import clusters, desired, publishable
from fmgsync.model import address
from fmgsync.model.address import Address, Family
from fmgsync.model.change import Finding
from fmgsync.model.endpoint import ClusterSnapshot, Kind, NodeEndpoint, PodEndpoint
from fmgsync.model.labels import Labels
from fmgsync.model.rule import GroupRule, MappingMode, Publish, ResolvedSite, RuleSet
from fmgsync.model.state import DesiredAdom
from fmgsync.model.target import DeviceVdom, TargetKind, TargetRef

REF = TargetRef("hq", "prod")
EAST, WEST = DeviceVdom("fgt-east", "root"), DeviceVdom("fgt-west", "root")
ALL = frozenset(Kind)


def pod(name: str, *ips: str, app: str = "web", ns: str = "shop", node: str = "n1") -> PodEndpoint:
    return PodEndpoint(ns, name, Labels({"app": app}), tuple(map(address.parse, ips)), node)


def cluster(
    name: str,
    *pods: PodEndpoint,
    nodes: tuple[NodeEndpoint, ...] = (),
    namespaces: dict[str, dict[str, str]] | None = None,
    synced: frozenset[Kind] = ALL,
) -> ClusterSnapshot:
    labels = {"shop": {"environment": "prod"}} if namespaces is None else namespaces
    spaces = {namespace: Labels(found) for namespace, found in labels.items()}
    return ClusterSnapshot(name, synced, pods, nodes, spaces)


def rule(select: str = "app == 'web'", **more: object) -> GroupRule:
    return GroupRule("web", select=select, **more)  # type: ignore[arg-type]


def site(target: DeviceVdom, *clusters: str, overlap: bool = False) -> ResolvedSite:
    return ResolvedSite(frozenset(clusters), REF, frozenset({target}), overlap)


def build(
    rules: list[GroupRule],
    sites: list[ResolvedSite],
    *snapshots: ClusterSnapshot,
    ranges: dict[str, list[publishable.Range]] | None = None,
) -> tuple[DesiredAdom, tuple[Finding, ...]]:
    found = clusters.memberships(rules, {s.cluster: s for s in snapshots}, ranges or {})
    wanted = RuleSet(tuple(rules))
    return (
        desired.desired_adom(REF, owner="prod", rules=wanted, sites=sites, members=found.members),
        found.findings,
    )


def at(found: DesiredAdom, target: DeviceVdom, family: Family = Family.IPV4) -> set[str]:
    (group,) = [group for group in found.groups if group.family is family]
    return set(group.mappings[target].addresses)


def test_each_device_gets_the_addresses_of_the_clusters_behind_it() -> None:
    found, _ = build(
        [rule()],
        [site(EAST, "east"), site(WEST, "west")],
        cluster("east", pod("a", "10.1.0.1"), pod("b", "10.1.0.2", app="db")),
        cluster("west", pod("a", "10.2.0.1")),
    )
    assert at(found, EAST) == {"10.1.0.1"}
    assert at(found, WEST) == {"10.2.0.1"}


def test_a_device_in_front_of_two_clusters_gets_both() -> None:
    found, _ = build(
        [rule()],
        [site(EAST, "east"), site(EAST, "west")],
        cluster("east", pod("a", "10.1.0.1")),
        cluster("west", pod("a", "10.2.0.1")),
    )
    assert at(found, EAST) == {"10.1.0.1", "10.2.0.1"}


def test_families_go_into_groups_of_their_own() -> None:
    found, _ = build(
        [rule(families=frozenset(Family))],
        [site(EAST, "east")],
        cluster("east", pod("a", "10.1.0.1", "2001:db8::1")),
    )
    assert at(found, EAST) == {"10.1.0.1"}
    assert at(found, EAST, Family.IPV6) == {"2001:db8::1"}


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [
        ("environment == 'prod'", {"10.1.0.1"}),
        ("environment == 'test'", set()),
        ("all()", {"10.1.0.1"}),
    ],
)
def test_namespace_selectors(namespaces: str, expected: set[str]) -> None:
    found, _ = build(
        [rule(namespaces=namespaces)],
        [site(EAST, "east")],
        cluster("east", pod("a", "10.1.0.1")),
    )
    assert at(found, EAST) == expected


def test_namespace_labels_are_inherited_under_pcns() -> None:
    """As Calico gives every pod the labels of its namespace's profile."""
    found, _ = build(
        [rule("pcns.environment == 'prod' && app == 'web'")],
        [site(EAST, "east")],
        cluster("east", pod("a", "10.1.0.1"), pod("b", "10.1.0.2", app="db")),
    )
    assert at(found, EAST) == {"10.1.0.1"}


def test_publish_node_gives_each_hosting_node_once() -> None:
    nodes = (
        NodeEndpoint("n1", Labels(), (Address("192.168.0.1"),)),
        NodeEndpoint("n2", Labels(), (Address("192.168.0.2"),)),
    )
    found, _ = build(
        [rule(publish=Publish.NODE)],
        [site(EAST, "east")],
        cluster("east", pod("a", "10.1.0.1"), pod("b", "10.1.0.2"), nodes=nodes),
    )
    assert at(found, EAST) == {"192.168.0.1"}


INCOMPLETE = {
    "pods not read": (rule(), cluster("east", synced=frozenset({Kind.NODES}))),
    "namespaces needed, not read": (
        rule(namespaces="environment == 'prod'"),
        cluster("east", pod("a", "10.1.0.1"), synced=frozenset({Kind.PODS})),
    ),
    "nodes needed, not read": (
        rule(publish=Publish.NODE),
        cluster("east", pod("a", "10.1.0.1"), synced=frozenset({Kind.PODS})),
    ),
    "a pod's namespace is missing": (
        rule(namespaces="environment == 'prod'"),
        cluster("east", pod("a", "10.1.0.1", ns="lost")),
    ),
    "a pod's node is missing": (
        rule(publish=Publish.NODE),
        cluster("east", pod("a", "10.1.0.1", node="lost")),
    ),
    "the cluster could not be read": (rule(), cluster("other")),
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_incomplete_sources_retain(case: str) -> None:
    """What is not known to be gone stays, and the reason is told."""
    asked, snapshot = INCOMPLETE[case]
    found, _ = build([asked], [site(EAST, "east")], snapshot)
    (group,) = found.groups
    assert group.mappings[EAST].retain
    assert "east" in group.mappings[EAST].because


def test_a_kind_no_rule_needs_may_be_missing() -> None:
    found, _ = build(
        [rule()],
        [site(EAST, "east")],
        cluster("east", pod("a", "10.1.0.1"), synced=frozenset({Kind.PODS})),
    )
    assert not found.groups[0].mappings[EAST].retain


def test_an_address_of_two_clusters_behind_one_device_is_withheld() -> None:
    """The firewall could not tell the two apart, over all rules."""
    snapshots = (
        cluster("east", pod("a", "10.1.0.1")),
        cluster("west", pod("b", "10.1.0.1"), pod("c", "10.2.0.1")),
    )
    found, _ = build([rule()], [site(EAST, "east", "west")], *snapshots)
    assert at(found, EAST) == {"10.2.0.1"}
    assert [finding.kind for finding in found.findings] == ["overlap"]
    allowed, _ = build([rule()], [site(EAST, "east", "west", overlap=True)], *snapshots)
    assert at(allowed, EAST) == {"10.1.0.1", "10.2.0.1"}


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0", "127.0.0.1", "224.0.0.1", "169.254.1.1", "255.255.255.255",
     "::", "::1", "ff02::1", "fe80::1", "::ffff:10.0.0.1"],
)  # fmt: skip
def test_what_is_no_unicast_address_is_never_published(text: str) -> None:
    found, findings = build(
        [rule(families=frozenset(Family))],
        [site(EAST, "east")],
        cluster("east", pod("a", text)),
    )
    assert at(found, EAST) == at(found, EAST, Family.IPV6) == set()
    assert [finding.kind for finding in findings] == ["withheld"]


def test_allowed_ranges_bound_a_cluster() -> None:
    """A cluster somebody took over must not publish the data centre."""
    found, findings = build(
        [rule()],
        [site(EAST, "east")],
        cluster("east", pod("a", "10.1.0.1"), pod("b", "10.9.0.1")),
        ranges={"east": [ipaddress.ip_network("10.1.0.0/16")]},
    )
    assert at(found, EAST) == {"10.1.0.1"}
    assert "10.9.0.1" in findings[0].message


def test_a_rule_for_some_clusters_reaches_only_their_devices() -> None:
    found, _ = build(
        [rule(clusters=frozenset({"east"}))],
        [site(EAST, "east"), site(WEST, "west")],
        cluster("east", pod("a", "10.1.0.1")),
        cluster("west", pod("a", "10.2.0.1")),
    )
    assert set(found.groups[0].mappings) == {EAST}


def test_shared_mapping_holds_the_union() -> None:
    found, _ = build(
        [rule(mapping=MappingMode.SHARED)],
        [site(EAST, "east"), site(WEST, "west")],
        cluster("east", pod("a", "10.1.0.1")),
        cluster("west", pod("a", "10.2.0.1")),
    )
    (group,) = found.groups
    assert group.shared is not None
    assert set(group.shared.addresses) == {"10.1.0.1", "10.2.0.1"}
    assert group.places == {EAST, WEST}


def test_a_shared_mapping_holds_nothing_that_is_withheld_at_one_of_its_places() -> None:
    """What is withheld on one firewall must not reach it through what another one is allowed."""
    found, _ = build(
        [rule(mapping=MappingMode.SHARED)],
        [site(EAST, "east", "west"), site(WEST, "west")],
        cluster("east", pod("a", "10.1.0.1")),
        cluster("west", pod("b", "10.1.0.1"), pod("c", "10.2.0.1")),
    )
    (group,) = found.groups
    assert group.shared is not None
    assert set(group.shared.addresses) == {"10.2.0.1"}


@pytest.mark.parametrize(
    ("rules", "ranges"),
    [
        pytest.param([rule()], ["10.0.0.0/8"], id="as before"),
        pytest.param([rule("app == 'db'")], ["10.0.0.0/8"], id="another selector"),
        pytest.param([], ["10.0.0.0/8"], id="a rule less"),
        pytest.param([rule(), GroupRule("all", select="all()")], ["10.0.0.0/8"], id="a rule more"),
        pytest.param([rule()], ["10.0.0.1/32"], id="a narrower range"),
        pytest.param([rule(clusters=frozenset({"west"}))], ["10.0.0.0/8"], id="elsewhere"),
    ],
)
def test_a_configuration_that_follows_another_starts_from_what_is_known(
    rules: list[GroupRule], ranges: list[str]
) -> None:
    """The answers are those of a fresh look; a cluster that is another is not believed."""
    east = cluster(
        "east", pod("a", "10.0.0.1"), pod("b", "10.0.0.2"), pod("c", "10.0.0.3", app="db")
    )
    snapshots = {"east": east, "west": cluster("west", pod("a", "10.1.0.1"))}
    before = clusters.memberships([rule()], snapshots, {"east": networks("10.0.0.0/8")})
    after = clusters.Memberships(rules, ["east", "west"], {"east": networks(*ranges)})
    after.succeed(before, ["east"])
    after.refresh()
    whole = clusters.memberships(rules, {"east": east}, {"east": networks(*ranges)})
    assert {key: found for key, found in after.members.items() if key[1] == "east"} == whole.members
    assert after.findings == whole.findings
    assert not any(found.complete for key, found in after.members.items() if key[1] == "west")


def networks(*texts: str) -> list[publishable.Range]:
    return [ipaddress.ip_network(text) for text in texts]


def test_what_a_group_has_of_its_rule_and_of_the_rules() -> None:
    """Whether it may be empty, what else it may be called, who is behind the sites."""
    rules = RuleSet(
        (rule(allow_empty=True, families=frozenset(Family)),),
        unread="not read",
        aliases={"web": "old"},
        broad=frozenset({"web"}),
    )
    for mapping in MappingMode:
        asked = replace(rules, rules=(replace(rules.rules[0], mapping=mapping),))
        found = desired.desired_adom(
            REF, owner="prod", rules=asked, sites=[site(EAST, "east")], members={}
        )
        assert [group.family for group in found.groups] == sorted(Family)
        assert all(group.allow_empty and not group.keeps for group in found.groups)
        assert found.unread == "not read"
        assert found.aliases == {"web": "old"}
        assert found.broad == {"web"}
        assert found.behind == {EAST}
        assert not found.errors


LEFT = "what FortiManager holds for it is left as it is, and for devices that no site names"


@pytest.mark.parametrize(
    ("kind", "because"),
    [
        (TargetKind.FORTIMANAGER, LEFT),
        (TargetKind.FORTIGATE, "nobody is asked for it"),
    ],
)
def test_a_part_of_a_site_that_is_not_there_keeps_what_there_is(
    kind: TargetKind, because: str
) -> None:
    """Told once, whatever sites name it; groups of other clusters' rules keep nothing."""
    lost = replace(site(EAST, "east"), missing=(("fgt-x", "no such device"),))
    rules = RuleSet((rule(), GroupRule("db", select="all()", clusters=frozenset({"west"}))))
    found = desired.desired_adom(
        TargetRef("hq", "prod", kind),
        owner="prod",
        rules=rules,
        sites=[lost, replace(lost, targets=frozenset()), site(WEST, "west")],
        members={},
    )
    told = f"no such device; {because}: correct 'sites'"
    assert found.errors == (Finding("missing-place", "fgt-x", told, is_error=True),)
    assert [(group.name, group.keeps) for group in found.groups] == [("web", True), ("db", False)]


@pytest.mark.parametrize("mapping", MappingMode)
def test_a_rule_all_of_whose_devices_are_missing_keeps_its_group(mapping: MappingMode) -> None:
    lost = ResolvedSite(frozenset({"east"}), REF, frozenset(), missing=(("x", "gone"),))
    found, _ = build([rule(mapping=mapping)], [lost], cluster("east", pod("a", "10.1.0.1")))
    (group,) = found.groups
    assert group.keeps
    other, _ = build([rule(clusters=frozenset({"west"}))], [lost], cluster("east"))
    assert other.groups == ()


def test_a_shared_group_has_the_members_of_clusters_whose_devices_are_missing() -> None:
    """They are somewhere; without them, what is pushed to the others would take them away."""
    lost = ResolvedSite(frozenset({"west"}), REF, frozenset(), missing=(("x", "gone"),))
    clusters = (
        cluster("east", pod("a", "10.1.0.1")),
        cluster("west", pod("b", "10.2.0.1", "2001:db8::1")),
    )
    (group,) = build([rule(mapping=MappingMode.SHARED)], [site(EAST, "east"), lost], *clusters)[
        0
    ].groups
    assert group.shared is not None
    assert group.shared.addresses == {"10.1.0.1", "10.2.0.1"}
    assert not group.shared.retain
    assert group.places == {EAST}


def test_a_shared_group_retains_where_one_cluster_is_incomplete() -> None:
    """Each reason once."""
    sites = [site(EAST, "east", "north"), site(WEST, "west", "north")]
    found, _ = build(
        [rule(mapping=MappingMode.SHARED)],
        sites,
        cluster("east", pod("a", "10.1.0.1")),
        cluster("west", pod("b", "10.2.0.1")),
    )
    (group,) = found.groups
    assert group.shared is not None
    assert group.shared.retain
    assert group.shared.because == "cluster north: could not be read"
    assert group.shared.addresses == {"10.1.0.1", "10.2.0.1"}
    whole, _ = build([rule(mapping=MappingMode.SHARED)], [site(EAST, "east"), site(WEST, "west")],
                     cluster("east"), cluster("west", synced=frozenset()))  # fmt: skip
    (other,) = whole.groups
    assert other.shared is not None
    assert other.shared.retain
    assert other.shared.because == "cluster west: pods not read completely"


def test_overlaps_are_told_for_each_device_by_address() -> None:
    """A device of one cluster, or one that tolerates it, comes before, and changes nothing."""
    a, b, c = (DeviceVdom(name, "root") for name in ("a", "b", "c"))
    sites = [
        site(a, "east"),
        site(b, "east", "west", overlap=True),
        site(c, "west", "north", "east"),
    ][::-1]
    pods = [pod("a", "10.1.0.9"), pod("b", "10.1.0.1")]
    found, _ = build([rule()], sites, cluster("east", *pods), cluster("west", *pods),
                     cluster("north", pod("c", "10.3.0.1")))  # fmt: skip
    assert found.findings == tuple(
        Finding(
            "overlap",
            ip,
            f"{ip} is published by clusters east and west; withheld",
            device=c,
        )
        for ip in ("10.1.0.1", "10.1.0.9")
    )
    assert at(found, c) == {"10.3.0.1"}


def test_devices_come_in_one_order() -> None:
    found, _ = build([rule()], [site(WEST, "east"), site(EAST, "east")], cluster("east"))
    assert [*found.groups[0].mappings] == [EAST, WEST]


def test_reasons_of_several_clusters_stand_in_one_order() -> None:
    """One that could not be read hides no other."""
    found, _ = build(
        [rule()],
        [site(EAST, "b", "a", "c")],
        cluster("b", synced=frozenset()),
        cluster("c", pod("x", "10.1.0.1")),
    )
    members = found.groups[0].mappings[EAST]
    assert members.because == ("cluster a: could not be read; cluster b: pods not read completely")
    assert members.addresses == {"10.1.0.1"}
