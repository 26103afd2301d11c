"""What an install brings to a device, and is proven against: what the rules ask for.

Between a write and the install that brings it to the devices, administrators go on working.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from requests.adapters import HTTPAdapter

from fmgsync.assessing import survey
from fmgsync.cli import documents
from fmgsync.model.view import GroupState
from fmgsync.passes import once
from fmgsync.passes.result import Result
from fmgsync.wiring import wiring
from tests import builders
from tests.crossed import crossed
from tests.end_to_end import seen
from tests.end_to_end.edits import ADDRESSES, GROUPS, TOGETHER, edit, open_up, widen_an_address
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import (
    CLOSED,
    GROUP,
    OPEN,
    Agenda,
    during,
    holding,
    open_fleet,
    report,
    seed,
    to,
    verified,
    web,
)

CANARY = {"canary": ["fgt-1"], "waves": ["100%"], "pause": "2m", "maxFailures": "100%"}


def audited(estate: Estate, event: str) -> list[dict[str, Any]]:
    """The audit's lines of one kind."""
    text = (estate.folder / "state" / "audit.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if line["event"] == event]


def nest_a_group(estate: Estate) -> None:
    """A group of theirs becomes a member of ours."""
    edit(estate, "add", GROUPS, {"name": "others", "member": ["legacy-db"]})
    edit(estate, "set", f"{GROUPS}/{GROUP}/dynamic_mapping/fgt-2/root",
         {"_scope": [{"name": "fgt-2", "vdom": "root"}], "member": ["others"]})  # fmt: skip


def take_out_the_mapping(estate: Estate) -> None:
    """The device falls back on the group's own value."""
    edit(estate, "delete", f"{GROUPS}/{GROUP}/dynamic_mapping/fgt-2/root")


def take_out_a_member(estate: Estate) -> None:
    """What the rules ask for on fgt-2 is not in our mapping any more."""
    edit(estate, "set", f"{GROUPS}/{GROUP}/dynamic_mapping/fgt-2/root",
         {"_scope": [{"name": "fgt-2", "vdom": "root"}], "member": ["prod_10.1.0.1"]})  # fmt: skip


def bind_an_address(estate: Estate) -> None:
    """An address of ours may be used on one interface only."""
    edit(estate, "update", f"{ADDRESSES}/prod_10.1.0.2", {"associated-interface": ["port1"]})


def make_a_folder(estate: Estate) -> None:
    """What our mapping of fgt-2 holds may be in no other group."""
    edit(estate, "set", f"{GROUPS}/{GROUP}/dynamic_mapping/fgt-2/root", {"type": "folder"})


EDITS: list[Callable[[Estate], None]] = [
    open_up,
    widen_an_address,
    nest_a_group,
    take_out_the_mapping,
    take_out_a_member,
    bind_an_address,
    make_a_folder,
]


@pytest.mark.parametrize(("change", "mode"), crossed(EDITS, ["normal", "disabled"]))
def test_what_somebody_changed_between_canary_and_wave_is_put_right_before_the_push(
    tmp_path: Path, change: Callable[[Estate], None], mode: str
) -> None:
    unit = {**seed(2), "workspaceMode": mode}
    with open_fleet(
        tmp_path, unit, clock=Agenda(), rollout=CANARY, foreignChanges="allow"
    ) as estate:
        web(estate, "10.1.0.1", "10.1.0.2")
        estate.apply("never")
        to(estate, OPEN)
        during(estate, 60, lambda: change(estate))
        result = estate.apply("window")
        assert holding(estate, "10.1.0.1", "10.1.0.2") == ["fgt-1", "fgt-2"]
        assert verified(result) == ["fgt-1", "fgt-2"]
        assert not seen.changes(estate.status())


class _Meddler(HTTPAdapter):
    """Lets somebody act right before a request is sent, once."""

    def __init__(self, when: Callable[[str], bool], act: Callable[[], object]) -> None:
        super().__init__()
        self._when, self._act = when, act
        self._done = False

    def send(self, *arguments: Any, **options: Any) -> Any:
        if self._when(str(arguments[0].body)) and not self._done:
            self._done = True
            self._act()
        return super().send(*arguments, **options)


def apply_meddled(
    estate: Estate,
    when: Callable[[str], bool],
    act: Callable[[], object],
    digest: str | None = None,
) -> Result:
    """`apply --install window` while somebody acts in the middle of it."""
    meddler = _Meddler(when, act)
    world = wiring.make_world(
        estate.path,
        command="apply --install window",
        clock=estate.clock,
        state_dir=estate.folder / "state",
        transport=lambda access: meddler,
    )
    return once.apply(world, install=True, digest=digest)


def previews(body: str) -> bool:
    """The request with which FortiManager begins to work out an install."""
    return '"preview"' in body and "install/package" in body


@pytest.mark.parametrize(
    ("change", "when"), crossed(EDITS, [previews, lambda body: "preview/result" in body])
)
def test_without_workspaces_an_edit_at_the_preview_is_never_pushed_nor_verified(
    tmp_path: Path, change: Callable[[Estate], None], when: Callable[[str], bool]
) -> None:
    unit = {**seed(2), "workspaceMode": "disabled"}
    with open_fleet(tmp_path, unit, rollout={**CANARY, "canary": ["fgt-2"]}) as estate:
        web(estate, "10.1.0.1", "10.1.0.2")
        to(estate, OPEN)
        result = apply_meddled(estate, when, lambda: change(estate))
        assert not verified(result)
        assert holding(estate, "10.1.0.1") == ["fgt-1", "fgt-2"]
        assert audited(estate, "blocked")
        # The next run puts it right first.
        estate.clock.sleep(60)
        estate.apply("window")
        assert holding(estate, "10.1.0.1", "10.1.0.2") == ["fgt-1", "fgt-2"]


def test_a_rule_whose_name_is_taken_is_asked_of_no_device(tmp_path: Path) -> None:
    taken = seed(2, addressGroups=[{"name": "k8s-db", "members": ["legacy-db"]}])
    with open_fleet(tmp_path, taken, rollout=CANARY) as estate:
        estate.write_policy("k8s-db")
        estate.install_by_hand()
        groups = [{"name": GROUP, "select": "app == 'web'"}, {"name": "k8s-db", "select": "all()"}]
        estate.write_config(groups=groups)
        web(estate, "10.1.0.1", "10.1.0.2")
        to(estate, OPEN)
        result = estate.apply("window")
        assert verified(result) == ["fgt-1", "fgt-2"]
        assert not report(result).failures
        (adom,) = estate.status().adoms
        assert len(survey.verified(adom.views)) == 2
        assert not any(view.stale_grants for view in adom.views)


@pytest.mark.parametrize("position", ["dstaddr", "dstaddr6"])
def test_a_family_that_no_policy_uses_is_asked_of_no_device(tmp_path: Path, position: str) -> None:
    with open_fleet(tmp_path, seed(2), rollout=CANARY) as estate:
        rule = {"name": "k8s-both", "select": "app == 'web'", "families": ["ipv4", "ipv6"]}
        estate.write_config(groups=[{"name": GROUP, "select": "app == 'web'"}, rule])
        estate.run("east", builders.pod("web-1", "10.1.0.1", "2001:db8::1", labels={"app": "web"}))
        estate.apply("never")
        four, six = (["k8s-both"], []) if position == "dstaddr" else (["legacy-db"], ["k8s-both"])
        sources = {"srcaddr": ["all"], "dstaddr": four}
        if six:
            sources |= {"srcaddr6": ["all"], "dstaddr6": six}
        estate.write_policy("k8s-both", **sources)
        estate.install_by_hand()
        estate.run("east", builders.pod("web-2", "10.1.0.2", "2001:db8::2", labels={"app": "web"}))
        to(estate, OPEN)
        result = estate.apply("window")
        assert verified(result) == ["fgt-1", "fgt-2"]
        assert not report(result).failures
        assert not result.behind
        (adom,) = estate.status().adoms
        other = "IPv6" if position == "dstaddr" else "IPv4"
        for view in adom.views:
            (both,) = (group for group in view.groups if group.name == "k8s-both")
            assert both.state is GroupState.IN_SYNC
            assert both.because == f"its {other} group does not reach the device: no policy uses it"


@pytest.mark.parametrize("change", EDITS)
def test_what_somebody_changed_right_before_the_install_is_put_right_under_its_lock(
    tmp_path: Path, change: Callable[[Estate], None]
) -> None:
    def locks(body: str) -> bool:
        """The ADOM is written already: this is for the install."""
        return '/workspace/lock"' in body

    with open_fleet(tmp_path, seed(2), rollout={**CANARY, "canary": ["fgt-2"]}) as estate:
        web(estate, "10.1.0.1", "10.1.0.2")
        estate.apply("never")
        to(estate, OPEN)
        result = apply_meddled(estate, locks, lambda: change(estate))
        assert verified(result) == ["fgt-2", "fgt-1"]
        assert holding(estate, "10.1.0.1", "10.1.0.2") == ["fgt-1", "fgt-2"]
        assert "fgt-2" in {line["device"] for line in audited(estate, "repaired")}


@pytest.mark.parametrize("mode", ["normal", "disabled"])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(edit, marks=() if edit is take_out_a_member else pytest.mark.slow)
        for edit in EDITS
    ],
)
def test_what_somebody_changed_right_after_the_write_is_put_right_before_the_push(
    tmp_path: Path, change: Callable[[Estate], None], mode: str
) -> None:
    """The ADOM is read back after a write: what others did by then is not what was written."""
    seen_so_far: list[str] = []

    def first_read_after_the_write(body: str) -> bool:
        done = any(_writes(earlier, mode) for earlier in seen_so_far)
        seen_so_far.append(body)
        return done and '"method": "get"' in body

    unit = {**seed(2), "workspaceMode": mode}
    rollout = {**CANARY, "canary": ["fgt-2"]}
    # Where a command has a say in installs, the ADOM is written before and by itself.
    with open_fleet(tmp_path, unit, rollout=rollout, hold=[{"command": ["/bin/true"]}]) as estate:
        web(estate, "10.1.0.1", "10.1.0.2")
        to(estate, OPEN)
        result = apply_meddled(estate, first_read_after_the_write, lambda: change(estate))
        assert verified(result) == ["fgt-2", "fgt-1"]
        assert holding(estate, "10.1.0.1", "10.1.0.2") == ["fgt-1", "fgt-2"]
        assert "fgt-2" in {line["device"] for line in audited(estate, "repaired")}


