"""One param of one request, as the handlers see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fmgsync.simulator.codes import Refusal, bad_data

if TYPE_CHECKING:
    from fmgsync.simulator.sessions import Session

Members = dict[str, Any]
"""What a handler answers: the result element's members besides status and url."""


@dataclass(slots=True)
class Call:
    """Method, url segments and the param's own members; `now` in UTC epoch seconds."""

    method: str
    url: str
    path: tuple[str, ...]
    param: Mapping[str, Any]
    session: Session
    verbose: bool
    now: float
    extra: Members = field(default_factory=dict)
    """Members for the top level of the answer (a new session)."""

    @property
    def data(self) -> Any:
        """The param's data, None when absent."""
        return self.param.get("data")

    def options(self) -> frozenset[str]:
        """`option` as a set; a single word and a list are the same."""
        option = self.param.get("option")
        if isinstance(option, str):
            return frozenset((option,))
        if isinstance(option, list):
            return frozenset(item for item in option if isinstance(item, str))
        return frozenset()

    def record(self) -> Mapping[str, Any]:
        """Data that must be one object, given bare or as a list of one."""
        data = self.data
        if isinstance(data, list) and len(data) == 1:
            data = data[0]
        if not isinstance(data, dict):
            raise bad_data()
        return data

    def records(self) -> list[Mapping[str, Any]]:
        """Data that may be one object or a list of them."""
        data = self.data
        items = data if isinstance(data, list) else [data]
        if not items or not all(isinstance(item, dict) for item in items):
            raise bad_data()
        return items

    def text(self, name: str) -> str:
        """A text member of the record; refused when absent or of another type."""
        value = self.record().get(name)
        if not isinstance(value, str) or not value:
            raise Refusal(-10)
        return value
