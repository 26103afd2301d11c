"""Passwords and keys are replaced while a rollout goes on; the old one counts for a minute at most.

The unit knows both administrators, and its log says who asked; the second wave comes a quarter of
an hour after the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end import branches as offices
from tests.end_to_end.branches import open_branches
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import OPEN, Agenda, holding, names, open_fleet, seed, to, web

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
