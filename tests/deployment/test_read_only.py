"""The root file system is read-only: `fmgsync run` writes to its temporary folder only."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from fmgsync.clock import SystemClock
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests.daemon.controllers import PATIENCE_S, until, web, written
from tests.end_to_end.estate import Estate, default_seed, open_estate

# Runs `fmgsync` and notes each file that is opened to be written, made, moved or removed.
PROGRAM = """
import os, sys
notes = open(os.environ["NOTES"], "w", buffering=1)
writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT

def note(event, arguments):
    if event == "open" and arguments[2] & writing:
        notes.write(f"{arguments[0]}\\n")
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink"):
        notes.write(f"{arguments[0]}\\n")

sys.addaudithook(note)
open("mark", "w").close()
from fmgsync.cli.main import main
main()
"""


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        made.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fmgsync"}})
        made.add(web("web-1", "10.1.0.1"))
        yield made


@pytest.fixture
def estate(tmp_path: Path, cluster: KubernetesSimulator) -> Iterator[Estate]:
    """A cluster by a kubeconfig that carries its certificate, as those in a Secret do."""
    seed = default_seed(install_s=0, workspaceMode="disabled")
    with open_estate(tmp_path, seed, clock=SystemClock()) as made:
        path = cluster.kubeconfig(tmp_path / "kubeconfig")
        content = yaml.safe_load(path.read_text())
        (entry,) = content["clusters"]
        authority = Path(entry["cluster"].pop("certificate-authority")).read_bytes()
        entry["cluster"]["certificate-authority-data"] = base64.b64encode(authority).decode()
        path.write_text(json.dumps(content))
        made.write_config(
            clusters=[{"name": "east", "kubeconfig": {"file": "./kubeconfig"}}],
            sites=made.config["sites"][:1],
            reconcile={"settle": "0s"},
            lease={"namespace": "fmgsync"},
        )
        yield made


def test_it_writes_to_its_temporary_folder_only(
    estate: Estate, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Started as in the image: /tmp is home, temporary and working folder."""
    folder, notes = tmp_path_factory.mktemp("tmp"), estate.folder / "notes"
    environment = {
        **os.environ,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NOTES": str(notes),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "run", "-c", str(estate.path), "--listen", "127.0.0.1:0"],
        cwd=folder,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: written(estate, "10.1.0.1"))
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    touched = {folder / line for line in notes.read_text().splitlines()}
    inside = {path for path in touched if path.is_relative_to(folder)}
    assert inside  # at least the program's own mark
    assert touched - inside <= {Path("/dev/null")}
