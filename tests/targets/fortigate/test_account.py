"""What our key may change beyond addresses, and how far the unit's clock is off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmgsync.clock import Clock
from fmgsync.model.diagnosis import Level
from fmgsync.targets.fortigate import account, diagnose
from fmgsync.targets.fortigate.account import Told
from tests.targets.fortigate.conftest import Branch

NONE = dict.fromkeys(("secfabgrp", "authgrp", "sysgrp", "netgrp", "vpngrp", "wifi"), "none")
LEAST = {
    **NONE,
    "name": "fmgsync",
    "comments": "",
    "fwgrp": "custom",
    "fwgrp-permission": {"policy": "read", "address": "read-write", "others": "none"},
}


@pytest.mark.parametrize(
    ("change", "level", "told"),
    [
        ({}, Level.OK, "may change nothing but addresses"),
        ({"sysgrp": "read", "netgrp": "read"}, Level.OK, "nothing but addresses"),
        ({"sysgrp": "custom", "sysgrp-permission": {"cfg": "read"}}, Level.OK, "nothing but"),
        ({"fwgrp": "read-write"}, Level.WARNING, "more than addresses: fwgrp;"),
        ({"vpngrp": "read-write", "authgrp": "read-write"}, Level.WARNING, "authgrp, vpngrp;"),
        (dict.fromkeys(NONE, "read-write"), Level.WARNING, "authgrp, netgrp, secfabgrp, sysgrp"),
        ({"fwgrp-permission": {"policy": "read-write"}}, Level.WARNING, "fwgrp policy;"),
        (
            {"sysgrp": "custom", "sysgrp-permission": {"admin": "read-write"}},
            Level.WARNING,
            "sysgrp admin;",
        ),
        # The parts of what is not custom are not in force.
        ({"sysgrp": "none", "sysgrp-permission": {"admin": "read-write"}}, Level.OK, "nothing"),
        ({"name": "super_admin"}, Level.WARNING, "everything"),
        ({"fwgrp-permission": None}, Level.WARNING, "in fwgrp is not told"),
        ({"name": ""}, Level.WARNING, "is not told"),
        ({"evil\x1b[2J\nname": "read-write"}, Level.WARNING, "evil [2J name;"),
    ],
)
def test_more_than_is_needed_is_named(change: dict[str, Any], level: Level, told: str) -> None:
    found = account.judge("FortiGate b", Told(profile={**LEAST, **change}, user="api"))
    assert (found.level, told in found.message) == (level, True), found.message
    assert bool(found.fix) == (level is not Level.OK)


@pytest.mark.parametrize(
    ("profile", "level", "told"),
    [
        ("minimal", Level.OK, "'me' (profile minimal) may change nothing but addresses"),
        ("advised", Level.OK, "'me' (profile advised) may change nothing but addresses"),
        ("super_admin", Level.WARNING, "'me' (profile super_admin) may change more"),
    ],
)
@pytest.mark.parametrize("version", ["6.4.14", "7.0.12", "7.6.4"])
def test_each_key_may_ask_for_itself(
    boot: Callable[..., Branch], profile: str, level: Level, told: str, version: str
) -> None:
    users = [{"name": "me", "key": "m3", "profile": profile}]
    branch = boot(apiUsers=users, version=version)
    found = checked(branch, "m3")
    assert found["account"][0] is level
    assert told in found["account"][1]
    assert found["clock"] == (Level.OK, "0 s behind this computer")


@pytest.mark.parametrize(
    ("off_s", "level", "told"),
    [
        (0, Level.OK, "behind"),
        (20, Level.OK, "behind"),
        (40, Level.WARNING, "behind"),
        (-40, Level.WARNING, "ahead of"),
    ],
)
@pytest.mark.parametrize("refused", [False, True])
def test_a_clock_that_is_off_is_told(
    branch: Branch, off_s: float, level: Level, told: str, *, refused: bool
) -> None:
    """By another question where the first is not answered; that one tells whole seconds only."""
    if refused:
        branch.simulator.faults.add("http-error", status=404, url="*web-ui/state*", times=0)
    found = checked(branch, "adv1sed", clock=Off(branch, off_s))
    assert (found["clock"][0], told in found["clock"][1]) == (level, True)
    assert ("not told" in found["account"][1]) == refused


def test_what_is_not_told_is_said(branch: Branch) -> None:
    for url in ("*web-ui/state*", "*system/time*"):
        branch.simulator.faults.add("http-error", status=403, url=url, times=0)
    found = checked(branch, "k3y")
    assert found["clock"] == (Level.WARNING, "is not told")
    assert found["account"][0] is Level.WARNING


class Off:
    """This computer's clock, which is off by so much."""

    def __init__(self, branch: Branch, by_s: float) -> None:
        self._clock, self._by_s = branch.clock, by_s

    def now(self) -> float:
        return self._clock.now() + self._by_s

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


def checked(branch: Branch, key: str, clock: Clock | None = None) -> dict[str, tuple[Level, str]]:
    found = diagnose.check_unit(
        branch.session(key),
        [],
        branch.identities,
        asks_management=False,
        clock=clock or branch.clock,
    )
    return {each.check: (each.level, each.message) for each in found}
