"""Replicas that stand still for any length of time between any two requests, as a suspended machine
does, while the other one takes over: whoever was deposed writes nothing more.

Time is a manual clock, for Leases as well; who may write is read from the Lease in the API server
at the instant of each writing request, past everything the replicas believe.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from requests.adapters import HTTPAdapter

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.kube.client import Access, ApiSession
from fmgsync.kube.lease import Lease
from fmgsync.leases import fencing, leasing
from fmgsync.leases.ownership import DURATION_S, TICK_S, Leases, Ownership
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.passes import once
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.wiring import wiring
from tests import tally
from tests.end_to_end import evidence
from tests.end_to_end.mixed import ALONE, BEHIND, POOL, Choice, Mixed, open_mixed

ADOM = TargetRef("hq", "prod")
FAILOVERS = int(os.environ.get("FMGSYNC_FAILOVERS", "4"))
UNITS = [TargetRef(name, "root", TargetKind.FORTIGATE) for name in ALONE]
PAUSES_S = (0.0, 1.0, 4.0, 9.0, 11.0, 31.0, 130.0, 4000.0)


class Replica(HTTPAdapter):
    """One process: what it sends goes through here, and after each answer it may stand still."""

    def __init__(self, name: str, play: Play) -> None:
        super().__init__()
        self.name, self._play = name, play
        self.ownership = Ownership(name, play.leases(name), [ADOM, *UNITS])

    def send(self, *arguments: Any, **options: Any) -> Any:
        request = arguments[0]
        self._play.about_to_send(self, request)
        answer = super().send(*arguments, **options)
        self._play.stands_still(self)
        return answer

    def work(self) -> None:
        """One run over everything; what is not its own it may read."""
        estate = self._play.estate
        world = wiring.make_world(
            estate.path,
            command="apply --install window",
            clock=estate.clock,
            state_dir=estate.folder / "state",
            transport=lambda access: self,
            hooks=lambda ref: fencing.hooks(self.ownership, ref),
        )
        try:
            result = once.apply(world, install=True)
        except errors.FmgsyncError:
            return
        kinds = [adom.error for adom in result.adoms if adom.error is not None]
        self._play.counts["refused to itself"] += sum(isinstance(e, errors.Deposed) for e in kinds)


class Play:
    """Two replicas, one estate, one API server."""

    def __init__(self, estate: Mixed, cluster: KubernetesSimulator, number: int) -> None:
        self.estate, self.cluster = estate, cluster
        self.dice = random.Random(number)
        self.counts: Counter[str] = Counter()
        kubeconfig = estate.folder / "kubeconfig"
        cluster.kubeconfig(kubeconfig)
        self._session = ApiSession("lease", Access(kubeconfig), connect_s=20.0, answer_s=60.0)
        self._places = {urlsplit(url).port: name for name, url in estate.unit.fortigates.items()}
        self._holders: dict[str, str] = {}
        self._depth = 0
        self.replicas = [Replica(name, self) for name in ("one", "two")]

    def leases(self, replica: str) -> Leases:
        """As a process has them, with a clock in the hands of the test."""
        steady = self.estate.clock.now
        known: dict[str, Lease] = {}
        prefix = "fmgsync-prod-replica-"

        def lease(name: str) -> Lease:
            made = Lease(
                self._session, "fmgsync", name, replica, duration_s=DURATION_S, steady=steady
            )
            return known.setdefault(name, made)

        there = leasing.Replicas(self._session, "fmgsync", prefix, known, steady=steady)
        return Leases(
            lease(prefix + replica), lambda ref: lease(leasing.lease_name("prod", ref)), there.alive
        )

    def close(self) -> None:
        """No connection is left open."""
        self._session.close()

    def holder(self, ref: TargetRef) -> str:
        """Who has the Lease, by the API server."""
        found = self.cluster.find("Lease", leasing.lease_name("prod", ref), namespace="fmgsync")
        return str((found or {}).get("spec", {}).get("holderIdentity", ""))

    def tick(self, replica: Replica) -> None:
        """Its Leases are renewed, taken or given back; who has what is noted."""
        replica.ownership.tick()
        for ref in (ADOM, *UNITS):
            now, before = self.holder(ref), self._holders.get(str(ref), "")
            self.counts["failovers"] += bool(now and before and now != before)
            self._holders[str(ref)] = now or before

    def about_to_send(self, replica: Replica, request: Any) -> None:
        """A write leaves only while this replica has the Lease."""
        place = self._places.get(urlsplit(request.url).port)
        self.counts["requests"] += 1
        ref = TargetRef(place, "root", TargetKind.FORTIGATE) if place is not None else ADOM
        if evidence.writes(request.url, request.method, request.body):
            self.counts["writes"] += 1
            assert self.holder(ref) == replica.name, f"{replica.name} writes to {ref} without it"

    def stands_still(self, replica: Replica) -> None:
        """Mostly not; sometimes for so long that the other one takes over, and works meanwhile."""
        if self._depth or self.dice.random() > 0.15:
            return
        self._depth += 1
        other = next(each for each in self.replicas if each is not replica)
        seconds = self.dice.choice(PAUSES_S)
        self.counts["pauses"] += 1
        for nap in (min(seconds, TICK_S), min(seconds, DURATION_S + 1.0), seconds):
            self.estate.clock.sleep(nap)
            self.tick(other)
        if self.dice.random() < 0.2:
            other.work()
        self._depth -= 1

    def change(self) -> None:
        """Something else runs."""
        apps = ("web", "db", "other")
        self.estate.truth.runs = {
            ip: self.dice.choice(apps) for ip in self.dice.sample(POOL, self.dice.randint(1, 5))
        }
        self.estate.runs()

    def turn(self) -> None:
        """Both are there, something changes, and each works."""
        self.change()
        for replica in self.dice.sample(self.replicas, 2):
            for each in self.dice.sample(self.replicas, self.dice.randint(1, 2)):
                self.tick(each)
            replica.work()
            self.estate.clock.sleep(self.dice.choice((1.0, 3.0, 12.0)))

    def settle(self) -> None:
        """One is left alone, and everything becomes as it should."""
        self._depth = 1
        for _ in range(8):
            self.estate.clock.sleep(DURATION_S * 13)
            self.estate.steer("resume")
            self.tick(self.replicas[0])
            self.replicas[0].work()
            if not self.estate.exact():
                return
        raise AssertionError(self.estate.exact())


@contextmanager
def opened(folder: Path, number: int, workspace: str) -> Iterator[Play]:
    folder.mkdir(exist_ok=True)
    with open_mixed(folder, Choice(workspace)) as estate, KubernetesSimulator() as cluster:
        cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fmgsync"}})
        assert isinstance(estate.clock, ManualClock)
        play = Play(estate, cluster, number)
        try:
            yield play
        finally:
            play.close()


def twice_at_once(estate: Mixed) -> list[str]:
    """FortiGates that an install was begun on before the last one had ended."""
    ends: dict[str, float] = {}
    found = []
    for task in estate.unit.world.tasks.all():
        for line in task.lines:
            if line.name in BEHIND and task.user == "fmgsync":
                found += [line.name] if line.start < ends.get(line.name, 0) else []
                ends[line.name] = line.end
    return found


def foreign(estate: Mixed) -> Any:
    """What others own."""
    return estate.object("address", "legacy-db"), [estate.held(name, "legacy") for name in ALONE]


def play(folder: Path, number: int, workspace: str, failovers: int) -> Counter[str]:
    """Until so often another replica had taken over."""
    with opened(folder, number, workspace) as played:
        before = foreign(played.estate)
        while played.counts["failovers"] < failovers:
            played.turn()
        played.settle()
        assert foreign(played.estate) == before
        assert not twice_at_once(played.estate)
        return played.counts


def test_a_deposed_replica_writes_nothing(tmp_path: Path) -> None:
    counts = play(tmp_path, 1, "normal", 6)
    assert counts["writes"]
    assert counts["pauses"]


@pytest.mark.slow
@pytest.mark.parametrize("workspace", ["normal", "disabled"])
@pytest.mark.parametrize("number", range(2, 12))
def test_many_failovers(tmp_path: Path, number: int, workspace: str) -> None:
    """`FMGSYNC_FAILOVERS=50` makes a thousand of them."""
    tally.note("failovers", **play(tmp_path, number, workspace, FAILOVERS))
