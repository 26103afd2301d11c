"""`reconcile.minInterval`: between two writes administrators get their turn at the lock."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import pytest

from fmgsync.clock import SystemClock
from fmgsync.daemon import cluster_feeds
from fmgsync.wiring import wiring
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.seen import web

INTERVAL_S = 2
PATIENCE_S = 20.0


def wait_for(estate: Estate, address: str) -> None:
    """Until the address is in the ADOM."""
    tick = threading.Event()
    for _ in range(int(PATIENCE_S / 0.05)):
        if estate.object("address", f"prod_{address}") is not None:
            return
        tick.wait(0.05)
    raise AssertionError(f"{address} did not come")


def test_administrators_get_their_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_feeds, "DUMP_POLL_S", 0.05)
    with open_estate(tmp_path, default_seed(install_s=0), clock=SystemClock()) as estate:
        times = {"settle": "0s", "maxDelay": "1s", "minInterval": f"{INTERVAL_S}s"}
        estate.write_config(reconcile=times, install={"mode": "none"})
        estate.run("east", web("10.1.0", 1))
        estate.run("west", web("10.2.0", 1))
        controller = wiring.make_controller(estate.path, state_dir=tmp_path / "state")
        thread = threading.Thread(target=controller.run)
        thread.start()
        try:
            for number in (1, 2, 3):
                estate.run("east", *(web("10.1.0", n + 1) for n in range(number)))
                wait_for(estate, f"10.1.0.{number}")
        finally:
            controller.stop()
            thread.join(PATIENCE_S)
        locked_at = [entry.at for entry in estate.unit.requests.locks()]
        # How many changes share a write depends on the machine; that each waits its turn does not.
        assert len(locked_at) >= 3
        pauses = [after - before for before, after in itertools.pairwise(locked_at)]
        assert min(pauses) >= INTERVAL_S
