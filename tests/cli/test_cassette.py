"""`fmgsync cassette` as a user runs it: record a command, check, show, play it back."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from fmgsync.cli import main
from fmgsync.recording import files
from tests.builders import pod
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.recording.client import Client
from tests.recording.exchanges import cassette, exchange, login

PASSWORD = "s3cret-word"  # gitleaks:allow


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with open_estate(tmp_path) as made:
        made.run("east", pod("web-1", "10.1.0.5", labels={"app": "web"}))
        made.run("west", pod("web-2", "10.2.0.6", labels={"app": "web"}))
        yield made


def record(estate: Estate, *command: str, options: tuple[str, ...] = ()) -> int:
    arguments = ["cassette", "record", "--to", str(estate.folder / "x.yaml"), *options]
    return main.run([*arguments, "--while", "--", *command, "-c", str(estate.path)])


@contextmanager
def replaying(*arguments: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """The replay as a process of its own; its ready line."""
    command = [sys.executable, "-m", "fmgsync", "cassette", "replay", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline()), process
        finally:
            process.kill()


def told(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.read()


def test_a_recorded_command_keeps_its_output_and_exit_code(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    assert record(estate, "plan", "--output", "json") == 3
    out, err = capsys.readouterr()
    assert json.loads(out)["adoms"][0]["adom"] == "prod"
    assert "exchanges, scrubbed and checked" in err
    text = (estate.folder / "x.yaml").read_text()
    for word in (PASSWORD, "fgt-east", estate.unit.host):
        assert word not in text
    assert (
        main.run(["cassette", "check", "-c", str(estate.path), str(estate.folder / "x.yaml")]) == 0
    )


def test_a_recording_is_played_to_the_same_command(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the FortiManager, the command says what it said with it."""
    record(estate, "plan", "--output", "json", options=("--keep-names",))
    recorded = capsys.readouterr().out
    with replaying("--once", str(estate.folder / "x.yaml")) as (ready, process):
        unit = estate.config["fortimanagers"][0]
        unit |= {"host": ready["url"].removeprefix("https://"), "tls": {"caFile": ready["caFile"]}}
        estate.write_config()
        assert main.run(["plan", "--output", "json", "-c", str(estate.path)]) == 3
        assert capsys.readouterr().out == recorded
        assert process.wait(timeout=60) == 0
        assert told(process.stderr) == ""


def test_addresses_can_be_mapped_and_words_taken_out(estate: Estate) -> None:
    """Values, masks, names made of addresses: all move; the proof knows from the header."""
    assert record(estate, "apply", "--install", "never", options=("--map-addresses",)) in (0, 3)
    path = estate.folder / "x.yaml"
    text = path.read_text()
    assert "10.1.0" not in text
    assert "prod_203.0.113." in text
    assert "addresses: mapped" in text
    assert main.run(["cassette", "check", "-c", str(estate.path), str(path)]) == 0
    assert record(estate, "plan", options=("--scrub", "legacy-db")) in (0, 3)
    assert "legacy-db" not in path.read_text()


def test_a_replay_tells_what_did_not_match_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    files.save(path, cassette(login(), exchange("get", {"url": "/sys/status"})))
    with replaying(str(path)) as (ready, process):
        with Client(ready["url"], ready["caFile"]) as client:
            client.login()
            answer = client.raw("get", {"url": "/sys/session"})
        assert answer.status_code == 409
        assert "params[0].url: recorded 'sys/status', came 'sys/session'" in answer.text
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 1
        err = told(process.stderr)
    assert "x.yaml: not recorded: get /sys/session" in err
    assert "expected exchange 2: get /sys/status" in err
    assert "never asked for:" in err


