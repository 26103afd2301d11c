"""`fmgsync run` as a process: it serves, it works, it ends when told to."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from fmgsync.clock import SystemClock
from tests.controller.test_loop import PATIENCE_S, until, web
from tests.end_to_end.estate import Estate, default_seed, open_estate


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with open_estate(tmp_path, default_seed(install_s=0), clock=SystemClock()) as made:
        made.run("east", web("web-1", "10.1.0.1"))
        made.run("west", web("web-1", "10.2.0.1"))
        made.write_config(reconcile={"settle": "0s"})
        yield made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def asked(url: str) -> int:
    try:
        return requests.get(url, timeout=5).status_code
    except requests.ConnectionError:
        return 0


def test_it_serves_works_and_ends_with_sigterm(estate: Estate) -> None:
    """Ready once every cluster and FortiManager answered; no lock is left behind."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "fmgsync.cli.main", "run", "-c", str(estate.path)]
    said = estate.folder / "said"
    with said.open("w") as stream:
        process = subprocess.Popen([*command, "--listen", f"127.0.0.1:{port}"], stderr=stream)
    try:
        until(lambda: asked(f"{url}/readyz") == 200)
        assert estate.unit.console().object("prod", "address", "prod_10.1.0.1") is not None
        metrics = requests.get(f"{url}/metrics", timeout=5).text
        assert 'fmgsync_rpc_duration_seconds_count{fortimanager="hq",method="get"}' in metrics
        devices = requests.get(f"{url}/status", timeout=5).json()["devices"]
        assert [device["device"] for device in devices] == ["fgt-east", "fgt-west"]
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(PATIENCE_S)
    assert code == 0, said.read_text()
    assert "s3cret-word" not in said.read_text()
    assert estate.unit.console().get("/dvmdb/adom/prod/workspace/lockinfo") in (None, [])
