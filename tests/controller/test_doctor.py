"""What a FortiManager's own answers mean, one row for each way they can be wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.controller import doctor
from fmgsync.controller.doctor import Level, UnitToCheck
from fmgsync.scheduling.terms import Mode
from fmgsync.targets.fortimanager.checkup import Administrator, UnitFacts
from fmgsync.targets.fortimanager.session import Session

NOW = 1_800_000_000.0
OURS = Administrator("fmgsync", "read-write", "Standard_User", installs=True)
HEALTHY = UnitFacts(
    user="fmgsync",
    version=(7, 4, 5),
    time=NOW,
    settings={"workspace-unlock-after-install": "disable"},
    admin_settings={"auto_push_cfg": "disable"},
    administrators=(OURS,),
)


def no_session() -> Session:
    raise errors.InternalError("judging needs no session")


def judged(facts: UnitFacts, *, writes: bool = True) -> dict[str, Level]:
    unit = UnitToCheck(no_session, {}, Mode.PACKAGE, writes=writes)
    found = list(doctor.judge_unit("FortiManager hq", facts, unit, NOW))
    assert all(bool(each.fix) == (each.level is not Level.OK) for each in found)
    return {each.check: each.level for each in found}


def test_a_healthy_unit_has_nothing_to_fix() -> None:
    assert set(judged(HEALTHY).values()) == {Level.OK}


@pytest.mark.parametrize(
    ("change", "check", "level"),
    [
        ({"version": (7, 0, 12)}, "version", Level.FAILURE),
        ({"version": None}, "version", Level.WARNING),
        ({"time": NOW + 45}, "clock", Level.WARNING),
        ({"time": NOW - 45}, "clock", Level.WARNING),
        ({"time": NOW + 5}, "clock", Level.OK),
        ({"time": None}, "clock", Level.WARNING),
        ({"settings": None}, "workspace-unlock-after-install", Level.WARNING),
        # Numbers where a unit does not speak in words.
        ({"admin_settings": {"auto_push_cfg": 1}}, "auto_push_cfg", Level.WARNING),
        ({"admin_settings": {}}, "auto_push_cfg", Level.WARNING),
        ({"administrators": None}, "rights", Level.WARNING),
        ({"administrators": None}, "other administrators", Level.WARNING),
        ({"administrators": (replace(OURS, rpc_permit="read"),)}, "rights", Level.FAILURE),
        ({"administrators": (replace(OURS, installs=False),)}, "rights", Level.FAILURE),
        ({"administrators": (OURS, replace(OURS, user="eve"))}, "other administrators",
         Level.WARNING),
    ],
)  # fmt: skip
def test_what_is_wrong_or_not_told_is_said(
    change: dict[str, Any], check: str, level: Level
) -> None:
    assert judged(replace(HEALTHY, **change))[check] is level


def test_who_only_observes_needs_no_right_to_write() -> None:
    reader = replace(HEALTHY, administrators=(replace(OURS, rpc_permit="read", installs=False),))
    assert judged(reader, writes=False)["rights"] is Level.OK
