"""A pass over a part costs what the part costs, and leaves what a whole pass would leave."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fmgsync import audit, errors
from fmgsync.model.address import Address
from fmgsync.model.view import GroupState
from fmgsync.passes import once, rollout_status, write_log
from fmgsync.passes.incremental import Passes
from fmgsync.passes.result import Pass
from fmgsync.passes.world import World
from fmgsync.simulator.wire.requestlog import Entry
from fmgsync.state.folder import Folder
from fmgsync.state.heads import AuditHeads
from fmgsync.wiring import wiring
from tests import builders
from tests.effort import held
from tests.end_to_end import branches, fleet
from tests.end_to_end.estate import Estate, default_seed, open_estate

APPS = [f"a{number}" for number in range(12)]
CLUSTERS = ("east", "west")


class Controller:
    """The passes of a running controller, made one at a time; says which of them were whole."""

    def __init__(self, estate: Estate, *, install: bool = False) -> None:
        self.estate = estate
        self.world: World = wiring.make_world(
            estate.path, command="run", clock=estate.clock, state_dir=estate.folder / "state"
        )
        (work,) = self.world.adoms
        self.work = work
        self.passes = Passes(lambda: self.world, work, install=install)

    def make(self, *rules: str) -> Pass:
        """A pass over these rules, or over everything."""
        workloads = once.read_workloads(self.world)
        result = self.passes.make(workloads, frozenset(rules) or None)
        assert result.error is None, result.error
        return result


def pod(app: str, number: int, cluster: str = "east") -> builders.Manifest:
    ip = f"10.{CLUSTERS.index(cluster) + 1}.{APPS.index(app)}.{number}"
    return builders.pod(f"{app}-{number}", ip, labels={"app": app})


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Twelve groups on two FortiGates, and two that share pods with others; a0 is in a policy."""
    with open_estate(tmp_path, default_seed()) as made:
        made.write_config(
            groups=[
                *({"name": app, "select": f"app == '{app}'"} for app in APPS),
                {"name": "both", "select": "app in {'a0', 'a1'}"},
                {"name": "large", "select": "app == 'a2'", "mapping": "shared"},
            ],
            guard={"maxRemovedShare": 1.0, "maxAddedShare": 100},
            memberLimit=6,
        )
        for cluster in CLUSTERS:
            made.run(cluster, *(pod(app, n, cluster) for app in APPS for n in (1, 2)))
        made.write_config(install={"mode": "none"})
        made.apply("never")
        made.write_policy("a0")
        yield made


def names_of(estate: Estate) -> set[str]:
    return {name for name in estate.unit.console().objects("prod", "address") if "prod_" in name}


def test_only_the_part_is_asked_and_written(estate: Estate) -> None:
    controller = Controller(estate)
    assert controller.make().whole
    pods = [pod(app, n) for app in APPS for n in (1, 2)]
    estate.run("east", *pods[:-1], pod(APPS[-1], 7))
    mark = estate.unit.requests.mark()
    result = controller.make(APPS[-1])
    assert not result.whole
    assert [str(c.action.value) for c in result.report.written] == ["create", "update", "delete"]  # type: ignore[union-attr]
    assert {"prod_10.1.11.1", "prod_10.1.11.7"} <= names_of(estate)
    assert "prod_10.1.11.2" not in names_of(estate)
    asked = [url for each in estate.unit.requests.since(mark) for url in each.urls]
    # Neither devices nor policies nor any table but those of groups and addresses by name.
    assert not any("/dvmdb/adom/prod/device" in url or "policy" in url for url in asked)
    assert len(estate.unit.requests.since(mark)) <= 18


