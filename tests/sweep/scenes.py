"""What is swept: commands with a change that is due, and what is right once each is done."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.end_to_end.branches import Branches
from tests.end_to_end.estate import UNATTENDED
from tests.sweep import estates
from tests.sweep.estates import CACHE, GROUP, LIMIT, STAYING, TIGERA, on_devices, pods
from tests.sweep.processes import Processes
from tests.sweep.scene import MARK, Scene

DIRECT = "direct"
NEVER = {"kind": "allow", "schedule": "0 1 29 2 *", "duration": "1m"}
OLD = "10.1.1"
"""The network of what goes, one address a case; and of what stays in the second group."""
GOING = 24
"""So many cases take something away before there has to be more."""
SLOW_S = 4.0
"""A lock is given back before the next request where each takes so long."""


def _reconcile(scene: Scene) -> Scene:
    """One address goes, another comes; the ADOM is written, nothing is installed."""
    scene.words = ("apply", "--install", "never")
    wanted: set[str] = set()

    def begin() -> None:
        wanted.clear()
        wanted.update({f"{STAYING}.1", f"10.1.0.{next(scene.numbers) % 250 + 1}"})
        pods(scene.estate, *sorted(wanted))

    def wrong() -> str:
        held = set(scene.estate.mapped(GROUP)["fgt-east"])
        right = {f"prod_{ip}" for ip in wanted}
        return "" if held == right else f"the ADOM has {sorted(held)}, not {sorted(right)}"

    scene.begin, scene.wrong = begin, wrong
    return scene


def _rounds(scene: Scene) -> Scene:
    """The same by a unit so slow that no lock is held for more than one request that writes."""
    scene.locked = 2
    scene.processes.page.slow_down(SLOW_S)
    return _reconcile(scene)


def _install(scene: Scene) -> Scene:
    """The same, and it is brought to the devices."""
    wanted: set[str] = set()

    def begin() -> None:
        wanted.clear()
        wanted.update({f"{STAYING}.1", f"10.1.0.{next(scene.numbers) % 250 + 1}"})
        pods(scene.estate, *sorted(wanted))

    return _installing(scene, begin, lambda: _held(scene, wanted))


def _installing(scene: Scene, begin: Callable[[], None], wrong: Callable[[], str]) -> Scene:
    scene.words = ("apply", "--install", "window")
    scene.begin, scene.wrong = begin, wrong
    if not isinstance(scene.estate, Branches):
        scene.pushed = ("fgt-east",)
    return scene


def _held(scene: Scene, wanted: Collection[str], group: str = GROUP) -> str:
    odd = {n: held for n, held in on_devices(scene.estate, group).items() if held != set(wanted)}
    return f"devices hold {odd}, not {sorted(wanted)}, in {group}" if odd else ""


def _shards(scene: Scene) -> Scene:
    """One group gets more members than one may have, another no longer has as many."""
    few = {
        group: {f"{network}.{number}" for number in range(1, LIMIT // 2 + 1)}
        for group, network in ((GROUP, STAYING), (CACHE, OLD))
    }
    wanted = dict(few)

    def begin() -> None:
        large = CACHE if wanted[CACHE] == few[CACHE] else GROUP
        coming = {f"10.1.0.{next(scene.numbers) % 250 + 1}" for _ in range(LIMIT)}
        wanted.update(few | {large: few[large] | coming})
        pods(scene.estate, *wanted[GROUP], cache=wanted[CACHE])

    def wrong() -> str:
        odd = [_held(scene, members, group) for group, members in wanted.items()]
        large = {g: [f"{g}.1", f"{g}.2"] for g, members in wanted.items() if len(members) > LIMIT}
        right = {*wanted, *(name for names in large.values() for name in names)}
        odd += [
            f"{place} has the groups {sorted(names)}"
            for place, names in _tables(scene, "addrgrp").items()
            if {name for name in names if name.startswith((GROUP, CACHE))} != right
        ]
        return "; ".join(filter(None, odd))

    return _installing(scene, begin, wrong)


def _repair(scene: Scene) -> Scene:
    """Somebody has changed an address and a group of ours, down to the devices."""
    wanted = {f"{STAYING}.1", f"{STAYING}.2"}
    address = f"prod_{STAYING}.1"

    def begin() -> None:
        estate = scene.estate
        pods(estate, *wanted)
        if _held(scene, wanted):
            scene.surely("apply")
        if isinstance(estate, Branches):
            for name in estates.units(estate):
                unit = estate.unit.fortigate(name)
                unit.drift("firewall address", address, subnet=("10.66.0.0", "255.255.0.0"))
                unit.drift("firewall addrgrp", GROUP, member=(address, "legacy-db"))
            return
        with estates.administrator(estate) as console:
            place = "/pm/config/adom/prod/obj/firewall"
            console.call("update", f"{place}/address/{address}", {"subnet": "10.66.0.0/16"})
            mapping = f"{place}/addrgrp/{GROUP}/dynamic_mapping/fgt-east/root"
            console.call("set", mapping, {"member": [address, "legacy-db"]})
        estate.install_by_hand()
        assert _held(scene, wanted)

    return _installing(scene, begin, lambda: _held(scene, wanted))


def _urgent(scene: Scene) -> Scene:
    """No window is open: what goes is taken from the devices at once, what comes stays away."""
    scene.good = 3
    scene.rest_s = 600.0  # one such install of a device in five minutes
    kept: set[str] = set()

    def fill() -> None:
        """Something to take away for many cases: filling up costs as much as a case."""
        kept.update({f"{STAYING}.1"}, (f"{OLD}.{number}" for number in range(1, GOING + 1)))
        pods(scene.estate, *sorted(kept))
        scene.estate.write_config(install={**UNATTENDED, "removals": "immediately"})
        scene.surely("apply")
        scene.estate.write_config(
            install={**UNATTENDED, "windows": [NEVER], "removals": "immediately"}
        )

    def begin() -> None:
        scene.estate.clock.sleep(scene.rest_s)
        if len(kept) < 2:
            fill()
        kept.remove(max(kept - {f"{STAYING}.1"}))
        pods(scene.estate, *sorted(kept), f"10.1.0.{next(scene.numbers) % 250 + 1}")

    return _installing(scene, begin, lambda: _held(scene, kept))


def _comments(scene: Scene) -> dict[str, str]:
    names = {"addrgrp": (GROUP,), "address": ("worker-1", "worker-2")}
    found = {}
    for table, wanted in names.items():
        for name in wanted:
            if isinstance(scene.estate, Branches):
                for unit in estates.units(scene.estate):
                    path = f"/api/v2/cmdb/firewall/{table}/{name}?vdom=root"
                    [row] = scene.estate.unit.fortigate(unit).rest(path)["results"]
                    found[f"{unit} {name}"] = str(row["comment"])
            else:
                found[name] = str((scene.estate.object(table, name) or {}).get("comment"))
    return found


def _adopt(scene: Scene) -> Scene:
    """What the Calico controller made is taken over; given back before the next case."""
    scene.words = ("adopt", "--calico", "--apply")
    scene.ours = frozenset((GROUP, "worker-1", "worker-2"))
    given = "--release", "--apply"

    def begin() -> None:
        if any(MARK in comment for comment in _comments(scene).values()):
            scene.surely("adopt", *given)

    def wrong() -> str:
        odd = {n: text for n, text in _comments(scene).items() if not text.startswith(MARK)}
        return f"not taken over: {odd}" if odd else ""

    scene.begin, scene.wrong = begin, wrong
    return scene


def _release(scene: Scene) -> Scene:
    """It is given back, with the comments it had."""
    scene.words = ("adopt", "--release", "--apply")
    scene.ours = frozenset((GROUP, "worker-1", "worker-2"))

    def begin() -> None:
        if any(MARK not in comment for comment in _comments(scene).values()):
            scene.surely("adopt", "--calico", "--apply")

    def wrong() -> str:
        odd = {n: text for n, text in _comments(scene).items() if text != TIGERA}
        return f"not given back: {odd}" if odd else ""

    scene.begin, scene.wrong = begin, wrong
    return scene


def _cleanup(scene: Scene) -> Scene:
    """Everything of ours goes; written again before the next case."""
    scene.words = ("cleanup", "--apply")

    def begin() -> None:
        direct = isinstance(scene.estate, Branches)
        scene.surely("apply", *(() if direct else ("--install", "never")))

    def wrong() -> str:
        tables = (_tables(scene, table) for table in ("address", "addrgrp"))
        left = [name for table in tables for names in table.values() for name in names]
        ours = [name for name in left if name == GROUP or name.startswith("prod_")]
        return f"left: {ours}" if ours else ""

    scene.begin, scene.wrong = begin, wrong
    return scene


def _tables(scene: Scene, table: str) -> dict[str, Collection[str]]:
    """The names in a table, by where it is written."""
    estate = scene.estate
    if isinstance(estate, Branches):
        names = estates.units(estate)
        return {name: estate.unit.fortigate(name).names(f"firewall {table}") for name in names}
    console = estate.unit.console("admin")
    found = list(console.objects("prod", table))
    console.log_out()
    return {"the ADOM": found}


SHAPED: dict[str, Callable[[Scene], Scene]] = {
    **dict.fromkeys(("objects", "before", "shared", "deny"), _install),
    "shards": _shards,
    "rounds": _rounds,
    "repair": _repair,
}
"""A write or an install of another kind: of objects alone, written right before, one value for all
devices, for a policy that denies, with groups in shards, in several rounds, of what others did."""
MADE: dict[str, Callable[[Scene], Scene]] = {
    "reconcile": _reconcile,
    "install": _install,
    "urgent": _urgent,
    **SHAPED,
    "adopt": _adopt,
    "release": _release,
    "cleanup": _cleanup,
}
REFUSED = {
    # Nothing is locked there, so nobody waits for the lock.
    "disabled": {"rounds"},
    "normal": set[str](),
    "per-adom": set[str](),
    # Whatever is written waits for somebody's approval, and is approved as a whole.
    "workflow": {"rounds", "urgent", "before"},
    # What is written to a FortiGate is in force: nothing is written without an install or before
    # one, there are no objects to install alone and no other devices to share a value with.
    DIRECT: {"reconcile", "rounds", "objects", "before", "shared"},
}
"""Workspace modes, and what there is not in each."""
COMMANDS = {mode: tuple(c for c in MADE if c not in never) for mode, never in REFUSED.items()}


@contextmanager
def open_scene(folder: Path, processes: Processes, mode: str, command: str) -> Iterator[Scene]:
    """One of them, ready to begin."""
    folder.mkdir(parents=True)
    opened = (
        estates.without_fortimanager(folder, processes, command)
        if mode == DIRECT
        else estates.behind_fortimanager(folder, processes, mode, command)
    )
    with opened as scene:
        yield MADE[command](scene)
