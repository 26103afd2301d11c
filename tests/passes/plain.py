"""Units of the plainest kind: no stages, no locks, no mappings. What is written is there at once.

A second target of nobody's: what the passes do with it, they do by its traits alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from fmgsync import errors
from fmgsync.assessing import rendered
from fmgsync.clock import ManualClock
from fmgsync.model import naming
from fmgsync.model.address import NOWHERE, Address, Family
from fmgsync.model.adom import (
    AdomTopology,
    Device,
    Limits,
    Package,
    Reading,
    Surroundings,
    Workspace,
)
from fmgsync.model.change import Action, AdomPlan, ApplyReport, Change, ObjectKind
from fmgsync.model.state import ObjectKey, ObservedAddress, ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom, TargetKind, TargetRef
from fmgsync.passes import once
from fmgsync.passes.install_context import People
from fmgsync.passes.result import Result
from fmgsync.passes.world import AdomWork
from fmgsync.passes.world import World as World_
from fmgsync.planning import written
from fmgsync.targets.hooks import Look
from fmgsync.targets.protocol import Answer, Around, Delivery, Question, Traits
from fmgsync.wiring import wiring
from tests import builders

OWNER = "prod"
ALWAYS: dict[str, Any] = {"windows": "always", "rollout": {"waves": ["100%"], "maxFailures": "50%"}}


def nothing(line: str) -> None:
    """Nobody listens."""


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Unit:
    """One FortiGate: its objects, and the order in which single writes reached it.

    `refuses` are names that it does not take; `away`: it answers nobody.
    """

    name: str
    addresses: dict[ObjectKey, ObservedAddress] = field(default_factory=dict)
    groups: dict[ObjectKey, ObservedGroup] = field(default_factory=dict)
    package: Package = field(default_factory=lambda: Package("", frozenset()))
    refuses: frozenset[str] = frozenset()
    away: bool = False
    looks: int = 0

    def __post_init__(self) -> None:
        for family in Family:
            none = ObservedAddress(naming.NONE, family, NOWHERE[family], "", owned=False)
            self.addresses[family, naming.NONE] = none

    @property
    def place(self) -> DeviceVdom:
        return DeviceVdom(self.name, "root")

    def holds(self, group: str = "web") -> str:
        """The members of an IPv4 group, or of the shards in it."""
        seen = ObservedAdom(self.ref, self.addresses, self.groups)
        found = rendered.from_adom(seen, [self.place], [group])[self.place]
        return " ".join(sorted(found[group])) if group in found else "(no group)"

    @property
    def ref(self) -> TargetRef:
        return TargetRef(self.name, "root", TargetKind.FORTIGATE)


@dataclass
class World:
    """Everybody around fmgsync: workloads, units, the process that lives for so many requests."""

    folder: Path
    clock: ManualClock
    units: dict[str, Unit]
    install: dict[str, Any] = field(default_factory=lambda: ALWAYS)
    groups: list[dict[str, Any]] = field(
        default_factory=lambda: [{"name": "web", "select": "app == 'web'", "allowEmpty": True}]
    )
    more: dict[str, Any] = field(default_factory=dict)
    requests: int = 0
    dies_at: float = float("inf")
    order: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    heard: Callable[[str], None] = nothing

    def run(self, *ips: str, app: str = "web") -> None:
        """These pods run from now on."""
        pods = [builders.pod(f"web-{ip}", ip, labels={"app": app}) for ip in ips]
        objects = [*pods, builders.namespace("default"), builders.node("n1", "10.0.0.1")]
        dump = {"apiVersion": "v1", "kind": "List", "items": objects}
        (self.folder / "east.yaml").write_text(yaml.safe_dump(dump))

    def _told(self, text: str) -> None:
        self.said.append(text)
        self.heard(text)

    def request(self, unit: Unit, what: str = "") -> None:
        """One request reaches a unit, if there is somebody to send it and somebody to answer."""
        self.requests += 1
        self.heard(what)
        if self.requests >= self.dies_at:
            raise Killed
        if unit.away:
            raise errors.ConnectionFailed("it does not answer", next_step="try again")
        if what:
            self.order.append(f"{unit.name} {what}")

    def world(self, command: str = "apply --install window", **people: Any) -> World_:
        """What a command works with."""
        path, key = self.folder / "fmgsync.yaml", self.folder / "key"
        key.write_text("k3y")
        config = {
            "owner": OWNER,
            "clusters": [{"name": "east", "manifests": str(self.folder / "east.yaml")}],
            "fortigates": [
                {"name": name, "host": f"{name}.invalid", "apiKey": {"file": str(key)}}
                for name in self.units
            ],
            "sites": [{"clusters": ["east"], "fortigates": [*self.units], "fleet": "branches"}],
            "groups": self.groups,
            "install": self.install,
            **self.more,
        }
        path.write_text(yaml.safe_dump(config))
        made = wiring.make_world(
            path,
            command=command,
            clock=self.clock,
            state_dir=self.folder / "state",
            tell=self._told,
            people=People(**people),
        )
        return replace(made, adoms=[self._with_unit(work) for work in made.adoms])

    def _with_unit(self, work: AdomWork) -> AdomWork:
        target = PlainTarget(self, self.units[work.ref.unit])
        return replace(work, target=target, session=lambda: target)

    def apply(self, command: str = "apply --install window", **people: Any) -> Result | None:
        """`fmgsync apply`; None if it was killed."""
        try:
            return once.apply(self.world(command, **people), install=True)
        except Killed:
            return None

    def approve(self, result: Result | None) -> None:
        """What `fmgsync approve DIGEST` does."""
        assert result is not None
        now = self.clock.now()
        self.world().memory.approve(
            result.digest, who="ann", reason="", now=now, expires_at=now + 1e5
        )

    def record(self) -> Any:
        """What is kept of the fleet's rollout."""
        world = self.world()
        return world.installing.rollouts.read(world.adoms[0].ref)


