"""Clusters that are read from API servers, in the machine that does everything: what happens there
comes as events, and the watches of a controller are followed without threads.

Whoever watches is asked for one thing heard after the other, so that a seed says all. Before each
look the server sends a bookmark behind whatever has happened: nobody waits for what does not come.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from fmgsync.daemon.cluster_feeds import LiveFeed
from fmgsync.kube.stopping import Stop
from fmgsync.kube.watch import Watch
from fmgsync.model.endpoint import Kind
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.sources.convert.reading import Raw
from fmgsync.sources.live import Following
from tests import builders

MOST = 400
"""Steps of one kind until all is heard."""
AGAIN = 4
"""Steps of a kind that cannot be heard, in each look: it is tried again."""
HOLLOW = (
    b"{}",
    b"[]",
    b"null",
    b'{"kind": "Status", "apiVersion": "v1", "status": "Success"}',
    b'{"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []}',
    b'{"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}}',
)
"""JSON that is no list of pods."""
BY_COUNT = ("busy", "a proxy", "garbled")
"""Troubles that befall the next requests, whosever they are."""
TROUBLES = (
    *BY_COUNT,
    "cut off",
    "cut in a line",
    "repeated",
    "late bookmark",
    "expired",
    "restarted",
    "restored",
)


class Served:
    """One cluster and its API server; `pods` are those that the test knows of, by name."""

    def __init__(self, server: KubernetesSimulator, kubeconfig: Path, dice: random.Random) -> None:
        self.server, self._kubeconfig, self._dice = server, kubeconfig, dice
        self.lost = ""
        self.is_away = False  # for all kinds, not for pods alone
        self.events = self._started = 0
        self._pods: dict[str, builders.Manifest] = {}
        server.kubeconfig(kubeconfig)
        server.add(builders.node("node-1"))
        self._backup = server.backup(), frozenset[str]()

    def runs(self, *pods: builders.Manifest) -> None:
        """Exactly these run from now on: what is new, other or gone comes as events."""
        wanted = {pod["metadata"]["name"]: pod for pod in pods}
        for name in sorted(self._pods.keys() - wanted.keys()):
            self._ends(name)
        for name, pod in wanted.items():
            if name in self._pods and self._pods[name] != pod and self._dice.random() < 0.3:
                self._ends(name)  # it is begun anew, under the same name
            if self._pods.get(name) != pod:
                self._is(pod, begins=name not in self._pods)
        if self._pods and self._dice.random() < 0.3:
            self.nothing_of_interest()

    def _is(self, pod: builders.Manifest, *, begins: bool) -> None:
        self.events += 1
        name, manifest = pod["metadata"]["name"], {**pod, "metadata": dict(pod["metadata"])}
        if begins:
            # In seconds of its own, and not of whoever runs the test.
            self._started += 1
            started = f"2026-01-01T{self._started // 3600:02}:{self._started // 60 % 60:02}"
            manifest["status"] = {
                **pod["status"],
                "startTime": f"{started}:{self._started % 60:02}Z",
            }
            self.server.add(manifest)
        else:
            patch = {
                "metadata": {
                    "labels": pod["metadata"].get("labels"),
                    "annotations": pod["metadata"].get("annotations"),
                },
                "status": pod["status"],
            }
            self.server.patch("Pod", name, patch)
        self._pods[name] = pod

    def _ends(self, name: str) -> None:
        self.events += 1
        del self._pods[name]
        if self._dice.random() < 0.5:
            self.server.terminate(name)
        if self.server.find("Pod", name) is not None:
            self.server.delete("Pod", name)

    def nothing_of_interest(self) -> None:
        """A pod changes in something that nobody reads."""
        self.events += 1
        name = self._dice.choice(sorted(self._pods))
        note = {"example.net/note": str(self.events)}
        self.server.patch("Pod", name, {"metadata": {"annotations": note}})

    # --- trouble ----------------------------------------------------------------------------------

    def loses(self, how: str) -> None:
        """Nobody hears of its pods any more, until `is_back`; how, in the words for dumps."""
        self.is_back()
        self.lost, faults = how, self.server.faults
        self.is_away = how == "gone" or (how == "cut off" and self._dice.random() < 0.5)
        if how == "gone":
            self.server.down()
        elif how == "without pods":
            faults.initial_events = False  # a list through a watch would tell
            faults.hollow("pods", self._dice.choice(HOLLOW))
        elif self.is_away:
            self.server.rotate_token()
        else:
            faults.forbid("pods")
        self.server.cut_connections()

    def is_back(self) -> None:
        """All is well with it."""
        self.lost, self.is_away = "", False
        self.server.up()
        self.server.kubeconfig(self._kubeconfig)
        self.server.faults.fill()
        self.server.faults.permit("pods")

    def suffers(self, how: str) -> None:
        """One trouble, which passes by itself."""
        server, faults = self.server, self.server.faults
        faults.initial_events = self._dice.random() < 0.7
        if how in ("cut off", "expired", *BY_COUNT):
            server.cut_connections()
        match how:
            case "busy":
                faults.busy(self._dice.randrange(1, 4))
            case "a proxy":
                faults.broken(self._dice.randrange(1, 4))
            case "garbled":
                faults.initial_events = False
                faults.garble("pods", self._dice.randrange(1, 3))
            case "cut in a line":
                orderly = self._dice.random() < 0.5
                faults.cut_line("pods", self._dice.randrange(1, 3), orderly=orderly)
            case "repeated":
                faults.repeat("pods", self._dice.randrange(1, 5))
            case "late bookmark":
                faults.late_bookmark("pods", self._dice.randrange(1, 5))
            case "restarted":
                server.restart(warm_up_s=0)

    def is_restored(self) -> None:
        """From a backup of some time ago; then it runs what it should, under versions that were
        given before."""
        backup, names = self._backup
        self.server.restore(backup, warm_up_s=0)
        self.is_back()
        wanted, self._pods = self._pods, {}
        for name in sorted(names):
            self.server.delete("Pod", name)
        self.runs(*wanted.values())
        self.is_backed_up()

    def is_backed_up(self) -> None:
        """As it is now."""
        self._backup = self.server.backup(), frozenset(self._pods)


class Hasty(Stop):
    """Nobody waits: time is the test's."""

    def wait(self, seconds: float) -> bool:
        return self.is_set()


