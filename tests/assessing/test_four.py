"""One word per group and device: the order of the questions is the product's promise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fmgsync.assessing import four, pending
from fmgsync.model.address import Address, Family
from fmgsync.model.adom import AdomTopology, Device, Reading, Workspace
from fmgsync.model.rollout import PendingReason
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.model.view import GroupState, StaleGrant
from tests.assessing import scenes

REF = TargetRef("hq", "prod")
FGT = DeviceVdom("fgt", "root")
A1, B1 = Address("10.1.0.1"), Address("10.1.0.2")
A, B = frozenset({A1}), frozenset({B1})
SILENT = Reading(None, "no tunnel")
UNASKED = None
OPAQUE = Reading({}, opaque=frozenset({"web"}))
EMPTY: frozenset[Address] = frozenset()


def facts(
    *,
    adom: frozenset[Address] = A,
    database: frozenset[Address] | Reading = A,
    device: frozenset[Address] | Reading | None = A,
    modified: bool = False,
    referenced: bool = True,
    write_pending: bool = False,
    held: bool = False,
) -> four.Facts:
    place = (FGT, "web")
    answered = device if isinstance(device, Reading) else Reading({"web": device or frozenset()})
    copied = database if isinstance(database, Reading) else Reading({"web": database})
    return four.Facts(
        ref=REF,
        topology=AdomTopology(
            REF,
            (7, 4),
            Workspace.DISABLED,
            {"fgt": Device("fgt", ("root",), True, True, modified)},
            {},
        ),
        desired={FGT: {"web": A}},
        adom={FGT: {"web": adom}},
        reach={place: "edge"} if referenced else {},
        databases={FGT: copied},
        devices={} if device is None else {FGT: answered},
        write_pending=frozenset({place}) if write_pending else frozenset(),
        held=frozenset({place}) if held else frozenset(),
    )


CASES = {
    "all four agree": (facts(), GroupState.IN_SYNC),
    "the ADOM is behind": (facts(adom=B, write_pending=True), GroupState.WRITE_PENDING),
    "held by the guard": (facts(held=True), GroupState.HELD),
    "the part that is not held goes on": (facts(database=B, held=True), GroupState.INSTALL_PENDING),
    "no policy brings it to the device": (facts(referenced=False), GroupState.NOT_REFERENCED),
    "the device database is behind": (facts(database=B, device=B), GroupState.INSTALL_PENDING),
    "a failed install left the device behind": (
        facts(device=B, modified=True),
        GroupState.INSTALL_PENDING,
    ),
    "the device was changed by hand": (facts(device=B), GroupState.DRIFTED),
    "the device does not answer": (facts(device=SILENT), GroupState.UNREACHABLE),
    "the device was not asked": (facts(device=UNASKED), GroupState.UNKNOWN),
    "what cannot be told is not nothing": (
        facts(adom=EMPTY, database=EMPTY, device=OPAQUE),
        GroupState.DRIFTED,
    ),
    "nor is it in the device database": (
        facts(adom=EMPTY, database=OPAQUE, device=EMPTY),
        GroupState.INSTALL_PENDING,
    ),
    "the device database is not readable": (facts(database=SILENT), GroupState.UNKNOWN),
    "in sync by its own word, whatever FortiManager believes": (
        facts(modified=True),
        GroupState.IN_SYNC,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_state(case: str) -> None:
    given, expected = CASES[case]
    (view,) = four.device_views(given)
    assert view.groups[0].state is expected


def test_a_stale_grant_is_an_address_only_the_device_still_holds() -> None:
    (view,) = four.device_views(facts(adom=A, database=A, device=A | B))
    assert [(grant.group, grant.address, grant.since) for grant in view.stale_grants] == [
        ("web", "10.1.0.2", None)
    ]


def test_an_unread_source_makes_no_stale_grants() -> None:
    """What should be there is not known, so nothing can be called stale."""
    given = facts(device=A | B)
    unknown = four.Facts(
        given.ref, given.topology, {FGT: {"web": None}}, given.adom, given.reach,
        given.databases, given.devices,
    )  # fmt: skip
    (view,) = four.device_views(unknown)
    assert view.stale_grants == ()


@pytest.mark.parametrize(
    ("given", "reasons"),
    [
        (facts(database=B, device=B), (PendingReason.DEVICE_DATABASE_BEHIND,)),
        (facts(device=B, modified=True), (PendingReason.DEVICE_BEHIND,)),
        (facts(adom=EMPTY, database=OPAQUE), (PendingReason.DEVICE_DATABASE_BEHIND,)),
        (facts(device=B), None),
        (facts(referenced=False, database=B), None),
    ],
    ids=[
        "database behind",
        "database unclear",
        "push failed",
        "drift is not pending",
        "never referenced",
    ],
)
def test_pending(given: four.Facts, reasons: tuple[PendingReason, ...] | None) -> None:
    """Drift is reported, not overwritten; what no policy uses is never installed."""
    found = pending.pending_installs(four.device_views(given), given.reach)
    assert [entry.reasons for entry in found] == ([] if reasons is None else [reasons])


PLACE = (FGT, "web")
SIX = frozenset({Address("2001:db8::1")})
OFFLINE = {"fgt": Device("fgt", ("root",), False, True, False, last_checked=1000)}
NO_ANSWER = "no tunnel; FortiManager last checked it 1970-01-01T00:16:40Z"
PLAIN = "it holds something else than plain addresses there"


def but(given: four.Facts, **changes: Any) -> four.Facts:
    """The facts with these; `devices_are`: what FortiManager says of the devices."""
    if (devices := changes.pop("devices_are", None)) is not None:
        changes["topology"] = replace(given.topology, devices=devices)
    return replace(given, **changes)


AHEAD = replace(facts().topology.devices["fgt"], database_modified=True)
MUTE = Reading(None)
UNKNOWN, DRIFTED, HELD = GroupState.UNKNOWN, GroupState.DRIFTED, GroupState.HELD
PENDING, WRITE = GroupState.INSTALL_PENDING, GroupState.WRITE_PENDING
REASON = {PLACE: "the reason", (FGT, "db"): "of another", (DeviceVdom("x", "root"), "web"): "there"}
WHY: dict[str, tuple[four.Facts, GroupState, str]] = {
    "in sync": (facts(), GroupState.IN_SYNC, ""),
    "the ADOM does not hold it": (but(facts(), adom={}), WRITE, ""),
    "nor where it holds others": (but(facts(), adom={FGT: {}}), WRITE, ""),
    "what is written waits for somebody": (
        but(facts(write_pending=True), submitted="session 7 waits", reasons=REASON),
        WRITE,
        "session 7 waits",
    ),
    "it cannot be carried out": (
        but(facts(write_pending=True), blocked=frozenset({"web"}), reasons=REASON),
        HELD,
        "the reason",
    ),
    "another cannot": (but(facts(), blocked=frozenset({"db"})), GroupState.IN_SYNC, ""),
    "held": (but(facts(held=True), reasons=REASON), HELD, "the reason"),
    "held, without a reason": (facts(held=True), HELD, ""),
    "held, and drifted": (facts(held=True, device=B), DRIFTED, ""),
    "one of several packages": (
        but(facts(referenced=False), disputed=frozenset({PLACE}), reasons=REASON),
        HELD,
        "the reason",
    ),
    "no policy": (
        but(facts(referenced=False), disputed=frozenset({(FGT, "db")}), reasons=REASON),
        GroupState.NOT_REFERENCED,
        "the reason",
    ),
    "the copy was not asked for": (
        but(facts(), databases={}),
        UNKNOWN,
        "the device itself was not asked",
    ),
    "the copy is not readable": (facts(database=SILENT), UNKNOWN, "no tunnel"),
    "the device was not asked": (facts(device=UNASKED), UNKNOWN, "the device itself was not asked"),
    "the device does not answer": (facts(device=SILENT), GroupState.UNREACHABLE, "no tunnel"),
    "nor says why": (facts(device=MUTE), GroupState.UNREACHABLE, "the device did not answer"),
    "it is offline": (
        but(facts(device=SILENT), devices_are=OFFLINE),
        GroupState.UNREACHABLE,
        NO_ANSWER,
    ),
    "it is online by now": (
        but(
            facts(device=SILENT),
            devices_are={"fgt": replace(OFFLINE["fgt"], online=True)},
        ),
        GroupState.UNREACHABLE,
        "no tunnel",
    ),
    "nobody knows when it was checked": (
        but(
            facts(device=SILENT),
            devices_are={"fgt": replace(OFFLINE["fgt"], last_checked=None)},
        ),
        GroupState.UNREACHABLE,
        "no tunnel",
    ),
    "FortiManager does not know it": (
        but(facts(device=SILENT), devices_are={}),
        GroupState.UNREACHABLE,
        "no tunnel",
    ),
    "another device's database is ahead": (
        but(facts(device=B), devices_are={"x": AHEAD}),
        DRIFTED,
        "",
    ),
    "drifted, without more": (but(facts(device=B), reasons=REASON), DRIFTED, ""),
    "the device holds what is none": (facts(device=OPAQUE), DRIFTED, PLAIN),
    "the copy holds what is none": (facts(database=OPAQUE), PENDING, PLAIN),
    "another group does": (facts(device=Reading({}, opaque=frozenset({"db"}))), DRIFTED, ""),
    "behind, one family only": (
        but(facts(database=B), families={PLACE: frozenset({Family.IPV4})}, reasons=REASON),
        PENDING,
        "the reason",
    ),
    "behind, both families": (but(facts(database=B), reasons=REASON), PENDING, ""),
    "only the family that is used counts": (
        but(facts(database=A | SIX, device=A), families={PLACE: frozenset({Family.IPV4})}),
        GroupState.IN_SYNC,
        "",
    ),
    "or both do": (facts(database=A | SIX, device=A), PENDING, ""),
    "what is wanted is not known": (
        but(facts(), desired={FGT: {"web": None}}, reasons=REASON),
        UNKNOWN,
        "the reason",
    ),
    "nor why": (
        but(facts(), desired={FGT: {"web": None}}),
        UNKNOWN,
        "what the rules want there is not known",
    ),
    "what is not known has drifted": (
        but(facts(device=B), desired={FGT: {"web": None}}),
        DRIFTED,
        "",
    ),
    "writing is delivering": (
        but(facts(database=SILENT, device=UNASKED, referenced=False), staged=False),
        GroupState.IN_SYNC,
        "",
    ),
    "and it is held": (but(facts(held=True, referenced=False), staged=False), HELD, ""),
    "and it is still to be written": (but(facts(write_pending=True), staged=False), WRITE, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", WHY)
def test_a_state_says_why(case: str) -> None:
    given, state, because = WHY[case]
    (found,) = four.device_views(given)
    assert (found.groups[0].state, found.groups[0].because) == (state, because)
    assert found.groups[0].in_error is ("web" in given.blocked)


def test_views_are_in_order() -> None:
    """Devices, groups, and what is stale in each."""
    places = [DeviceVdom(f"fgt-{number:02}", "root") for number in range(20)]
    many = frozenset(Address(f"10.1.0.{number}") for number in range(20, 60))
    asked = {place: {"web": A, "db": A} for place in reversed(places)}
    held = Reading({"web": many, "db": A | B})
    views = four.device_views(but(facts(), desired=asked, devices=dict.fromkeys(places, held)))
    assert [each.target for each in views] == places
    for each in views:
        assert [group.name for group in each.groups] == ["db", "web"]
        expected = [("db", "10.1.0.2"), *(("web", one) for one in sorted(many))]
        assert [(grant.group, grant.address) for grant in each.stale_grants] == expected


@pytest.mark.parametrize("device", [UNASKED, SILENT, OPAQUE])
def test_what_a_device_does_not_tell_is_not_stale(device: Reading | None) -> None:
    (view,) = four.device_views(facts(device=device))
    assert view.stale_grants == ()


def test_a_device_that_knows_no_such_group_holds_nothing() -> None:
    """Which is an answer."""
    (view,) = four.device_views(facts(device=Reading({"db": A}), database=Reading({})))
    assert (view.groups[0].device, view.groups[0].device_database) == (EMPTY, EMPTY)
    assert four.keys("web") == ((Family.IPV4, "web"), (Family.IPV6, "web"))


def test_what_cannot_be_carried_out_makes_nothing_stale() -> None:
    (view,) = four.device_views(but(facts(device=A | B), blocked=frozenset({"web"})))
    assert view.stale_grants == ()


@pytest.mark.parametrize(
    ("device", "expected"),
    [(A, ""), (UNASKED, ""), (SILENT, "no tunnel"), (Reading(None), "the device did not answer")],
)
def test_a_device_that_was_asked_and_is_silent(device: Any, expected: str) -> None:
    (view,) = four.device_views(facts(device=device))
    assert view.silent == expected


def test_for_a_proof_only_what_a_device_says_counts() -> None:
    alone = scenes.view("alone", state=GroupState.NOT_REFERENCED)
    wrong = scenes.view("wrong", state=HELD, in_error=True, because="an error")
    here, there = scenes.view("web", because="x"), scenes.view("db")
    silent = scenes.on(FGT, alone, wrong, here, silent="no tunnel")
    talks = scenes.on(FGT, here, there)
    told = replace(here, state=GroupState.UNREACHABLE, because="no tunnel")
    assert four.for_proof([silent, talks]) == (replace(silent, groups=(alone, wrong, told)), talks)
    assert four.asked_for(silent) == (here,)


def test_a_part_that_is_seen_anew_takes_the_place_of_what_was_known() -> None:
    other = DeviceVdom("other", "root")
    old = (StaleGrant("db", Address("10.1.0.9")), StaleGrant("web", Address("10.1.0.3")))
    new = tuple(StaleGrant(*each) for each in (("web", B1), ("web", A1), ("app", A1)))
    views = [
        scenes.on(FGT, scenes.view("web"), scenes.view("db"), stale_grants=old),
        scenes.on(other, scenes.view("web"), stale_grants=old),
    ]
    fresh = scenes.view("web", device="2")
    part = scenes.on(FGT, fresh, scenes.view("app"), stale_grants=new)
    strange = scenes.on(DeviceVdom("strange", "root"), scenes.view("web"))
    found = four.joined(views, [part, strange])
    assert found == (
        scenes.on(
            FGT,
            scenes.view("app"),
            scenes.view("db"),
            fresh,
            stale_grants=(new[2], old[0], new[1], new[0]),
        ),
        views[1],
    )


def test_what_waits_for_a_person_is_held_where_it_waits() -> None:
    other = DeviceVdom("other", "root")
    waits, drifted = scenes.view("web"), scenes.view("db", state=DRIFTED)
    views = [scenes.on(FGT, waits, drifted), scenes.on(other, waits)]
    held = replace(waits, state=HELD, because="stopped")
    found = four.with_held(views, {FGT: "stopped"}, GroupState.INSTALL_PENDING)
    assert found == (scenes.on(FGT, held, drifted), views[1])
    assert four.with_held(views, {FGT: "stopped"}, GroupState.WRITE_PENDING) == tuple(views)
