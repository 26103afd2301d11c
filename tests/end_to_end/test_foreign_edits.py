"""Other people's pending edits: never pushed by name, in no lane, unless somebody lets them go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.passes.result import Result
from tests.end_to_end import seen
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import GROUP, OPEN, holding, open_fleet, report, seed, to, verified, web

OBJECTS = "/pm/config/adom/prod/obj/firewall"
Edit = Callable[[Estate], None]


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """One FortiGate in sync; `legacy`, a group of theirs, is used by a policy as well."""
    taken = seed(
        1,
        addresses=[
            {"name": "legacy-db", "subnet": "10.9.0.1/32"},
            # Named like ours, without our mark.
            {"name": "prod_10.66.6.6", "subnet": "10.66.6.6/32"},
        ],
        addressGroups=[{"name": "k8s-db", "members": ["legacy-db", "prod_10.66.6.6"]}],
    )
    with open_fleet(tmp_path, taken) as made:
        made.write_policy("k8s-db")
        made.install_by_hand()
        rules = [{"name": GROUP, "select": "app == 'web'"}, {"name": "k8s-db", "select": "all()"}]
        made.write_config(groups=rules)
        web(made, "10.1.0.1", "10.1.0.2")
        to(made, OPEN)
        yield made


def call(method: str, url: str, data: Any = None) -> Edit:
    """An edit by an administrator."""

    def edit(estate: Estate) -> None:
        with estate.administrator() as console:
            console.call(method, url, data)

    return edit


def a_policy(estate: Estate) -> None:
    """A policy that uses our group, and whatever else it needs."""
    estate.write_policy(GROUP, name="theirs", srcaddr=["legacy-db"])


EDITS: dict[str, Edit] = {
    "a group of theirs that has a rule's name": call(
        "update", f"{OBJECTS}/addrgrp/k8s-db", {"member": ["all"]}
    ),
    "an address of theirs that is named like ours": call(
        "update", f"{OBJECTS}/address/prod_10.66.6.6", {"subnet": "10.0.0.0/8"}
    ),
    "a policy that uses our group": a_policy,
}  # fmt: skip


@pytest.mark.parametrize("lane", ["window", "now"])
@pytest.mark.parametrize("case", EDITS)
def test_no_lane_pushes_other_peoples_edits(estate: Estate, case: str, lane: str) -> None:
    EDITS[case](estate)
    result = estate.apply(lane)
    assert not verified(result)
    assert "of other people" in report(result).blocked["fgt-1"]
    assert holding(estate, "10.1.0.1") == ["fgt-1"]


def digest_of(result: Result) -> str:
    """What the person is told to approve."""
    why = report(result).blocked["fgt-1"]
    return why.split("'fmgsync approve ")[1].split("'")[0]


def lines(estate: Estate, event: str) -> list[dict[str, Any]]:
    """The audit's lines of one kind."""
    text = (estate.folder / "state" / "audit.jsonl").read_text(encoding="utf-8")
    return [row for row in map(json.loads, text.splitlines()) if row["event"] == event]


@pytest.mark.parametrize("lane", ["window", "now"])
def test_exactly_the_edits_shown_go_once(estate: Estate, lane: str) -> None:
    a_policy(estate)
    digest = digest_of(estate.apply(lane))
    now, memory = estate.clock.now(), estate.world("plan").memory
    memory.approve(digest, who="ann", reason="CHG-1", now=now, expires_at=now + 3600)
    result = estate.apply(lane)
    assert verified(result) == ["fgt-1"]
    (carried,) = lines(estate, "carried along")
    assert (carried["approved_by"], carried["approved_for"]) == ("ann", "CHG-1")
    assert any("theirs" in line for line in carried["edits"][0]["lines"])
    # The same again needs another decision.
    web(estate, "10.1.0.1")
    call("delete", "/pm/config/adom/prod/pkg/edge/default/firewall/policy/4")(estate)
    assert not verified(estate.apply(lane))


def test_another_line_needs_another_decision(estate: Estate) -> None:
    a_policy(estate)
    estate.approve(digest_of(estate.apply("now")))
    a_policy(estate)
    result = estate.apply("now")
    assert not verified(result)
    assert holding(estate, "10.1.0.1") == ["fgt-1"]
    assert not lines(estate, "carried along")


def test_what_the_guard_let_go_is_told(estate: Estate) -> None:
    """The words in status name the digest, so that nobody has to search for it."""
    a_policy(estate)
    estate.apply("now")
    (adom,) = estate.status().adoms
    (view,) = adom.views
    (held,) = (group for group in view.groups if group.name == GROUP)
    assert "fmgsync approve" in held.because


def test_addresses_of_ours_that_are_gone_are_deleted_with_our_group(estate: Estate) -> None:
    """Deleted from the ADOM, their mark is in FortiManager's copy of the device."""
    assert verified(estate.apply("window")) == ["fgt-1"]
    web(estate, "10.1.0.2")
    estate.clock.sleep(60)
    assert verified(estate.apply("window")) == ["fgt-1"]
    assert holding(estate, "10.1.0.2") == ["fgt-1"]
    assert not seen.changes(estate.status())
