"""Folders and files that only their owner may write: made so, kept so whoever adds to them, and
locked while one process does."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from fmgsync import errors
from fmgsync.clock import Clock

_LOCK_WAIT_S = 10.0
_LOCK_PAUSE_S = 0.02


def make_folder(path: Path) -> None:
    """Make it, and those above it, whatever the umask: nobody else may put another in its place."""
    for each in reversed(path.parents):
        if not each.exists():
            each.mkdir(mode=0o755, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def leave_to_owner(folder: Path, descriptor: int) -> None:
    """Let the folder's owner have what root has put there, as `sudo fmgsync stop` does: the service
    that works with it could read it no more."""
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def lock(descriptor: int, clock: Clock, where: Path) -> None:
    """Keep all others out until the file is closed; the kernel gives the lock back when its holder
    dies, however it dies. Raises StateError where somebody else keeps it: who may read the file
    could do so for ever."""
    ends_at = clock.steady() + _LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if clock.steady() >= ends_at:
                raise errors.StateError(
                    f"another process has kept it locked for {_LOCK_WAIT_S:.0f} s",
                    where=str(where),
                    next_step="see who has it open (fuser), and wait for them or end them; no other"
                    " user should be able to read it",
                ) from None
            clock.sleep(_LOCK_PAUSE_S)
