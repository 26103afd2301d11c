"""Secrets we know: found in every form in which they travel."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

from fmgsync.recording.vocabulary import RESERVED

SHORTEST: Final = 6
"""Shorter ones are parts of ordinary words: replacing them everywhere would tear holes."""


def is_searchable(secret: str) -> bool:
    """Whether a secret can be told from ordinary text."""
    return len(secret) >= SHORTEST and secret.casefold() not in RESERVED


def forms(secret: str) -> set[str]:
    """The secret as it is, in a url, in JSON, and in base64 (alone or with something before it)."""
    raw = secret.encode()
    found = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
    for shift in range(3):
        # Base64 of "user:secret" depends on where in a group of three bytes the secret begins;
        # the first and last characters also hold bits of the neighbours, so they are left out.
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        inner = encoded[4 if shift else 0 : len(encoded) - 1]
        if len(inner) >= SHORTEST:
            found.add(inner)
    return found


def pattern(known: Iterable[str]) -> re.Pattern[str] | None:
    """One pattern for all forms of all searchable secrets, the longest first."""
    texts = {form for secret in known if is_searchable(secret) for form in forms(secret)}
    if not texts:
        return None
    return re.compile("|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True)))
