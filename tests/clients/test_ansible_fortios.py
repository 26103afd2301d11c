"""Ansible's fortinet.fortios, by playbook, against a FortiGate itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmgsync.simulator import Simulator
from tests.clients.conftest import KEY
from tests.clients.playing import play_fortigate

pytestmark = [pytest.mark.clients, pytest.mark.slow]


def test_an_address_a_group_and_its_members_and_again(branch: Simulator, tmp_path: Path) -> None:
    first = play_fortigate(branch, KEY, "fortigate", tmp_path)

    assert first.failed == 0, first.tasks
    assert first.changed == 4
    gate = branch.fortigate("branch")
    assert gate.members("shop") == {"10.1.0.1"}
    assert gate.members("shop-2") == {"10.9.0.1"}
    again = play_fortigate(branch, KEY, "fortigate", tmp_path)
    changed = {name for name, told in again.tasks.items() if told["changed"]}
    assert not {"address", "group"} & changed
    assert gate.members("shop") == {"10.1.0.1"}
    assert branch.world.defects == []
