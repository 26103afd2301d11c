"""Windows together: deny beats allow, and a grid of minutes agrees with every answer."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.model.adom import AdomTopology, Device, Workspace
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.scheduling.calendar import ALWAYS, NEVER, Calendar, place_of
from fmgsync.scheduling.outlook import outlooks
from fmgsync.scheduling.timetable import Judgement, Opening, Timetable
from fmgsync.scheduling.window import Place, Scope, Window, WindowKind
from tests.scheduling.clockchanges import MINUTE, utc

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
EAST = Place(TargetRef("hq", "prod"), DeviceVdom("fgt-east-1", "root"), frozenset({"East"}))
WEST = Place(TargetRef("hq", "prod"), DeviceVdom("fgt-west-1", "root"))


def window(
    kind: str, schedule: str, duration: timedelta, timezone: str = "UTC", scope: Scope | None = None
) -> Window:
    return Window(WindowKind(kind), schedule, duration, timezone, scope or Scope())


NIGHTLY = window("allow", "0 1 * * *", 3 * HOUR)
CHRISTMAS = window("deny", "0 0 24 12 *", 72 * HOUR)


def opening(opens: str, closes: str) -> Opening:
    return Opening(utc(opens), utc(closes))


def test_without_windows_nothing_is_ever_open() -> None:
    at = utc("2026-01-01T00:00")
    assert not NEVER.may_start(EAST, at)
    assert NEVER.next_opening(EAST, at) is None
    assert NEVER.closes_at(EAST, at) is None
    assert NEVER.openings(EAST, at, at + 30 * DAY) == ()
    assert NEVER.judge(EAST, at).because == "closed: no window is configured"


def test_always_is_open_without_an_end() -> None:
    at = utc("2026-01-01T00:00")
    assert ALWAYS.may_start(EAST, at)
    assert ALWAYS.next_opening(EAST, at) is None
    assert ALWAYS.closes_at(EAST, at) is None
    assert ALWAYS.openings(EAST, at, at + DAY) == (Opening(at, None),)
    assert ALWAYS.judge(EAST, at).because == "open: windows are set to always"


def test_deny_beats_allow_and_always() -> None:
    within = utc("2026-12-25T02:00")
    for calendar in (Calendar((NIGHTLY, CHRISTMAS)), Calendar((CHRISTMAS,), always=True)):
        judgement = calendar.judge(EAST, within)
        assert not judgement.is_open
        assert judgement.denying == (CHRISTMAS,)
        assert judgement.because == "closed by deny '0 0 24 12 *' for 3d (UTC)"
        assert calendar.timetable(EAST).without_denials().is_open(within)
    calendar = Calendar((NIGHTLY, CHRISTMAS))
    assert calendar.judge(EAST, within).allowing == (NIGHTLY,)
    assert calendar.next_opening(EAST, within) == utc("2026-12-27T01:00")
    always = Calendar((CHRISTMAS,), always=True)
    assert always.closes_at(EAST, utc("2026-12-01T00:00")) == utc("2026-12-24T00:00")
    assert always.next_opening(EAST, within) == utc("2026-12-27T00:00")
    assert always.openings(EAST, utc("2026-12-20T00:00"), utc("2026-12-30T00:00")) == (
        opening("2025-12-27T00:00", "2026-12-24T00:00"),
        opening("2026-12-27T00:00", "2027-12-24T00:00"),
    )


def test_openings_are_effective_denials_taken_out_and_neighbours_merged() -> None:
    calendar = Calendar(
        (
            window("allow", "0 1 * * *", 2 * HOUR),
            window("allow", "0 3 * * *", HOUR),  # adjoins
            window("allow", "30 3 * * *", HOUR),  # overlaps
            window("allow", "0 6 * * *", HOUR),  # stands alone
            window("deny", "0 2 * * *", HOUR / 2),  # takes out of the middle
            window("deny", "30 6 * * *", HOUR),  # cuts the end
        )
    )
    start = utc("2026-01-01T00:00")
    assert calendar.openings(EAST, start, start + DAY) == (
        opening("2026-01-01T01:00", "2026-01-01T02:00"),
        opening("2026-01-01T02:30", "2026-01-01T04:30"),
        opening("2026-01-01T06:00", "2026-01-01T06:30"),
    )
    # One that is open already is shown with the instant it opened, one at the end in full.
    assert calendar.openings(EAST, utc("2026-01-01T04:00"), utc("2026-01-01T06:01")) == (
        opening("2026-01-01T02:30", "2026-01-01T04:30"),
        opening("2026-01-01T06:00", "2026-01-01T06:30"),
    )
    assert calendar.openings(EAST, utc("2026-01-01T04:30"), utc("2026-01-01T06:00")) == ()
    assert calendar.next_opening(EAST, utc("2026-01-01T03:00")) == utc("2026-01-01T06:00")


def test_scopes_decide_for_whom_a_window_is() -> None:
    calendar = Calendar(
        (
            window("allow", "0 1 * * *", HOUR, scope=Scope(devices=("fgt-*",))),
            window("deny", "0 1 * * *", HOUR, scope=Scope(device_groups=("East",))),
        )
    )
    at = utc("2026-01-01T01:30")
    assert not calendar.may_start(EAST, at)
    assert calendar.may_start(WEST, at)
    assert calendar.next_opening(EAST, at) is None
    elsewhere = Place(TargetRef("hq", "prod"), DeviceVdom("other", "root"))
    assert calendar.judge(elsewhere, at).because == "closed: no window is configured"
    assert calendar.judge(WEST, at + DAY / 2).because == "closed: no window is open"


def test_devices_with_the_same_windows_share_a_timetable() -> None:
    calendar = Calendar((NIGHTLY, CHRISTMAS))
    assert calendar.timetable(EAST) == calendar.timetable(WEST)
    assert len({calendar.timetable(EAST), calendar.timetable(WEST)}) == 1


def test_a_place_knows_the_groups_its_vdom_is_in() -> None:
    ref, dmz = TargetRef("hq", "prod"), DeviceVdom("fgt-1", "dmz")
    topology = AdomTopology(
        ref,
        (7, 4),
        Workspace.DISABLED,
        {"fgt-1": Device("fgt-1", ("root", "dmz"))},
        {"A": frozenset({dmz}), "B": frozenset({DeviceVdom("fgt-1", "root")})},
    )
    assert place_of(topology, dmz) == Place(ref, dmz, frozenset({"A"}))


@pytest.mark.parametrize("duration", [MINUTE, 30 * DAY])
def test_windows_that_cancel_one_another_for_ever_end_in_never(duration: timedelta) -> None:
    calendar = Calendar(
        (
            window("allow", "0 */2 * * *", HOUR),
            window("deny", "* * * * *", duration, "Europe/Berlin"),
        )
    )
    at = utc("2026-05-01T00:00")
    assert calendar.next_opening(EAST, at) is None
    assert calendar.openings(EAST, at, at + DAY) == ()


def test_a_rare_opening_between_denials_is_found() -> None:
    calendar = Calendar(
        (
            window("allow", "0 0 29 2 *", HOUR),
            window("deny", "0 0 * * MON-SAT", DAY),  # leaves Sundays
        )
    )
    assert calendar.next_opening(EAST, utc("2026-01-01T00:00")) == utc("2032-02-29T00:00")


# -- a grid of minutes ----------------------------------------------------------------------------

WINDOWS = st.builds(
    window,
    kind=st.sampled_from(("allow", "allow", "deny")),
    schedule=st.sampled_from(
        ("0 1 * * *", "30 2 * * *", "0 */3 * * *", "15 22 * * SAT", "*/40 * * * *", "0 0 29 3 *")
    ),
    duration=st.sampled_from((MINUTE, 20 * MINUTE, HOUR, 3 * HOUR, 25 * HOUR)),
    timezone=st.sampled_from(("UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe")),
)
# A weekend of clock changes in Berlin, Santiago and Lord Howe each, and a quiet one.
STARTS = st.sampled_from(
    [utc(f"{day}T00:00") for day in ("2026-03-28", "2026-04-04", "2026-10-24", "2026-06-06")]
)
DAYS = 2


def open_minutes(timetable: Timetable, start: datetime, end: datetime) -> list[bool]:
    """Whether it is open in each minute: every opening of every window painted on a grid."""

    length = (end - start) // MINUTE

    def painted(windows: tuple[Window, ...]) -> bytearray:
        minutes = bytearray(length)
        for each in windows:
            opens = each.next_opening(start - each.duration - MINUTE)
            while opens is not None and opens < end:
                first = max(0, (opens - start) // MINUTE)
                last = min(length, (opens + each.duration - start) // MINUTE)
                minutes[first:last] = b"\1" * (last - first)
                opens = each.next_opening(opens)
        return minutes

    allowed, denied = painted(timetable.allow), painted(timetable.deny)
    return [
        (timetable.always or bool(allowed[minute])) and not denied[minute]
        for minute in range(length)
    ]


def check_against_grid(timetable: Timetable, start: datetime, offset: int) -> None:
    end = start + DAYS * DAY
    grid = open_minutes(timetable, start, end)
    changes = [m for m in range(1, len(grid)) if grid[m] != grid[m - 1]]
    opens = [m for m in changes if grid[m]]
    closes = [m for m in changes if not grid[m]]
    first = offset % (len(changes) + 1)
    for minute in {0, offset % len(grid), *changes[first:][:3], *(m - 1 for m in changes[:3])}:
        at = start + minute * MINUTE
        assert timetable.is_open(at) is grid[minute]
        assert timetable.is_open(at + MINUTE - timedelta(microseconds=1)) is grid[minute]
        assert timetable.judge(at).is_open is grid[minute]
        assert _minute(timetable.next_opening(at), start, end) == _first_above(opens, minute)
        expected = _first_above(closes, minute) if grid[minute] else None
        assert _minute(timetable.closes_at(at), start, end) == expected
    found = timetable.openings(start, end)
    assert [m for o in found if (m := _minute(o.opens_at, start, end))] == opens
    assert [m for o in found if (m := _minute(o.closes_at, start, end))] == closes
    assert bool(found and found[0].opens_at <= start) is grid[0]


TIMETABLES = st.builds(
    lambda windows, always: Calendar(tuple(windows), always).timetable(EAST),
    st.lists(WINDOWS, max_size=5),
    st.booleans(),
)


@settings(max_examples=25, deadline=None)
@given(timetable=TIMETABLES, start=STARTS, offset=st.integers(min_value=0))
def test_every_answer_agrees_with_a_grid_of_minutes(
    timetable: Timetable, start: datetime, offset: int
) -> None:
    check_against_grid(timetable, start, offset)


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(timetable=TIMETABLES, start=STARTS, offset=st.integers(min_value=0))
def test_every_answer_agrees_with_many_grids(
    timetable: Timetable, start: datetime, offset: int
) -> None:
    check_against_grid(timetable, start, offset)


def _minute(instant: datetime | None, start: datetime, end: datetime) -> int | None:
    """The minute on the grid; None if there is none, or it is beyond the grid."""
    if instant is None or not start <= instant < end:
        return None
    return (instant - start) // MINUTE


def _first_above(minutes: list[int], minute: int) -> int | None:
    return next((m for m in minutes if m > minute), None)


@pytest.mark.parametrize(
    ("zones", "told"),
    [
        ([], "UTC"),
        (["Europe/Berlin"], "Europe/Berlin"),
        (["Europe/Berlin", "Europe/Berlin"], "Europe/Berlin"),
        (["Europe/Berlin", "Asia/Tokyo"], "UTC"),
    ],
)
def test_times_are_told_in_the_zone_that_all_windows_have(zones: list[str], told: str) -> None:
    windows = tuple(window("allow", "0 1 * * *", HOUR, zone) for zone in zones)
    assert Calendar(windows).zone == told


def test_the_outlook_of_each_device_once_and_in_order() -> None:
    east = window("allow", "0 4 * * *", HOUR, scope=Scope(devices=("a",)))
    calendar = Calendar((NIGHTLY, east))
    topology = AdomTopology(
        TargetRef("hq", "prod"),
        (7, 4),
        Workspace.DISABLED,
        {name: Device(name, ("root",)) for name in ("a", "b", "c")},
        {},
    )
    targets = [DeviceVdom(name, "root") for name in ("c", "a", "b", "a")]
    at, night = utc("2026-01-01T02:00"), opening("2026-01-01T01:00", "2026-01-01T04:00")
    longer = opening("2026-01-01T01:00", "2026-01-01T05:00")
    found = outlooks(calendar, topology, targets, at)
    assert [each.target.device for each in found] == ["a", "b", "c"]
    assert {each.adom for each in found} == {topology.ref}
    assert [each.opens_at for each in found] == [night.opens_at] * 3
    assert [each.judgement.allowing for each in found] == [(NIGHTLY,)] * 3
    assert [each.openings for each in found] == [()] * 3
    ahead = outlooks(calendar, topology, targets, at, ahead=20 * HOUR)
    assert [each.openings for each in ahead] == [(longer,), (night,), (night,)]
    (later,) = outlooks(calendar, topology, targets[:1], utc("2026-01-01T12:00"), ahead=HOUR)
    assert (later.opens_at, later.openings) == (utc("2026-01-02T01:00"), ())
    assert not later.judgement.is_open


# -- what a timetable says, row by row ------------------------------------------------------------

DAWN = window("allow", "0 6 * * *", HOUR)
LATE = window("allow", "0 2 * * *", 2 * HOUR)
EARLY = window("allow", "0 1 * * *", 2 * HOUR)
EACH_MINUTE = window("allow", "* * * * *", MINUTE)
NEW_YEAR = window("deny", "0 0 27 12 *", HOUR)  # adjoins Christmas
SHUT = (window("allow", "0 0 * * *", HOUR), window("allow", "0 5 19,20 2 *", HOUR))
MIDNIGHT = window("deny", "0 0 * * *", HOUR)
IN_JANUARY = "2026-01-01T"


@pytest.mark.parametrize(
    ("timetable", "at", "is_open", "allowing", "because"),
    [
        (Timetable((NIGHTLY, DAWN), (CHRISTMAS,)), "06:30", True, (DAWN,), f"open by {DAWN}"),
        (Timetable((NIGHTLY, DAWN)), "05:00", False, (), "closed: no window is open"),
        (Timetable((NIGHTLY,), (), True), "05:00", True, (), "open: windows are set to always"),
        (Timetable((NIGHTLY,), (), True), "02:00", True, (NIGHTLY,), f"open by {NIGHTLY}"),
    ],
)
def test_a_judgement_names_the_windows_that_hold(
    timetable: Timetable, at: str, is_open: bool, allowing: tuple[Window, ...], because: str
) -> None:
    expected = Judgement(is_open, allowing, (), timetable.always, because)
    assert timetable.judge(utc(IN_JANUARY + at)) == expected


@pytest.mark.parametrize(
    ("deny", "at", "until", "denied_next"),
    [
        ((CHRISTMAS, NEW_YEAR), "2026-12-25T02:00", "2026-12-27T01:00", "2026-12-27T00:00"),
        ((CHRISTMAS, NEW_YEAR), "2026-12-28T00:00", None, "2027-12-24T00:00"),
        ((), "2026-12-25T02:00", None, None),
    ],
)
def test_until_when_and_from_when_it_is_denied(
    deny: tuple[Window, ...], at: str, until: str | None, denied_next: str | None
) -> None:
    timetable = Timetable((NIGHTLY,), deny)
    assert timetable.denied_until(utc(at)) == (until and utc(until))
    assert timetable.next_denial(utc(at)) == (denied_next and utc(denied_next))


@pytest.mark.parametrize(
    ("allow", "at", "expected"),
    [
        ((NIGHTLY,), "01:00", ("01:00", "04:00")),
        ((NIGHTLY,), "00:59", None),
        ((NIGHTLY, LATE), "03:00", ("01:00", "04:00")),  # end together
        ((LATE, EARLY), "02:30", ("01:00", "04:00")),
        ((NIGHTLY, EARLY), "02:30", ("01:00", "04:00")),  # begin together
        ((EACH_MINUTE,), "12:00", ("08:40", "15:21")),  # as far as it is followed
    ],
)
def test_the_opening_that_holds(
    allow: tuple[Window, ...], at: str, expected: tuple[str, str] | None
) -> None:
    found = Timetable(allow).opening(utc(IN_JANUARY + at))
    assert found == (expected and opening(*(IN_JANUARY + each for each in expected)))


@pytest.mark.parametrize(
    ("end", "closes"), [("15:21", "15:21"), ("15:22", "18:42"), ("20:00", "22:03")]
)
def test_what_never_closes_is_followed_to_the_end_that_is_asked_for(end: str, closes: str) -> None:
    found = Timetable((EACH_MINUTE,)).openings(utc(IN_JANUARY + "12:00"), utc(IN_JANUARY + end))
    assert found == (opening(IN_JANUARY + "08:40", IN_JANUARY + closes),)


@pytest.mark.parametrize(
    ("start", "opens"),
    [
        ("2026-01-01T00:30", "2026-02-19T05:00"),  # a hundred changes later
        ("2026-01-01T12:00", "2026-02-19T05:00"),
        ("2025-12-31T12:00", None),
    ],
)
def test_a_hundred_changes_are_followed_to_the_next_opening(start: str, opens: str | None) -> None:
    assert Timetable(SHUT, (MIDNIGHT,)).next_opening(utc(start)) == (opens and utc(opens))
