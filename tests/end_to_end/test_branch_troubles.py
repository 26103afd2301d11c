"""One FortiGate of three in trouble: it is named, the others go on, nothing foreign is touched;
when the trouble is over the next run does the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from fmgsync import errors
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.passes.result import Result
from tests import builders
from tests.end_to_end.branches import CLUSTER, GROUP, Branches, open_branches, seed
from tests.end_to_end.estate import UNATTENDED, default_seed, open_estate

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


def test_units_that_take_turns_are_no_failover(opened: Open) -> None:
    """Nobody waits until they agree: reads go to one of them, and writes to the other."""
    branches = opened()
    branches.unit.faults.add("other-serial", device=ILL, method="POST", times=0)
    began = branches.clock.now()
    result = branches.apply("window")
    assert type(error_of(result)) is errors.OtherUnit
    assert branches.everywhere() == [{1, 2}, None, {1, 2}]
    assert branches.clock.now() - began < 120.0


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
    suffers(branches, errors.UnknownDevice, "root")


def test_a_host_that_is_a_fortimanager(opened: Open) -> None:
    branches = opened()
    unit_of(branches)["host"] = branches.unit.host
    branches.write_config()
    suffers(branches, errors.NoFortiGate, "FortiManager")


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
    assert {type(error_of(result, name)) for name in ("branch-1", ILL)} == {errors.TwoNames}
    assert branches.everywhere() == [None, None, {1, 2}]


def test_two_names_for_one_unit_are_both_refused_where_nothing_is_to_be_done(opened: Open) -> None:
    branches = opened()
    branches.apply("window")
    host = unit_of(branches, "branch-1")["host"]
    unit_of(branches)["host"] = host.replace("127.0.0.1", "localhost")
    branches.write_config()
    result = branches.apply("window")
    for name, other in (("branch-1", ILL), (ILL, "branch-1")):
        error = error_of(result, name)
        assert type(error) is errors.TwoNames
        assert other in str(error)


@pytest.mark.parametrize("first", ["branch-1", ILL])
def test_of_two_names_for_one_unit_neither_is_written_whichever_is_read_first(
    opened: Open, first: str
) -> None:
    """Apart, they do not wait for each other: all serial numbers are learned before a write."""
    branches = opened()
    host = unit_of(branches, "branch-1")["host"]
    unit_of(branches)["host"] = host.replace("127.0.0.1", "localhost")
    names = [first, *({"branch-1", ILL} - {first}), "branch-3"]
    branches.write_config(
        sites=[{"clusters": [CLUSTER], "fortigates": [name]} for name in names],
        reconcile={"unitsAtOnce": 1},
    )
    result = branches.apply("window")
    for name, other in (("branch-1", ILL), (ILL, "branch-1")):
        error = error_of(result, name)
        assert type(error) is errors.TwoNames
        assert other in str(error)
    assert {device for device, _, _ in branches.writes()} == {"branch-3"}
    assert branches.everywhere() == [None, None, {1, 2}]


@pytest.mark.parametrize("written", [False, True])
def test_a_unit_directly_and_through_a_fortimanager(tmp_path: Path, written: bool) -> None:
    """Under two names only the serial number tells; nothing is written under either name, nor
    installed of what was `written` before, and what else there is goes on."""
    users = [{"name": "fmgsync", "key": "k3y", "profile": "advised"}]
    whole = default_seed()
    whole["fortigates"] = [
        {
            "name": "fgt-east",
            "apiUsers": users,
        },
        {"name": "other", "vdoms": ["root"], "apiUsers": users},
    ]
    with open_estate(tmp_path, whole) as estate:
        (tmp_path / "key").write_text("k3y", encoding="utf-8")
        (tmp_path / "key").chmod(0o600)
        hosts = {"branch": "fgt-east", "lone": "other"}
        direct = [
            {
                "name": name,
                "host": urlsplit(estate.unit.fortigates[unit]).netloc,
                "apiKey": {"file": "./key"},
                "tls": {"caFile": estate.unit.ca_file},
                "managed": "no",
            }
            for name, unit in hosts.items()
        ]
        sites = [
            *({"clusters": ["east"], "fortigates": [name]} for name in hosts),
            *estate.config["sites"],
        ]
        for cluster in ("east", "west"):
            estate.run(cluster, builders.pod("web", "10.1.0.1", labels={"app": "web"}))
        if written:
            estate.apply("never")
            estate.write_policy(GROUP)
        estate.write_config(fortigates=direct, sites=sites, install=UNATTENDED)
        result = estate.apply("window")
        wrong = {adom.ref.unit: str(adom.error) for adom in result.adoms if adom.error}
        assert set(wrong) == {"branch", "hq"}, wrong
        assert "fgt-east" in wrong["branch"]
        assert "ADOM prod on hq" in wrong["branch"]
        assert "'branch'" in wrong["hq"]
        assert estate.on_device("fgt-east", GROUP) is None
        assert (estate.object("addrgrp", GROUP) is not None) == written
        asked = [url for one in estate.unit.requests.since(0) for url in one.urls]
        assert not [url for url in asked if "securityconsole/install" in url]
        assert estate.on_device("other", GROUP)


def test_another_unit_under_the_name_begins_anew(opened: Open) -> None:
    """What people decided of the old one does not count for the new one; nothing is written before
    that has been said."""
    branches = opened()
    branches.apply("window")
    branches.pods(1, 2, 3)
    with branches.unit.world.lock:
        branches.unit.world.units()[ILL].serial = "FGVMNEW000000001"
    ref = TargetRef(ILL, "root", TargetKind.FORTIGATE)
    state = branches.world("plan").installing.units.of(ref)
    before, mark = branches.everywhere(), branches.unit.requests.mark()
    assert error_of(branches.plan()) is None
    error = error_of(branches.apply("window"))
    assert type(error) is errors.OtherUnit
    assert f"FortiGate {ILL} is another unit than before" in str(error)
    assert "FGVMNEW000000001" in str(error)
    assert ILL not in {device for device, _, _ in branches.writes(mark)}
    assert branches.held(ILL) == before[1]
    assert branches.world("plan").installing.units.of(ref) != state
    assert error_of(branches.apply("window")) is None
    assert branches.everywhere() == [{1, 2, 3}] * 3


@pytest.mark.parametrize("profile", ["advised", "minimal"])
def test_after_a_failover_what_is_remembered_goes_on_counting(opened: Open, profile: str) -> None:
    """Also where the key may not see that it was one."""
    users = [{"name": "fmgsync", "key": "k3y", "profile": profile}]
    branches = opened(apiUsers=users)
    unit_of(branches)["managed"] = "no"
    branches.write_config()
    branches.apply("window")
    ref = TargetRef(ILL, "root", TargetKind.FORTIGATE)
    state = branches.world("plan").installing.units.of(ref)
    branches.unit.fortigate(ILL).fail_over()
    branches.pods(1, 2, 3)
    assert error_of(branches.apply("window")) is None
    assert branches.everywhere() == [{1, 2, 3}] * 3
    assert branches.world("plan").installing.units.of(ref) == state


@pytest.mark.parametrize("profile", ["advised", "minimal"])
def test_where_serials_are_named_another_one_is_another_unit(opened: Open, profile: str) -> None:
    """Whatever the key may see: units of the cluster take turns, any other is refused."""
    users = [{"name": "fmgsync", "key": "k3y", "profile": profile}]
    branches = opened(apiUsers=users, serial="FGVMONE0000001", standby=["FGVMTWO0000002"])
    unit_of(branches)["managed"] = "no"
    unit_of(branches)["serials"] = ["FGVMONE0000001", "FGVMTWO0000002"]
    branches.write_config()
    branches.apply("window")
    ref = TargetRef(ILL, "root", TargetKind.FORTIGATE)
    state = branches.world("plan").installing.units.of(ref)
    branches.unit.fortigate(ILL).fail_over()
    branches.pods(1, 2, 3)
    assert error_of(branches.apply("window")) is None
    assert branches.everywhere() == [{1, 2, 3}] * 3
    assert branches.world("plan").installing.units.of(ref) == state
    with branches.unit.world.lock:
        branches.unit.world.units()[ILL].serial = "FGVMNEW000000009"
    branches.pods(1, 2, 3, 4)
    mark = branches.unit.requests.mark()
    for look in (branches.plan, lambda: branches.apply("window")):
        error = error_of(look())
        assert type(error) is errors.WrongUnit, error
        assert (error.exit_code, error.retryable) == (2, False)
        assert all(word in str(error) for word in (ILL, "FGVMNEW000000009", "FGVMTWO0000002"))
    assert ILL not in {device for device, _, _ in branches.writes(mark)}
    assert branches.everywhere() == [{1, 2, 3, 4}, {1, 2, 3}, {1, 2, 3, 4}]
    unit_of(branches)["serials"] = ["FGVMNEW000000009"]
    branches.write_config()
    # The unit was replaced: what was remembered of the old one does not count, and that is said.
    assert type(error_of(branches.apply("window"))) is errors.OtherUnit
    recovers_with(branches, 1, 2, 3, 4)


def recovers_with(branches: Branches, *numbers: int) -> None:
    assert error_of(branches.apply("window")) is None
    assert branches.everywhere() == [set(numbers)] * 3


def test_somebodys_transaction_holds_the_groups(opened: Open) -> None:
    """It is waited for, ever longer, by name; what came of it is said when it does not end."""
    branches = opened()
    number = branches.unit.fortigate(ILL).hold("firewall addrgrp")
    foreign, mark, told = branches.foreign(), branches.unit.requests.mark(), list[str]()
    result = branches.apply("window", tell=told.append)
    [rollout] = [adom.rollout for adom in result.adoms if adom.ref.unit == ILL]
    assert rollout is not None
    waiting = str(rollout.waiting)
    assert "nothing was written for 10 minutes" in waiting
    assert f"transaction {number} of " in waiting
    assert [
        line for line in told if line.startswith("waiting: ") and f"transaction {number}" in line
    ]
    assert [line for line in told if "given up for now" in line]
    asked = [one for one in branches.unit.requests.since(mark) if one.device == ILL]
    assert len(asked) < 120, len(asked)
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


_REFUSING = {
    "a permission": 37,
    "too long": 1,
    "unknown to this release": 61,
    "the table is full": 4,
    "a quota": 580,
    "somebody's name": 163,
    "not permitted": 403,
    "a missing attribute, for ever": 424,
    "an unknown url": 404,
}
_SOME = ("the table is full", "not permitted", "a missing attribute, for ever")
_RARE = [pytest.param(kind, marks=pytest.mark.slow) for kind in _REFUSING if kind not in _SOME]


@pytest.mark.parametrize("what", ["address", pytest.param("addrgrp", marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", [*_SOME, *_RARE])
def test_a_refusal_that_stays_is_told_at_once(opened: Open, kind: str, what: str) -> None:
    """Nobody waits for a unit to settle into what it has refused; the others are done."""
    branches = opened()
    url, status = f"/api/v2/cmdb/firewall/{what}", _REFUSING[kind]
    faults = branches.unit.faults
    faults.add(kind="status", status=status, method="POST", url=url, device=ILL, times=0)
    began, foreign = branches.clock.now(), branches.foreign()
    result = branches.apply("window")
    assert branches.clock.now() - began < 1.0
    assert branches.held(ILL) in (None, set())
    assert [branches.held(one) for one in ("branch-1", "branch-3")] == [{1, 2}] * 2
    assert branches.foreign() == foreign
    [made] = [adom for adom in result.adoms if adom.ref.unit == ILL]
    assert made.error is not None or (made.report is not None and made.report.refused)


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


def test_a_failover_between_two_writes_is_read_and_planned_anew_in_the_same_run(
    opened: Open,
) -> None:
    branches = opened(standby=["FGTSIM0000000002B"])
    branches.unit.faults.add("unit-failover", device=ILL, method="POST", skip=1)
    result = branches.apply("window")
    assert error_of(result) is None
    assert branches.everywhere() == [{1, 2}] * 3


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
