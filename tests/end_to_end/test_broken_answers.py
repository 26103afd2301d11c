"""A FortiManager that answers HTML, nothing, or half of it: what a user sees, and what is left.

Every command ends with a message that names the place, never with a traceback; the next run, on
the same unit in good health, gets everything right.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.cli import common
from fmgsync.model.view import GroupState
from fmgsync.passes.result import Result
from tests.crossed import crossed
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.seen import passed, said, states, web

BROKEN: dict[str, dict[str, Any]] = {
    "HTML": {"kind": "http-error", "status": 502},
    "HTML with status 404": {"kind": "http-error", "status": 404},
    "nothing": {"kind": "reset-before"},
    "nothing after it was done": {"kind": "reset-after"},
    "half a document": {"kind": "truncate"},
    "no JSON": {"kind": "garbage"},
    "half a list": {"kind": "short-result"},
    "another request's answer": {"kind": "misdirected"},
}
EVERYWHERE = ("login", "topology", "groups", "packages")
PLACES: dict[str, dict[str, Any]] = {
    "login": {"url": "sys/login/user"},
    "topology": {"url": "dvmdb/adom/prod*"},
    "groups": {"url": "*/obj/firewall/addrgrp*", "method": "get"},
    "packages": {"url": "pm/pkg/adom/*"},
}


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with open_estate(tmp_path, default_seed(install_s=0)) as made:
        made.run("east", web("10.1.0", 5))
        made.run("west", web("10.2.0", 5))
        yield made


def referenced(estate: Estate) -> None:
    """A policy uses the group; one more address is on its way."""
    estate.apply_never()
    estate.write_policy("k8s-web")
    estate.apply()
    estate.run("east", web("10.1.0", 5), web("10.1.0", 6))


def the_error(result: Result) -> errors.TargetError:
    """The one error, as it is printed: with the FortiManager's name and without page or body."""
    error = result.adoms[0].error
    assert error is not None
    text = said(result)
    assert "FortiManager hq" in text
    assert "<html" not in text.lower()
    assert "s3cret-word" not in text
    assert common.apply_code(result) == common.FAILED
    return error


def left_behind(estate: Estate) -> list[object]:
    return list(estate.unit.world.adoms["prod"].locks)


def installs(estate: Estate) -> int:
    """How many installs the unit has ever begun; previews are none."""
    begun = (t for t in estate.unit.world.tasks.all() if "Install Package" in t.title)
    return sum(any("preview" not in line.detail for line in task.lines) for task in begun)


@pytest.mark.parametrize(("answer", "place"), crossed(BROKEN, EVERYWHERE))
def test_what_cannot_be_read_is_an_error_and_changes_nothing(
    estate: Estate, answer: str, place: str
) -> None:
    """Asked again a few times; half of what is there is never taken for all of it."""
    referenced(estate)
    estate.unit.faults.add(**BROKEN[answer], **PLACES[place], times=0)
    mark = estate.unit.requests.mark()
    before = estate.mapped("k8s-web")
    for look in (estate.plan, estate.status, estate.apply):
        the_error(look())
    assert estate.mapped("k8s-web") == before
    assert [e for e in estate.unit.requests.writing(mark) if "login" not in str(e.urls)] == []
    estate.unit.faults.clear()
    assert set(states(estate.apply()).values()) == {GroupState.IN_SYNC}
    assert left_behind(estate) == []


@pytest.mark.parametrize(("answer", "method"), crossed(BROKEN, ["add", "set", "delete"]))
def test_a_write_without_a_usable_answer_is_looked_after(
    estate: Estate, answer: str, method: str
) -> None:
    """Once: what is there is read back and the rest written. Whatever was lost, the end is right
    and nothing stays locked."""
    referenced(estate)
    estate.run("east", web("10.1.0", 6))
    url = {"add": "*/addr*", "set": "*/dynamic_mapping*", "delete": "*/address*"}[method]
    estate.unit.faults.add(**BROKEN[answer], method=method, url=url)
    estate.write_config(guard={"unlessFewerThan": 100})
    result = estate.apply()
    assert estate.unit.faults.happened() == 1
    if result.adoms[0].error is not None:
        the_error(result)
    assert left_behind(estate) == []
    estate.apply()
    assert common.status_code(estate.status()) == 0
    assert passed(estate, "fgt-east") == {"10.1.0.6"}


@pytest.mark.parametrize(
    ("answer", "place"), crossed(BROKEN, ["securityconsole/install/package", "task/task*"])
)
def test_an_install_without_a_usable_answer_is_not_started_twice(
    estate: Estate, answer: str, place: str
) -> None:
    """The task list says whether it has begun; the devices say what became of it."""
    referenced(estate)
    estate.write_config(install={"foreignChanges": "allow"})
    estate.unit.faults.add(**BROKEN[answer], url=place)
    before = installs(estate)
    result = estate.apply()
    assert estate.unit.faults.happened() == 1
    if result.adoms[0].error is not None:
        the_error(result)
    assert left_behind(estate) == []
    again = estate.apply()
    assert set(states(again).values()) == {GroupState.IN_SYNC}
    assert installs(estate) == before + 1
    assert passed(estate, "fgt-east") == {"10.1.0.5", "10.1.0.6"}


def pushed(estate: Estate) -> int:
    """How often something was pushed to fgt-east."""
    lines = [line for task in estate.unit.world.tasks.all() for line in task.lines]
    return sum(line.name == "fgt-east" and line.state == "done" for line in lines)


@pytest.mark.parametrize(
    ("answer", "call"), crossed(BROKEN, ["install/preview", "preview/result", "package/commit"])
)
def test_what_a_preview_found_is_pushed_once_whatever_is_lost(
    estate: Estate, answer: str, call: str
) -> None:
    referenced(estate)
    before = pushed(estate)
    estate.unit.faults.add(**BROKEN[answer], url=f"securityconsole/{call}")
    estate.apply()
    assert estate.unit.faults.happened() == 1
    assert left_behind(estate) == []
    assert set(states(estate.apply()).values()) == {GroupState.IN_SYNC}
    assert pushed(estate) == before + 1
    assert passed(estate, "fgt-east") == {"10.1.0.5", "10.1.0.6"}


@pytest.mark.parametrize("answer", BROKEN)
def test_devices_that_cannot_be_asked_are_never_in_sync(estate: Estate, answer: str) -> None:
    """Through FortiManager: its broken answer says nothing of the FortiGates behind it."""
    referenced(estate)
    estate.apply()
    estate.unit.faults.add(**BROKEN[answer], url="sys/proxy/json", times=0)
    result = estate.status()
    assert GroupState.IN_SYNC not in states(result).values()
    assert common.status_code(result) == common.FAILED
    the_error(result)
