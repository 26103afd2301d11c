"""The scenarios ask everything, touch nothing that is not theirs, and leave nothing behind."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.model.target import DeviceVdom
from fmgsync.recording import guarding, jsonrpc, suite
from fmgsync.recording.adapter import Recording
from fmgsync.recording.guarding import COMMENT, Bounds, NotOurs
from fmgsync.recording.jsonrpc import Question
from fmgsync.recording.scenarios import looking
from fmgsync.simulator import Simulator
from fmgsync.targets.fortimanager.access import Access
from fmgsync.targets.fortimanager.session import Session
from tests.recording.lab import ONE, PREFIX, TWO, lab_on, seed


def state(unit: Simulator) -> Any:
    """Everything an administrator would miss: objects, locks, drafts, what the devices hold."""
    console = unit.console("lab")
    objects = {table: console.objects("lab", table) for table in guarding.TABLES}
    adom = unit.world.adoms["lab"]
    found = {
        table: {name: {**row, "oid": 0} for name, row in rows.items()}
        for table, rows in objects.items()
    }
    console.log_out()
    return found, list(adom.locks), dict(adom.drafts)


@pytest.mark.parametrize("mode", ["disabled", "normal", "per-adom"])
def test_all_scenarios_run_and_nothing_stays(mode: str) -> None:
    with Simulator(seed(workspaceMode=mode)) as unit:
        before = state(unit)
        told: list[str] = []
        with lab_on(unit) as lab:
            suite.refuse_strangers(lab)
            done = suite.run(lab, suite.chosen((), may_install=False), told.append)
        assert done == [one.name for one in suite.SCENARIOS if not one.installs]
        assert state(unit) == before
        assert len(told) == len(done), "nothing was left out or could not be cleaned"
        assert not any("install/package" in entry.urls[0] for entry in unit.requests.installs())


def requests_of(recording: Recording) -> list[Question]:
    """What was really sent, read off the wire."""
    decoded = [jsonrpc.decode(one.request_body) for tape in recording.tapes for one in tape]
    return [question for question in decoded if question is not None]


def test_only_objects_under_the_prefix_are_written() -> None:
    recording = Recording()
    with Simulator(seed(workspaceMode="normal")) as unit, lab_on(unit, recording=recording) as lab:
        suite.run(lab, suite.chosen((), may_install=False), lambda text: None)
    writes = [one for one in requests_of(recording) if one.method not in ("get", "exec")]
    assert len(writes) > 60
    root = "/pm/config/adom/lab/obj/firewall/"
    for param in [param for question in writes for param in question.params]:
        table, _, name = param["url"].removeprefix(root).partition("/")
        rows = [] if name else param["data"]
        names = [row["name"] for row in (rows if isinstance(rows, list) else [rows])]
        assert table in guarding.TABLES
        assert all(one.startswith(PREFIX) for one in names or [name]), param


@pytest.mark.parametrize("mode", ["disabled", "normal"])
@pytest.mark.parametrize("at", [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 100])
def test_an_interruption_anywhere_leaves_nothing(mode: str, at: int) -> None:
    with Simulator(seed(workspaceMode=mode)) as unit:
        before = state(unit)
        with lab_on(unit, cut_at=at) as lab, pytest.raises(KeyboardInterrupt):
            suite.run(lab, suite.chosen(WRITING, may_install=False), lambda text: None)
        assert state(unit) == before


WRITING = [
    "groups",
    "lists",
    "mappings",
    "complete-set",
    "commits",
    "locks",
    "logging-out",
    "names",
]


def test_what_a_killed_recording_left_is_named_and_can_be_deleted() -> None:
    with Simulator(seed(workspaceMode="normal")) as unit:
        before = state(unit)
        console = unit.console("lab")
        console.lock("lab")
        table = "/pm/config/adom/lab/obj/firewall/address"
        console.call("add", table, {"name": f"{PREFIX}-x", "comment": COMMENT})
        console.commit("lab")
        console.unlock("lab")
        console.log_out()
        with lab_on(unit) as lab:
            with pytest.raises(errors.UsageError, match="--clean-up"):
                suite.refuse_strangers(lab)
            suite.clean_up(lab, lambda text: None)
        assert state(unit) == before


def test_objects_of_somebody_else_under_the_prefix_stop_everything() -> None:
    rows = seed()
    rows["adoms"][0]["addresses"].append({"name": f"{PREFIX}-hers", "subnet": "10.0.0.2/32"})
    with (
        Simulator(rows) as unit,
        lab_on(unit) as lab,
        pytest.raises(errors.UsageError, match="another --prefix"),
    ):
        suite.refuse_strangers(lab)


def test_a_held_lock_is_told_with_its_holder() -> None:
    with Simulator(seed(workspaceMode="normal")) as unit, lab_on(unit) as lab:
        console = unit.console("hannah")
        console.lock("lab")
        with pytest.raises(errors.LockHeld, match="hannah"):
            suite.run(lab, suite.chosen(["groups"], may_install=False), lambda text: None)


def test_one_device_is_enough_for_most() -> None:
    rows = seed()
    rows["adoms"][0]["devices"].pop()
    rows["adoms"][0]["packages"][0]["targets"].pop()
    told: list[str] = []
    with Simulator(rows) as unit, lab_on(unit) as lab:
        done = suite.run(lab, suite.chosen((), may_install=False), told.append)
    assert "complete-set" not in done
    assert "complete-set: left out, the ADOM has fewer than 2 devices or VDOMs" in told
    assert "mappings" in done


def test_workflow_mode_is_read_only() -> None:
    told: list[str] = []
    with Simulator(seed(workspaceMode="workflow")) as unit, lab_on(unit) as lab:
        done = suite.run(lab, suite.chosen((), may_install=False), told.append)
        assert not unit.requests.writing()
    assert done == ["unit", "status", "reading", "on-device"]


def test_an_install_needs_its_device_named_and_installs_only_that() -> None:
    with pytest.raises(errors.UsageError, match="--allow-install"):
        suite.chosen(["install"], may_install=False)
    recording, clock = Recording(), ManualClock()
    with (
        Simulator(seed(workspaceMode="normal"), clock=clock.now) as unit,
        lab_on(unit, install_on=TWO, recording=recording, clock=clock) as lab,
    ):
        before = state(unit)
        suite.run(lab, suite.chosen(["install", "two-installs"], may_install=True), lambda _: None)
        orders = [
            question.params[0]["data"]
            for question in requests_of(recording)
            if "install/package" in question.urls[0]
        ]
        assert [order["scope"] for order in orders] == [[{"name": "fgt-2", "vdom": "root"}]] * 4
        assert state(unit) == before
        assert unit.fortigate("fgt-2").members("their-group") == {"10.0.0.1"}


@pytest.mark.parametrize(
    ("adom", "device", "kind"),
    [("absent", None, errors.NotFound), ("lab", DeviceVdom("x", "root"), errors.UnknownDevice)],
)
def test_what_is_not_there_is_told(
    adom: str, device: DeviceVdom | None, kind: type[errors.TargetError]
) -> None:
    with Simulator(seed()) as unit:
        access = Access("lab", unit.host, "lab", "lab-password", ca_file=Path(unit.ca_file))
        with Session(access, clock=ManualClock()) as session, pytest.raises(kind):
            looking.survey(session, adom, [device] if device else [])


def test_an_unknown_scenario_names_the_known() -> None:
    with pytest.raises(errors.UsageError, match=r"'nonsense'.*complete-set"):
        suite.chosen(["nonsense"], may_install=False)


BOUNDS = Bounds("lab", PREFIX, frozenset({ONE, TWO}))
OBJ = "/pm/config/adom/lab/obj/firewall"
OWN = {"name": f"{PREFIX}-x", "comment": COMMENT}


@pytest.mark.parametrize(
    ("method", "param"),
    [
        ("add", {"url": f"{OBJ}/address", "data": {**OWN, "name": "x"}}),
        ("add", {"url": f"{OBJ}/address", "data": [OWN, {**OWN, "name": "x"}]}),
        ("add", {"url": f"{OBJ}/address", "data": {"name": f"{PREFIX}-x"}}),
        ("add", {"url": f"{OBJ}/address", "data": []}),
        ("add", {"url": f"{OBJ}/address"}),
        ("delete", {"url": f"{OBJ}/address", "filter": ["name", "like", "%"], "confirm": 1}),
        ("set", {"url": f"{OBJ}/address/theirs", "data": {"comment": COMMENT}}),
        ("set", {"url": f"{OBJ}/address/a\\/{PREFIX}-x", "data": {}}),
        ("update", {"url": f"{OBJ}/address/{PREFIX}-x", "data": {"name": "theirs"}}),
        ("add", {"url": f"{OBJ}/vip", "data": OWN}),
        ("add", {"url": "/pm/config/adom/prod/obj/firewall/address", "data": OWN}),
        ("add", {"url": "/pm/config/global/obj/firewall/address", "data": OWN}),
        ("add", {"url": "/pm/config/adom/lab/pkg/p/firewall/policy", "data": OWN}),
        ("exec", {"url": "/dvmdb/adom/prod/workspace/lock"}),
        ("exec", {"url": "/dvmdb/adom/lab/workspace/lock/pkg/p"}),
        ("exec", {"url": "/sys/proxy/json", "data": {"action": "post"}}),
        ("exec", {"url": "/sys/reboot"}),
        ("exec", {"url": "/securityconsole/install/device", "data": {"adom": "lab"}}),
        (
            "exec",
            {
                "url": "/securityconsole/install/package",
                "data": {"adom": "lab", "scope": [{"name": "fgt-1", "vdom": "root"}]},
            },
        ),
        ("exec", {"url": "/securityconsole/install/preview", "data": {"adom": "lab"}}),
        ("clone", {"url": f"{OBJ}/address/{PREFIX}-x", "data": {"name": "theirs"}}),
    ],
)
def test_what_is_not_ours_is_refused_before_it_is_sent(method: str, param: Any) -> None:
    with pytest.raises(NotOurs):
        guarding.refuse_foreign(BOUNDS, method, param)


@pytest.mark.parametrize("scope", [[ONE, TWO], [ONE], []])
def test_an_install_is_for_exactly_the_named_device(scope: list[DeviceVdom]) -> None:
    rows = [{"name": one.device, "vdom": one.vdom} for one in scope]
    param = {
        "url": "/securityconsole/install/package",
        "data": {"adom": "lab", "pkg": "p", "scope": rows},
    }
    bounds = dataclasses.replace(BOUNDS, install_on=ONE)
    if scope == [ONE]:
        guarding.refuse_foreign(bounds, "exec", param)
        return
    with pytest.raises(NotOurs):
        guarding.refuse_foreign(bounds, "exec", param)