def test_the_way_to_the_commit_is_short_and_each_step_of_it_needs_the_one_before(
    tmp_path: Path,
) -> None:
    """Every request costs a round trip, and a pod's change waits for all of these."""
    with open_estate(tmp_path, {**default_seed(), "workspaceMode": "normal"}) as estate:
        estate.write_config(groups=[{"name": "web", "select": "app == 'web'"}])
        estate.write_config(install={"mode": "none"}, guard={"maxRemovedShare": 1.0})
        estate.run("east", builders.pod("web-1", "10.1.0.1", labels={"app": "web"}))
        controller = Controller(estate)
        controller.make()
        estate.run("east", builders.pod("web-1", "10.1.0.2", labels={"app": "web"}))
        mark = estate.unit.requests.mark()
        assert not controller.make("web").whole
        asked = [f"{e.method} {e.urls[0]}" for e in estate.unit.requests.since(mark)]
    there = asked.index("exec /dvmdb/adom/prod/workspace/commit")
    objects, lock = "/pm/config/adom/prod/obj", "/dvmdb/adom/prod/workspace"
    assert asked[:there] == [
        "exec sys/login/user",
        f"get {objects}",  # the stamp, and whether there are locks
        f"get {lock}/lockinfo",
        f"exec {lock}/lock",
        f"get {lock}/lockinfo",
        f"get {objects}/firewall/addrgrp",  # under the lock: whose it is
        f"add {objects}/firewall/address",
        f"set {objects}/firewall/addrgrp/web/dynamic_mapping/fgt-east/root",
        f"delete {objects}/firewall/address/prod_10.1.0.1",
        f"get {lock}/lockinfo",
    ]


def test_what_is_held_does_not_grow_with_the_passes(estate: Estate) -> None:
    """At the same state as much is held, however many parts were written to come there."""
    controller = Controller(estate)
    controller.make()
    others = [pod(app, n) for app in APPS for n in (1, 2)][:-1]

    def turns(count: int) -> int:
        for number in (7, 8) * count:
            estate.run("east", *others, pod(APPS[-1], number))
            assert not controller.make(APPS[-1]).whole
        return held((controller.world, controller.work, controller.passes))

    few = turns(1)
    assert turns(10) <= few + 5  # numbers above 256 are objects