def _writes(body: str, mode: str) -> bool:
    return (
        '/workspace/unlock"' in body
        if mode == "normal"
        else "dynamic_mapping" in body and ('"method": "get"' not in body)
    )


@pytest.mark.parametrize("mode", ["normal", "disabled"])
@pytest.mark.parametrize("kept", ["upsert", "a cluster is lost"])
def test_what_others_put_into_a_group_that_keeps_everything_is_not_brought_along(
    tmp_path: Path, kept: str, mode: str
) -> None:
    """What is kept is what of ours may still be wanted. Theirs no rule ever asked for."""
    policy = {"policy": {"mode": "upsert"}} if kept == "upsert" else {}
    with open_fleet(tmp_path, {**seed(2), "workspaceMode": mode}, rollout=TOGETHER) as estate:
        estate.write_config(**policy)
        open_up(estate)
        if kept == "upsert":
            web(estate, "10.1.0.1", "10.1.0.2")
        else:
            estate.run("east", dump='{"kind": "List", "items": [')
        to(estate, OPEN)
        told = report(estate.apply("window"))
        assert "0.0.0.0/0" not in (estate.on_device("fgt-2", GROUP) or ())
        # Where nothing may be taken away a person has to; else it is put right.
        assert ("0.0.0.0/0" in str(told.blocked)) is (kept == "upsert")


