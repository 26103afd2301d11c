"""Numbers and tokens a unit makes up: which one of the simulator stands for which recorded one."""

from __future__ import annotations

import re
from typing import Any, Final

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


class Binding:
    """Learns from pairs of answers, translates later requests."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Any] = {}
        self._sessions: dict[str, str] = {}

    def learn(self, recorded: Result, simulated: Result) -> None:
        """Note what the simulator calls what the recording calls otherwise."""
        self._pair(recorded.data, simulated.data)
        self._pair(recorded.element, simulated.element)

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
        elif isinstance(recorded, list) and isinstance(simulated, list) and recorded and simulated:
            self._pair(recorded[0], simulated[0])

    def session(self, recorded: Any) -> Any:
        """The simulator's token for a recorded one."""
        return self._sessions.get(recorded, recorded) if isinstance(recorded, str) else recorded

    def translate(self, value: Any) -> Any:
        """A request's param in the simulator's words."""
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
        return self.translate(value)

    def _url(self, url: str) -> str:
        for group, pattern in _IN_URLS:
            for number in pattern.findall(url):
                known = str(self._known.get((group, number), number))
                url = pattern.sub(known, url, count=1)
        return url
