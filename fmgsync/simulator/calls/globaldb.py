"""The global database: packages that are assigned to ADOMs instead of devices."""

from __future__ import annotations

from fmgsync.simulator.calls import packages
from fmgsync.simulator.calls.plain import PlainRow, answer_table
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

Rest = tuple[str, ...]


def read(world: World, call: Call, rest: Rest = ()) -> Members:
    """Global packages."""
    return packages.read(world, call, "global", rest)


def write(world: World, call: Call, rest: Rest = ()) -> Members:
    """Create global packages, or say to which ADOMs one belongs."""
    return packages.write_tree(world, call, "global", rest)


def delete(world: World, call: Call, rest: Rest) -> Members:
    """Delete a global package or take it from ADOMs."""
    return packages.delete(world, call, "global", rest)


def read_status(world: World, call: Call) -> Members:
    """Where global packages are assigned, and whether that is current."""
    packages = world.adoms["global"].packages(world.adoms["global"].ground)
    names = {row.oid: str(row.key) for row in packages}
    versions = {row.oid: row.version for row in packages}
    rows: list[PlainRow] = [
        {
            "adom": adom,
            "flags": 0,
            "pkg": names[oid],
            "status": "installed" if version == versions[oid] else "modified",
            "stype": 0,
            "type": 1,
        }
        for (adom, oid), version in world.assigned.items()
        if oid in names and adom in world.adoms
    ]
    return answer_table(call, rows, always=("adom", "pkg"))


ROUTES = (
    Route("get", "/pm/pkg/global", read),
    Route("get", "/pm/pkg/global/{rest*}", read),
    Route("add set update", "/pm/pkg/global", write),
    Route("add set update", "/pm/pkg/global/{rest*}", write),
    Route("delete", "/pm/pkg/global/{rest*}", delete),
    Route("get", "/pm/config/global/_package/status", read_status),
)
