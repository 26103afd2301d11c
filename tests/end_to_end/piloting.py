"""`fmgsync run` without its threads: what they would do is done in turn, so that a seed says all.

The feeds look at their files or hear API servers, the loop thinks, and each worker whose pass is
due by the manual clock makes it, whole or over a part. Leases are on paper: another replica takes
them at a word.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from requests.adapters import HTTPAdapter

from fmgsync import errors
from fmgsync.daemon.cluster_feeds import LiveFeed
from fmgsync.daemon.loop import Controller
from fmgsync.daemon.pace import next_pass_at
from fmgsync.daemon.stopping import Stopping
from fmgsync.daemon.worker import AdomWorker
from fmgsync.leases import fencing
from fmgsync.leases.ownership import Leases, Ownership
from fmgsync.passes import incremental, rollout_status
from fmgsync.passes.install_context import People
from fmgsync.settings import features, load, rules
from fmgsync.wiring import clusters, wiring
from tests.end_to_end.mixed import Mixed
from tests.end_to_end.watched import Watcher

MOST = 8
"""Passes of one worker in one turn."""
NEAR_S = 60.0
"""What becomes due within that time is waited for."""


class PaperLease:
    """A Lease that this replica has as long as no other one has taken it."""

    def __init__(self, pilot: Pilot) -> None:
        self._pilot = pilot
        self.name = "paper"

    @property
    def other_holder(self) -> str:
        """Whoever has taken it."""
        return "two" if self._pilot.is_deposed else ""

    def holds(self, margin_s: float = 0.0) -> bool:
        """Until somebody takes it."""
        return not self._pilot.is_deposed

    def try_hold(self) -> bool:
        """One try."""
        return self.holds()

    def annotate(self, annotations: Mapping[str, str]) -> None:
        """Nobody reads it."""

    def release(self) -> None:
        """Nothing to give back."""

    def remove(self) -> None:
        """Nothing to take away."""


class Pilot:
    """One replica of the controller. `around` makes each of its passes."""

    def __init__(
        self,
        estate: Mixed,
        box: HTTPAdapter,
        around: Callable[[AdomWorker, Callable[[], None]], None],
        dice: random.Random,
    ) -> None:
        self._estate, self._box, self._around, self._dice = estate, box, around, dice
        self.controller: Controller | None = None
        self.is_deposed = False
        self.reloads = self.refused = 0
        self._built_from = ""
        self._watchers: dict[LiveFeed, Watcher] = {}

    def turn(self) -> None:
        """All that is due now, and what becomes due soon."""
        controller = self._current()
        controller._beat()
        for _ in range(MOST):
            hurried = self._estate.served and self._dice.random() < 0.3
            whole = self.look(self._dice.randrange(6) if hurried else None)
            controller._follow_rules()
            controller._think()
            controller._started.update(controller._workers)
            for worker in controller._workers.values():
                if self._due_at(worker) <= self._estate.host.now() and self._may(worker):
                    worker._busy = True
                    self._around(worker, partial(worker._pass, worker._taken()))
            controller._deciding.look()
            if not self._waits(controller) and whole:
                return

    def look(self, most: int | None = None) -> bool:
        """Hear what is new in the clusters, or so much of it of each; whether that was all."""
        if self.controller is None:
            return False
        whole = True
        for feed in self.controller._tracker._feeds:
            if isinstance(feed, LiveFeed):
                if feed not in self._watchers:
                    served = self._estate.served[feed.cluster]
                    self._watchers[feed] = Watcher(feed, served, self._estate.clock.now)
                whole &= self._watchers[feed].look(most)
            else:
                feed._look()  # type: ignore[attr-defined]
        self._estate.truth.is_heard(whole=whole)
        return whole

    def end(self) -> None:
        """SIGTERM, with time enough."""
        if self.controller is not None:
            self.controller.stop()
            assert self.controller.end()
            self.die()

    def die(self) -> None:
        """The process is gone."""
        self.controller = None
        self._close_others()
        self._estate.truth.behind = False

    def _close_others(self) -> None:
        """Nobody follows what no feed is for any more."""
        feeds = self.controller._tracker._feeds if self.controller is not None else ()
        for feed in [each for each in self._watchers if each not in feeds]:
            self._watchers.pop(feed).close()

    def _waits(self, controller: Controller) -> bool:
        """Until the next pass, unless that is far."""
        workers = [each for each in controller._workers.values() if self._may(each)]
        left = min(map(self._due_at, workers), default=float("inf")) - self._estate.host.now()
        if left > NEAR_S:
            return False
        self._estate.clock.sleep(max(0.0, left))
        return True

    def _due_at(self, worker: AdomWorker) -> float:
        now = self._estate.host.now()
        return next_pass_at(worker._pace, worker._rhythm, spread=worker._spread, now=now)

    def _may(self, worker: AdomWorker) -> bool:
        return worker._may_pass()

    def _current(self) -> Controller:
        """The one that runs, begun or reloaded if the file is another than it was built from."""
        text, before = self._estate.path.read_text(encoding="utf-8"), self.controller
        if before is not None and text == self._built_from:
            return before
        self._built_from = text
        try:
            new = self._made(before)
        except errors.ConfigError:
            if before is None:
                raise
            self.refused += 1
            return before
        if before is not None:
            self.reloads += 1
            before.finish()
            for worker in before._workers.values():
                worker.stop()
            new.succeed(before)
        self.controller = new
        self._close_others()
        return new

    def _made(self, before: Controller | None) -> Controller:
        """As `wiring.make_controller`, with Leases on paper."""
        config = load.load_config(self._estate.path)
        lease: Any = PaperLease(self)
        leases = Leases(lease, lambda ref: lease, lambda: {"one": ()})
        refs = {site.adom for site in rules.sites(config)}
        ownership = Ownership("one", leases, refs, fleets=rules.fleets(config))
        stopping = Stopping(self._estate.host, before.stopping if before else None)
        world = wiring.make_world(
            self._estate.path,
            command=features.RUN,
            clock=self._estate.host,
            transport=lambda access: self._box,
            hooks=partial(fencing.hooks, ownership),
            state_dir=self._estate.folder / "state",
            people=People(stopping=stopping.asked, leaving=stopping.leaving),
        )
        made = Controller(
            world,
            partial(clusters.feeds, config, world),
            clusters.rule_source(config, world),
            pace_of=partial(wiring._pace, config),
            passes_of=partial(incremental.Passes, install=config.install.mode != "none"),
            wake_at=partial(rollout_status.wake_at, world),
            ownership=ownership,
            stopping=stopping,
        )
        for worker in made._workers.values():
            worker._chance = self._dice
        return made
