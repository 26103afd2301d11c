"""The configuration changes in the middle of a rollout: the next controller takes it up."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmgsync.clock import SystemClock
from fmgsync.daemon import reload
from fmgsync.model.target import TargetRef
from tests.daemon.controllers import running, supervised, until
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import holding, names, open_fleet, seed, web

ALWAYS = {"kind": "allow", "schedule": "0 0 * * *", "duration": "24h"}
COUNT = 3


def pushes(estate: Estate, since: int) -> dict[str, int]:
    """How often something was pushed to each device, by tasks newer than `since`."""
    found = dict.fromkeys(names(COUNT), 0)
    for task in estate.unit.world.tasks.all():
        for line in task.lines:
            if task.id > since and line.name in found and line.state == "done":
                found[line.name] += 1
    return found


def test_a_reload_between_two_batches_goes_on_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No device is left out, none starts over, and nothing stays at risk."""
    monkeypatch.setattr(reload, "RELOAD_POLL_S", 0.1)
    rollout = {"canary": ["fgt-1"], "waves": ["100%"], "pause": "0s", "maxFailures": 1}
    unit = seed(COUNT, install_s=1)
    with open_fleet(tmp_path, unit, clock=SystemClock(), rollout=rollout) as estate:
        estate.config["install"]["windows"] = [ALWAYS]
        estate.config["reconcile"] = {"settle": "0s", "minInterval": "0s"}
        estate.write_config()
        web(estate, "10.1.0.1", "10.1.0.2")
        since = max(task.id for task in estate.unit.world.tasks.all())
        started = supervised(estate)
        with running(estate, started):
            first = started.controller
            until(lambda: "fgt-1" in holding(estate, "10.1.0.1", "10.1.0.2"))
            estate.config["reconcile"]["resync"] = "7m"
            estate.write_config()
            until(lambda: started.controller is not first)
            assert holding(estate, "10.1.0.1", "10.1.0.2") != names(COUNT), "it came too late"
            until(lambda: holding(estate, "10.1.0.1", "10.1.0.2") == names(COUNT), 60.0)
            until(lambda: proven(estate) == names(COUNT))
        (times,) = set(pushes(estate, since).values())
        assert times > 0, "each device as often as the others: none began anew"


def proven(estate: Estate) -> list[str]:
    """Devices whose proof is on record while none is at risk."""
    record = estate.world("plan").installing.rollouts.read(TargetRef("hq", "prod"))
    if record is None or record.ledger.running:
        return []
    return sorted(record.ledger.proven)
