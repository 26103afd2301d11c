"""What our key may change beyond addresses, and how far the unit's clock is off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmgsync.clock import Clock
from fmgsync.model.diagnosis import Level
from fmgsync.model.target import DeviceVdom
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
    ("change", "may"),
    [
        ({}, True),
        ({"fwgrp": "read-write"}, True),
        ({"fwgrp": "read"}, False),
        ({"fwgrp": "none"}, False),
        # The parts of what is not custom are not in force.
        ({"fwgrp": "read", "fwgrp-permission": {"address": "read-write"}}, False),
        ({"fwgrp-permission": {"address": "read"}}, False),
        ({"fwgrp-permission": {"address": "none", "policy": "read-write"}}, False),
        ({"name": "super_admin", "fwgrp": "none"}, True),
        # What is not told is not known, and never fine.
        ({"fwgrp-permission": None}, None),
        ({"fwgrp-permission": {"policy": "read"}}, None),
        ({"fwgrp": None}, None),
        ({"fwgrp": 2}, None),
    ],
)
def test_whether_a_key_may_write_comes_from_its_profile(
    change: dict[str, Any], may: bool | None
) -> None:
    told = Told(profile={**LEAST, **change})
    assert account.may_write(told) is may
    assert (account.judge("b", told).message.endswith("nothing but addresses")) <= bool(may)


@pytest.mark.parametrize("policy", ["none", "read", "read-write"])
@pytest.mark.parametrize("cfg", ["none", "read", "read-write"])
@pytest.mark.parametrize("address", ["read", "read-write"])
def test_each_combination_of_rights_is_told_as_it_is(
    boot: Callable[..., Branch], address: str, policy: str, cfg: str
) -> None:
    """What a right opens is fine, what a missing one hides is not known, and what is given beyond
    need is named."""
    rights = {"address": address, "policy": policy, "cfg": cfg}
    branch = boot(apiUsers=[{"name": "me", "key": "m3", "rights": rights}])
    found = checked(branch, "m3")
    assert (found["objects"][0] is Level.OK) == (address == "read-write"), found["objects"]
    if address == "read":
        assert found["objects"][0] is Level.FAILURE
    assert (found["policies"][0] is Level.OK) == (policy != "none"), found["policies"]
    for check in ("management", "saving", "cluster"):
        assert (found[check][0] is Level.OK) == (cfg != "none"), found[check]
        assert ("not known" in found[check][1]) == (cfg == "none"), found[check]
    beyond = ["fwgrp policy"] if policy == "read-write" else []
    beyond += ["sysgrp cfg"] if cfg == "read-write" else []
    assert (found["account"][0] is Level.WARNING) == bool(beyond)
    assert all(each in found["account"][1] for each in beyond)


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


def test_a_key_that_cannot_write_is_no_matter_where_nothing_is_to_be_written(
    branch: Branch,
) -> None:
    assert checked(branch, "r3ad")["objects"][0] is Level.FAILURE
    assert checked(branch, "r3ad", writes=False)["objects"][0] is Level.OK


@pytest.mark.parametrize(
    ("profile", "standby", "serials", "level", "told"),
    [
        ("advised", [], (), Level.OK, "in no cluster"),
        ("minimal", [], (), Level.WARNING, "is not known"),
        # Another cluster's unit would be taken for one of its own.
        ("advised", ["FGVMB"], (), Level.WARNING, "is not noticed"),
        ("minimal", [], ("FGVMA",), Level.OK, "one of 'serials' (FGVMA)"),
        ("advised", ["FGVMB"], ("FGVMA", "FGVMB"), Level.OK, "(FGVMA, FGVMB)"),
        ("advised", ["FGVMB"], ("FGVMA",), Level.WARNING, "does not name FGVMB"),
    ],
)
def test_doctor_tells_whether_another_unit_would_be_noticed(
    boot: Callable[..., Branch],
    profile: str,
    standby: list[str],
    serials: tuple[str, ...],
    level: Level,
    told: str,
) -> None:
    users = [{"name": "me", "key": "m3", "profile": profile}]
    branch = boot(serial="FGVMA", apiUsers=users, standby=standby)
    found = checked(branch, "m3", serials=frozenset(serials))["cluster"]
    assert (found[0], told in found[1]) == (level, True), found


class Off:
    """This computer's clock, which is off by so much."""

    def __init__(self, branch: Branch, by_s: float) -> None:
        self._clock, self._by_s = branch.clock, by_s

    def now(self) -> float:
        return self._clock.now() + self._by_s

    def steady(self) -> float:
        return self._clock.steady()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


def checked(
    branch: Branch, key: str, clock: Clock | None = None, *, writes: bool = True, **more: Any
) -> dict[str, tuple[Level, str]]:
    found = diagnose.check_unit(
        branch.session(key, **more),
        [DeviceVdom(branch.name, "root")],
        branch.identities,
        asks_management=False,
        writes=writes,
        clock=clock or branch.clock,
    )
    return {each.check: (each.level, each.message) for each in found}
