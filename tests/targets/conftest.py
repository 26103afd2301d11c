"""A simulated FortiManager per test, and sessions and ADOM adapters that reach it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from requests.adapters import HTTPAdapter

from fmgsync.clock import ManualClock
from fmgsync.model.target import TargetRef
from fmgsync.simulator import Simulator
from fmgsync.targets.fortimanager.access import Access
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.fortimanager.target import FortiManagerAdom

REF = TargetRef("hq", "prod")
OWNER = "prod"


class Unit:
    """One simulated FortiManager with everything a test does to it."""

    def __init__(self, simulator: Simulator, clock: ManualClock) -> None:
        self.simulator = simulator
        self.clock = clock

    def access(self, user: str = "fmgsync", password: str = "secret") -> Access:
        """How to reach it as this administrator."""
        return Access(
            "hq",
            urlsplit(self.simulator.url).netloc,
            user,
            password,
            ca_file=Path(self.simulator.ca_file),
        )

    def session(
        self,
        user: str = "fmgsync",
        password: str = "secret",
        *,
        adapter: HTTPAdapter | None = None,
    ) -> Session:
        """A session that is not yet open."""
        return Session(self.access(user, password), clock=self.clock, adapter=adapter)

    def keyed(self, adapter: HTTPAdapter | None = None) -> FortiManagerAdom:
        """The same, reached with an API key."""
        key = replace(self.access(), username=None, password=None, api_key="k3yk3yk3y")
        return FortiManagerAdom(
            REF,
            owner=OWNER,
            open_session=lambda: Session(key, clock=self.clock, adapter=adapter),
            clock=self.clock,
        )

    def kill(self, session: Session) -> None:
        """What `diagnose system admin-session kill` does."""
        number = session.number()
        world = self.simulator.world
        with world.lock:
            for one in world.sessions.all():
                if one.sid == number:
                    world.sessions.end(one)

    def adom(self, *, adapter: HTTPAdapter | None = None, **options: Any) -> FortiManagerAdom:
        """The ADOM `prod`, reached by administrator `fmgsync`."""
        return FortiManagerAdom(
            REF,
            owner=OWNER,
            open_session=lambda: self.session(adapter=adapter),
            clock=self.clock,
            **options,
        )


Start = Callable[..., Unit]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a simulator from a seed; all are stopped when the test ends."""
    with ExitStack() as stack:

        def begin(seed: Mapping[str, Any], **options: Any) -> Unit:
            clock = ManualClock()
            unit = Simulator(seed, clock=clock.now, strict=True, **options)
            return Unit(stack.enter_context(unit), clock)

        yield begin


def seed(**changes: Any) -> dict[str, Any]:
    """ADOM `prod` with three FortiGates, a device group and one package with a policy."""
    adom = {
        "name": "prod",
        "osVersion": "7.4",
        "devices": [
            {"name": "fgt-1", "vdoms": ["root"]},
            {"name": "fgt-2", "vdoms": ["root", "dmz"]},
            {"name": "fgt-3", "vdoms": ["root"]},
        ],
        "deviceGroups": [{"name": "East", "members": ["fgt-1/root", "fgt-2/dmz"]}],
        "addresses": [{"name": "legacy-db", "subnet": "10.9.0.1/32", "comment": "by hand"}],
        "addressGroups": [{"name": "legacy", "members": ["legacy-db"]}],
        "packages": [
            {
                "name": "edge/default",
                "targets": ["fgt-1/root", "group:East"],
                "policies": [
                    {
                        "name": "web",
                        "srcaddr": ["legacy"],
                        "dstaddr": ["all"],
                        "service": ["ALL"],
                        "action": "accept",
                    }
                ],
            }
        ],
    }
    adom.update(changes.pop("adom", {}))
    return {
        "version": "7.4.5",
        "workspaceMode": "disabled",
        "admins": [
            {"user": "fmgsync", "password": "secret", "rpcPermit": "read-write", "adoms": ["prod"]},
            {"user": "alice", "password": "wonder", "rpcPermit": "read-write", "adoms": ["prod"]},
            {"user": "reader", "password": "look", "rpcPermit": "read", "adoms": ["prod"]},
            {"user": "nobody", "password": "none", "rpcPermit": "none", "adoms": ["prod"]},
            {"user": "robot", "apiKey": "k3yk3yk3y", "rpcPermit": "read-write"},
        ],
        "adoms": [adom],
        **changes,
    }
