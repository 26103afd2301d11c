"""Documents in a folder: one file each, replaced atomically, one writer at a time."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.state import private
from fmgsync.state.documents import Change, Wish

_MOST = 256 * 1024 * 1024


class Folder:
    """The documents of one installation. The folder is made when something is first written.

    It holds approvals, so only its owner may write there: this user, or root. Threads that want
    something changed at the same time share one write.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        # Passes beside each other wait for each other here, and not for "another process".
        self._in_use = threading.Lock()
        self._queue = threading.Lock()
        self._wishes: list[Wish] = []

    def where(self, name: str) -> str:
        """The file's path."""
        return str(self._file(name))

    def read(self, name: str) -> str | None:
        """The text of a file; None if there is no file or no folder."""
        file = self._file(name)
        try:
            self._refuse_open_folder()
            with file.open("rb") as opened:
                content = opened.read(_MOST + 1)
            if len(content) > _MOST:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            return content.decode()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise _failed(file, "read", error) from error

    def update(self, name: str, change: Change) -> None:
        """Read, change and replace under the folder's lock.

        The new text is on disk before it takes the old one's name: whoever reads meanwhile, or
        after a power cut, finds one or the other.
        """
        wish = Wish(name, change)
        with self._queue:
            self._wishes.append(wish)
        with self._in_use:
            if not wish.done:
                with self._queue:
                    wishes, self._wishes = self._wishes, []
                try:
                    self._serve(wishes)
                finally:
                    # Whoever is torn away from it leaves the others' wishes to the others.
                    left = [one for one in wishes if not one.done and one is not wish]
                    with self._queue:
                        self._wishes[:0] = left
        if wish.error is not None:
            raise wish.error

    def _serve(self, wishes: list[Wish]) -> None:
        """What one of them cannot have is its own trouble; what hinders all is everybody's."""
        by_name: dict[str, list[Wish]] = {}
        for wish in wishes:
            by_name.setdefault(wish.name, []).append(wish)
        try:
            private.make_folder(self._path)
            with self._locked():
                for name, theirs in by_name.items():
                    self._change(name, theirs)
        except (errors.StateError, OSError) as error:
            for wish in wishes:
                wish.error = self._told(wish.name, error)
        for wish in wishes:
            wish.done = True

    def _change(self, name: str, wishes: list[Wish]) -> None:
        """One document, as all of them want it."""
        try:
            before = text = self.read(name)
            for wish in wishes:
                try:
                    text = wish.change(text)
                except Exception as error:
                    wish.error = error
            if text is not None and text != before:
                self._replace(self._file(name), text)
        except (errors.StateError, OSError) as error:
            for wish in wishes:
                wish.error = wish.error or self._told(name, error)

    def _told(self, name: str, error: Exception) -> Exception:
        return _failed(self._file(name), "written", error) if isinstance(error, OSError) else error

    def _file(self, name: str) -> Path:
        return self._path / f"{name}.json"

    def _refuse_open_folder(self) -> None:
        found, user = self._path.stat(), os.geteuid()
        if found.st_uid not in (0, user) and user != 0:
            raise errors.StateError(
                f"it belongs to another user (uid {found.st_uid}), who may approve anything here",
                where=str(self._path),
                next_step="name one that this user makes, in it or elsewhere, with --state-dir",
            )
        if found.st_mode & stat.S_IWOTH:
            raise errors.StateError(
                "every user of this computer may write here, and so approve anything",
                where=str(self._path),
                next_step=f"chmod o-w {self._path}",
            )

    def _replace(self, file: Path, text: str) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._path, prefix=f".{file.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                private.leave_to_owner(self._path, descriptor)
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(file)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        self._sync_folder()

    def _sync_folder(self) -> None:
        """Make the new name durable."""
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self._path / "lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "rb"):
            private.leave_to_owner(self._path, descriptor)
            private.lock(descriptor, self._clock, path)
            yield


def _failed(file: Path, verb: str, error: Exception) -> errors.StateError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return errors.StateError(
        f"cannot be {verb}: {why}",
        where=str(file),
        next_step="name a folder that this user can write with --state-dir",
    )
