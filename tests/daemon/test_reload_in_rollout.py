"""The configuration changes in the middle of a rollout: the next controller takes it up."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmgsync.clock import SystemClock
from fmgsync.daemon import reload
from fmgsync.model.target import TargetRef
from fmgsync.passes import device_proof
from tests.daemon.controllers import running, supervised, until
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
