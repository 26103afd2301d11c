"""One case: a command meets trouble at one of its requests; then it is run once more."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.sweep import scenes
from tests.sweep.processes import Ended, Processes
from tests.sweep.scene import Scene
from tests.sweep.scenes import DIRECT
from tests.sweep.transport import ON_THE_WAY, SIGNALS, Trouble

UNITS: dict[str, dict[str, Any]] = {
    "reset before": {"kind": "reset-before"},
    "reset after": {"kind": "reset-after"},
    "502": {"kind": "http-error", "status": 502},
    "502 after": {"kind": "http-error", "status": 502, "after_effect": True},
    "cut short": {"kind": "truncate"},
    "no JSON": {"kind": "garbage"},
    "another's": {"kind": "misdirected"},
    "session gone": {"kind": "expire-session"},
}
"""Faults that the simulator makes, on the wire."""
PUSHING = ("/securityconsole/install/objects/v2",)
FAULTS = (*UNITS, *ON_THE_WAY)
KINDS = (*SIGNALS, *FAULTS)
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""State and audit are written to the disk's last bit; nobody has to wait for that here."""
AGAIN = 3
"""Runs until somebody who approves has approved; elsewhere one is enough."""


@dataclass(frozen=True)
class Wrong:
    """A case after which something was not as it should be."""

    mode: str
    command: str
    trouble: Trouble
    what: str

    def __str__(self) -> str:
        where = f"{self.mode}, {self.command}, {self.trouble.kind} at request {self.trouble.at}"
        return f"{where}: {self.what}"


@dataclass
class Count:
    """How many cases there were, by mode, command and trouble, and what was wrong."""

    cases: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    requests: int = 0
    resumed: int = 0
    """How often somebody had to say `rollout resume`."""
    wrong: list[Wrong] = field(default_factory=list)

    def as_document(self) -> dict[str, Any]:
        """For another process."""
        wrong = [[w.mode, w.command, w.trouble.kind, w.trouble.at, w.what] for w in self.wrong]
        cases = [[*key, number] for key, number in self.cases.items()]
        numbers = {"requests": self.requests, "resumed": self.resumed}
        return {"cases": cases, "wrong": wrong, **numbers}

    @classmethod
    def of(cls, document: dict[str, Any]) -> Count:
        """What another process has counted."""
        wrong = [Wrong(m, c, Trouble(k, at), what) for m, c, k, at, what in document["wrong"]]
        cases = Counter({(m, c, k): number for m, c, k, number in document["cases"]})
        return cls(cases, document["requests"], document["resumed"], wrong)

    def add(self, other: Count) -> None:
        """What another part of the sweep found."""
        self.cases.update(other.cases)
        self.requests += other.requests
        self.resumed += other.resumed
        self.wrong += other.wrong


def swept(
    mode: str, command: str, kinds: Sequence[str], every: int, shift: int, *, after: int = 0
) -> Count:
    """One command in one mode, in a world of its own: of `every` so many cases one, at requests
    after so many.

    What is wrong after a case is not blamed on the next: that one begins in another world.
    """
    found, left = Count(), None
    while left is None or left:
        with TemporaryDirectory(prefix="fmgsync-sweep-", dir=MEMORY) as name:
            folder = Path(name)
            with (
                Processes(folder / "processes") as processes,
                scenes.open_scene(folder / "estate", processes, mode, command) as scene,
            ):
                processes.warm(scene.estate.folder, ["plan", *scene.place()])
                if left is None:
                    left = deque(troubles(scene, kinds, mode, every, shift, after))
                sweep(scene, mode, command, left, found)
    return found


def length(scene: Scene) -> int:
    """The requests of a run that nobody disturbs; of the longer of two, since in the first there is
    nothing to take away yet."""
    return max(undisturbed(scene), undisturbed(scene))


def undisturbed(scene: Scene) -> int:
    """The requests of the next run."""
    scene.begin()
    mark = scene.estate.unit.requests.mark()
    ended = scene.run()
    assert ended.code == scene.good or scene.decide(), ended.said
    assert len(scene.estate.unit.requests.locks(mark)) >= scene.locked
    again = 0
    while scene.run().code != scene.good and again < AGAIN:
        scene.decide()
        again += 1
    assert not scene.wrong(), scene.wrong()
    return ended.requests