@pytest.mark.parametrize("policy", ["block", "allow"])
def test_a_failed_copy_is_told_with_its_cause(tmp_path: Path, policy: str) -> None:
    """Its line ends with "Aborted due to previous error": the cause is in the line's history.

    The preview fails as well, and holds the device; where everything may go along it is installed.
    """
    with open_fleet(tmp_path, seed(1), foreignChanges=policy) as estate:
        estate.unit.world.switches.member_limit = 2
        web(estate, "10.1.0.1", "10.1.0.2", "10.1.0.3")
        to(estate, OPEN)
        result = estate.apply("window")
        told = report(result).blocked if policy == "block" else report(result).failures
        assert "the limit is 2" in told["fgt-1"]
        (line,) = audited(estate, "blocked" if policy == "block" else "failed")
        assert "the limit is 2" in line["why" if policy == "block" else "detail"]


@pytest.mark.parametrize("policy", ["block", pytest.param("allow", marks=pytest.mark.slow)])
def test_a_device_that_is_behind_and_has_nothing_to_install_is_odd(
    tmp_path: Path, policy: str
) -> None:
    """A preview that hides a failed copy: it is called odd, and the install says why."""
    with open_fleet(tmp_path, seed(1), foreignChanges=policy) as estate:
        switches = estate.unit.world.switches
        switches.member_limit, switches.preview_hides_failed_copy = 2, True
        web(estate, "10.1.0.1", "10.1.0.2", "10.1.0.3")
        to(estate, OPEN)
        heard: list[str] = []
        result = estate.apply("window", tell=heard.append)
        assert any("odd: FortiManager shows nothing to install" in text for text in heard)
        assert "the limit is 2" in report(result).failures["fgt-1"]
        (line,) = audited(estate, "failed")
        assert "the limit is 2" in line["detail"]
        for shown in (seen.said(result), str(documents.status_document(estate.status()))):
            assert "the limit is 2" in shown


