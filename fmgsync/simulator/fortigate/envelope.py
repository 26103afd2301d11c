"""What every answer of a FortiGate carries, and the one exception by which it refuses.

Shapes: public recordings of `/api/v2/...`; numbers and texts are the CLI engine's, as published
clients list them (hfortix-core 0.5) and as users reported them.
"""

from __future__ import annotations

from typing import Any, Final

from fmgsync.simulator.state.devices import Device

Body = dict[str, Any]

NOT_FOUND: Final = -3
FULL: Final = -4
EXISTS: Final = -5
IN_USE: Final = -23
QUOTA: Final = -580


class Failed(Exception):
    """Not done: HTTP status, and where the CLI engine refused, its number and its words.

    `members`: what the answer has besides.
    """

    def __init__(self, http: int, error: int | None = None, cli: str = "", **members: Any) -> None:
        self.http = http
        self.error = error
        self.cli = cli
        self.members = members
        super().__init__(f"HTTP {http}, error {error}: {cli}")

    def body(self) -> Body:
        """The members that tell it."""
        told: Body = {"status": "error", "http_status": self.http, **self.members}
        if self.error is None:
            return told
        told["error"] = self.error
        if self.cli:
            told["cli_error"] = f"{self.cli}\nCommand fail. Return code {self.error}\n"
        return told


def refused(error: int, cli: str = "") -> Failed:
    """The CLI engine does not take it: HTTP 500 with its number."""
    return Failed(500, error, cli)


def missing(name: object) -> Failed:
    """A member that is no object of the unit."""
    return refused(NOT_FOUND, f"entry not found in datasource\n\nvalue parse error before '{name}'")


def success() -> Body:
    """The members of an answer in which all is well."""
    return {"status": "success", "http_status": 200}


def frame(device: Device, method: str, vdom: str) -> Body:
    """Who answers, and for which VDOM."""
    major, minor, patch = device.os_version
    return {
        "http_method": method,
        "vdom": vdom,
        "serial": device.serial,
        "version": f"v{major}.{minor}.{patch}",
        "build": device.build,
    }
