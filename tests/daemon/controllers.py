"""Controllers that run on a thread of their own, and waiting for what they bring about."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from fmgsync.daemon.loop import Controller
from fmgsync.daemon.reload import Supervisor
from fmgsync.wiring import reloading, wiring
from tests import builders
from tests.end_to_end.estate import Estate

PATIENCE_S = 60.0
"""With other threads on a machine that does other things as well; nothing waits for it in vain."""


def web(name: str, ip: str) -> builders.Manifest:
    return builders.pod(name, ip, labels={"app": "web"})


def made(estate: Estate, before: Controller | None = None) -> Controller:
    """The controller of this estate, which remembers in the estate's own folder."""
    return wiring.make_controller(estate.path, state_dir=estate.folder / "state", before=before)


def supervised(estate: Estate) -> Supervisor:
    """What `fmgsync run` runs."""
    return Supervisor(partial(made, estate), lambda: reloading.referenced_files(estate.path))


@contextmanager
def running(
    estate: Estate, supervisor: Supervisor | Controller | None = None
) -> Iterator[Controller]:
    """A controller on its own thread, stopped at the end."""
    started = supervisor or made(estate)
    thread = threading.Thread(target=started.run)
    thread.start()
    try:
        yield started.controller if isinstance(started, Supervisor) else started
    finally:
        started.stop()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def free_port() -> int:
    """For a process that is started: one that no connection gets from the kernel meanwhile."""
    for port in random.sample(range(20_000, 30_000), 1000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def until(true: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait for something another thread brings about; fails if it never comes."""
    tick = threading.Event()
    for _ in range(int(patience_s / 0.05)):
        if true():
            return
        tick.wait(0.05)
    raise AssertionError("it did not happen")


def written(estate: Estate, *ips: str) -> bool:
    """Whether the ADOM's own addresses are exactly these."""
    found = estate.unit.console().objects("prod", "address")
    return {name for name in found if name.startswith("prod_")} == {f"prod_{ip}" for ip in ips}