@pytest.mark.parametrize("is_edited", [True, False])
def test_an_edit_between_preview_and_push_is_told_afterwards(
    tmp_path: Path, is_edited: bool
) -> None:
    """Without workspaces it may ride along unseen, and nothing in FortiManager prevents that."""
    unit = {**seed(1), "workspaceMode": "disabled"}
    with open_fleet(tmp_path, unit) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)

        def act() -> None:
            if is_edited:
                estate.write_policy("legacy-db", name="late")

        result = apply_meddled(estate, lambda body: "package/commit" in body, act)
        assert verified(result) == ["fgt-1"]
        told = audited(estate, "unseen edits")
        assert bool(told) is is_edited
        if is_edited:
            assert told[0]["devices"] == ["fgt-1"]
            assert any("of package edge/default" in edit for edit in told[0]["edits"])


def test_a_copy_that_cannot_be_read_right_after_a_push_is_read_again(tmp_path: Path) -> None:
    """Without workspaces it is looked at along with what was edited meanwhile."""
    unit = {**seed(2), "workspaceMode": "disabled"}
    with open_fleet(tmp_path, unit, rollout=TOGETHER) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        faults = estate.unit.faults

        def act() -> None:
            faults.add("status", url="pm/config/device/*", status=-6, message="no")

        result = apply_meddled(estate, lambda body: "package/commit" in body, act)
        assert verified(result) == ["fgt-1", "fgt-2"]
        states = {group.state for view in result.adoms[0].views for group in view.groups}
        assert states == {GroupState.IN_SYNC}


WRITES = {"continuous": {}, "before-install": {"write": "before-install"}}


