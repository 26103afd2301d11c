"""A replica that does not get through to FortiManager offers its ADOMs, and does not take them
back and forth."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fmgsync import errors
from fmgsync.leases.reach import STEADY, TRIES, Reach, keeps_out
from fmgsync.model.target import TargetRef
from fmgsync.scheduling.shares import shares, shares_of

HQ = [TargetRef("hq", f"adom-{n}") for n in range(6)]
LAB = [TargetRef("lab", f"adom-{n}") for n in range(4)]
FINE: Mapping[str, frozenset[str]] = {name: frozenset[str]() for name in ("a", "b", "c")}


def out(*names: str) -> frozenset[str]:
    return frozenset(names)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.ConnectionFailed("timed out"), True),
        (errors.LoginRefused("trusted hosts"), True),
        (errors.UntrustedCertificate("a proxy"), True),
        (errors.LockHeld("by eve"), False),
        (errors.PermissionDenied("ADOM"), False),
        (errors.UnitBusy("busy"), False),
        (None, False),
    ],
)
def test_only_a_way_that_is_barred_keeps_a_replica_out(
    error: errors.FmgsyncError | None, expected: bool
) -> None:
    assert keeps_out(error) is expected


def test_it_takes_several_passes_in_a_row() -> None:
    reach = Reach()
    for count in range(TRIES):
        reach.passed({HQ[0]: count})
    assert reach.unreachable == out()
    reach.passed({HQ[0]: TRIES, LAB[0]: 0})
    assert reach.unreachable == out("hq")


def test_one_adom_that_gets_through_is_enough() -> None:
    reach = Reach()
    reach.passed({HQ[0]: 9, HQ[1]: 0})
    assert reach.unreachable == out()
    reach.passed({HQ[0]: 9, HQ[1]: None})
    assert reach.unreachable == out("hq")
    reach.passed({HQ[0]: None, HQ[1]: 0})
    assert reach.unreachable == out()


def test_it_is_reached_again_after_several_probes_in_a_row() -> None:
    reach = Reach()
    reach.passed({HQ[0]: TRIES})
    for _ in range(3):
        for _ in range(STEADY - 1):
            reach.probe(lambda name: True)
        reach.probe(lambda name: False)  # and all begins anew
    assert reach.unreachable == out("hq")
    for _ in range(STEADY):
        assert reach.unreachable == out("hq")
        reach.probe(lambda name: name == "hq")
    assert reach.unreachable == out()


def test_without_trouble_the_shares_are_the_usual_ones() -> None:
    adoms = [*HQ, *LAB]
    assert shares_of(adoms, FINE, lambda ref: "") == shares(adoms, tuple(FINE))


def test_only_what_cannot_be_reached_moves() -> None:
    adoms = [*HQ, *LAB]
    usual = shares(adoms, tuple(FINE))
    found = shares_of(adoms, {**FINE, "a": out("hq")}, usual.__getitem__)
    assert {ref for ref in adoms if found[ref] != usual[ref]} == {
        ref for ref in HQ if usual[ref] == "a"
    }
    assert "a" not in {found[ref] for ref in HQ}


def test_what_nobody_reaches_stays_where_it_is() -> None:
    """Also where the usual share is somebody else's: to hand it around helps nobody."""
    lost = dict.fromkeys(FINE, out("hq"))
    assert set(shares_of(HQ, lost, lambda ref: "b").values()) == {"b"}
    # What nobody holds goes to whoever's it usually is.
    assert shares_of(HQ, lost, lambda ref: "") == shares(HQ, tuple(FINE))
    assert shares_of(HQ, lost, lambda ref: "gone") == shares(HQ, tuple(FINE))