def troubles(
    scene: Scene, kinds: Sequence[str], mode: str, every: int, shift: int, after: int
) -> Iterator[Trouble]:
    """Each kind at each request; of `every` so many one, all kinds in turn."""
    requests = range(after + 1, length(scene) + 1)
    met = [Trouble(kind, at) for at in requests for kind in kinds]
    for trouble in met[shift % every :: every]:
        if trouble.kind != "session gone" or mode != DIRECT:  # a key has no session
            yield trouble


def sweep(scene: Scene, mode: str, command: str, left: deque[Trouble], found: Count) -> None:
    """These cases, one after the other on the same estate, until one leaves something wrong."""
    while left:
        trouble = left.popleft()
        what = case(scene, trouble, found)
        found.cases[mode, command, trouble.kind] += 1
        if what:
            found.wrong.append(Wrong(mode, command, trouble, what))
            return


def case(scene: Scene, trouble: Trouble, count: Count) -> str:
    """What is wrong after one; empty if nothing is."""
    scene.begin()
    before, newest = scene.foreign(), scene.newest()
    mark = scene.estate.unit.requests.mark()
    ended = disturbed(scene, trouble)
    once = 2 if doubled(scene, trouble, mark) else 1
    count.requests += ended.requests
    first = orderly(scene, ended, trouble)
    scene.estate.clock.sleep(scene.rest_s)
    ended = scene.run()
    for _ in range(AGAIN):
        if not scene.decide() and not resumed(scene, ended, trouble, count):
            break
        ended = scene.run()
    found = [first, scene.wrong()]
    if ended.code != scene.good:
        found.append(f"the next run ended with {ended.code}: {tail(ended)}")
    if scene.foreign() != before:
        found.append("something of others was changed")
    if scene.locks():
        found.append(f"left locked: {scene.locks()}")
    found += [f"pushed {n} times to {d}" for d, n in scene.pushes(newest).items() if n != once]
    found += scene.estate.unit.world.defects
    return "; ".join(filter(None, found))


def resumed(scene: Scene, ended: Ended, trouble: Trouble, count: Count) -> bool:
    """A push that lost its session, and with it the lock, may have failed in the middle: it counts
    against the failure budget, so somebody looks at the device first, and lets it go on."""
    if trouble.kind != "session gone" or "fmgsync rollout resume" not in ended.said:
        return False
    scene.surely("rollout", "resume")
    count.resumed += 1
    return True


def disturbed(scene: Scene, trouble: Trouble) -> Ended:
    """The run that meets the trouble."""
    words = [*scene.words, *scene.place()]
    faults = scene.estate.unit.faults
    if trouble.kind in UNITS:
        faults.add(**UNITS[trouble.kind], skip=trouble.at - 1)
    ended = scene.processes.run(scene.estate.folder, words, trouble)
    faults.clear()
    return ended


def doubled(scene: Scene, trouble: Trouble, mark: int) -> bool:
    """Whether what came twice is a request that pushes objects: FortiManager makes two tasks of it,
    of the same content, which no client can prevent. Of a package there is nothing left to push."""
    asked = [each.urls for each in scene.estate.unit.requests.since(mark)]
    return trouble.kind == "twice" and asked[trouble.at - 1 : trouble.at + 1] == [PUSHING] * 2


def orderly(scene: Scene, ended: Ended, trouble: Trouble) -> str:
    """What is wrong about how the first run ended."""
    if "Traceback" in ended.said or "internal error" in ended.said:
        return f"a defect shows: {tail(ended)}"
    if trouble.kind.startswith("SIGKILL"):
        return "" if ended.signal == SIGNALS[trouble.kind] else f"it lives: {tail(ended)}"
    if ended.signal:
        return f"ended by signal {ended.signal}: {tail(ended)}"
    if trouble.kind in FAULTS and ended.code not in (0, 1, 3):
        return f"exit code {ended.code}: {tail(ended)}"
    if ended.code == 0 and not ended.signal and scene.wrong():
        return f"it said that all is well: {scene.wrong()}"
    if not ended.signal and scene.locks() and trouble.kind not in FAULTS:
        return f"ended in order and left locked: {scene.locks()}"
    return ""


def tail(ended: Ended) -> str:
    """The end of what was said."""
    return " | ".join(ended.said.strip().splitlines()[-4:])[-600:]
