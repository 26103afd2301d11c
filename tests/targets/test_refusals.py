"""Every refusal and every broken answer, at every place it can occur.

Whatever the unit does, a user sees one of our errors or the pass succeeds; what is foreign stays
as it was, no lock is left behind, and the next pass converges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.model.rollout import InstallRequest
from fmgsync.targets.fortimanager import workspace
from fmgsync.targets.fortimanager.answers import Place
from fmgsync.targets.protocol import DEVICES, STATUSES, Around, Copies, Question
from tests.targets.conftest import REF, Start, Unit, seed
from tests.targets.installing import add_policy, policy, watch
from tests.targets.wanted import ONE, TWO, plan_for, reconcile


def status(code: int, **more: Any) -> dict[str, Any]:
    return {"kind": "status", "status": code, **more}


FEW: list[dict[str, Any]] = [
    *(status(code) for code in (-1, -3, -10, -11, -10131, -10147, -20055)),
    status(-11, afterEffect=True),
    {"kind": "garbage"},
    {"kind": "truncate"},
    {"kind": "short-result"},
    {"kind": "http-error", "status": 503},
    {"kind": "reset-before"},
    {"kind": "reset-after"},
    {"kind": "expire-session"},
    {"kind": "failover"},
]
ALL = [
    *FEW,
    *(status(code) for code in (-2, -6, -8, -9, -9998, -10015, -20017, -20028, -20036, -20058)),
    status(-1, afterEffect=True),
]

WRITING = [
    ("exec", "sys/login/user"),
    ("exec", "sys/logout"),
    ("get", "cli/global/system/global"),
    ("get", "*/obj/firewall/address"),
    ("get", "*/obj/firewall/addrgrp"),
    ("exec", "*/workspace/lock"),
    ("get", "*/workspace/lockinfo"),
    ("add", "*/obj/firewall/address"),
    ("add", "*/obj/firewall/addrgrp"),
    ("add", "*/dynamic_mapping"),
    ("set", "*/dynamic_mapping/*"),
    ("delete", "*"),
    ("exec", "*/workspace/commit"),
    ("get", "*/workspace/dirty"),
    ("exec", "*/workspace/unlock"),
]
LOOKING = [
    ("get", "dvmdb/adom/prod"),
    ("get", "dvmdb/adom/prod/device"),
    ("get", "pm/pkg/adom/prod"),
    ("get", "*/firewall/policy"),
    ("get", "*/_package/status"),
    ("get", "pm/config/device/*"),
    ("exec", "sys/proxy/json"),
]
INSTALLING = [
    ("exec", "securityconsole/install/package"),
    ("get", "task/task"),
    ("get", "task/task/*"),
]
Story = Callable[[Unit, int], None]


def write(unit: Unit, number: int) -> None:
    """Creates, re-maps and deletes, differently for each number."""
    groups = {
        "web": {ONE: f"10.1.1.{number % 200 + 1} 10.1.0.1", TWO: "10.2.0.1"},
        f"g{number}": {TWO: "10.3.0.1"},
    }
    reconcile(unit.adom(lock_wait_s=5), groups)
    assert plan_for(unit.adom(), groups).changes == () or unit.simulator.faults.happened()


def look(unit: Unit, _: int) -> None:
    with unit.adom() as adom:
        adom.look(DEVICES).around()
        adom.look(Question(around=Around.ALL)).around()
        adom.look(STATUSES).statuses()
        adom.look(Question(copies=Copies([ONE, TWO], ["web"]))).copies()
        adom.ask([ONE, TWO], ["web"])


def install(unit: Unit, number: int) -> None:
    reconcile(unit.adom(), {"web": {ONE: f"10.4.0.{number % 200 + 1}"}})
    with unit.adom().open_install_flow() as flow:
        watch(flow, InstallRequest(REF, "edge/default", (ONE,)), unit.clock)


CASES = [
    *((write, "disabled", place) for place in WRITING if "workspace" not in place[1]),
    *((write, "normal", place) for place in WRITING),
    *((look, "disabled", place) for place in LOOKING),
    *((install, "normal", place) for place in INSTALLING),
]


IDS = [f"{story.__name__}-{mode}-{place[0]}-{place[1]}" for story, mode, place in CASES]
SHORT = [
    # Without workspaces the same places are written at: among the dear tests.
    pytest.param(*case, marks=[pytest.mark.slow] if case[:2] == (write, "disabled") else [])
    for case in CASES
]


@pytest.mark.parametrize(("story", "mode", "place"), SHORT, ids=IDS)
def test_no_trouble_at_any_place_does_harm(
    start: Start, story: Story, mode: str, place: tuple[str, str]
) -> None:
    """Each place meets a third of the troubles, in turn; each trouble many places."""
    turn = [each for *_, each in CASES].index(place) % 3
    go_through(start(seed(workspaceMode=mode)), story, place, FEW[turn::3], times=(1,))


@pytest.mark.slow
@pytest.mark.parametrize(("story", "mode", "place"), CASES, ids=IDS)
def test_no_trouble_that_passes_or_lasts_does_harm(
    start: Start, story: Story, mode: str, place: tuple[str, str]
) -> None:
    go_through(start(seed(workspaceMode=mode)), story, place, ALL, times=(1, 0))


SUBMITTING = [
    ("get", "dvmdb/adom/prod/workflow"),
    ("exec", "*/workflow/start"),
    ("exec", "*/workflow/save/*"),
    ("exec", "*/workflow/submit/*"),
    ("exec", "*/workspace/lock"),
    ("set", "*/dynamic_mapping/*"),
]


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("place", SUBMITTING, ids=[place for _, place in SUBMITTING])
def test_no_trouble_in_workflow_mode_does_harm(
    start: Start, place: tuple[str, str], every: int
) -> None:
    """What is submitted is whole; what is not leaves at most a session that the next run names."""
    troubles = FEW[SUBMITTING.index(place) % every :: every]
    whole = seed(workspaceMode="workflow")
    whole["admins"].append(
        {"user": "carol", "password": "yes", "adoms": ["prod"], "approver": True}
    )
    unit = start(whole)
    submit(unit, 0)
    happened = 0
    for number, trouble in enumerate(troubles, 1):
        unit.simulator.faults.add(method=place[0], url=place[1], **trouble)
        try:
            submit(unit, number)
        except errors.TargetError as error:
            assert error.message  # noqa: PT017 the kind of error depends on the place
        happened += unit.simulator.faults.happened()
        unit.simulator.faults.clear()
        unit.clock.sleep(9 * 3600)
        assert_no_harm(unit)
        tidy_up(unit)
    assert happened >= len(troubles)
    submit(unit, 199)
    assert plan_for(unit.adom(), wanted_in_workflow(199)).changes == ()


def wanted_in_workflow(number: int) -> dict[str, dict[Any, str]]:
    return {"web": {ONE: f"10.5.0.{number + 1}"}}


def submit(unit: Unit, number: int) -> None:
    """Written for approval, and approved as it stands."""
    report = reconcile(unit.adom(lock_wait_s=5), wanted_in_workflow(number))
    assert report.refused == () or unit.simulator.faults.happened()
    tidy_up(unit)


def tidy_up(unit: Unit) -> None:
    """An approver lets through what waits, and ends what somebody left open."""
    url = "/dvmdb/adom/prod/workflow"
    with unit.session("carol", "yes") as carol:
        for row in carol.read({"url": url}) or []:
            verb = {1: "drop", 2: "approve"}.get(row["state"])
            if verb is not None:
                assert carol.call("exec", [{"url": f"{url}/{verb}/{row['sessionid']}"}])[0].ok


def go_through(
    unit: Unit,
    story: Story,
    place: tuple[str, str],
    troubles: list[dict[str, Any]],
    *,
    times: tuple[int, ...],
) -> None:
    """Each trouble in turn, once (1) or for the whole story (0); then a day without any."""
    method, url = place
    reconcile(unit.adom(), {"web": {ONE: "10.1.0.1"}})
    add_policy(unit, policy("web"))
    story(unit, 0)
    happened = 0
    cases = [(trouble, often) for trouble in troubles for often in times]
    for number, (trouble, often) in enumerate(cases, 1):
        unit.simulator.faults.add(method=method, url=url, times=often, **trouble)
        try:
            story(unit, number)
        except errors.TargetError as error:
            assert error.message  # noqa: PT017 the kind of error depends on the place
        happened += unit.simulator.faults.happened()
        unit.simulator.faults.clear()
        assert_no_harm(unit)
    assert happened >= len(cases), "the trouble met the requests it was meant for"
    unit.clock.sleep(3 * 3600)
    story(unit, 199)
    assert unit.simulator.world.defects == []


def assert_no_harm(unit: Unit) -> None:
    with unit.session("alice", "wonder") as session:
        legacy = session.read({"url": "/pm/config/adom/prod/obj/firewall/addrgrp/legacy"})
        assert legacy["member"] == ["legacy-db"]
        if unit.simulator.world.mode != "disabled":
            assert workspace.read_lockinfo(session, Place("hq", "prod")) == []
