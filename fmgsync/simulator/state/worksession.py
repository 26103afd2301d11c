"""A workflow session: what an ADOM keeps of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from fmgsync.simulator.state.store import Change

OPEN: Final = 1
SUBMITTED: Final = 2
APPROVED: Final = 3
REJECTED: Final = 4


@dataclass(slots=True)
class WorkSession:
    """One workflow session; `sid` is the login that has it open, `saved` what it holds."""

    number: int
    oid: int
    user: str
    created: float
    sid: int | None
    state: int = OPEN
    name: str = "Workflow session"
    description: str = "Workflow session"
    revision: int = 0
    """The ADOM revision that shows what it makes of the ADOM; 0 until it is submitted."""
    saved: list[Change] = field(default_factory=list)
    submitted: float | None = None
    audited: float | None = None
    auditor: str = ""
    submission: dict[str, Any] = field(default_factory=dict)
    judgement: dict[str, Any] = field(default_factory=dict)
    """What came along when it was submitted, and when it was approved or rejected."""


def may_write(sessions: Iterable[WorkSession], sid: int) -> bool:
    """Whether this login has a session open in the ADOM."""
    return any(one.sid == sid and one.state == OPEN for one in sessions)
