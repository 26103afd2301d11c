"""More of the Ansible collection: policies with what they name, the device manager, facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Serve
from tests.clients.playing import play

pytestmark = [pytest.mark.clients, pytest.mark.slow]
SUPER: dict[str, Any] = {
    "version": "7.6.4",
    "admins": [{"user": "robot", "password": "secret", "superAdmin": True}],
}


@pytest.mark.parametrize("mode", ["disabled", "normal"])
def test_policies_and_what_they_name(serve: Serve, tmp_path: Path, mode: str) -> None:
    """The second run finds everything as it was sent, so nothing is lost on the way."""
    unit = serve(**SUPER, workspaceMode=mode)

    first = play(unit, "policies", tmp_path)
    assert (first.changed, first.failed) == (3, 0)
    assert first.code("no interface") == -9998
    policy = unit.console().get("/pm/config/adom/prod/pkg/edge/default/firewall/policy/20")
    assert policy["dstaddr"] == ["shop-front"]
    assert (policy["groups"], policy["session-ttl"]) == (["staff"], "3600")

    second = play(unit, "policies", tmp_path)
    assert (second.changed, second.failed) == (0, 0)
    assert unit.ignored.counts == {}


def test_devices_vdoms_meta_fields_and_facts(serve: Serve, tmp_path: Path) -> None:
    unit = serve(**SUPER)

    played = play(unit, "devices", tmp_path)
    assert played.failed == 0
    facts = {
        fact["item"]["selector"]: fact["meta"]["response_data"]
        for fact in played.tasks["facts"]["results"]
    }
    assert facts["dvmdb_device"]["meta fields"]["site"] == "w1"
    assert facts["dvmdb_device"]["latitude"] == "48.2"
    assert [vdom["name"] for vdom in facts["dvmdb_device_vdom"]] == ["root", "lab"]
    assert [member["name"] for member in facts["dvmdb_group"]["object member"]] == ["fgt-1"]
    assert {row["name"] for row in facts["firewall_address"]} == {"all", "legacy"}
    assert "site" in {row["name"] for row in facts["dvmdb_metafields_device"]}
    assert all(
        facts[name] for name in ("webfilter_profile", "firewall_sslsshprofile", "user_group")
    )
    assert unit.ignored.counts == {}
