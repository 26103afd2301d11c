"""A stop: somebody wants nothing more to be written or installed, until it is started again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from fmgsync.model.target import TargetRef


@dataclass(frozen=True, slots=True, order=True)
class Stop:
    """Who stopped it, when (UTC epoch seconds) and why. Without `unit` it is about everything of
    this owner, without `domain` about all of that unit."""

    unit: str
    domain: str
    who: str
    reason: str
    at: float

    def __post_init__(self) -> None:
        if self.domain and not self.unit:
            raise ValueError(f"{self.domain!r} of no unit")

    @property
    def scope(self) -> tuple[str, str]:
        """What it is about."""
        return self.unit, self.domain

    @property
    def place(self) -> str:
        """What it is about, in words."""
        if self.domain:
            return f"{self.unit}/{self.domain}"
        return f"all of {self.unit}" if self.unit else "everything"

    def covers(self, ref: TargetRef) -> bool:
        """Whether it is about this ADOM too."""
        return (not self.unit or self.unit == ref.unit) and (
            not self.domain or self.domain == ref.domain
        )

    def within(self, unit: str, domain: str) -> bool:
        """Whether it is about nothing outside this scope."""
        return (not unit or unit == self.unit) and (not domain or domain == self.domain)

    def __str__(self) -> str:
        return f"{self.place} is stopped {self.by}"

    @property
    def by(self) -> str:
        """Who stopped it, since when and why."""
        try:
            at = f"{datetime.fromtimestamp(self.at, UTC):%Y-%m-%d %H:%M} UTC"
        except (ValueError, OverflowError, OSError):
            at = "a time nobody can read"
        why = self.reason or "no reason given"
        return f"by {self.who} since {at}: {why}"
