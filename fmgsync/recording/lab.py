"""One ADOM of a lab unit, as the scenarios use it: reading freely, writing only what is theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model.target import DeviceVdom
from fmgsync.recording import guarding
from fmgsync.recording.guarding import COMMENT, TABLES, Bounds

_FIRST_POLL_S: Final = 1.0
_LONGEST_POLL_S: Final = 30.0
_TASK_LIMIT_S: Final = 600.0
_FINAL: Final = frozenset({"done", "error", "warning", "cancelled", "aborted", 3, 4, 5, 7, 8})
_PASSES: Final = 4
_AT_ONCE: Final = 100


class Reply(Protocol):
    """What the unit said to one param. `code` 0 is success, `data` None where there is none."""

    @property
    def code(self) -> int:
        """The status code."""

    @property
    def message(self) -> str:
        """The status text."""

    @property
    def data(self) -> Any:
        """Decoded JSON."""


class Line(Protocol):
    """A session with the unit."""

    def call(self, method: str, params: Sequence[Mapping[str, Any]]) -> Sequence[Reply]:
        """One request; one reply per param. Raises TargetError when there is no usable answer."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named set of questions. `writes` says in words what it writes, if anything.

    `devices` is how many devices it needs, `installs` whether it needs one to install on.
    """

    name: str
    run: Callable[[Any], None]
    writes: str = ""
    devices: int = 0
    installs: bool = False

    @property
    def asks(self) -> str:
        """What it asks: the first paragraph of the function's docstring."""
        text = (self.run.__doc__ or "").split("\n\n")[0]
        return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Facts:
    """What a first look at the unit showed."""

    version: tuple[int, int, int]
    workspace: bool
    workflow: bool
    targets: tuple[DeviceVdom, ...]
    packages: Mapping[str, tuple[DeviceVdom, ...]]


