"""What a check of the surroundings found, and what to do about it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime

from fmgsync import errors

EXPIRY_DAYS = 30
"""A certificate that ends sooner than this is worth a warning."""


SKEW_S = 30.0
"""More than this between the two clocks, and openings are not what people think."""


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


def clock(where: str, told: float | None, now: float) -> Diagnosis:
    """How a unit's clock differs from ours."""
    if told is None:
        fix = "compare 'get system status' with this computer's clock by hand"
        return Diagnosis(where, "clock", Level.WARNING, "is not told", fix)
    skew = told - now
    text = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this computer"
    if abs(skew) > SKEW_S:
        fix = "let both follow an NTP server: windows go by this computer's clock"
        return Diagnosis(where, "clock", Level.WARNING, text, fix)
    return Diagnosis(where, "clock", Level.OK, text)


def failed(where: str, check: str, error: errors.FmgsyncError) -> Diagnosis:
    """A check that could not be made."""
    fix = getattr(error, "next_step", None) or "mend that, then run this again"
    known = error.where is None or error.where.startswith((where, "FortiManager"))
    text = error.message if known else f"{error.where}: {error.message}"
    return Diagnosis(where, check, Level.FAILURE, text, fix, misconfigured=error.exit_code == 2)