@dataclass(frozen=True)
class Stepped(Following):
    """One whose watch can be asked how far it has come."""

    watches: list[Watch[Raw]] = field(default_factory=list)

    def _watch(self, resource: Any) -> Watch[Raw]:
        self.watches[:] = [super()._watch(resource)]
        return self.watches[0]

    @property
    def version(self) -> int:
        """Up to which all was told; -1 before that."""
        return int(self.watches[0].version or -1) if self.watches else -1


class Watcher:
    """Follows one cluster for a controller, whenever it is told to look."""

    def __init__(self, feed: LiveFeed, served: Served, now: Callable[[], float]) -> None:
        self._feed, self._served = feed, served
        feed._stop = Hasty()
        names = [each.name for each in fields(Following)]
        self._followed: dict[Kind, tuple[Stepped, Iterator[float]]] = {}
        for one in feed._begin(lambda: None):
            given = {name: getattr(one, name) for name in names}
            stepped = Stepped(**{**given, "rng": random.Random(1), "monotonic": now})
            self._followed[one.kind] = stepped, stepped.steps()

    def look(self, most: int | None = None) -> bool:
        """Hear all there is to hear, or so many things of it; whether that was all."""
        last = self._served.server.bookmark()
        left = MOST * len(self._followed) if most is None else most
        for kind, (following, steps) in self._followed.items():
            while not self._has_heard(kind, following, last):
                if not left:
                    assert most is not None, f"{kind} is not heard: {self._feed.hearing()[kind]}"
                    return False
                left -= 1
                next(steps)
            for _ in range(AGAIN if self._is_lost(kind) else 0):
                next(steps)
                assert self._feed.hearing()[kind].lost, f"{kind} is heard: {self._served.lost}"
        strangers = self._feed._strangers
        if strangers is None:
            return True
        while strangers.look_around() or strangers.ask_next():
            pass
        strangers.settle_down()
        return strangers.settled

    def _has_heard(self, kind: Kind, following: Stepped, last: int) -> bool:
        interrupted = bool(self._feed.hearing()[kind].lost)
        return interrupted if self._is_lost(kind) else following.version >= last and not interrupted

    def _is_lost(self, kind: Kind) -> bool:
        return bool(self._served.lost) and (kind is Kind.PODS or self._served.is_away)

    def close(self) -> None:
        """Its process is gone, or follows something else."""
        self._feed._stop.set()
        for _, steps in self._followed.values():
            steps.close()  # type: ignore[attr-defined]


def serve(stack: ExitStack, folder: Path, clusters: Iterable[str]) -> dict[str, Served]:
    """An API server for each of these clusters, and its kubeconfig."""
    found = {}
    for name in clusters:
        server = stack.enter_context(KubernetesSimulator())
        path = folder / f"{name}.kubeconfig"
        found[name] = Served(server, path, random.Random(name))
    return found
