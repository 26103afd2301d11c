"""An ADOM with a policy and a group, and its installs by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmgsync.clock import ManualClock
from fmgsync.model.adom import Reading
from fmgsync.model.rollout import InstallRequest, Outcome, TaskView
from fmgsync.model.target import DeviceVdom
from fmgsync.targets.protocol import InstallFlow
from tests.targets.conftest import REF, Unit
from tests.targets.wanted import ONE, TWO

WEB = {"web": {ONE: "10.1.0.5 2001:db8::5", TWO: "10.2.0.1 10.2.0.2"}}


def policy(*names: str, **more: Any) -> dict[str, Any]:
    return {
        "srcaddr": list(names),
        "dstaddr": ["all"],
        "service": ["ALL"],
        "action": "accept",
        **more,
    }


def add_policy(unit: Unit, data: dict[str, Any]) -> None:
    """An administrator writes a policy that uses our group, as she would in the GUI."""
    url = "/pm/config/adom/prod/pkg/edge/default/firewall/policy"
    with unit.session("alice", "wonder") as session:
        lock = "/dvmdb/adom/prod/workspace"
        session.call("exec", [{"url": f"{lock}/lock"}])
        row = {"schedule": ["always"], "srcintf": ["any"], "dstintf": ["any"], **data}
        assert session.call("add", [{"url": url, "data": row}])[0].ok
        session.call("exec", [{"url": f"{lock}/commit"}])
        session.call("exec", [{"url": f"{lock}/unlock"}])


def watch(flow: InstallFlow, request: InstallRequest, clock: ManualClock) -> TaskView:
    task = flow.start(request)
    view = flow.poll(task)
    for _ in range(2000):
        if view.final:
            return view
        clock.sleep(1)
        view = flow.poll(task)
    raise AssertionError("the install never ended")


def install(unit: Unit, *targets: DeviceVdom) -> TaskView:
    with unit.adom().open_install_flow() as flow:
        return watch(flow, InstallRequest(REF, "edge/default", targets), unit.clock)


def values(readings: Mapping[DeviceVdom, Reading]) -> dict[DeviceVdom, dict[str, set[str]]]:
    """Members by device and group, as plain sets; a device that gave no answer is missing."""
    return {
        target: {name: {str(one) for one in members} for name, members in reading.groups.items()}
        for target, reading in readings.items()
        if reading.groups is not None
    }


def told(view: TaskView) -> dict[DeviceVdom, Outcome]:
    return {outcome.target: outcome.outcome for outcome in view.outcomes}
