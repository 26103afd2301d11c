"""Passwords, keys and certificates are replaced while a rollout goes on.

The old key counts for a minute at most. The unit knows both administrators, and its log says who
asked; the second wave comes a quarter of an hour after the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.certificates import keep as keep_authority
from tests.certificates import shown
from tests.end_to_end import branches as offices
from tests.end_to_end.branches import open_branches
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import (
    OPEN,
    Agenda,
    during,
    holding,
    names,
    open_fleet,
    seed,
    to,
    verified,
    web,
)

AFTER_S = 60
OLD, NEW = "0ld-k3y-of-the-unit", "n3w-k3y-of-the-unit"
WAVES = {"canary": [], "waves": ["1%", "100%"], "pause": "15m", "maxFailures": "100%"}


def keep(folder: Path, text: str) -> None:
    """The secret, where the configuration says."""
    (folder / "secret").write_text(text, encoding="utf-8")
    (folder / "secret").chmod(0o600)


@contextmanager
def behind_fortimanager(folder: Path, secret: str, *admins: dict[str, Any]) -> Iterator[Estate]:
    unit = {**seed(2), "workspaceMode": "disabled", "idleTimeoutSeconds": 120}
    unit["admins"] = [*unit["admins"], *admins]
    with open_fleet(folder, unit, clock=Agenda(), rollout=WAVES) as estate:
        [manager] = estate.config["fortimanagers"]
        manager["credentials"] = {secret: {"file": "./secret"}}
        if secret == "password":
            manager["credentials"]["username"] = "fmgsync"
        estate.write_config()
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        yield estate


def in_the_pause(estate: Estate, *actions: Any) -> float:
    """Let these be done while the second wave waits; when."""
    assert isinstance(estate.clock, Agenda)
    at = estate.clock.now() + 400
    for action in actions:
        estate.clock.plan(at, action)
    return at


def users(estate: Estate, since: float) -> set[str]:
    """Who has asked anything since then."""
    return {entry.user for entry in estate.unit.requests.since(0) if entry.at >= since}


def test_a_key_of_a_fortimanager(tmp_path: Path) -> None:
    robots = [{"user": "old", "apiKey": OLD}, {"user": "new", "apiKey": NEW}]
    with behind_fortimanager(tmp_path, "apiKey", *robots) as estate:
        keep(tmp_path, OLD)
        at = in_the_pause(estate, lambda: keep(tmp_path, NEW))
        estate.apply("window")
        assert holding(estate, "10.1.0.2") == names(2)
        assert "old" in users(estate, 0)
        assert users(estate, at + AFTER_S) == {"new"}


def test_a_password_of_a_fortimanager(tmp_path: Path) -> None:
    """Who is logged in goes on; whoever logs in, does it with the new one."""
    with behind_fortimanager(tmp_path, "password") as estate:
        keep(tmp_path, "s3cret-word")
        admin = estate.unit.world.admins["fmgsync"]

        def change() -> None:
            admin.password = NEW

        in_the_pause(estate, change, lambda: keep(tmp_path, NEW))
        result = estate.apply("window")
        assert [adom.error for adom in result.adoms] == [None]
        assert holding(estate, "10.1.0.2") == names(2)


def test_a_key_of_a_fortigate(tmp_path: Path) -> None:
    robots = [
        {"name": "old", "key": OLD, "profile": "advised"},
        {"name": "new", "key": NEW, "profile": "advised"},
    ]
    made = offices.seed(("branch-1", "branch-2"), apiUsers=robots)
    with open_branches(tmp_path, made, clock=Agenda()) as estate:
        for unit in estate.config["fortigates"]:
            unit["apiKey"] = {"file": "./secret"}
        estate.write_config(install={**estate.config["install"], "rollout": WAVES})
        keep(tmp_path, OLD)
        estate.pods(1)
        at = in_the_pause(estate, lambda: keep(tmp_path, NEW))
        estate.apply("window")
        assert estate.everywhere() == [{1}, {1}]
        assert users(estate, at + AFTER_S) == {"new"}
        last = max(entry.at for entry in estate.unit.requests.since(0) if entry.user == "old")
        assert last < at + AFTER_S


@pytest.mark.parametrize("kept", ["", "no key\nat all"])
def test_what_cannot_be_a_secret_replaces_none(tmp_path: Path, kept: str) -> None:
    """A file that is being written; the next look finds it whole."""
    made = offices.seed(("branch-1", "branch-2"))
    with open_branches(tmp_path, made, clock=Agenda()) as estate:
        estate.write_config(install={**estate.config["install"], "rollout": WAVES})
        estate.pods(1)
        in_the_pause(estate, lambda: (tmp_path / "key").write_text(kept, encoding="utf-8"))
        estate.apply("window")
        assert estate.everywhere() == [{1}, {1}]


@contextmanager
def certified(folder: Path, mode: str) -> Iterator[tuple[Estate, trustme.CA]]:
    """A FortiManager of the authority in `ca.pem`, on which an install takes ten minutes."""
    unit = {**seed(2, install_s=600), "workspaceMode": mode}
    at_once = {"waves": ["100%"], "pause": "0s", "maxFailures": "100%"}
    with open_fleet(folder, unit, clock=Agenda(), rollout=at_once) as estate:
        keep_authority(folder / "ca.pem", first := trustme.CA())
        estate.config["fortimanagers"][0]["tls"] = {"caFile": "./ca.pem"}
        estate.write_config()
        show(estate, first)
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        yield estate, first


def show(estate: Estate, authority: trustme.CA) -> None:
    """The unit gets another certificate, and its web server starts again with it."""
    estate.unit.show_certificate(shown(authority))
    estate.unit.unplug()
    estate.unit.plug()


@pytest.mark.parametrize("mode", ["disabled", "normal"])
def test_a_new_authority_while_an_install_runs(tmp_path: Path, mode: str) -> None:
    """First the unit has its certificate, later its authority comes, at first half of it: the task
    is watched on, its lock kept and given back, nothing pushed again."""
    with certified(tmp_path, mode) as (estate, _):
        second = trustme.CA()
        half = second.cert_pem.bytes()[:300]
        during(estate, 60, lambda: show(estate, second))
        during(estate, 120, lambda: (tmp_path / "ca.pem").write_bytes(half))
        during(estate, 180, lambda: keep_authority(tmp_path / "ca.pem", second))
        assert sorted(verified(estate.apply("window"))) == names(2)
        assert holding(estate, "10.1.0.2") == names(2)
        pushes = [one.urls for one in estate.unit.requests.installs()]
        assert pushes.count(("/securityconsole/package/commit",)) == 1
        assert estate.unit.world.adoms["prod"].locks == []


@pytest.mark.parametrize("mode", ["disabled", "normal"])
def test_somebody_elses_certificate_while_an_install_runs(tmp_path: Path, mode: str) -> None:
    """Nothing is said to whoever that is; the unit itself is heard again as soon as it is back."""
    with certified(tmp_path, mode) as (estate, first):
        asked: list[int] = []

        def leave() -> None:
            show(estate, trustme.CA())
            asked.append(len(estate.unit.requests.since(0)))

        def come_back() -> None:
            asked.append(len(estate.unit.requests.since(0)))
            show(estate, first)

        during(estate, 60, leave)
        during(estate, 400, come_back)
        assert sorted(verified(estate.apply("window"))) == names(2)
        assert asked[0] == asked[1]
        assert estate.unit.world.adoms["prod"].locks == []


def test_a_new_authority_of_fortigates_between_two_waves(tmp_path: Path) -> None:
    made = offices.seed(("branch-1", "branch-2"))
    with open_branches(tmp_path, made, clock=Agenda()) as estate:
        keep_authority(tmp_path / "ca.pem", first := trustme.CA())
        for unit in estate.config["fortigates"]:
            unit["tls"] = {"caFile": "./ca.pem"}
        estate.write_config(install={**estate.config["install"], "rollout": WAVES})
        estate.unit.show_certificate(shown(first))
        estate.pods(1)

        def change() -> None:
            second = trustme.CA()
            keep_authority(tmp_path / "ca.pem", second)
            estate.unit.show_certificate(shown(second))
            for name in ("branch-1", "branch-2"):
                estate.unit.fortigate(name).unplug()
                estate.unit.fortigate(name).plug()

        in_the_pause(estate, change)
        estate.apply("window")
        assert estate.everywhere() == [{1}, {1}]
