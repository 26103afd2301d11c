"""Since when a grant is stale: a table over what was known, wanted and held."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.assessing import stale
from fmgsync.assessing.observation import Observation
from fmgsync.assessing.stale import Fault, Key, Since
from fmgsync.model.address import Address, Family
from fmgsync.model.adom import AdomTopology, Limits, Surroundings, Workspace
from fmgsync.model.change import AdomPlan
from fmgsync.model.rule import ResolvedSite
from fmgsync.model.state import DesiredAdom, ObservedAdom
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.model.view import DeviceView, GroupState, GroupView, StaleGrant
from fmgsync.planning.usage import Usage

REF = TargetRef("hq", "prod")
PLACE = DeviceVdom("fgt", "root")
A, B = Address("10.1.0.1"), Address("10.1.0.2")
NOW = 1000.0
OLD = 400.0


def addresses(text: str | None) -> frozenset[Address] | None:
    return None if text is None else frozenset({"a": A, "b": B}[letter] for letter in text)


def view(desired: str | None, database: str | None, device: str | None) -> DeviceView:
    group = GroupView(
        "web",
        addresses(desired),
        addresses(desired),
        addresses(database),
        addresses(device),
        GroupState.INSTALL_PENDING,
    )
    return DeviceView(PLACE, TargetRef("hq", "prod"), (group,))


def known(**since: float | None) -> Since:
    return {Key(PLACE, "web", {"a": A, "b": B}[letter]): at for letter, at in since.items()}


@pytest.mark.parametrize(
    ("before", "desired", "database", "device", "expected"),
    [
        (known(), "a", "ab", "ab", {"b": NOW}),
        (known(b=OLD), "a", "ab", "ab", {"b": OLD}),
        (known(b=None), "a", "ab", "ab", {"b": None}),
        # The memory is lost: since when is not known.
        (None, "a", "ab", "ab", {"b": None}),
        # Proven gone by the device itself, wanted again, or not.
        (known(b=OLD), "a", "a", "a", {}),
        (known(b=OLD), "ab", "ab", "ab", {}),
        # FortiManager's copy is ahead of the device: nothing is proven.
        (known(b=OLD), "a", "a", None, {"b": OLD}),
        (known(), "a", "ab", None, {"b": NOW}),
        (known(b=OLD), "ab", "ab", None, {}),
        # Nothing can be said: what was known stays, as long as it still would be wrong.
        (known(b=OLD), "a", None, None, {"b": OLD}),
        (known(b=OLD), "ab", None, None, {}),
        # A cluster was not read: nobody knows what is wanted.
        (known(b=OLD), None, "ab", "ab", {"b": OLD}),
        (known(), None, "ab", "ab", {}),
    ],
)
def test_since_when(
    before: Since | None,
    desired: str | None,
    database: str | None,
    device: str | None,
    expected: dict[str, float | None],
) -> None:
    seen = [view(desired, database, device)]
    found = stale.track(before, seen, lambda name: False, now=NOW)
    assert found == known(**expected)


def test_in_a_group_that_denies_the_missing_address_is_what_opens() -> None:
    found = stale.track({}, [view("ab", "a", "a")], lambda name: True, now=NOW)
    assert found == {Key(PLACE, "web", B, Fault.MISSING): NOW}
    later = stale.track(found, [view("ab", "ab", None)], lambda name: True, now=NOW + 1)
    assert later == found
    assert stale.track(found, [view("ab", "ab", "ab")], lambda name: True, now=NOW + 1) == {}


def test_in_a_group_that_denies_what_is_too_much_is_told_as_well() -> None:
    found = stale.track({}, [view("b", "a", "a")], lambda name: True, now=NOW)
    assert found == {Key(PLACE, "web", A): NOW, Key(PLACE, "web", B, Fault.MISSING): NOW}


def test_a_place_that_is_in_no_view_any_more_is_forgotten() -> None:
    assert stale.track(known(b=OLD), [], lambda name: False, now=NOW) == {}


WEST = DeviceVdom("west", "root")


def test_each_group_of_each_place_has_its_own_times() -> None:
    one, two = view("a", "ab", "ab"), view("a", "ab", "ab")
    other = replace(two.groups[0], name="db")
    seen = [replace(one, groups=(*one.groups, other)), replace(two, target=WEST)]
    before: Since = {Key(PLACE, "web", B): OLD, Key(WEST, "db", B): 1.0, Key(WEST, "web", A): 2.0}
    found = stale.track(before, seen, lambda name: False, now=NOW)
    assert found == {
        Key(PLACE, "web", B): OLD,
        Key(PLACE, "db", B): NOW,
        Key(WEST, "web", B): NOW,
    }


def observed(*denying: str) -> Observation:
    """A pass that saw nothing but which groups close traffic."""
    topology = AdomTopology(REF, (7, 4), Workspace.DISABLED, {}, {})
    return Observation(
        Surroundings(topology, (), Limits()),
        DesiredAdom(REF, "prod", ()),
        ObservedAdom(REF, {}, {}),
        Usage(widening={(Family.IPV6, name): "a deny policy" for name in denying}),
        AdomPlan(REF, ()),
        AdomPlan(REF, ()),
    )


def test_a_group_denies_if_it_does_in_one_family() -> None:
    seen = observed("web")
    assert stale.denies(seen, "web")
    assert not stale.denies(seen, "db")
    found = stale.seen_since({}, [view("ab", "a", "a")], seen, now=NOW)
    assert found == {Key(PLACE, "web", B, Fault.MISSING): NOW}
    assert stale.seen_since({}, [view("ab", "a", "a")], observed("db"), now=NOW) == {}


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, None),  # lost
        ({}, NOW),
        ({Key(PLACE, "web", B): OLD}, OLD),
        ({Key(PLACE, "web", B): None}, None),
        ({Key(PLACE, "web", B): NOW + 86_400}, None),  # by a clock that was wrong
        ({Key(PLACE, "web", A): NOW + 86_400, Key(PLACE, "web", B): OLD}, OLD),
    ],
)
def test_a_time_that_lies_ahead_is_not_known(before: Since | None, expected: float | None) -> None:
    found = stale.seen_since(before, [view("a", "ab", "ab")], observed(), now=NOW)
    assert found == {Key(PLACE, "web", B): expected}


def test_an_address_runs_behind_a_device_if_it_does_in_one_of_its_clusters() -> None:
    sites = [
        ResolvedSite(frozenset({"c1"}), REF, frozenset({PLACE})),
        ResolvedSite(frozenset({"c2"}), REF, frozenset({PLACE, WEST})),
    ]
    runs = stale.running_behind(sites, lambda name, address: (name, address) == ("c1", A))
    assert runs(PLACE, A)
    assert not runs(PLACE, B)
    assert not runs(WEST, A)
    assert not runs(DeviceVdom("nowhere", "root"), A)


def test_views_are_dated_and_reuse_is_marked() -> None:
    grants = (StaleGrant("web", A), StaleGrant("web", B))
    seen = [DeviceView(PLACE, TargetRef("hq", "prod"), (), grants)]
    (marked,) = stale.dated(seen, known(b=OLD), lambda *asked: asked == (PLACE, A))
    assert marked.stale_grants == (
        StaleGrant("web", A, None, reused=True),
        StaleGrant("web", B, OLD),
    )
