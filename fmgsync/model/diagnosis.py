"""What a check of the surroundings found, and what to do about it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime

from fmgsync import errors

EXPIRY_DAYS = 30
"""A certificate that ends sooner than this is worth a warning."""


class Level(enum.StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one check found, and what to do about it; `fix` is empty where all is well.

    `misconfigured`: it is the configuration that has to change.
    """

    where: str
    check: str
    level: Level
    message: str
    fix: str = ""
    misconfigured: bool = False


def expiry(where: str, check: str, ends: datetime, now: float, whose: str) -> Diagnosis:
    """How long a certificate is still good."""
    left = (ends - datetime.fromtimestamp(now, UTC)).days
    text = f"valid until {ends:%Y-%m-%d}, {left} days"
    soon = left < EXPIRY_DAYS
    fix = f"replace the {whose} certificate before then" if soon else ""
    return Diagnosis(where, check, Level.WARNING if soon else Level.OK, text, fix)


def failed(where: str, check: str, error: errors.FmgsyncError) -> Diagnosis:
    """A check that could not be made."""
    fix = getattr(error, "next_step", None) or "mend that, then run this again"
    known = error.where is None or error.where.startswith((where, "FortiManager"))
    text = error.message if known else f"{error.where}: {error.message}"
    return Diagnosis(where, check, Level.FAILURE, text, fix, misconfigured=error.exit_code == 2)
