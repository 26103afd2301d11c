"""Random rollouts: whatever fails, the budget holds, nothing starts outside its window.

The world below knows nothing of stages, ledgers or rooms. It counts for itself what is at risk and
what is open, and objects to any start it would not have made.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from fmgsync.scheduling import ledger, waves
from fmgsync.scheduling.budget import Limit, Percent
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rollout import (
    Candidate,
    Decision,
    HoldKind,
    NamedWave,
    Readiness,
    RolloutPolicy,
    WaveSize,
)
from fmgsync.scheduling.timetable import Opening
from tests.scheduling.clockchanges import utc

START = utc("2026-01-01T00:00")
SECOND = timedelta(seconds=1)


@dataclass
class Box:
    """A device of the world: its daily window, and what it is really like."""

    opens_s: int
    lasts_s: int
    pending: bool = True
    readiness: Readiness = Readiness.READY
    ends_at: datetime | None = None
    needs_s: float = 0.0
    failed: bool = False
    proven: bool = False
    wave: int | None = None

    def opening(self, now: datetime) -> Opening | None:
        day = now.replace(hour=0, minute=0, second=0)
        for start in (day - timedelta(days=1), day):
            opens = start + self.opens_s * SECOND
            if opens <= now < opens + self.lasts_s * SECOND:
                return Opening(opens, opens + self.lasts_s * SECOND)
        return None

    @property
    def at_risk(self) -> bool:
        return self.ends_at is not None or self.failed


@dataclass
class World:
    """Devices, a rollout's configuration, and dice."""

    dice: random.Random
    calm: bool = False
    now: datetime = START
    digest: int = 0
    book: Ledger | None = field(default_factory=lambda: Ledger("0"))
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        dice = self.dice
        windows = [(dice.randrange(86_400), dice.randrange(3_600, 60_000)) for _ in range(3)]
        self.boxes = {
            f"d{number:02}": Box(*dice.choice(windows)) for number in range(dice.randint(1, 16))
        }
        names = list(self.boxes)
        self.policy = RolloutPolicy(
            canary=tuple(dice.sample(names, dice.randint(0, min(2, len(names))))),
            waves=(*(self._wave(names) for _ in range(dice.randint(0, 3))), Percent(100)),
            pause=dice.choice((0, 120, 900)) * SECOND,
            max_failures=self._limit(),
        )

    def _wave(self, names: list[str]) -> WaveSize:
        kind = self.dice.randrange(3)
        if kind == 0:
            return Percent(self.dice.choice((5, 25, 50)))
        if kind == 1:
            return self.dice.randint(1, 6)
        return NamedWave("some", frozenset(self.dice.sample(names, min(3, len(names)))))

    def _limit(self) -> Limit:
        return self.dice.choice((0, 1, 2, 5, Percent(10), Percent(40)))

    # -- what happens ------------------------------------------------------------------------------

    def pass_time(self) -> None:
        self.now += self.dice.choice((10, 60, 300, 1800)) * SECOND
        for name, box in self.boxes.items():
            if box.ends_at is not None and box.ends_at <= self.now:
                self._end(name, box)
            if not self.calm:
                self._trouble(box)

    def _end(self, name: str, box: Box) -> None:
        box.ends_at = None
        outcome = (
            "verified"
            if self.calm
            else self.dice.choice(
                ("verified", "verified", "verified", "verified", "failed", "withdrawn")
            )
        )
        if outcome == "failed":
            box.failed = True
            self.book = self.book and ledger.failed(self.book, name, self.now, "dice")
        elif outcome == "withdrawn":
            self.book = self.book and ledger.withdrawn(self.book, name)
        else:
            box.pending = False
            box.proven = box.proven or box.wave is not None
            self.book = self.book and ledger.verified(self.book, name, self.now, box.needs_s)

    def _trouble(self, box: Box) -> None:
        chance = self.dice.random()
        if chance < 0.03:
            box.readiness = self.dice.choice(
                (Readiness.OFFLINE, Readiness.UNSYNCED, Readiness.BLOCKED)
            )
        elif chance < 0.2:
            box.readiness = Readiness.READY
        elif chance < 0.22:
            box.pending = True

    def change_rules(self) -> None:
        self.digest += 1
        self.book = self.book and ledger.for_digest(self.book, str(self.digest))
        for box in self.boxes.values():
            box.proven, box.wave, box.pending = False, None, True

    def resume(self) -> None:
        """A person looks, waits until nothing is under way, and lets it go on."""
        if any(box.ends_at is not None for box in self.boxes.values()):
            return
        self.book = ledger.resumed(self.book) if self.book else Ledger(str(self.digest))
        if not self.book.proofs:
            for box in self.boxes.values():
                box.proven = False
        for box in self.boxes.values():
            box.failed = False

    # -- what is decided ---------------------------------------------------------------------------

    def decide(self) -> Decision:
        candidates = [
            Candidate(
                name,
                box.readiness if box.pending else Readiness.UP_TO_DATE,
                box.opening(self.now),
            )
            for name, box in self.boxes.items()
        ]
        self.dice.shuffle(candidates)
        decision = waves.decide(self.policy, self.book, candidates, self.now)
        told = {wait.device for wait in decision.waits} | set(decision.start)
        for name, box in self.boxes.items():
            if box.pending and box.ends_at is None:
                assert name in told, f"nothing is said of {name}"
        if decision.held is not None:
            self.seen.add(decision.held.kind)
            assert decision.start == ()
        return decision

    def start(self, decision: Decision) -> None:
        if not decision.start:
            return
        assert self.book is not None
        self.check_order(decision)
        self.book = ledger.started(self.book, decision.start, decision.wave, self.now)
        for name in decision.start:
            box = self.boxes[name]
            assert box.pending, name
            assert box.readiness is Readiness.READY, name
            assert box.opening(self.now) is not None, f"{name} started outside its window"
            assert not box.at_risk, name
            box.needs_s = self.dice.randint(5, 200)
            box.ends_at = self.now + box.needs_s * SECOND
            box.wave = None if box.proven else decision.wave
        self.check_budget()

    def check_budget(self) -> None:
        at_risk = [box for box in self.boxes.values() if box.at_risk]
        assert len(at_risk) <= self.allowed(self.policy.max_failures)

    def allowed(self, limit: Limit) -> int:
        if isinstance(limit, Percent):
            limit = math.floor(limit.value * len(self.boxes) / 100)
        return max(1, limit)

    def check_order(self, decision: Decision) -> None:
        """The canary first; then no wave before the ones before it have ended."""
        new = [name for name in decision.start if not self.boxes[name].proven]
        if not new or set(new) <= set(self.policy.canary):
            return
        assert decision.wave is not None
        for name in self.policy.canary:
            box = self.boxes[name]
            assert box.proven or not (box.pending or box.at_risk), f"canary {name} is unproven"
        for box in self.boxes.values():
            open_wave = box.wave if box.ends_at is not None else None
            assert open_wave is None or open_wave >= decision.wave
        reach = max(map(self.most, self.policy.waves[: decision.wave]))
        if not isinstance(self.policy.waves[decision.wave - 1], NamedWave):
            assert self.reached() + len(new) <= reach

    def most(self, size: WaveSize) -> int:
        if isinstance(size, Percent):
            return math.ceil(size.value * len(self.boxes) / 100)
        return 0 if isinstance(size, NamedWave) else size

    def reached(self) -> int:
        return sum(
            box.proven or (box.at_risk and box.wave is not None) for box in self.boxes.values()
        )


