"""`reconcile.minInterval`: between two writes administrators get their turn at the lock."""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path

import pytest

from fmgsync.clock import SystemClock
from fmgsync.daemon import cluster_feeds
from tests.daemon.controllers import running, until
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.seen import web

INTERVAL_S = 2


def is_there(estate: Estate, name: str) -> bool:
    return estate.object("address", name) is not None


def test_administrators_get_their_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_feeds, "DUMP_POLL_S", 0.05)
    with open_estate(tmp_path, default_seed(install_s=0), clock=SystemClock()) as estate:
        times = {"settle": "0s", "maxDelay": "1s", "minInterval": f"{INTERVAL_S}s"}
        estate.write_config(reconcile=times, install={"mode": "none"})
        estate.run("east", web("10.1.0", 1))
        estate.run("west", web("10.2.0", 1))
        with running(estate):
            for name in ("prod_10.1.0.1", "prod_10.1.0.2", "prod_10.1.0.3"):
                pods = (web("10.1.0", n + 1) for n in range(int(name[-1])))
                estate.run("east", *pods)
                until(partial(is_there, estate, name))
        locked_at = [entry.at for entry in estate.unit.requests.locks()]
        # How many changes share a write depends on the machine; that each waits its turn does not.
        assert len(locked_at) >= 3
        pauses = [after - before for before, after in itertools.pairwise(locked_at)]
        assert min(pauses) >= INTERVAL_S
