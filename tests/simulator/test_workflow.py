"""Workflow mode as published: lock, start, change, save, submit; somebody else approves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

ADDRESSES = "/pm/config/adom/prod/obj/firewall/address"
WS = "/dvmdb/adom/prod/workspace"
WF = "/dvmdb/adom/prod/workflow"
NEW = {"name": "new", "subnet": "10.0.0.1/32"}
Connect = Callable[..., Client]


@pytest.fixture
def client(start: Start) -> Client:
    seed = small_seed(workspaceMode="workflow")
    seed["admins"][0]["approver"] = False
    _, client = start(seed)
    return client


def edit(client: Client) -> int:
    """Lock, start and change something; the session's number."""
    client.data("exec", f"{WS}/lock")
    started = client.data("exec", f"{WF}/start")
    assert started["new_session"] == 1
    client.data("add", ADDRESSES, NEW)
    return int(started["sessionid"])


def test_the_urls_exist_in_this_mode_only(start: Start) -> None:
    _, client = start(small_seed(workspaceMode="normal"))
    assert client.code("exec", f"{WF}/start") == -9


def test_starting_needs_the_lock_and_writing_needs_a_session(client: Client) -> None:
    assert client.code("exec", f"{WF}/start") == -20017
    client.data("exec", f"{WS}/lock")
    assert client.code("add", ADDRESSES, NEW) == -10147
    client.data("exec", f"{WF}/start")
    assert client.code("add", ADDRESSES, NEW) == 0


def test_commit_is_no_way_around_the_approval(client: Client) -> None:
    edit(client)
    assert client.code("exec", f"{WS}/commit") == 0
    client.data("exec", f"{WS}/unlock")
    assert client.code("get", f"{ADDRESSES}/new") == -3


def test_submitting_needs_saving_and_ends_editing(client: Client) -> None:
    number = edit(client)
    assert client.code("exec", f"{WF}/submit/{number}") == -20044
    client.data("exec", f"{WF}/save/{number}")
    client.data("exec", f"{WF}/submit/{number}")
    assert client.get(WF)[0]["state"] == 2
    assert client.code("add", ADDRESSES, NEW | {"name": "more"}) == -10147
    assert client.code("exec", f"{WF}/approve/{number}") == -20020, "not by who made it"


def test_saved_changes_outlive_the_lock_and_come_back(client: Client) -> None:
    number = edit(client)
    client.data("exec", f"{WF}/save/{number}")
    client.data("exec", f"{WS}/unlock")
    assert client.code("get", f"{ADDRESSES}/new") == -3
    client.data("exec", f"{WS}/lock")
    assert client.data("exec", f"{WF}/start") == {"sessionid": number, "new_session": 0}
    assert client.code("get", f"{ADDRESSES}/new") == 0
    client.data("exec", f"{WF}/discard/{number}")
    assert client.code("get", f"{ADDRESSES}/new") == -3


@pytest.mark.parametrize(("verb", "code"), [("approve", 0), ("reject", -3)])
def test_the_approver_decides(start: Start, verb: str, code: int) -> None:
    seed = small_seed(workspaceMode="workflow")
    seed["admins"][0]["approver"] = True
    _, client = start(seed)
    number = edit(client)
    client.data("exec", f"{WF}/save/{number}")
    client.data("exec", f"{WF}/submit/{number}")
    client.data("exec", f"{WF}/{verb}/{number}")
    client.data("exec", f"{WS}/unlock")
    assert client.code("get", f"{ADDRESSES}/new") == code


def test_a_rejected_session_is_repaired_as_a_new_one(start: Start) -> None:
    seed = small_seed(workspaceMode="workflow")
    seed["admins"][0]["approver"] = True
    _, client = start(seed)
    number = edit(client)
    client.data("exec", f"{WF}/save/{number}")
    client.data("exec", f"{WF}/submit/{number}")
    assert client.code("exec", f"{WF}/repair/{number}") == -10, "nothing to repair"
    client.data("exec", f"{WF}/reject/{number}")
    repaired = client.data("exec", f"{WF}/repair/{number}")["sessionid"]
    assert repaired == number + 1
    assert client.code("get", f"{ADDRESSES}/new") == 0
    client.data("exec", f"{WF}/drop/{repaired}")
    assert client.code("get", f"{ADDRESSES}/new") == -3
    assert client.code("exec", f"{WF}/save/99") == -3
