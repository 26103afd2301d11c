"""Numbers and tokens a unit makes up: which one of the simulator stands for which recorded one."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final

from fmgsync.recording import urls
from fmgsync.recording.jsonrpc import Result

_GROUPS: Final = {
    "task": "task",
    "taskid": "task",
    "preview_taskid": "task",
    "token": "token",
    "sessionid": "workflow",
    "policyid": "policy",
    "version": "revision",
}
_IN_URLS: Final = (
    ("task", re.compile(r"(?<=task/task/)\d+")),
    ("workflow", re.compile(r"(?<=/workflow/save/)\d+|(?<=/workflow/submit/)\d+")),
    ("policy", re.compile(r"(?<=/firewall/policy/)\d+")),
    ("revision", re.compile(r"(?<=/revision/)\d+")),
)
_ADOM: Final = "adom"
"""A group, and the member that holds an ADOM's number, or in requests its name."""


class Binding:
    """Learns from pairs of answers, translates later requests."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Any] = {}
        self._sessions: dict[str, str] = {}

    def learn(self, recorded: Result, simulated: Result) -> None:
        """Note what the simulator calls what the recording calls otherwise."""
        self._pair(recorded.data, simulated.data)
        self._pair(recorded.element, simulated.element)

    def learn_adoms(self, recorded: Any, simulated: Any) -> None:
        """Note the numbers of ADOMs from rows of both, matched by name."""
        numbers = {row.get("name"): row.get("oid") for row in _rows(simulated)}
        for row in _rows(recorded):
            number, other = row.get("oid"), numbers.get(row.get("name"))
            if isinstance(number, int) and isinstance(other, int):
                self._known[_ADOM, str(number)] = other

    def learn_session(self, recorded: Any, simulated: Any) -> None:
        """Note the token of a login."""
        if isinstance(recorded, str) and isinstance(simulated, str):
            self._sessions[recorded] = simulated

    def _pair(self, recorded: Any, simulated: Any) -> None:
        if isinstance(recorded, dict) and isinstance(simulated, dict):
            for name, value in recorded.items():
                group = _GROUPS.get(name)
                other = simulated.get(name)
                if group is not None and isinstance(value, str | int) and other is not None:
                    self._known[group, str(value)] = other
                elif name == _ADOM and _is_number(value) and _is_number(other):
                    # The first word counts, so that a task of another ADOM is a difference.
                    self._known.setdefault((_ADOM, str(value)), other)
        elif isinstance(recorded, list) and isinstance(simulated, list) and recorded and simulated:
            self._pair(recorded[0], simulated[0])

    def session(self, recorded: Any) -> Any:
        """The simulator's token for a recorded one."""
        return self._sessions.get(recorded, recorded) if isinstance(recorded, str) else recorded

    def answered(self, recorded: Result) -> Result:
        """A recorded answer with the simulator's numbers of ADOMs."""
        return dataclasses.replace(recorded, data=self._with_adoms(recorded.data))

    def _with_adoms(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._with_adoms(one) for one in value]
        if not isinstance(value, dict):
            return value
        return {
            name: self._adom(one) if name == _ADOM else self._with_adoms(one)
            for name, one in value.items()
        }

    def _adom(self, value: Any) -> Any:
        return self._known.get((_ADOM, str(value)), value) if _is_number(value) else value

    def _condition(self, value: Any, field: str) -> Any:
        """A filter; `field` is the member that holds an ADOM's number."""
        if not isinstance(value, list):
            return value
        if value and value[0] == field:
            return [self._adom(one) for one in value]
        return [self._condition(one, field) for one in value]

    def translate_param(self, param: Mapping[str, Any]) -> dict[str, Any]:
        """A request's param in the simulator's words."""
        made = {name: self._member(name, one) for name, one in param.items()}
        if "filter" in made:
            adoms = urls.parts(str(param.get("url", ""))) == ["dvmdb", "adom"]
            made["filter"] = self._condition(made["filter"], "oid" if adoms else _ADOM)
        return made

    def translate(self, value: Any) -> Any:
        """Something in a request in the simulator's words."""
        if isinstance(value, dict):
            return {name: self._member(name, one) for name, one in value.items()}
        if isinstance(value, list):
            return [self.translate(one) for one in value]
        return value

    def _member(self, name: str, value: Any) -> Any:
        if name == "url" and isinstance(value, str):
            return self._url(value)
        group = _GROUPS.get(name)
        if group is not None and isinstance(value, str | int):
            return self._known.get((group, str(value)), value)
        return self._adom(value) if name == _ADOM else self.translate(value)

    def _url(self, url: str) -> str:
        for group, pattern in _IN_URLS:
            for number in pattern.findall(url):
                known = str(self._known.get((group, number), number))
                url = pattern.sub(known, url, count=1)
        return url


def _rows(data: Any) -> list[dict[str, Any]]:
    rows = data if isinstance(data, list) else [data]
    return [row for row in rows if isinstance(row, dict)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
