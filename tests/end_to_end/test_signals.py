"""Ctrl-C and SIGTERM end every command that writes, and leave nothing locked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import common, interrupting, main
from fmgsync.clock import SystemClock
from fmgsync.simulator.wire.requestlog import Entry
from tests.daemon.controllers import until
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.seen import web

BOTH = [signal.SIGINT, signal.SIGTERM]
ANY = [*BOTH, signal.SIGHUP]
ADOPT = ["adopt", "--names", "k8s-old", "--apply"]
CASSETTE = next(iter(sorted((Path(__file__).parents[2] / "cassettes" / "contract").glob("*.yaml"))))
WRITING = {
    "adopt": ADOPT,
    "release": ["adopt", "--release", "--apply"],
    "cleanup": ["cleanup", "--apply"],
    "apply": ["apply", "--install", "never", "--yes"],
}


def seed(mode: str = "normal") -> dict[str, Any]:
    """With a group that somebody made by hand."""
    made = default_seed(install_s=0, workspaceMode=mode)
    adom = made["adoms"][0]
    adom["addresses"].append({"name": "old-1", "subnet": "10.1.0.5/32", "comment": "by hand"})
    adom["addressGroups"] = [{"name": "k8s-old", "members": ["old-1"], "comment": "by hand"}]
    return made


def prepared(estate: Estate, command: str) -> None:
    """So that the command has something to write."""
    estate.run("east", web("10.1.0", 5))
    estate.run("west", web("10.2.0", 5))
    if command == "cleanup":
        estate.apply_never()
    if command in ("adopt", "release"):
        old = {"name": "k8s-old", "select": "app == 'web'", "sites": {"clusters": ["east"]}}
        estate.write_config(groups=[old])
    if command == "release":
        assert run(estate, ADOPT) == 0


def run(estate: Estate, words: list[str]) -> int:
    with interrupting.ended_by_signals():
        state = ["--state-dir", str(estate.folder / "state")]
        return main.run([*words, "-c", str(estate.path), *state])


def signalled(estate: Estate, number: int, *, times: int = 1) -> None:
    """This process gets the signal as soon as it has the lock, and with what it sends next."""
    left = [number] * times

    def send(entry: Entry) -> None:
        ours = entry.user == "fmgsync" and (entry.locking or len(left) < times)
        if ours and left:
            os.kill(os.getpid(), left.pop())

    estate.unit.requests.follow = send


def nothing_is_left(estate: Estate) -> None:
    world = estate.unit.world
    assert world.adoms["prod"].locks == []
    assert [one for one in world.sessions.all() if one.admin.user == "fmgsync"] == []


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Each test leaves the signals as it found them. A terminal that goes away is told of, also
    where the tests run without one."""
    hung_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    before = [signal.getsignal(number) for number in ANY]
    yield
    after = [signal.getsignal(number) for number in ANY]
    signal.signal(signal.SIGHUP, hung_up)
    assert after == before


@pytest.mark.parametrize("number", [*ANY, "hung up twice"])
@pytest.mark.parametrize("command", WRITING)
def test_what_is_being_written_is_written_to_its_end(
    tmp_path: Path, command: str, number: int | str
) -> None:
    """The first signal starts nothing more: no half of a plan, no lock. That a terminal goes away
    is told by its shell and by the kernel: that is no impatience."""
    with open_estate(tmp_path, seed()) as estate:
        prepared(estate, command)
        if isinstance(number, str):
            signalled(estate, signal.SIGHUP, times=2)
        else:
            signalled(estate, number)
        assert run(estate, WRITING[command]) == common.INTERRUPTED
        estate.unit.requests.follow = None
        nothing_is_left(estate)
        mark = estate.unit.requests.mark()
        assert run(estate, WRITING[command]) in (0, 3)
        assert estate.unit.requests.writing(since=mark) == []
        nothing_is_left(estate)


@pytest.mark.parametrize("number", BOTH)
@pytest.mark.parametrize("mode", ["normal", "workflow"])
def test_the_second_one_leaves_at_once_and_commits_nothing(
    tmp_path: Path, number: int, mode: str
) -> None:
    with open_estate(tmp_path, seed(mode)) as estate:
        prepared(estate, "adopt")
        signalled(estate, number, times=2)
        assert run(estate, ADOPT) == common.INTERRUPTED
        nothing_is_left(estate)
        found = estate.object("addrgrp", "k8s-old")
        assert found is not None
        assert found["comment"] == "by hand"


