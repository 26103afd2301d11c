"""How an install runs: per device a copy stage and a push stage, told in two kinds of task lines.

The copy stage changes the device database before anything reaches the unit, so a push that fails
leaves ADOM and device database equal and the unit behind. Texts and percentages of the lines:
"How to FortiManager API, 001".
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fmgsync.simulator.calls.copying import Copy, CopyFailed
from fmgsync.simulator.state.adom import PACKAGES, Adom, Installed
from fmgsync.simulator.state.devices import Device, Entry, policies_table
from fmgsync.simulator.state.store import Row, Scope, Target
from fmgsync.simulator.state.tasks import FINAL, Line, Task
from fmgsync.simulator.state.world import World


@dataclass(frozen=True, slots=True)
class ObjectEdit:
    """One entry of an object-only install: what to do with which object or policy."""

    action: str
    target: Target
    package: Row | None = None


@dataclass(slots=True)
class Order:
    """One step of an install. Without `package` and `objects`: device settings only."""

    adom: Adom
    task: Task
    allowed: Callable[[], bool]
    scopes: list[Scope]
    package: Row | None = None
    objects: list[ObjectEdit] = field(default_factory=list)
    copy_only: bool = False


def resolved(
    adom: Adom, copy: Copy, edits: Iterable[ObjectEdit]
) -> Iterator[tuple[Target, Entry | None]]:
    """Each edit with the object it brings to the device; None for what is deleted there."""
    for edit in edits:
        if edit.action == "delete":
            yield edit.target, None
        elif edit.package is None:
            yield edit.target, copy.rendered(edit.target)
        else:
            rows = adom.ground.rows(policies_table(edit.package.oid))
            yield edit.target, rows.get(edit.target[1])


def start(world: World, orders: list[Order], at: float) -> None:
    """Carry out orders one after the other, each on all its devices at once.

    While another task of the ADOM runs, this one waits for its end (or fails, by switch).
    """
    task, adom = orders[0].task, orders[0].adom
    groups = [_jobs(world, order) for order in orders]
    running = [t for t in world.tasks.running(adom.oid) if t is not task and t.lines]
    if running and world.switches.second_install_fails:
        for job in (job for group in groups for job in group):
            job.fail(at, "failed to lock adom")
    elif running:
        running[-1].after_end.append(lambda ended: _begin(groups, ended))
    else:
        _begin(groups, at)


def _jobs(world: World, order: Order) -> list[_Job]:
    by_device: dict[str, list[str]] = {}
    for device, vdom in order.scopes:
        by_device.setdefault(device, []).append(vdom)
    return [_Job(world, order, world.devices[name], vdoms) for name, vdoms in by_device.items()]


def _begin(groups: list[list[_Job]], at: float) -> None:
    """Begin the first group; the next one begins when all of its jobs have ended."""
    if not groups:
        return
    waiting = set(map(id, groups[0]))

    def ended(job: _Job, at: float) -> None:
        waiting.discard(id(job))
        if not waiting:
            _begin(groups[1:], at)

    for job in groups[0]:
        job.begin(at, ended)


class _Job:
    """The install of one device: its lines, and the events that move them."""

    def __init__(self, world: World, order: Order, device: Device, vdoms: list[str]) -> None:
        self._world = world
        self._order = order
        self._device = device
        self._vdoms = vdoms
        lines = order.task.lines
        self._unit = Line(device.name, device.oid)
        self._copies = [
            Line(f"{device.name}({vdom})[copy]", device.oid, device.ip, vdom) for vdom in vdoms
        ]
        lines.extend([*self._copies, self._unit])
        self._ended: Callable[[_Job, float], None] = lambda job, at: None
        self._touched: dict[str, set[Target]] = {}

    def begin(self, at: float, ended: Callable[[_Job, float], None]) -> None:
        """Plan the steps; each runs when the clock has reached it. Tells when it has ended."""
        self._ended = ended
        seconds = self._device.install_seconds
        steps: tuple[tuple[float, Callable[[float], Any]], ...] = (
            (0.0, self._start_copy),
            (0.3, self._copy),
            (0.4, lambda at: self._tell(at, 15, "init state: start to get pre-checksum")),
            (
                0.5,
                lambda at: self._tell(at, 25, "get pre-checksum state: start get diff(chkout=1)"),
            ),
            (0.6, self._prepare),
            (0.9, self._push),
            (1.0, self._finish),
        )
        self._follow(list(steps), at, seconds)

    def _follow(self, steps: list[Any], began: float, seconds: float) -> None:
        if not steps:
            return
        share, step = steps[0]

        def run(at: float) -> None:
            if self._order.task.forced is not None or self._unit.state == "error":
                return
            if step(at) is not False:
                self._follow(steps[1:], began, seconds)
            if self._unit.state in FINAL:
                self._ended(self, at)
                self._order.task.settle(at)

        self._world.timeline.plan(began + share * seconds, run)

    def _start_copy(self, at: float) -> bool:
        if not self._order.allowed():
            return self.fail(at, "no write permission")
        what = "policy to devdb" if self._order.package is not None else "shared objs to devdb"
        for line in self._copies:
            line.tell(
                at, 1, f"Start copying {what}, device({self._device.name}), vdomid({line.vdom})"
            )
        return True

    def _copy(self, at: float) -> bool:
        if not self._order.allowed():
            return self.fail(at, "no write permission")
        for line, vdom in zip(self._copies, self._vdoms, strict=True):
            try:
                self._copy_vdom(vdom)
            except CopyFailed as failed:
                line.tell(at, 50, str(failed))
                line.tell(at, 50, "Copy rollbacked, due to error")
                return self.fail(at, "Aborted due to previous error")
            line.tell(at, 80, "Initiate request to install to real device")
            line.tell(at, 90, "Copy to device done")
        if self._order.copy_only:
            self._end(at, "Copy to device done")
            return False
        self._tell(at, 0, f"start to install dev({self._device.name})")
        return True

    def _copy_vdom(self, vdom: str) -> None:
        order, scope = self._order, (self._device.name, vdom)
        held = self._device.vdoms.get(vdom)
        if held is None or not order.adom.has(*scope):
            raise CopyFailed(f"vdom copy error: device {self._device.name} vdom {vdom} is gone")
        limit = self._world.switches.member_limit
        copy = Copy(order.adom, held, scope, member_limit=limit)
        if order.package is not None:
            package = order.adom.ground.rows(PACKAGES).get(order.package.key)
            if package is None:
                raise CopyFailed(f'vdom copy error: package "{order.package.key}" is gone')
            copy.package(package)
            order.adom.installed[scope] = Installed(package.oid)
        elif order.objects:
            self._touched[vdom] = copy.objects(resolved(order.adom, copy, order.objects))

    def _tell(self, at: float, percent: int, detail: str) -> None:
        self._unit.tell(at, percent, detail)

    def _prepare(self, at: float) -> bool:
        """The tunnel must be there from here on; when it is not, the line stands still."""
        if not self._order.allowed():
            return self._fail_push(at, "install and save finished status=FAILED")
        self._tell(at, 35, "script done state: start to FGFM install")
        return self._reachable(at)

    def _reachable(self, at: float) -> bool:
        if self._device.online and not self._device.frozen:
            return True
        if self._world.switches.unreachable_install_fails and not self._device.frozen:
            self._fail_push(at, "Initiate install to real device failed due to tunnel down")
        return False

    def _push(self, at: float) -> bool:
        if not self._order.allowed():
            return self._fail_push(at, "install and save finished status=FAILED")
        if not self._reachable(at):
            return False
        for name, vdom in self._device.vdoms.items():
            only = self._touched.get(name, set()) if self._order.objects else None
            vdom.push(self._device.refuses, only)
        if not self._order.objects:
            self._device.pending_global = False
        self._note_objects()
        self._device.status = "installed"
        self._tell(at, 80, "fgfm install state: prepare to post-checksum")
        self._tell(at, 90, "post-checksum state: start verification")
        return True

    def _note_objects(self) -> None:
        """After an object-only install the package is current only if nothing else is pending."""
        adom, limit = self._order.adom, self._world.switches.member_limit
        packages = {row.oid: row for row in adom.packages(adom.ground)}
        for name in self._touched:
            scope = (self._device.name, name)
            known = adom.installed.get(scope)
            if known is None or known.package not in packages:
                continue
            copy = Copy(adom, self._device.vdoms[name], scope, member_limit=limit)
            with contextlib.suppress(CopyFailed):
                if not copy.try_package(packages[known.package]):
                    known.status = "installed"

    def _finish(self, at: float) -> None:
        self._end(at, "install and save finished status=OK")

    def _end(self, at: float, detail: str) -> None:
        for line in self._copies:
            line.tell(at, 100, "Installation to real device done", "done")
        self._unit.tell(at, 100, detail, "done")

    def _fail_push(self, at: float, detail: str) -> bool:
        """The device database has the change, the unit does not."""
        for vdom in self._vdoms:
            known = self._order.adom.installed.get((self._device.name, vdom))
            if known is not None and self._order.package is not None:
                known.status = self._world.switches.failed_push_status
        for line in self._copies:
            line.tell(at, 100, line.detail, "done")
        self._unit.tell(at, 100, detail, "error")
        self._order.task.settle(at)
        return False

    def fail(self, at: float, detail: str) -> bool:
        """End the copy badly; the line of the device itself, which never began, is told no more.

        So a copy that failed is recorded in the FortiSOAR workshop's chapter on installing: one
        line, `fgt-2[copy]`, at 100 percent, and `num_err` 1.
        """
        for line in self._copies:
            line.tell(at, 100, detail, "error")
        self._unit.tell(at, 100, detail, "error")
        self._order.task.lines.remove(self._unit)
        self._order.task.settle(at)
        return False
