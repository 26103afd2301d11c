"""Several VDOMs of one FortiGate without a FortiManager: one device to canary, waves and budget."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.end_to_end import branches
from tests.end_to_end.branches import Branches, open_branches

VDOMS = ("root", "dmz")
PLACES = [(name, vdom) for name in branches.BRANCHES for vdom in VDOMS]


@pytest.fixture
def offices(tmp_path: Path) -> Iterator[Branches]:
    """Three of them, each written in two VDOMs; sixteen passes at a time would be possible."""
    with open_branches(tmp_path / "x", branches.seed(vdoms=list(VDOMS))) as opened:
        names = [f"{name}/{vdom}" for name, vdom in PLACES]
        site = {"clusters": ["east"], "fortigates": names, "fleet": "branches"}
        opened.write_config(sites=[site])
        yield opened


def rolled_out(offices: Branches, **rollout: Any) -> None:
    install = {"windows": "always", "rollout": {"pause": "0s", **rollout}}
    offices.write_config(install=install)
    offices.pods(1, 2)
    offices.apply("window")


def held(offices: Branches) -> dict[tuple[str, str], set[int] | None]:
    return {place: offices.held(place[0], vdom=place[1]) for place in PLACES}


def written(offices: Branches) -> list[tuple[str, str]]:
    """Device and VDOM of each write, one after the other; what repeats told once."""
    found = [
        (str(one.device), parse_qs(urlsplit(one.urls[0]).query)["vdom"][0])
        for one in offices.unit.requests.since(0)
        if one.method != "GET"
    ]
    return [place for place, _ in itertools.groupby(found)]


def test_one_device_is_never_written_in_two_vdoms_at_once(offices: Branches) -> None:
    """Though all may be at risk, and each VDOM has a pass of its own."""
    rolled_out(offices, waves=["100%"], maxFailures="100%")
    assert all(known == {1, 2} for known in held(offices).values())
    for name in branches.BRANCHES:
        turns = [vdom for device, vdom in written(offices) if device == name]
        assert sorted(turn for turn, _ in itertools.groupby(turns)) == sorted(VDOMS)


def test_the_budget_counts_devices_and_not_vdoms(offices: Branches) -> None:
    """One at a time: whichever VDOM it is, no other device is written meanwhile."""
    rolled_out(offices, waves=["100%"], maxFailures=1)
    assert all(known == {1, 2} for known in held(offices).values())
    assert sorted(written(offices)) == sorted(PLACES)  # each in one go


@pytest.mark.slow
def test_the_canary_is_the_device(offices: Branches) -> None:
    """Nobody else is written before a VDOM of it was proven."""
    rolled_out(offices, canary=["branch-2"], waves=["100%"], maxFailures="100%")
    assert all(known == {1, 2} for known in held(offices).values())
    assert written(offices)[0][0] == "branch-2"


def test_a_device_that_fails_in_one_vdom_is_one_failure(offices: Branches) -> None:
    """It spends the budget of one, and its other VDOM is not written on top."""
    offices.unit.faults.add(
        kind="status", method="POST", url="*address?*", device="branch-1", status=61, times=0
    )
    rolled_out(offices, canary=["branch-1"], waves=["100%"], maxFailures=1)
    assert not any(held(offices).values())
    assert {device for device, _ in written(offices)} == {"branch-1"}
    assert len({vdom for _, vdom in written(offices)}) == 1
