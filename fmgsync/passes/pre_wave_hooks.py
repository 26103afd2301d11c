"""Commands that must agree before a wave starts: no alert firing, a change ticket open, ...

They run without a shell, with a clean environment: no secret of ours reaches them, and none of
theirs changes what they do. What to look at is told in variables named FMGSYNC_*.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from contextlib import suppress
from typing import IO

from fmgsync.clock import Clock
from fmgsync.scheduling.install_policy import HoldCommand

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHOWN = 200
ANSWER_COUNTS_S = 60.0
"""So long an answer counts for all of a fleet that it was asked for."""


class Answers:
    """What the commands have said to a fleet: asked once for a wave, not for each of its targets.
    Any thread may use it; who asks meanwhile waits for the answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wave: Hashable = None
        self._devices: set[str] = set()
        self._counts_until = 0.0
        self._refusal: str | None = None

    def agreed(
        self,
        wave: Hashable,
        own: Collection[str],
        devices: Collection[str],
        clock: Clock,
        asks: Callable[[Iterable[str]], str | None],
    ) -> str | None:
        """None if all agree: about `own` devices of the target that asks, and all `devices` of its
        fleet in this wave. A yes lets each device start once; a no holds all it was asked of."""
        with self._lock:
            now = clock.steady()
            is_new = self._wave != wave or not self._devices.issuperset(own)
            if is_new or not 0 <= self._counts_until - now <= ANSWER_COUNTS_S:
                self._refusal = asks(devices)
                self._wave, self._devices = wave, {*devices, *own}
                self._counts_until = clock.steady() + ANSWER_COUNTS_S
            if self._refusal is None:
                self._devices.difference_update(own)
            return self._refusal


def ask(commands: Iterable[HoldCommand], about: Mapping[str, str]) -> str | None:
    """Ask each in turn; None if all agree, else which one did not, and its own last words."""
    environment = {
        "PATH": _PATH,
        "LANG": "C.UTF-8",
        **{f"FMGSYNC_{name}": value for name, value in about.items()},
    }
    for hold in commands:
        refusal = _ask(hold, environment)
        if refusal is not None:
            return f"{hold.command[0]} {refusal}"
    return None


def _ask(hold: HoldCommand, environment: Mapping[str, str]) -> str | None:
    """Why the command did not agree; None if it did."""
    # A file, not a pipe: neither a flood of words nor a child left behind can hold us up.
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(  # noqa: S603 - the configuration names it, no shell reads it
                hold.command,
                cwd=hold.folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else None
            return f"could not be started: {why or type(error).__name__}"
        try:
            code = process.wait(timeout=hold.timeout_s)
        except subprocess.TimeoutExpired:
            _end(process)
            return f"did not answer within {hold.timeout_s:g} s"
        except BaseException:
            _end(process)
            raise
        words = _last_words(said) if code else ""
    if code == 0:
        return None
    return f"said no (exit code {code}){f': {words}' if words else ''}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command and whatever it started: they are a process group of their own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_words(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - 4 * _SHOWN))
    lines = said.read().decode(errors="replace").strip().splitlines()
    shown = "".join(c if c.isprintable() else " " for c in lines[-1]) if lines else ""
    return shown[:_SHOWN]