@pytest.mark.parametrize("write", WRITES)
def test_with_a_saved_plan_nothing_else_is_written_and_a_repair_is_told(
    tmp_path: Path, write: str
) -> None:
    """Between two waves a pod comes, and somebody takes a member out of our group."""
    with open_fleet(tmp_path, seed(2), clock=Agenda(), rollout=CANARY) as estate:
        estate.write_config(reconcile=WRITES[write])
        web(estate, "10.1.0.1", "10.1.0.2")
        to(estate, OPEN)
        saved = estate.plan().digest
        during(estate, 60, lambda: web(estate, "10.1.0.1", "10.1.0.2", "10.1.0.3"))
        during(estate, 61, lambda: take_out_a_member(estate))
        told: list[str] = []
        result = estate.apply("window", digest=saved, tell=told.append)
        assert verified(result) == ["fgt-1", "fgt-2"]
        assert holding(estate, "10.1.0.1", "10.1.0.2") == ["fgt-1", "fgt-2"]
        assert estate.object("address", "prod_10.1.0.3") is None
        assert [line["device"] for line in audited(estate, "repaired")] == ["fgt-2"]
        assert any("it is put right before the install" in text for text in told)
        # What came meanwhile is for the next plan.
        assert {change.name for change in seen.changes(estate.plan())} >= {"prod_10.1.0.3"}


def test_what_another_run_has_judged_before_the_push_is_begun_anew(tmp_path: Path) -> None:
    """It takes a run that previews for one that was killed; whoever pushes then is at risk."""
    at_push = []

    def when(body: str) -> bool:
        if "package/commit" in body:
            (row,) = json.loads((tmp_path / "state" / "rollouts.json").read_text())["rollouts"]
            at_push.append([each["device"] for each in row.get("attempts", [])])
        return previews(body)

    with open_fleet(tmp_path, seed(2), rollout=TOGETHER) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        result = apply_meddled(estate, when, lambda: estate.apply("window"))
        assert verified(result) == ["fgt-1", "fgt-2"]
        assert at_push == [["fgt-1", "fgt-2"]]


@pytest.mark.parametrize("at", [OPEN, CLOSED], ids=["along", "alone"])
def test_what_was_written_is_told_where_it_cannot_be_read_back(
    tmp_path: Path, at: datetime
) -> None:
    """Under an install's lock it is waited for, and the saved plan counts as written."""
    with open_fleet(tmp_path, seed(2), rollout=TOGETHER) as estate:
        web(estate, "10.1.0.2")
        to(estate, at)
        saved = estate.plan().digest

        def act() -> None:
            estate.unit.faults.add("http-error", method="get", url="*/addrgrp", times=3)

        meddled = apply_meddled(estate, lambda body: "workspace/commit" in body, act, saved)
        (adom,) = meddled.adoms
        assert adom.report is not None
        assert len(adom.report.written) == 4
        assert (adom.error is None) is (at == OPEN)
        assert holding(estate, "10.1.0.2") == (["fgt-1", "fgt-2"] if at == OPEN else [])


def test_a_saved_plan_that_could_not_be_written_is_refused_once_it_is_stale(tmp_path: Path) -> None:
    """Somebody has the ADOM locked, and changes our group before the lock is ours."""
    with open_fleet(tmp_path, seed(2), clock=Agenda(), rollout=CANARY) as estate:
        estate.write_config(reconcile=WRITES["before-install"])
        web(estate, "10.1.0.1", "10.1.0.2")
        to(estate, OPEN)
        saved = estate.plan().digest
        human = estate.unit.console("admin")
        human.lock("prod")

        def end() -> None:
            mapping = f"{GROUPS}/{GROUP}/dynamic_mapping/fgt-2/root"
            human.call("set", mapping, {"member": ["all"]})
            human.commit("prod")
            human.unlock("prod")

        during(estate, 100, end)
        (adom,) = estate.apply("window", digest=saved).adoms
        assert adom.error is not None
        assert "the saved plan" in str(adom.error)
        assert holding(estate, "10.1.0.1") == ["fgt-1", "fgt-2"]
        assert estate.object("address", "prod_10.1.0.2") is None
