"""What people are told of FortiGates without a FortiManager: nothing is installed there, and no
ADOM is spoken of."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.daemon import announcements
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.passes.result import Pass
from fmgsync.passes.rollout_book import Report
from tests.cli.plan_documents import checked
from tests.end_to_end.branches import open_branches
from tests.end_to_end.estate import UNATTENDED

CLOSED = {"windows": [{"kind": "allow", "schedule": "0 1 29 2 *", "duration": "1h"}]}
COMMANDS = (
    ["plan"],
    ["plan", "-o", "markdown"],
    ["forecast", "--until", "2036-01-01T00:00"],
    ["status"],
    ["explain", "device", "branch-1"],
    ["explain", "group", "k8s-web"],
    ["apply"],
    ["apply", "--install", "now", "-vv"],
    ["rollout", "status"],
    ["history"],
    ["audit", "show"],
    ["verify"],
)


def test_no_command_speaks_of_installs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with open_branches(tmp_path / "here", clock=SystemClock()) as branches:
        branches.pods(1)
        branches.write_config(install={**UNATTENDED, **CLOSED})
        for command in COMMANDS:
            assert main.run([*command, "-c", str(branches.path)]) in (0, 3), command
            told = "".join(capsys.readouterr())
            assert not re.findall(r".*(?i:\binstall|\bADOM\b).*", told), command
            if command == ["plan"]:
                assert "3 writes outstanding (3 later)" in told
        assert branches.everywhere() == [{1}] * 3


def test_a_plan_is_as_its_schema_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_branches(tmp_path / "here", clock=SystemClock()) as branches:
        branches.pods(1)
        assert main.run(["plan", "-c", str(branches.path), "-o", "json"]) == 3
        document = json.loads(capsys.readouterr().out)
    assert checked(document) == []
    assert {(row["fortigate"], row["package"]) for row in document["installs"]} == {
        (f"branch-{number}", None) for number in (1, 2, 3)
    }


def test_an_event_tells_of_a_write() -> None:
    ref = TargetRef("branch-1", "root", TargetKind.FORTIGATE)
    [notice] = announcements.notices(
        Pass(ref, rollout=Report(failures={"branch-1": "does not answer"}))
    )
    assert notice.reason == "WriteFailed"
    assert notice.message.startswith("VDOM root on branch-1: ")
