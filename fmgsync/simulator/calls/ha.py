"""The cluster of FortiManagers that this unit is part of: settings, peers, who is primary.

There is one unit here. Its peers are what an administrator entered; they have no load, and nothing
is left to be synchronised with them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from fmgsync.simulator.calls.plain import Words, answer_row, answer_table
from fmgsync.simulator.calls.settings import require_super
from fmgsync.simulator.codes import absent, bad_data, exists
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

_ROLES: Final = {"standalone": "Stand Alone", "master": "HA Primary", "primary": "HA Primary"}
_BEAT_S: Final = 10
_IDLE: Final = {
    "Average Idle CPU": "100.00",
    "Average Memory Usage": "0.00",
    "Average Nice CPU": "0.00",
    "Average System CPU": "0.00",
    "Average User CPU": "0.00",
}


def write_ha(world: World, call: Call) -> Members:
    """`config system ha`: kept and given back; its mode says which role this unit has."""
    require_super(call)
    record = call.record()
    world.ha_settings.update(record)
    mode = record.get("mode")
    if isinstance(mode, str) and mode in _ROLES:
        world.take_role(_ROLES[mode])
    return {}


def read_ha(world: World, call: Call) -> Members:
    """What was set."""
    shown = {"clusterid": 1, "file-quota": 4096, "hb-interval": 10, "mode": "standalone"}
    return answer_row(call, {**shown, **world.ha_settings}, always=())


def write_peers(world: World, call: Call) -> Members:
    """The other units of the cluster, by id."""
    require_super(call)
    for record in call.records():
        number = record.get("id", len(world.ha_peers) + 1)
        if not isinstance(number, int) or isinstance(number, bool):
            raise bad_data()
        if call.method == "add" and number in world.ha_peers:
            raise exists()
        default = {"id": number, "ip": "0.0.0.0", "ip6": "::", "serial-number": ""}  # noqa: S104
        before = world.ha_peers.get(number, {**default, "status": "enable"})
        world.ha_peers[number] = {**before, **record}
    return {}


def read_peers(world: World, call: Call) -> Members:
    """All peers."""
    words: Words = {"status": {"disable": 0, "enable": 1}}
    return answer_table(call, list(world.ha_peers.values()), always=("id",), words=words)


def delete_peer(world: World, call: Call, number: str) -> Members:
    """Remove one."""
    require_super(call)
    if not number.isdecimal() or world.ha_peers.pop(int(number[:9]), None) is None:
        raise absent()
    return {}


def ha_status(world: World, call: Call) -> Members:
    """The unit's role in its cluster, and its peers."""
    primary = world.ha_role == "HA Primary"
    shown: dict[str, Any] = {
        **_IDLE,
        "Cluster-ID": world.ha_settings.get("clusterid", 1),
        "Debug": "off",
        "FMG-HA Status": "Synchronized State",
        "File-Quota": 4096,
        "HA Health Status": "OK",
        "HA Role": "Primary" if primary else world.ha_role,
        "HB-Interval": _BEAT_S,
        "HB-Lost-Threshold": 30,
        "Model": "FortiManager-VM64",
        "Primary": f"{world.hostname}, {world.serial}, 127.0.0.1",
        "members": [_member(world, peer, call.now) for peer in world.ha_peers.values()],
    }
    if primary:
        since = _moment(world.ha_since)
        shown |= {"HA Primary Uptime": since, "HA Primary state change timestamp": since}
    return {"data": shown}


def _member(world: World, peer: dict[str, Any], now: float) -> dict[str, Any]:
    return {
        **_IDLE,
        "Estimated Sync Time Left (seconds)": 0,
        "HA Sync status": "up,in-sync" if peer["status"] == "enable" else "down",
        "Hostname": f"{world.hostname}-{peer['id']}",
        "IP": peer["ip"],
        "Last Error": "",
        "Last Heartbeat (seconds)": int(now) % _BEAT_S,
        "Last Sync (seconds)": int(now - world.ha_since),
        "Pending Synced Data (bytes)": "0",
        "Serial Number": peer["serial-number"],
        "Total Synced Data (bytes)": "0",
    }


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%a %b %e %H:%M:%S %Y")


_SYSTEM = "/cli/global/system"
ROUTES = (
    Route("get", "/sys/ha/status", ha_status),
    Route("get", _SYSTEM + "/ha", read_ha),
    Route("set update", _SYSTEM + "/ha", write_ha),
    Route("get", _SYSTEM + "/ha/peer", read_peers),
    Route("add set update", _SYSTEM + "/ha/peer", write_peers),
    Route("delete", _SYSTEM + "/ha/peer/{number}", delete_peer),
)
