"""What a configuration says of FortiGates and what only they can tell is wrong: every command
refuses it by name with exit code 2, and writes nothing there."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.simulator.wire import certificates
from tests.daemon.controllers import running, until
from tests.end_to_end.branches import CLUSTER, GROUP, Branches, open_branches, seed
from tests.end_to_end.estate import default_seed

ILL = "branch-2"
COMMANDS = (["plan"], ["doctor"], ["apply"])
MORE = (
    ["status"],
    ["verify"],
    ["adopt", "--names", GROUP, "--apply"],
    ["cleanup", "--apply"],
    ["apply"],
)
Spoil = Callable[[Branches], None]


def unit_of(branches: Branches, name: str = ILL) -> dict[str, Any]:
    """Its part of the configuration, to be changed."""
    return next(one for one in branches.config["fortigates"] if one["name"] == name)


def a_fortimanager(branches: Branches) -> None:
    unit_of(branches)["host"] = branches.unit.host


def two_names(branches: Branches) -> None:
    host = unit_of(branches, "branch-1")["host"]
    unit_of(branches)["host"] = host.replace("127.0.0.1", "localhost")


def no_such_vdom(branches: Branches) -> None:
    branches.config["sites"][0]["fortigates"] = ["branch-1", f"{ILL}/dmz", "branch-3"]


def anothers_vdom(branches: Branches) -> None:
    branches.config["sites"][0]["fortigates"] = ["branch-1", f"{ILL}/lan", "branch-3"]


def managed(branches: Branches) -> None:
    with branches.unit.world.lock:
        branches.unit.world.units()[ILL].api.managed = "yes"


def directly_and_through_a_fortimanager(branches: Branches) -> None:
    unit_of(branches)["host"] = urlsplit(branches.unit.fortigates["fgt-east"]).netloc
    unit_of(branches)["managed"] = "no"
    (branches.folder / "password").write_text("s3cret-word", encoding="utf-8")
    hq = {
        "name": "hq",
        "host": branches.unit.host,
        "credentials": {"username": "fmgsync", "password": {"file": "./password"}},
        "tls": {"caFile": branches.unit.ca_file},
    }
    through = {"clusters": [CLUSTER], "fortimanager": "hq", "adom": "prod", "devices": ["fgt-east"]}
    sites = [*branches.config["sites"], through]
    branches.config |= {"fortimanagers": [hq], "sites": sites}


def another_unit(branches: Branches) -> None:
    unit_of(branches)["serials"] = ["FGVMONE0000001", "FGVMTWO0000002"]


KINDS: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "a FortiManager's host": (a_fortimanager, ("FortiManager", ILL)),
    "two names for one unit": (two_names, ("'branch-1'", f"'{ILL}'")),
    "a VDOM that is not there": (no_such_vdom, ("VDOM dmz", ILL)),
    "a VDOM that is not the key's": (anothers_vdom, ("VDOM lan", ILL)),
    "a unit that 'serials' does not name": (another_unit, ("FGVMTWO0000002", ILL)),
    "a unit that a FortiManager manages": (managed, ("FortiManager", ILL)),
    "directly and through a FortiManager": (
        directly_and_through_a_fortimanager,
        ("ADOM prod on hq", "fgt-east", ILL),
    ),
}


@pytest.fixture
def branches(tmp_path: Path) -> Iterator[Branches]:
    """Three units, one of them behind another name of a FortiManager's as well."""
    made = {**default_seed(install_s=0), **seed()}
    key = {"name": "fmgsync", "key": "k3y", "profile": "advised", "vdoms": ["root"]}
    made["fortigates"][1] |= {"vdoms": ["root", "lan"], "apiUsers": [key]}
    with open_branches(tmp_path / "here", made, clock=SystemClock()) as found:
        found.unit.world.units()["fgt-east"].api.users = dict(
            found.unit.world.units()["branch-1"].api.users
        )
        found.pods(1, 2)
        yield found


