"""`fmgsync cassette` with FortiGates that no FortiManager manages: the same, over their own API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmgsync.cli import main
from fmgsync.recording.replay import Replay
from tests.end_to_end import branches
from tests.end_to_end.branches import Branches

KEY = "Kx7Qw2Zp9Lm4Tn8Rb6Vc3Hd5Gj1Fs"  # gitleaks:allow
USERS = [{"name": "fmgsync", "key": KEY, "profile": "advised"}]
TWO = ("branch-1", "branch-2")


@pytest.fixture
def offices(tmp_path: Path) -> Iterator[Branches]:
    """Two of them, one after the other; what is asked of one at once has no order."""
    made = branches.seed(TWO, apiUsers=USERS)
    with branches.open_branches(tmp_path / "x", made, connections=2) as opened:
        (opened.folder / "key").write_text(KEY)
        opened.config["reconcile"] = {"unitsAtOnce": 1}
        opened.write_config()
        opened.pods(5, 6, 7)
        yield opened


def record(offices: Branches, *command: str, options: tuple[str, ...] = ()) -> list[str]:
    """The files written by a recorded command."""
    for old in offices.folder.glob("tape*.yaml"):
        old.unlink()
    arguments = ["cassette", "record", "--to", str(offices.folder / "tape.yaml"), *options]
    assert main.run([*arguments, "--while", "--", *command]) in (0, 3)
    return sorted(map(str, offices.folder.glob("tape*.yaml")))


def test_a_recorded_apply_is_played_back_to_the_same_command(
    offices: Branches, capsys: pytest.CaptureFixture[str]
) -> None:
    tapes = record(offices, "apply", "--output", "json", options=("--keep-names",))
    recorded = json.loads(capsys.readouterr().out)
    assert offices.everywhere() == [{5, 6, 7}, {5, 6, 7}]
    before = offices.unit.requests.mark()
    with Replay(*map(Path, tapes)) as replay:
        hosts = list(replay.fortigates.values())
        assert len(hosts) == len(TWO)
        for unit, url in zip(offices.config["fortigates"], hosts, strict=True):
            unit |= {"host": url.removeprefix("https://"), "tls": {"caFile": replay.ca_file}}
        offices.write_config()
        command = ["apply", "--output", "json", "--state-dir", str(offices.folder / "fresh")]
        assert main.run(command) == 0
        assert replay.verdict() is None
    played = json.loads(capsys.readouterr().out)
    assert {key: played[key] for key in ("digest", "adoms")} == {
        key: recorded[key] for key in ("digest", "adoms")
    }
    assert offices.unit.requests.mark() == before  # nobody asked the units themselves


def test_neither_key_nor_host_nor_serial_number_is_in_it(
    offices: Branches, capsys: pytest.CaptureFixture[str]
) -> None:
    tapes = record(offices, "apply")
    text = "".join(Path(tape).read_text() for tape in tapes)
    for name in TWO:
        host = offices.unit.fortigates[name].removeprefix("https://")
        for word in (KEY, name, host, offices.unit.fortigate(name).serial):
            assert word not in text, word
    assert "Authorization" in text
    assert "SERIAL0001" in text
    assert main.run(["cassette", "check", *tapes]) == 0


def test_what_the_doctor_asks_is_recorded(offices: Branches) -> None:
    """Both units have a tape of their own: what can be told of them, and nothing delicate."""
    mark = offices.unit.requests.mark()
    tapes = record(offices, "doctor")
    asked = len(offices.unit.requests.since(mark))
    assert sum(Path(tape).read_text().count("uri: ") for tape in tapes) == asked > 0
    assert main.run(["cassette", "check", *tapes]) == 0


def test_of_several_fortigates_one_has_to_be_named(
    offices: Branches, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["cassette", "record", "--to", str(offices.folder / "lab.yaml")]) == 2
    said = capsys.readouterr().err
    assert "which FortiGate?" in said
    assert "--fortigate" in said


def test_a_cassette_is_shown_url_by_url(
    offices: Branches, capsys: pytest.CaptureFixture[str]
) -> None:
    tape = record(offices, "apply")[-1]
    capsys.readouterr()
    assert main.run(["cassette", "show", tape]) == 0
    out = capsys.readouterr().out
    assert "fortigate: v7.4.5" in out
    assert "vdom: root" in out
    assert "200  GET /api/v2/cmdb/firewall/address format=" in out
    assert "200  POST /api/v2/cmdb/firewall/address vdom=root" in out
    assert main.run(["cassette", "show", tape, "1"]) == 0
    out = capsys.readouterr().out
    assert "url: GET https://fortigate-" in out
    assert '"vdom": "root"' in out


@pytest.mark.slow
def test_the_simulator_is_held_against_a_recording(
    offices: Branches, capsys: pytest.CaptureFixture[str]
) -> None:
    """It agrees with what it said itself: what was there before follows from what was read."""
    record(offices, "apply")
    offices.pods(6, 7, 8)
    tapes = record(offices, "apply", "--install", "now")
    capsys.readouterr()
    assert main.run(["cassette", "compare", *tapes]) == 0, capsys.readouterr().out
    out = capsys.readouterr().out
    assert "0 differences in behaviour" in out
    assert int(out.split()[0]) > 30


def test_a_request_that_was_not_recorded_is_told(offices: Branches) -> None:
    tapes = record(offices, "plan", options=("--keep-names",))
    offices.pods(9)
    with Replay(*map(Path, tapes)) as replay:
        for unit, url in zip(offices.config["fortigates"], replay.fortigates.values(), strict=True):
            unit |= {"host": url.removeprefix("https://"), "tls": {"caFile": replay.ca_file}}
        offices.write_config()
        assert main.run(["apply", "--install", "now"]) == 1
        verdict = replay.verdict() or ""
    assert "everything recorded has been played, then came" in verdict
