"""`fmgsync config`: exit codes, texts, JSON; and nothing dear is imported for help."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fmgsync.cli import main

WHOLE = Path(__file__).parents[1] / "settings" / "whole.yaml"


def test_a_right_configuration_is_told_so_with_notices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["config", "check", "-c", str(WHOLE)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == (
        f"{WHOLE}: no errors. Owner prod: 4 groups, 2 clusters, 2 sites, 2 FortiManagers."
    )
    assert f"{WHOLE}:6: clusters[1]: notice: no site stands in front" in out


def test_the_environment_may_name_the_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FMGSYNC_CONFIG", str(WHOLE))
    assert main.run(["config", "check", "--output", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["groups"] == [
        f"k8s-{name}" for name in ("frontend", "batch", "ingress-nodes", "assigned")
    ]
    assert {"path", "line", "message", "next"} == set(answer["notices"][0])


def test_all_errors_are_on_standard_error_and_the_code_is_two(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "fmgsync.yaml"
    file.write_text("owner: Prod\nclusters: [{name: a}]\nmemberLimt: 5\n")
    assert main.run(["config", "check", "-c", str(file)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert f"{file}:1: owner:" in told.err
    assert f"{file}:3: memberLimt: there is no such key; did you mean 'memberLimit'?" in told.err


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("name: east", "name: LONG"),
        ("name: east", "LONG: east"),
        ("owner: prod", "LONG: prod"),
        ("name: hq", "name: LONG"),
        ("file: ", "LONG: "),
    ],
)
def test_no_name_is_repeated_whole_that_is_endless(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, written: str, instead: str, form: str
) -> None:
    file = tmp_path / "fmgsync.yaml"
    text = WHOLE.read_text(encoding="utf-8")
    assert written in text
    file.write_text(text.replace(written, instead.replace("LONG", "long" * 250), 1))
    assert main.run(["config", "check", "-c", str(file), "--output", form]) == 2
    told = "".join(capsys.readouterr())
    assert "long" in told
    assert "long" * 65 not in told


def test_errors_as_json_carry_path_and_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "fmgsync.yaml"
    file.write_text('owner: prod\nclusters: [{name: "\\e[31m"}]\n')
    assert main.run(["config", "check", "-c", str(file), "--output", "json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["kind"], error["where"]) == ("config", f"{file}:2")
    assert [(p["path"], p["line"]) for p in error["problems"]] == [("clusters[0].name", 2)]


def test_control_characters_of_the_file_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "fmgsync.yaml"
    file.write_text('owner: prod\nclusters: [{name: "\\e[31m", "\\e[31m": "\\e[31m"}]\n')
    assert main.run(["config", "check", "-c", str(file)]) == 2
    told = capsys.readouterr()
    assert "\x1b" not in told.err + told.out


def test_a_missing_file_is_no_traceback(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main.run(["config", "check", "-c", str(tmp_path / "absent.yaml")]) == 2
    assert "fmgsync config example > absent.yaml" in capsys.readouterr().err


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["config", "schema"]) == 0
    assert "owner" in json.loads(capsys.readouterr().out)["properties"]


def test_the_example_can_be_checked_as_it_is_printed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main.run(["config", "example"]) == 0
    file = tmp_path / "fmgsync.yaml"
    file.write_text(capsys.readouterr().out)
    assert main.run(["config", "check", "-c", str(file)]) == 0
    assert main.run(["config", "example", "--output", "json"]) == 0
    assert '"owner": "prod"' in capsys.readouterr().out


def test_help_needs_neither_pydantic_nor_a_client_library() -> None:
    code = (
        "import sys; from fmgsync.cli import main; "
        "codes = [main.run([*words, '--help']) for words in (['config'], ['config', 'check'])]; "
        "dear = {'pydantic', 'kubernetes', 'pyFMG', 'vcr', 'structlog'} & set(sys.modules); "
        "sys.exit(str(dear) if dear or any(codes) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
