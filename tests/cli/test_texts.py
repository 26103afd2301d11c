"""Plan and status for people: folded, on one screen, from the documents alone."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from fmgsync.cli import instants, plan_text, status_text
from fmgsync.cli.status_text import Filter

DEVICES = [f"fgt-{number}" for number in range(1, 301)]


def said(width: int = 100) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def mapping(device: str, *added: str, removed: tuple[str, ...] = ()) -> dict[str, Any]:
    place = {"action": "update", "kind": "mapping", "name": "k8s-web", "device": f"{device}/root"}
    return {
        **place,
        "added": list(added),
        "removed": list(removed),
        "because": "what runs has changed",
    }


def install(device: str, **more: Any) -> dict[str, Any]:
    row = {"device": device, "vdom": "root", "package": "edge", "groups": ["k8s-web"]}
    rest = {"opensAt": None, "held": None, "because": None, "reasons": ["x"], "notReferenced": []}
    return {**row, **rest, **more}


def plan(
    *changes: dict[str, Any], installs: list[dict[str, Any]] | None = None, **more: Any
) -> dict[str, Any]:
    devices = len({change["device"] for change in changes if "device" in change})
    radius = {"changes": len(changes), "groups": 1, "devices": devices, "added": 0, "removed": 0}
    adom = {"fortimanager": "hq", "adom": "prod", "changes": list(changes)}
    findings = {"foreign": [], "held": [], "findings": [], **more}
    return {
        "digest": "3f0c", "adoms": [{**adom, **findings}], "installs": installs or [],
        "blastRadius": radius, "sources": [], "errors": [], "submitted": [],
    }  # fmt: skip


def test_what_devices_share_is_one_row() -> None:
    document = plan(*(mapping(device, "10.1.0.9", removed=("10.1.0.5",)) for device in DEVICES))
    console = said()
    plan_text.print_plan(console, document)
    lines = text(console).splitlines()
    assert len(lines) < 10
    assert lines[0] == "1 group changes on 300 FortiGates: 1 address added, 1 removed."
    assert lines[-1].endswith("Digest 3f0c.")
    assert "300 device VDOMs" in text(console)


def test_every_device_is_listed_if_asked() -> None:
    document = plan(*(mapping(device, "10.1.0.9") for device in DEVICES[:5]))
    console = said(140)
    plan_text.print_plan(console, document, every=True)
    assert all(f"{device}/root" in text(console) for device in DEVICES[:5])


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (plan(), "No changes."),
        (plan(installs=[install("fgt-1")]), "1 install outstanding (1 now)."),
        (
            plan(
                installs=[
                    install("fgt-1", held="other people's edits"),
                    install("fgt-2", because="closed", opensAt="2026-12-02T00:00:00+00:00"),
                ]
            ),
            "2 installs outstanding (1 later, 1 held).",
        ),
        (
            plan(
                mapping("fgt-1", "10.1.0.9", "10.1.0.8"),
                held=[{"name": "g", "message": "m", "digest": "d"}],
            ),
            "1 group changes on 1 FortiGate: 2 addresses added, 0 removed; 1 held for a person.",
        ),
    ],
)  # fmt: skip
def test_the_plan_in_one_sentence(document: dict[str, Any], sentence: str) -> None:
    assert plan_text.total(document) == sentence


def test_markdown_folds_the_details() -> None:
    document = plan(
        *(mapping(device, "10.1.0.9") for device in DEVICES), installs=[install("fgt|1")]
    )
    made = plan_text.markdown(document)
    before, _, after = made.partition("<details>")
    assert "300 device VDOMs" in before
    assert "fgt-7/root" not in before
    assert "fgt-7/root" in after
    assert "fgt\\|1" in made


def device(name: str, state: str, adom: str = "prod", **more: Any) -> dict[str, Any]:
    views = {"desired": ["10.1.0.9"], "adom": ["10.1.0.9"], "deviceDatabase": ["10.1.0.5"]}
    group = {"name": "k8s-web", "state": state, **views, "device": None}
    place = {"device": name, "vdom": "root", "adom": adom, "fortimanager": "hq"}
    return {**place, "groups": [group], "staleGrants": [], "nextWindow": None, **more}


def test_three_hundred_devices_fit_on_one_screen() -> None:
    """A summary first, then what is not in sync, the worst first, and how it differs."""
    states = ["in sync"] * 290 + ["install pending"] * 8 + ["drifted", "unreachable"]
    document = {"devices": [device(n, s) for n, s in zip(DEVICES, states, strict=True)]}
    console = said()
    status_text.print_status(console, document)
    lines = text(console).splitlines()
    assert len(lines) < 24
    told = "290 in sync, 8 install pending, 1 unreachable, 1 drifted"
    assert lines[0] == f"ADOM prod on hq: 300 device VDOMs: {told}"
    rows = [line for line in lines if "k8s-web" in line]
    assert [row.split("  ")[0].strip() for row in rows] == [
        "drifted",
        "unreachable",
        "install pending",
    ]
    assert "+ 10.1.0.9" in rows[0]
    assert "10.1.0.5" in " ".join(lines)
    assert "fgt-291/root, fgt-292/root, fgt-293/root and 5" in rows[2]


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        (Filter(), ["fgt-1", "fgt-2", "edge-1"]),
        (Filter(device="fgt-*"), ["fgt-1", "fgt-2"]),
        (Filter(device="fgt-2/root"), ["fgt-2"]),
        (Filter(adom="dmz"), ["edge-1"]),
        (Filter(adom="hq/prod"), ["fgt-1", "fgt-2"]),
        (Filter(state="drifted"), ["fgt-2"]),
        (Filter(group="other"), []),
        (Filter(device="FGT-1"), []),
    ],
)
def test_only_what_is_asked_for(chosen: Filter, left: list[str]) -> None:
    document = {
        "devices": [
            device("fgt-1", "in sync"),
            device("fgt-2", "drifted"),
            device("edge-1", "in sync", "dmz"),
        ]
    }
    assert [row["device"] for row in chosen(document)["devices"]] == left


def test_the_oldest_stale_grant_stands_in_the_summary() -> None:
    grant = {"group": "k8s-web", "address": "10.1.0.5", "since": "2026-01-01T00:00:00+00:00"}
    document = {"devices": [device("fgt-1", "install pending", staleGrants=[grant]),
                            device("fgt-2", "install pending", staleGrants=[grant])]}  # fmt: skip
    console = said()
    status_text.print_status(console, document)
    assert "2 stale grants, the oldest since Thu 2026-01-01 00:00 UTC" in text(console)
    assert "fgt-1/root, fgt-2/root" in text(console)


def test_names_alone_are_those_in_trouble() -> None:
    rows = [device("fgt-10", "drifted"), device("fgt-9", "held"), device("fgt-1", "in sync")]
    assert status_text.troubled({"devices": rows}) == ["fgt-9/root", "fgt-10/root"]


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("opens 2026-07-01 00:30 UTC", "opens Wed 2026-07-01 02:30 CEST"),
        ("last checked it 2026-03-01T23:30:00Z", "last checked it Mon 2026-03-02 00:30 CET"),
        ("at 2026-03-01T23:30:00+00:00, then", "at Mon 2026-03-02 00:30 CET, then"),
        ("10.1.0.9 since 2026-13-45 99:99 UTC", "10.1.0.9 since 2026-13-45 99:99 UTC"),
        ("UTC-1 and 2026-03-01", "UTC-1 and 2026-03-01"),
    ],
)
def test_times_within_words_are_told_in_the_windows_zone(said: str, read: str) -> None:
    assert instants.sentence(said, "Europe/Berlin") == read