def test_what_is_held_does_not_grow_with_addresses_never_seen_before(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who had one is remembered up to a bound; once it is reached all of it stays as large."""
    monkeypatch.setattr(write_log, "REMEMBERED", 4)
    controller = Controller(estate)
    controller.make()
    others = [pod(app, n) for app in APPS for n in (1, 2)][:-1]

    def turns(numbers: range) -> int:
        for number in numbers:
            estate.run("east", *others, pod(APPS[-1], number))
            controller.make(APPS[-1])
        return held((controller.world, controller.work, controller.passes))

    reached = turns(range(100, 106))
    assert turns(range(106, 112)) <= reached + 5  # numbers above 256 are objects


def test_a_pass_without_a_change_writes_and_locks_nothing(estate: Estate) -> None:
    controller = Controller(estate)
    controller.make()
    mark = estate.unit.requests.mark()
    result = controller.make("a0")
    assert (result.whole, result.report) == (False, None)
    assert estate.unit.requests.writing(mark) == []
    asked = [(each.method, *each.urls) for each in estate.unit.requests.since(mark)]
    assert len(asked) <= 3, "login, the ADOM's stamp, logout"


@pytest.mark.parametrize(
    ("rules", "name"), [((), "decisions"), ((APPS[-1],), "rollouts")], ids=["whole", "part"]
)
def test_no_line_of_a_pass_that_breaks_off_can_be_cut_off_unnoticed(
    estate: Estate, rules: tuple[str, ...], name: str
) -> None:
    """What is remembered becomes unreadable in the middle of a write that is in the audit."""
    controller = Controller(estate)
    controller.make()
    state = estate.folder / "state"
    pods = [pod(app, n) for app in APPS for n in (1, 2)]
    estate.run("east", *pods[:-1], pod(APPS[-1], 7))

    def damage(entry: Entry) -> None:
        if entry.method in ("add", "set", "update"):
            (state / f"{name}.json").write_text("{ damaged")

    estate.unit.requests.follow = damage
    with suppress(errors.StateError):
        controller.make(*rules)
    ends = audit.ends(audit.read(state / "audit.jsonl"))
    assert "damaged" in (state / f"{name}.json").read_text()
    assert AuditHeads(Folder(state, clock=estate.clock)).read_all() == ends


def test_an_address_that_another_group_holds_stays(estate: Estate) -> None:
    """`both` lets go of it, and `a0`, which was not looked at, still has it."""
    controller = Controller(estate)
    controller.make()
    groups = [*estate.config["groups"]]
    groups[12] = {"name": "both", "select": "app == 'a1'"}
    estate.write_config(groups=groups)
    narrower = Controller(estate)
    controller.world = narrower.world
    assert not controller.make("both").whole
    assert "prod_10.1.0.1" not in estate.mapped("both")["fgt-east"]
    assert {"prod_10.1.0.1", "prod_10.1.0.2"} <= names_of(estate)


def test_a_device_that_a_rule_is_meant_for_only_now_may_come_with_a_part(estate: Estate) -> None:
    """What is pending there is told as by a whole look, by what the last one saw of packages."""
    groups = [*estate.config["groups"]]
    estate.write_config(groups=[{**groups[0], "sites": {"clusters": ["east"]}}])
    controller = Controller(estate)
    controller.make()
    estate.write_config(groups=groups[:1])
    controller.world = Controller(estate).world
    part = controller.make("a0")
    assert not part.whole
    assert estate.mapped("a0")["fgt-west"] == ["prod_10.2.0.1", "prod_10.2.0.2"]
    fresh = Controller(estate).make()
    assert part.survey.pending == fresh.survey.pending
    assert [str(each.target) for each in part.survey.pending] == ["fgt-east/root", "fgt-west/root"]
    assert part.views == fresh.views


def test_a_fortigate_that_stands_alone_is_always_looked_at_as_a_whole(tmp_path: Path) -> None:
    """It is written in windows, and has no stamp by which a look from before could be relied on."""
    with branches.open_branches(tmp_path) as alone:
        alone.pods(1)
        world = wiring.make_world(
            alone.path, command="run", clock=alone.clock, state_dir=alone.folder / "state"
        )
        passes = Passes(lambda: world, world.adoms[0], install=False)
        for _ in range(3):
            made = passes.make(once.read_workloads(world), frozenset({branches.GROUP}))
            assert (made.error, made.whole) == (None, True)


FOREIGN = {
    "another address": lambda console: console.call(
        "add",
        "/pm/config/adom/prod/obj/firewall/address",
        {"name": "by-hand", "subnet": "10.9.9.9/32"},
    ),
    "a member of ours": lambda console: console.call(
        "set",
        "/pm/config/adom/prod/obj/firewall/addrgrp/a3/dynamic_mapping/fgt-east/root",
        {"member": ["legacy-db"]},
    ),
    "a policy": lambda console: console.add_policy(
        "prod", "edge/default", name="new", srcaddr=["a4"], dstaddr=["all"], action="deny"
    ),
}


@pytest.mark.parametrize("edit", FOREIGN.values(), ids=FOREIGN.keys())
def test_after_anybody_elses_change_everything_is_looked_at(estate: Estate, edit: Any) -> None:
    controller = Controller(estate)
    controller.make()
    with estate.administrator() as console:
        edit(console)
    assert controller.make("a0").whole
    assert estate.mapped("a3")["fgt-east"] == ["prod_10.1.3.1", "prod_10.1.3.2"]
    assert not controller.make("a0").whole


def test_what_the_guard_holds_in_a_part_is_told_and_can_be_approved(estate: Estate) -> None:
    controller = Controller(estate)
    controller.make()
    estate.run("east", *(pod(app, n) for app in APPS[1:] for n in (1, 2)))
    held = controller.make("a0", "both")
    assert not held.whole
    assert held.seen is not None
    assert [(hold.kind, hold.name) for hold in held.seen.plan.held] == [("held-emptying", "a0")]
    # It stays told while other parts are looked at, and is still there for a whole look.
    later = controller.make("a5")
    assert not later.whole
    assert later.seen is not None
    assert later.seen.plan.held == held.seen.plan.held
    estate.approve(held.seen.plan.held[0].digest)
    assert controller.make("a0").seen.plan.held == ()  # type: ignore[union-attr]
    assert estate.mapped("a0")["fgt-east"] == ["none"]


def test_a_refused_change_is_left_to_a_whole_pass(estate: Estate) -> None:
    controller = Controller(estate)
    controller.make()
    # A FortiManager without a stamp gives no ground to rely on what was seen before.
    estate.run("east", *(pod(app, n) for app in APPS for n in (1, 2, 3)))
    with estate.administrator() as console:
        console.call(
            "add",
            "/pm/config/adom/prod/obj/firewall/address",
            {"name": "prod_10.1.1.3", "subnet": "10.1.1.3/32"},
        )
    clash = controller.make("a1")
    assert clash.whole
    assert clash.seen is not None
    assert {finding.name for finding in clash.seen.plan.foreign} == {"a1", "both"}


def test_a_part_in_a_window_is_a_whole_pass(tmp_path: Path) -> None:
    """Outside it, what a part leaves pending wakes the controller when the window opens."""
    with fleet.open_fleet(tmp_path, fleet.seed(2)) as estate:
        controller = Controller(estate, install=True)
        controller.make()
        fleet.web(estate, "10.1.0.1", "10.1.0.2")
        result = controller.make(fleet.GROUP)
        assert not result.whole
        assert {group.state for view in result.views for group in view.groups} == {
            GroupState.INSTALL_PENDING
        }
        wake = rollout_status.wake_at(controller.world, controller.work, result)
        assert wake == fleet.OPEN.timestamp() - 30 * 60
        fleet.to(estate, fleet.OPEN)
        assert controller.make(fleet.GROUP).whole
        assert "fgt-1" in fleet.holding(estate, "10.1.0.1", "10.1.0.2")


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 3))])
def test_parts_end_where_whole_passes_end(estate: Estate, seed: int) -> None:
    """Random churn, groups growing into shards and back: after each part a fresh look at
    everything finds nothing to do, and says the same of every group on every FortiGate."""
    chance = random.Random(seed)
    controller = Controller(estate)
    controller.make()
    running = {(app, n, cluster) for app in APPS for n in (1, 2) for cluster in CLUSTERS}
    parts = 0
    for _ in range(8):
        chosen = chance.sample(APPS, 2)
        for app in chosen:
            for cluster in CLUSTERS:
                running -= {one for one in running if one[0] == app and one[2] == cluster}
                count = chance.choice([1, 2, 5, 9])
                running |= {(app, n, cluster) for n in chance.sample(range(1, 30), count)}
        for cluster in CLUSTERS:
            estate.run(cluster, *(pod(a, n, c) for a, n, c in sorted(running) if c == cluster))
        concerned = {*chosen} | ({"both"} if {"a0", "a1"} & {*chosen} else set())
        concerned |= {"large"} if "a2" in chosen else set()
        result = controller.make(*concerned)
        parts += not result.whole
        fresh = Controller(estate).make()
        assert fresh.report is not None
        assert fresh.report.written == ()
        assert result.views == fresh.views
        assert names_of(estate) == {f"prod_{a}" for a in addresses(running)}
    assert parts >= 2, "too few of these passes were over a part to show anything"


def addresses(running: set[tuple[str, int, str]]) -> set[Address]:
    return {
        Address(f"10.{CLUSTERS.index(cluster) + 1}.{APPS.index(app)}.{n}")
        for app, n, cluster in running
    }
