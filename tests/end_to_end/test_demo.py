"""The demo is the first thing a newcomer runs: it must end verified, and its numbers be true."""

from __future__ import annotations

import json

import pytest

from fmgsync.cli import main

KEYS = {"devices", "verified", "groups", "addresses", "changes", "requests", "installs", "seconds"}


def played(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, float]:
    assert main.run(["demo", *arguments, "--output", "json"]) == 0, capsys.readouterr()
    document: dict[str, float] = json.loads(capsys.readouterr().out)
    assert set(document) >= KEYS
    return document


def test_the_story_ends_with_every_fortigate_verified(capsys: pytest.CaptureFixture[str]) -> None:
    found = played(capsys, "--devices", "3", "--pods", "20", "--groups", "2", "--changes", "7")
    assert (found["devices"], found["verified"]) == (3, 3)
    assert (found["groups"], found["changes"]) == (2, 7)
    assert found["installs"] >= 3


@pytest.mark.slow
def test_the_controller_survives_the_minute_in_which_everything_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = played(capsys, "--watch", "20s", "--devices", "3", "--pods", "40", "--groups", "2")
    assert found["verified"] == found["devices"] == 3


def test_a_watch_too_short_to_break_anything_is_refused() -> None:
    assert main.run(["demo", "--watch", "5s"]) == 2
