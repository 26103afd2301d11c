"""One machine that does everything at once: what runs changes, administrators work, FortiGates and
FortiManager fail, processes are killed, people approve, abort, stop and start, time passes.

After each step the simulator's own state is looked at; when the trouble stops, it converges.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fmgsync import errors
from fmgsync.model.stop import Stop
from fmgsync.passes import once
from fmgsync.passes.result import Result
from fmgsync.wiring import wiring
from tests.end_to_end.fleet import names, open_fleet, seed, web
from tests.end_to_end.killing import IDLE_S, Killed
from tests.end_to_end.middlebox import Middlebox
from tests.end_to_end.walking import DEVICES, POOL, Walk

COUNTS: Counter[str] = Counter()
"""What all machines of this process went through."""

SETTINGS: dict[str, dict[str, Any]] = {
    "ordinary": {},
    "urgent": {"removals": "immediately"},
    "bounded": {"removals": {"within": "15m"}},
    "objects": {"mode": "objects"},
}


class Deadly(Middlebox):
    """A middlebox behind which the process may die at one request, before or after its effect."""

    dies_in: int | None = None
    is_heard = False

    def send(self, *arguments: Any, **options: Any) -> Any:
        COUNTS["requests"] += 1
        if self.dies_in is None:
            return super().send(*arguments, **options)
        self.dies_in -= 1
        if self.dies_in > 0:
            return super().send(*arguments, **options)
        if self.dies_in == 0 and self.is_heard:
            super().send(*arguments, **options)
        raise Killed


class Everything(RuleBasedStateMachine):
    """Three FortiGates behind one FortiManager, the windows always open."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="fmgsync-everything-"))
        self.stopped_at: int | None = None
        self.killed = False
        COUNTS["machines"] += 1

    @initialize(
        number=st.integers(0, 2**16),
        mode=st.sampled_from(("normal", "disabled")),
        settings=st.sampled_from(tuple(SETTINGS)),
        shared=st.booleans(),
    )
    def begin(self, number: int, mode: str, settings: str, *, shared: bool) -> None:
        """An estate in sync, of one kind."""
        unit = {**seed(DEVICES), "workspaceMode": mode, "idleTimeoutSeconds": IDLE_S}
        rollout = {"waves": ["100%"], "pause": "0s", "maxFailures": "100%"}
        install: dict[str, Any] = {
            "foreignChanges": "block",
            "windows": "always",
            "rollout": rollout,
        }
        opened = open_fleet(self.folder, unit, **install, **SETTINGS[settings])
        self.estate = self.stack.enter_context(opened)
        self.estate.write_config(guard={"maxRemovedShare": 1.0, "maxAddedShare": 100})
        if shared:
            groups = [{**group, "mapping": "shared"} for group in self.estate.config["groups"]]
            self.estate.write_config(groups=groups)
        self.walk = Walk(self.estate, random.Random(number))
        self.walk.box = self.box = Deadly(self.walk.dice, self.walk.somebody.act)

    @rule(ips=st.sets(st.sampled_from(POOL), min_size=1))
    def pods(self, ips: set[str]) -> None:
        """Exactly these run now."""
        self.walk.wanted = ips
        self.walk.ever |= ips
        web(self.estate, *sorted(ips))

    @rule()
    def administrator(self) -> None:
        """Somebody else does something in the ADOM."""
        COUNTS["edits"] += 1
        self.walk.somebody.act()

    @rule(device=st.sampled_from(names(DEVICES)), silent=st.booleans())
    def device_fails(self, device: str, *, silent: bool) -> None:
        """Its tunnel is down, or it answers nothing."""
        COUNTS["device faults"] += 1
        gate = self.estate.unit.fortigate(device)
        (gate.fall_silent if silent else gate.go_offline)()

    @rule(device=st.sampled_from(names(DEVICES)))
    def device_is_back(self, device: str) -> None:
        """All is well with it."""
        self.estate.unit.fortigate(device).come_back()

    @rule(seconds=st.sampled_from((1, 60, 900, 7200)))
    def time_passes(self, seconds: int) -> None:
        """Sessions may be idle for too long, removals become due."""
        self.estate.clock.sleep(seconds)

    @rule(install=st.sampled_from(("window", "now", "never")), quiet=st.booleans())
    def apply(self, install: str, *, quiet: bool) -> None:
        """A run meets whatever comes."""
        self.box.quiet = quiet
        self._run(install)

    @rule(install=st.sampled_from(("window", "now")), after=st.integers(1, 60), heard=st.booleans())
    def killed_run(self, install: str, after: int, *, heard: bool) -> None:
        """A run that dies at one of its requests."""
        self.box.quiet, self.box.dies_in, self.box.is_heard = True, after, heard
        with suppress(Killed):
            self._run(install)
        self.killed = self.killed or self.box.dies_in <= 0
        COUNTS["kills"] += self.box.dies_in <= 0
        self.box.dies_in = None

    @precondition(lambda self: self.stopped_at is None)
    @rule()
    def stop(self) -> None:
        """Nothing more may be written."""
        COUNTS["stops"] += 1
        stop = Stop("", "", "ann", "", self.estate.clock.now())
        self.estate.world("plan").installing.stops.stop(stop)
        self.stopped_at = self.estate.unit.requests.mark()

    @precondition(lambda self: self.stopped_at is not None)
    @rule()
    def start(self) -> None:
        """Let it go on."""
        self.estate.world("plan").installing.stops.start()
        self.stopped_at = None

    @rule(what=st.sampled_from(("resume", "abort")))
    def steer(self, what: str) -> None:
        """A person steers the rollout."""
        self.estate.steer(what)

    @rule()
    def approve(self) -> None:
        """A person lets through what waits."""
        with suppress(errors.FmgsyncError):
            for shown in self.estate.world("plan").memory.shown():
                self.estate.approve(shown.digest)

    def _run(self, install: str) -> Result | None:
        COUNTS["runs"] += 1
        world = wiring.make_world(
            self.estate.path,
            command=f"apply --install {install}",
            clock=self.estate.clock,
            state_dir=self.estate.folder / "state",
            transport=lambda access: self.box,
        )
        try:
            result = once.apply(world, install=install != "never")
        except errors.FmgsyncError:
            return None
        self.walk.check(result)
        return result

    @invariant()
    def a_stop_is_heeded(self) -> None:
        """Since it was stopped nothing of ours was written or installed."""
        COUNTS["steps"] += 1
        if self.stopped_at is None:
            return
        changing = [
            url
            for entry in self.estate.unit.requests.writing(self.stopped_at)
            for url in entry.urls
            if entry.install or url.startswith("/pm/config/adom")
        ]
        assert changing == []

    @invariant()
    def no_lock_is_left_behind(self) -> None:
        """Unless a process was killed, whose session dies by itself."""
        if hasattr(self, "walk") and not self.killed and self.box.quiet:
            sids = {lock.sid for lock in self.estate.unit.world.adoms["prod"].locks}
            theirs = self.walk.somebody.locked
            assert sids <= ({theirs.sid} if theirs is not None else set())

    def teardown(self) -> None:
        """The trouble stops; everything becomes as it should."""
        try:
            if hasattr(self, "walk"):
                for name in names(DEVICES):
                    self.estate.unit.fortigate(name).come_back()
                self.estate.world("plan").installing.stops.start()
                self.walk.settle()
        finally:
            self.stack.close()
            shutil.rmtree(self.folder, ignore_errors=True)
