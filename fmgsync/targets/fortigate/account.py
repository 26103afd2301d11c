"""What a FortiGate tells of its clock, and of what our key may change beyond what it has to.

Both are in what the unit's own pages ask first, which each administrator may ask: `admin` there
holds the access profile as `config system accprofile` has it, each group of rights with `none`,
`read`, `read-write` or `custom`, and of a custom one its parts in `<group>-permission` (test data
of prometheus-community/fortigate_exporter; `fortinet.fortios`, `system_accprofile`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fmgsync import errors
from fmgsync.model.diagnosis import Diagnosis, Level
from fmgsync.targets import wire
from fmgsync.targets.fortigate import urls
from fmgsync.targets.fortigate.session import Session

_ALL = "super_admin"
_PARTS = "-permission"
_NEEDED = ("fwgrp", "address")
_SHOWN = 8
_LEAST = "give it a profile that may change addresses only, as docs/fortigates.md shows"


@dataclass(frozen=True, slots=True)
class Told:
    """`time` in UTC epoch seconds, the administrator and the access profile, as the unit has it."""

    time: float | None = None
    user: str = ""
    profile: Mapping[str, Any] = field(default_factory=dict)


def read(session: Session, vdom: str) -> Told:
    """Ask for both. What a release or a right keeps back is not told, which is no error."""
    state = _results(session, "web-ui/state", vdom)
    admin = _mapping(state.get("admin"))
    time = _seconds(state.get("snapshot_utc_time"), per_second=1000)
    if time is None:
        time = _seconds(_results(session, "system/time", vdom).get("time"))
    return Told(time, wire.printable(admin.get("name", "")), _mapping(admin.get("profile")))


def judge(where: str, told: Told) -> Diagnosis:
    """Whether more is given to us than we need: who has our key has all of it."""
    name = wire.printable(told.profile.get("name", ""))
    if not name:
        text = "what the key may change beyond addresses is not told"
        return Diagnosis(where, "account", Level.WARNING, text, f"look by hand; if more: {_LEAST}")
    who = f"{told.user!r} (profile {name})"
    if more := sorted(set(_beyond(told.profile))):
        shown = ", ".join(more[:_SHOWN]) + (" and more" if more[_SHOWN:] else "")
        text = f"{who} may change more than addresses: {shown}; so may whoever has its key"
        return Diagnosis(where, "account", Level.WARNING, text, _LEAST)
    if hidden := sorted(_untold(told.profile)):
        text = f"{who}: what it may change in {', '.join(hidden)} is not told"
        return Diagnosis(where, "account", Level.WARNING, text, f"look by hand; if more: {_LEAST}")
    what = "nothing but addresses" if may_write(told) else "nothing"
    return Diagnosis(where, "account", Level.OK, f"{who} may change {what}")


def may_write(told: Told) -> bool | None:
    """Whether our key may change addresses and groups; None where the unit does not tell."""
    if told.profile.get("name") == _ALL:
        return True
    group, part = _NEEDED
    right = told.profile.get(group)
    if right == "custom":
        right = _mapping(told.profile.get(group + _PARTS)).get(part)
    return right == "read-write" if isinstance(right, str) else None


def _beyond(profile: Mapping[str, Any]) -> Iterator[str]:
    """What may be changed that need not be."""
    if profile.get("name") == _ALL:
        yield "everything"
        return
    for group, right in profile.items():
        if right == "read-write":
            yield wire.printable(group)
        base = group.removesuffix(_PARTS)
        if base == group or profile.get(base, "custom") != "custom":
            continue
        for part, of_part in _mapping(right).items():
            if of_part == "read-write" and (base, part) != _NEEDED:
                yield wire.printable(f"{base} {part}")


def _untold(profile: Mapping[str, Any]) -> Iterator[str]:
    for group, right in profile.items():
        if right == "custom" and not _mapping(profile.get(group + _PARTS)):
            yield wire.printable(group)


def _results(session: Session, path: str, vdom: str) -> Mapping[str, Any]:
    try:
        answer = session.ask(urls.monitor(path, vdom))
    except errors.ProtocolError:  # a page, since something on the way lets no such question pass
        return {}
    return _mapping(answer.results) if answer.ok else {}


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _seconds(found: Any, per_second: int = 1) -> float | None:
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return found / per_second if is_number and 0 < found < float("inf") else None
