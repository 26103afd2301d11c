"""Whether a FortiManager manages the unit: then it is not ours to write.

What is changed on a managed unit is undone by its next install, or spoils it (Fortinet community,
225438), and nothing on the unit refuses the change. The question needs `sysgrp custom, cfg read`
(FortiOS REST API description); without that right the answer is "not known", never "no".
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fmgsync import errors
from fmgsync.targets import wire
from fmgsync.targets.fortigate import answers, urls
from fmgsync.targets.fortigate.session import Session

_NEWER = "system/central-management/status"
_NEWER_SINCE = (7, 6, 0)
_OLDER = "system/fortimanager/status"
_REGISTERED = ("registered", "in_progress", 2, 1)
_NOT = ("unregistered", "unknown", 0)


class State(enum.Enum):
    """What the unit says of its management."""

    FREE = "free"
    MANAGED = "managed"
    BACKUP = "backup"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Management:
    """`by` is the FortiManager's address or serial number; `why` says why it is not known."""

    state: State
    by: str = ""
    why: str = ""


def read(session: Session, vdom: str) -> Management:
    """Ask the unit, first at the url that its release is known to have."""
    release = session.release or _NEWER_SINCE
    for path in (_NEWER, _OLDER) if release >= _NEWER_SINCE else (_OLDER, _NEWER):
        url = urls.monitor(path, vdom)
        answer = session.ask(url)
        if answer.http_status == answers.ABSENT_STATUS:
            continue
        if answer.http_status == 403:
            return Management(State.UNKNOWN, why="the key's access profile does not show it")
        found = session.checked(answer, url).results
        if isinstance(found, Mapping):
            return _said(found)
    return Management(State.UNKNOWN, why="this FortiOS release does not tell")


def _said(found: Mapping[str, Any]) -> Management:
    registration = found.get(
        "registration_status", found.get("fortimanager_registration_status_id")
    )
    by = wire.printable(wire.text(found.get("server")) or wire.text(found.get("sn")))
    if registration in _REGISTERED:
        state = State.BACKUP if found.get("mode") == "backup" else State.MANAGED
        return Management(state, by)
    if registration in _NOT:
        return Management(State.FREE)
    return Management(State.UNKNOWN, by, "the unit's answer leaves it out")


def refuse(session: Session, vdom: str) -> str:
    """Raise unless no FortiManager manages the unit. What one is that only keeps copies of it
    (mode backup), empty if none does."""
    found = read(session, vdom)
    if found.state is State.MANAGED:
        by = f" {found.by}" if found.by else ""
        raise errors.ManagedElsewhere(
            f"it is managed by FortiManager{by}: its next install would undo a direct change, or"
            " fail because of it",
            fortigate=session.access.name,
            next_step="configure that FortiManager, and name it with the device in 'sites'",
        )
    if found.state is State.UNKNOWN:
        raise errors.ManagedElsewhere(
            f"whether a FortiManager manages it is not known: {found.why}",
            fortigate=session.access.name,
            next_step="give the key 'sysgrp custom' with 'cfg read', or write 'managed: \"no\"' if"
            " you know that none does",
        )
    return f"FortiManager {found.by}".strip() if found.state is State.BACKUP else ""
