"""A canary in every place a secret can be: none is ever seen outside, however loud one asks.

Every command, under every fault, in both log formats, at the loudest level; a controller and what
it serves; a FortiManager whose words repeat the password.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from fmgsync.simulator.wire.faults import Fault
from tests.daemon import controllers
from tests.end_to_end.cage import PASSWORD, leaves, open_cage, tokens
from tests.sweep.processes import Processes

ARGUMENTS: Final[Mapping[str, str]] = {
    "plan": "--save plan.json",
    "apply": "--install now --reason why",
    "explain device": "fgt-east",
    "explain group": "k8s-web",
    "explain ip": "10.1.0.5",
    "explain pod": "default/web-1",
    "plan show": "plan.json",
    "approve": "3f9a2c71d0b8e645",
    "stop": "--reason why",
    "adopt": "--calico --apply",
    "cleanup": "--apply",
    "selector": "all()",
    "rollout abort": "--reason why",
    "config import-calico": "token",
    "cassette record": "--to lab.yaml --while -- apply --install now --reason why",
    "cassette check": "lab.1.yaml",
    "cassette show": "lab.1.yaml",
    "cassette compare": "lab.1.yaml",
}
"""What each command needs, where it needs anything."""
WITHOUT: Final[Mapping[str, str]] = {
    "run": "does not end; it has a test of its own",
    "simulator": "does not end, and reads no configuration",
    "cassette replay": "does not end; it reads only what `record` wrote",
    "demo": "brings its own estate, with passwords that it shows",
    "completion": "reads nothing",
    "config schema": "reads nothing",
    "config example": "reads nothing",
    "plan schema": "reads nothing",
}
COMMANDS: Final = (
    "cassette record",  # first, since others read what it wrote
    *(words for words in leaves() if words not in {*WITHOUT, "cassette record"}),
)
LOUDEST: Final = (
    ("-vvv", "--log-format", "json", "--output", "json"),
    ("-vvv", "--log-format", "text"),
)
FAULTS: Final[Mapping[str, dict[str, Any]]] = {
    "none": {},
    "reset before": {"kind": "reset-before"},
    "reset after": {"kind": "reset-after"},
    "502": {"kind": "http-error", "status": 502},
    "401": {"kind": "http-error", "status": 401},
    "cut short": {"kind": "truncate"},
    "no JSON": {"kind": "garbage"},
    "another's": {"kind": "misdirected"},
    "a result too few": {"kind": "short-result"},
    "refused": {"kind": "status", "status": -11},
    "session gone": {"kind": "expire-session"},
}


def commands_say(
    folder: Path, commands: Sequence[str], fault: str, loudest: Sequence[Sequence[str]] = LOUDEST
) -> None:
    """None of it, each meeting the fault at another of its requests; nor do files hold any."""
    processes = Processes(folder / "processes")
    with open_cage(folder / "estate", clock=processes.page) as cage, processes:
        for number, command in enumerate(commands):
            for more in loudest:
                if FAULTS[fault]:
                    cage.estate.unit.faults.add(**FAULTS[fault], skip=number * 5 % 23)
                words = [*command.split(), *more, *ARGUMENTS.get(command, "").split()]
                ended = processes.run(cage.estate.folder, words)
                cage.estate.unit.faults.clear()
                where = f"{' '.join(words)} (exit code {ended.code})"
                assert "Usage:" not in ended.said, ended.said
                assert not [each for each in tokens(cage.estate) if each in ended.said], where
                cage.look(ended.said, where)
        cage.look_everywhere(f"after {fault}")
        assert (cage.estate.folder / "seen").exists(), "no program was asked for a token"


def test_a_recording_and_a_check_under_a_fault(tmp_path: Path) -> None:
    """The short form of the next."""
    commands_say(tmp_path, ("cassette record", "doctor"), "reset after", LOUDEST[:1])


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_no_command_shows_one_under_any_fault(tmp_path: Path, fault: str) -> None:
    commands_say(tmp_path, COMMANDS, fault)


def test_each_command_is_looked_at_or_has_a_reason() -> None:
    assert set(ARGUMENTS) <= set(COMMANDS)
    assert set(WITHOUT) <= set(leaves())


@pytest.mark.slow
def test_a_controller_shows_none(tmp_path: Path) -> None:
    """Neither its log nor what it serves, nor the Events and Leases it writes."""
    with open_cage(tmp_path) as cage:
        # With a wrong kubeconfig no controller begins.
        (tmp_path / "half").write_bytes((tmp_path / "basic").read_bytes())
        place = f"127.0.0.1:{controllers.free_port()}"
        words = [sys.executable, "-m", "fmgsync", "run", "-c", str(cage.estate.path), "-vvv"]
        words += ["--listen", place, "--state-dir", str(tmp_path / "state")]
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log)
            try:
                controllers.until(lambda: "k8s-web" in served(place, "status"), 60)
                for path in ("healthz", "readyz", "metrics", "status", "explain?ip=10.1.0.5"):
                    cage.look(served(place, path), path)
                limits = Path(f"/proc/{process.pid}/limits").read_text("utf-8")
                assert re.search(r"Max core file size +0 +0", limits)
                arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes()
                cage.look(arguments.decode(), "its arguments")
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(controllers.PATIENCE_S)
        cage.look_everywhere("after a controller")
        for event in cage.cluster.requests:
            cage.look(repr(event), "a request to the cluster")


def served(place: str, path: str) -> str:
    try:
        return requests.get(f"http://{place}/{path}", timeout=60).text
    except requests.ConnectionError:
        return ""


def test_what_a_unit_repeats_is_hidden(tmp_path: Path) -> None:
    """Its refusal quotes the password, as some proxies quote what they were sent."""
    processes = Processes(tmp_path / "processes")
    with open_cage(tmp_path / "estate", clock=processes.page) as cage, processes:
        words = f"refused: password {PASSWORD} of fmgsync"
        fault = {"kind": "status", "status": -11, "message": words, "url": "*/addrgrp*", "times": 0}
        cage.estate.unit.faults.arm(Fault.model_validate(fault))
        for more in LOUDEST:
            ended = processes.run(cage.estate.folder, ["apply", "--install", "never", *more])
            assert ended.code != 0
            assert "of fmgsync" in ended.said
            cage.look(ended.said, "a refusal")
        cage.look_everywhere("after a refusal")
