"""The command line's frame: exit codes, errors for people and for scripts, safe text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fmgsync.cli import common, main
from fmgsync.cli.safe import safe_text


@pytest.mark.parametrize(
    ("codes", "expected"),
    [((), 0), ((0, 3), 3), ((3, 1), 1), ((1, 2, 3, 0), 2), ((0, 0), 0)],
)
def test_the_worst_code_counts(codes: tuple[int, ...], expected: int) -> None:
    """Precedence 2, 1, 3, 0."""
    assert common.worst(*codes) == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("red \x1b[31m", "red \\x1b[31m"),
        ("two\nlines", "two\\x0alines"),
        ("right\u202eto left", "right\\u202eto left"),
    ],
)
def test_what_could_steer_a_terminal_is_shown_not_sent(text: str, shown: str) -> None:
    assert safe_text(text) == shown


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["plna"]) == 2
    assert "Did you mean 'plan'?" in capsys.readouterr().err


def test_a_missing_configuration_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["plan", "-c", str(tmp_path / "absent.yaml")]) == 2
    assert "absent.yaml" in capsys.readouterr().err


def test_errors_are_json_for_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output, so that a script reads one document whatever happened."""
    assert main.run(["plan", "-c", str(tmp_path / "absent.yaml"), "--output", "json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["kind"] == "config"
    assert "absent.yaml" in error["message"]


def test_usage_errors_are_json_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["plan", "--nonsense", "--output", "json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "usage"


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_teaches(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([name, "--help"]) == 0
    assert "Usage: fmgsync " + name in capsys.readouterr().out
