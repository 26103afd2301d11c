"""What people decide while a controller runs is noticed within seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fmgsync.clock import SystemClock
from fmgsync.daemon import approval_watch, cluster_feeds
from fmgsync.daemon.approval_watch import Deciding
from fmgsync.daemon.loop import Controller
from fmgsync.model.target import TargetRef
from fmgsync.passes import device_proof
from fmgsync.simulator.fortigate.fortigate import FortiGate
from tests import builders
from tests.daemon.controllers import running, until
from tests.end_to_end import fleet
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import holding, open_fleet, seed, web
from tests.passes.worlds import NOTHING

REF = TargetRef("hq", "prod")
ROLLOUT = {"waves": ["100%"], "pause": "0s", "maxFailures": 1}


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Estate]:
    """Windows are always open; nothing but a decision wakes a pass for a long time."""
    monkeypatch.setattr(cluster_feeds, "DUMP_POLL_S", 0.05)
    monkeypatch.setattr(approval_watch, "POLL_S", 0.05)
    monkeypatch.setattr(device_proof, "SETTLE_S", 0.05)
    with open_fleet(tmp_path, seed(2, install_s=0), clock=SystemClock()) as made:
        made.write_config(
            reconcile={"settle": "0s", "resync": "1h", "minInterval": "0s"},
            install={"windows": "always", "rollout": ROLLOUT},
        )
        yield made


def test_an_approval_lets_what_waits_through_at_once(estate: Estate) -> None:
    """That a group becomes empty always waits for a person."""
    estate.run("east", builders.pod("db-1", "10.1.0.9", labels={"app": "db"}))
    with running(estate) as controller:
        until(lambda: bool(held(controller)))
        assert holding(estate, "10.1.0.1") == fleet.names(2)
        for digest in held(controller):
            estate.approve(digest)
        until(lambda: holding(estate, NOTHING) == fleet.names(2))


def held(controller: Controller) -> list[str]:
    """The digests of what waits for a person."""
    (record,) = controller.adoms
    seen = record.result.seen if record.result else None
    return [hold.digest for hold in seen.plan.held] if seen else []


def test_a_rollout_that_failed_goes_on_when_resumed(estate: Estate) -> None:
    """And one that was stopped by a person stays so until then."""
    broken: FortiGate = estate.unit.fortigate("fgt-1")
    broken.refuse("firewall addrgrp", fleet.GROUP)
    with running(estate) as controller:
        web(estate, "10.1.0.2")
        until(lambda: given_up(estate) == ["fgt-1"])
        broken.accept()
        estate.steer("resume")
        until(lambda: "fgt-2" in holding(estate, "10.1.0.2"))
        estate.steer("abort", "a change of plans")
        web(estate, "10.1.0.3")
        until(lambda: "a change of plans" in waiting(controller))
        assert holding(estate, "10.1.0.3") == []
        estate.steer("resume")
        until(lambda: "fgt-2" in holding(estate, "10.1.0.3"))


def given_up(estate: Estate) -> list[str]:
    """Devices whose install has failed."""
    record = estate.world("plan").installing.rollouts.read(REF)
    return [attempt.device for attempt in record.ledger.failed] if record else []


def waiting(controller: Controller) -> str:
    """What the whole rollout waits for."""
    (record,) = controller.adoms
    rollout = record.result.rollout if record.result else None
    return (rollout.waiting or "") if rollout else ""


def test_what_a_pass_writes_down_itself_is_no_decision(estate: Estate) -> None:
    """A device that fails is told; nothing is looked at again for that."""
    estate.unit.fortigate("fgt-1").refuse("firewall addrgrp", fleet.GROUP)
    with running(estate) as controller:
        web(estate, "10.1.0.2")
        until(lambda: given_up(estate) == ["fgt-1"] and not controller.busy(REF))
        # As of now: the controller itself notices what is decided, perhaps before we do.
        records = controller.adoms
        touched: list[TargetRef] = []
        looks = Deciding(estate.world("run"), lambda: records, touched.append)
        for _ in range(3):
            looks.look()
        assert touched == []
        assert controller.adoms[0].passes == records[0].passes
        estate.steer("resume")
        looks.look()
        assert touched == [REF]
