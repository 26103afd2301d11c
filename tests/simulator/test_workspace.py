from __future__ import annotations

from collections.abc import Callable

import pytest

from fmgsync.clock import ManualClock
from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

OBJ = "/pm/config/adom/prod/obj/firewall"
WS = "/dvmdb/adom/prod/workspace"
Connect = Callable[..., Client]
NEW = {"name": "new", "subnet": "10.0.0.1/32"}


def workspace_seed() -> dict[str, object]:
    return small_seed(workspaceMode="normal")


@pytest.mark.parametrize("verb", ["lock", "unlock", "commit"])
def test_workspace_urls_are_refused_while_the_mode_is_off(start: Start, verb: str) -> None:
    _, client = start()

    assert client.code("exec", f"{WS}/{verb}") == -9
    assert client.code("get", f"{WS}/lockinfo") == -9


def test_mode_is_told_globally_and_per_adom(start: Start) -> None:
    _, client = start(workspace_seed())

    settings = client.get("/cli/global/system/global", fields=["workspace-mode", "adom-status"])

    assert settings == {"workspace-mode": "normal", "adom-status": "enable"}
    assert client.get("/dvmdb/adom/prod")["workspace_mode"] == 1


def test_writes_need_the_lock(start: Start) -> None:
    _, client = start(workspace_seed())

    assert client.one("add", f"{OBJ}/address", NEW)["status"] == {
        "code": -10147,
        "message": "no write permission",
    }
    client.data("exec", f"{WS}/lock/")
    assert client.code("add", f"{OBJ}/address", NEW) == 0


def test_lockinfo_names_session_and_user(start: Start, clock: ManualClock) -> None:
    _, client = start(workspace_seed())
    assert client.one("get", f"{WS}/lockinfo").keys() == {"status", "url"}

    client.data("exec", f"{WS}/lock")
    [held] = client.get(f"{WS}/lockinfo")

    assert (held["lock_user"], held["type"], held["dirty"]) == ("fmgsync", 1, 0)
    assert held["lock_time"] == int(clock.now())
    client.data("add", f"{OBJ}/address", NEW)
    assert client.get(f"{WS}/lockinfo")[0]["dirty"] == 1
    assert client.get(f"{WS}/dirty") == {"dirty": 1}


def test_another_session_of_the_same_user_is_kept_out(start: Start, connect: Connect) -> None:
    simulator, client = start(workspace_seed())
    other = connect(simulator, "fmgsync", "secret")
    client.data("exec", f"{WS}/lock")

    assert other.code("exec", f"{WS}/lock") == -20055
    assert other.code("add", f"{OBJ}/address", NEW) == -10147
    assert client.code("exec", f"{WS}/lock") == 0  # its own lock again


def test_others_see_a_change_only_after_commit(start: Start, connect: Connect) -> None:
    simulator, client = start(workspace_seed())
    other = connect(simulator)
    client.data("exec", f"{WS}/lock")
    client.data("add", f"{OBJ}/address", NEW)

    seen_by_owner = client.code("get", f"{OBJ}/address/new")
    seen_before = other.code("get", f"{OBJ}/address/new")
    client.data("exec", f"{WS}/commit")
    seen_after = other.code("get", f"{OBJ}/address/new")

    assert (seen_by_owner, seen_before, seen_after) == (0, -3, 0)


def test_unlock_discards_what_was_not_committed(start: Start) -> None:
    _, client = start(workspace_seed())
    client.data("exec", f"{WS}/lock")
    client.data("add", f"{OBJ}/address", NEW)
    client.data("exec", f"{WS}/commit")
    client.data("update", f"{OBJ}/addrgrp/legacy", {"member": ["new"]})
    client.data("delete", f"{OBJ}/address/db")

    client.data("exec", f"{WS}/unlock")

    assert client.get(f"{OBJ}/addrgrp/legacy")["member"] == ["db"]
    assert client.code("get", f"{OBJ}/address/new") == 0
    client.data("exec", f"{WS}/lock")
    assert client.code("delete", f"{OBJ}/address/db") == -10015  # its use is back too


