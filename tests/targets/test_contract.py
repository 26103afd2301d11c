"""What fmgsync relies on, asked of the simulator and of recordings: the answers must be alike."""

from __future__ import annotations

import pytest

from fmgsync import errors
from fmgsync.model.address import Family
from fmgsync.model.change import Action, AdomPlan, Change, ObjectKind
from fmgsync.model.rollout import InstallRequest, Outcome
from fmgsync.targets.protocol import DEVICES, STATUSES, Around, Copies, Question
from tests.targets.conftest import REF, Unit
from tests.targets.contract import Contract, contract
from tests.targets.installing import add_policy, policy, told, values, watch
from tests.targets.wanted import ONE, THREE, TWO, plan_for, reconcile

__all__ = ["contract"]

WEB = {"web": {ONE: "10.1.0.5 10.1.0.6", TWO: "10.2.0.1"}}


def test_topology_packages_and_status(contract: Contract) -> None:
    with contract.adom() as adom:
        found = adom.look(DEVICES).around().topology
        assert set(found.devices) == {"fgt-1", "fgt-2", "fgt-3"}
        (package,) = adom.look(Question(around=Around.ALL)).around().packages
        assert package.targets == {ONE, TWO}
        status = {(row.target, row.status) for row in adom.look(STATUSES).statuses()}
    assert status == {(ONE, "installed"), (TWO, "installed")}


def test_life_of_a_group(contract: Contract) -> None:
    """Created, grown, shrunk and gone, each proven by reading back."""
    with contract.adom() as adom:
        assert not reconcile(adom, WEB).refused
        assert not plan_for(adom, WEB).changes
        moved = {"web": {ONE: "10.1.0.6 10.1.0.9", TWO: "10.2.0.1"}}
        assert not reconcile(adom, moved).refused
        assert not plan_for(adom, moved).changes
        assert not reconcile(adom, {}).refused
        assert not adom.look(Question(objects=["web"])).objects().groups


def test_install_reaches_the_device(contract: Contract) -> None:
    """From the ADOM over FortiManager's copy to the FortiGate, asked at each station."""
    with contract.adom() as adom:
        reconcile(adom, WEB)
        contract.meanwhile(lambda unit: add_policy(unit, policy("web")))
        with adom.open_install_flow() as flow:
            view = watch(flow, InstallRequest(REF, "edge/default", (ONE, TWO)), contract.clock)
        assert told(view) == {ONE: Outcome.DONE, TWO: Outcome.DONE}
        expected = {ONE: {"web": {"10.1.0.5", "10.1.0.6"}}, TWO: {"web": {"10.2.0.1"}}}
        assert values(adom.look(Question(copies=Copies([ONE, TWO], ["web"]))).copies()) == expected
        assert values(adom.ask([ONE, TWO], ["web"])) == expected


def test_a_device_out_of_reach_gives_no_answer(contract: Contract) -> None:
    def unplug(unit: Unit) -> None:
        unit.simulator.fortigate("fgt-3").go_offline()

    contract.meanwhile(unplug)
    readings = contract.adom().ask([ONE, THREE], ["web"])
    assert readings[THREE].groups is None
    assert readings[ONE].groups is not None


def test_a_held_lock_is_told_with_its_holder(contract: Contract) -> None:
    contract.meanwhile(lambda unit: unit.simulator.console("alice").lock("prod"))
    with contract.adom() as adom, pytest.raises(errors.LockHeld, match="alice"):
        reconcile(adom, WEB)


def test_one_refused_object_does_not_hinder_the_others(contract: Contract) -> None:
    """A group with a member that does not exist; the address beside it is written."""
    broken = Change(Action.CREATE, ObjectKind.GROUP, "broken", "a test", members=("nobody",))
    with contract.adom() as adom:
        plan = plan_for(adom, {"web": {ONE: "10.1.0.5"}})
        report = adom.write(AdomPlan(plan.ref, changes=(*plan.changes, broken)))
        assert [change.name for change, _ in report.refused] == ["broken"]
        assert "nobody" in report.refused[0][1]
        assert (Family.IPV4, "web") in adom.look(
            Question(objects=["web", "broken"])
        ).objects().groups
