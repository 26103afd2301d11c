"""Tools that pip does not bring: kubectl, promtool.

Where one is missing, the tests that need it are skipped and say so. `FMGSYNC_REQUIRED_TOOLS` names
those that must be there: without them the tests fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deployment import places

_FROM = {
    "promtool": "Debian's package prometheus has it",
    "kubectl": "version 1.27 or later is needed",
}


def path_of(tool: str) -> str:
    """Where the tool is; skips or fails the test if it is nowhere."""
    path = shutil.which(tool)
    if path is not None:
        return path
    said = f"{tool} is not installed: {_FROM[tool]}"
    if tool in os.environ.get("FMGSYNC_REQUIRED_TOOLS", "").split():
        pytest.fail(said)
    pytest.skip(said)


def output(*command: str) -> str:
    """What a command prints; a command that fails fails the test with all it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def kustomized(folder: Path) -> tuple[places.Manifest, ...]:
    """The objects that `kubectl apply -k FOLDER` would apply."""
    return places.parse(output(path_of("kubectl"), "kustomize", str(folder)))
