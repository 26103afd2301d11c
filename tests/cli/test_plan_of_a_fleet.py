"""A plan over many FortiGates without a FortiManager: told once where they are alike."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from fmgsync.cli import plan_text
from fmgsync.cli.plan_text import print_plan


def vdom(number: int, added: str = "10.0.0.1") -> dict[str, Any]:
    change = {"action": "update", "kind": "addrgrp", "removed": [], "because": "a pod came"}
    return {
        "fortimanager": None,
        "adom": None,
        "fortigate": f"branch-{number}",
        "vdom": "root",
        "changes": [{**change, "name": "web", "added": [added]}],
        "foreign": [],
        "held": [],
        "findings": [
            {"kind": "unknown-use", "name": name, "message": "a table is not shown"}
            for name in ("web", "dns", "db", "ldap")
        ],
        "workloads": {},
    }


def waiting(number: int) -> dict[str, Any]:
    return {
        "fortigate": f"branch-{number}",
        "device": f"branch-{number}",
        "vdom": "root",
        "package": None,
        "groups": ["web"],
        "reasons": ["it differs"],
        "held": None,
        "because": None,
        "opensAt": f"2026-03-02T01:00:{number % 60:02}Z",
        "notReferenced": [],
    }


def document(*adoms: dict[str, Any]) -> dict[str, Any]:
    return {
        "digest": "0123456789abcdef",
        "blastRadius": {"groups": 1, "devices": len(adoms)},
        "adoms": list(adoms),
        "installs": [waiting(number) for number in range(1, len(adoms) + 1)],
        "sources": [],
        "errors": [],
    }


def told(width: int, *adoms: dict[str, Any], every: bool = False) -> list[str]:
    out = io.StringIO()
    print_plan(Console(file=out, width=width), document(*adoms), every=every)
    return out.getvalue().splitlines()


def test_units_alike_are_told_of_once_at_any_width() -> None:
    units = [*map(vdom, range(1, 300)), vdom(300, added="10.0.0.2")]
    for width in (80, 140):
        lines = told(width, *units)
        assert len(lines) < 30
        assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert (
        "299 VDOMs alike (branch-1/root, branch-2/root, branch-3/root and 296 more), each" in text
    )
    assert "VDOM root on branch-300: 1 to update" in text
    assert "note: db, dns, ldap and 1 more: a table is not shown" in text
    assert "branch-1/root, branch-2/root, branch-3/root and 297 more" in text


def test_each_is_listed_for_who_wants_everything() -> None:
    lines = told(140, *map(vdom, range(1, 21)), every=True)
    assert sum("VDOM root on branch-" in line for line in lines) == 20


def test_a_pull_request_gets_it_folded_as_well() -> None:
    text = plan_text.markdown(document(*map(vdom, range(1, 300))))
    assert text.count("####") == 1
    assert "299 VDOMs alike" in text
