"""The cassettes that come with fmgsync: clean, whole, listed, and playable by others' tools."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import vcr

from fmgsync.clock import ManualClock
from fmgsync.recording import check, files, match, suite, taking
from fmgsync.recording.adapter import Recording
from fmgsync.recording.cassette import Exchange
from fmgsync.recording.replay import Replay
from fmgsync.simulator import Simulator
from tests.recording import shipped
from tests.recording.client import Client
from tests.recording.lab import TWO, lab_on, seed

RECORD = "FMGSYNC_RECORD_CASSETTES"
LABS: dict[str, dict[str, Any]] = {
    "7.4-workspace": {"version": "7.4.5", "workspaceMode": "normal"},
    "7.6-install": {"version": "7.6.6", "workspaceMode": "disabled"},
}


@pytest.mark.parametrize("path", shipped.cassettes(), ids=lambda path: path.stem)
def test_every_cassette_is_proven_clean(path: Path) -> None:
    report = check.check(files.read_text(path), str(path), check.Suspects())
    assert report.findings == ()
    assert not report.edited


def test_the_readme_lists_every_cassette_with_version_and_date() -> None:
    text = shipped.README.read_text("utf-8")
    assert text == shipped.with_table(text)


@pytest.mark.parametrize("path", shipped.cassettes(), ids=lambda path: path.stem)
def test_every_cassette_plays_itself_byte_for_byte(path: Path) -> None:
    recorded = files.load(path).exchanges
    with Replay(path) as replay, Client(replay.url, replay.ca_file) as client:
        for one in recorded:
            url = f"{replay.url}{one.uri.removeprefix(base(one))}"
            answer = client.http.request(one.method, url, data=one.request_body, timeout=60)
            assert answer.content == one.response_body
        assert replay.verdict() is None


def base(one: Exchange) -> str:
    parts = urlsplit(one.uri)
    return f"{parts.scheme}://{parts.netloc}"


def test_vcrpy_plays_a_cassette_with_our_matcher() -> None:
    """In a single-threaded test of somebody who knows vcrpy and not fmgsync."""
    path = shipped.FOLDER / "contract" / "topology_packages_and_status.yaml"
    recorder = vcr.VCR(record_mode="none", match_on=["jsonrpc"])
    recorder.register_matcher("jsonrpc", match.jsonrpc_matcher)
    with recorder.use_cassette(str(path)) as played:
        for one in files.load(path).exchanges:
            body = json.loads(one.request_body) | {"id": 4711, "session": "mine"}
            answer = requests.post("https://fmg.example.net/jsonrpc", json=body, timeout=60)
            assert answer.content == one.response_body
        assert played.all_played


@pytest.mark.parametrize("name", LABS)
def test_the_lab_recordings_cover_all_scenarios(name: str, tmp_path: Path) -> None:
    """Recorded anew they have the same steps; with the environment variable they are replaced."""
    folder = shipped.FOLDER / "lab" if os.environ.get(RECORD) else tmp_path
    written = record_lab(name, folder)
    known = sorted((shipped.FOLDER / "lab").glob(f"{name}.*yaml"))
    assert [path.name for path in written] == [path.name for path in known]
    for new, old in zip(written, known, strict=True):
        assert steps(new) == steps(old), f"record anew: {RECORD}=1 pytest {__file__}"


def steps(path: Path) -> list[str]:
    return list(dict.fromkeys(one.step for one in files.load(path).exchanges))


def record_lab(name: str, folder: Path) -> list[Path]:
    """All scenarios against the simulator; in workspace mode without installs."""
    unit, clock, recording = LABS[name], ManualClock(), Recording()
    install_on = TWO if name == "7.6-install" else None
    with (
        Simulator(seed(**unit), clock=clock.now) as simulator,
        lab_on(simulator, install_on=install_on, recording=recording, clock=clock) as lab,
    ):
        scenarios = suite.chosen((), may_install=install_on is not None)
        done = suite.run(lab, scenarios, lambda text: None)
    wishes = dataclasses.replace(shipped.wishes(f"v{unit['version']}"), scenarios=tuple(done))
    if folder.parent == shipped.FOLDER:
        for old in folder.glob(f"{name}.*yaml"):
            old.unlink()
    written = taking.save(
        folder / f"{name}.yaml", taking.cassettes(recording, wishes), check.Suspects()
    )
    if folder.parent == shipped.FOLDER:
        shipped.update_readme()
    return sorted(written)
