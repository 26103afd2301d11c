"""Schedules in time zones: what fires when, above all where clocks jump."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.errors import ScheduleError, UsageError
from fmgsync.scheduling import cron
from tests.scheduling.clockchanges import clock_changes, firings, utc

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = sorted(
    name for name in available_timezones() if name not in {"localtime", "posixrules", "Factory"}
)
ODD_ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",  # jumps at midnight
    "Africa/Cairo",  # jumps at midnight
    "Africa/Casablanca",  # suspends summer time in Ramadan
    "Australia/Lord_Howe",  # half an hour
    "Antarctica/Troll",  # two hours
    "Asia/Beirut",
    "America/Scoresbysund",  # changed zone and summer time in one
    "Pacific/Chatham",  # at a quarter to
    "America/Nuuk",  # 2023: stayed on summer time; the change is at ten in the evening
)


def fired(schedule: str, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    found = []
    at = cron.first_after(schedule, zone, start - timedelta(microseconds=1))
    while at is not None and at < end:
        found.append(at)
        at = cron.first_after(schedule, zone, at)
    return found


@pytest.mark.parametrize(
    ("schedule", "zone", "after", "expected"),
    [
        ("0 1 * * *", "UTC", "2026-01-01T00:00", "2026-01-01T01:00"),
        ("0 1 * * *", "UTC", "2026-01-01T01:00", "2026-01-02T01:00"),
        ("0 1 * * *", "Europe/Berlin", "2026-01-01T00:00", "2026-01-02T00:00"),
        ("0 1 * * *", "Europe/Berlin", "2026-07-01T00:00", "2026-07-01T23:00"),
        # Skipped: Berlin's clocks go from 02:00 to 03:00 at 01:00 UTC.
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T00:00", "2026-03-29T01:00"),
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00", "2026-03-30T00:30"),
        ("59 2 29 3 *", "Europe/Berlin", "2026-03-01T00:00", "2026-03-29T01:00"),
        # Where the clocks show UTC before the gap.
        ("30 1 * * *", "Europe/London", "2026-03-29T00:00", "2026-03-29T01:00"),
        # Repeated: 02:30 comes at 00:30 and again at 01:30 UTC; it counts the first time.
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:00", "2026-10-25T00:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("*/15 * * * *", "Europe/Berlin", "2026-10-25T00:45", "2026-10-25T02:00"),
        # A day that begins at 01:00.
        ("0 0 * * *", "America/Santiago", "2026-09-05T12:00", "2026-09-06T04:00"),
        # A day that never was: Samoa went from 29 to 31 December 2011.
        ("0 12 30 12 *", "Pacific/Apia", "2011-12-29T00:00", "2011-12-30T10:00"),
        ("30 2 29 2 *", "Asia/Kolkata", "2026-01-01T00:00", "2028-02-28T21:00"),
        ("0 0 L * *", "UTC", "2026-02-01T00:00", "2026-02-28T00:00"),
        # Day of month and day of week: either is enough, unless one begins with a star.
        ("0 0 13 * FRI", "UTC", "2026-01-03T00:00", "2026-01-09T00:00"),
        ("0 0 */13 * FRI", "UTC", "2026-01-03T00:00", "2026-02-27T00:00"),
    ],
)
def test_the_next_firing(schedule: str, zone: str, after: str, expected: str) -> None:
    answer = cron.first_after(schedule, ZoneInfo(zone), utc(after))
    assert answer == utc(expected)
    assert answer is not None
    assert answer.tzinfo is UTC
    assert cron.last_until(schedule, ZoneInfo(zone), answer) == answer


def test_the_last_firing_includes_the_instant_itself() -> None:
    at = utc("2026-01-01T01:00")
    assert cron.last_until("0 1 * * *", ZoneInfo("UTC"), at) == at
    just_before = at - timedelta(microseconds=1)
    assert cron.last_until("0 1 * * *", ZoneInfo("UTC"), just_before) == utc("2025-12-31T01:00")


def test_in_the_second_pass_of_an_hour_everything_in_it_has_fired() -> None:
    second_pass = utc("2026-10-25T01:10")  # 02:10 again
    assert cron.last_until("30 2 * * *", BERLIN, second_pass) == utc("2026-10-25T00:30")
    assert cron.last_until("* * * * *", BERLIN, second_pass) == utc("2026-10-25T00:59")


def test_at_the_edge_of_time_there_is_no_next_firing() -> None:
    last, first = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    assert cron.first_after("0 0 29 2 *", ZoneInfo("UTC"), last) is None
    assert cron.last_until("0 0 29 2 *", ZoneInfo("UTC"), first) is None


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        ("", "five fields"),
        ("0 1 * *", "five fields"),
        ("0 0 1 * * *", "five fields"),
        ("@daily", "five fields"),
        ("60 1 * * *", "wrong minute"),
        ("0 24 * * *", "wrong hour"),
        ("0 1 * * MOX", "wrong day-of-week"),
        ("0 1 */0 * *", "wrong day-of-month"),
        ("0 1 * 13 *", "wrong month"),
        ("0 1 ² * *", "wrong day-of-month"),
        ("0 0 31 2 *", "wrong day-of-month"),
        ("0 0 */29 2 SUN#5", "never fires"),
        ("0 0 1 1 " + "1," * 5000 + "1", "five fields"),
        ("0 1 * * *".ljust(201), "five fields"),
    ],
)
def test_schedules_that_cannot_be_are_refused(schedule: str, problem: str) -> None:
    with pytest.raises(ScheduleError, match=problem) as caught:
        cron.check_schedule(schedule)
    assert caught.value.next_step
    assert isinstance(caught.value, UsageError)


def test_a_schedule_may_have_two_hundred_characters() -> None:
    cron.check_schedule("0 1 * * *".ljust(200))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("0123456789*/-,#LWMONFEB", max_size=8), min_size=5, max_size=5))
def test_no_text_makes_the_check_fail_otherwise(fields: list[str]) -> None:
    schedule = " ".join(fields)
    try:
        cron.check_schedule(schedule)
    except ScheduleError:
        return
    assert cron.first_after(schedule, BERLIN, utc("2026-01-01T00:00")) is not None


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin?"),
        ("Europe", "Europe/"),
        ("", "IANA"),
        ("../../etc/passwd", "IANA"),
        ("a\0b", "IANA"),
        ("x" * 5000, "IANA"),
        ("localtime", "IANA"),
        ("right/Europe/Berlin", "Europe/Berlin"),
    ],
)
def test_unknown_time_zones_are_refused_with_the_nearest_name(name: str, advice: str) -> None:
    with pytest.raises(ScheduleError, match="there is no time zone") as caught:
        cron.zone_named(name)
    assert advice in (caught.value.next_step or "")


@pytest.mark.parametrize(("length", "told"), [(60, "x" * 60), (61, "x" * 59 + "…")])
def test_a_long_name_is_told_shortened(length: int, told: str) -> None:
    with pytest.raises(ScheduleError, match=f"'{told}' "):
        cron.zone_named("x" * length)


def test_every_iana_zone_is_known() -> None:
    for name in ZONES:
        assert cron.zone_named(name).key == name


def minutes_of(schedule: str) -> Callable[[datetime], bool]:
    """The wall-clock minutes of the few schedules used below, spelled out."""
    minute, hour, *_ = schedule.split()
    hours = range(24) if hour == "*" else (int(hour),)
    minutes = range(0, 60, int(minute[2:])) if minute.startswith("*/") else (int(minute),)
    return lambda wall: wall.hour in hours and wall.minute in minutes


def check_clock_change(zone: ZoneInfo, change: datetime) -> None:
    """Around one clock change, both look-ups agree with the oracle."""
    start, end = change - timedelta(hours=5), change + timedelta(hours=5)
    before = (change - timedelta(seconds=1)).astimezone(zone)
    after = change.astimezone(zone)
    walls = {before, after, before - timedelta(minutes=29), after + timedelta(minutes=31)}
    schedules = {f"{wall.minute} {wall.hour} * * *" for wall in walls}
    for schedule in (*sorted(schedules), "*/20 * * * *"):
        expected = firings(zone, minutes_of(schedule), start, end)
        assert fired(schedule, zone, start, end) == expected, (zone.key, schedule)
        for minutes in (-61, -30, -1, 0, 1, 29, 30, 59, 60, 119, 120, 239):
            at = change + timedelta(minutes=minutes, seconds=17)
            index = bisect_right(expected, at)
            if index:
                answer = cron.last_until(schedule, zone, at)
                assert answer == expected[index - 1], (zone.key, schedule, at)


@pytest.mark.parametrize("name", ODD_ZONES)
def test_clock_changes_of_odd_zones(name: str) -> None:
    zone = ZoneInfo(name)
    changes = clock_changes(zone, 2023, 2026)
    assert changes
    for change in changes[:5]:
        check_clock_change(zone, change)


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(ZONES), year=st.integers(2020, 2037))
def test_clock_changes_of_any_zone_in_any_year(name: str, year: int) -> None:
    zone = ZoneInfo(name)
    for change in clock_changes(zone, year, year) or [datetime(year, 3, 29, 1, tzinfo=UTC)]:
        check_clock_change(zone, change)


@pytest.mark.slow
def test_every_clock_change_of_every_zone_from_2020_to_2037() -> None:
    seen: set[tuple[datetime, timedelta | None, timedelta | None]] = set()
    for name in ZONES:
        zone = ZoneInfo(name)
        for change in clock_changes(zone):
            before = (change - timedelta(seconds=1)).astimezone(zone).utcoffset()
            key = (change, before, change.astimezone(zone).utcoffset())
            if key not in seen:  # many zones change alike
                seen.add(key)
                check_clock_change(zone, change)
    assert len(seen) > 1000


DOUBTS = {
    "0 22 1-7 * SAT": ("124 days a year", "'0 22 * * SAT#1'"),
    "30 1 8-14 3,9 SUN": ("22 days a year", "'30 1 * 3,9 SUN#2'"),
    "0 22 15-21 * SAT": ("days a year", "'0 22 * * SAT#3'"),
    "0 22 22-28 * 6": ("days a year", "'0 22 * * 6#4'"),
    "0 22 1-7 * SAT,SUN": ("days a year", "leave one of the two *"),
    "0 1 1,15 * MON-FRI": ("268 days a year", "SAT#1 is the first Saturday"),
    "* * 1 1 MON": ("days a year", "leave one of the two *"),
    "0 1 29 2 6": ("days a year", "leave one of the two *"),
}


@pytest.mark.parametrize("schedule", DOUBTS)
def test_a_schedule_with_day_and_weekday_is_told_with_what_it_does(schedule: str) -> None:
    found = cron.doubt(schedule)
    assert found is not None
    assert DOUBTS[schedule][0] in found[0]
    assert DOUBTS[schedule][1] in found[1]


@pytest.mark.parametrize(
    "schedule", ["0 1 * * *", "0 22 * * SAT#1", "0 0 1-7 * *", "0 0 */13 * FRI", "0 0 L * *"]
)
def test_a_schedule_that_means_what_it_says_is_not(schedule: str) -> None:
    assert cron.doubt(schedule) is None


def test_the_first_saturday_can_be_written() -> None:
    start, end = utc("2026-12-01T00:00"), utc("2027-04-01T00:00")
    days = [at.date().isoformat() for at in fired("0 22 * * SAT#1", ZoneInfo("UTC"), start, end)]
    assert days == ["2026-12-05", "2027-01-02", "2027-02-06", "2027-03-06"]
