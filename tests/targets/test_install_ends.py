"""All the ways an install can end on a device, told apart while the others go on."""

from __future__ import annotations

import pytest

from fmgsync import errors
from fmgsync.model.rollout import InstallRequest, Outcome, TargetOutcome
from fmgsync.targets.fortimanager.install import FortiManagerFlow
from tests.targets.conftest import REF, Start, Unit, seed
from tests.targets.installing import add_policy, policy, told, values, watch
from tests.targets.wanted import ONE, TWO, plan_for, reconcile

BOTH = InstallRequest(REF, "edge/default", (ONE, TWO))
FIRST = InstallRequest(REF, "edge/default", (ONE,))


def pending(start: Start, **changes: object) -> Unit:
    """Both devices are behind: a policy uses our group and was never installed."""
    unit = start(seed(**changes))
    reconcile(unit.adom(), {"web": {ONE: "10.1.0.5 10.1.0.6", TWO: "10.2.0.1"}})
    add_policy(unit, policy("web"))
    return unit


def outcome_on_two(unit: Unit) -> TargetOutcome:
    """Install on both; the first must be done whatever becomes of the second."""
    with unit.adom().open_install_flow() as flow:
        view = watch(flow, BOTH, unit.clock)
    first, second = sorted(view.outcomes, key=lambda outcome: outcome.target)
    assert first.outcome is Outcome.DONE
    return second


def test_a_device_that_stands_still_is_frozen_and_the_other_one_done(start: Start) -> None:
    unit = pending(start)
    unit.simulator.fortigate("fgt-2").freeze_installs()
    second = outcome_on_two(unit)
    assert second.outcome is Outcome.FROZEN
    assert second.percent < 100


def test_a_frozen_task_does_not_keep_other_devices_waiting_for_ever(start: Start) -> None:
    unit = pending(start)
    unit.simulator.fortigate("fgt-2").freeze_installs()
    with unit.adom().open_install_flow() as flow:
        watch(flow, BOTH, unit.clock)
        with pytest.raises(errors.UnitBusy, match="stuck"):
            flow.start(BOTH)
        flow.start(FIRST)
    with unit.adom().open_install_flow() as later:
        with pytest.raises(errors.UnitBusy, match="still running"):
            later.start(FIRST)
        unit.clock.sleep(3 * 3600)
        later.start(FIRST)


def test_how_long_a_task_has_been_there_is_the_units_to_say(start: Start) -> None:
    """Where this computer's clock is years ahead, whatever runs would count as stuck."""
    unit = pending(start)
    unit.simulator.fortigate("fgt-2").freeze_installs()
    with unit.adom().open_install_flow() as flow:
        watch(flow, BOTH, unit.clock)
    theirs = unit.clock.now()
    unit.simulator.world.clock = lambda: theirs
    unit.clock.set(theirs + 3 * 365 * 24 * 3600)
    with unit.adom().open_install_flow() as later:
        with pytest.raises(errors.UnitBusy, match="still running"):
            later.start(FIRST)
        theirs += 3 * 3600
        later.start(FIRST)


def test_a_device_without_tunnel_fails_with_the_units_own_words(start: Start) -> None:
    unit = pending(start, switches={"unreachableInstallFails": True})
    unit.simulator.fortigate("fgt-2").go_offline()
    second = outcome_on_two(unit)
    assert second.outcome is Outcome.FAILED
    assert "tunnel" in second.detail


def test_a_copy_that_is_refused_fails_and_reaches_no_device(start: Start) -> None:
    unit = pending(start, switches={"memberLimit": 1})
    with unit.adom().open_install_flow() as flow:
        view = watch(flow, BOTH, unit.clock)
    assert told(view) == {ONE: Outcome.FAILED, TWO: Outcome.DONE}
    assert values(unit.adom().ask([ONE], ["web"])) == {ONE: {}}


