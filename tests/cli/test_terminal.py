"""What a terminal and a pipe get: colours only where they are wanted, and words whole."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from fmgsync.cli import explain, status_text
from fmgsync.cli.common import Options
from tests.lab.evening import Screen

NAMES = ("防火墙-東-1", "شبكة-7", "fgt-é-1")


def document() -> dict[str, object]:
    views = {"desired": ["10.1.0.9"], "adom": [], "deviceDatabase": [], "device": []}
    group = {"name": "k8s-web", "state": "install pending", **views}
    place = {"vdom": "root", "adom": "prod", "fortimanager": "hq", "nextWindow": None}
    devices = [{"device": name, **place, "groups": [group], "staleGrants": []} for name in NAMES]
    return {"devices": devices}


def shown(monkeypatch: pytest.MonkeyPatch, out: io.StringIO, **environment: str) -> str:
    for name, value in {"TERM": "xterm-256color", **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", out)
    console = Options(Path("fmgsync.yaml"), "text", 0, "text").console()
    status_text.print_status(console, document())
    steps = [{"what": "pod", "where": NAMES[1], "holds": False, "because": NAMES[0], "objects": []}]
    answer = {"question": "pod a/b", "answer": "no", "steps": steps, "devices": []}
    explain.print_explanation(console, answer)
    monkeypatch.undo()
    return out.getvalue()


def test_a_terminal_has_colours_unless_somebody_wants_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[3" in shown(monkeypatch, Screen(), COLUMNS="100")
    plain = shown(monkeypatch, Screen(), COLUMNS="100", NO_COLOR="1")
    assert "\x1b[3" not in plain


def test_a_pipe_gets_text_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, io.StringIO())
    assert "\x1b" not in text
    assert len([line for line in text.splitlines() if "k8s-web" in line]) == 1


@pytest.mark.parametrize("columns", ["40", "60", "80", "100", "140"])
def test_wide_and_right_to_left_names_stay_whole(
    monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    text = shown(monkeypatch, Screen(), COLUMNS=columns, NO_COLOR="1")
    for name in NAMES:
        assert f"{name}/root" in text
