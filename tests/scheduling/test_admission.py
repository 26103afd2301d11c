"""Whether an install may start on a pending device, in one sentence where it may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from fmgsync.model.address import parse
from fmgsync.model.adom import AdomTopology, Device, PackageStatus, Workspace
from fmgsync.model.rollout import PendingInstall, PendingReason
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.model.view import DeviceView, GroupState, GroupView
from fmgsync.scheduling import admission
from fmgsync.scheduling.admission import Admission, Clearance, Situation
from fmgsync.scheduling.calendar import Calendar
from fmgsync.scheduling.install_policy import Mode, Terms
from fmgsync.scheduling.rollout import Candidate, Readiness
from fmgsync.scheduling.timetable import Opening
from fmgsync.scheduling.window import Scope, Window, WindowKind
from tests.scheduling.clockchanges import utc

EAST = DeviceVdom("fgt-east", "root")
NIGHT = Window(WindowKind.ALLOW, "0 1 * * *", timedelta(hours=3))
FREEZE = Window(WindowKind.DENY, "0 2 * * *", timedelta(hours=1))
OPEN, DENIED, SHUT = (utc(f"2026-01-01T{time}") for time in ("01:30", "02:30", "12:00"))
REF = TargetRef("hq", "prod")
PENDING = PendingInstall(REF, EAST, "edge", ("web",), (PendingReason.DEVICE_DATABASE_BEHIND,))
CALENDAR = Calendar((NIGHT, FREEZE))
AT_ONCE = Clearance(now=True)
ALL_THE_SAME = Clearance(now=True, override_deny=True)
SYNCED = Device("fgt-east", ("root",), online=True, in_sync=True)


def topology(device: Device | None = SYNCED) -> AdomTopology:
    devices = {"fgt-east": device} if device is not None else {}
    return AdomTopology(REF, (7, 4), Workspace.NORMAL, devices, {})


def situation(**more: Any) -> Situation:
    rows = (PackageStatus(EAST, "edge", "modified"),)
    return replace(Situation(topology(), rows, Terms(calendar=CALENDAR), OPEN), **more)


def admit(**more: Any) -> Admission:
    (found,) = admission.admit([PENDING], situation(**more))
    return found


def test_in_an_open_window_it_may_start_until_the_next_that_denies() -> None:
    found = admit()
    assert (found.readiness, found.because, found.overridden) == (Readiness.READY, "", ())
    assert found.may_start
    assert not found.held
    assert found.opening == Opening(utc("2026-01-01T01:00"), utc("2026-01-01T02:00"))
    assert found.opens_at == utc("2026-01-01T01:00")
    assert found.judgement.is_open


@pytest.mark.parametrize(
    ("now", "clearance", "may", "because", "opens_at"),
    [
        (DENIED, Clearance(), False, "closed by deny '0 2 * * *' for 1h (UTC)", "2026-01-01T03:00"),
        (SHUT, Clearance(), False, None, "2026-01-02T01:00"),
        (SHUT, AT_ONCE, True, "asked for at once, whatever the windows say", None),
        (DENIED, AT_ONCE, False, "closed by deny '0 2 * * *' for 1h (UTC)", "2026-01-01T03:00"),
        (DENIED, ALL_THE_SAME, True, "asked for at once, whatever the windows say", None),
        (DENIED, Clearance(override_deny=True), True, None, "2026-01-01T01:00"),
        (SHUT, Clearance(override_deny=True), False, None, "2026-01-02T01:00"),
    ],
)
def test_windows_and_who_may_leave_them_aside(
    now: datetime, clearance: Clearance, may: bool, because: str | None, opens_at: str | None
) -> None:
    found = admit(now=now, clearance=clearance)
    assert found.may_start is may
    assert found.judgement.is_open is may
    assert found.because == ("" if may else found.judgement.because)
    assert because is None or found.judgement.because == because
    assert opens_at is None or found.opens_at == utc(opens_at)
    denying = now == DENIED and clearance.override_deny
    assert found.overridden == ((FREEZE,) if denying else ())


@pytest.mark.parametrize(
    ("more", "readiness", "because"),
    [
        ({"stopped": "stopped by alice"}, Readiness.BLOCKED, "stopped by alice"),
        ({"terms": Terms(CALENDAR, mode=Mode.NONE)}, Readiness.BLOCKED,
         "install.mode is none: somebody else installs"),
        ({"statuses": ()}, Readiness.BLOCKED,
         "package edge was never installed there by FortiManager; "),
        ({"statuses": (PackageStatus(EAST, "theirs", "installed"),)}, Readiness.BLOCKED,
         "package edge was never installed there by FortiManager, but theirs was:"),
        ({"statuses": (PackageStatus(EAST, "edge", "never"),)}, Readiness.UNSYNCED,
         "FortiManager calls package edge 'never' there; "),
        ({"topology": topology(replace(SYNCED, in_sync=False))}, Readiness.UNSYNCED,
         "the device is not in sync with FortiManager; "),
        ({"topology": topology(replace(SYNCED, in_sync=None))}, Readiness.UNSYNCED,
         "FortiManager does not know whether the device is in sync; "),
        ({"topology": topology(None)}, Readiness.UNSYNCED,
         "FortiManager does not know whether the device is in sync; "),
        ({"blocked": {"fgt-east": "edits of others"}}, Readiness.BLOCKED, "edits of others"),
        ({"blocked": {"other": "edits of others"}}, Readiness.READY, ""),
        ({"topology": topology(replace(SYNCED, online=False))}, Readiness.OFFLINE,
         "the device is offline; it is picked up when it is back"),
        ({"topology": topology(replace(SYNCED, online=None))}, Readiness.OFFLINE,
         "the device is offline; it is picked up when it is back"),
        # Out of sync because we left in the middle of an install there.
        ({"topology": topology(replace(SYNCED, in_sync=False)),
          "interrupted": frozenset({"fgt-east"})}, Readiness.READY, ""),
        ({"statuses": (), "terms": Terms(CALENDAR, first_install=True)}, Readiness.READY, ""),
    ],
)  # fmt: skip
def test_what_a_device_is_like_in_an_open_window(
    more: dict[str, Any], readiness: Readiness, because: str
) -> None:
    found = admit(**more)
    assert found.readiness is readiness
    assert found.because.startswith(because)
    assert bool(found.because) is bool(because)
    assert found.held is (readiness in (Readiness.BLOCKED, Readiness.UNSYNCED))
    assert found.may_start is (readiness is Readiness.READY)


def test_what_holds_a_device_is_told_although_its_window_is_shut() -> None:
    found = admit(now=SHUT, blocked={"fgt-east": "edits of others"})
    assert (found.readiness, found.because) == (Readiness.BLOCKED, "edits of others")


def test_each_has_its_own_windows() -> None:
    west = DeviceVdom("fgt-west", "root")
    scoped = replace(NIGHT, scope=Scope(devices=("fgt-west",)))
    devices = {"fgt-east": SYNCED, "fgt-west": replace(SYNCED, name="fgt-west")}
    both = situation(
        topology=replace(topology(), devices=devices),
        statuses=tuple(PackageStatus(each, "edge", "modified") for each in (EAST, west)),
        terms=Terms(calendar=Calendar((scoped,))),
    )
    told = admission.admit([PENDING, replace(PENDING, target=west)], both)
    assert [each.may_start for each in told] == [False, True]
    assert admission.starting(told, {"fgt-east", "fgt-west"}) == (told[1],)
    assert admission.starting(told, {"fgt-east"}) == ()
    frozen = Calendar((NIGHT, replace(FREEZE, scope=Scope(devices=("fgt-west",)))))
    forced = replace(both, now=DENIED, clearance=ALL_THE_SAME, terms=Terms(calendar=frozen))
    told = admission.admit([PENDING, replace(PENDING, target=west)], forced)
    assert [len(each.overridden) for each in told] == [0, 1]


def one(at: str = "", until: str | None = None, vdom: str = "root", **more: Any) -> Admission:
    """The admission of a VDOM that may start in this opening, or may not yet."""
    ends = utc(f"2026-01-01T{until}") if until else None
    opening = Opening(utc(f"2026-01-01T{at}"), ends) if at else None
    pending = replace(PENDING, target=DeviceVdom("fgt-east", vdom))
    base = replace(admit(), pending=pending, opening=opening, opens_at=None)
    return replace(base, **more)


def waiting(opens: str | None, because: str, **more: Any) -> Admission:
    opens_at = utc(f"2026-01-01T{opens}") if opens else None
    return one(opens_at=opens_at, because=because, **more)


BLOCKED = {"readiness": Readiness.BLOCKED}
OFFLINE = {"readiness": Readiness.OFFLINE}


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        ([one("01:00", "03:00")],
         Candidate("fgt-east", opening=Opening(utc("2026-01-01T01:00"), utc("2026-01-01T03:00")))),
        ([one("01:00")], Candidate("fgt-east", opening=Opening(utc("2026-01-01T01:00"), None))),
        # Only while all VDOMs that start may.
        ([one("01:00", "03:00"), one("02:00", "04:00", "b")],
         Candidate("fgt-east", opening=Opening(utc("2026-01-01T02:00"), utc("2026-01-01T03:00")))),
        ([one("01:00"), one("00:30", "02:00", "b")],
         Candidate("fgt-east", opening=Opening(utc("2026-01-01T01:00"), utc("2026-01-01T02:00")))),
        # One that may start takes nothing away from one that may not.
        ([waiting("05:00", "shut"), one("01:00", "03:00", "b"),
          one("01:00", "02:00", "c", **BLOCKED)],
         Candidate("fgt-east", opening=Opening(utc("2026-01-01T01:00"), utc("2026-01-01T03:00")))),
        # None may: the one that may soonest.
        ([waiting("05:00", "shut"), waiting("04:00", "also shut", vdom="b")],
         Candidate("fgt-east", opens_at=utc("2026-01-01T04:00"), detail="shut")),
        ([waiting(None, "never"), waiting("04:00", "shut", vdom="b")],
         Candidate("fgt-east", opens_at=utc("2026-01-01T04:00"), detail="never")),
        ([waiting(None, "never")], Candidate("fgt-east", detail="never")),
        ([waiting("01:00", "theirs", **BLOCKED), waiting("04:00", "shut", vdom="b")],
         Candidate("fgt-east", opens_at=utc("2026-01-01T04:00"), detail="shut")),
        # Nothing is ready: the one that may become so by itself.
        ([waiting("04:00", "theirs", **BLOCKED),
          one("01:00", "02:00", "b", because="off", **OFFLINE)],
         Candidate("fgt-east", Readiness.OFFLINE,
                   Opening(utc("2026-01-01T01:00"), utc("2026-01-01T02:00")), None, "off")),
        ([waiting("04:00", "theirs", **BLOCKED)],
         Candidate("fgt-east", Readiness.BLOCKED, None, utc("2026-01-01T04:00"), "theirs")),
    ],
)  # fmt: skip
def test_a_device_of_several_vdoms(theirs: list[Admission], expected: Candidate) -> None:
    assert admission.candidates(theirs, (), (), topology()) == (expected,)


A, B = (parse(text) for text in ("10.0.0.1", "10.0.0.2"))


def canary(
    state: GroupState, device: frozenset[Any] | None, desired: frozenset[Any] | None = None
) -> DeviceView:
    held = frozenset({A})
    group = GroupView("web", held if desired is None else desired, held, held, device, state)
    return DeviceView(EAST, REF, (group,))


PROVEN = frozenset({A})


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (canary(GroupState.UNREACHABLE, None),
         Candidate("fgt-east", Readiness.OFFLINE, detail="web unreachable")),
        (canary(GroupState.UNKNOWN, None),
         Candidate("fgt-east", Readiness.OFFLINE, detail="web unknown")),
        (canary(GroupState.DRIFTED, frozenset({B})),
         Candidate("fgt-east", Readiness.UNSYNCED, detail="web drifted")),
        (canary(GroupState.UNKNOWN, frozenset({B})),
         Candidate("fgt-east", Readiness.OFFLINE, detail="web unknown")),
        (canary(GroupState.IN_SYNC, PROVEN), None),
        (canary(GroupState.INSTALL_PENDING, PROVEN), None),
    ],
)  # fmt: skip
def test_a_canary_that_proves_nothing_is_no_canary_that_has_nothing_to_do(
    view: DeviceView, expected: Candidate | None
) -> None:
    found = admission.candidates([], {"fgt-east"}, [view], topology())
    assert found == ((expected,) if expected else ())
    assert admission.candidates([], (), [view], topology()) == ()  # it is no canary
    assert admission.candidates([], {"other"}, [view], topology()) == ()
    # What is pending there says more than what it is like.
    (pending,) = admission.candidates([one("01:00")], {"fgt-east"}, [view], topology())
    assert pending.readiness is Readiness.READY


def test_a_canary_that_answered_and_whose_rule_is_not_known_now_proves_what_it_can() -> None:
    group = GroupView("web", None, PROVEN, PROVEN, PROVEN, GroupState.UNKNOWN)
    view = DeviceView(EAST, REF, (group,))
    assert admission.candidates([], {"fgt-east"}, [view], topology()) == ()


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (replace(SYNCED, online=False), (Candidate("fgt-east", Readiness.OFFLINE),)),
        (replace(SYNCED, online=None), ()),
        (SYNCED, ()),
        (None, ()),
    ],
)
def test_a_canary_that_is_offline(device: Device | None, expected: tuple[Candidate, ...]) -> None:
    assert admission.candidates([], {"fgt-east"}, (), topology(device)) == expected


def test_devices_come_in_order_and_each_once() -> None:
    north = replace(one("01:00"), pending=replace(PENDING, target=DeviceVdom("a-north", "root")))
    devices = {"z-south": replace(SYNCED, name="z-south", online=False),
               "b-west": replace(SYNCED, name="b-west", online=False)}  # fmt: skip
    where = replace(topology(), devices={"fgt-east": SYNCED, **devices})
    found = admission.candidates([one("01:00"), north], {"z-south", "b-west"}, (), where)
    assert [each.device for each in found] == ["a-north", "fgt-east", "b-west", "z-south"]


def test_all_groups_and_views_of_canaries_are_looked_at() -> None:
    """One that nobody asks about comes before one that proves nothing."""
    other = replace(canary(GroupState.UNREACHABLE, None), target=DeviceVdom("other", "root"))
    fine = canary(GroupState.IN_SYNC, PROVEN)
    silent = canary(GroupState.UNREACHABLE, None)
    both = DeviceView(EAST, REF, (*fine.groups, *silent.groups))
    (found,) = admission.candidates([], {"fgt-east"}, [other, fine, both], topology())
    assert (found.device, found.readiness) == ("fgt-east", Readiness.OFFLINE)
