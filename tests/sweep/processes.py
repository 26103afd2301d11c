"""Processes that cost little: one has everything imported, and forks for each command.

The clock is a page of memory that all share, so that nobody waits: sleeping moves it. Whoever is
killed leaves it as it is.
"""

from __future__ import annotations

import gc
import importlib
import json
import mmap
import os
import pkgutil
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.sweep.forging import Forged, Forging
from tests.sweep.transport import Trouble, Troubled

ROOT = Path(__file__).parents[2]
STARTS_AT = 1_767_225_600.0
LONGEST_S = 120
"""No command may take longer; most take a tenth of a second."""
_TIME, _COUNT, _PACE = 0, 8, 16


class Page:
    """A clock and a counter of requests in a file that several processes have mapped."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(mmap.PAGESIZE))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self._lock = threading.Lock()

    def now(self) -> float:
        """UTC epoch seconds."""
        found: float = struct.unpack_from("d", self._memory, _TIME)[0]
        return found

    def steady(self) -> float:
        """Nobody sets it."""
        return self.now()

    def sleep(self, seconds: float) -> None:
        """Move the clock; returns at once."""
        with self._lock:
            struct.pack_into("d", self._memory, _TIME, self.now() + max(0.0, seconds))

    @property
    def requests(self) -> int:
        """How many requests the command has made, or was about to make when it died."""
        return int(struct.unpack_from("q", self._memory, _COUNT)[0])

    def count(self) -> int:
        """The number of the next request."""
        self.sleep(struct.unpack_from("d", self._memory, _PACE)[0])
        with self._lock:
            number = self.requests + 1
            struct.pack_into("q", self._memory, _COUNT, number)
            return number

    def slow_down(self, seconds: float) -> None:
        """Each request takes so long from now on."""
        struct.pack_into("d", self._memory, _PACE, seconds)

    def begin(self) -> None:
        """No request yet."""
        struct.pack_into("q", self._memory, _COUNT, 0)


@dataclass(frozen=True)
class Ended:
    """How a process ended: an exit code or the signal that ended it, and what it said."""

    code: int
    signal: int
    requests: int
    said: str


class Processes:
    """Starts commands, each in a process of its own, from one that has imported everything."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "page"
        self.page = Page(self._path)
        self.page.sleep(STARTS_AT - self.page.now())
        self._said = folder / "said"

    def __enter__(self) -> Self:
        here, there = socket.socketpair()
        self._server = subprocess.Popen(
            [sys.executable, "-m", __name__, str(there.fileno()), str(self._path)],
            pass_fds=[there.fileno()],
            cwd=ROOT,
            start_new_session=True,
        )
        there.close()
        here.settimeout(LONGEST_S)
        self._socket, self._lines = here, here.makefile("r", encoding="utf-8")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lines.close()
        self._socket.close()
        self._server.wait()

    def run(
        self,
        folder: Path,
        words: Sequence[str],
        trouble: Trouble | None = None,
        forged: Forged | None = None,
    ) -> Ended:
        """`fmgsync WORDS` in a folder, and what becomes of it."""
        status = self._ask(
            folder,
            words,
            trouble=asdict(trouble) if trouble else None,
            forged=asdict(forged) if forged else None,
        )
        said = self._said.read_text("utf-8", "replace")
        code = os.waitstatus_to_exitcode(status)
        return Ended(max(code, 0), max(-code, 0), self.page.requests, said)

    def warm(self, folder: Path, words: Sequence[str]) -> None:
        """Run it once where commands are forked from, so that each begins with what it would else
        import, compile and look up first: that is a third of what a command with little to do
        costs. What is kept are functions of their arguments, nothing of the estate."""
        self._ask(folder, words, warm=True)

    def _ask(self, folder: Path, words: Sequence[str], **more: Any) -> int:
        job = {"folder": str(folder), "words": list(words), "said": str(self._said), **more}
        self._socket.sendall(json.dumps(job).encode() + b"\n")
        return int(json.loads(self._lines.readline()))


def serve(descriptor: int, path: Path) -> None:
    """Fork for each line that asks for a command, and tell how that ended; to the end of input."""
    from fmgsync import cli, clock

    needed = [name for _, name, _ in pkgutil.iter_modules(cli.__path__, "fmgsync.cli.")]
    for name in (*needed, "fmgsync.targets.fortigate.target", "fmgsync.wiring.wiring"):
        importlib.import_module(name)
    gc.set_threshold(50_000, 20, 20)  # as the command itself does
    gc.freeze()  # what all share is never looked at again, so no page of it is copied
    page = Page(path)
    clock.SystemClock.now = lambda self: page.now()  # type: ignore[method-assign]
    clock.SystemClock.steady = lambda self: page.steady()  # type: ignore[method-assign]
    clock.SystemClock.sleep = lambda self, seconds: page.sleep(seconds)  # type: ignore[method-assign]
    with socket.socket(fileno=descriptor) as connection, connection.makefile("r") as lines:
        for line in lines:
            job = json.loads(line)
            page.begin()
            status = _warmed(job, page) if job.get("warm") else _forked(job, page)
            connection.sendall(json.dumps(status).encode() + b"\n")


def _forked(job: dict[str, Any], page: Page) -> int:
    child = os.fork()
    if child == 0:
        _become(job, page)
    return _end_of(child)


def _warmed(job: dict[str, Any], page: Page) -> int:
    """The command right here."""
    from fmgsync.cli import common, main

    kept = [os.dup(stream) for stream in (1, 2)]
    _say_into(job["said"])
    os.chdir(job["folder"])
    code = main.run(job["words"], context=common.Taps(lambda access: Troubled(page, None)))
    sys.stdout.flush()
    sys.stderr.flush()
    for stream, former in zip((1, 2), kept, strict=True):
        os.dup2(former, stream)
        os.close(former)
    os.chdir(ROOT)
    gc.collect()
    gc.freeze()
    return code << 8


def _say_into(path: str) -> None:
    said = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    for stream in (1, 2):
        os.dup2(said, stream)
    os.close(said)


def _end_of(child: int) -> int:
    """How it ended; one that hangs is killed, which no case takes for a good end."""

    def kill(number: int, frame: object) -> None:
        os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, kill)
    signal.alarm(LONGEST_S - 10)
    _, status = os.waitpid(child, 0)
    signal.alarm(0)
    return status


def _become(job: dict[str, Any], page: Page) -> None:
    """The command, as the shell would start it, on a computer whose time is the page's."""
    from fmgsync.cli import common, interrupting, main

    code = 70
    try:
        _say_into(job["said"])
        os.chdir(job["folder"])
        signal.signal(signal.SIGINT, signal.default_int_handler)
        trouble = Trouble(**job["trouble"]) if job["trouble"] else None
        forged = Forged(**job["forged"]) if job["forged"] else None
        taps = common.Taps(
            lambda access: Forging(page, forged) if forged else Troubled(page, trouble)
        )
        with interrupting.ended_by_signals():
            code = main.run(job["words"], context=taps)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
