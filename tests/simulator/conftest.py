"""One small world: ADOM prod, two FortiGates (one with two VDOMs), one package in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest

from fmgsync.clock import ManualClock
from fmgsync.simulator import Simulator
from tests.simulator.client import Client


def small_seed(**more: Any) -> dict[str, Any]:
    """The seed most tests start from."""
    return {
        "admins": [
            {"user": "fmgsync", "password": "secret", "adoms": ["prod"]},
            {"user": "alice", "password": "wonder", "superAdmin": True},
            {"user": "reader", "password": "books", "rpcPermit": "read"},
            {"user": "nobody", "password": "nothing", "rpcPermit": "none"},
            {"user": "robot", "apiKey": "k3y"},
        ],
        "adoms": [
            {
                "name": "prod",
                "devices": [
                    {"name": "east-1", "vdoms": ["root", "dmz"], "installSeconds": 10},
                    {"name": "east-2", "installSeconds": 10},
                ],
                "deviceGroups": [{"name": "East", "members": ["east-1/root", "east-2"]}],
                "addresses": [
                    {"name": "db", "subnet": "10.9.0.1/32", "comment": "by hand"},
                    {"name": "spare", "subnet": "10.9.0.2/32"},
                ],
                "addressGroups": [{"name": "legacy", "members": ["db"]}],
                "packages": [
                    {
                        "name": "edge/default",
                        "targets": ["group:East"],
                        "policies": [{"name": "web", "srcaddr": ["legacy"], "dstaddr": ["all"]}],
                    }
                ],
            },
            {"name": "other"},
        ],
        **more,
    }


class Start(Protocol):
    """Makes a running simulator and a logged-in client."""

    def __call__(self, seed: dict[str, Any] | None = None) -> tuple[Simulator, Client]: ...


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def start(clock: ManualClock, stack: ExitStack) -> Start:
    def make(seed: dict[str, Any] | None = None) -> tuple[Simulator, Client]:
        simulator = stack.enter_context(Simulator(seed or small_seed(), clock=clock.now))
        client = stack.enter_context(Client(simulator))
        client.log_in()
        return simulator, client

    return make


@pytest.fixture
def connect(stack: ExitStack) -> Callable[..., Client]:
    """Another client of a simulator, logged in as somebody."""

    def make(simulator: Simulator, user: str = "alice", password: str = "wonder") -> Client:
        client = stack.enter_context(Client(simulator))
        client.log_in(user, password)
        return client

    return make
