"""One window: what it contains, when it opens and closes, whom it is for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from fmgsync.errors import ScheduleError
from fmgsync.model.target import DeviceVdom, TargetKind, TargetRef
from fmgsync.scheduling.window import Place, Scope, Window, WindowKind, written
from tests.scheduling.clockchanges import utc

HOUR = timedelta(hours=1)
NIGHTLY = Window(WindowKind.ALLOW, "0 1 * * *", 3 * HOUR, "Europe/Berlin")


def allow(schedule: str, duration: timedelta, timezone: str = "UTC") -> Window:
    return Window(WindowKind.ALLOW, schedule, duration, timezone)


@pytest.mark.parametrize(
    ("window", "instant", "expected"),
    [
        (NIGHTLY, "2026-01-10T00:00", True),
        (NIGHTLY, "2026-01-09T23:59:59.999999", False),
        (NIGHTLY, "2026-01-10T02:59:59.999999", True),
        (NIGHTLY, "2026-01-10T03:00", False),  # half-open: the closing instant is outside
        # It belongs to the instant it opens: a Thursday-night window is open on Friday morning.
        (allow("0 22 * * THU", 6 * HOUR), "2026-01-09T03:59", True),
        (allow("0 22 * * THU", 6 * HOUR), "2026-01-10T03:59", False),
        (allow("0 23 L * *", 2 * HOUR), "2026-03-01T00:30", True),  # over the end of February
        (allow("0 23 31 12 *", 2 * HOUR), "2027-01-01T00:30", True),
        # Elapsed time: three hours from 01:00 end at 05:00 on the clocks when they jump forward,
        (NIGHTLY, "2026-03-29T02:59", True),  # 04:59 in Berlin
        (NIGHTLY, "2026-03-29T03:00", False),
        # and at 03:00 when they are turned back.
        (NIGHTLY, "2026-10-25T01:59", True),  # 02:59, the second time
        (NIGHTLY, "2026-10-25T02:00", False),
        # A start that is skipped opens after the gap, for its full length,
        (allow("30 2 * * *", HOUR, "Europe/Berlin"), "2026-03-29T00:59:59", False),
        (allow("30 2 * * *", HOUR, "Europe/Berlin"), "2026-03-29T01:00", True),
        (allow("30 2 * * *", HOUR, "Europe/Berlin"), "2026-03-29T01:59:59", True),
        (allow("30 2 * * *", HOUR, "Europe/Berlin"), "2026-03-29T02:00", False),
        # and one that comes twice opens the first time only.
        (allow("30 2 * * *", HOUR / 2, "Europe/Berlin"), "2026-10-25T00:45", True),
        (allow("30 2 * * *", HOUR / 2, "Europe/Berlin"), "2026-10-25T01:45", False),
        (allow("0 0 24 12 *", 72 * HOUR), "2026-12-26T23:59", True),
        (allow("0 0 24 12 *", 72 * HOUR), "2026-12-27T00:00", False),
        # Openings that overlap: the earlier one still counts.
        (allow("0 0,1 * * *", 3 * HOUR), "2026-01-01T03:59", True),
    ],
)
def test_what_a_window_contains(window: Window, instant: str, expected: bool) -> None:
    assert window.contains(utc(instant)) is expected
    assert (window.closes_at(utc(instant)) is not None) is expected
    assert (window.opened_at(utc(instant)) is not None) is expected


def test_next_opening_and_closing_are_instants_in_utc() -> None:
    at = utc("2026-03-28T12:00")
    opens = NIGHTLY.next_opening(at)
    assert opens == utc("2026-03-29T00:00")
    assert NIGHTLY.closes_at(utc("2026-03-29T00:00")) == utc("2026-03-29T03:00")
    assert NIGHTLY.opened_at(utc("2026-03-29T02:00")) == utc("2026-03-29T00:00")
    assert NIGHTLY.closes_at(at) is None
    assert NIGHTLY.opened_at(at) is None


def test_any_aware_time_will_do_but_never_a_naive_one() -> None:
    elsewhere = datetime(2026, 1, 10, 5, 30, tzinfo=timezone(5 * HOUR))
    assert NIGHTLY.contains(elsewhere)
    assert NIGHTLY.next_opening(elsewhere) == utc("2026-01-11T00:00")
    with pytest.raises(ValueError, match="has no time zone"):
        NIGHTLY.contains(datetime(2026, 1, 10, 1))  # noqa: DTZ001


def test_overlapping_and_adjoining_openings_close_together() -> None:
    window = allow("0 0,2,4 * * *", 2 * HOUR)
    assert window.closes_at(utc("2026-01-01T01:00")) == utc("2026-01-01T06:00")
    assert window.opened_at(utc("2026-01-01T05:00")) == utc("2026-01-01T00:00")
    window = allow("0 0,1,2 * * *", 3 * HOUR)
    assert window.closes_at(utc("2026-01-01T00:30")) == utc("2026-01-01T05:00")
    assert window.opened_at(utc("2026-01-01T04:30")) == utc("2026-01-01T00:00")


def test_a_window_that_never_closes_answers_within_bounded_work() -> None:
    at = utc("2026-06-01T00:00")
    for duration in (timedelta(minutes=1), timedelta(days=30)):
        window = allow("* * * * *", duration, "Europe/Berlin")
        closes, opened = window.closes_at(at), window.opened_at(at)
        assert closes is not None
        assert opened is not None
        assert closes > at + timedelta(hours=3)
        assert opened < at - timedelta(hours=3)
        assert window.next_opening(at) == at + timedelta(minutes=1)


@pytest.mark.parametrize("seconds", [0, -60, 367 * 86_400])
def test_impossible_durations_are_refused(seconds: int) -> None:
    with pytest.raises(ScheduleError, match="cannot last") as caught:
        allow("0 1 * * *", timedelta(seconds=seconds))
    assert "366d" in (caught.value.next_step or "")


def test_impossible_schedules_and_zones_are_refused_at_once() -> None:
    with pytest.raises(ScheduleError, match="day-of-month"):
        allow("0 0 31 2 *", HOUR)
    with pytest.raises(ScheduleError, match="no time zone 'Europe/Atlantis'"):
        allow("0 0 1 * *", HOUR, "Europe/Atlantis")


PLACE = Place(
    TargetRef("hq", "prod"), DeviceVdom("fgt-east-1", "dmz"), frozenset({"East", "Lab [1]"})
)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(), True),
        (Scope(devices=("*",)), True),
        (Scope(devices=("fgt-east-1",)), True),
        (Scope(devices=("fgt-west-*", "fgt-east-?")), True),
        (Scope(devices=("FGT-EAST-1",)), False),
        (Scope(devices=("fgt-east",)), False),
        (Scope(devices=("fgt-east-1/dmz",)), True),
        (Scope(devices=("fgt-east-1/root",)), False),
        (Scope(devices=("*/dmz",)), True),
        (Scope(devices=("group:East",)), True),
        (Scope(devices=("group:West",)), False),
        (Scope(device_groups=("East",)), True),
        (Scope(device_groups=("W*",)), False),
        (Scope(device_groups=("Lab [1]",)), True),  # a name first, a glob second
        (Scope(fortimanagers=("hq",)), True),
        (Scope(fortimanagers=("branch",)), False),
        (Scope(adoms=("p*",)), True),
        (Scope(adoms=("test",)), False),
        # Every key that is given must match.
        (Scope(adoms=("prod",), devices=("fgt-west-1",)), False),
        (Scope(fortimanagers=("hq",), adoms=("prod",), device_groups=("East",)), True),
    ],
)
def test_a_scope_covers_the_places_that_every_key_names(scope: Scope, expected: bool) -> None:
    assert scope.covers(PLACE) is expected


ALONE = Place(TargetRef("branch-7", "root", TargetKind.FORTIGATE), DeviceVdom("branch-7", "root"))
TOGETHER = replace(ALONE, fleet="branches")


@pytest.mark.parametrize(
    ("scope", "alone", "together"),
    [
        (Scope(), True, True),
        (Scope(devices=("branch-*",)), True, True),
        # What names FortiManagers or ADOMs is for no FortiGate without one, whatever its name.
        (Scope(fortimanagers=("branch-7",)), False, False),
        (Scope(fortimanagers=("*",)), False, False),
        (Scope(adoms=("root",)), False, False),
        (Scope(adoms=("*",)), False, False),
        (Scope(fleets=("branches",)), False, True),
        (Scope(fleets=("b*",)), True, True),
        (Scope(fleets=(str(ALONE.adom),)), True, False),  # by itself unless somebody says else
        (Scope(fleets=("others",)), False, False),
        (Scope(fleets=("branches",), devices=("other",)), False, False),
    ],
)
def test_a_scope_of_fortigates_without_a_fortimanager(
    scope: Scope, alone: bool, together: bool
) -> None:
    assert (scope.covers(ALONE), scope.covers(TOGETHER)) == (alone, together)


def test_an_adom_is_a_fleet_by_itself() -> None:
    assert Scope(fleets=("hq/prod",)).covers(PLACE)
    assert not Scope(fleets=("branches",)).covers(PLACE)


def test_the_longest_window_there_is() -> None:
    assert allow("0 1 1 1 *", timedelta(days=366)).duration == timedelta(days=366)


@pytest.mark.parametrize("key", ["fortimanagers", "adoms", "devices", "device_groups", "fleets"])
def test_an_empty_list_in_a_scope_is_refused_since_it_would_silence_the_window(key: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        Scope(**{key: ()})
    assert caught.value.message == "an empty list in a window's scope names nothing"
    assert caught.value.next_step == "leave the key out to mean all"


def test_a_window_prints_as_it_was_written() -> None:
    assert str(NIGHTLY) == "allow '0 1 * * *' for 3h (Europe/Berlin)"
    scoped = Window(
        WindowKind.DENY,
        "0 0 24 12 *",
        timedelta(hours=72),
        scope=Scope(adoms=("prod",), devices=("a*", "b")),
    )
    assert str(scoped) == "deny '0 0 24 12 *' for 3d (UTC) on ADOM prod, device a* or b"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (90, "1m 30s"), (90_061, "1d 1h 1m 1s"), (-60, "-1m")]
)
def test_durations_print_in_their_units(seconds: int, text: str) -> None:
    assert written(timedelta(seconds=seconds)) == text


def test_windows_compare_by_value() -> None:
    assert allow("0 1 * * *", HOUR) == allow("0 1 * * *", HOUR)
    assert len({allow("0 1 * * *", HOUR), allow("0 1 * * *", HOUR)}) == 1
    assert allow("0 1 * * *", HOUR) != allow("0 1 * * *", HOUR, "Europe/Berlin")


def test_a_time_without_a_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="2026-01-01 01:00:00 has no time zone"):
        allow("0 1 * * *", HOUR).contains(datetime(2026, 1, 1, 1))  # noqa: DTZ001 - the point of it
