"""One estate for every client: ADOM prod, two FortiGates, one package in a folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from fmgsync.simulator import Simulator

_LEFT_OPEN = (
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore::ResourceWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Connections that others' programs leave open are their business; they are found whenever
    the collector comes by, in whichever test of this folder that is."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            for warning in _LEFT_OPEN:
                item.add_marker(pytest.mark.filterwarnings(warning))


class Clock:
    """The time of day, since clients compare it with their own; tests may set it forward."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def now(self) -> float:
        """Epoch seconds at the unit."""
        return time.time() + self._ahead_s

    def advance(self, seconds: float) -> None:
        """Let time pass at the unit."""
        self._ahead_s += seconds


class Serve(Protocol):
    """Starts a simulator that is stopped when the test ends."""

    def __call__(self, **keys: Any) -> Simulator: ...


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def serve(clock: Clock) -> Iterator[Serve]:
    with ExitStack() as running:

        def start(**keys: Any) -> Simulator:
            return running.enter_context(Simulator({**_SEED, **keys}, clock=clock.now))

        yield start


KEY = "0123456789abcdefghijklmnopqrst"
"""Of the FortiGate's API administrator; some clients want so long a one."""


@pytest.fixture
def branch(serve: Serve) -> Simulator:
    """A FortiGate that nobody manages, in a simulator of its own."""
    users = [{"name": "robot", "key": KEY}]
    known: dict[str, Any] = {
        "addresses": [{"name": "legacy", "subnet": "10.9.0.1/32"}],
        "addressGroups": [{"name": "shop", "members": ["legacy"]}],
        "policies": [{"name": "web", "srcaddr": ["shop"], "dstaddr": ["all"]}],
    }
    return serve(fortigates=[{"name": "branch", "version": "7.4.5", "apiUsers": users, **known}])


def place_of(unit: Simulator, name: str = "branch") -> tuple[str, int]:
    """Host and port of a FortiGate's own REST API."""
    host, _, port = unit.fortigates[name].rpartition("//")[2].rpartition(":")
    return host, int(port)


_SEED: dict[str, Any] = {
    "admins": [
        {"user": "robot", "password": "secret", "adoms": ["prod"]},
        {"user": "token", "apiKey": "k3y", "adoms": ["prod"]},
    ],
    "adoms": [
        {
            "name": "prod",
            "devices": [
                {"name": "fgt-1", "installSeconds": 0.5},
                {"name": "fgt-2", "vdoms": ["root", "dmz"], "installSeconds": 0.5},
            ],
            "addresses": [{"name": "legacy", "subnet": "10.9.0.1/32"}],
            "addressGroups": [{"name": "shop", "members": ["legacy"]}],
            "packages": [
                {
                    "name": "edge/default",
                    "targets": ["fgt-1/root", "fgt-2/dmz"],
                    "policies": [{"name": "web", "srcaddr": ["shop"], "dstaddr": ["all"]}],
                }
            ],
        }
    ],
}