def test_installing_again_changes_nothing(start: Start) -> None:
    unit = pending(start)
    outcome_on_two(unit)
    with unit.adom().open_install_flow() as flow:
        ends = set(told(watch(flow, BOTH, unit.clock)).values())
    assert ends <= {Outcome.DONE, Outcome.NO_CHANGES}


def test_an_unknown_package_is_refused_at_once(start: Start) -> None:
    unit = start(seed())
    with unit.adom().open_install_flow() as flow, pytest.raises(errors.TargetError) as caught:
        flow.start(InstallRequest(REF, "no/such", (ONE,)))
    assert caught.value.code


def test_what_has_not_begun_is_cancelled(start: Start) -> None:
    """The unit lets an install wait while another one stands still."""
    unit = pending(start)
    unit.simulator.fortigate("fgt-2").freeze_installs()
    with unit.adom().open_install_flow() as flow:
        watch(flow, BOTH, unit.clock)
        reconcile(unit.adom(), {"web": {ONE: "10.1.0.9", TWO: "10.2.0.1"}})
        view = flow.cancel(flow.start(FIRST))
        assert view.final
        assert told(view) == {ONE: Outcome.CANCELLED}
    unit.clock.sleep(600)
    assert values(unit.adom().ask([ONE], ["web"]))[ONE]["web"] == {"10.1.0.5", "10.1.0.6"}


def test_an_install_whose_cancelling_was_not_heard_is_still_watched(start: Start) -> None:
    """No answer is no proof: the task may run on, and then it is not called cancelled."""
    unit = pending(start)
    unit.simulator.fortigate("fgt-2").freeze_installs()
    with unit.adom().open_install_flow() as flow:
        watch(flow, BOTH, unit.clock)
        reconcile(unit.adom(), {"web": {ONE: "10.1.0.9", TWO: "10.2.0.1"}})
        task = flow.start(FIRST)
        unit.simulator.faults.add("reset-before", method="delete", times=0)
        assert not flow.cancel(task).final
        unit.simulator.faults.clear()
        assert told(flow.cancel(task)) == {ONE: Outcome.CANCELLED}


def test_cancelling_what_is_gone_leaves_the_devices_to_be_asked(start: Start) -> None:
    unit = pending(start)
    with unit.adom().open_install_flow() as flow:
        task = flow.start(FIRST)
        unit.simulator.world.tasks.clear()
        assert told(flow.cancel(task)) == {ONE: Outcome.MISSING}


def test_what_has_begun_is_left_alone(start: Start) -> None:
    unit = pending(start)
    with unit.adom().open_install_flow() as flow:
        task = flow.start(BOTH)
        unit.clock.sleep(1)
        assert not flow.poll(task).final
        assert not flow.cancel(task).final
        unit.clock.sleep(600)
        assert set(told(flow.poll(task)).values()) == {Outcome.DONE}


def test_losing_the_session_during_an_install_is_a_lost_lock(start: Start) -> None:
    unit = pending(start, workspaceMode="normal")

    def watch_and_lose(flow: FortiManagerFlow) -> None:
        with flow:
            started = flow.start(BOTH)
            world = unit.simulator.world
            with world.lock:
                for one in world.sessions.all():
                    world.sessions.end(one)
            flow.poll(started)

    with pytest.raises(errors.LockLost, match="ended"):
        watch_and_lose(unit.adom().open_install_flow())


def test_a_plan_can_be_written_under_the_lock_of_its_install(start: Start) -> None:
    unit = pending(start, workspaceMode="normal")
    adom = unit.adom()
    plan = plan_for(adom, {"web": {ONE: "10.1.0.9", TWO: "10.2.0.1"}})
    with adom.open_install_flow() as flow:
        assert flow.write(plan).refused == ()
        assert told(watch(flow, BOTH, unit.clock)) == {ONE: Outcome.DONE, TWO: Outcome.DONE}
    assert values(adom.ask([ONE], ["web"])) == {ONE: {"web": {"10.1.0.9"}}}
    assert len(unit.simulator.requests.locks()) == 3, "ours, hers, and one for write and install"
