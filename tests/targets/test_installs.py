"""Packages, installs and read-back on a simulated FortiManager."""

from __future__ import annotations

import pytest

from fmgsync import errors
from fmgsync.model.address import Family
from fmgsync.model.rollout import InstallRequest, Outcome
from fmgsync.model.target import DeviceVdom
from fmgsync.targets.protocol import STATUSES, Around, Copies, Question
from tests.targets.conftest import REF, Start, Unit, seed
from tests.targets.installing import WEB, add_policy, install, policy, told, values, watch
from tests.targets.wanted import ONE, THREE, TWO, reconcile

V4 = Family.IPV4


@pytest.fixture(params=["disabled", "normal"])
def unit(request: pytest.FixtureRequest, start: Start) -> Unit:
    return start(seed(workspaceMode=request.param))


def test_packages_in_folders_with_targets_and_uses(unit: Unit) -> None:
    adom = unit.adom()
    (package,) = adom.look(Question(around=Around.ALL)).around().packages
    assert package.path == "edge/default"
    assert package.targets == {ONE, TWO}
    (use,) = package.policies
    assert use.action == "accept"
    assert use.positive >= {(V4, "legacy"), (V4, "all")}
    assert use.negated == frozenset()
    assert use.install_on is None
    assert use.enabled


def test_negation_action_and_both_families(unit: Unit) -> None:
    reconcile(unit.adom(), WEB)
    add_policy(
        unit,
        policy("web", action="deny", **{"srcaddr-negate": "enable", "status": "disable"})
        | {"srcaddr6": ["web"], "dstaddr6": ["all"]},
    )
    (package,) = unit.adom().look(Question(around=Around.ALL)).around().packages
    use = max(package.policies, key=lambda one: one.policy_id)
    assert use.action == "deny"
    assert use.negated == {(V4, "web")}
    assert (Family.IPV6, "web") in use.positive
    assert not use.enabled


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ([{"name": "fgt-2", "vdom": "dmz"}], frozenset({TWO})),
        ([{"name": "East"}], frozenset({ONE, TWO})),
        ([{}], frozenset()),
    ],
)
def test_install_on_narrows_where_a_policy_goes(
    start: Start, scope: list[dict[str, str]], expected: frozenset[DeviceVdom]
) -> None:
    unit = start(seed())
    url = "/pm/config/adom/prod/pkg/edge/default/firewall/policy/1/scope member"
    with unit.session("alice", "wonder") as session:
        assert session.call("set", [{"url": url, "data": scope}])[0].ok
    (package,) = unit.adom().look(Question(around=Around.ALL)).around().packages
    assert package.policies[0].install_on == expected


def test_an_install_brings_each_fortigate_its_own_members(unit: Unit) -> None:
    adom = unit.adom()
    reconcile(adom, WEB)
    add_policy(unit, policy("web", srcaddr6=["web"], dstaddr6=["all"]))
    before = adom.ask([ONE, TWO], ["web"])
    assert before[ONE].groups == {}, "never installed, so not known there"
    assert told(install(unit, ONE, TWO)) == {ONE: Outcome.DONE, TWO: Outcome.DONE}
    expected = {
        ONE: {"web": {"10.1.0.5", "2001:db8::5"}},
        TWO: {"web": {"10.2.0.1", "10.2.0.2"}},
    }
    assert values(adom.ask([ONE, TWO], ["web"])) == expected
    assert values(adom.look(Question(copies=Copies([ONE, TWO], ["web"]))).copies()) == expected


def test_changing_a_used_group_makes_its_package_modified(unit: Unit) -> None:
    adom = unit.adom()
    reconcile(adom, WEB)
    add_policy(unit, policy("web"))
    install(unit, ONE, TWO)
    assert {(s.target, s.status) for s in adom.look(STATUSES).statuses()} == {
        (ONE, "installed"),
        (TWO, "installed"),
    }
    reconcile(adom, {"web": {ONE: "10.1.0.6", TWO: "10.2.0.1 10.2.0.2"}})
    status = {s.target: (s.package, s.status) for s in adom.look(STATUSES).statuses()}
    assert status[ONE] == ("edge/default", "modified")
    assert values(adom.look(Question(copies=Copies([ONE], ["web"]))).copies()) == {
        ONE: {"web": {"10.1.0.5"}}
    }