def test_a_lenient_replay_may_leave_things_unasked(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    files.save(
        path,
        cassette(login(), exchange("get", {"url": "/a"}), exchange("get", {"url": "/sys/status"})),
    )
    with replaying("--lenient", str(path)) as (ready, process):
        with Client(ready["url"], ready["caFile"]) as client:
            client.login()
            assert client.codes("get", {"url": "/sys/status"}) == [0]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


def test_the_command_gets_the_configuration_of_the_recording(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FMGSYNC_CONFIG", raising=False)
    target = estate.folder / "x.yaml"
    arguments = ["cassette", "record", "--to", str(target), "-c", str(estate.path)]

    assert main.run([*arguments, "--while", "--", "status"]) in (0, 3)
    assert files.load(target).exchanges
    assert main.run([*arguments, "--while", "--", "status", "-c", "no.yaml"]) == 2


def test_a_terminated_recording_is_written_all_the_same(estate: Estate) -> None:
    """SIGTERM in the middle: the cassette of what was said until then is there."""
    target = estate.folder / "x.yaml"
    arguments = ["--to", str(target), "--while", "--", "status", "-c", str(estate.path)]
    command = [sys.executable, "-m", "fmgsync", "cassette", "record", *arguments]
    pause = threading.Event()
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while len(estate.unit.requests) < 3:
            assert process.poll() is None
            pause.wait(0.01)
        with estate.unit.world.lock:  # the next answer waits until the signal is on its way
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 130
    assert len(files.load(target).exchanges) >= 2


def test_check_finds_and_does_not_repeat(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    """The secrets the configuration refers to are searched for, in text and as JSON."""
    path = estate.folder / "x.yaml"
    odd = exchange("get", {"url": "/x"}, answers=[{"data": {"text": f"<{PASSWORD}>"}}])
    files.save(path, cassette(login(), odd))
    arguments = ["cassette", "check", "-c", str(estate.path), str(path)]
    assert main.run(arguments) == 1
    out = capsys.readouterr().out
    assert f"{path}:" in out
    assert "the secret of fortimanagers[0].credentials.password (file" in out
    assert PASSWORD not in out
    assert main.run([*arguments, "--output", "json"]) == 1
    (report,) = json.loads(capsys.readouterr().out)
    assert report["clean"] is False
    assert report["findings"][0]["place"] == "interaction 2, response body at result[0].data.text"


def test_check_needs_the_secrets_of_a_configuration_it_was_given(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    path = estate.folder / "x.yaml"
    files.save(path, cassette(login()))
    (estate.folder / "password").unlink()
    assert main.run(["cassette", "check", "-c", str(estate.path), str(path)]) == 2
    assert "without its secrets nothing can be proven" in capsys.readouterr().err


def test_a_change_by_hand_must_be_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "x.yaml"
    files.save(path, cassette(login(), exchange("get", {"url": "/sys/status"})))
    path.write_text(path.read_text().replace("/sys/status", "/sys/session"))
    assert main.run(["cassette", "replay", str(path)]) == 2
    assert "changed after it was recorded" in capsys.readouterr().err
    assert main.run(["cassette", "check", str(path)]) == 1
    assert "--seal" in capsys.readouterr().out
    assert main.run(["cassette", "check", "--seal", str(path)]) == 0
    assert main.run(["cassette", "check", str(path)]) == 0
    assert files.load(path).exchanges[1].request_body.count(b"/sys/session")


def test_show_lists_and_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.yaml"
    odd = exchange(
        "get",
        {"url": "/sys/\x1b[31mstatus"},
        answers=[{"status": {"code": -3, "message": "no"}}],
        step="why?",
    )
    files.save(path, cassette(login(), odd))
    assert main.run(["cassette", "show", str(path)]) == 0
    out = capsys.readouterr().out
    assert "fortimanager: v7.4.5" in out
    assert "-- why?\n   2        -3  get /sys/\\x1b[31mstatus" in out
    assert main.run(["cassette", "show", str(path), "2"]) == 0
    assert '"code": -3' in capsys.readouterr().out
    assert main.run(["cassette", "show", str(path), "--output", "json"]) == 0
    assert [one["answer"] for one in json.loads(capsys.readouterr().out)["exchanges"]] == [
        "0",
        "-3",
    ]
    assert main.run(["cassette", "show", str(path), "3"]) == 2
    assert "has 2 exchanges" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["record", "--to", "x.yaml", "--while"], "stands after --while --"),
        (["record", "--to", "x.yaml", "plan"], "stands after --while --"),
        (["record", "--to", "x.yaml", "--while", "--", "cassette", "record"], "cannot be recorded"),
        (["replay", "absent.yaml"], "no such cassette"),
        (["show", "absent.yaml"], "no such cassette"),
        (["check", "."], "no cassette in this folder"),
        (["check", "absent.yaml", "-c", "absent.yaml"], "no such file"),
    ],
)
def test_wrong_use_is_told(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.run(["cassette", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_every_command_lets_its_sessions_be_recorded() -> None:
    """What a command builds from the configuration gets the transport it was started with."""
    made = re.compile(r"wiring\.make_(?:world|controller)\((.*?)\n( {4,8})\)", re.DOTALL)
    for path in sorted(Path(main.__file__).parent.glob("*.py")):
        for found in made.finditer(path.read_text("utf-8")):
            known = "transport=options.transport" in found[1] or path.name == "story.py"
            assert known, f"{path.name}: pass transport=options.transport"


def test_a_command_that_talks_to_nobody_records_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        main.run(["cassette", "record", "--to", "x.yaml", "--while", "--", "config", "example"])
        == 0
    )
    assert "nothing to record" in capsys.readouterr().err
    assert not (tmp_path / "x.yaml").exists()


def lab(estate: Estate, *arguments: str) -> int:
    target = str(estate.folder / "lab.yaml")
    common = ["-c", str(estate.path), "--to", target]
    return main.run(["cassette", "record", *common, *arguments])


def test_a_lab_is_recorded_after_it_was_shown_what_will_be_written(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab(estate, "--yes", "--scenario", "groups", "--scenario", "logging-out") == 0
    err = capsys.readouterr().err
    assert f"writes to ADOM prod on {estate.unit.host}, names fmgsync-lab-...:" in err
    assert "groups         addresses and groups in the ADOM, deleted again" in err
    assert err.index("writes to ADOM") < err.index("groups: Members that exist")
    first = files.load(estate.folder / "lab.1.yaml")
    assert first.about is not None
    assert first.about.scenarios == ("groups", "logging-out")
    assert first.about.fortimanager.startswith("v7.4.5")
    assert {one.step for one in first.exchanges} >= {"first look", "groups", "cleaning up"}
    second = files.load(estate.folder / "lab.2.yaml")
    assert {one.order for one in second.exchanges}.isdisjoint(one.order for one in first.exchanges)
    assert (
        main.run(["cassette", "check", "-c", str(estate.path), str(estate.folder / "lab.1.yaml")])
        == 0
    )


@pytest.mark.parametrize("after", [25, 60])
def test_ctrl_c_cleans_up_and_keeps_what_was_recorded(estate: Estate, after: int) -> None:
    """In the middle of a request: nothing of ours stays, no lock either, and the file is there."""
    target = estate.folder / "lab.yaml"
    arguments = ["--to", str(target), "--yes", "-c", str(estate.path)]
    command = [sys.executable, "-m", "fmgsync", "cassette", "record", *arguments]
    running: list[subprocess.Popen[bytes]] = []

    def interrupt(entry: object) -> None:
        """While it waits for the answer to just this request."""
        if len(estate.unit.requests) == after:
            running[0].send_signal(signal.SIGINT)

    estate.unit.requests.follow = interrupt
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        running.append(process)
        assert process.wait(timeout=60) == 130
    console = estate.unit.console("admin")
    assert estate.unit.world.adoms["prod"].locks == []
    for table in ("address", "address6", "addrgrp", "addrgrp6"):
        assert not [name for name in console.objects("prod", table) if "fmgsync-lab" in name]
    assert len(files.load(target).exchanges) >= after - 1


def test_nothing_is_written_without_a_yes(
    estate: Estate, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", (estate.folder / "east.json").open())
    assert lab(estate) == 2
    assert "say so with --yes" in capsys.readouterr().err
    assert len(estate.unit.requests) == 0
    sys.stdin.close()


def test_reading_scenarios_ask_nobody(estate: Estate, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab(estate, "--scenario", "reading") == 0
    assert "writes to" not in capsys.readouterr().err
    assert not estate.unit.requests.writing()


def test_a_recording_that_fails_half_way_is_written_all_the_same(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    console = estate.unit.console("hannah")
    console.lock("prod")
    assert lab(estate, "--yes") == 1
    assert "locked by" in capsys.readouterr().err
    assert files.load(estate.folder / "lab.yaml").exchanges


def test_leftovers_are_deleted_on_request(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    console = estate.unit.console("admin")
    console.lock("prod")
    row = {"name": "fmgsync-lab-x", "comment": "fmgsync cassette recording, safe to delete"}
    console.call("add", "/pm/config/adom/prod/obj/firewall/address", row)
    console.commit("prod")
    console.unlock("prod")
    assert lab(estate, "--yes") == 2
    assert "delete them with --clean-up" in capsys.readouterr().err
    arguments = ["cassette", "record", "--clean-up", "--yes", "-c", str(estate.path)]
    assert main.run(arguments) == 0
    assert console.object("prod", "address", "fmgsync-lab-x") is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fortimanager", "nope", "--yes"], "no FortiManager 'nope'"),
        (["--adom", "nope", "--yes"], "ADOM nope"),
        (["--device", "nope", "--yes"], "no VDOM 'root' on a device of that name"),
        (["--scenario", "nope", "--yes"], "there is no scenario 'nope'"),
        (["--scenario", "install", "--yes"], "--allow-install"),
    ],
)
def test_wrong_wishes_are_told(
    estate: Estate, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab(estate, *arguments) in (1, 2)
    assert words in capsys.readouterr().err


def test_the_scenarios_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["cassette", "record", "--list"]) == 0
    assert "complete-set   Does a parent's `update`" in capsys.readouterr().out
    assert main.run(["cassette", "record", "--list", "--output", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) > 15


def test_a_recording_needs_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["cassette", "record"]) == 2
    assert "name a file with --to" in capsys.readouterr().err


def test_a_recording_is_compared_with_the_simulator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A unit that keeps mappings: the difference is shown, and the switch that explains it."""
    seed = default_seed(switches={"parentWriteKeepsMappings": True})
    with open_estate(tmp_path, seed) as estate:
        assert lab(estate, "--yes", "--scenario", "complete-set") == 0
        capsys.readouterr()
        target = str(tmp_path / "lab.yaml")
        assert main.run(["cassette", "compare", target]) == 1
        out = capsys.readouterr().out
        assert "[complete-set] get /pm/config/adom/prod/obj/firewall/addrgrp/" in out
        assert "data[host-2/root]: recorded there, simulator absent" in out
        assert "would agree with {parentWriteKeepsMappings: true} in its seed" in out
        assert "differences left: 0" in out
        assert main.run(["cassette", "compare", target, "--output", "json"]) == 1
        document = json.loads(capsys.readouterr().out)
        assert document["suggestion"] == {"settings": {"parentWriteKeepsMappings": True}, "left": 0}
        agreeing = ["cassette", "compare", target, "--set", "parentWriteKeepsMappings=true"]
        assert main.run(agreeing) == 0
        assert "0 differences in behaviour" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("nonsense=1", "no 'nonsense'"),
        ("stopAtFirstError=1", "is true or false"),
        ("memberLimit=many", "is a number"),
        ("version=99", "cannot start"),
    ],
)
def test_a_wrong_setting_is_told(
    tmp_path: Path, change: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.yaml"
    files.save(path, cassette(login()))
    assert main.run(["cassette", "compare", str(path), "--set", change]) == 2
    assert words in capsys.readouterr().err
