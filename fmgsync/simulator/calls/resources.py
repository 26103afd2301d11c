"""Threat feed files that FortiManager hosts for its FortiGates."""

from __future__ import annotations

from fmgsync.simulator.calls.plain import answer_table
from fmgsync.simulator.codes import absent, bad_data
from fmgsync.simulator.state.world import Resource, World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

MAX_SIZE = 128 * 1024 * 1024


def read_all(world: World, call: Call) -> Members:
    """Names, sizes and times of all files, newest first."""
    files = sorted(world.resources.values(), key=lambda f: (-f.modified, f.name))
    rows = [
        {"modified": f.modified, "name": f.name, "size": len(f.content.encode())} for f in files
    ]
    return answer_table(call, rows, always=("name",))


def read_one(world: World, call: Call, name: str) -> Members:
    """One file with its content."""
    found = world.resources.get(name)
    if found is None:
        raise absent()
    size = len(found.content.encode())
    return {"data": {"content": found.content, "name": name, "size": size}}


def write(world: World, call: Call, name: str) -> Members:
    """Create or replace a file."""
    content = call.record().get("content")
    if not isinstance(content, str) or len(content) > MAX_SIZE:
        raise bad_data()
    world.resources[name] = Resource(name, content, int(call.now))
    return {}


def delete(world: World, call: Call, name: str) -> Members:
    """Remove a file."""
    if world.resources.pop(name, None) is None:
        raise absent()
    return {}


_BASE = "/pm/config/global/_external/resource"
ROUTES = (
    Route("get", _BASE, read_all),
    Route("get", _BASE + "/{name}", read_one),
    Route("add set update", _BASE + "/{name}", write),
    Route("delete", _BASE + "/{name}", delete),
)
