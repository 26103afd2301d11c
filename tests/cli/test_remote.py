"""What a running controller saw, for people and as an exit code."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from fmgsync.cli import remote, status_text

SINCE = "2026-01-01T00:00:00+00:00"


def document(state: str = "in sync", **more: Any) -> dict[str, Any]:
    """One group on one device, with what the controller says beside it."""
    views = {"desired": ["10.1.0.5"], "adom": ["10.1.0.5"], "deviceDatabase": None, "device": []}
    group = {"name": "k8s-web", "state": state, **views}
    grants = more.pop("staleGrants", [])
    place = {"device": "fgt-east", "vdom": "root", "adom": "prod", "fortimanager": "hq"}
    device = {**place, "groups": [group], "staleGrants": grants}
    return {"devices": [device], **more}


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (document(), 0),
        (document("not referenced"), 0),
        (document("install pending"), 3),
        (document("drifted"), 3),
        (document("unreachable"), 1),
        (document("unknown"), 3),
        (document(held=[{"name": "k8s-web", "message": "x", "digest": "d"}]), 3),
        (document(submitted=[{"message": "x"}]), 3),
        (document(pendingWrites=[{"adom": "prod", "fortimanager": "hq", "changes": 1}]), 3),
        (document(foreign=[{"name": "k8s-db", "message": "x"}]), 1),
        (document("install pending", errors=[{"message": "x"}]), 1),
    ],
)
def test_the_exit_code_is_that_of_status_itself(seen: dict[str, Any], code: int) -> None:
    assert remote.status_code(seen) == code


def test_people_see_what_waits_and_what_is_stale() -> None:
    """With the command that lets it through; words from outside steer no terminal."""
    held = {"name": "k8s-web", "device": "fgt-east/root", "message": "9 go", "digest": "3f0c"}
    grant = {"group": "k8s-web", "address": "10.1.0.9", "since": SINCE, "reused": True}
    seen = document(
        held=[held],
        foreign=[{"name": "k8s-db", "message": "taken\x1b[2J"}],
        staleGrants=[grant, {**grant, "address": "10.1.0.8", "since": None, "reused": False}],
        errors=[{"message": "FortiManager hq: login refused"}],
    )
    out = io.StringIO()
    status_text.print_status(Console(file=out, width=200), seen)
    said = " ".join(out.getvalue().split())
    assert "k8s-web on fgt-east/root: 9 go let it through: fmgsync approve 3f0c" in said
    assert "k8s-web 10.1.0.9 fgt-east/root another workload has it now" in said
    assert "not known k8s-web 10.1.0.8" in said
    assert "k8s-db: taken\\x1b[2J" in said
    assert "login refused" in said
