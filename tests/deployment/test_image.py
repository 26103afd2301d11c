"""The Containerfile: linted, and the files it copies make an fmgsync that runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fmgsync
from tests.deployment.places import CONFIG, ROOT
from tests.deployment.rendered import IMAGE, instructions
from tests.deployment.tools import output

pytestmark = pytest.mark.deploy


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    assert output(str(hadolint), "--no-color", str(IMAGE)) == ""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """What `pip install .` makes of the copied files alone."""
    context, target = tmp_path / "build", tmp_path / "installed"
    context.mkdir()
    for line in instructions("COPY")[:2]:
        *sources, _ = line.split()
        for source in sources:
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / source, context / source, ignore=ignored)
            else:
                shutil.copy(ROOT / source, context)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
    subprocess.run([*pip, str(context)], check=True, timeout=300)
    return target


def run(installed: Path, *arguments: str) -> str:
    """Run the installed copy, not this tree; its dependencies are this environment's."""
    program = (
        "import fmgsync, sys; print(fmgsync.__file__); from fmgsync.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=installed,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    where, _, said = done.stdout.partition("\n")
    assert Path(where).is_relative_to(installed)
    return said


def test_the_copied_files_are_all_it_needs(installed: Path) -> None:
    assert fmgsync.__version__ in run(installed, "--version")
    shipped = str(CONFIG / "manager" / "fmgsync.yaml")
    assert "no errors" in run(installed, "config", "check", "-c", shipped)
    assert "owner:" in run(installed, "config", "example")
    assert "--listen" in run(installed, "run", "--help")