def made(folder: Path, clock: ManualClock, count: int = 3, **options: Any) -> World:
    names = [f"branch-{number}" for number in range(1, count + 1)]
    return World(folder, clock, {name: Unit(name) for name in names}, **options)


class PlainTarget:
    """One unit as the passes see it."""

    traits = Traits(stages=False, mappings=False)

    def __init__(self, world: World, unit: Unit) -> None:
        self._world = world
        self._unit = unit

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def read_serial(self) -> str:
        return ""

    def look(self, question: Question) -> Answer:
        """There is no stamp, so nobody asks for a part; nor for others' remarks."""
        self._world.request(self._unit)
        unit = self._unit
        unit.looks += question.around is Around.ALL
        device = Device(unit.name, ("root",), online=True)
        devices = AdomTopology(unit.ref, (7, 4), Workspace.DISABLED, {unit.name: device}, {})
        around = Surroundings(devices, (unit.package,), Limits())
        objects = ObservedAdom(unit.ref, dict(unit.addresses), dict(unit.groups))
        return Answer(around=lambda: around, objects=lambda: objects, stamp=lambda: None)

    def write(
        self,
        plan: AdomPlan,
        *,
        last_look: Look = lambda: None,
        after_wait: Look = lambda: None,
    ) -> ApplyReport:
        done: list[Change] = []
        last_look()
        refused: list[tuple[Change, str]] = []
        for change in plan.changes:
            for step in _steps(self._unit, change):
                self._world.request(self._unit, f"{step.action} {step.name}")
                if why := _refusal(self._unit, step):
                    refused.append((change, why))
                    break
                _carry_out(self._unit, step)
            else:
                done.append(change)
        return ApplyReport(self._unit.ref, tuple(done), tuple(refused))

    def ask(
        self, targets: Iterable[DeviceVdom], group_names: Iterable[str]
    ) -> Mapping[DeviceVdom, Reading]:
        names = list(group_names)
        try:
            self._world.request(self._unit)
        except errors.TargetError as error:
            return {target: Reading(None, error.message) for target in targets}
        seen = ObservedAdom(self._unit.ref, self._unit.addresses, self._unit.groups)
        held = rendered.from_adom(seen, [self._unit.place], names)[self._unit.place]
        return {target: Reading(held) for target in targets}

    def delivery(self) -> Delivery | None:
        return None


def _refusal(unit: Unit, change: Change) -> str:
    if change.name in unit.refuses:
        return "table full"
    family = change.kind.family
    there = {name for kind, name in (*unit.addresses, *unit.groups) if kind is family}
    return "no such member" if set(change.members) - there else ""


def _steps(unit: Unit, change: Change) -> Iterator[Change]:
    """Members come before others go, each in a request of its own."""
    key = change.kind.family, change.name
    standing = unit.groups.get(key)
    if change.action is not Action.UPDATE or standing is None:
        yield change
        return
    both = tuple(dict.fromkeys((*standing.members, *change.members)))
    if set(both) != set(change.members):
        yield replace(change, members=both)
    yield change


def _carry_out(unit: Unit, change: Change) -> None:
    """As `written` would, with the mark that owns it."""
    seen = written.after(ObservedAdom(unit.ref, unit.addresses, unit.groups), [change])
    unit.addresses, unit.groups = dict(seen.addresses), dict(seen.groups)
    key, mark = (change.kind.family, change.name), naming.mark(OWNER, change.name)
    if change.action is Action.CREATE and change.kind in (ObjectKind.ADDRESS, ObjectKind.ADDRESS6):
        unit.addresses[key] = replace(unit.addresses[key], comment=mark)
    elif change.action is Action.CREATE:
        unit.groups[key] = replace(unit.groups[key], comment=mark)


def address(ip: Address) -> ObservedAddress:
    """One of ours."""
    name = naming.address_name(OWNER, ip)
    return ObservedAddress(name, Family.IPV4, ip, naming.mark(OWNER, name), owned=True)
