"""What was decided, by whom and why: one JSON line each, never changed, each chained to the last.

A line carries the SHA-256 of the line before it in its chain, so one that was altered, taken out
or put in shows. That the end was cut off shows where the head of the chain is kept apart. Lines
hold names, addresses and words, never a secret.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Protocol

import structlog

from fmgsync import errors, redaction, untrusted
from fmgsync.clock import Clock, SystemClock
from fmgsync.state import private

_log = structlog.get_logger(__name__)

FIRST = "0" * 64
"""What the first line of a chain follows."""

_LONGEST = 4_000_000
"""Characters of a line that is read; what is written stays below, whatever others called things."""

_MOST = 1_000_000
_KEYS = {"chain": str, "number": int, "at": str, "event": str, "previous": str}


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain stands: lines so far, hash of the last one."""

    count: int = 0
    digest: str = FIRST


class Heads(Protocol):
    """Keeps the heads of chains apart from the lines."""

    def read(self, chain: str) -> Head | None:
        """Where a chain stood last; None if it is not known."""

    def write(self, chain: str, head: Head) -> None:
        """Remember where it stands now."""


class Keeper(Protocol):
    """Where lines go."""

    def check(self, chain: str) -> None:
        """Raises StateError if a line could not be kept now, or would not be proven later."""

    def append(self, chain: str, compose: Callable[[Head], str]) -> Head:
        """Add the line composed for the chain's head; nobody else's line comes between."""


class Audit:
    """Writes lines of one chain. Safe to share between threads.

    `about` are the fields every line carries: who runs it, which run, why. Without a keeper
    nothing is written: a command that only looks leaves no trace.
    """

    def __init__(
        self,
        chain: str,
        *,
        clock: Clock,
        keeper: Keeper | None = None,
        heads: Heads | None = None,
        about: Mapping[str, str] | None = None,
    ) -> None:
        self._chain = chain
        self._clock = clock
        self._keeper = keeper
        self._heads = heads
        self._about = dict(about or {})
        self._head: Head | None = None
        self._kept: Head | None = None
        self._noting = threading.Lock()

    @property
    def is_kept(self) -> bool:
        """Whether lines are written: not by a command that only looks."""
        return self._keeper is not None

    @property
    def now(self) -> float:
        """By the clock that its lines go by."""
        return self._clock.now()

    def check(self) -> None:
        """Whether decisions can be kept: asked before anything is done that must be."""
        if self._keeper is not None:
            self._keeper.check(self._chain)

    def record(self, event: str, **fields: Any) -> None:
        """One line. Fields that are None are left out. Raises StateError if it is not kept."""
        if self._keeper is None:
            return
        at = datetime.fromtimestamp(self._clock.now(), UTC).isoformat(timespec="milliseconds")
        told = {name: value for name, value in fields.items() if value is not None}
        told = untrusted.within(redaction.hide_in({**self._about, **told}), _MOST)

        def compose(head: Head) -> str:
            body = {
                "chain": self._chain,
                "number": head.count + 1,
                "at": at,
                "event": event,
                **told,
                "previous": head.digest,
            }
            return json.dumps(body, ensure_ascii=True)

        head = self._keeper.append(self._chain, compose)
        with self._noting:
            if self._head is None or head.count > self._head.count:
                self._head = head

    def keep_head(self) -> None:
        """Remember apart where the chain stands: lines cut off after this will be missed."""
        head = self._head
        if self._heads is not None and head is not None and head != self._kept:
            self._heads.write(self._chain, head)
            self._kept = head

    @contextmanager
    def to_its_end(self) -> Iterator[None]:
        """Whatever ends what is done meanwhile: no line of it can be cut off unnoticed."""
        try:
            yield
        finally:
            self.keep_head()


class FileKeeper:
    """Lines in a file that only its owner can read; on disk before `append` returns.

    Where lines are missing that the remembered head knows of, the next one follows that head and
    not what is left: the gap stays in the file for everybody to see.
    """

    def __init__(
        self, path: Path, heads: Heads | None = None, *, clock: Clock | None = None
    ) -> None:
        self._clock = clock or SystemClock()
        self._path = path
        self._heads = heads
        self._checked: set[str] = set()
        self._read_to = 0
        self._ends: dict[str, Head] = {}
        self._in_use = threading.Lock()

    def check(self, chain: str) -> None:
        """Read the remembered head, and open the file."""
        if self._heads is not None:
            self._heads.read(chain)
        with self._open():
            pass

    def append(self, chain: str, compose: Callable[[Head], str]) -> Head:
        """Under the file's lock: look at what others appended, then append."""
        known = None
        if self._heads is not None and chain not in self._checked:
            known = self._heads.read(chain)
        with self._in_use, self._open() as file:
            try:
                private.lock(file.fileno(), self._clock, self._path)
                if known is not None:
                    self._read_to = 0
                file.seek(self._read_to)
                news = file.read()
                lines = [*_follow(news.decode(errors="replace").split("\n"))]
                self._ends.update(ends(lines))
                if known is not None and not _holds(lines, chain, known):
                    self._ends[chain] = Head(
                        max(known.count, self._ends.get(chain, known).count), known.digest
                    )
                    _log.error("audit lines are missing", chain=chain, file=str(self._path))
                self._checked.add(chain)
                line = compose(self._ends.get(chain, Head()))
                # A line that a power cut left half written is closed first.
                closing = b"" if not news or news.endswith(b"\n") else b"\n"
                file.write(closing + line.encode() + b"\n")
                os.fsync(file.fileno())
                self._read_to = file.seek(0, os.SEEK_END)
                self._ends[chain] = _after(line)
                return self._ends[chain]
            except OSError as error:
                raise self._failed(error) from error

    def _open(self) -> IO[bytes]:
        try:
            private.make_folder(self._path.parent)
            descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            private.leave_to_owner(self._path.parent, descriptor)
            return os.fdopen(descriptor, "r+b", buffering=0)
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> errors.StateError:
        return errors.StateError(
            f"the audit line cannot be written: {error.strerror}",
            where=str(self._path),
            next_step="nothing is written or installed without an audit; name another file with"
            " --audit-file",
        )


