"""One machine that does everything at once: what runs changes, rules and sites and windows change,
administrators work, FortiGates and FortiManager fail, processes are killed, clocks are set, sources
are lost, people approve, abort, stop and start, time passes.

Each example is an estate of another kind. The witness looks at each request and after each step;
when the trouble stops, everything converges, and then nothing more is done.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from contextlib import ExitStack, redirect_stderr, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from fmgsync import errors
from fmgsync.cli import documents, logs
from fmgsync.passes.result import Result
from fmgsync.simulator.codes import Refusal
from fmgsync.wiring import memories
from tests.end_to_end.middlebox import Deadly
from tests.end_to_end.mixed import ALONE, BEHIND, CHOICES, POOL, RULES, Choice, open_mixed
from tests.end_to_end.ours import Ours
from tests.end_to_end.people import Administrator, Operator
from tests.end_to_end.surroundings import APPS, COUNTS, LOSSES, Surroundings
from tests.end_to_end.watched import TROUBLES
from tests.end_to_end.witness import Witness


class Everything(Surroundings):
    """The world around it, fmgsync at work in it, and the people who steer it."""

    follows: bool | None = None
    """Whether a controller works there; None: in every other estate."""
    live: tuple[str, ...] | None = None
    """The clusters that are read from API servers; None: in some estates."""
    at_once: int | None = None
    """How many units are served side by side; None: one or four. With one a seed says all that
    happens; with more, whose request comes first is up to the computer."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="fmgsync-everything-"))
        self.is_set_up = False
        COUNTS["estates"] += 1

    @initialize(number=st.integers(0, 2**16), choice=CHOICES)
    def begin(self, number: int, choice: Choice) -> None:
        """An estate in sync, of one kind."""
        if self.follows is not None:
            choice = replace(choice, follows=self.follows)
        if self.live is not None:
            choice = replace(choice, live=self.live)
        if self.at_once is not None:
            choice = replace(choice, at_once=self.at_once)
        self.dice = random.Random(number)
        self.estate = self.stack.enter_context(open_mixed(self.folder, choice))
        self.truth, self.unit = self.estate.truth, self.estate.unit
        self.witness = Witness(self.estate)
        self.stack.enter_context(redirect_stderr(self.witness.log))
        logs.start_logging(2, "json")
        self.somebody = Administrator(self.estate, self.dice)
        self.operator = Operator(self.estate, self.dice)
        self.box = Deadly(self.dice, self.somebody_acts, self._sees)
        self.ours = Ours(self.estate, self.box, self.witness, self.dice, COUNTS)
        self.pilot = self.ours.pilot
        self.is_set_up = True

    def _sees(self, request: requests.PreparedRequest) -> None:
        COUNTS["requests"] += 1
        self.witness.sends(str(request.url), str(request.method), request.body)

    def somebody_acts(self) -> None:
        """In the middle of something, anywhere."""
        COUNTS["edits"] += 1
        chance = self.dice.random()
        if chance < 0.06:
            with self.witness.others("clock"):
                self.clock_is_set(seconds=self.dice.choice((-7200, 7200)))
        elif chance < 0.12:
            (self.start if self.truth.stopped else self.stop)()
        elif chance < 0.18:
            self.steer(what=self.dice.choice(("resume", "abort")))
        elif chance < 0.22:
            self.pilot.is_deposed = not self.pilot.is_deposed
        elif chance < 0.6:
            with self.witness.others("prod", *BEHIND):
                self.somebody.act()
        else:
            with self.witness.others(*ALONE):
                self.operator.act()

    # --- fmgsync ----------------------------------------------------------------------------------

    @rule()
    def broken_configuration(self) -> None:
        """Nonsense in the file is refused, and nothing is done."""
        mark = self.unit.requests.mark()
        self.estate.path.write_text("owner: [", encoding="utf-8")
        assert self._run("now") is None
        goes_on = self.pilot.controller is not None  # with the configuration that it has
        self._run("window")
        assert goes_on or self.unit.requests.mark() == mark
        self.configure()

    @rule()
    def administrator(self) -> None:
        """Somebody else does something."""
        self.somebody_acts()

    @invariant()
    def is_run_every_so_often(self) -> None:
        """Whatever else happens: after every other step something runs that did not run before, and
        every other run meets trouble in its middle."""
        COUNTS["steps"] += 1
        if self.is_set_up and self.dice.random() < 0.5:
            self.truth.runs[self.dice.choice(POOL)] = self.dice.choice(APPS)
            if len(self.truth.runs) > len(POOL) // 2:
                del self.truth.runs[self.dice.choice(sorted(self.truth.runs))]
            self.runs_now()
            if self.estate.served:
                self._something_befalls(self.dice.choice(sorted(self.estate.served)))
            self._run("window", quiet=self.dice.random() < 0.5)

    def _something_befalls(self, cluster: str) -> None:
        """A trouble of an API server, its loss, or the end of that."""
        chance = self.dice.random()
        if self.truth.lost and chance < 0.4:
            self.sources_are_back()
        elif chance < 0.1:
            self.source_is_lost(cluster, self.dice.choice(LOSSES))
        elif chance < 0.4:
            self.trouble(cluster, self.dice.choice(TROUBLES), {})

    @rule(what=st.sampled_from(("ends", "dies", "is deposed", "leads again")))
    def replica(self, what: str) -> None:
        """What becomes of the controller, where there is one; another one begins later."""
        COUNTS["changes of replicas"] += self.estate.choice.follows
        if what == "ends":
            self.pilot.end()
        elif what == "dies":
            self.pilot.die()
        else:
            self.pilot.is_deposed = what == "is deposed"

    @rule()
    def state_is_lost(self) -> None:
        """Whatever was remembered is gone, save the audit."""
        COUNTS["lost states"] += 1
        self.pilot.die()
        for path in (self.estate.folder / "state").glob("*.json"):
            path.unlink()
        self.truth.stopped = False
        self.witness.grants.forget()
        self.witness.pushes.open &= self.unplugged  # whoever answers begins anew

    @rule(install=st.sampled_from(("window", "window", "now", "never")), quiet=st.booleans())
    def apply(self, install: str, *, quiet: bool) -> None:
        """A run meets whatever comes."""
        self._run(install, quiet=quiet)

    @rule(install=st.sampled_from(("window", "now")), after=st.integers(1, 60), heard=st.booleans())
    def killed_run(self, install: str, after: int, *, heard: bool) -> None:
        """A run that dies at one of its requests."""
        self.box.dies_in, self.box.is_heard = after, heard
        self._run(install)
        self.box.dies_in = None

    @rule(command=st.sampled_from(("plan", "status")))
    def look(self, command: str) -> None:
        """Who only looks changes nothing."""
        mark = self.unit.requests.mark()
        with suppress(errors.FmgsyncError):
            (self.estate.plan if command == "plan" else self.estate.status)()
        assert self.unit.requests.writing(mark) == []

    @rule()
    def stop(self) -> None:
        """Nothing more may be written."""
        COUNTS["stops"] += 1
        self._brake().stop("", "")
        if not self.truth.stopped:
            self.witness.was_decided("stop")
        self.truth.stopped = True

    @rule()
    def start(self) -> None:
        """Let it go on."""
        self._brake().start("", "")
        if self.truth.stopped:
            self.witness.was_decided("start")
        self.truth.stopped = False
        self.witness.may_go_on()

    def _brake(self) -> Any:
        state = self.estate.folder / "state"
        return memories.make_brake(self.estate.path, state_dir=state, by="ann", reason="")

    @rule(what=st.sampled_from(("resume", "abort")))
    def steer(self, what: str) -> None:
        """A person steers the rollout."""
        COUNTS["decisions"] += 1
        self.estate.steer(what)
        self.witness.pushes.open.clear()

    @rule()
    def approve(self) -> None:
        """A person lets through what waits: in fmgsync, and in FortiManager's workflow."""
        COUNTS["decisions"] += 1
        self.witness.let_through = True
        with suppress(errors.FmgsyncError):
            for shown in self.estate.world("plan").memory.shown():
                self.estate.approve(shown.digest)
        with suppress(Refusal):
            self.estate.approve_submissions()

    def _run(self, install: str, *, quiet: bool = True) -> Result | None:
        return self.ours.run(install, quiet=quiet)

    def teardown(self) -> None:
        """The trouble stops; everything becomes as it should, and then nothing is done."""
        try:
            if self.is_set_up:
                self._trouble_stops()
                self._converges()
                COUNTS["verified"] += self.witness.verified
                COUNTS["events"] += sum(each.events for each in self.estate.served.values())
                COUNTS.update({f"checks of {n}": c for n, c in self.witness.checks.items()})
                COUNTS.update({f"overdue: {n}": c for n, c in self.witness.grants.told.items()})
        finally:
            self.stack.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _trouble_stops(self) -> None:
        self.fortimanager_is_back()
        self.devices_are_back()
        self.operator.go_home()
        self.estate.put_back()
        self.estate.host.ahead_s = max(0.0, self.estate.host.ahead_s)
        self.estate.clock.sleep(4 * 3600)
        self.truth.policy, self.truth.nights, self.truth.rules = "sync", False, dict(RULES)
        self.truth.lost.clear()  # what tenants write stays: it may hold nobody up
        self.pilot.is_deposed = False
        fortimanager, direct = self.estate.config["sites"]
        sites = [{**fortimanager, "devices": list(BEHIND)}, {**direct, "fortigates": list(ALONE)}]
        self.configure(sites=sites)
        self.start()
        with self.witness.others("prod", *BEHIND, install=True):
            self.somebody.put_right()

    def _said(self, result: Result | None) -> str:
        status = documents.status_document(self.estate.status())
        apply = documents.apply_document(result) if result else None
        return f"{self.estate.exact()}\n{json.dumps([apply, status], default=str, indent=1)}"

    def _converges(self) -> None:
        for _ in range(10):
            self.steer("resume")
            result = self._run("window")
            with self.witness.others("prod", *BEHIND, install=True), suppress(Refusal):
                self.somebody.use_everything()
                self.estate.install_by_hand()  # whoever edited foreign objects installs them
            self.approve()
            if not self.estate.exact():
                break
            self.estate.clock.sleep(900)
        assert self.estate.exact() == [], self._said(result)
        self._run("window")
        self.estate.clock.sleep(700)  # a controller looks at everything every ten minutes
        mark = self.unit.requests.mark()
        self._run("window")
        again = [(each.method, each.urls) for each in self.unit.requests.writing(mark)]
        assert again == [], f"what is in sync is written again: {again}"
