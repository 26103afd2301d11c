"""Stale grants over HTTP: dated, bounded, and removed outside windows without adding anything."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from requests.adapters import HTTPAdapter

from fmgsync.model.address import NOWHERE, Family
from fmgsync.model.view import GroupState, GroupView, StaleGrant
from fmgsync.passes import once
from fmgsync.passes.result import Result
from fmgsync.wiring import wiring
from tests import builders
from tests.end_to_end import fleet
from tests.end_to_end.edits import mapped, start
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import (
    CLOSED,
    OPEN,
    holding,
    open_fleet,
    report,
    seed,
    to,
    verified,
    web,
)

ALL_AT_ONCE = {"waves": ["100%"], "pause": "0s", "maxFailures": "100%"}


def stale(result: Result) -> list[StaleGrant]:
    return [grant for view in result.adoms[0].views for grant in view.stale_grants]


def test_a_stale_grant_is_dated_until_the_device_is_proven_without_it(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2)) as estate:
        start(estate)
        began = estate.clock.now()
        first = stale(estate.apply("window"))
        assert [(g.address, g.since) for g in first] == [("10.1.0.1", began)] * 2
        estate.clock.sleep(3600)
        assert {g.since for g in stale(estate.status())} == {began}
        to(estate, OPEN + timedelta(days=1))
        assert stale(estate.apply("window")) == []
        # Lost memory: since when is not known, and told so.
        web(estate, "10.1.0.3")
        (estate.folder / "state" / "stale.json").unlink()
        estate.apply("never")
        assert {g.since for g in stale(estate.status())} == {None}


GONE = {
    "removed": [{"name": "other", "select": "app == 'other'"}],
    "renamed": [{"name": "k8s-www", "select": "app == 'web'"}],
}


@pytest.mark.parametrize("removals", ["in-window", "immediately"])
@pytest.mark.parametrize("gone", GONE)
def test_what_no_rule_asks_for_any_more_is_stale_until_no_device_holds_it(
    tmp_path: Path, gone: str, removals: str
) -> None:
    with open_fleet(tmp_path, seed(2), removals=removals, rollout=ALL_AT_ONCE) as estate:
        estate.apply("window")
        began = estate.clock.now()
        estate.write_config(groups=GONE[gone])
        result = estate.apply("window")
        # Policies use the group, so a person is asked; until then it is said how open it is.
        expected = [("k8s-web", "10.1.0.1", began)] * 2
        assert [(g.group, g.address, g.since) for g in stale(result)] == expected
        assert {group.state for group in groups(result, "k8s-web")} == {GroupState.HELD}
        approve_all(estate, result)
        result = estate.apply("window")
        if removals == "in-window":
            assert [(g.group, g.address, g.since) for g in stale(result)] == expected
            to(estate, OPEN + timedelta(days=1))
            result = estate.apply("window")
        assert sorted(verified(result)) == fleet.names(2)
        left = [estate.on_device(name, "k8s-web") for name in fleet.names(2)]
        assert left == [{NOWHERE[Family.IPV4]}] * 2
        assert stale(result) == []
        assert stale(estate.status()) == []
        if removals == "in-window":
            assert report(estate.apply("window")).outcomes == []


def groups(result: Result, name: str) -> list[GroupView]:
    return [group for view in result.adoms[0].views for group in view.groups if group.name == name]


def approve_all(estate: Estate, result: Result) -> None:
    (one,) = result.adoms
    assert one.seen is not None
    assert one.seen.plan.held
    for hold in one.seen.plan.held:
        estate.approve(hold.digest)


def test_an_address_that_another_workload_has_by_now_is_named(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(1)) as estate:
        pods = [
            builders.pod("web-1", "10.1.0.2", labels={"app": "web"}),
            builders.pod("other", "10.1.0.1", labels={"app": "other"}),
        ]
        estate.run("east", *pods)
        estate.apply("never")
        assert [(g.address, g.reused) for g in stale(estate.status())] == [("10.1.0.1", True)]


def test_the_urgent_lane_removes_and_adds_nothing(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2), removals="immediately") as estate:
        start(estate)
        result = estate.apply("window")
        assert sorted(verified(result)) == fleet.names(2)
        # What the device held and should hold; what is new waits for the window.
        assert holding(estate, "10.1.0.2") == fleet.names(2)
        assert mapped(estate, "fgt-1") == ["prod_10.1.0.2", "prod_10.1.0.3"]
        assert stale(result) == []
        assert len(result.adoms[0].survey.pending) == 2
        # It is not urgent any more, so nothing happens until the window opens.
        assert report(estate.apply("window")).outcomes == []
        to(estate, OPEN + timedelta(days=1))
        assert sorted(verified(estate.apply("window"))) == fleet.names(2)
        assert holding(estate, "10.1.0.2", "10.1.0.3") == fleet.names(2)


def test_what_the_urgent_lane_proves_is_no_canarys_proof(tmp_path: Path) -> None:
    """The rules changed, so a canary goes first; that it lost an address shows nothing of what is
    new. In the lane itself it has had its turn: the others need not wait for its window."""
    rollout = {"canary": ["fgt-1"], "waves": ["100%"], "pause": "0s", "maxFailures": "100%"}
    with open_fleet(tmp_path, seed(2), removals="immediately", rollout=rollout) as estate:
        start(estate)
        estate.write_config(groups=[{"name": "k8s-web", "select": "app == 'web' || app == 'new'"}])
        estate.apply("window")
        assert holding(estate, "10.1.0.2") == fleet.names(2)
        standing = estate.status().adoms[0].view
        assert standing is not None
        assert standing.record is not None
        assert not standing.record.ledger.proven
        to(estate, OPEN + timedelta(days=1))
        told: list[str] = []
        estate.apply("window", tell=told.append)
        assert holding(estate, "10.1.0.2", "10.1.0.3") == fleet.names(2)
        installs = [line for line in told if "installing on" in line]
        assert ["canary" in line for line in installs] == [True, False]


def test_in_window_waits(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2)) as estate:
        start(estate)
        assert report(estate.apply("window")).outcomes == []
        assert holding(estate, "10.1.0.1", "10.1.0.2") == fleet.names(2)


def test_a_bound_is_kept_with_time_to_spare(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2), removals={"within": "30m"}) as estate:
        start(estate)
        began = estate.clock.now()
        first = estate.apply("window")
        assert verified(first) == []
        again_at = report(first).again_at
        assert again_at is not None
        assert began < again_at < began + 1800
        estate.clock.sleep(again_at - estate.clock.now())
        assert sorted(verified(estate.apply("window"))) == fleet.names(2)
        assert estate.clock.now() - began < 1800


def test_a_deny_window_holds_the_urgent_lane_too(tmp_path: Path) -> None:
    day = CLOSED + timedelta(days=1)
    deny = {"kind": "deny", "schedule": f"0 10 {day.day} {day.month} *", "duration": "4h"}
    install: dict[str, Any] = {"windows": [fleet.NIGHTS, deny], "removals": "immediately"}
    with open_fleet(tmp_path, seed(2), **install) as estate:
        start(estate)
        denied = estate.apply("window")
        assert verified(denied) == []
        ends = datetime(day.year, day.month, day.day, 14, tzinfo=UTC)
        assert report(denied).again_at == ends.timestamp()
        to(estate, ends)
        assert sorted(verified(estate.apply("window"))) == fleet.names(2)


def test_the_urgent_lane_is_audited_and_spaced(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(1), removals="immediately") as estate:
        web(estate, "10.1.0.1", "10.1.0.2", "10.1.0.3")
        to(estate, OPEN)
        estate.apply("window")
        to(estate, CLOSED + timedelta(days=1))
        web(estate, "10.1.0.1", "10.1.0.2")
        assert verified(estate.apply("window")) == ["fgt-1"]
        web(estate, "10.1.0.1")
        assert verified(estate.apply("window")) == []
        estate.clock.sleep(300)
        assert verified(estate.apply("window")) == ["fgt-1"]
        lines = (estate.folder / "state" / "audit.jsonl").read_text().splitlines()
        urgent = [line["urgent"] for line in map(json.loads, lines) if "urgent" in line]
        assert len(urgent) == 2
        assert urgent[0].startswith("stale grant in k8s-web since ")


def test_an_urgent_install_that_reached_nothing_delays_no_other(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2), removals="immediately") as estate:
        start(estate)
        install = "securityconsole/install/*"
        estate.unit.faults.add(kind="status", status=-11, url=install, times=0)
        assert estate.apply("window").adoms[0].error is not None
        estate.unit.faults.clear()
        assert sorted(verified(estate.apply("window"))) == fleet.names(2)


def test_other_peoples_edits_hold_the_urgent_lane_always(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2), removals="immediately", foreignChanges="report") as estate:
        start(estate)
        only = {"scope member": [{"name": "fgt-1", "vdom": "root"}]}
        estate.write_policy("legacy-db", name="half-done", **only)
        result = estate.apply("window")
        assert verified(result) == ["fgt-2"]
        assert list(report(result).blocked) == ["fgt-1"]
        assert mapped(estate, "fgt-1") == ["prod_10.1.0.2", "prod_10.1.0.3"]


def test_what_the_guard_holds_is_not_urgent(tmp_path: Path) -> None:
    """An address that must stay until somebody approves stays on the device as well."""
    with open_fleet(tmp_path, seed(1), removals="immediately") as estate:
        estate.write_config(guard={"unlessFewerThan": 1, "maxRemovedShare": 0.1})
        web(estate, "10.1.0.1", "10.1.0.2")
        estate.apply("never")
        to(estate, OPEN)
        estate.apply("window")
        to(estate, CLOSED + timedelta(days=1))
        web(estate, "10.1.0.2")
        result = estate.apply("window")
        assert [hold.kind for hold in result.adoms[0].seen.plan.held] == ["held-removals"]  # type: ignore[union-attr]
        assert report(result).outcomes == []
        assert holding(estate, "10.1.0.1", "10.1.0.2") == ["fgt-1"]


@pytest.mark.parametrize("dies_at", range(36, 66, 3))
def test_killed_in_the_urgent_lane_the_adom_ends_as_it_should(tmp_path: Path, dies_at: int) -> None:
    from tests.end_to_end.killing import IDLE_S, Life, go_on, run

    unit = seed(2)
    unit.update(idleTimeoutSeconds=IDLE_S)
    with open_fleet(tmp_path, unit, removals="immediately") as estate:
        start(estate)
        run(estate, Life(dies_at))
        estate.clock.sleep(600)
        go_on(estate)
        assert holding(estate, "10.1.0.2") == fleet.names(2)
        assert mapped(estate, "fgt-2") == ["prod_10.1.0.2", "prod_10.1.0.3"]


def test_what_comes_with_a_shared_group_is_shown_and_audited(tmp_path: Path) -> None:
    """One value serves all devices: a removal outside the window brings additions as well."""
    with open_fleet(tmp_path, seed(2), removals="immediately", rollout=ALL_AT_ONCE) as estate:
        rule = {"name": fleet.GROUP, "select": "app == 'web'", "mapping": "shared"}
        estate.write_config(groups=[rule])
        estate.apply("never")
        estate.install_by_hand()
        start(estate)
        told: list[str] = []
        estate.apply("window", tell=told.append)
        assert holding(estate, "10.1.0.2", "10.1.0.3") == fleet.names(2)
        assert any("10.1.0.3 come outside the window" in line for line in told)
        kept = (estate.folder / "state" / "audit.jsonl").read_text().splitlines()
        rushed = [row for row in map(json.loads, kept) if row.get("urgent")]
        assert {row["device"] for row in rushed} == set(fleet.names(2))
        assert all(row["added_outside_window"] == {fleet.GROUP: ["10.1.0.3"]} for row in rushed)


def test_a_complete_urgent_rollout_holds_nothing(tmp_path: Path) -> None:
    """Only removals were due: no canary waits for a window any more."""
    rollout = {**ALL_AT_ONCE, "canary": ["fgt-1"]}
    with open_fleet(tmp_path, seed(2), removals="immediately", rollout=rollout) as estate:
        start(estate)
        web(estate, "10.1.0.2")
        result = estate.apply("window")
        assert holding(estate, "10.1.0.2") == fleet.names(2)
        assert report(result).waiting is None
        assert result.adoms[0].view is not None
        assert result.adoms[0].view.decision.held is None


class DeliveredTwice(HTTPAdapter):
    """A proxy that sends the push of an install twice, and hands back one of the two answers."""

    def __init__(self, *, first: bool) -> None:
        super().__init__()
        self._first = first
        self.pushes = 0

    def send(self, *arguments: Any, **options: Any) -> Any:
        answer = super().send(*arguments, **options)
        if "package/commit" not in str(arguments[0].body):
            return answer
        self.pushes += 1
        again = super().send(*arguments, **options)
        return answer if self._first else again


@pytest.mark.parametrize("first", [True, False])
def test_a_push_that_is_delivered_twice_adds_nothing_outside_a_window(
    tmp_path: Path, first: bool
) -> None:
    """The answer may name the task that finds nothing to do, while the other still pushes."""
    unit = {**seed(1), "workspaceMode": "disabled"}
    with open_fleet(tmp_path, unit, removals="immediately", rollout=ALL_AT_ONCE) as estate:
        web(estate, "10.1.0.1", "10.1.0.2")
        to(estate, OPEN)
        estate.apply("window")
        to(estate, CLOSED + timedelta(days=1))
        web(estate, "10.1.0.2", "10.1.0.3")
        proxy = DeliveredTwice(first=first)
        world = wiring.make_world(
            estate.path,
            command="apply --install window",
            clock=estate.clock,
            state_dir=estate.folder / "state",
            transport=lambda access: proxy,
        )
        result = once.apply(world, install=True)
        assert proxy.pushes == 1
        assert holding(estate, "10.1.0.2") == fleet.names(1)
        assert verified(result) == fleet.names(1)
        assert mapped(estate, "fgt-1") == ["prod_10.1.0.2", "prod_10.1.0.3"]
