"""A simulated FortiGate without a FortiManager per test, and what reaches it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from requests.adapters import HTTPAdapter

from fmgsync.clock import ManualClock
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.simulator import Simulator
from fmgsync.targets.fortigate.access import Access
from fmgsync.targets.fortigate.identities import Identities
from fmgsync.targets.fortigate.session import Session
from fmgsync.targets.fortigate.target import FortiGateVdom
from fmgsync.targets.fortigate.transactions import Ability
from fmgsync.targets.fortigate.unit import Unit
from fmgsync.targets.hooks import Hooks

OWNER = "prod"
NAME = "branch"


class Branch:
    """One simulated FortiGate with everything a test does to it."""

    def __init__(self, simulator: Simulator, clock: ManualClock, name: str = NAME) -> None:
        self.simulator = simulator
        self.clock = clock
        self.name = name
        self.box = simulator.fortigate(name)
        self.identities = Identities()

    def access(self, key: str = "k3y", **more: Any) -> Access:
        """How to reach it with a key; one connection, so that requests have an order."""
        host = urlsplit(self.simulator.fortigates[self.name]).netloc
        plain = Access(self.name, host, key, Path(self.simulator.ca_file), connections=1)
        return replace(plain, **more)

    def session(
        self, key: str = "k3y", *, adapter: HTTPAdapter | None = None, **more: Any
    ) -> Session:
        """A session that is not yet open."""
        return Session(self.access(key, **more), clock=self.clock, adapter=adapter)

    def target(
        self,
        vdom: str = "root",
        key: str = "k3y",
        *,
        owner: str = OWNER,
        managed: str = "no",
        transactions: str = "auto",
        member_limit: int = 600,
        name: str = NAME,
        hooks: Hooks | None = None,
        **more: Any,
    ) -> FortiGateVdom:
        """A VDOM of it, as the passes see it."""
        access = self.access(key, **more)
        unit = Unit(
            self.identities,
            asks_management=managed == "ask",
            member_limit=member_limit,
            ability=Ability(usable=transactions == "auto"),
        )
        ref = TargetRef(name, vdom, TargetKind.FORTIGATE)
        return FortiGateVdom(
            ref,
            unit,
            owner=owner,
            open_session=lambda: Session(access, clock=self.clock, hooks=hooks),
            clock=self.clock,
        )

    def groups(self, vdom: str = "root") -> set[str]:
        """IPv4 groups that are not the factory's."""
        return self.box.names("firewall addrgrp", vdom) - {"G Suite", "Microsoft Office 365"}

    def asked(self, *, since: int = 0) -> list[str]:
        """`METHOD path` of what was asked, without `/api/v2/` and query."""
        return [
            f"{entry.method} {entry.urls[0].partition('?')[0].strip('/').removeprefix('api/v2/')}"
            for entry in self.simulator.requests.since(since)
        ]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def boot(clock: ManualClock) -> Iterator[Callable[..., Branch]]:
    """Start a simulator with one unit of these properties."""
    with ExitStack() as stack:

        def make(*, faults: Any = None, seed: Any = None, **more: Any) -> Branch:
            one = {
                "name": NAME,
                "vdoms": ["root", "dmz"],
                "apiUsers": [
                    {"name": "fmgsync", "key": "k3y"},
                    {"name": "advised", "key": "adv1sed", "profile": "advised"},
                    {"name": "reader", "key": "r3ad", "profile": "read-only"},
                ],
                **more,
            }
            whole = {"fortigates": [one], **(seed or {})}
            started = Simulator(whole, clock=clock.now, faults=faults, strict=True)
            simulator = stack.enter_context(started)
            stack.callback(lambda: _sound(simulator))
            return Branch(simulator, clock, one["name"])

        yield make


def _sound(simulator: Simulator) -> None:
    assert not simulator.world.defects, simulator.world.defects


@pytest.fixture
def branch(boot: Callable[..., Branch]) -> Branch:
    return boot()
