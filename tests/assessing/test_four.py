"""One word per group and device: the order of the questions is the product's promise."""

from __future__ import annotations

import pytest

from fmgsync.assessing import four, pending
from fmgsync.model.address import Address
from fmgsync.model.adom import AdomTopology, Device, Reading, Workspace
from fmgsync.model.rollout import PendingReason
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.model.view import GroupState

REF = TargetRef("hq", "prod")
FGT = DeviceVdom("fgt", "root")
A = frozenset({Address("10.1.0.1")})
B = frozenset({Address("10.1.0.2")})
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


def test_requests_join_devices_of_one_package() -> None:
    views = four.device_views(facts(database=B))
    found = pending.pending_installs(views, {(FGT, "web"): "edge"})
    (request,) = pending.requests((*found, *found))
    assert (request.package, request.targets) == ("edge", (FGT,))
