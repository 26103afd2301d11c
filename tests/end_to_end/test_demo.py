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


def test_the_same_without_a_fortimanager(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ("--devices", "3", "--pods", "20", "--groups", "2", "--changes", "7")
    found = played(capsys, "--direct", *sizes)
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


def test_the_night_of_a_rollout_is_told_from_window_to_proof(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who did what at what time; a failure holds everything until a person resumes."""
    size = ["--devices", "5", "--pods", "60", "--groups", "2", "--changes", "6"]
    assert main.run(["demo", "--rollout", *size]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    happened = [
        "fmgsync approve ",
        "01:00:00  fmgsync       canary: installing on fgt-east-1",
        "canary: verified on fgt-east-1",
        "pause before wave 1, until Wed 2026-03-04 01:10:",
        "wave 1: installing on fgt-east-2",
        "3 of 5 verified",
        "the management link of fgt-west-1 breaks",
        "fgt-west-1: failed:",
        "3 of 5 verified, 1 failed",
        "held: the failure budget of the rollout is spent: 1 of 1 (fgt-west-1)",
        "on-call       fmgsync rollout resume",
        "wave 2: verified on fgt-west-1",
        "wave 2: verified on fgt-west-2",
        "nothing left to start; 5 verified, 0 at risk",
        "fmgsync audit show",
        "each is chained to the one before: whole.",
        "5 of 5 FortiGates verified",
    ]
    at = 0
    for text in happened:
        at = captured.out.index(text, at)
    assert captured.out[: captured.out.index("01:00:00")].count("installing on") == 0


@pytest.mark.slow
def test_a_night_of_forty_has_a_budget_of_two(capsys: pytest.CaptureFixture[str]) -> None:
    found = played(capsys, "--rollout", "--devices", "40", "--pods", "8", "--groups", "1")
    assert found["verified"] == found["devices"] == 40


@pytest.mark.parametrize(
    "arguments", [["--rollout", "--watch", "60s"], ["--rollout", "--devices", "2"]]
)
def test_a_night_that_cannot_be_told_is_refused(arguments: list[str]) -> None:
    assert main.run(["demo", *arguments]) == 2
