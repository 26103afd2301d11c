"""Delicate things that are known by their looks, wherever in a text they stand."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fmgsync.recording.vocabulary import STAND_IN, Kind


@dataclass(frozen=True, slots=True)
class Pattern:
    """A look. Group `found` of `regex` is the delicate part, and `kind` what stands in for it."""

    name: str
    kind: Kind
    regex: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Match:
    """A delicate part of a text."""

    name: str
    kind: Kind
    start: int
    end: int


def _pattern(name: str, kind: Kind, regex: str, flags: int = 0) -> Pattern:
    return Pattern(name, kind, re.compile(regex, flags))


PATTERNS: Final = (
    _pattern(
        "private key or certificate",
        Kind.SECRET,
        r"(?P<found>-----BEGIN [A-Z0-9 ]{3,40}-----(?:[^-]|-(?!----))*"
        r"(?:-----END [A-Z0-9 ]{3,40}-----)?)",
    ),
    _pattern(
        "JSON web token",
        Kind.SECRET,
        r"(?P<found>\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?)",
    ),
    _pattern(
        "HTTP credentials",
        Kind.SECRET,
        # A digit or padding is asked for, since "basic settings" is no secret.
        r"\b(?:[Bb]earer|[Bb]asic)\s+(?P<found>(?=[\w+/.~-]*[0-9=])[A-Za-z0-9+/=._~-]{6,})",
    ),
    _pattern(
        "password in a url",
        Kind.SECRET,
        r"://(?P<found>[^\s/@:\"']{0,100}:[^\s/@\"']{1,200})@(?=[\w\[])",
    ),
    _pattern(
        "secret in a parameter",
        Kind.SECRET,
        r"\b(?:access_token|refresh_token|api_?key|passwd|password|secret|psksecret|token)"
        r"\s*[=:]\s*(?P<found>[^\s&\"',;]{3,})",
        re.IGNORECASE,
    ),
    _pattern("encrypted FortiOS value", Kind.SECRET, r"\bENC\s+(?P<found>[A-Za-z0-9+/=]{4,})"),
    _pattern(
        "secret in FortiOS configuration",
        Kind.SECRET,
        r"\bset\s+(?:[\w-]*(?:passwd|password|secret|passphrase|pwd)|private-key|community"
        r"|auth-key)\s+(?P<found>(?!ENC\b)(?:\"[^\"\n]*\"|\S+))",
    ),
    _pattern(
        "password hash",
        Kind.SECRET,
        r"(?P<found>\$(?:1|2[abxy]?|5|6|7|y|pbkdf2[\w-]*|argon2\w*)\$[\w./$+=,-]{16,}"
        r"|\b(?:SH2|AK1|PB2)[A-Za-z0-9+/]{20,}={0,2})",
    ),
    _pattern(
        "access key of a service",
        Kind.SECRET,
        r"(?P<found>\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{20,}|\bglpat-[\w-]{16,}"
        r"|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{30,})",
    ),
    _pattern("serial number", Kind.SERIAL, r"(?P<found>\bF[A-Z][A-Z0-9-]{5,8}[A-Z0-9]?\d{6,8}\b)"),
    _pattern(
        "uuid",
        Kind.UUID,
        r"(?P<found>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)",
        re.IGNORECASE,
    ),
    _pattern(
        "mail address",
        Kind.MAIL,
        r"(?P<found>(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[a-zA-Z]{2,24}\b)",
    ),
    _pattern(
        "hardware address",
        Kind.HARDWARE,
        r"(?P<found>(?<![\w:])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![\w:]))",
        re.IGNORECASE,
    ),
)

_EMPTY_UUID = "00000000-0000-0000-0000-000000000000"
_EMPTY_HARDWARE = "00:00:00:00:00:00"


def matches(text: str, looks: tuple[Pattern, ...] = PATTERNS) -> Iterator[Match]:
    """What looks delicate in a text and is no stand-in, one look after the other."""
    for pattern in looks:
        for found in pattern.regex.finditer(text):
            start, end = found.span("found")
            if not _harmless(pattern.kind, text[start:end]):
                yield Match(pattern.name, pattern.kind, start, end)


def _harmless(kind: Kind, text: str) -> bool:
    if text in (_EMPTY_UUID, _EMPTY_HARDWARE):
        return True
    plain = text.strip('"')
    return any(look.fullmatch(plain) for look in STAND_IN.values())


_WORD: Final = re.compile(r"[A-Za-z0-9+=_-]{20,}")
_PIECE: Final = re.compile(r"[A-Za-z0-9]{20,}")


def random_parts(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of what looks drawn by lot: keys and tokens of no known shape.

    People's names and identifiers are words joined by dashes; a token mixes capitals, small
    letters and digits, or alternates letters and digits, and uses its alphabet evenly.
    """
    for word in _WORD.finditer(text):
        if _is_mixed(word.group()):
            yield word.span()
            continue
        for piece in _PIECE.finditer(text, *word.span()):
            if _is_mixed(piece.group()) or _is_alternating(piece.group()):
                yield piece.span()


def _is_mixed(word: str) -> bool:
    classes = (str.isupper, str.islower, str.isdigit)
    if not all(any(test(char) for char in word) for test in classes):
        return False
    return _entropy(word) >= 3.6 and _changes(word) >= len(word) / 4


def _is_alternating(word: str) -> bool:
    """Letters of one case and digits, as in hexadecimal digests and FortiManager's API keys."""
    digits = sum(char.isdigit() for char in word)
    if not 0.1 <= digits / len(word) <= 0.9:
        return False
    return _entropy(word) >= 3.0 and _changes(word) >= len(word) / 5


def _changes(word: str) -> int:
    """How often neighbouring characters are of different classes."""
    kinds = [(char.isupper(), char.islower(), char.isdigit()) for char in word]
    return sum(here != after for here, after in itertools.pairwise(kinds))


def _entropy(word: str) -> float:
    """Bits per character by the word's own frequencies."""
    total = len(word)
    return -sum(n / total * math.log2(n / total) for n in Counter(word).values())