class Lab:
    """Asks the unit. Refusals are answers here, not errors: they are what is being recorded."""

    def __init__(
        self,
        line: Line,
        bounds: Bounds,
        facts: Facts,
        *,
        clock: Clock,
        step: Callable[[str], AbstractContextManager[None]],
        second: Callable[[], AbstractContextManager[Line]],
    ) -> None:
        self.bounds = bounds
        self.facts = facts
        self.step = step
        self._line = line
        self._clock = clock
        self._second = second

    @property
    def title(self) -> str:
        """The ADOM, for people."""
        return f"ADOM {self.bounds.adom}"

    @property
    def prefix(self) -> str:
        """With what the names of our objects begin."""
        return self.bounds.prefix

    def hindrance(self, wanted: Scenario) -> str | None:
        """Why a scenario cannot run on this unit; None if it can."""
        if len(self.facts.targets) < wanted.devices:
            return f"the ADOM has fewer than {wanted.devices} devices or VDOMs"
        if self.facts.workflow and wanted.writes:
            return "the ADOM is in workflow mode, where every write needs an approval"
        target = self.bounds.install_on
        if wanted.installs and not any(target in own for own in self.facts.packages.values()):
            return "no policy package has the device as a target of its own"
        return None

    def ask(self, method: str, *params: Mapping[str, Any]) -> Sequence[Reply]:
        """One request; empty if the answer was not usable, which is a finding of its own."""
        for param in params:
            guarding.refuse_foreign(self.bounds, method, param)
        try:
            return self._line.call(method, params)
        except (errors.OutcomeUnknown, errors.ProtocolError):
            return ()

    def read(self, url: str, **members: Any) -> Any:
        """The data of one get; None if it was refused. Underscores stand for spaces."""
        named = {name.replace("_", " "): value for name, value in members.items()}
        replies = self.ask("get", {"url": url, **named})
        return replies[0].data if replies and replies[0].code == 0 else None

    def write(self, method: str, url: str, data: Any = None, **members: Any) -> int | None:
        """The status code of one write; None without a usable answer."""
        param = {"url": url, **members} | ({} if data is None else {"data": data})
        replies = self.ask(method, param)
        return replies[0].code if replies else None

    def run(self, url: str, **data: Any) -> Any:
        """The data of one exec; None if it was refused."""
        replies = self.ask("exec", {"url": url, "data": data} if data else {"url": url})
        return replies[0].data if replies and replies[0].code == 0 else None

    def wait(self, started: Any) -> None:
        """Follow a task to its end, or for ten minutes: an unreachable device never ends one."""
        number = started.get("task") if isinstance(started, Mapping) else None
        ends_at, pause = self._clock.steady() + _TASK_LIMIT_S, _FIRST_POLL_S
        while number is not None and self._clock.steady() < ends_at:
            task = self.read(f"/task/task/{number}")
            if not isinstance(task, Mapping) or task.get("state") in _FINAL:
                return
            self._clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_POLL_S)

    def name(self, suffix: str) -> str:
        """A name that is ours."""
        return f"{self.bounds.prefix}-{suffix}"

    def table(self, kind: str) -> str:
        """The url of an object table: `address`, `addrgrp`, ..."""
        return f"{self.bounds.objects()}/{kind}"

    def item(self, kind: str, suffix: str, *below: str) -> str:
        """The url of one of our objects, or of something below it."""
        name = guarding.escape(self.name(suffix))
        return "/".join((self.table(kind), name, *(guarding.escape(part) for part in below)))

    def address(self, suffix: str, number: int = 1, **more: Any) -> dict[str, Any]:
        """Data of a new address in a documentation range (RFC 5737)."""
        subnet = f"198.51.100.{number}/32"
        return {"name": self.name(suffix), "subnet": subnet, "comment": COMMENT} | more

    def group(self, suffix: str, *members: str, **more: Any) -> dict[str, Any]:
        """Data of a new group; members are full names."""
        return {"name": self.name(suffix), "member": list(members), "comment": COMMENT} | more

    def scope(self, target: DeviceVdom) -> list[dict[str, str]]:
        """A mapping's `_scope`."""
        return [{"name": target.device, "vdom": target.vdom}]

    @contextmanager
    def editing(self) -> Iterator[None]:
        """Hold the lock where the ADOM needs one; nothing is committed, so leaving discards.

        Without workspace everything is final at once, and what was made is deleted again.
        """
        if self.facts.workspace:
            self.lock()
        try:
            yield
        finally:
            if self.facts.workspace:
                self.run(self.workspace("unlock"))
            else:
                self.clean()

    def lock(self) -> None:
        """Take the ADOM's lock; raises LockHeld, naming the holder, while somebody has it."""
        code = self.write("exec", self.workspace("lock"))
        if code != 0:
            rows = self.read(self.workspace("lockinfo")) or []
            holders = ", ".join(sorted({str(row.get("lock_user")) for row in rows})) or "somebody"
            raise errors.LockHeld(
                f"the ADOM is locked by {holders}",
                adom=self.bounds.adom,
                code=code,
                next_step="wait for that session to unlock it, then record again",
            )

    def workspace(self, verb: str) -> str:
        """The url of a lock call."""
        return f"/dvmdb/adom/{guarding.escape(self.bounds.adom)}/workspace/{verb}"

    @contextmanager
    def second(self) -> Iterator[Lab]:
        """The same lab through a second session of the same administrator."""
        with self._second() as line:
            yield Lab(
                line,
                self.bounds,
                self.facts,
                clock=self._clock,
                step=self.step,
                second=self._second,
            )

    def left_over(self) -> dict[str, list[dict[str, Any]]]:
        """Objects whose names begin with our prefix, by table."""
        found: dict[str, list[dict[str, Any]]] = {}
        for kind in TABLES:
            filter_ = ["name", "like", f"{self.bounds.prefix}%"]
            rows = self.read(
                self.table(kind), fields=["name", "comment"], filter=filter_, loadsub=0
            )
            own = [row for row in rows or [] if str(row["name"]).startswith(self.bounds.prefix)]
            if own:
                found[kind] = own
        return found

    def clean(self) -> None:
        """Delete all that begins with our prefix; groups that use groups take several passes."""
        for _ in range(_PASSES):
            left = self.left_over()
            if not left:
                return
            for kind, rows in left.items():
                gone = [
                    {"url": f"{self.table(kind)}/{guarding.escape(str(row['name']))}"}
                    for row in rows
                ]
                # One by one where one may be in the way of the next: a group in a group.
                size = 1 if kind.startswith("addrgrp") else _AT_ONCE
                for start in range(0, len(gone), size):
                    self.ask("delete", *gone[start : start + size])

    def sweep(self) -> None:
        """The same for good: committed where the ADOM has workspaces."""
        if self.facts.workspace:
            self.lock()
        try:
            self.clean()
            if self.facts.workspace:
                self.run(self.workspace("commit"))
        finally:
            if self.facts.workspace:
                self.run(self.workspace("unlock"))
