"""Since when a grant is stale: a table over what was known, wanted and held."""

from __future__ import annotations

import pytest

from fmgsync.assessing import stale
from fmgsync.assessing.stale import Fault, Key, Since
from fmgsync.model.address import Address
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.model.view import DeviceView, GroupState, GroupView, StaleGrant

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


def test_a_place_that_is_in_no_view_any_more_is_forgotten() -> None:
    assert stale.track(known(b=OLD), [], lambda name: False, now=NOW) == {}


def test_views_are_dated_and_reuse_is_marked() -> None:
    grants = (StaleGrant("web", A), StaleGrant("web", B))
    seen = [DeviceView(PLACE, TargetRef("hq", "prod"), (), grants)]
    (marked,) = stale.dated(seen, known(b=OLD), lambda target, address: address == A)
    assert marked.stale_grants == (
        StaleGrant("web", A, None, reused=True),
        StaleGrant("web", B, OLD),
    )
