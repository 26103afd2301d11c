"""What a process may forbid to its sessions, and what it learns of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmgsync import errors
from fmgsync.clock import SystemClock
from fmgsync.simulator import Simulator
from fmgsync.targets.fortimanager.access import Access
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.hooks import Hooks

TABLE = "/pm/config/adom/root/obj/firewall/address"
LOCK = "/dvmdb/adom/root/workspace"


class Deposed:
    """Allows a number of writes, then none."""

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed

    def __call__(self) -> None:
        if self.allowed == 0:
            raise errors.LockLost("another replica works on this ADOM now")
        self.allowed -= 1


def test_a_deposed_replica_writes_nothing_more_but_gives_back_its_lock() -> None:
    """The check comes before every writing request; unlock and logout are always allowed."""
    address = {"name": "a", "subnet": "10.0.0.1/32"}
    with Simulator({"workspaceMode": "normal"}, strict=True) as unit:
        access = Access(
            "hq", unit.host, username="admin", password="admin", ca_file=Path(unit.ca_file)
        )
        hooks = Hooks(before_write=Deposed(allowed=1))
        with Session(access, clock=SystemClock(), hooks=hooks) as session:
            assert session.call("exec", [{"url": f"{LOCK}/lock"}])[0].ok
            with pytest.raises(errors.LockLost):
                session.call("add", [{"url": TABLE, "data": address}])
            assert session.call("get", [{"url": TABLE}])[0].ok
            assert session.call("exec", [{"url": f"{LOCK}/unlock"}])[0].ok
        assert unit.console().object("root", "address", "a") is None


def test_every_request_is_timed() -> None:
    seen: list[tuple[str, str]] = []
    with Simulator(strict=True) as unit:
        access = Access(
            "hq", unit.host, username="admin", password="admin", ca_file=Path(unit.ca_file)
        )
        hooks = Hooks(after_request=lambda name, method, s: seen.append((name, method)))
        with Session(access, clock=SystemClock(), hooks=hooks) as session:
            session.call("get", [{"url": TABLE}])
    assert ("hq", "get") in seen
