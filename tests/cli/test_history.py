"""The audit read as a history: who did what where, why, and what the devices said."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from fmgsync.cli import history, instants
from fmgsync.cli.history import Wanted

EAST = timezone(timedelta(hours=2))
NOW = datetime(2026, 7, 2, 9, 30, tzinfo=EAST)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("08:00", datetime(2026, 7, 2, 8, tzinfo=EAST)),
        ("9:30", NOW),
        ("18:00", datetime(2026, 7, 1, 18, tzinfo=EAST)),  # last night, not tonight
        ("90s", NOW - timedelta(seconds=90)),
        ("12h", NOW - timedelta(hours=12)),
        ("3d", NOW - timedelta(days=3)),
        ("2026-07-01T18:00", datetime(2026, 7, 1, 18, tzinfo=EAST)),
        ("2026-07-01T18:00Z", datetime(2026, 7, 1, 18, tzinfo=UTC)),
        ("24:00", None),
        ("yesterday", None),
        ("-3d", None),
        ("", None),
    ],
)
def test_since_when(text: str, at: datetime | None) -> None:
    assert instants.since(text, NOW) == at


def line(**fields: Any) -> dict[str, Any]:
    base = {
        "at": "2026-07-02T01:00:00.000+00:00",
        "event": "verified",
        "who": "ann@ops",
        "run": "r1",
    }
    place = {"fortimanager": "hq", "adom": "prod", "device": "fgt-1", "vdom": "root"}
    return {**base, "reason": "not given", **place, **fields}


MOVED = {"group": "k8s-web", "before": ["10.1.0.5"], "after": ["10.1.0.9"]}


def test_a_line_has_the_promised_keys() -> None:
    row = history.as_row(line(members=[MOVED], outcome="done", reason="CHG-1"))
    assert {name: row[name] for name in ("at", "who", "run", "event", "reason", "adom")} == {
        "at": "2026-07-02T01:00:00.000+00:00",
        "who": "ann@ops",
        "run": "r1",
        "event": "verified",
        "reason": "CHG-1",
        "adom": "hq/prod",
    }
    assert (row["devices"], row["groups"], row["outcome"]) == (["fgt-1/root"], ["k8s-web"], "done")
    assert history.as_row(line())["reason"] is None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), True),
        (Wanted(device="fgt-1"), True),
        (Wanted(device="fgt-1/root"), True),
        (Wanted(device="fgt-?"), True),
        (Wanted(device="fgt-2"), False),
        (Wanted(adom="prod"), True),
        (Wanted(adom="hq/*"), True),
        (Wanted(adom="lab"), False),
        (Wanted(group="k8s-*"), True),
        (Wanted(group="db"), False),
        (Wanted(run="r2"), False),
        (Wanted(since=datetime(2026, 7, 2, 1, tzinfo=UTC)), True),
        (Wanted(since=datetime(2026, 7, 2, 2, tzinfo=UTC)), False),
        (Wanted(until=datetime(2026, 7, 2, 0, tzinfo=UTC)), False),
    ],
)
def test_only_what_is_asked_for(wanted: Wanted, found: bool) -> None:
    assert wanted(history.as_row(line(members=[MOVED]))) is found


def test_devices_that_fared_alike_are_one_row() -> None:
    rows = [history.as_row(line(device=f"fgt-{n}", members=[MOVED])) for n in range(1, 41)]
    console = Console(file=io.StringIO(), width=140, force_terminal=True, color_system=None)
    history.print_history(console, rows)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert len(said.splitlines()) < 8
    assert "fgt-1/root, fgt-2/root, fgt-3/root and 37" in " ".join(said.split())
    assert "40 lines: 40 verified, 0 failed" in said


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
names = st.sampled_from(
    ["members", "devices", "device", "vdom", "failed", "verified", "groups", "wave", "why", "who",
     "run", "reason", "adom", "fortimanager", "edits", "what", "outcome"]
)  # fmt: skip


@given(st.dictionaries(names, values))
@settings(max_examples=200, deadline=None)
def test_whatever_a_line_holds_it_can_be_told(fields: dict[str, Any]) -> None:
    """The chain proves a line, not its fields; a later release may write others."""
    row = history.as_row({"at": "x", "event": "e", **fields})
    json.dumps(row)
    Wanted(device="*", group="*", since=NOW)(row)
    history.print_history(Console(file=io.StringIO(), width=120), [row])
