"""ADOMs that are locked while they are worked on: by people, by ourselves, with an API key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import structlog
from requests.adapters import HTTPAdapter
from rich.console import Console

from fmgsync import errors
from fmgsync.cli import common, documents, status_text
from fmgsync.model.view import GroupState
from fmgsync.passes import once
from fmgsync.wiring import wiring
from tests.end_to_end.estate import Estate, Waking, default_seed, open_estate
from tests.end_to_end.seen import passed, said, states, web
from tests.targets.hardship import Before, Killed

NINE_HOURS = 9 * 3600


class DiesWriting(HTTPAdapter):
    """The process is killed when it is about to write its first object: it holds the lock."""

    dead = False

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        method = json.loads(request.body or "{}").get("method")
        if self.dead or method in ("add", "set"):
            self.dead = True
            raise Killed
        return super().send(request, *args, **kwargs)


@pytest.fixture
def clock() -> Waking:
    return Waking()


@pytest.fixture
def estate(tmp_path: Path, clock: Waking) -> Iterator[Estate]:
    with open_estate(tmp_path, default_seed(install_s=0), clock=clock) as made:
        pods(made)
        yield made


def pods(estate: Estate) -> None:
    estate.run("east", web("10.1.0", 5))
    estate.run("west", web("10.2.0", 5))


def written(estate: Estate) -> bool:
    return estate.object("addrgrp", "k8s-web") is not None


# --- other people's locks -------------------------------------------------------------------------


def test_a_humans_lock_is_waited_for(estate: Estate, clock: Waking) -> None:
    """Who is waited for is said at once, and the work is done as soon as they are finished."""
    human = estate.unit.console("admin")
    human.lock("prod")
    clock.act = lambda: human.unlock("prod")
    with structlog.testing.capture_logs() as log:
        result = estate.apply_never()
    assert result.adoms[0].error is None
    assert written(estate)
    (told,) = [line for line in log if line["event"] == "waiting for a lock"]
    assert told["log_level"] == "warning"
    assert "by 'admin' since 2026-01-01T00:00:00Z" in told["why"]


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("pkg/edge/default", "package edge/default by 'admin' since 2"),
        ("dev/fgt-west", "device fgt-west by 'admin' since 2"),
    ],
)
def test_a_colleagues_lock_of_a_part_is_named(estate: Estate, what: str, told: str) -> None:
    """It keeps us out of the ADOM, whose own lockinfo shows nobody."""
    estate.run("east", web("10.1.0", 5))
    console = estate.unit.console("admin")
    console.lock("prod", what)
    result = estate.apply_never()
    error = result.adoms[0].error
    assert error is not None
    assert "parts of it are" in error.message
    assert told in error.message
    console.unlock("prod", what)
    assert estate.apply_never().adoms[0].error is None


def test_a_humans_lock_that_stays_is_named(estate: Estate) -> None:
    """With holder and since; nothing is written, nothing stays behind."""
    human = estate.unit.console("admin")
    human.lock("prod")
    mark = estate.unit.requests.mark()
    result = estate.apply()
    assert isinstance(result.adoms[0].error, errors.LockHeld)
    assert "ADOM prod: the ADOM is locked: by 'admin' since 2026-01-01T00:00:00Z" in said(result)
    assert f"(session {human.sid})" in said(result)
    assert common.apply_code(result) == 1
    assert not any("addrgrp" in url for e in estate.unit.requests.writing(mark) for url in e.urls)
    human.unlock("prod")
    assert estate.apply().adoms[0].error is None


def test_status_tells_who_works_in_an_adom(
    estate: Estate, clock: Waking, capsys: pytest.CaptureFixture[str]
) -> None:
    """For people and for scripts; it only asks."""
    human = estate.unit.console("admin")
    human.lock("prod")
    mark = estate.unit.requests.mark()
    result = estate.status()
    assert estate.unit.requests.locks(mark) == []
    assert documents.status_document(result)["locks"] == [
        {
            "fortimanager": "hq",
            "adom": "prod",
            "user": "admin",
            "session": human.sid,
            "since": "2026-01-01T00:00:00Z",
            "whole": True,
            "part": None,
        }
    ]
    status_text.print_status(Console(width=10_000), documents.status_document(result))
    out = capsys.readouterr().out
    assert "lock: ADOM prod on hq: locked by 'admin' since 2026-01-01T00:00:00Z" in out
    human.unlock("prod")
    assert documents.status_document(estate.status())["locks"] == []


@pytest.mark.parametrize(
    ("locks", "told"),
    [
        (["pkg/edge/default"], ["package edge/default"]),
        (["pkg/edge/default/firewall/policy/1"], ["package edge/default"]),
        (["dev/fgt-west"], ["device fgt-west"]),
        (
            ["pkg/edge/default", "obj/firewall/addrgrp/k8s-web"],
            ["package edge/default", "group k8s-web"],
        ),
    ],
)
def test_status_tells_who_has_a_part_of_an_adom(
    estate: Estate, locks: list[str], told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It keeps us out of the whole, so whoever looks sees it before anything waits for it."""
    estate.unit.world.switches.per_policy_lock = True
    estate.apply_never()
    human = estate.unit.console("admin")
    for what in locks:
        human.lock("prod", what)
    document = documents.status_document(estate.status())
    assert [(one["part"], one["whole"]) for one in document["locks"]] == [
        (part, False) for part in told
    ]
    status_text.print_status(Console(width=10_000), document)
    out = capsys.readouterr().out
    assert f"lock: ADOM prod on hq: {told[-1]} locked by 'admin' since 2026-01-01T00:" in out


