"""The controller: clusters' changes in, one worker per ADOM, until it is told to stop.

    feeds, rules -> (any thread) wake -> the loop: tracker -> whose members changed -> workers

A change that alters no rule's members wakes no worker and costs no request to FortiManager.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from fmgsync.daemon import troubles
from fmgsync.daemon.adom_record import AdomRecord
from fmgsync.daemon.approval_watch import Deciding
from fmgsync.daemon.gc_tuning import Heap
from fmgsync.daemon.stopping import Stopping
from fmgsync.daemon.worker import AdomWorker, MakePass, PaceOf
from fmgsync.daemon.workload_tracker import ClusterRecord, WorkloadTracker
from fmgsync.leases import reach
from fmgsync.leases.ownership import Ownership
from fmgsync.model.address import Address
from fmgsync.model.endpoint import ClusterSnapshot, Kind, PodKey
from fmgsync.model.health import Hearing, RolloutHealth
from fmgsync.model.rule import RuleSet
from fmgsync.model.stop import Stop
from fmgsync.model.target import TargetRef
from fmgsync.passes import rollout_status
from fmgsync.passes.incremental import Passes
from fmgsync.passes.result import Pass
from fmgsync.passes.world import AdomWork, Workloads, World
from fmgsync.sources.rules import RuleSource
from fmgsync.state.documents import Remembered

if TYPE_CHECKING:
    from fmgsync.daemon.announcements import Announcer, Places
    from fmgsync.daemon.cluster_feeds import Feed

_log = structlog.get_logger(__name__)

BEAT_S = 10.0
FIRST_LOOK_S = 15.0
"""A cluster silent for so long after the start holds nobody up: it only freezes its own part."""

FeedsOf = Callable[[RuleSet], "Sequence[Feed]"]
"""What the clusters' changes come through, as far as these rules need them."""

PassesOf = Callable[[Callable[[], World], AdomWork], Passes]
"""One ADOM's passes; the world is asked for anew in each, since rules may change."""

WakeAt = Callable[[AdomWork, Pass], float | None]
"""When something besides changes makes an ADOM's next pass due: a window, a pause between waves."""


