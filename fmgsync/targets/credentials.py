"""What can be said of a key or a CA file before anybody is asked, and how long a secret counts.

A pass may last for hours, a secret may be replaced at any time: sessions look at it anew from time
to time, and before each login."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fmgsync import errors
from fmgsync.targets import authority

LOOKED_AT_S: Final = 20.0
"""How long a secret is taken to be what it was; an old one is used for a minute at most."""

AGAIN_S: Final = 60.0
"""So long a refused password is not said again: a unit locks out who says it three times, for a
minute, unless it is configured otherwise (FortiManager administration guide, "Password lockout").
"""

Reread = Callable[[], str]
"""Reads a secret where it is kept."""


class Refused:
    """The password that one unit has refused, for all sessions with it. Safe to share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secret: str | None = None
        self._at = 0.0

    def may_try(self, secret: str, now: float) -> bool:
        """Whether to say it: another one at once, the refused one by one session a minute."""
        with self._lock:
            if secret == self._secret and now - self._at < AGAIN_S:
                return False
            self._at = now
            return True

    def note(self, secret: str, *, refused: bool) -> None:
        """What came of it."""
        with self._lock:
            if refused:
                self._secret = secret
            elif secret == self._secret:
                self._secret = None


def is_token(text: str) -> bool:
    """Whether a key could be one: any other character would surface, key and all, in the HTTP
    library's complaint."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def now(reread: Reread | None, before: str | None) -> str | None:
    """A secret as it is kept now; what it was where it cannot be read, for it may be about to be
    replaced."""
    if reread is None:
        return before
    try:
        return reread()
    except errors.ConfigError:
        return before


def ca_problem(ca_file: Path) -> str | None:
    """Why a file cannot be used to verify certificates."""
    try:
        authority.there(ca_file)
        ssl.create_default_context(cafile=str(ca_file))
    except ssl.SSLError:
        return "holds no certificate"
    except OSError as error:
        return error.strerror or "cannot be read"
    return None
