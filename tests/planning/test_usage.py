"""Who uses a group, and on which devices a policy brings it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.model.adom import PolicyUse
from fmgsync.model.state import DesiredAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import usage
from tests.planning.estates import OWNER, REF, shared
from tests.planning.usages import EAST, V4, WEST, adom, group, package, policy


def test_a_policy_brings_a_group_to_all_targets_of_its_package() -> None:
    found = usage.find_usage([package(policy("web"))], adom(group("web")))
    assert found.devices[V4, "web"] == {EAST: "edge", WEST: "edge"}


def test_install_on_narrows_the_targets() -> None:
    found = usage.find_usage(
        [package(policy("web", install_on=frozenset({EAST})))], adom(group("web"))
    )
    assert found.devices[V4, "web"] == {EAST: "edge"}


def test_use_goes_through_foreign_groups() -> None:
    observed = adom(group("web"), group("all-apps", "web", owned=False))
    found = usage.find_usage([package(policy("all-apps"))], observed)
    assert found.reaches([(V4, "web")], EAST)
    assert (V4, "web") in found.used


@pytest.mark.parametrize(
    ("members", "mapped", "reached"),
    [(("web",), ("net",), WEST), (("net",), ("web",), EAST)],
    ids=["taken out on one device", "put in on one device"],
)
def test_a_foreign_groups_mapping_decides_what_it_brings_to_a_device(
    members: tuple[str, ...], mapped: tuple[str, ...], reached: DeviceVdom
) -> None:
    """FortiManager copies the value a device has, and with it what that value names."""
    apps = ObservedGroup("apps", V4, members, {EAST: mapped}, "", owned=False)
    around = group("around", "apps", owned=False)
    found = usage.find_usage([package(policy("around"))], adom(group("web"), apps, around))
    assert found.devices[V4, "web"] == {reached: "edge"}
    assert (V4, "web") in found.used


def test_what_a_foreign_group_takes_away_opens_when_it_is_empty() -> None:
    """`all-apps` is everything but web: with an empty web it is everything."""
    apart = ObservedGroup("all-apps", V4, ("net",), {}, "", owned=False, excluded={None: ("web",)})
    found = usage.find_usage([package(policy("all-apps"))], adom(group("web"), apart))
    assert found.widening == {(V4, "web"): "excluded from group all-apps"}
    assert (V4, "web") in found.used
    assert found.reaches([(V4, "web")], EAST)


def test_what_lies_in_an_own_group_is_ours_to_take_out() -> None:
    """A policy uses our group; the addresses inside are not thereby somebody else's."""
    observed = adom(group("web", "prod_10.1.0.5"))
    found = usage.find_usage([package(policy("web"))], observed)
    assert found.used == {(V4, "web")}
    assert found.reaches([(V4, "prod_10.1.0.5")], EAST)


def test_groups_that_contain_each_other_end_the_walk() -> None:
    observed = adom(group("a", "b", owned=False), group("b", "a", owned=False))
    found = usage.find_usage([package(policy("a"))], observed)
    assert found.used == {(V4, "a"), (V4, "b")}


@pytest.mark.parametrize(
    "use",
    [policy("web", action="deny"), policy(negated=("web",))],
    ids=["deny policy", "negated position"],
)
def test_emptying_opens_traffic_where_a_group_denies_or_is_negated(use: PolicyUse) -> None:
    found = usage.find_usage([package(use)], adom(group("web")))
    assert set(found.widening) == {(V4, "web")}


def test_an_accept_policy_is_closed_by_an_empty_group() -> None:
    assert usage.find_usage([package(policy("web"))], adom(group("web"))).widening == {}


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (policy("web", action="deny"), "used in deny policy 1 of package edge"),
        (policy("web", action="redirect"), "used in redirect policy 1 of package edge"),
        (policy("web", action=""), "used in deny policy 1 of package edge"),
        (policy(negated=("web",)), "negated in policy 1 of package edge"),
    ],
)
def test_the_policy_that_opens_is_named(use: PolicyUse, said: str) -> None:
    assert usage.find_usage([package(use)], adom(group("web"))).widening == {(V4, "web"): said}


@pytest.mark.parametrize(
    ("used", "policies", "unread", "expected"),
    [
        (["web"], [policy("web")], (), {}),
        (["web"], [policy(negated=("web",))], (), {}),
        ([], [], (), {}),
        (["web"], [], (), {"web": "something uses it"}),
        (["web"], [policy("db")], (), {"web": "something uses it"}),
        (["theirs"], [], (), {}),
        ([], [policy("web")], ("its policies",), dict.fromkeys(["web", "db"], "its policies is")),
    ],
)
def test_who_uses_a_group_is_unknown_where_no_policy_that_is_read_names_it(
    used: list[str], policies: list[PolicyUse], unread: tuple[str, ...], expected: dict[str, str]
) -> None:
    groups = adom(group("web"), group("db"), group("theirs", owned=False))
    observed = replace(groups, used=frozenset((V4, name) for name in used))
    read = replace(package(*policies), unread=unread)
    found = usage.find_usage([read], observed).unknown
    assert found.keys() == {(V4, name) for name in expected}
    assert all(said in found[V4, name] for name, said in expected.items())


def test_any_of_several_objects_reaches() -> None:
    found = usage.find_usage([package(policy("web"))], adom(group("web"), group("db")))
    assert found.reaches([(V4, "db"), (V4, "web")], EAST)
    assert not found.reaches([(V4, "db")], EAST)
    assert not found.reaches([], EAST)


def test_what_a_value_of_its_own_takes_away_reaches_devices_without_a_mapping() -> None:
    apps = ObservedGroup(
        "apps", V4, ("net",), {EAST: ("net",)}, "", owned=False, excluded={None: ("web",)}
    )
    found = usage.find_usage([package(policy("apps"))], adom(group("web"), apps))
    assert found.devices[V4, "web"] == {WEST: "edge"}


def test_what_an_own_group_holds_is_wherever_the_group_is() -> None:
    """Own values and mappings change with the plan; what somebody excluded there is set back."""
    own = ObservedGroup("web", V4, ("a",), {EAST: ("b",)}, "", owned=True, excluded={None: ("c",)})
    found = usage.find_usage([package(policy("web"))], adom(own))
    everywhere = {EAST: "edge", WEST: "edge"}
    assert found.devices == {(V4, name): everywhere for name in ("web", "a", "b", "c")}
    assert found.widening == {}


def test_several_packages_that_may_bring_a_group_dispute_it() -> None:
    apps = ObservedGroup("apps", V4, ("net",), {EAST: ("web",)}, "", owned=False)
    one = replace(package(policy("apps")), targets=frozenset({WEST}), disputed=frozenset({EAST}))
    found = usage.find_usage([one], adom(group("web"), apps))
    assert found.disputed[V4, "web"] == {EAST}
    assert (V4, "web") not in {k for k, places in found.devices.items() if places}


def test_where_writing_is_delivering_a_group_is_there_whoever_uses_it() -> None:
    """A FortiGate holds what is written to it; only a FortiManager leaves out what nobody uses."""
    place = DeviceVdom("branch", "root")
    web = shared("web", ["10.0.0.1"], place)
    wanted = DesiredAdom(REF, OWNER, (web,), behind=frozenset({place}))
    found = usage.delivered(usage.Usage(), wanted, adom(group("old")))
    assert found.reaches([(V4, "web")], place)
    assert found.devices == {(V4, "web"): {place: ""}, (V4, "old"): {place: ""}}
    assert not found.reaches([(V4, "api")], place)