@pytest.mark.parametrize(("own", "locks"), [("normal", 1), ("disabled", 0)])
def test_each_adom_may_have_a_workspace_of_its_own(tmp_path: Path, own: str, locks: int) -> None:
    seed = default_seed(install_s=0, workspaceMode="per-adom")
    seed["adoms"][0]["workspaceMode"] = own
    with open_estate(tmp_path, seed) as estate:
        pods(estate)
        estate.apply_never()
        assert written(estate)
        assert len(estate.unit.requests.locks()) == locks


def test_without_changes_there_is_no_lock(estate: Estate) -> None:
    estate.apply_never()
    mark = estate.unit.requests.mark()
    estate.apply()
    assert estate.unit.requests.locks(mark) == []


# --- our own lock after a crash -------------------------------------------------------------------


def test_our_own_lock_after_a_crash_is_recognised(estate: Estate, clock: Waking) -> None:
    """The next run says whose it is and what ends it; once it has ended, all goes on."""
    dying = DiesWriting()
    world = wiring.make_world(
        estate.path,
        command="apply --install never",
        clock=clock,
        transport=lambda access: dying,
        state_dir=estate.folder / "state",
    )
    with pytest.raises(Killed):
        once.apply(world, install=False)
    (lock,) = estate.unit.world.adoms["prod"].locks
    result = estate.apply_never()
    assert f"locked: by 'fmgsync' since 2026-01-01T00:00:00Z (session {lock.sid})" in said(result)
    assert "our own administrator's: another fmgsync, or one that was killed" in said(result)
    assert f"diagnose system admin-session kill {lock.sid}" in said(result)
    assert not written(estate)
    clock.sleep(NINE_HOURS)
    assert estate.apply_never().adoms[0].error is None
    assert written(estate)


# --- API keys -------------------------------------------------------------------------------------


def keyed(folder: Path, mode: str) -> dict[str, Any]:
    """A unit whose administrator for fmgsync has an API key and no password."""
    (folder / "key").write_text("k3y-of-robot", encoding="utf-8")
    (folder / "key").chmod(0o600)
    made = default_seed(install_s=0, workspaceMode=mode)
    made["admins"][1] = {"user": "robot", "apiKey": "k3y-of-robot", "rpcPermit": "read-write"}
    return made


def use_key(estate: Estate) -> None:
    unit = {**estate.config["fortimanagers"][0], "credentials": {"apiKey": {"file": "./key"}}}
    estate.write_config(fortimanagers=[unit])
    pods(estate)


@pytest.mark.parametrize("mode", ["disabled", "normal"])
def test_an_api_key_does_the_whole_job(tmp_path: Path, mode: str) -> None:
    with open_estate(tmp_path, keyed(tmp_path, mode)) as estate:
        use_key(estate)
        estate.apply_never()
        estate.write_policy("k8s-web")
        assert set(states(estate.apply()).values()) == {GroupState.IN_SYNC}
        assert passed(estate, "fgt-east") == {"10.1.0.5"}
        assert len(estate.unit.requests.locks()) == (0 if mode == "disabled" else 3)
        assert estate.unit.world.adoms["prod"].locks == []


def test_an_api_key_whose_locks_cannot_be_proven_takes_none(tmp_path: Path) -> None:
    """A unit that opens a session per request: nothing is written, a password is asked for."""
    with open_estate(tmp_path, keyed(tmp_path, "normal")) as estate:
        use_key(estate)

        def forget() -> None:
            world = estate.unit.world
            with world.lock:
                for session in world.sessions.all():
                    world.sessions.end(session)

        world = wiring.make_world(
            estate.path,
            command="apply --install never",
            clock=estate.clock,
            transport=lambda access: Before(forget),
            state_dir=tmp_path / "state",
        )
        result = once.apply(world, install=False)
        assert "configure 'username' and 'password'" in said(result)
        assert common.apply_code(result) == 1
        assert estate.unit.requests.locks() == []
        assert not written(estate)


def test_an_api_keys_own_lock_after_a_crash_is_recognised(tmp_path: Path) -> None:
    with open_estate(tmp_path, keyed(tmp_path, "normal")) as estate:
        use_key(estate)
        crashed = estate.unit.console("robot")
        crashed.lock("prod")
        text = said(estate.apply_never())
        assert f"session {crashed.sid} is our own administrator's" in text
        assert "k3y-of-robot" not in text