class Controller:
    """Runs until `stop`. Several ADOMs, FortiManagers and clusters in it; one at a time per
    process, each of which may `succeed` the one before."""

    def __init__(
        self,
        world: World,
        feeds_of: FeedsOf,
        rules: RuleSource,
        *,
        pace_of: PaceOf,
        passes_of: PassesOf,
        wake_at: WakeAt = lambda work, result: None,
        ownership: Ownership | None = None,
        places: Places | None = None,
        stopping: Stopping | None = None,
        unverified: frozenset[str] = frozenset(),
        remembered: Remembered | None = None,
    ) -> None:
        self._world = world
        self._feeds_of = feeds_of
        self._rules = rules
        self._wake_at = wake_at
        self.ownership = ownership
        self._remembered = remembered
        self.unverified = unverified  # whose certificates nobody verifies: told once
        self.stopping = stopping or Stopping(world.clock)
        self._leaving: tuple[AdomWorker, ...] = ()
        self._heap = Heap()
        self._tracker = self._tracking(world.intent.rules)
        self.loaded_at = world.clock.now()
        self._beat_at = world.clock.steady()  # the loop's last round
        self.refused_configs = 0
        self._woken = threading.Event()
        self._workers = {
            work.ref: AdomWorker(
                work.ref,
                self._pass_over(work, passes_of(lambda: self._world, work)),
                pace_of,
                clock=world.clock,
                may_pass=partial(self.leads, work.ref),
            )
            for work in world.adoms
        }
        self._started: set[TargetRef] = set()
        self._at_work = {work.ref: threading.Lock() for work in world.adoms}
        for work in world.adoms:
            work.fleet.listen(self.look_at)  # others of its fleet have come so far that it may
        self._announcer = self._announcer_of(places)
        self._deciding = Deciding(
            world,
            lambda: [record for record in self.adoms if self.leads(record.ref)],
            self.look_at,
            lambda: [worker.ref for worker in self._leaving if worker.busy],
        )

    def _announcer_of(self, places: Places | None) -> Announcer | None:
        if places is None:
            return None
        from fmgsync.daemon.announcements import Announcer  # needs the Kubernetes client

        # Asked of the tracker of the moment: rules may change.
        return Announcer(
            places, lambda rule: self._tracker.spaces_of(rule), clock=self._world.clock
        )

    def _tracking(self, rules: RuleSet) -> WorkloadTracker:
        return WorkloadTracker(rules, self._feeds_of(rules), self._world.intent.allowed_ranges)

    @property
    def adoms(self) -> tuple[AdomRecord, ...]:
        """What is known of each ADOM's passes."""
        return tuple(worker.record for worker in self._workers.values())

    @property
    def clusters(self) -> tuple[ClusterRecord, ...]:
        """What is known of each cluster."""
        return self._tracker.clusters

    @property
    def now(self) -> float:
        """By the clock that everything here goes by."""
        return self._world.clock.now()

    @property
    def beat_ago_s(self) -> float:
        """How long ago the loop last came round."""
        return self._world.clock.steady() - self._beat_at

    def hearing(self, cluster: str) -> Mapping[Kind, Hearing]:
        """When each kind of the cluster was last heard."""
        return self._tracker.hearing(cluster)

    def window_open(self, record: AdomRecord) -> bool | None:
        """Whether an install may start now on a device of the ADOM."""
        return rollout_status.window_open(self._world, record.result) if record.result else None

    def rollout_health(self, record: AdomRecord) -> RolloutHealth:
        """What of the ADOM's rollout waits for a person."""
        return troubles.rollout_health(self._world, record.result, record.pending_since)

    @property
    def stops(self) -> tuple[Stop, ...]:
        """What people have stopped, as last read."""
        return self._deciding.stops

    @property
    def world(self) -> World:
        """What its passes work with now."""
        return self._world

    def about(
        self, *, pod: PodKey | None = None, address: Address | None = None
    ) -> Mapping[str, ClusterSnapshot]:
        """What is known of a pod, or of whatever has an address, by cluster. Any thread may ask."""
        return self._tracker.about(pod, address)

    def leads(self, ref: TargetRef) -> bool:
        """Whether this replica works on the ADOM."""
        return self.ownership is None or self.ownership.holds(ref)

    def elsewhere(self, ref: TargetRef) -> bool:
        """Whether another replica is known to work on the ADOM."""
        return self.ownership is not None and self.ownership.elsewhere(ref)

    def busy(self, ref: TargetRef) -> bool:
        """Whether a pass over the ADOM is running here."""
        found = (*self._workers.values(), *self._leaving)
        return any(worker.busy for worker in found if worker.ref == ref)

    def _unreached(self, ref: TargetRef) -> int | None:
        worker = self._workers.get(ref)
        return worker.record.unreached if worker is not None else None

    def _reaches(self, name: str) -> bool:
        works = [work for work in self._world.adoms if work.ref.unit == name]
        return not works or reach.tried(works[0], self._at_work[works[0].ref])

    def look_at(self, ref: TargetRef) -> None:
        """Let the ADOM be looked at now: it was gained, or somebody has decided something."""
        self._workers[ref].begin_anew()

    @property
    def workloads(self) -> Workloads:
        """What runs, as of the latest look; immutable."""
        return self._tracker.workloads

    def run(self) -> bool:
        """Until `stop` is called. False if a pass was still running when the time was up."""
        self.follow()
        return self.end()

    def succeed(self, before: Controller) -> None:
        """Take over from a controller that has finished following.

        What it knows of clusters that are read as before stays known, so nothing is read again
        and nothing is frozen meanwhile. A pass that still runs there holds up its own ADOM alone.
        """
        if before.ownership is not self.ownership:
            # Another identity, which gets no Lease before the old one has given it back.
            before.give_back()
        if before._remembered is not None:
            before._remembered.stop()
        self._woken = before._woken
        self._tracker.succeed(before._tracker)
        for worker in before._workers.values():
            if worker.ref in self._workers:
                self._workers[worker.ref].carry_on(worker)
        gone = (w for w in before._workers.values() if w.ref not in self._workers)
        self._leaving = (*before._leaving, *gone)
        if (told := before._announcer) is not None:
            before._announcer = self._announcer  # for what a pass that still runs has to tell
            told.stop()

    def follow(self) -> None:
        """Until `stop` or `finish` is called; passes that run then go on."""
        self._tracker.start(self._woken.set)
        self._rules.start(self._woken.set)
        if self.ownership is not None:
            self.ownership.serve(
                self._workers,
                busy=self.busy,
                on_gain=self.look_at,
                unreached=self._unreached,
                reaches=self._reaches,
                fleets={work.ref: work.fleet.fleet for work in self._world.adoms},
            )
        if self._remembered is not None:
            self._remembered.follow()
        self._deciding.start()
        if self._announcer is not None:
            self._announcer.start()
        try:
            self._loop()
        finally:
            self._heap.release()
        self._rules.stop()
        self._deciding.stop()
        for worker in self._workers.values():
            worker.stop()

    def _loop(self) -> None:
        began = self._world.clock.steady()
        while not self.stopping.asked():
            self._beat()
            self._follow_rules()
            self._think()
            self._start_workers(late=self._world.clock.steady() - began >= FIRST_LOOK_S)
            self._tidy()
            self._woken.wait(BEAT_S if self._heap.settled else 0.5)
            self._woken.clear()

    def stop(self) -> None:
        """Start nothing more and end within seconds: a running pass is finished, or what it waits
        for is let go of; its locks are given back."""
        self.stopping.leave()
        self._woken.set()

    def finish(self) -> None:
        """Start nothing more, so that another controller can succeed this one."""
        self.stopping.finish()
        self._woken.set()

    def end(self) -> bool:
        """After following: let go of everything. False if a pass was still running when the time
        was up."""
        self._tracker.stop()
        return self.give_back()

    def give_back(self) -> bool:
        """Wait for the passes that run, then give back the Leases. False as for `end`."""
        passing = (*self._workers.values(), *self._leaving)
        left = [each for each in passing if not self.stopping.await_end(each.join, self._beat)]
        for worker in left:
            _log.warning("a pass is still running and is left behind", **worker.ref.logged)
        if self._remembered is not None:
            self._remembered.stop()
        if self.ownership is not None:
            self.ownership.stop()
        if self._announcer is not None:
            self._announcer.stop()
        return not left

    def _beat(self) -> None:
        self._beat_at = self._world.clock.steady()

    def _follow_rules(self) -> None:
        """Other rules, or other knowledge of them: every ADOM is looked at as a whole."""
        found = self._rules.read()
        if found == self._world.intent.rules:
            return
        self._world = replace(self._world, intent=replace(self._world.intent, rules=found))
        tracker = self._tracking(found)
        tracker.succeed(self._tracker)
        tracker.start(self._woken.set)
        self._tracker = tracker
        _log.info("rules changed", rules=len(found.rules), unread=found.unread or None)
        for ref in self._started:
            self._workers[ref].begin_anew()

    def _think(self) -> None:
        """From what became different in the clusters to the ADOMs that must look."""
        changed = self._tracker.take_changes()
        for work in self._world.adoms:
            touched = {rule for rule, cluster in changed if cluster in work.clusters}
            if touched and work.ref in self._started:
                self._workers[work.ref].touch(touched)

    def _start_workers(self, *, late: bool) -> None:
        """An ADOM's first pass waits until its clusters and all rules were heard, or were given
        time enough: rules that come later would let a canary begin anew."""
        heard = not self._world.intent.rules.unread
        for work in self._world.adoms:
            ready = late or (heard and self._tracker.heard(work.clusters))
            if ready and work.ref not in self._started:
                self._started.add(work.ref)
                self._workers[work.ref].start()

    def _tidy(self) -> None:
        """What the first listings made stays; what a controller before this one knew does not."""
        waits = any(worker.waits for worker in self._workers.values())
        all_work = len(self._started) == len(self._workers) and not waits
        self._heap.keep(self._world.clock.steady(), ready=all_work, tidy=self._tracker.took_over)

    def _pass_over(self, work: AdomWork, passes: Passes) -> MakePass:
        def make(rules: frozenset[str] | None) -> tuple[Pass, float | None]:
            try:
                with self._at_work[work.ref]:
                    result = passes.make(self._tracker.workloads, rules)
            finally:
                if self._remembered is not None:
                    self._remembered.flush()
            if self._announcer is not None:
                self._announcer.announce(result, self._world.intent.rules.problems)
            return result, self._wake_at(work, result)

        return make
