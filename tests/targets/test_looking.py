"""What is looked at together shares its requests, and fails part by part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.model.address import Family
from fmgsync.model.rollout import InstallRequest
from fmgsync.targets.fortimanager.install import FortiManagerFlow
from fmgsync.targets.fortimanager.target import FortiManagerAdom
from fmgsync.targets.protocol import STAMP, Around, Copies, Marks, Question
from tests.targets.conftest import REF, Start, Unit, seed
from tests.targets.hardship import Rewriting
from tests.targets.installing import WEB, add_policy, policy, values
from tests.targets.wanted import ONE, TWO, reconcile

V4 = Family.IPV4
ALL = Question(around=Around.ALL)
MANY = Question(
    objects=["web"],
    stamp=True,
    copies=Copies([ONE, TWO], ["web"]),
    statuses=True,
    marks=Marks([(V4, "web")], [], [ONE]),
)


def methods(unit: Unit, mark: int) -> list[str]:
    return [entry.method for entry in unit.simulator.requests.since(mark)]


def test_all_parts_of_a_question_share_a_request(start: Start) -> None:
    unit = start(seed())
    reconcile(unit.adom(), WEB)
    with unit.adom() as adom:
        adom.look(MANY)  # from now on all groups of the ADOM are known by name
        mark = unit.simulator.requests.mark()
        told = adom.look(MANY)
        assert methods(unit, mark) == ["get"]
        assert told.objects().groups[V4, "web"].owned
        assert told.stamp() == told.objects().stamp
        assert values(told.copies()) == values(adom.look(Question(copies=MANY.copies)).copies())
        assert [row.target for row in told.statuses()] != []
        assert [one.owner for one in told.marked()] == ["prod"]


@pytest.mark.parametrize("refused", ["_package/status", "/device/fgt-1/", "/obj/firewall/address"])
def test_what_one_part_is_refused_fails_that_part(start: Start, refused: str) -> None:
    def deny(body: dict[str, Any]) -> None:
        for element in body.get("result", ()):
            if refused in (url := element.get("url", "")):
                element.clear()
                element.update(status={"code": -11, "message": "No permission"}, url=url)

    unit = start(seed())
    with unit.adom(adapter=Rewriting(deny)) as adom:
        told = adom.look(MANY)
    takes: dict[str, Callable[[], object]] = {
        "_package/status": told.statuses,
        "/obj/firewall/address": told.objects,
    }
    for part, take in takes.items():
        if part == refused:
            with pytest.raises(errors.PermissionDenied, match="No permission"):
                take()
        else:
            take()
    assert told.stamp() is not None
    reading = told.copies()
    assert (reading[ONE].groups is None) is (refused == "/device/fgt-1/")
    assert reading[TWO].groups is not None


def test_policies_of_known_packages_are_read_with_the_tree(start: Start) -> None:
    """Without believing that they are the same packages still."""
    unit = start(seed())
    with unit.adom() as adom:
        first = adom.look(ALL).around()
        mark = unit.simulator.requests.mark()
        assert adom.look(ALL).around() == first
        assert methods(unit, mark) == ["get"]
        add_policy(unit, policy("legacy", action="deny"))
        assert adom.look(ALL).around() == unit.adom().look(ALL).around() != first
        with unit.session("alice", "wonder") as alice:
            renamed = {"url": "/pm/pkg/adom/prod/edge/default", "data": {"name": "new"}}
            assert alice.call("update", [renamed])[0].ok
        now = adom.look(ALL).around()
        assert [package.path for package in now.packages] == ["edge/new"]
        assert now == unit.adom().look(ALL).around()


def begun(unit: Unit, between: Callable[[FortiManagerAdom, FortiManagerFlow], None]) -> list[str]:
    """The requests from a look to an install that is begun right after it."""
    request = InstallRequest(REF, "edge/default", (ONE,))
    with unit.adom() as adom, adom.open_install_flow() as flow:
        mark = unit.simulator.requests.mark()
        adom.look(STAMP)
        between(adom, flow)
        flow.start(request)
        return methods(unit, mark)


BETWEEN: dict[str, tuple[Callable[[Unit, FortiManagerFlow], None], list[str]]] = {
    "nothing: what stands in the way was asked with the look": (
        lambda unit, flow: None,
        ["get", "exec"],
    ),
    "some time": (lambda unit, flow: unit.clock.sleep(3), ["get", "get", "exec"]),
    "another request of the same flow": (
        lambda unit, flow: flow.drop_preview(),
        ["get", "exec", "get", "exec"],
    ),
}


@pytest.mark.parametrize("mode", ["disabled", "normal"])
@pytest.mark.parametrize("what", BETWEEN)
def test_what_came_in_between_makes_it_ask_again(start: Start, mode: str, what: str) -> None:
    unit = start(seed(workspaceMode=mode))
    act, expected = BETWEEN[what]
    assert begun(unit, lambda _, flow: act(unit, flow)) == expected


def test_an_install_that_the_look_showed_is_in_the_way(start: Start) -> None:
    unit = start(seed())
    reconcile(unit.adom(), WEB)
    add_policy(unit, policy("web"))
    with unit.adom() as ours, ours.open_install_flow() as flow:
        with unit.adom().open_install_flow() as theirs:
            theirs.start(InstallRequest(REF, "edge/default", (TWO,)))
        ours.look(STAMP)
        with pytest.raises(errors.UnitBusy, match="still running"):
            flow.start(InstallRequest(REF, "edge/default", (ONE,)))


def test_a_lock_that_the_look_showed_lost_is_lost(start: Start) -> None:
    unit = start(seed(workspaceMode="normal"))
    with unit.adom() as ours, ours.open_install_flow() as flow:
        world = unit.simulator.world
        with world.lock:
            world.adoms["prod"].locks.clear()
        ours.look(STAMP)
        with pytest.raises(errors.LockLost):
            flow.start(InstallRequest(REF, "edge/default", (ONE,)))
