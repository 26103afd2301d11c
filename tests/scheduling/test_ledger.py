"""The ledger: what counts as at risk, and what makes it cease to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fmgsync.scheduling import ledger
from fmgsync.scheduling.forecast import REMEMBERED
from fmgsync.scheduling.ledger import Attempt, Ledger, Proof
from tests.scheduling.clockchanges import utc

NOW = utc("2026-01-01T01:00")
LATER = NOW + timedelta(seconds=90)


def test_a_started_device_is_at_risk_until_it_is_verified() -> None:
    book = ledger.started(Ledger("d"), ["b", "a", "a"], 1, NOW)
    assert book.attempts == (Attempt("a", 1, NOW), Attempt("b", 1, NOW))
    book = ledger.verified(book, "a", LATER, 80.0)
    assert book.at_risk == {"b"}
    assert book.proofs == (Proof("a", 1, LATER),)
    assert book.past_s == (80.0,)
    assert ledger.verified(book, "b", LATER).past_s == (80.0,)  # nobody has watched that one
    assert ledger.verified(book, "b", LATER, 0.0).past_s == (80.0, 0.0)


def test_a_failed_device_stays_at_risk_until_a_person_resumes() -> None:
    book = ledger.failed(ledger.started(Ledger("d"), ["a", "b"], 1, NOW), "a", LATER, "why")
    book = ledger.failed(book, "a", LATER + timedelta(hours=1), "why again")
    assert book.failed == (Attempt("a", 1, NOW, LATER, "why again"),)
    assert book.running == (Attempt("b", 1, NOW),)
    assert ledger.withdrawn(book, "a") == book
    book = ledger.resumed(ledger.halted(book, "stop"))
    assert book.at_risk == {"b"}
    assert book.halted is None


def test_a_device_that_answers_rightly_after_all_is_verified_but_no_measure_of_time() -> None:
    book = ledger.failed(ledger.started(Ledger("d"), ["a"], 1, NOW), "a", NOW, "timeout")
    book = ledger.verified(book, "a", LATER, 80.0)
    assert book.proven == {"a"}
    assert book.past_s == ()
    assert ledger.verified(book, "a", LATER) == book


def test_an_install_that_never_touched_the_device_is_withdrawn() -> None:
    book = ledger.started(Ledger("d"), ["a"], 1, NOW)
    assert ledger.withdrawn(book, "a") == Ledger("d")


def test_new_members_on_a_proven_device_belong_to_no_wave() -> None:
    book = ledger.verified(ledger.started(Ledger("d"), ["a"], 1, NOW), "a", NOW)
    book = ledger.started(book, ["a"], None, LATER)
    assert book.attempts == (Attempt("a", None, LATER),)
    assert ledger.verified(book, "a", LATER).proofs == (Proof("a", 1, NOW),)
    again = ledger.started(ledger.withdrawn(book, "a"), ["a", "b"], 2, LATER)
    assert again.attempts == (Attempt("a", None, LATER), Attempt("b", 2, LATER))


def test_nothing_starts_twice_or_outside_the_waves() -> None:
    book = ledger.started(Ledger("d"), ["a"], 1, NOW)
    with pytest.raises(ValueError, match="a is at risk already"):
        ledger.started(book, ["a"], 2, NOW)
    with pytest.raises(ValueError, match="b is in no wave"):
        ledger.started(book, ["b"], None, NOW)


def test_a_structural_change_starts_over_but_forgets_no_risk() -> None:
    book = ledger.started(Ledger("d"), ["a", "b", "c"], 3, NOW)
    book = ledger.failed(ledger.verified(book, "a", NOW), "b", NOW, "why")
    assert ledger.for_digest(book, "d") is book
    book = ledger.for_digest(ledger.halted(book, "stop"), "e")
    assert book.digest == "e"
    assert book.proven == frozenset()
    assert book.at_risk == {"b", "c"}
    assert {attempt.wave for attempt in book.attempts} == {None}
    assert book.halted == "stop"
    assert ledger.verified(book, "c", NOW).proofs == ()  # it may hold the old rules


def test_only_the_latest_times_are_kept() -> None:
    book = Ledger("d")
    for number in range(REMEMBERED + 5):
        at = NOW + timedelta(hours=number)
        book = ledger.started(book, [f"d{number}"], 1, at)
        book = ledger.verified(book, f"d{number}", at, number)
    assert len(book.past_s) == REMEMBERED
    assert book.past_s[-1] == REMEMBERED + 4


def test_what_the_urgent_lane_proves_counts_there_and_for_no_wave() -> None:
    """A canary that only lost an address has shown nothing of what the rules add."""
    book = ledger.started(Ledger("d"), ["a"], 0, NOW, urgent=True)
    assert ledger.in_full(book).attempts == (Attempt("a", None, NOW, urgent=True),)
    book = ledger.verified(book, "a", LATER)
    assert book.proven == frozenset()
    assert ledger.in_full(book).proofs == ()
    assert ledger.in_the_urgent_lane(book).proven == {"a"}
    assert ledger.in_the_urgent_lane(book).proofs == (Proof("a", 0, LATER),)
    begun = ledger.started(book, ["b"], 0, NOW, urgent=True)
    assert ledger.in_the_urgent_lane(begun).attempts == (Attempt("b", 0, NOW),)
    # Again in the lane, where it is in no wave any more.
    again = ledger.verified(ledger.started(book, ["a"], None, LATER, urgent=True), "a", LATER)
    assert again.proofs == book.proofs
    full = ledger.verified(ledger.started(again, ["a"], 0, LATER), "a", LATER)
    assert full.proofs == (Proof("a", 0, LATER),)
    kept = ledger.verified(ledger.started(full, ["a"], None, LATER, urgent=True), "a", LATER)
    assert kept.proven == {"a"}
