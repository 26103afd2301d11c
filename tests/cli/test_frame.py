"""The command line's frame: exit codes, errors for people and for scripts, safe text."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fmgsync.cli import common, main
from fmgsync.untrusted import safe_text


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


def test_a_bare_call_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([]) == 0
    bare = capsys.readouterr().out
    assert main.run(["--help"]) == 0
    assert bare == capsys.readouterr().out
    assert "Commands:" in bare


@pytest.mark.parametrize(
    ("shell", "part"), [("bash", "complete -o nosort"), ("zsh", "#compdef"), ("fish", "complete ")]
)
def test_the_shells_are_given_what_they_complete_with(
    shell: str, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert part in script
    assert f"_FMGSYNC_COMPLETE={shell}_complete" in script


@pytest.mark.parametrize("arguments", [[], ["tcsh"]])
def test_a_shell_has_to_be_named(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["completion", *arguments]) == 2
    assert "\\x09" not in capsys.readouterr().err


COMPLETED = {
    "fmgsync stat": (1, "plain,status"),
    "fmgsync status --contr": (2, "plain,--controller"),
    "fmgsync completion f": (2, "plain,fish"),
    "fmgsync rollout re": (2, "plain,resume"),
}


@pytest.mark.parametrize("words", COMPLETED)
def test_what_was_typed_is_completed(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As bash asks: by the environment, with no arguments."""
    at, expected = COMPLETED[words]
    monkeypatch.setenv("_FMGSYNC_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(at))
    assert main.run([]) == 0
    assert capsys.readouterr().out.split() == [expected]


def test_a_crash_leaves_no_copy_of_the_memory() -> None:
    """It holds passwords."""
    program = (
        "import resource\nfrom fmgsync.cli import main\n"
        "try: main.main(['--version'])\nexcept SystemExit: pass\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("(0, 0)\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["approve", "-c", "LONG", "digest"],
        ["cassette", "check", "LONG"],
        ["demo", "--stay", "--folder", "LONG"],
        ["plan", "-o", "LONG"],
        ["LONG"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_endless_argument_is_the_callers_fault_and_not_repeated_whole(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = main.run([one.replace("LONG", "long" * 1250) for one in arguments])
    told = "".join(capsys.readouterr())
    assert (code, "internal error" in told) == (2, False)
    assert "long" in told
    assert "long" * 65 not in told


def test_a_file_without_an_end_is_no_saved_plan(capsys: pytest.CaptureFixture[str]) -> None:
    config = Path(__file__).parents[1] / "settings" / "whole.yaml"
    assert main.run(["plan", "show", "/dev/zero", "-c", str(config)]) == 2
    assert "/dev/zero: this is no plan that can be applied" in capsys.readouterr().err
