"""What cannot wait for a window: what must leave, how early that starts, on which devices."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fmgsync.assessing import exposure
from fmgsync.assessing.stale import Fault, Key, Since
from fmgsync.model.address import Address
from fmgsync.model.change import Action, AdomPlan, Change, ObjectKind
from fmgsync.model.rollout import PendingInstall, PendingReason
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import GroupView, StaleGrant
from fmgsync.scheduling.admission import Admission
from fmgsync.scheduling.budget import Limit, Percent
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rollout import Candidate, Readiness
from fmgsync.scheduling.timetable import Judgement, Opening
from fmgsync.scheduling.urgent import Exposure, ExposureKind, RemovalPolicy, Urgent
from tests.assessing.scenes import on, seen, view
from tests.planning.estates import EAST, REF, V4, WEST, adom, group, own

ONE, TWO = Address("10.1.0.1"), Address("10.1.0.2")
SIX = Address("2001:db8::9")
STALE, REUSED, MISSING = ExposureKind.STALE, ExposureKind.REUSED, ExposureKind.MISSING_IN_DENY
EARLY, LATE = (datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in (8, 9))
GRANTS = (
    StaleGrant("web", ONE),
    StaleGrant("web", TWO, reused=True),
    StaleGrant("db", ONE, reused=True),
)


def pending(place: DeviceVdom) -> PendingInstall:
    return PendingInstall(REF, place, "edge", ("web",), (PendingReason.DEVICE_BEHIND,))


def key(address: Address, name: str = "web", *, missing: bool = False) -> Key:
    return Key(EAST, name, address, Fault.MISSING if missing else Fault.STALE)


def at(when: datetime | None) -> float | None:
    return when.timestamp() if when else None


Row = tuple[GroupView, dict[Key, datetime | None], list[tuple[datetime | None, ExposureKind]]]
EXPOSED: dict[str, Row] = {
    "it leaves with the install": (view(adom=""), {key(ONE): EARLY}, [(EARLY, STALE)]),
    "it is still in the ADOM": (view(adom="1"), {key(ONE): EARLY}, []),
    "what the ADOM holds is not known": (view(adom=None), {key(ONE): EARLY}, []),
    "of another group": (view(adom=""), {key(ONE, "db"): EARLY}, []),
    "as old as its oldest": (
        view(adom=""),
        {key(ONE): LATE, key(Address("10.1.0.3")): EARLY},
        [(EARLY, STALE)],
    ),
    "one of unknown age counts as overdue": (
        view(adom=""),
        {key(ONE): EARLY, key(Address("10.1.0.3")): None},
        [(None, STALE)],
    ),
    "each kind for itself": (
        view(adom="4"),
        {key(ONE): EARLY, key(TWO): LATE, key(Address("10.1.0.4"), missing=True): LATE},
        [(EARLY, STALE), (LATE, REUSED), (LATE, MISSING)],
    ),
    "no policy uses that family": (
        view(adom="", families=frozenset({V4})),
        {key(SIX): EARLY},
        [],
    ),
    "missing, and it would not come": (view(adom=""), {key(ONE, missing=True): EARLY}, []),
}


def since(times: dict[Key, datetime | None]) -> Since:
    return {each: at(when) for each, when in times.items()}


@pytest.mark.parametrize("case", EXPOSED)
def test_what_an_install_would_take_away_is_exposed_till_then(case: str) -> None:
    shown, times, expected = EXPOSED[case]
    views = [on(EAST, shown, stale_grants=GRANTS)]
    found = exposure.exposures(seen(), views, [pending(EAST)], since(times), staged=True)
    assert found == [Exposure(EAST, "web", when, kind) for when, kind in expected]
    assert not exposure.exposures(seen(), views, [pending(WEST)], since(times), staged=True)


def test_where_writing_is_delivering_it_leaves_with_the_plan() -> None:
    """Not what the plan keeps, and nothing of a group that is not there."""
    change = Change(
        Action.UPDATE,
        ObjectKind.MAPPING,
        "web",
        "a pod went",
        EAST,
        members=(own("10.1.0.2").name,),
    )
    look = seen(
        observed=adom(
            own("10.1.0.1"), own("10.1.0.2"), group("web", {EAST: {"10.1.0.1", "10.1.0.2"}})
        ),
        plan=AdomPlan(REF, (change,)),
    )
    views = [on(WEST, view()), on(EAST, view("web"), view("gone"))]
    times = since({key(ONE): EARLY, key(TWO): EARLY, key(ONE, "gone"): EARLY})
    found = exposure.exposures(look, views, [pending(EAST)], times, staged=False)
    assert found == [Exposure(EAST, "web", EARLY, STALE)]
    assert exposure.exposures(look, [views[1]], [pending(EAST)], times, staged=False) == found


MINUTE = timedelta(minutes=1)
LEADS: dict[str, tuple[int, Limit, bool, int]] = {
    "one device": (1, 1, False, 1),
    "one after the other": (3, 1, False, 3),
    "two side by side": (3, 2, False, 2),
    "a share of them": (4, Percent(50), False, 2),
    "two batches more may be under way": (3, 2, True, 4),
}


@pytest.mark.parametrize("case", LEADS)
def test_installs_start_early_enough_to_be_done_in_time(case: str) -> None:
    devices, most, under_way, rounds = LEADS[case]
    policy = RemovalPolicy(within=10 * MINUTE)
    past = Ledger("rules", past_s=(120.0,))
    for ledger, each in ((past, 2 * MINUTE), (None, 5 * MINUTE)):
        found = exposure.in_time(policy, ledger, devices, most, under_way=under_way)
        assert found == replace(policy, lead=each * rounds + MINUTE, spacing=5 * MINUTE)


OPENING = Opening(EARLY, LATE)
READY, OFFLINE = (Readiness.READY, ""), (Readiness.OFFLINE, "it does not answer")


def admitted(place: DeviceVdom, readiness: Readiness, because: str) -> Admission:
    shut = Judgement(False, (), (), False, "no window")
    return Admission(pending(place), readiness, shut, None, None, because)


def test_the_lane_is_open_until_the_next_deny_window_to_who_is_ready() -> None:
    """A device of several VDOMs is one; what is not pending has nothing to install."""
    other, third = DeviceVdom(EAST.device, "dmz"), DeviceVdom("fgt-third", "root")
    needs = [
        Urgent(place, ("web",), (STALE,), EARLY, opening)
        for place, opening in (
            (third, OPENING),
            (EAST, OPENING),
            (other, Opening(LATE, None)),
            (WEST, OPENING),
        )
    ]
    admissions = [admitted(EAST, *READY), admitted(other, *READY), admitted(WEST, *OFFLINE)]
    admissions[0] = replace(admissions[0], because="no window")
    assert exposure.candidates(needs, admissions) == {
        EAST.device: Candidate(EAST.device, Readiness.READY, OPENING),
        WEST.device: Candidate(WEST.device, Readiness.OFFLINE, None, detail="it does not answer"),
    }
