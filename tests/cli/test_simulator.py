"""The simulator as a process: what other tools start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests


def run(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fmgsync", "simulator", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_says_where_it_listens_serves_and_stops_when_told() -> None:
    with run() as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        login = {
            "method": "exec",
            "params": [{"url": "/sys/login/user", "data": {"user": "admin", "passwd": "admin"}}],
        }
        answer = requests.post(
            f"{ready['url']}/jsonrpc", json=login, verify=ready["caFile"], timeout=10
        )
        gate = requests.get(
            f"{ready['fortigates']['fgt-1']}/api/v2/monitor/system/status",
            headers={"Authorization": "Bearer simulator"},
            verify=ready["caFile"],
            timeout=60,
        )
        os.kill(ready["pid"], signal.SIGTERM)
        _, complaints = process.communicate(timeout=60)

    assert ready["url"].startswith("https://127.0.0.1:")
    assert answer.json()["session"]
    assert gate.json()["results"]["hostname"] == "fgt-1"
    assert (process.returncode, complaints) == (0, "")
    assert not Path(ready["caFile"]).exists()


@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--strict",), -8)])
def test_what_it_does_not_know_is_told_or_refused(arguments: tuple[str, ...], code: int) -> None:
    """Once, at warning, and with nothing in it that a terminal would obey."""
    with run("--plain-http", *arguments) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        asked = {"method": "get", "params": [{"url": "/dvmdb/adom", "bogus\x1b[31m": 1}]}
        key = {"Authorization": "Bearer simulator"}
        for _ in range(2):
            answer = requests.post(f"{ready['url']}/jsonrpc", json=asked, headers=key, timeout=60)
            assert answer.json()["result"][0]["status"]["code"] == code
        process.terminate()
        _, complaints = process.communicate(timeout=60)

    assert complaints.count("not simulated") == 1
    assert "warning" in complaints
    assert "\x1b" not in complaints


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--listen", "nowhere"), "ADDRESS:PORT"),
        (("--listen", "127.0.0.1:99999"), "ADDRESS:PORT"),
        (("--listen", "*:8443"), "0.0.0.0:8443 for every address"),
        (("--listen", "203.0.113.1:0"), "cannot listen"),
        (("--latency", "soon"), "not a duration"),
        (("--seed", "no-such-file.yaml"), "does not exist"),
    ],
)
def test_bad_options_are_told(arguments: tuple[str, ...], complaint: str) -> None:
    with run(*arguments) as process:
        output, complaints = process.communicate(timeout=60)

    assert process.returncode == 2
    assert output == ""
    assert complaint in complaints
    assert "Traceback" not in complaints


def test_listening_everywhere_it_names_an_address_that_its_certificate_covers() -> None:
    with run("--listen", "0.0.0.0:0") as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        answer = requests.post(f"{ready['url']}/jsonrpc", verify=ready["caFile"], timeout=60)
        process.terminate()

    assert ready["url"].startswith("https://127.0.0.1:")
    assert answer.status_code == 200


def test_with_v_requests_and_faults_are_told_without_what_was_in_them(tmp_path: Path) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text("faults: [{kind: short-result, url: a}]")
    with run("-v", "--plain-http", "--faults", str(faults)) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        data = {"user": "admin", "passwd": "guessed"}
        urls = ["/sys/login/user", "/no/such\x1b[2J", "/a", "/b"]
        login = {"method": "exec", "params": [{"url": url, "data": data} for url in urls]}
        requests.post(f"{ready['url']}/jsonrpc", json=login, timeout=60)
        process.terminate()
        _, told = process.communicate(timeout=60)

    assert "/sys/login/user -22, /no/such" in told
    assert "/a -11, 1 more" in told
    assert "kind=short-result" in told
    assert "guessed" not in told
    assert "\x1b[2J" not in told


def test_a_bad_seed_is_an_error_document_where_json_is_asked_for(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text("adons: []\n")

    with run("--output", "json", "--seed", str(seed)) as process:
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 2
    assert "adons: unknown key" in json.loads(output)["error"]["message"]


def test_a_bad_seed_is_told_with_path_and_line(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text("version: 7.4.5\nadons: []\n")

    with run("--seed", str(seed)) as process:
        _, complaints = process.communicate(timeout=60)

    assert process.returncode == 2
    assert f"{seed}:2: adons: unknown key; did you mean adoms?" in complaints
