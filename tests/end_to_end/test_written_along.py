"""What is due in an ADOM is written under the lock of the install that follows, and by itself where
none does: a device, a window or a unit that hinders an install hinders no write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import (
    CLOSED,
    OPEN,
    Agenda,
    during,
    holding,
    names,
    open_fleet,
    seed,
    to,
    web,
)

TOGETHER = {"waves": ["100%"], "pause": "0s", "maxFailures": 2}


def asked(estate: Estate, since: int) -> list[str]:
    """The first url of each request, in order."""
    return [entry.urls[0] for entry in estate.unit.requests.since(since) if entry.urls]


def position(urls: list[str], part: str) -> int:
    return next((number for number, url in enumerate(urls) if part in url), len(urls))


def is_written(estate: Estate, ip: str) -> bool:
    return estate.object("address", f"prod_{ip}") is not None


@pytest.mark.parametrize(
    ("at", "devices_first"),
    [
        (CLOSED + timedelta(hours=1), False),  # no install can follow: nobody is asked before
        (OPEN, True),  # which devices are behind decides whether one follows
    ],
    ids=["closed", "open"],
)
def test_a_write_waits_for_devices_only_where_an_install_may_follow(
    tmp_path: Path, at: datetime, devices_first: bool
) -> None:
    with open_fleet(tmp_path, seed(2), rollout=TOGETHER) as estate:
        web(estate, "10.1.0.2")
        to(estate, at)
        mark = estate.unit.requests.mark()
        estate.apply("window")
        urls = asked(estate, mark)
        assert is_written(estate, "10.1.0.2")
        commit, devices = position(urls, "/workspace/commit"), position(urls, "/sys/proxy/json")
        assert (devices < commit) is devices_first
        assert sum(url.endswith("/workspace/lock") for url in urls) == 1


def unread_status(estate: Estate) -> None:
    estate.unit.faults.add(kind="http-error", status=502, url="*/_package/status", times=0)


def unread_tasks(estate: Estate) -> None:
    estate.unit.faults.add(kind="http-error", status=502, url="task/task*", times=0)


def silent_devices(estate: Estate) -> None:
    estate.unit.faults.add(kind="http-error", status=502, url="sys/proxy/json*", times=0)


def commands_say_no(estate: Estate) -> None:
    estate.config["install"]["hold"] = [{"command": ["/bin/false"]}]
    estate.write_config()


@pytest.mark.parametrize(
    "hinder",
    [unread_status, unread_tasks, silent_devices, commands_say_no],
    ids=lambda f: f.__name__,
)
def test_what_hinders_an_install_hinders_no_write(
    tmp_path: Path, hinder: Callable[[Estate], None]
) -> None:
    with open_fleet(tmp_path, seed(2), clock=Agenda(), rollout=TOGETHER) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        hinder(estate)
        estate.apply("window")
        estate.unit.faults.clear()
        assert is_written(estate, "10.1.0.2")
        assert holding(estate, "10.1.0.1") == names(2)
        assert not estate.unit.world.adoms["prod"].locks


def test_a_lock_that_is_given_back_is_waited_for_as_ever(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2), clock=Agenda(), rollout=TOGETHER) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        human = estate.unit.console("admin")
        human.lock("prod")
        during(estate, 20, lambda: human.unlock("prod"))
        result = estate.apply("window")
        assert result.adoms[0].error is None
        assert holding(estate, "10.1.0.2") == names(2)