def simulate(seed: int) -> set[str]:
    """One rollout through trouble, then a calm time in which it must come to its end."""
    dice = random.Random(seed)
    world = World(dice)
    for _ in range(80):
        world.pass_time()
        if dice.random() < 0.02:
            world.change_rules()
        if dice.random() < 0.01:
            world.book = None
        decision = world.decide()
        world.start(decision)
        if decision.held is not None and dice.random() < 0.2:
            world.resume()
    world.calm = True
    for box in world.boxes.values():
        box.readiness = Readiness.READY
    for _ in range(3000):
        if not any(box.pending for box in world.boxes.values()):
            world.seen.add("completed")
            return world.seen
        world.pass_time()
        decision = world.decide()
        world.start(decision)
        if decision.held is not None and decision.held.kind is not HoldKind.CANARY_UNAVAILABLE:
            world.resume()
    raise AssertionError(f"never came to its end: {decision}")


def test_random_rollouts_keep_to_budget_windows_and_order() -> None:
    seen: set[str] = set()
    for seed in range(75):
        seen |= simulate(seed)
    # The dice have to have met what the rules are for.
    assert seen >= {
        "completed",
        HoldKind.BUDGET_SPENT,
        HoldKind.CANARY_FAILED,
        HoldKind.CANARY_UNAVAILABLE,
        HoldKind.LEDGER_LOST,
    }


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_ten_thousand_random_rollouts(block: int) -> None:
    for seed in range(1000 + block * 1000, 2000 + block * 1000):
        assert "completed" in simulate(seed)
