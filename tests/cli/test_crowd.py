"""What is said while 300 FortiGates are worked on, and of what was done there, fits a screen."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from fmgsync.cli import apply_text
from fmgsync.wiring import crowd

UNITS = [f"branch-{n}" for n in range(1, 301)]


def said(texts: list[str], names: list[str] = UNITS) -> list[str]:
    heard: list[str] = []
    tell = crowd.folded(heard.append, names)
    for text in texts:
        tell(text)
    return heard


def test_what_is_alike_is_told_of_a_few_and_then_counted() -> None:
    heard = said([f"VDOM root on {name}: wave 2: verified on {name}" for name in UNITS])
    assert heard[:3] == [f"VDOM root on {n}: wave 2: verified on {n}" for n in UNITS[:3]]
    assert heard[3] == "30 of 300: VDOM root on …: wave 2: verified on …"
    assert heard[-1] == "300 of 300: VDOM root on …: wave 2: verified on …"
    assert len(heard) == 13


def test_what_differs_is_told_of_each() -> None:
    texts = [f"{name}: failed: refused with -{number}" for number, name in enumerate(UNITS[:9])]
    assert said([*texts, "reading cluster east"]) == [*texts, "reading cluster east"]


def test_a_unit_counts_once_however_often_it_is_looked_at() -> None:
    texts = [f"reading VDOM root on {name}" for name in UNITS]
    told = [text for text in said(texts * 3) if " of 300: " in text]
    assert told == [f"{n} of 300: reading VDOM root on …" for n in range(30, 301, 30)]


@pytest.mark.parametrize("name", ["branch-1", "branch-12"])
def test_a_name_that_begins_another_one_is_not_taken_for_it(name: str) -> None:
    names = [*UNITS[:11], "branch-12", *(f"hub{n}" for n in range(20))]
    heard = said([f"{name}: held: branch-1234 and x.{name} are no unit"], names)
    assert heard == [f"{name}: held: branch-1234 and x.{name} are no unit"]


def test_of_few_each_has_its_lines() -> None:
    texts = [f"reading VDOM root on {name}" for name in UNITS[:20]]
    assert said(texts, UNITS[:20]) == texts


def test_what_was_done_on_three_hundred_fits_a_screen() -> None:
    document = {
        "adoms": [
            {"fortigate": name, "vdom": "root", "written": 5, "submitted": False} for name in UNITS
        ],
        "refused": [
            {"action": "create", "kind": "address", "name": f"prod_10.1.0.{n}", "message": "full"}
            for n in range(200)
        ],
        "outcomes": [
            {"fortigate": n, "vdom": "root", "device": n, "outcome": "done", "detail": ""}
            for n in UNITS
        ],
    }
    lines = printed(document)
    assert lines[:3] == [
        "branch-1/root, branch-2/root, branch-3/root and 297 more: 5 changes written each",
        "refused: create address prod_10.1.0.0, prod_10.1.0.1, prod_10.1.0.2 and 197 more: full",
        "write to branch-1/root, branch-2/root, branch-3/root and 297 more: done",
    ]


def test_of_one_it_says_where() -> None:
    one = {"fortigate": "b-1", "vdom": "root", "written": 1, "submitted": False}
    adom = {"fortimanager": "hq", "adom": "prod", "written": 5, "submitted": True}
    lines = printed({"adoms": [one, adom], "refused": [], "outcomes": []})
    assert lines[:2] == [
        "VDOM root on b-1: 1 change written",
        "ADOM prod on hq: 5 changes submitted for approval",
    ]


def printed(document: dict[str, Any]) -> list[str]:
    out = io.StringIO()
    rest: dict[str, Any] = {
        key: [] for key in ("devices", "errors", "problems", "locks", "held", "findings")
    }
    whole = {"timezone": "UTC", **rest, **document}
    apply_text.print_apply(Console(file=out, width=200, soft_wrap=True), whole)
    return out.getvalue().splitlines()
