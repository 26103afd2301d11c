"""What is swept: commands with a change that is due, and how one sees, past everything that fmgsync
says, whether all became as it should."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fmgsync.model.address import NOWHERE
from fmgsync.simulator.state.worksession import SUBMITTED
from tests import builders
from tests.end_to_end import branches as offices
from tests.end_to_end.branches import Branches, open_branches
from tests.end_to_end.estate import PACKAGE, UNATTENDED, Estate, default_seed, open_estate
from tests.sweep.processes import Ended, Processes

GROUP = "k8s-web"
IDLE_S = 120.0
MARK = "Managed by fmgsync"
TIGERA = "Managed by Tigera Calico Enterprise"
WORKFLOW = "/dvmdb/adom/prod/workflow"
MODES = ("disabled", "normal", "per-adom", "workflow")
DIRECT = "direct"
NEVER = {"kind": "allow", "schedule": "0 1 29 2 *", "duration": "1m"}
GUARD = {"maxRemovedShare": 1.0, "maxAddedShare": 1000, "unlessFewerThan": 1000}
VARIANTS: dict[str, dict[str, Any]] = {
    "objects": {"install": {**UNATTENDED, "mode": "objects"}},
    "before": {"reconcile": {"write": "before-install"}},
    "shared": {"groups": [{"name": GROUP, "select": "app == 'web'", "mapping": "shared"}]},
    "deny": {},
}
"""Installs of other kinds: of objects alone, written right before, one value for all devices, and
for a policy that denies."""
OLD, STAYING = "10.1.1", "10.1.2"
"""Networks of what goes, one address a case, and of what stays."""
GOING = 24
"""So many cases take something away before there has to be more."""


@dataclass
class Scene:
    """One command where something is due.

    `begin` makes it due again, `wrong` says what is not as it should be once it is done, `good` are
    the exit codes of a run that did it all.
    """

    estate: Estate
    processes: Processes
    words: Sequence[str]
    begin: Callable[[], None] = lambda: None
    wrong: Callable[[], str] = lambda: ""
    good: int = 0
    pushed: Sequence[str] = ()
    """Devices to which it is to be pushed, once."""
    rest_s: float = IDLE_S + 1
    """How long until the next run: a dead session is gone by then."""
    ours: frozenset[str] = frozenset()
    """Foreign objects that the command is there to change."""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def run(self, *words: str) -> Ended:
        """A command that nobody disturbs."""
        return self.processes.run(self.estate.folder, [*(words or self.words), *self.place()])

    def surely(self, *words: str, code: int = 0) -> None:
        """The same, on the way to where the scene begins."""
        for _ in range(3):
            ended = self.run(*words)
            if not self.decide() and ended.code == code:
                return
        raise AssertionError(f"{words} ended with {ended.code}: {ended.said}")

    def place(self) -> list[str]:
        """Where configuration and memory are."""
        return ["-c", str(self.estate.path), "--state-dir", str(self.estate.folder / "state")]

    def decide(self) -> bool:
        """Whoever may approve does; whether there was anything."""
        if isinstance(self.estate, Branches):
            return False
        waiting = [
            session.number
            for session in self.estate.unit.world.adoms["prod"].workflow
            if session.state == SUBMITTED
        ]
        for number in waiting:
            console = self.estate.unit.console("carol")
            console.call("exec", f"{WORKFLOW}/approve/{number}")
            console.log_out()
        return bool(waiting)

    def locks(self) -> list[str]:
        """Whose locks there are, and whose transactions."""
        if isinstance(self.estate, Branches):
            units = self.estate.unit.world.units().values()
            return [f"transaction on {unit.name}" for unit in units if unit.api.open]
        adom = self.estate.unit.world.adoms["prod"]
        return [f"{lock.kind} {lock.name} of {lock.user}" for lock in adom.locks]

    def foreign(self) -> Any:
        """Everything that is not ours, as its owner left it."""
        if isinstance(self.estate, Branches):
            return {
                place: [row for row in rows if row.get("name") not in self.ours]
                for place, rows in self.estate.foreign().items()
            }
        ground = self.estate.unit.world.adoms["prod"].ground
        return {
            table: [
                row
                for row in ground.rows(table)
                if MARK not in str(row.attrs.get("comment", "")) and row.key not in self.ours
            ]
            for table in ground.tables()
        }

    def newest(self) -> int:
        """The number of the latest task."""
        return max((task.id for task in self.estate.unit.world.tasks.all()), default=0)

    def pushes(self, since: int) -> dict[str, int]:
        """How often something was pushed to each device since."""
        found = dict.fromkeys(self.pushed, 0)
        for task in self.estate.unit.world.tasks.all():
            for line in task.lines:
                if task.id > since and line.name in found and line.state == "done":
                    found[line.name] += 1
        return found


def pods(estate: Estate, *ips: str) -> None:
    """Exactly these run in front of all devices."""
    made = [builders.pod(f"web-{ip}", ip, labels={"app": "web"}) for ip in ips]
    other = builders.pod("other", "10.1.9.9", labels={"app": "other"})
    for cluster in estate.config["clusters"]:
        estate.run(cluster["name"], *made, other)


def on_devices(estate: Estate) -> dict[str, set[str]]:
    """The addresses that each FortiGate lets through."""
    names = [row["name"] for row in estate.config.get("fortigates", [])] or ["fgt-east"]
    found = {name: estate.unit.fortigate(name).members(GROUP) or () for name in names}
    nobody = {str(each) for each in NOWHERE.values()} | {"0.0.0.0"}
    plain = {n: {text.removesuffix("/32") for text in held} for n, held in found.items()}
    return {
        name: held - {each.removesuffix("/32") for each in nobody} for name, held in plain.items()
    }


def of_calico() -> list[dict[str, Any]]:
    """Addresses that the Calico controller left."""
    numbers = (1, 2)
    return [
        {"name": f"worker-{n}", "subnet": f"{STAYING}.{n}/32", "comment": TIGERA} for n in numbers
    ]


def calico_group() -> dict[str, Any]:
    """And its group."""
    return {"name": GROUP, "members": ["worker-1", "worker-2"], "comment": TIGERA}


@contextmanager
def behind_fortimanager(
    folder: Path, processes: Processes, mode: str, command: str
) -> Iterator[Scene]:
    """One device behind a FortiManager; a policy uses the group where something is installed."""
    seed = default_seed(install_s=2, workspaceMode=mode, idleTimeoutSeconds=IDLE_S)
    seed["admins"].append({"user": "carol", "password": "yes", "approver": True})
    adom = seed["adoms"][0]
    if command in ("adopt", "release"):
        adom["addresses"] += of_calico()
        adom["addressGroups"] = [calico_group()]
    adom["packages"][0]["targets"] = ["fgt-east/root"]
    with open_estate(folder, seed, clock=processes.page) as estate:
        site = {"clusters": ["east"], "fortimanager": "hq", "adom": "prod", "devices": ["fgt-east"]}
        estate.write_config(
            clusters=[estate.config["clusters"][0]], sites=[site], guard=GUARD, install=UNATTENDED
        )
        scene = Scene(estate, processes, ())
        pods(estate, f"{STAYING}.1")
        if command in ("install", "urgent", *VARIANTS):
            scene.surely("apply", "--install", "never")
            write_policy(estate, action="deny" if command == "deny" else "accept")
            scene.surely("apply")
            estate.write_config(**VARIANTS.get(command, {}))
        yield dressed(scene, command)


def write_policy(estate: Estate, *, action: str = "accept") -> None:
    """An administrator uses the group, in any workspace mode."""
    if estate.unit.world.mode != "workflow":
        estate.write_policy(GROUP, action=action)
        return
    console = estate.unit.console("carol")
    console.lock("prod")
    number = console.call("exec", f"{WORKFLOW}/start")["sessionid"]
    console.add_policy("prod", PACKAGE, name="web", srcaddr=["all"], dstaddr=[GROUP])
    for verb in ("save", "submit", "approve"):
        console.call("exec", f"{WORKFLOW}/{verb}/{number}")
    console.unlock("prod")
    console.log_out()


@contextmanager
def without_fortimanager(folder: Path, processes: Processes, command: str) -> Iterator[Scene]:
    """Two FortiGates, written one after the other."""
    more: dict[str, Any] = {}
    if command in ("adopt", "release"):
        more["addresses"] = [*of_calico(), {"name": "legacy-db", "subnet": "10.9.0.1/32"}]
        more["addressGroups"] = [calico_group(), {"name": "legacy", "members": ["legacy-db"]}]
    seed = offices.seed(("branch-1", "branch-2"), **more)
    with open_branches(folder, seed, clock=processes.page) as estate:
        estate.write_config(guard=GUARD, reconcile={"unitsAtOnce": 1})
        scene = Scene(estate, processes, ())
        pods(estate, f"{STAYING}.1")
        if command not in ("adopt", "release"):
            scene.surely("apply")
        yield dressed(scene, command)


def dressed(scene: Scene, command: str) -> Scene:
    """The scene with its command."""
    return {
        "reconcile": _reconcile,
        **dict.fromkeys(("install", *VARIANTS), _install),
        "urgent": _urgent,
        "adopt": _adopt,
        "release": _release,
        "cleanup": _cleanup,
    }[command](scene)


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


def _install(scene: Scene) -> Scene:
    """The same, and it is brought to the devices."""
    scene.words = ("apply", "--install", "window")
    wanted: set[str] = set()

    def begin() -> None:
        wanted.clear()
        wanted.update({f"{STAYING}.1", f"10.1.0.{next(scene.numbers) % 250 + 1}"})
        pods(scene.estate, *sorted(wanted))

    scene.begin, scene.wrong = begin, lambda: _held(scene, wanted)
    if not isinstance(scene.estate, Branches):
        scene.pushed = ("fgt-east",)
    return scene


def _held(scene: Scene, wanted: set[str]) -> str:
    odd = {name: held for name, held in on_devices(scene.estate).items() if held != wanted}
    return f"devices hold {odd}, not {sorted(wanted)}" if odd else ""


def _urgent(scene: Scene) -> Scene:
    """No window is open: what goes is taken from the devices at once, what comes stays away."""
    scene.words, scene.good = ("apply", "--install", "window"), 3
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

    scene.begin, scene.wrong = begin, lambda: _held(scene, kept)
    if not isinstance(scene.estate, Branches):
        scene.pushed = ("fgt-east",)
    return scene


def _comments(scene: Scene) -> dict[str, str]:
    names = {"addrgrp": (GROUP,), "address": ("worker-1", "worker-2")}
    found = {}
    for table, wanted in names.items():
        for name in wanted:
            if isinstance(scene.estate, Branches):
                for unit in ("branch-1", "branch-2"):
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
        if isinstance(scene.estate, Branches):
            tables = ("firewall address", "firewall addrgrp")
            units = [scene.estate.unit.fortigate(name) for name in ("branch-1", "branch-2")]
            left = [name for unit in units for table in tables for name in unit.names(table)]
        else:
            console = scene.estate.unit.console("admin")
            left = [n for t in ("address", "addrgrp") for n in console.objects("prod", t)]
            console.log_out()
        ours = [name for name in left if name == GROUP or name.startswith("prod_")]
        return f"left: {ours}" if ours else ""

    scene.begin, scene.wrong = begin, wrong
    return scene


EVERYWHERE = ("reconcile", "install", "urgent", "adopt", "release", "cleanup")
COMMANDS = {
    **dict.fromkeys(MODES, EVERYWHERE),
    "normal": (*EVERYWHERE, *VARIANTS),
    # Urgent removals are refused in workflow mode.
    "workflow": ("reconcile", "install", "adopt", "release", "cleanup"),
    # What is written to a FortiGate is in force: there is no reconcile without an install.
    DIRECT: ("install", "urgent", "adopt", "release", "cleanup"),
}


@contextmanager
def open_scene(folder: Path, processes: Processes, mode: str, command: str) -> Iterator[Scene]:
    """One of them, ready to begin."""
    folder.mkdir(parents=True)
    opened = (
        without_fortimanager(folder, processes, command)
        if mode == DIRECT
        else behind_fortimanager(folder, processes, mode, command)
    )
    with opened as scene:
        yield scene
