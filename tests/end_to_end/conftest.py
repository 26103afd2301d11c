"""The estate every end-to-end test starts from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import main
from tests.end_to_end.estate import Estate, open_estate


@pytest.fixture(autouse=True)
def remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands remember in the test's own folder, not where the tests happen to be started."""
    monkeypatch.setenv("FMGSYNC_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Two clusters, two FortiGates, workspace mode normal."""
    with open_estate(tmp_path) as made:
        yield made


@pytest.fixture
def run(estate: Estate, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command on the estate's configuration: exit code, standard output, standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main.run([*arguments, "-c", str(estate.path)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def ask(estate: Estate, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """Run a command with --output json: exit code and document."""

    def call(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = main.run([*arguments, "-c", str(estate.path), "--output", "json"])
        return code, json.loads(capsys.readouterr().out)

    return call
