"""`reconcile.write: before-install`: the ADOM is written in the install's lock and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.clock import SystemClock
from fmgsync.model.rollout import Outcome
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.seen import changes, held, outcomes, passed, web

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """One pod in each cluster; nothing written yet."""
    with open_estate(tmp_path, default_seed(install_s=0), clock=SystemClock()) as made:
        made.write_config(reconcile={"write": "before-install"})
        made.run("east", web("10.1.0", 5))
        made.run("west", web("10.2.0", 5))
        yield made


def begin(estate: Estate) -> None:
    """The group is there, a policy uses it, the FortiGates have it."""
    estate.apply()
    estate.write_policy("k8s-web")
    estate.apply()


def test_without_an_install_nothing_is_written(estate: Estate, ask: Ask) -> None:
    """Nobody else's install can carry a change that is not in the ADOM."""
    begin(estate)
    estate.run("east", web("10.1.0", 6))
    mark = estate.unit.requests.mark()
    code, document = ask("apply", "--install", "never")
    assert (code, document["written"]) == (3, 0)
    assert document["devices"][0]["groups"][0]["state"] == "write pending"
    assert estate.unit.requests.writing(since=mark) == []
    assert estate.unit.requests.locks(since=mark) == []


def test_with_an_install_both_happen_under_one_lock(estate: Estate, ask: Ask) -> None:
    begin(estate)
    estate.run("east", web("10.1.0", 6))
    mark = estate.unit.requests.mark()
    code, document = ask("apply", "--install", "now")
    assert (code, document["written"]) == (0, 3)
    assert passed(estate, "fgt-east") == {"10.1.0.6"}
    verbs = [url.rsplit("/", 2)[-2:] for entry in estate.unit.requests.locks(since=mark)
             for url in entry.urls]  # fmt: skip
    assert sum("lock" in verb for verb in verbs) == 1, verbs
    assert changes(estate.plan()) == []


def test_a_group_nobody_uses_yet_is_written_too(estate: Estate) -> None:
    """An administrator needs it to write the policy."""
    result = estate.apply()
    assert outcomes(result) == {}
    assert estate.mapped("k8s-web")["fgt-east"] == ["prod_10.1.0.5"]
    estate.write_policy("k8s-web")
    assert set(outcomes(estate.apply()).values()) == {Outcome.DONE}


def test_a_locked_adom_is_left_alone(tmp_path: Path) -> None:
    """Neither written nor installed while somebody else has it; the next run tries again."""
    with open_estate(tmp_path) as estate:
        estate.write_config(reconcile={"write": "before-install"})
        estate.run("east", web("10.1.0", 5))
        estate.run("west", web("10.2.0", 5))
        begin(estate)
        estate.run("east", web("10.1.0", 6))
        console = estate.unit.console("admin")
        console.lock("prod")
        mark = estate.unit.requests.mark()
        (adom,) = estate.apply().adoms
        assert adom.rollout is not None
        assert "locked: by 'admin'" in str(adom.rollout.waiting)
        writes = [url for e in estate.unit.requests.writing(since=mark) for url in e.urls]
        assert [url for url in writes if "/obj/" in url or "install" in url] == []
        console.unlock("prod")
        estate.apply()
        assert passed(estate, "fgt-east") == {"10.1.0.6"}


def test_what_the_guard_holds_is_held_here_as_well(estate: Estate) -> None:
    begin(estate)
    estate.write_config(guard={"unlessFewerThan": 1})
    estate.run("east", *(web("10.1.0", n) for n in range(6, 10)))
    result = estate.apply()
    assert [hold.kind for hold in held(result)] == ["held-additions"]
    assert passed(estate, "fgt-east") == {"10.1.0.5"}
    estate.approve(result.digest)
    estate.apply()
    assert passed(estate, "fgt-east") == {f"10.1.0.{n}" for n in range(6, 10)}


def test_a_pass_without_changes_takes_no_lock(estate: Estate) -> None:
    begin(estate)
    mark = estate.unit.requests.mark()
    assert changes(estate.apply()) == []
    assert estate.unit.requests.locks(since=mark) == []


def test_a_workflow_adom_says_that_this_cannot_be(tmp_path: Path) -> None:
    """What is written there waits for somebody's approval, so it cannot be installed at once."""
    seed = default_seed(install_s=0, workspaceMode="workflow")
    with open_estate(tmp_path, seed, clock=SystemClock()) as made:
        made.write_config(reconcile={"write": "before-install"})
        made.run("east", web("10.1.0", 5))
        made.run("west", web("10.2.0", 5))
        mark = made.unit.requests.mark()
        (adom,) = made.apply().adoms
        assert adom.error is not None
        assert "workflow" in str(adom.error)
        assert "continuous" in str(adom.error)
        writes = [url for e in made.unit.requests.writing(since=mark) for url in e.urls]
        assert [url for url in writes if "/obj/" in url] == []
