"""Urgent removals: who may not wait for a window, and what holds them all the same."""

from __future__ import annotations

from datetime import datetime, timedelta

from fmgsync.model.target import DeviceVdom
from fmgsync.scheduling import urgent
from fmgsync.scheduling.timetable import Opening, Timetable
from fmgsync.scheduling.urgent import Exposure, ExposureKind, RemovalPolicy, Urgent
from fmgsync.scheduling.window import Window, WindowKind
from tests.scheduling.clockchanges import utc

MINUTE = timedelta(minutes=1)
NOW = utc("2026-01-01T12:00")
EAST = DeviceVdom("fgt-east-1", "root")
WEST = DeviceVdom("fgt-west-1", "root")
NIGHTLY = Timetable(
    allow=(Window(WindowKind.ALLOW, "0 1 * * *", timedelta(hours=3)),),
    deny=(Window(WindowKind.DENY, "0 18 * * *", timedelta(hours=2)),),
)
IMMEDIATELY = RemovalPolicy(within=timedelta(0))
QUARTER = RemovalPolicy(within=15 * MINUTE)
IN_WINDOW = RemovalPolicy()


def exposed(minutes: int | None, target: DeviceVdom = EAST, group: str = "web") -> Exposure:
    return Exposure(target, group, None if minutes is None else NOW - minutes * MINUTE)


def decide(
    policy: RemovalPolicy,
    *exposures: Exposure,
    now: datetime = NOW,
    timetable: Timetable = NIGHTLY,
    last: dict[str, datetime] | None = None,
) -> urgent.UrgentDecision:
    timetables = dict.fromkeys((EAST, WEST), timetable)
    return urgent.decide(policy, exposures, timetables, last or {}, now)


def test_immediately_means_now_until_the_next_deny_window() -> None:
    decision = decide(IMMEDIATELY, exposed(0))
    until_denied = Opening(NOW, utc("2026-01-01T18:00"))
    assert decision.now == (Urgent(EAST, ("web",), (ExposureKind.STALE,), NOW, until_denied),)
    assert decision.until is None


def test_in_window_waits_for_the_next_window() -> None:
    decision = decide(IN_WINDOW, exposed(60))
    assert decision.now == ()
    assert decision.until == utc("2026-01-02T01:00")


def test_within_a_bound_waits_until_it_is_reached() -> None:
    decision = decide(QUARTER, exposed(14))
    assert (decision.now, decision.until) == ((), NOW + MINUTE)
    assert decide(QUARTER, exposed(15)).now
    sooner = RemovalPolicy(within=15 * MINUTE, lead=2 * MINUTE)
    assert decide(sooner, exposed(13)).now


def test_an_age_that_is_not_known_or_lies_ahead_counts_as_overdue() -> None:
    (one,) = decide(QUARTER, exposed(None)).now
    assert one.since is None
    (one,) = decide(QUARTER, exposed(-30), exposed(20, group="db")).now
    assert one.since is None
    assert one.groups == ("db", "web")


def test_a_device_is_urgent_because_of_what_is_overdue_there() -> None:
    (one,) = decide(QUARTER, exposed(20), exposed(1, group="db"), exposed(16)).now
    assert one.groups == ("web",)
    assert one.since == NOW - 20 * MINUTE


def test_the_longest_exposed_comes_first() -> None:
    decision = decide(IMMEDIATELY, exposed(1), exposed(9, WEST))
    assert [each.target for each in decision.now] == [WEST, EAST]
    decision = decide(IMMEDIATELY, exposed(None), exposed(9, WEST))
    assert [each.target for each in decision.now] == [EAST, WEST]


def test_while_the_window_is_open_an_ordinary_install_does_it() -> None:
    decision = decide(IMMEDIATELY, exposed(1), now=utc("2026-01-01T02:00"))
    assert (decision.now, decision.until) == ((), None)


def test_an_open_window_is_no_reason_to_wait_where_no_ordinary_install_starts_in_it() -> None:
    """A pause between two waves, say; unless removals wait for windows anyway."""
    opened = utc("2026-01-01T02:00")
    timetables = {EAST: NIGHTLY}
    told = urgent.decide(IMMEDIATELY, [exposed(700)], timetables, {}, opened, ordinary=False)
    assert [each.target for each in told.now] == [EAST]
    told = urgent.decide(IN_WINDOW, [exposed(700)], timetables, {}, opened, ordinary=False)
    assert (told.now, told.until) == ((), None)


def test_what_began_this_very_moment_is_known_to_have() -> None:
    decision = decide(QUARTER, exposed(0))
    assert (decision.now, decision.until) == ((), NOW + 15 * MINUTE)


def test_a_deny_window_holds_the_lane_unless_a_person_overrides_it() -> None:
    denied = utc("2026-01-01T19:00")
    decision = decide(IMMEDIATELY, exposed(1), now=denied)
    assert (decision.now, decision.until) == ((), utc("2026-01-01T20:00"))
    overridden = decide(IMMEDIATELY, exposed(1), now=denied, timetable=NIGHTLY.without_denials())
    (one,) = overridden.now
    assert one.opening == Opening(denied, None)


def test_one_device_uses_the_lane_only_so_often() -> None:
    policy = RemovalPolicy(within=timedelta(0), spacing=5 * MINUTE)
    last = {"fgt-east-1": NOW - 3 * MINUTE}
    decision = decide(policy, exposed(1), exposed(1, WEST), last=last)
    assert [each.target for each in decision.now] == [WEST]
    assert decision.until == NOW + 2 * MINUTE
    assert decide(policy, exposed(1), last={"fgt-east-1": NOW - 5 * MINUTE}).now


def test_what_makes_a_device_urgent_is_named() -> None:
    reused = Exposure(EAST, "web", NOW, ExposureKind.REUSED)
    missing = Exposure(EAST, "blocked", NOW, ExposureKind.MISSING_IN_DENY)
    stale = Exposure(EAST, "web", NOW, ExposureKind.STALE)
    (one,) = decide(IMMEDIATELY, reused, stale, missing).now
    assert one.kinds == tuple(sorted(ExposureKind))


def test_of_those_exposed_as_long_the_order_is_by_name() -> None:
    decision = decide(IMMEDIATELY, exposed(9, WEST), exposed(9))
    assert [each.target for each in decision.now] == [EAST, WEST]