def test_an_adom_that_was_not_begun_is_not_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told of, so that nobody takes it for done."""
    made = seed()
    device = {"name": "fgt-lab", "vdoms": ["root"], "installSeconds": 0}
    made["adoms"].append({"name": "lab", "osVersion": "7.4", "devices": [device]})
    with open_estate(tmp_path, made) as estate:
        prepared(estate, "cleanup")
        lab = {"clusters": ["west"], "fortimanager": "hq", "adom": "lab", "devices": ["fgt-lab"]}
        estate.write_config(sites=[*estate.config["sites"], lab])
        estate.apply_never()
        signalled(estate, signal.SIGTERM)
        capsys.readouterr()
        assert run(estate, WRITING["cleanup"]) == common.INTERRUPTED
        told = " ".join(capsys.readouterr().out.split())
        locked = [e for e in estate.unit.requests.since() if e.locking and e.user == "fmgsync"]
        last = {url for entry in locked[-1:] for url in entry.urls}
        assert any("/prod/" in url or "/lab/" in url for url in last)
        assert told.count("was not begun") == 1
        for adom in estate.unit.world.adoms.values():
            assert adom.locks == []


@pytest.mark.parametrize("number", BOTH)
def test_a_lock_that_somebody_else_holds_is_not_waited_for(tmp_path: Path, number: int) -> None:
    with open_estate(tmp_path, seed()) as estate:
        prepared(estate, "cleanup")
        console = estate.unit.console("admin")
        console.lock("prod")

        def send(entry: Entry) -> None:
            if entry.user == "fmgsync" and any("lockinfo" in url for url in entry.urls):
                estate.unit.requests.follow = None
                os.kill(os.getpid(), number)

        estate.unit.requests.follow = send
        mark = estate.unit.requests.mark()
        assert run(estate, WRITING["cleanup"]) == common.INTERRUPTED
        assert len(estate.unit.requests.since(mark)) < 30
        assert not [e for e in estate.unit.requests.writing(since=mark) if "delete" in e.method]
        console.unlock("prod")
        console.log_out()
        nothing_is_left(estate)


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (["plan"], [signal.SIGINT]),
        (["status"], [signal.SIGTERM]),
        (WRITING["apply"], [signal.SIGINT, signal.SIGTERM]),
        (WRITING["cleanup"], [signal.SIGINT, signal.SIGTERM]),
    ],
    ids=["plan", "status", "apply", "cleanup"],
)
def test_a_session_that_is_just_being_given_is_given_back(
    tmp_path: Path, words: list[str], numbers: list[int]
) -> None:
    """The answer to the login is on its way: who would log out does not know the session yet."""
    with open_estate(tmp_path, seed()) as estate:
        prepared(estate, "cleanup")

        def send(entry: Entry) -> None:
            if any("login" in url for url in entry.urls):
                estate.unit.requests.follow = None
                for number in numbers:
                    os.kill(os.getpid(), number)
                threading.Event().wait(0.05)  # the answer comes when the signal is there already

        estate.unit.requests.follow = send
        assert run(estate, words) == common.INTERRUPTED
        nothing_is_left(estate)


def test_a_command_that_only_looks_logs_out_when_it_is_terminated(tmp_path: Path) -> None:
    """As a process of its own: no handler of anybody else's is in the way."""
    with open_estate(tmp_path, seed()) as estate:
        prepared(estate, "apply")
        reached, before = threading.Event(), len(estate.unit.requests)

        def follow(entry: Entry) -> None:
            if entry.number >= before + 3:
                reached.set()

        estate.unit.requests.follow = follow
        words = ["status", "-c", str(estate.path), "--state-dir", str(estate.folder / "state")]
        command = [sys.executable, "-m", "fmgsync", *words]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            assert reached.wait(20)
            with estate.unit.world.lock:
                process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=20)
        assert process.returncode == common.INTERRUPTED, said
        assert b"interrupted" in said
        nothing_is_left(estate)


@pytest.mark.parametrize("number", BOTH)
@pytest.mark.parametrize("command", ["simulator", "cassette replay"])
def test_what_serves_until_it_is_told_to_stop_gives_the_signals_back(
    command: str, number: int
) -> None:
    """A program that calls it stays interruptible: `handlers` looks what is left."""
    before = signal.getsignal(number)

    def send() -> None:
        until(lambda: signal.getsignal(number) is not before)
        os.kill(os.getpid(), number)

    words = [*command.split(), "--listen", "127.0.0.1:0"]
    if command == "cassette replay":
        words.insert(2, str(CASSETTE))
    sender = threading.Thread(target=send)
    sender.start()
    assert main.run(words) == (command == "cassette replay")  # of which nothing was asked
    sender.join()


@pytest.mark.parametrize("number", ANY)
def test_a_controller_ends_in_order(tmp_path: Path, number: int) -> None:
    with open_estate(tmp_path, seed(), clock=SystemClock()) as estate:
        prepared(estate, "apply")
        estate.write_config(reconcile={"settle": "0s"})
        signalled_pid: list[int] = []

        def send(entry: Entry) -> None:
            if entry.user == "fmgsync" and entry.locking and signalled_pid:
                os.kill(signalled_pid.pop(), number)

        estate.unit.requests.follow = send
        words = ["run", "--listen", "none", "-c", str(estate.path), "-v"]
        command = [sys.executable, "-m", "fmgsync", *words, "--state-dir", str(tmp_path / "state")]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            signalled_pid.append(process.pid)
            _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        nothing_is_left(estate)
