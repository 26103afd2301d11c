"""Standard streams that are closed, full or read by nobody: as real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fmgsync.clock import SystemClock
from tests import builders
from tests.daemon.controllers import until, written
from tests.end_to_end.estate import default_seed, open_estate

UNREAD = "| true"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cluster's dump, which a command tells of while it reads it."""
    config = {
        "owner": "prod",
        "clusters": [{"name": "east", "manifests": "./east.json"}],
        "sites": [],
        "groups": [],
    }
    (tmp_path / "fmgsync.yaml").write_text(json.dumps(config))
    pods = [builders.pod(f"web-{n}", f"10.1.0.{n}", labels={"app": "web"}) for n in range(1, 9)]
    dump = builders.listing(*pods, builders.node("node-1"), builders.namespace())
    (tmp_path / "east.json").write_text(json.dumps(dump))
    return tmp_path


def shell(folder: Path, words: str, redirected: str) -> subprocess.CompletedProcess[str]:
    command = f"{sys.executable} -m fmgsync {words} {redirected}"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


SELECTOR = "selector \"app == 'web'\""


@pytest.mark.parametrize(
    "redirected",
    ["2>&-", "2>/dev/full", "2> >(true)", "<&-", ">&-", "<&- >&- 2>&-", "<&- >&- 2>/dev/full"],
)
@pytest.mark.parametrize("more", ["", "-vv --log-format json", "-o json"])
def test_what_nobody_is_told_on_the_way_changes_no_outcome(
    folder: Path, redirected: str, more: str
) -> None:
    """A full disk under the log is no reason to stop at what a firewall waits for."""
    done = shell(folder, f"{SELECTOR} {more}", redirected)
    assert (done.returncode, "defect" in done.stderr) == (0, False), done.stderr
    if ">&-" not in redirected.replace("2>&-", ""):
        assert "web-8" in done.stdout


@pytest.mark.parametrize("words", [SELECTOR, f"{SELECTOR} -o json", "config schema", "--help"])
def test_a_result_that_cannot_be_written_is_an_error_that_says_so(folder: Path, words: str) -> None:
    done = shell(folder, words, ">/dev/full")
    assert done.returncode == 1
    assert "standard output cannot be written: No space left on device" in done.stderr
    assert "defect" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [SELECTOR, "config schema"])
def test_a_reader_that_has_had_enough_is_no_news(folder: Path, words: str) -> None:
    done = shell(folder, words, "| head -c 0")
    assert done.returncode in (0, 1)
    assert "defect" not in done.stderr
    assert "Traceback" not in done.stderr
    assert "ignored" not in done.stderr


def test_nothing_that_is_opened_gets_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    """Else what a library or a child writes to its standard error goes into a file or socket."""
    program = (
        "import os, sys; from fmgsync.cli import streams; streams.secure();"
        " sys.exit(os.open('/dev/null', os.O_RDONLY) < 3)"
    )
    command = f'{sys.executable} -c "{program}" <&- >&- 2>&-'
    assert subprocess.run(["bash", "-c", command], cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("command", ["apply --install never --yes", "run --listen none -v"])
def test_who_writes_goes_on_although_nobody_hears_of_it(tmp_path: Path, command: str) -> None:
    with open_estate(tmp_path, default_seed(install_s=0), clock=SystemClock()) as estate:
        for cluster, ip in (("east", "10.1.0.1"), ("west", "10.2.0.1")):
            estate.run(cluster, builders.pod("web-1", ip, labels={"app": "web"}))
        estate.write_config(reconcile={"settle": "0s"})
        reader, writer = os.pipe()
        os.close(reader)
        words = [sys.executable, "-m", "fmgsync", *command.split(), "-c", str(estate.path)]
        process = subprocess.Popen(words, stderr=writer, stdout=subprocess.DEVNULL, cwd=tmp_path)
        os.close(writer)
        try:
            until(lambda: written(estate, "10.1.0.1", "10.2.0.1"))
            if command.startswith("run"):
                process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