def test_references_count_inside_a_draft(start: Start) -> None:
    _, client = start(workspace_seed())
    client.data("exec", f"{WS}/lock")
    client.data("add", f"{OBJ}/address", NEW)
    client.data("update", f"{OBJ}/addrgrp/legacy", {"member": ["new"]})

    assert client.code("delete", f"{OBJ}/address/new") == -10015
    assert client.code("delete", f"{OBJ}/address/db") == 0


def test_foreign_commit_and_unlock_answer_ok_and_do_nothing(start: Start, connect: Connect) -> None:
    simulator, client = start(workspace_seed())
    other = connect(simulator)
    client.data("exec", f"{WS}/lock")
    client.data("add", f"{OBJ}/address", NEW)

    assert other.code("exec", f"{WS}/commit") == 0
    assert other.code("exec", f"{WS}/unlock") == 0

    assert other.code("get", f"{OBJ}/address/new") == -3
    assert client.get(f"{WS}/lockinfo")[0]["lock_user"] == "fmgsync"


def test_an_abandoned_lock_stays_until_the_session_expires(
    start: Start, connect: Connect, clock: ManualClock
) -> None:
    simulator, client = start(small_seed(workspaceMode="normal", idleTimeoutSeconds=900))
    client.data("exec", f"{WS}/lock")
    client.data("add", f"{OBJ}/address", NEW)

    clock.sleep(899)
    other = connect(simulator)
    assert other.code("exec", f"{WS}/lock") == -20055
    clock.sleep(2)

    assert other.code("exec", f"{WS}/lock") == 0
    assert other.code("get", f"{OBJ}/address/new") == -3
    assert client.code("get", f"{OBJ}/address") == -11


def test_logout_releases_the_lock(start: Start, connect: Connect) -> None:
    simulator, client = start(workspace_seed())
    client.data("exec", f"{WS}/lock")

    client.data("exec", "/sys/logout")

    assert connect(simulator).code("exec", f"{WS}/lock") == 0


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("/dvmdb/adom/ghost/workspace/lock", -6),
        (f"{WS}/lock/pkg/no/such", -6),
        (f"{WS}/lock/dev/ghost", -10),
        ("/dvmdb/global/workspace/lock", -9),
        (f"{WS}/lock/obj/firewall/address/db", -20017),  # needs a package or policy lock first
    ],
)
def test_what_cannot_be_locked(start: Start, url: str, code: int) -> None:
    _, client = start(workspace_seed())

    assert client.code("exec", url) == code


def test_package_locks_guard_policies_and_block_the_adom(start: Start, connect: Connect) -> None:
    simulator, client = start(workspace_seed())
    other = connect(simulator)
    policies = "/pm/config/adom/prod/pkg/edge/default/firewall/policy"
    client.data("exec", f"{WS}/lock/pkg/edge/default")

    assert other.code("exec", f"{WS}/lock") == -20055
    assert client.code("update", f"{policies}/1", {"comments": "mine"}) == 0
    assert client.code("add", f"{OBJ}/address", NEW) == -10147
    client.data("exec", f"{WS}/commit/pkg/edge/default")
    client.data("exec", f"{WS}/unlock/pkg/edge/default")

    assert other.get(f"{policies}/1")["comments"] == "mine"
    assert other.code("exec", f"{WS}/lock") == 0


def test_a_console_stands_in_the_way_like_any_session(start: Start) -> None:
    simulator, client = start(workspace_seed())
    bob = simulator.console("bob")
    bob.lock("prod")

    assert client.code("exec", f"{WS}/lock") == -20055
    assert client.get(f"{WS}/lockinfo")[0]["lock_user"] == "bob"
    bob.unlock("prod")

    assert client.code("exec", f"{WS}/lock") == 0


def test_per_adom_mode_is_the_adoms_own(start: Start) -> None:
    seed = small_seed(workspaceMode="per-adom")
    seed["adoms"][0]["workspaceMode"] = "disabled"
    _, client = start(seed)

    assert client.get("/cli/global/system/global")["workspace-mode"] == "per-adom"
    assert client.code("add", f"{OBJ}/address", NEW) == 0
    assert client.code("exec", f"{WS}/lock") == -9
