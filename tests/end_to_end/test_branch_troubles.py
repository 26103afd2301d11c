"""One FortiGate of three in trouble: it is named, the others go on, nothing foreign is touched;
when the trouble is over the next run does the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.passes.result import Result
from tests.end_to_end.branches import GROUP, Branches, open_branches, seed

ILL = "branch-2"
Open = Callable[..., Branches]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Three units; `ill` are keys of the seed for the one that is ill."""
    with ExitStack() as stack:

        def make(**ill: Any) -> Branches:
            made = seed()
            made["fortigates"][1] |= ill
            branches = stack.enter_context(open_branches(tmp_path / "here", made))
            branches.pods(1, 2)
            return branches

        yield make


def unit_of(branches: Branches, name: str = ILL) -> dict[str, Any]:
    """Its part of the configuration, to be changed."""
    return next(one for one in branches.config["fortigates"] if one["name"] == name)


def error_of(result: Result, name: str = ILL) -> errors.FmgsyncError | None:
    """What went wrong with a unit."""
    [found] = [adom.error for adom in result.adoms if adom.ref.unit == name]
    return found


def suffers(branches: Branches, kind: type[errors.FmgsyncError], *words: str) -> None:
    """A run ends with this error for the unit that is ill; it is not written, the others are."""
    foreign, mark = branches.foreign(), branches.unit.requests.mark()
    error = error_of(branches.apply("window"))
    assert type(error) is kind, error
    told = f"{error} {error.next_step}"
    assert not [word for word in (ILL, *words) if word not in told], told
    assert "k3y" not in told
    assert ILL not in {device for device, _, _ in branches.writes(mark)}
    assert branches.everywhere() == [{1, 2}, None, {1, 2}]
    assert branches.foreign() == foreign


def recovers(branches: Branches) -> None:
    """The next run finds nothing in its way."""
    result = branches.apply("window")
    assert error_of(result) is None
    assert branches.everywhere() == [{1, 2}] * 3


def test_a_key_that_was_replaced(opened: Open) -> None:
    branches = opened()
    branches.unit.fortigate(ILL).rotate_key("fmgsync", "another")
    suffers(branches, errors.LoginRefused, "127.0.0.1", "key", "expire")
    branches.unit.fortigate(ILL).rotate_key("fmgsync", "k3y")
    recovers(branches)


def test_a_source_that_is_not_trusted(opened: Open) -> None:
    users = [{"name": "fmgsync", "key": "k3y", "profile": "advised", "trustHosts": ["10.0.0.0/8"]}]
    suffers(opened(apiUsers=users), errors.LoginRefused, "127.0.0.1")


def test_a_vdom_that_is_not_there(opened: Open) -> None:
    branches = opened()
    places = ["branch-1", f"{ILL}/dmz", "branch-3"]
    sites = [{**branches.config["sites"][0], "fortigates": places}]
    branches.write_config(sites=sites)
    error = error_of(branches.apply("window"))
    assert error is not None
    assert "dmz" in str(error)
    assert branches.everywhere() == [{1, 2}, None, {1, 2}]


def test_a_key_for_another_vdom(opened: Open) -> None:
    users = [{"name": "fmgsync", "key": "k3y", "profile": "advised", "vdoms": ["dmz"]}]
    branches = opened(apiUsers=users, vdoms=["root", "dmz"])
    suffers(branches, errors.PermissionDenied, "root")


def test_a_host_that_is_a_fortimanager(opened: Open) -> None:
    branches = opened()
    unit_of(branches)["host"] = branches.unit.host
    branches.write_config()
    suffers(branches, errors.ProtocolError, "FortiManager")


def test_two_names_for_one_unit(opened: Open) -> None:
    """The configuration shows it if the host is spelt alike, the serial number otherwise."""
    branches = opened()
    host = unit_of(branches, "branch-1")["host"]
    unit_of(branches)["host"] = host
    branches.write_config()
    with pytest.raises(errors.ConfigError, match="host of 'branch-1' as well"):
        branches.apply("window")
    unit_of(branches)["host"] = host.replace("127.0.0.1", "localhost")
    branches.write_config()
    result = branches.apply("window")
    assert errors.OtherUnit in {type(error_of(result, name)) for name in ("branch-1", ILL)}
    assert branches.held("branch-3") == {1, 2}
    assert branches.held(ILL) is None


@pytest.mark.slow
def test_somebodys_transaction_holds_the_groups(opened: Open) -> None:
    """It is waited for, and named when it does not end."""
    branches = opened()
    number = branches.unit.fortigate(ILL).hold("firewall addrgrp")
    foreign = branches.foreign()
    result = branches.apply("window")
    [rollout] = [adom.rollout for adom in result.adoms if adom.ref.unit == ILL]
    assert rollout is not None
    assert "is locked by transaction 1" in str(rollout.waiting)
    assert branches.everywhere() == [{1, 2}, None, {1, 2}]
    assert branches.foreign() == foreign
    branches.unit.fortigate(ILL).let_go(number)
    recovers(branches)


def test_a_foreign_object_has_the_groups_name(opened: Open) -> None:
    taken = {"name": GROUP, "subnet": "10.8.0.0/16", "comment": "by hand"}
    legacy = {"name": "legacy-db", "subnet": "10.9.0.1/32", "comment": "by hand"}
    branches = opened(addresses=[legacy, taken])
    foreign = branches.foreign()
    branches.apply("window")
    assert branches.everywhere() == [{1, 2}, None, {1, 2}]
    assert branches.foreign() == foreign


def test_a_unit_that_boots_with_unsaved_changes_gets_them_again(opened: Open) -> None:
    branches = opened(saving="manual")
    recovers(branches)
    branches.unit.fortigate(ILL).restart()
    assert branches.held(ILL) is None
    recovers(branches)


@pytest.mark.parametrize("skip", [5, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 9))])
def test_a_unit_that_fails_over_in_the_middle(opened: Open, skip: int) -> None:
    branches = opened(standby=["FGTSIM0000000002B"])
    foreign = branches.foreign()
    branches.unit.faults.add("unit-failover", device=ILL, skip=skip)
    branches.apply("window")
    recovers(branches)
    assert branches.foreign() == foreign


SLOWLY = [
    {"kind": "http-error", "status": 503, "times": 2},
    {"kind": "reset-before", "times": 2},
    {"kind": "garbage", "method": "GET", "times": 1},
]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "http-error", "status": 429, "retry_after": 2, "times": 2},
        *(pytest.param(fault, marks=pytest.mark.slow) for fault in SLOWLY),
    ],
)
def test_trouble_that_passes_is_waited_for(opened: Open, fault: dict[str, Any]) -> None:
    branches = opened()
    branches.unit.faults.add(**fault, device=ILL)
    recovers(branches)


def test_a_table_that_was_read_in_part_removes_nothing(opened: Open) -> None:
    branches = opened()
    recovers(branches)
    branches.pods(2, 3)
    branches.unit.faults.add("short-result", device=ILL, url="*firewall/addr*", times=2)
    assert type(error_of(branches.apply("window"))) is errors.ProtocolError
    assert branches.everywhere() == [{2, 3}, {1, 2}, {2, 3}]
    branches.apply("window")
    assert branches.everywhere() == [{2, 3}] * 3
