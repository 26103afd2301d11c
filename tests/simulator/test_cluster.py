"""The cluster of FortiManagers that the unit is part of."""

from __future__ import annotations

from datetime import datetime

from fmgsync.clock import ManualClock
from tests.simulator.conftest import Start


def test_the_mode_decides_the_role(start: Start, clock: ManualClock) -> None:
    _, client = start()
    client.log_in("alice", "wonder")
    assert client.get("/sys/ha/status")["HA Role"] == "Stand Alone"

    clock.sleep(3600)
    client.data("set", "/cli/global/system/ha", {"mode": "master", "clusterid": 3})
    client.data("add", "/cli/global/system/ha/peer", {"id": 1, "ip": "192.0.2.9"})

    shown = client.get("/sys/ha/status")
    assert (shown["HA Role"], shown["Cluster-ID"]) == ("Primary", 3)
    assert [(m["IP"], m["HA Sync status"]) for m in shown["members"]] == [
        ("192.0.2.9", "up,in-sync")
    ]
    since = datetime.strptime(f"{shown['HA Primary Uptime']} +0000", "%a %b %d %H:%M:%S %Y %z")
    assert since.timestamp() == int(clock.now())
    assert client.get("/sys/status")["HA Mode"] == "HA Primary"
