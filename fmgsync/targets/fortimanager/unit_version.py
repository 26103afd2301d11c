"""The FortiManager itself: which one it is, and which release it runs."""

from __future__ import annotations

from fmgsync.targets.fortimanager import urls
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.wire import printable

Version = tuple[int, int, int]

QUESTIONS = ({"url": urls.STATUS}, {"url": urls.CLI_STATUS})


def read_version(session: Session) -> Version | None:
    """Release as `(7, 4, 5)`; None where the administrator may not read it.

    Two urls have it, and either may be closed to a restricted administrator.
    """
    for result in session.ask_once(QUESTIONS):
        data = result.data if result.ok and isinstance(result.data, dict) else {}
        parts = (str(data.get(key)) for key in ("Major", "Minor", "Patch"))
        numbers = [int(part) for part in parts if part.isdecimal()]
        if len(numbers) == 3:
            return numbers[0], numbers[1], numbers[2]
    return None


def read_serial(session: Session) -> str:
    """Its serial number; empty where it may not be read, or where units of a cluster take turns."""
    for result in session.ask_once(QUESTIONS):
        data = result.data if result.ok and isinstance(result.data, dict) else {}
        serial, mode = data.get("Serial Number"), str(data.get("HA Mode", ""))
        if isinstance(serial, str) and serial:
            return printable(serial) if mode in ("", "Stand Alone") else ""
    return ""
