"""Folders and files that only their owner may write: made so, and kept so whoever adds to them."""

from __future__ import annotations

import os
from pathlib import Path


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
