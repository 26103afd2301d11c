"""Shares, budgets and forecasts: small numbers, rounded the safe way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fmgsync.scheduling import budget, ledger
from fmgsync.scheduling.budget import Percent, Room
from fmgsync.scheduling.forecast import UNKNOWN, Forecast
from fmgsync.scheduling.ledger import Ledger
from tests.scheduling.clockchanges import utc

NOW = utc("2026-01-01T01:00")


@pytest.mark.parametrize(
    ("percent", "count", "up", "down"),
    [
        (5, 1000, 50, 50),
        (5, 101, 6, 5),
        (5, 1, 1, 0),
        (100, 7, 7, 7),
        (0, 7, 0, 0),
        (0.1, 1000, 1, 1),  # 0.1 as a float is a little more than a tenth
        (33.3, 3, 1, 0),
        (5, 0, 0, 0),
    ],
)
def test_shares_are_exact(percent: float, count: int, up: int, down: int) -> None:
    assert (Percent(percent).up(count), Percent(percent).down(count)) == (up, down)


def test_a_share_lies_between_0_and_100_percent() -> None:
    for value in (-1, 100.1):
        with pytest.raises(ValueError, match="is no share"):
            Percent(value)
    assert str(Percent(2.5)) == "2.5%"


@pytest.mark.parametrize(
    ("limit", "devices", "expected"),
    [(0, 50, 1), (1, 50, 1), (3, 50, 3), (Percent(5), 100, 5), (Percent(5), 19, 1)],
)
def test_one_device_may_always_be_tried(limit: int | Percent, devices: int, expected: int) -> None:
    assert budget.most_at_risk(limit, devices) == expected


def test_room_is_what_is_not_at_risk_and_failures_spend_it() -> None:
    book = Ledger("d")
    assert budget.room(2, book, 10) == Room(2)
    book = ledger.started(book, ["a", "b"], 1, NOW)
    assert budget.room(2, book, 10) == Room(0)
    book = ledger.failed(ledger.verified(book, "a", NOW), "b", NOW, "no route")
    assert budget.room(2, book, 10) == Room(1)
    assert budget.room(1, book, 10) == Room(0, "the failure budget of the rollout is spent: 1 of 1")


def seconds(*values: int) -> Forecast:
    return Forecast(tuple(timedelta(seconds=value) for value in values))


def test_a_forecast_is_careful_while_nothing_is_known() -> None:
    assert Forecast().slow == Forecast().usual == UNKNOWN
    assert Forecast().rounds(0) == timedelta(0)
    assert Forecast().rounds(3) == 3 * UNKNOWN


def test_a_forecast_gives_one_install_the_90th_percentile_and_further_ones_the_median() -> None:
    past = seconds(60, 10, 20, 30, 40, 50, 70, 80, 90, 600)
    assert past.usual == timedelta(seconds=50)
    assert past.slow == timedelta(seconds=90)
    assert past.rounds(3) == timedelta(seconds=190)
    assert past.rounds(0) == timedelta(0)
    assert seconds(7).slow == timedelta(seconds=7)
