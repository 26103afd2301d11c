"""CLI scripts of an ADOM and what running them left: `/dvmdb/adom/{adom}/script`.

"How to FortiManager API", 012, and the members of Ansible's `fmgr_dvmdb_script`. From 7.6.5 on
scripts are elsewhere (`/pm/config/adom/{adom}/obj/fmg/script`, which is not here), and writes here
are refused. Running one makes a task and a log; the commands themselves are not carried out, which
is told, and refused where all that is not known is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from fmgsync.simulator.calls.dvmcmd import require_lock
from fmgsync.simulator.calls.ordering import adom_of, open_task
from fmgsync.simulator.calls.plain import PlainRow, answer_row, answer_table
from fmgsync.simulator.calls.records import SCRIPT, defaults, keep, words
from fmgsync.simulator.codes import absent, bad_data, bad_url, exists
from fmgsync.simulator.state.adom import Adom
from fmgsync.simulator.state.tasks import Line
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

Rest = tuple[str, ...]
_MOVED: Final = (7, 6, 5)
_WORDS: Final = words(SCRIPT)
_ALWAYS: Final = ("name", "oid", "script_schedule")
_REMOTE: Final = "remote_device"


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a script wrote; without a device it ran on the ADOM's database."""

    log_id: int
    script: str
    device: str | None
    at: float
    content: str

    def show(self) -> PlainRow:
        """As a summary shows it."""
        at = datetime.fromtimestamp(self.at, UTC).strftime("%a %b %e %H:%M:%S %Y")
        return {"exec_time": at, "log_id": self.log_id, "script_name": self.script}


def read(world: World, call: Call, adom: str, rest: Rest = ()) -> Members:
    """All scripts, one, or what one left."""
    place = world.enter(adom, call.session)
    if rest[:1] == ("log",):
        return _read_log(place, call, rest[1:])
    if not rest:
        return answer_table(call, list(place.scripts.values()), always=_ALWAYS, words=_WORDS)
    if len(rest) > 1:
        raise bad_url()
    if rest[0] not in place.scripts:
        raise absent()
    return answer_row(call, place.scripts[rest[0]], always=_ALWAYS, words=_WORDS)


def write(world: World, call: Call, adom: str, rest: Rest = ()) -> Members:
    """Make scripts or change them."""
    place = _writable(world, call, adom)
    if len(rest) > 1:
        raise bad_url()
    names = [_write_one(world, call, place, rest, record) for record in call.records()]
    return {"data": {"name": names[0]}} if len(names) == 1 else {}


def _writable(world: World, call: Call, adom: str) -> Adom:
    if world.version >= _MOVED:
        raise bad_url()
    place = world.enter(adom, call.session)
    require_lock(place, call)
    return place


def _write_one(world: World, call: Call, adom: Adom, rest: Rest, record: Mapping[str, Any]) -> str:
    name = rest[0] if rest else record.get("name")
    if not isinstance(name, str) or not name or "/" in name or len(name) > SCRIPT.key_limit:
        raise bad_data()
    before = adom.scripts.get(name)
    if before is not None and call.method == "add":
        raise exists()
    if before is None and call.method == "update":
        raise absent()
    fresh = {**defaults(SCRIPT), "name": name, "oid": world.next_oid(), "script_schedule": None}
    row = dict(before or fresh)
    keep(SCRIPT, row, record, call.ignore)
    row["modification_time"] = datetime.fromtimestamp(call.now, UTC).strftime("%Y-%m-%d %H:%M:%S")
    adom.scripts[name] = row
    return name


def delete(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """A script goes; what it left stays."""
    place = _writable(world, call, adom)
    if len(rest) != 1 or rest[0] not in place.scripts:
        raise absent()
    del place.scripts[rest[0]]
    return {}


def execute(world: World, call: Call, adom: str) -> Members:
    """`script/execute`: a task with a line for each device, or one for the database."""
    place, record = adom_of(world, call), call.record()
    script = place.scripts.get(str(record.get("script")))
    if place.name != adom or script is None:
        raise bad_data()
    devices = _devices(place, record.get("scope"))
    call.ignore("content of script", str(script["name"]))
    task = open_task(world, call, place, f"Script({script['name']})", "script manager")
    remote = script["target"] == _REMOTE
    places: list[str | None] = [*devices] or [None]
    for name in places:
        unit = world.devices.get(name) if name is not None else None
        line = task.add(Line(name or adom, unit.oid if unit is not None else place.oid))
        if remote and (unit is None or not unit.online):
            line.tell(call.now, 100, "device is offline", "error")
            continue
        line.tell(call.now, 100, "script running success", "done")
        where = "device" if remote else "database"
        end = "" if remote else f"Running script({script['name']}) on DB success\n"
        content = f"\n\nStarting log (Run on {where})\n\n {script['content']}\n{end}"
        log_id = int(f"{task.id}{0 if remote else 1}")
        place.runs.append(Run(log_id, str(script["name"]), name, call.now, content))
    task.settle(call.now)
    return {"data": {"task": task.id}}


def _devices(adom: Adom, scope: Any) -> list[str]:
    """What a scope names; a name without VDOM is a group's."""
    found: dict[str, None] = {}
    for item in scope if isinstance(scope, list) else [] if scope is None else [scope]:
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str):
            raise bad_data()
        if item.get("vdom") is not None and adom.has(name):
            found[name] = None
        elif item.get("vdom") is None and name in adom.groups:
            found |= dict.fromkeys(device for device, _ in adom.expand([(name, None)]))
        else:
            raise bad_data()
    return list(found)


def _read_log(adom: Adom, call: Call, rest: Rest) -> Members:
    what, rest = rest[:1], rest[1:]
    device = rest[1] if rest[:1] == ("device",) and len(rest) > 1 else None
    runs = [run for run in reversed(adom.runs) if run.device == device]
    left = rest[2:] if device is not None else rest
    if what == ("summary",) and not left:
        rows = [{**run.show(), "seq": at} for at, run in enumerate(runs, start=1)]
        return answer_table(call, rows, always=("log_id",))
    if what == ("output",) and left[:1] == ("logid",) and len(left) == 2:
        runs = [run for run in runs if str(run.log_id) == left[1]]
    elif what != ("latest",) or left:
        raise bad_url()
    if not runs:
        raise absent()
    return {"data": {"content": runs[0].content, **runs[0].show()}}


_BASE: Final = "/dvmdb/adom/{adom}/script"
ROUTES = (
    Route("get", _BASE, read),
    Route("get", _BASE + "/{rest*}", read),
    Route("add set update", _BASE, write),
    Route("set update", _BASE + "/{rest*}", write),
    Route("delete", _BASE + "/{rest*}", delete),
    Route("exec", _BASE + "/execute", execute),
)