@pytest.mark.parametrize("skip", range(3))
def test_what_was_previewed_is_not_pushed_by_another_session(start: Start, skip: int) -> None:
    """Without a lock nothing else tells that it is gone: its task would say that all is done."""
    unit = start(seed(workspaceMode="disabled"))
    reconcile(unit.adom(), WEB)
    add_policy(unit, policy("web"))
    request = InstallRequest(REF, "edge/default", (ONE,))
    with unit.adom().open_install_flow() as flow:
        begun = flow.preview(request)
        unit.simulator.faults.add("expire-session", skip=skip)
        while begun.poll() is None:
            unit.clock.sleep(1)
        with pytest.raises(errors.PreviewLost, match="nothing was pushed"):
            flow.start(request, previewed=True)
    assert "web" not in unit.simulator.fortigate("fgt-1").names("firewall addrgrp")
    with unit.adom().open_install_flow() as flow:
        assert told(watch(flow, request, unit.clock)) == {ONE: Outcome.DONE}


def test_who_may_not_push_is_told_so(start: Start) -> None:
    unit = start(seed(workspaceMode="disabled"))
    reconcile(unit.adom(), WEB)
    request = InstallRequest(REF, "edge/default", (ONE,))
    with unit.adom().open_install_flow() as flow:
        begun = flow.preview(request)
        while begun.poll() is None:
            unit.clock.sleep(1)
        unit.simulator.faults.add("status", status=-11, url="*/package/commit")
        with pytest.raises(errors.PermissionDenied):
            flow.start(request, previewed=True)


def test_a_device_that_is_no_target_is_told_apart(unit: Unit) -> None:
    assert told(install(unit, THREE)) == {THREE: Outcome.MISSING}


def test_an_unreachable_device_says_why_and_the_others_answer(start: Start) -> None:
    devices = [
        {"name": "fgt-1", "vdoms": ["root"], "online": False},
        {"name": "fgt-2", "vdoms": ["root", "dmz"]},
        {"name": "fgt-3", "vdoms": ["root"]},
    ]
    unit = start(seed(adom={"devices": devices}))
    gone = DeviceVdom("no-such-device", "root")
    readings = unit.adom().ask([ONE, TWO, THREE, gone], ["legacy"])
    assert readings[ONE].groups is None
    assert "No tunnel" in (readings[ONE].problem or "")
    assert readings[TWO].groups is not None
    assert readings[THREE].groups is not None
    assert readings[gone].groups is None
    assert readings[gone].problem


def test_the_device_database_of_an_unknown_device_is_a_reading_with_a_problem(unit: Unit) -> None:
    gone = DeviceVdom("no-such-device", "root")
    readings = unit.adom().look(Question(copies=Copies([ONE, gone], ["legacy"]))).copies()
    assert readings[ONE].groups is not None
    assert readings[gone].groups is None
    assert readings[gone].problem


def test_an_install_is_not_begun_beside_another_one(start: Start) -> None:
    unit = start(seed())
    reconcile(unit.adom(), WEB)
    add_policy(unit, policy("web"))
    request = InstallRequest(REF, "edge/default", (ONE,))
    with unit.adom().open_install_flow() as first, unit.adom().open_install_flow() as second:
        first.start(request)
        with pytest.raises(errors.UnitBusy, match="still running"):
            second.start(InstallRequest(REF, "edge/default", (TWO,)))


def test_an_install_flow_takes_the_lock_at_once_or_not_at_all(start: Start) -> None:
    unit = start(seed(workspaceMode="normal"))
    with unit.session("alice", "wonder") as alice:
        assert alice.call("exec", [{"url": "/dvmdb/adom/prod/workspace/lock"}])[0].ok
        began = unit.clock.now()
        with pytest.raises(errors.LockHeld, match="alice"), unit.adom().open_install_flow():
            raise AssertionError("entered")
        assert unit.clock.now() == began


def test_the_comment_reaches_the_call_and_the_lock_outlives_the_task(start: Start) -> None:
    unit = start(seed(workspaceMode="normal"))
    with unit.adom().open_install_flow() as flow:
        view = watch(flow, InstallRequest(REF, "edge/default", (ONE,), "SR-1"), unit.clock)
        assert told(view)[ONE] in (Outcome.DONE, Outcome.NO_CHANGES)
        with unit.session("alice", "wonder") as alice:
            assert (
                alice.call("exec", [{"url": "/dvmdb/adom/prod/workspace/lock"}])[0].code == -20055
            )
    with unit.session("alice", "wonder") as alice:
        assert alice.call("exec", [{"url": "/dvmdb/adom/prod/workspace/lock"}])[0].ok
