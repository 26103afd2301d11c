"""A FortiManager in a process of its own, which tells what a client costs it."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from fmgsync.simulator import Simulator
from fmgsync.simulator.wire.delivery import Reply
from fmgsync.simulator.wire.exchange import Request
from fmgsync.simulator.wire.requestlog import Entry


@dataclass(frozen=True)
class Cost:
    """What one client's run cost the unit since it was asked before; `sent` of the bytes came from
    the client, and nobody else was kept out for longer than `longest_lock_s` at a time."""

    requests: int
    bytes: int
    locked_s: float
    sent: int = 0
    longest_lock_s: float = 0.0


@dataclass
class _Meter:
    requests: int = 0
    bytes: int = 0
    sent: int = 0
    locked_s: float = 0.0
    longest_lock_s: float = 0.0
    locked_at: float | None = None

    def look(self, entry: Entry) -> None:
        for url, code in zip(entry.urls, entry.codes, strict=True):
            if code != 0:
                continue
            if "/workspace/lock" in url and self.locked_at is None:
                self.locked_at = time.monotonic()
            elif "/workspace/unlock" in url and self.locked_at is not None:
                held_s = time.monotonic() - self.locked_at
                self.locked_s += held_s
                self.longest_lock_s = max(self.longest_lock_s, held_s)
                self.locked_at = None

    def take(self) -> Cost:
        cost = Cost(self.requests, self.bytes, self.locked_s, self.sent, self.longest_lock_s)
        self.requests, self.bytes, self.sent = 0, 0, 0
        self.locked_s = self.longest_lock_s = 0.0
        return cost


def _play(seed: dict[str, Any], latency: float, talk: Connection) -> None:
    meter, unit = _Meter(), Simulator(seed, latency=latency)
    answer = unit._envelope.answer

    def counted(http: Request) -> Reply:
        reply = answer(http)
        meter.requests += 1
        meter.bytes += len(http.body) + len(reply.body)
        meter.sent += len(http.body)
        return reply

    unit._envelope.answer = counted  # type: ignore[method-assign]
    unit.requests.follow = meter.look
    with unit:
        talk.send((unit.host, unit.ca_file))
        while (asked := talk.recv()) != "end":
            rows = unit.world.adoms["prod"].ground.rows(asked[1]) if asked[0] == "rows" else ()
            talk.send(meter.take() if asked[0] == "cost" else len(rows))


class Unit:
    """The process, as this one sees it."""

    def __init__(self, talk: Connection) -> None:
        self._talk = talk
        self.host, self.ca_file = talk.recv()

    def cost(self) -> Cost:
        """What was asked of it since the last time."""
        self._talk.send(("cost",))
        found: Cost = self._talk.recv()
        return found

    def count(self, table: str) -> int:
        """Rows of one of the ADOM's tables: whether a client did what it was told."""
        self._talk.send(("rows", table))
        return int(self._talk.recv())


@contextmanager
def running(seed: dict[str, Any], latency: float) -> Iterator[Unit]:
    """One unit, fresh; `latency` in seconds is added to every answer."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_play, args=(seed, latency, there), daemon=True)
    process.start()
    try:
        yield Unit(here)
    finally:
        here.send("end")
        process.join(10)
