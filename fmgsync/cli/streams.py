"""Standard streams that are closed, full, or read by nobody any more.

What cannot be told on the way (progress, the log) changes nothing of what is done; a result that
cannot be written is an error.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Final, TextIO

from fmgsync import errors

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def secure() -> None:
    """From now on, for the rest of the process."""
    for number, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free: else a file or socket of ours would get it, and with
            # it whatever a library or a child writes there.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - stays open
            setattr(sys, name, stream)
    sys.stderr = _over(_Heard(2), sys.stderr, by_lines=True)
    sys.stdout = _over(_Written(1), sys.stdout, by_lines=sys.stdout.isatty())


class _Heard(io.RawIOBase):
    """Standard error: what does not arrive is lost."""

    def __init__(self, number: int) -> None:
        self._number = number

    def write(self, content: ReadableBuffer, /) -> int:
        try:
            return os.write(self._number, content)
        except OSError:
            return memoryview(content).nbytes

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)


class _Written(_Heard):
    """Standard output: the first time that something does not arrive is told."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self._failed = False

    def write(self, content: ReadableBuffer, /) -> int:
        if self._failed:
            return memoryview(content).nbytes
        try:
            return os.write(self._number, content)
        except OSError as error:
            self._failed = True
            if isinstance(error, BrokenPipeError):
                raise
            raise errors.OutputError(
                f"standard output cannot be written: {error.strerror}",
                next_step="make room, or send it elsewhere; what the command did is done",
            ) from error


def _over(raw: io.RawIOBase, before: TextIO, *, by_lines: bool) -> TextIO:
    """As Python makes a standard stream; what has been said before is said."""
    before.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=before.encoding,
        errors=before.errors,
        line_buffering=by_lines,
    )
