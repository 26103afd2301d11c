"""A thousand FortiGates in waves inside a window, on a manual clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmgsync.scheduling.rollout import HoldKind
from tests.end_to_end import fleet
from tests.end_to_end.fleet import OPEN, holding, open_fleet, report, seed, to, verified, web

DEVICES = 1000


@pytest.mark.slow
def test_a_thousand_devices_in_waves_inside_a_window(tmp_path: Path) -> None:
    """Canary first; three devices fail, which the budget allows; everything ends in time."""
    rollout = {
        "canary": ["fgt-500"],
        "waves": ["5%", "25%", "100%"],
        "pause": "2m",
        "maxFailures": "5%",
    }
    unit = seed(DEVICES, install_s=30)
    with open_fleet(tmp_path, unit, rollout=rollout) as estate:
        for name in ("fgt-7", "fgt-77", "fgt-777"):
            estate.unit.world.devices[name].refuses.add(("firewall addrgrp", fleet.GROUP))
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        result = estate.apply("window")
        assert verified(result)[0] == "fgt-500"
        assert len(verified(result)) == DEVICES - 3
        assert sorted(report(result).failures) == ["fgt-7", "fgt-77", "fgt-777"]
        assert len(holding(estate, "10.1.0.2")) == DEVICES - 3
        assert estate.clock.now() < OPEN.timestamp() + 2.5 * 3600

        for name in fleet.names(DEVICES):
            estate.unit.world.devices[name].refuses.add(("firewall addrgrp", fleet.GROUP))
        web(estate, "10.1.0.3")
        spent = estate.apply("now")
        decision = report(spent).decision
        assert decision is not None
        assert decision.held is not None
        assert decision.held.kind is HoldKind.BUDGET_SPENT
        assert len(report(spent).failures) <= DEVICES * 5 // 100
