"""The controller over HTTPS: what changes in a cluster arrives, what does not costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fmgsync.clock import SystemClock
from fmgsync.daemon import cluster_feeds
from fmgsync.daemon.loop import Controller
from fmgsync.model.address import Address
from fmgsync.model.endpoint import SourceProblem
from tests import builders
from tests.daemon.controllers import running, until, web
from tests.end_to_end.estate import UNATTENDED, Estate, default_seed, open_estate


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Estate]:
    monkeypatch.setattr(cluster_feeds, "DUMP_POLL_S", 0.05)
    seed = default_seed(install_s=0, workspaceMode="disabled")
    with open_estate(tmp_path, seed, clock=SystemClock()) as made:
        made.write_config(reconcile={"settle": "0s", "maxDelay": "1s"}, install=UNATTENDED)
        made.run("east", web("web-1", "10.1.0.1"))
        made.run("west", web("web-1", "10.2.0.1"))
        yield made


def test_a_change_in_a_cluster_reaches_its_fortigate(estate: Estate) -> None:
    def holds(device: str, *ips: str) -> Callable[[], bool]:
        return lambda: estate.on_device(device, "k8s-web") == set(map(Address, ips))

    with running(estate) as controller:
        until(lambda: estate.unit.console().object("prod", "addrgrp", "k8s-web") is not None)
        estate.write_policy("k8s-web")
        estate.run("east", web("web-1", "10.1.0.1"), web("web-2", "10.1.0.2"))
        until(holds("fgt-east", "10.1.0.1", "10.1.0.2"))
        until(holds("fgt-west", "10.2.0.1"))
        until(lambda: controller.adoms[0].last_success_at is not None)


def test_an_event_that_changes_no_group_asks_fortimanager_nothing(estate: Estate) -> None:
    with running(estate) as controller:
        until(lambda: controller.adoms[0].passes > 0)
        passes, mark = controller.adoms[0].passes, estate.unit.requests.mark()
        other = builders.pod("db-1", "10.1.0.7", labels={"app": "db"})
        before = controller.workloads
        estate.run("east", web("web-1", "10.1.0.1"), other)
        until(lambda: controller.workloads is not before)
        # Nobody selects it, yet it is known to be taken: a device that still lets it through is
        # told apart from one that lets through an address nobody has.
        assert controller.workloads.in_use("east", Address("10.1.0.7"))
        assert not controller.workloads.in_use("west", Address("10.1.0.7"))
        assert controller.adoms[0].passes == passes
        assert estate.unit.requests.since(mark) == []


def test_a_dump_that_breaks_keeps_what_is_known(estate: Estate) -> None:
    """Nothing is removed, the problem is told, and a whole dump mends it."""
    with running(estate) as controller:
        until(lambda: estate.unit.console().object("prod", "address", "prod_10.1.0.1") is not None)
        estate.run("east", dump='{"kind": "List", "items": [')
        until(lambda: any("east.json" in p.message for p in problems(controller)))
        estate.run("east", web("web-1", "10.1.0.3"))
        until(lambda: estate.unit.console().object("prod", "address", "prod_10.1.0.3") is not None)


def problems(controller: Controller) -> list[SourceProblem]:
    return [
        problem
        for record in controller.clusters
        if record.difference
        for problem in record.difference.problems
    ]


def test_a_fortimanager_that_comes_back_is_found_again(estate: Estate) -> None:
    estate.unit.unplug()
    with running(estate) as controller:
        until(lambda: controller.adoms[0].failures > 0)
        estate.unit.plug()
        until(lambda: controller.adoms[0].last_success_at is not None)
