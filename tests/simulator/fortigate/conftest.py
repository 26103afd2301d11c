"""A FortiGate that nobody manages, and a client that hides nothing of what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from fmgsync.clock import ManualClock
from fmgsync.simulator import Simulator


def unit(**more: Any) -> dict[str, Any]:
    """The unit most tests start from."""
    return {
        "name": "branch",
        "vdoms": ["root", "dmz"],
        "apiUsers": [
            {"name": "fmgsync", "key": "k3y"},
            {"name": "alice", "key": "wonder", "profile": "super_admin"},
        ],
        "addresses": [
            {"name": "db", "subnet": "10.9.0.1/32", "comment": "by hand"},
            {"name": "spare", "subnet": "10.9.0.2/32"},
            {"name": "db6", "ip6": "2001:db8::1/128"},
        ],
        "addressGroups": [
            {"name": "legacy", "members": ["db"]},
            {"name": "legacy6", "members": ["db6"], "family": "ipv6"},
        ],
        "policies": [{"name": "web", "srcaddr": ["legacy"], "dstaddr": ["all"]}],
        **more,
    }


class Rest:
    """Asks one unit; `last` is the HTTP answer of the last request.

    `keep`: the connection stays open until somebody closes `http`.
    """

    def __init__(
        self, simulator: Simulator, name: str = "branch", key: str = "k3y", *, keep: bool = False
    ) -> None:
        self.base = simulator.fortigates[name]
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = simulator.ca_file or True
        self.http.headers["Authorization"] = f"Bearer {key}"
        if not keep:
            self.http.headers["Connection"] = "close"
        self.last: requests.Response

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The body of the answer, whatever its status; `path` goes after /api/v2/."""
        url = f"{self.base}/api/v2/{path}"
        self.last = self.http.request(method, url, json=body, timeout=30, **more)
        return self.last.json()

    def outcome(self, method: str, path: str, body: Any = None, **more: Any) -> int | None:
        """200, the CLI's number, or another HTTP status."""
        answer = self.ask(method, path, body, **more)
        assert answer["status"] == ("success" if self.last.status_code == 200 else "error")
        assert answer["http_status"] == self.last.status_code
        code: int | None = answer.get("error", self.last.status_code)
        return code

    def get(self, path: str) -> Any:
        """Results of a GET that must succeed."""
        answer = self.ask("GET", path)
        assert answer["status"] == "success", answer
        return answer["results"]

    def names(self, table: str, query: str = "") -> list[str]:
        """Names in a table below cmdb/firewall/."""
        return [row["name"] for row in self.get(f"cmdb/firewall/{table}?format=name{query}")]

    def members(self, group: str, table: str = "addrgrp") -> list[str]:
        """Members of a group."""
        [row] = self.get(f"cmdb/firewall/{table}/{group}")
        return [member["name"] for member in row["member"]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def boot(clock: ManualClock, stack: ExitStack) -> Callable[..., tuple[Simulator, Rest]]:
    """Start a simulator with one unit of these properties, and a client of it.

    `seed`: what else the seed says; `faults`: what goes wrong.
    """

    def make(*, seed: Any = None, faults: Any = None, **more: Any) -> tuple[Simulator, Rest]:
        whole = {"fortigates": [unit(**more)], **(seed or {})}
        started = Simulator(whole, clock=clock.now, plain_http=True, faults=faults)
        simulator = stack.enter_context(started)
        rest = Rest(simulator, whole["fortigates"][0]["name"], keep=True)
        stack.callback(rest.http.close)
        return simulator, rest

    return make
