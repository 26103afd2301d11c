"""Random estates of devices in packages, and what becomes of them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fmgsync.model.adom import AdomTopology, Device, PackageStatus, Workspace
from fmgsync.model.rollout import PendingInstall, PendingReason
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.scheduling import admission, ledger, waves
from fmgsync.scheduling.admission import Admission, Situation
from fmgsync.scheduling.budget import Limit, Percent
from fmgsync.scheduling.calendar import Calendar
from fmgsync.scheduling.install_policy import RolloutTerms, Terms
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rollout import Overrun, RolloutPolicy
from fmgsync.scheduling.window import Scope, Window, WindowKind
from tests.scheduling.clockchanges import utc

REF = TargetRef("hq", "prod")
START = utc("2026-01-01T00:00")
PACKAGES = {"root": "outer", "dmz": "inner"}
BEHIND = (PendingReason.DEVICE_DATABASE_BEHIND,)


@dataclass(frozen=True)
class Hours:
    """A daily window as the world knows it; `devices` None is everybody."""

    opens_min: int
    lasts_min: int
    devices: frozenset[str] | None

    def covers(self, device: str, now: datetime) -> bool:
        if self.devices is not None and device not in self.devices:
            return False
        minute = (now - START) / timedelta(minutes=1)
        return (minute - self.opens_min) % 1440 < self.lasts_min

    def window(self, kind: WindowKind) -> Window:
        schedule = f"{self.opens_min % 60} {self.opens_min // 60} * * *"
        scope = Scope(devices=tuple(sorted(self.devices))) if self.devices else Scope()
        return Window(kind, schedule, timedelta(minutes=self.lasts_min), scope=scope)


@dataclass
class World:
    """Devices and their VDOMs, what is pending where, and what went wrong."""

    dice: random.Random
    now: datetime = START
    book: Ledger = field(default_factory=lambda: Ledger("0"))
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        dice = self.dice
        self.names = [f"d{number}" for number in range(dice.randint(1, 8))]
        self.vdoms = {name: ("root", "dmz")[: dice.randint(1, 2)] for name in self.names}
        targets = [DeviceVdom(name, vdom) for name in self.names for vdom in self.vdoms[name]]
        self.pending = set(targets)
        self.online = dict.fromkeys(self.names, True)
        self.failed: set[str] = set()
        self.allow = [self._hours(120, 900) for _ in range(dice.randint(1, 2))]
        self.deny = [self._hours(10, 300) for _ in range(dice.randint(0, 2))]
        windows = [each.window(WindowKind.ALLOW) for each in self.allow]
        windows += [each.window(WindowKind.DENY) for each in self.deny]
        self.statuses = tuple(PackageStatus(t, PACKAGES[t.vdom], "modified") for t in targets)
        canary = dice.sample(self.names, dice.randint(0, 1))
        self.terms = Terms(
            calendar=Calendar(tuple(windows)),
            overrun=dice.choice(list(Overrun)),
            rollout=RolloutTerms(
                canary=tuple(canary),
                waves=(dice.choice((1, 2, Percent(40), "group:some")), Percent(100)),
                pause=timedelta(minutes=dice.choice((0, 5))),
                max_failures=self._limit(),
            ),
        )

    def _hours(self, shortest: int, longest: int) -> Hours:
        dice = self.dice
        some = frozenset(dice.sample(self.names, dice.randint(1, len(self.names))))
        lasts = dice.randint(shortest, longest)
        return Hours(dice.randrange(1440), lasts, some if dice.random() < 0.4 else None)

    def _limit(self) -> Limit:
        return self.dice.choice((0, 1, 2, Percent(30)))

    # -- what the world itself says ------------------------------------------------------------

    def allowed(self, device: str, at: datetime | None = None) -> bool:
        return any(each.covers(device, at or self.now) for each in self.allow)

    def denied(self, device: str) -> bool:
        return any(each.covers(device, self.now) for each in self.deny)

    def budget(self) -> int:
        limit = self.terms.rollout.max_failures
        if isinstance(limit, Percent):
            limit = math.floor(limit.value * len(self.names) / 100)
        return max(1, limit)

    def slow(self) -> timedelta:
        past = sorted(self.book.past_s)
        seconds = past[math.ceil(0.9 * len(past)) - 1] if past else 300.0
        return timedelta(seconds=seconds)

    # -- one round, as the controller makes it -------------------------------------------------

    def topology(self) -> AdomTopology:
        devices = {
            name: Device(name, self.vdoms[name], online=self.online[name], in_sync=True)
            for name in self.names
        }
        some = frozenset(DeviceVdom(name, "root") for name in self.names[::2])
        return AdomTopology(REF, (7, 4), Workspace.NORMAL, devices, {"some": some})

    def admissions(self) -> tuple[Admission, ...]:
        waiting = [
            PendingInstall(REF, target, PACKAGES[target.vdom], ("web",), BEHIND)
            for target in sorted(self.pending)
        ]
        return admission.admit(
            waiting, Situation(self.topology(), self.statuses, self.terms, self.now)
        )

    def round(self) -> bool:
        """Decide, look for a while, then call package by package; whether anything started."""
        admissions, topology = self.admissions(), self.topology()
        policy = self.terms.rollout.policy(topology, self.terms.overrun)
        found = admission.candidates(admissions, policy.canary, (), topology)
        decision = waves.decide(policy, self.book, found, self.now)
        if decision.held is not None:
            self.seen.add(decision.held.kind)
        if not decision.start:
            return False
        chosen = [each.pending.target for each in admission.starting(admissions, decision.start)]
        assert {target.device for target in chosen} == set(decision.start)
        for target in chosen:
            self.check_start(target.device)
        self.book = ledger.started(self.book, decision.start, decision.wave, self.now)
        assert len(self.book.at_risk | self.failed) <= self.budget()
        touched = self.calls(policy, chosen)
        self.end(chosen, touched)
        return True

    def check_start(self, device: str) -> None:
        assert self.online[device]
        assert self.allowed(device), f"{device} may start outside its window"
        assert not self.denied(device), f"{device} may start in a deny window"
        assert device not in self.failed, f"{device} failed and was not resumed"
        ends_at = self.now + max(timedelta(0), self.slow() - timedelta(seconds=1))
        assert self.allowed(device, ends_at), f"{device} started although its window is too short"

    def calls(self, policy: RolloutPolicy, chosen: list[DeviceVdom]) -> set[DeviceVdom]:
        """The calls of a round, one per package, each after looking; what they reached."""
        touched: set[DeviceVdom] = set()
        for package in sorted(set(PACKAGES.values())):
            scope = [target for target in chosen if PACKAGES[target.vdom] == package]
            if not scope:
                continue
            self.now += timedelta(seconds=self.dice.choice((5, 60, 1200, 7200)))
            now = {each.pending.target: each.judgement for each in self.admissions()}
            begun = bool(touched)
            if not all(waves.may_call(policy, now[t], begun=begun) for t in scope):
                self.seen.add("cut off")
                break
            for target in scope:
                assert not self.denied(target.device), "a call in a deny window"
                if not self.allowed(target.device):
                    assert begun
                    assert self.terms.overrun is Overrun.FINISH
                    self.seen.add("finished late")
            touched.update(scope)
            self.now += timedelta(seconds=self.dice.randint(10, 400))
        return touched

    def end(self, chosen: list[DeviceVdom], touched: set[DeviceVdom]) -> None:
        """Each device fails, or all its VDOMs that were reached are verified."""
        for device in sorted({target.device for target in chosen}):
            theirs = {target for target in chosen if target.device == device}
            if theirs & touched and self.dice.random() < 0.15:
                self.book = ledger.failed(self.book, device, self.now, "dice")
                self.failed.add(device)
                self.seen.add("failed")
                continue
            self.pending -= theirs & touched
            if theirs <= touched:
                (began,) = {each.started_at for each in self.book.running if each.device == device}
                took_s = (self.now - began).total_seconds()
                self.book = ledger.verified(self.book, device, self.now, took_s)
            else:
                self.book = ledger.withdrawn(self.book, device)

    def pass_time(self) -> None:
        self.now += timedelta(minutes=self.dice.choice((1, 20, 120)))
        for name in self.names:
            if self.dice.random() < 0.05:
                self.online[name] = not self.online[name]
        if self.dice.random() < 0.05:
            name = self.dice.choice(self.names)
            self.pending.update(DeviceVdom(name, vdom) for vdom in self.vdoms[name])