@pytest.mark.parametrize(
    "commands", [COMMANDS, pytest.param(MORE, marks=pytest.mark.slow)], ids=["first", "more"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_is_refused_by_every_command(
    branches: Branches,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    commands: Sequence[list[str]],
) -> None:
    spoil, words = KINDS[kind]
    spoil(branches)
    branches.write_config()
    foreign, mark = branches.foreign(), branches.unit.requests.mark()
    for command in commands:
        code = main.run([*command, "-c", str(branches.path)])
        said = "".join(capsys.readouterr())
        told = " ".join(said.split())
        assert code == 2, (command, told)
        assert not [word for word in words if word not in told], (command, told)
        assert "k3y" not in told
    written = {device for device, _, _ in branches.writes(mark)}
    assert written.isdisjoint({ILL, "fgt-east", "None"}), written
    assert branches.held("branch-3") == {1, 2}
    assert branches.held(ILL) is None
    assert branches.foreign() == foreign


_IN_QUICK = "a unit that 'serials' does not name"


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=[] if k == _IN_QUICK else pytest.mark.slow) for k in KINDS]
)
def test_a_controller_goes_on_with_everything_else(
    branches: Branches, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """It names the unit, writes nothing there, comes back ever more seldom, and has no defect."""
    spoil, words = KINDS[kind]
    spoil(branches)
    branches.write_config()
    foreign, mark = branches.foreign(), branches.unit.requests.mark()
    with running(branches) as controller:
        until(lambda: branches.held("branch-3") == {1, 2})
        until(lambda: any(each.error for each in controller.adoms if each.ref.unit == ILL))
        [ill] = [each for each in controller.adoms if each.ref.unit == ILL]
        others = [each for each in controller.adoms if each.ref.unit == "branch-3"]
        branches.pods(1, 2, 3)  # what comes later reaches the others, too
        until(lambda: branches.held("branch-3") == {1, 2, 3})
        [ill] = [each for each in controller.adoms if each.ref.unit == ILL]
        spent = controller.now - began_at(branches, mark)
        assert ill.failures <= 3 + spent, "so many failures in so few seconds are a loop"
    assert ill.error is not None
    assert not [word for word in words if word.strip("'") not in ill.error], ill.error
    assert "internal error" not in ill.error
    assert not any("Traceback" in record.getMessage() for record in caplog.records)
    assert all(each.error is None for each in others)
    written = {device for device, _, _ in branches.writes(mark)}
    assert written.isdisjoint({ILL, "fgt-east", "None"}), written
    assert branches.held(ILL) is None
    assert branches.foreign() == foreign


def began_at(branches: Branches, mark: int) -> float:
    return min(one.at for one in branches.unit.requests.since(mark))


def test_a_unit_that_is_refused_is_no_unit_that_nobody_names(
    branches: Branches, capsys: pytest.CaptureFixture[str]
) -> None:
    """What could not be looked at is not known; of the others it is said that no policy uses it."""
    branches.pods(1)
    managed(branches)
    assert main.run(["apply", "-c", str(branches.path)]) == 2
    capsys.readouterr()

    def answer(*question: str) -> dict[str, Any]:
        assert main.run(["explain", *question, "-c", str(branches.path), "-o", "json"]) == 2
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    told = answer("device", ILL)
    assert told["answer"] == "unknown"
    assert "managed by FortiManager" in told["steps"][0]["because"]
    assert answer("device", "nobody")["answer"] == "no"
    assert answer("ip", "10.1.0.99")["answer"] == "unknown"
    told = answer("group", GROUP)
    assert told["answer"] == "unknown"
    [policy] = [step for step in told["steps"] if step["what"] == "policy"]
    assert "no policy uses it" in policy["because"]


@pytest.mark.parametrize("body", [b"<html>welcome</html>", b'{"kind":"Status","status":"Failure"}'])
def test_a_host_that_is_something_else(
    branches: Branches, capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    """The same for any other HTTPS server, whatever it answers."""
    with _server(branches.folder, body) as (host, ca_file):
        unit_of(branches).update(host=host, tls={"caFile": str(ca_file)})
        branches.write_config()
        for command in (["plan"], ["doctor"], ["apply"]):
            assert main.run([*command, "-c", str(branches.path)]) == 2
            told = " ".join("".join(capsys.readouterr()).split())
            assert "no FortiGate answers there" in told, (command, told)
            assert ILL in told


def test_a_fortigate_that_says_something_else_for_a_while_is_no_wrong_configuration(
    branches: Branches, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["apply", "-c", str(branches.path)]) == 0
    branches.unit.faults.add("http-error", status=404, times=9, device=ILL)
    capsys.readouterr()
    assert main.run(["apply", "-c", str(branches.path), "--output", "json"]) == 1
    assert '"kind": "protocol"' in capsys.readouterr().out


@pytest.mark.parametrize("profile", ["minimal", "advised"])
def test_doctor_tells_what_falls_away_under_a_small_profile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], profile: str
) -> None:
    """Four questions, each with the right that answers it; what is hidden is never called fine."""
    made = seed(["branch-1"], apiUsers=[{"name": "fmgsync", "key": "k3y", "profile": profile}])
    with open_branches(tmp_path / "here", made, clock=SystemClock(), managed="no") as branches:
        assert main.run(["doctor", "-c", str(branches.path), "--output", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["findings"]
    asked = {"management", "policies", "saving", "cluster"}
    found = {row["check"]: row for row in rows if row["check"] in asked}
    assert found.keys() == asked
    expected = ("ok", "") if profile == "advised" else ("warning", "add '")
    for row in found.values():
        assert (row["level"], row["fix"][:5]) == expected, row
        assert ("not known" in row["message"]) == (profile == "minimal"), row


@pytest.mark.parametrize("profile", ["advised", "super_admin"])
def test_doctor_warns_of_a_key_that_may_do_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], profile: str
) -> None:
    made = seed(["branch-1"], apiUsers=[{"name": "fmgsync", "key": "k3y", "profile": profile}])
    with open_branches(tmp_path / "here", made, clock=SystemClock(), managed="no") as branches:
        assert main.run(["doctor", "-c", str(branches.path), "--output", "json"]) == 0
    found = {row["check"]: row for row in json.loads(capsys.readouterr().out)["findings"]}
    assert found["clock"]["level"] == "ok"
    assert found["account"]["level"] == ("ok" if profile == "advised" else "warning")
    assert ("everything" in found["account"]["message"]) == (profile == "super_admin")


@contextmanager
def _server(folder: Path, body: bytes) -> Iterator[tuple[str, Path]]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: object) -> None:
            pass

    made = certificates.certificate("127.0.0.1")
    ca_file = folder / "other-ca.pem"
    ca_file.write_bytes(made.ca_pem)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = made.context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", ca_file
    finally:
        server.shutdown()
        server.server_close()