class StreamKeeper:
    """Lines on a stream such as standard output; the chain goes on from a remembered head."""

    def __init__(self, write: Callable[[str], None], heads: Heads | None = None) -> None:
        self._write = write
        self._heads = heads
        self._ends: dict[str, Head] = {}
        self._in_use = threading.Lock()

    def check(self, chain: str) -> None:
        """Read the remembered head."""
        if self._heads is not None:
            self._heads.read(chain)

    def append(self, chain: str, compose: Callable[[Head], str]) -> Head:
        """One line at a time."""
        with self._in_use:
            head = self._ends.get(chain)
            if head is None:
                head = (self._heads.read(chain) if self._heads is not None else None) or Head()
            line = compose(head)
            self._write(line)
            self._ends[chain] = _after(line)
            return self._ends[chain]


@dataclass(frozen=True, slots=True)
class Line:
    """One line as read: its 1-based position, fields, own hash, and what is wrong with it."""

    position: int
    fields: Mapping[str, Any]
    digest: str
    problem: str | None = None


def read(*paths: Path) -> tuple[Line, ...]:
    """All lines of these files, the oldest first, each held against the one before it in its chain.

    Raises StateError.
    """
    return tuple(_follow(itertools.chain.from_iterable(map(_lines, paths))))


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            yield from stream
    except OSError as error:
        raise errors.StateError(
            f"cannot be read: {error.strerror}",
            where=str(path),
            next_step="name the file with --audit-file",
        ) from error


def ends(lines: Iterable[Line]) -> dict[str, Head]:
    """Where each chain ends."""
    return {
        line.fields["chain"]: Head(line.fields["number"], line.digest)
        for line in lines
        if line.fields
    }


def missing(ends: Mapping[str, Head], known: Mapping[str, Head]) -> list[str]:
    """What the remembered heads say of lines that are not there, or not what they were."""
    problems = []
    for chain, head in sorted(known.items()):
        found = ends.get(chain)
        if found is None or found.count < head.count:
            last = "there are none" if found is None else f"the last one is {found.count}"
            problems.append(f"chain {chain}: {head.count} lines were written, {last}")
        elif found.count == head.count and found.digest != head.digest:
            problems.append(f"chain {chain}: its last line is not the one that was written")
    return problems


def _holds(lines: Iterable[Line], chain: str, known: Head) -> bool:
    """Whether the line that was the last of a chain is among these; nothing is always."""
    return not known.count or any(
        line.digest == known.digest and line.fields["number"] == known.count
        for line in lines
        if line.fields and line.fields["chain"] == chain
    )


def _after(line: str) -> Head:
    return Head(json.loads(line)["number"], _digest(line))


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def _follow(lines: Iterable[str]) -> Iterator[Line]:
    heads: dict[str, Head] = {}
    for position, raw in enumerate(lines, start=1):
        text = raw.rstrip("\n")
        fields = _decode(text)
        if fields is None:
            yield Line(position, {}, _digest(text), "is no audit line")
            continue
        problem = _problem(fields, heads.get(fields["chain"]))
        heads[fields["chain"]] = Head(fields["number"], _digest(text))
        yield Line(position, fields, _digest(text), problem)


def _problem(fields: Mapping[str, Any], head: Head | None) -> str | None:
    if head is None:
        starts = fields["number"] == 1
        if starts != (fields["previous"] == FIRST):
            return "begins a chain and follows something, or the other way round"
        if not starts:
            return f"is number {fields['number']}: the lines before it are not here"
        return None
    if fields["previous"] != head.digest:
        return "does not follow the line before it: one was altered, removed or inserted"
    if fields["number"] != head.count + 1:
        return f"has number {fields['number']} where {head.count + 1} was due"
    return None


def _decode(text: str) -> dict[str, Any] | None:
    if len(text) > _LONGEST:
        return None
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    return fields if all(type(fields.get(n)) is kind for n, kind in _KEYS.items()) else None
