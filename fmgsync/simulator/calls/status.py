"""Package status per DeviceVdom, and the newer status table of devices and VDOMs."""

from __future__ import annotations

from typing import Final

from fmgsync.simulator.calls.place import find_package
from fmgsync.simulator.calls.plain import PlainRow, Words, answer_row, answer_table
from fmgsync.simulator.codes import absent, bad_url
from fmgsync.simulator.state.adom import Adom
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

_WORDS: Final[Words] = {
    "status": {
        "never": 0,
        "installed": 1,
        "imported": 2,
        "modified": 3,
        "out of sync": 4,
        "unknown": 5,
        "conflict": 6,
    }
}
_ALWAYS = ("dev", "vdom", "pkg", "status")


def _rows(world: World, adom: Adom) -> list[PlainRow]:
    """Only packages that are assigned and have been installed are listed.

    With the switch `allStatusWords` the others are there too, with words the GUI has and no
    public source spells in JSON.
    """
    rows = _installed(adom)
    if world.switches.all_status_words:
        rows = [{**row, "status": _word(world, row)} for row in rows]
        known = {(row["dev"], row["vdom"]) for row in rows}
        rows += [row for row in _never(adom) if (row["dev"], row["vdom"]) not in known]
    return rows


def _word(world: World, row: PlainRow) -> str:
    """A unit that drifted is out of sync; with changes in the ADOM besides, in conflict.

    What a unit without tunnel runs by now, FortiManager cannot know.
    """
    device = world.devices[row["dev"]]
    if not device.online:
        return "unknown"
    drifted = device.detected and bool(device.vdoms[row["vdom"]].drift)
    if not drifted:
        return str(row["status"])
    return "conflict" if row["status"] == "modified" else "out of sync"


def _never(adom: Adom) -> list[PlainRow]:
    return [
        {"dev": device, "pkg": str(package.key), "status": "never", "vdom": vdom}
        for package in adom.packages(adom.ground)
        for device, vdom in adom.expand(package.attrs["scope"])
    ]


def _installed(adom: Adom) -> list[PlainRow]:
    packages = {row.oid: row for row in adom.packages(adom.ground)}
    targets = {oid: set(adom.expand(row.attrs["scope"])) for oid, row in packages.items()}
    return [
        {
            "dev": scope[0],
            "pkg": str(packages[known.package].key),
            "status": known.status,
            "vdom": scope[1],
        }
        for scope, known in adom.installed.items()
        if known.package in packages and scope in targets[known.package]
    ]


def read_all(world: World, call: Call, adom: str) -> Members:
    """Every assigned and installed package of the ADOM."""
    rows = _rows(world, world.enter(adom, call.session))
    filter_ = call.param.get("filter")
    if isinstance(filter_, list) and filter_[:2] == ["pkg", "=="] and len(filter_) == 3:
        path = filter_[2]
        wanted = "/".join(path) if isinstance(path, list) else path
        rows = [row for row in rows if row["pkg"] == wanted]
        call.param = call.param.but(filter=None)
    return answer_table(call, rows, always=_ALWAYS, words=_WORDS)


def read_one(world: World, call: Call, adom: str, device: str, vdom: str) -> Members:
    """The status on one DeviceVdom; no data for a package never installed there."""
    place = world.enter(adom, call.session)
    if not place.has(device, vdom):
        raise absent()
    for row in _rows(world, place):
        if (row["dev"], row["vdom"]) == (device, vdom):
            return answer_row(call, row, always=_ALWAYS, words=_WORDS)
    return {}


def read_package(world: World, call: Call, adom: str, rest: tuple[str, ...]) -> Members:
    """The status of one package on all its targets."""
    place = world.enter(adom, call.session)
    path = str(find_package(place.ground, "/".join(rest[:-2])).key)
    rows = [row for row in _rows(world, place) if row["pkg"] == path]
    return answer_table(call, rows, always=_ALWAYS, words=_WORDS)


def has_vdom_status(version: tuple[int, ...]) -> bool:
    """`_vdom/status` exists from 7.4.8, 7.6.5 and 8.0.0 on."""
    if version[:2] == (7, 4):
        return version >= (7, 4, 8)
    return version >= (7, 6, 5)


def read_vdoms(world: World, call: Call, adom: str) -> Members:
    """Device and VDOM status in one table, with other words than the device table's."""
    if not has_vdom_status(world.version):
        raise bad_url()
    place = world.enter(adom, call.session)
    rows: list[PlainRow] = []
    for name, vdoms in place.members.items():
        device = world.devices[name]
        rows.append(
            {
                "auto update": 1,
                "conf_status": {"insync": "in sync", "outofsync": "out of sync"}.get(
                    device.conf_status(), "unknown"
                ),
                "db_status": "modified" if device.db_status() == "mod" else "not modified",
                "dev": name,
            }
        )
        for vdom in vdoms:
            ahead = bool(device.vdoms[vdom].ahead)
            status = "modified" if ahead else "not modified"
            rows.append({"auto update": 0, "dev": name, "status": status, "vdom": vdom})
    return answer_table(call, rows, always=("dev", "vdom"))


def is_package_status(rest: tuple[str, ...]) -> bool:
    """Whether a package url ends in `_package/status`."""
    return len(rest) > 2 and rest[-2:] == ("_package", "status")


_BASE = "/pm/config/adom/{adom}"
ROUTES = (
    Route("get", _BASE + "/_package/status", read_all),
    Route("get", _BASE + "/_package/status/{device}/{vdom}", read_one),
    Route("get", _BASE + "/_vdom/status", read_vdoms),
)
