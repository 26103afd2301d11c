"""What somebody puts into our group on a FortiGate without a FortiManager."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmgsync.cli import documents
from tests.end_to_end.branches import BRANCHES, GROUP, open_branches, seed
from tests.end_to_end.fleet import NIGHTS

OPENED = {
    "an address": (("legacy-db",), {"10.9.0.1"}),
    "a group": (("legacy", "prod_10.1.0.1"), {"10.9.0.1"}),
    "everything": (("all",), {"0.0.0.0/0"}),
}


@pytest.mark.parametrize("what", OPENED)
def test_what_somebody_puts_into_a_group_on_a_fortigate_is_a_stale_grant(
    tmp_path: Path, what: str
) -> None:
    """It goes outside the window like any other, and what is to come does not come with it."""
    members, values = OPENED[what]
    with open_branches(tmp_path, seed(BRANCHES[:1])) as made:
        made.pods(1)
        made.write_config(install={"windows": "always"})
        made.apply("window")
        made.write_config(install={"windows": [NIGHTS], "removals": {"within": "15m"}})
        made.unit.fortigate("branch-1").drift("firewall addrgrp", GROUP, member=members)
        made.pods(1, 2)
        (device,) = documents.status_document(made.status())["devices"]
        assert {one["address"] for one in device["staleGrants"]} == values
        assert values <= set(device["groups"][0]["device"])
        assert made.apply("window").adoms[0].error is None
        made.clock.sleep(1000)
        made.apply("window")
        assert made.held("branch-1") == ({1} if what == "a group" else set())
