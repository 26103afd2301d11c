"""Whatever dies or breaks between any two requests: the next pass converges, nothing is doubled."""

from __future__ import annotations

import itertools

import pytest

from fmgsync import errors
from fmgsync.model.rollout import InstallRequest, Outcome
from tests.targets.conftest import REF, Start, Unit, seed
from tests.targets.hardship import Dying, Killed, Lossy
from tests.targets.installing import add_policy, policy, told, watch
from tests.targets.wanted import ONE, TWO, Groups, plan_for, reconcile

BEFORE: Groups = {"web": {ONE: "10.1.0.5 10.1.0.6", TWO: "10.2.0.1"}, "old": {ONE: "10.3.0.1"}}
AFTER: Groups = {"web": {ONE: "10.1.0.9 10.1.0.6", TWO: "2001:db8::1"}, "new": {TWO: "10.4.0.1"}}
IDLE_LIMIT_S = 60 * 60 * 9


@pytest.fixture(params=["disabled", "normal"])
def unit(request: pytest.FixtureRequest, start: Start) -> Unit:
    return start(seed(workspaceMode=request.param))


DYING = [True, pytest.param(False, marks=pytest.mark.slow)]
"""Dead with a request sent, its answer unread, and dead before the next one leaves the unit in the
same state: the second is among the dear tests."""


def holds(unit: Unit, groups: Groups) -> bool:
    return plan_for(unit.adom(), groups).changes == ()


@pytest.mark.parametrize("after_sending", DYING)
def test_killing_a_reconcile_between_any_two_requests_converges(
    unit: Unit, after_sending: bool
) -> None:
    """After SIGKILL the unit may keep the lock until the session's idle limit."""
    wanted = itertools.cycle([BEFORE, AFTER])
    for survives in itertools.count():
        groups = next(wanted)
        adapter = Dying(survives, after_sending=after_sending)
        try:
            reconcile(unit.adom(adapter=adapter), groups)
        except Killed:
            pass
        else:
            break
        unit.clock.sleep(IDLE_LIMIT_S)
        reconcile(unit.adom(), groups)
        assert holds(unit, groups)
    assert survives > 8


@pytest.mark.parametrize("after_sending", [False, True])
def test_losing_any_one_answer_of_a_reconcile_does_no_harm(unit: Unit, after_sending: bool) -> None:
    """One lost answer is survived within the pass, whichever it is."""
    wanted = itertools.cycle([BEFORE, AFTER])
    for at in itertools.count():
        groups = next(wanted)
        adapter = Lossy(at, after_sending=after_sending)
        report = reconcile(unit.adom(adapter=adapter), groups)
        if not adapter.hit:
            break
        assert report.refused == ()
        assert holds(unit, groups)
    assert at > 8


def started(unit: Unit) -> int:
    """How many installs the unit was told to start."""
    return len(unit.simulator.requests.installs())


@pytest.mark.parametrize("after_sending", [False, True])
def test_losing_any_one_answer_of_an_install_never_starts_it_twice(
    unit: Unit, after_sending: bool
) -> None:
    reconcile(unit.adom(), {"web": {ONE: "10.1.0.1"}})
    add_policy(unit, policy("web"))
    request = InstallRequest(REF, "edge/default", (ONE,))
    for at in itertools.count():
        address = f"10.1.1.{at + 1}"
        reconcile(unit.adom(), {"web": {ONE: address}})
        before = started(unit)
        adapter = Lossy(at, after_sending=after_sending)
        try:
            with unit.adom(adapter=adapter).open_install_flow() as flow:
                view = watch(flow, request, unit.clock)
        except errors.OutcomeUnknown:
            assert not after_sending, "what took effect is found again"
        else:
            assert told(view) == {ONE: Outcome.DONE}
            assert unit.simulator.fortigate("fgt-1").members("web") == {address}
        assert started(unit) - before <= 1
        if not adapter.hit:
            break
    assert at > 5


@pytest.mark.parametrize("after_sending", DYING)
def test_killing_an_install_between_any_two_requests_leaves_no_second_one(
    unit: Unit, after_sending: bool
) -> None:
    """The next run finds the task still running and starts nothing beside it."""
    reconcile(unit.adom(), {"web": {ONE: "10.1.0.1"}})
    add_policy(unit, policy("web"))
    request = InstallRequest(REF, "edge/default", (ONE,))
    for survives in itertools.count():
        reconcile(unit.adom(), {"web": {ONE: f"10.1.1.{survives + 1}"}})
        before = started(unit)
        adapter = Dying(survives, after_sending=after_sending)
        try:
            with unit.adom(adapter=adapter).open_install_flow() as flow:
                watch(flow, request, unit.clock)
        except Killed:
            pass
        else:
            break
        begun = started(unit) - before
        try:
            with unit.adom().open_install_flow() as flow:
                watch(flow, request, unit.clock)
        except (errors.UnitBusy, errors.LockHeld):
            assert started(unit) - before == begun
        unit.clock.sleep(IDLE_LIMIT_S)
        with unit.adom().open_install_flow() as flow:
            watch(flow, request, unit.clock)
        held = unit.simulator.fortigate("fgt-1").members("web")
        assert held == {f"10.1.1.{survives + 1}"}
    assert survives > 5
