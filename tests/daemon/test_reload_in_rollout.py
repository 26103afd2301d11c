"""The configuration changes in the middle of a rollout: the next controller takes it up."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fmgsync.clock import SystemClock
from fmgsync.daemon import approval_watch, reload
from fmgsync.model.target import TargetRef
from fmgsync.passes import device_proof
from tests.daemon.controllers import running, supervised, until
from tests.end_to_end.edits import mapped
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import holding, names, open_fleet, seed, web

ALWAYS = {"kind": "allow", "schedule": "0 0 * * *", "duration": "24h"}
COUNT = 3
LONG_S = 600.0


def pushes(estate: Estate, since: int) -> dict[str, int]:
    """How often something was pushed to each device, by tasks newer than `since`."""
    found = dict.fromkeys(names(COUNT), 0)
    for task in estate.unit.world.tasks.all():
        for line in task.lines:
            if task.id > since and line.name in found and line.state == "done":
                found[line.name] += 1
    return found


def pushing(estate: Estate) -> bool:
    tasks = estate.unit.world.tasks.all()
    return any(line.state == "running" for task in tasks for line in task.lines)


def take_seconds(estate: Estate, seconds: float) -> None:
    """How long each FortiGate takes for an install that begins from now on."""
    for name in names(COUNT):
        estate.unit.world.device(name).install_seconds = seconds


def test_a_reload_while_a_batch_is_pushed_goes_on_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No device is left out, none starts over, and nothing stays at risk."""
    monkeypatch.setattr(reload, "RELOAD_POLL_S", 0.1)
    monkeypatch.setattr(device_proof, "SETTLE_S", 0.05)
    rollout = {"canary": ["fgt-1"], "waves": ["100%"], "pause": "0s", "maxFailures": 1}
    unit = seed(COUNT, install_s=0)
    with open_fleet(tmp_path, unit, clock=SystemClock(), rollout=rollout) as estate:
        take_seconds(estate, LONG_S)
        estate.config["install"]["windows"] = [ALWAYS]
        estate.config["reconcile"] = {"settle": "0s", "minInterval": "0s"}
        estate.write_config()
        web(estate, "10.1.0.1", "10.1.0.2")
        since = max(task.id for task in estate.unit.world.tasks.all())
        started = supervised(estate)
        with running(estate, started):
            first = started.controller
            until(lambda: pushing(estate))
            estate.config["reconcile"]["resync"] = "7m"
            estate.write_config()
            until(lambda: started.controller is not first)
            assert pushing(estate)
            assert holding(estate, "10.1.0.1", "10.1.0.2") == []
            take_seconds(estate, 0)
            estate.unit.world.clock = lambda: SystemClock().now() + LONG_S  # the canary is through
            until(lambda: holding(estate, "10.1.0.1", "10.1.0.2") == names(COUNT))
            until(lambda: proven(estate) == names(COUNT))
        (times,) = set(pushes(estate, since).values())
        assert times > 0, "each device as often as the others: none began anew"


def proven(estate: Estate) -> list[str]:
    """Devices whose proof is on record while none is at risk."""
    record = estate.world("plan").installing.rollouts.read(TargetRef("hq", "prod"))
    if record is None or record.ledger.running:
        return []
    return sorted(record.ledger.proven)


def test_a_target_that_leaves_the_sites_while_it_is_pushed_is_seen_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was narrowed for it is put back, no device stays at risk, nobody is told of a leftover;
    and back again nothing is pushed twice."""
    monkeypatch.setattr(reload, "RELOAD_POLL_S", 0.1)
    monkeypatch.setattr(approval_watch, "POLL_S", 0.05)
    monkeypatch.setattr(device_proof, "SETTLE_S", 0.05)
    unit = seed(COUNT, install_s=0)
    with open_fleet(tmp_path, unit, clock=SystemClock(), removals="immediately") as estate:
        whole, nights = estate.config["sites"], estate.config["install"]["windows"]
        rollout = {"waves": ["100%"], "pause": "0s", "maxFailures": 1}
        estate.config["install"] |= {"windows": [ALWAYS], "rollout": rollout}
        estate.write_config(reconcile={"settle": "0s", "minInterval": "0s"})
        web(estate, "10.1.0.1", "10.1.0.2")
        estate.apply("window")
        estate.config["install"]["windows"] = [closed(nights[0])]
        estate.write_config()
        take_seconds(estate, LONG_S)
        web(estate, "10.1.0.2", "10.1.0.3")
        since = max(task.id for task in estate.unit.world.tasks.all())
        started = supervised(estate)
        with running(estate, started):
            first = started.controller
            until(lambda: pushing(estate))
            assert mapped(estate, "fgt-1") == ["prod_10.1.0.2"]
            estate.write_config(sites=[])
            until(lambda: started.controller is not first)
            assert pushing(estate)
            estate.unit.world.clock = lambda: SystemClock().now() + LONG_S
            until(lambda: mapped(estate, "fgt-1") == ["prod_10.1.0.2", "prod_10.1.0.3"])
            until(lambda: at_risk(estate) == [])
            take_seconds(estate, 0)
            second = started.controller
            estate.write_config(sites=whole)
            until(lambda: started.controller is not second)
            until(lambda: holding(estate, "10.1.0.2") == names(COUNT))
            until(lambda: at_risk(estate) == [])
        assert set(pushes(estate, since).values()) == {1}
        assert "left open" not in capsys.readouterr().err


def closed(night: dict[str, str]) -> dict[str, str]:
    """A window that is not open now."""
    hour = (datetime.now(UTC).hour + 12) % 24
    return {**night, "schedule": f"0 {hour} * * *", "duration": "10m"}


def at_risk(estate: Estate) -> list[str]:
    record = estate.world("plan").installing.rollouts.read(TargetRef("hq", "prod"))
    assert record is not None
    return record.running_on(None) + [each.target.device for each in record.narrowed]
