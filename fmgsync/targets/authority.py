"""What whoever runs for long trusts stays what it was until something else can be used.

The HTTP library reads an authority's file for every connection, so one that is replaced by
something unusable would take away what works, though the reload was refused.
"""

from __future__ import annotations

import functools
import hashlib
import os
import ssl
import stat
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar


class Trusting(Protocol):
    """How to reach a unit, as far as certificates are concerned."""

    @property
    def ca_file(self) -> Path | None:
        """The authority."""

    @property
    def verify(self) -> bool:
        """Whether it counts."""

    def check(self) -> None:
        """Raises UntrustedCertificate where the authority cannot be used."""


_T = TypeVar("_T", bound=Trusting)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Only this user's; removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="fmgsync-trusts-", ignore_cleanup_errors=True)


_contents: dict[Path, bytes] = {}
"""Of the copies: what tidies temporary folders takes away what a process of weeks still needs."""

_sources: dict[Path, Path] = {}
"""Of the copies: where they come from."""


def kept(access: _T) -> _T:
    """The same, trusting a copy of the authority as it is now."""
    if access.ca_file is None or not access.verify:
        return access
    try:
        content = access.ca_file.read_bytes()
        named = hashlib.sha256(os.fsencode(access.ca_file) + b"\0" + content).hexdigest()
        copy = Path(_folder().name) / f"{named[:16]}.pem"
        _contents[copy], _sources[copy] = content, access.ca_file
        there(copy)
    except OSError:
        return access  # connecting will say what is wrong with it
    return replace(access, ca_file=copy)  # type: ignore[type-var]


def renewed(access: _T) -> _T:
    """The same, trusting a copy of the authority as it is now, if that can be used."""
    source = _sources.get(access.ca_file) if access.ca_file is not None else None
    if source is None:
        return access
    found = kept(replace(access, ca_file=source))  # type: ignore[type-var]
    try:
        ssl.create_default_context(cafile=str(found.ca_file))
    except (OSError, ssl.SSLError):
        return access
    return found


def stays(access: Trusting) -> None:
    """Before each connection: what is trusted may have been tidied away since the last one, and
    somebody else have taken its place. Raises UntrustedCertificate then."""
    if access.ca_file is None or not access.verify:
        return
    try:
        there(access.ca_file)
    except OSError:
        access.check()
        raise


def there(ca_file: Path) -> None:
    """See that a copy is where it was, before it is used. Raises OSError where somebody else has
    taken its place, whose authority is not trusted."""
    content = _contents.get(ca_file)
    if content is None:
        return
    folder = ca_file.parent
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise NotADirectoryError(0, "somebody else has taken its place", str(folder))
    if not ca_file.exists():  # what reads it now must never find half of it
        half = ca_file.with_suffix(f".{threading.get_ident()}")
        half.write_bytes(content)
        half.replace(ca_file)
