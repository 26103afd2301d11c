"""One request to a unit and its answer, whoever carries them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from fmgsync.simulator.fortigate.access import WHOLE, Access
from fmgsync.simulator.fortigate.envelope import Body

METHODS: Final = ("GET", "POST", "PUT", "DELETE")
UNREADABLE: Final = object()
"""A body that is no JSON."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `transaction`: the number in its header, None without."""

    method: str
    url: str
    payload: Any = None
    access: Access = WHOLE
    transaction: str | None = None

    @property
    def place(self) -> str:
        """The url without its parameters."""
        return self.url.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """HTTP status and body: an object, for several VDOMs a list of them."""

    status: int
    body: Body | list[Body]
