"""Rules change while the controller runs: it is not built anew, and nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fmgsync.assessing.observation import Observation
from fmgsync.clock import SystemClock
from fmgsync.daemon import cluster_feeds, loop
from fmgsync.daemon.loop import Controller
from fmgsync.model.rule import GroupRule, RuleSet
from fmgsync.wiring import wiring
from tests.daemon.controllers import running, until, web
from tests.end_to_end.estate import UNATTENDED, Estate, default_seed, open_estate

WEB = GroupRule("k8s-web", select="app == 'web'")
NEW = GroupRule("k8s-new", select="has(app)")


class Policies:
    """A source of rules that is followed: a test says what it knows."""

    def __init__(self, *rules: GroupRule, unread: str = "") -> None:
        self._known = RuleSet(rules, unread)
        self._tell: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self.ended = False

    def read(self) -> RuleSet:
        with self._lock:
            return self._known

    def start(self, on_change: Callable[[], None]) -> None:
        self._tell = on_change

    def stop(self) -> None:
        self.ended = True

    def learn(self, *rules: GroupRule, unread: str = "") -> None:
        with self._lock:
            self._known = replace(self._known, rules=rules, unread=unread)
        self._tell()


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Estate]:
    monkeypatch.setattr(cluster_feeds, "DUMP_POLL_S", 0.05)
    seed = default_seed(install_s=0, workspaceMode="disabled")
    with open_estate(tmp_path, seed, clock=SystemClock()) as made:
        guard = {"maxRemovedShare": 1.0}
        made.write_config(
            reconcile={"settle": "0s", "maxDelay": "1s"}, install=UNATTENDED, guard=guard
        )
        made.run("east", web("web-1", "10.1.0.1"))
        made.run("west", web("web-1", "10.2.0.1"))
        yield made


def exists(estate: Estate, group: str) -> Callable[[], bool]:
    return lambda: estate.unit.console().object("prod", "addrgrp", group) is not None


def seen(controller: Controller) -> Observation | None:
    """What the latest pass over the ADOM saw."""
    result = controller.adoms[0].result
    return result.seen if result is not None else None


def test_a_new_rule_makes_its_group_and_one_that_goes_waits_for_a_person(estate: Estate) -> None:
    policies = Policies(WEB)
    controller = wiring.make_controller(
        estate.path, state_dir=estate.folder / "state", rule_source=policies
    )

    def waits() -> bool:
        look = seen(controller)
        return look is not None and any(hold.name == "k8s-new" for hold in look.plan.held)

    with running(estate, controller):
        until(exists(estate, "k8s-web"))
        policies.learn(WEB, NEW)
        until(exists(estate, "k8s-new"))
        policies.learn(WEB)
        until(waits)
        assert exists(estate, "k8s-new")()
    assert policies.ended


def test_rules_that_are_told_again_are_no_news(estate: Estate) -> None:
    policies = Policies(WEB)
    controller = wiring.make_controller(
        estate.path, state_dir=estate.folder / "state", rule_source=policies
    )
    with running(estate, controller):
        until(lambda: controller.adoms[0].passes > 0)
        passes, before = controller.adoms[0].passes, controller.workloads
        policies.learn(WEB)
        until(lambda: controller.workloads is not before)
        assert controller.adoms[0].passes == passes


def test_while_the_rules_were_not_read_their_groups_stay(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start without any knowledge of the rules must not look like a world without rules."""
    monkeypatch.setattr(loop, "FIRST_LOOK_S", 0.2)
    with running(
        estate,
        wiring.make_controller(
            estate.path, state_dir=estate.folder / "state", rule_source=Policies(WEB)
        ),
    ):
        until(exists(estate, "k8s-web"))
    policies = Policies(unread="cluster east: policies are forbidden")
    controller = wiring.make_controller(
        estate.path, state_dir=estate.folder / "state", rule_source=policies
    )
    with running(estate, controller):

        def told() -> bool:
            look = seen(controller)
            found = look.plan.findings if look is not None else ()
            return any(each.kind == "rules-not-read" for each in found)

        until(told)
        assert exists(estate, "k8s-web")()
        estate.run("east", web("web-1", "10.1.0.9"))
        policies.learn(WEB)
        address = "prod_10.1.0.9"
        until(lambda: estate.unit.console().object("prod", "address", address) is not None)
