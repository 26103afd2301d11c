"""Transactions of a FortiGate: what is queued, held, committed, forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmgsync.clock import ManualClock
from fmgsync.simulator import Simulator
from tests.simulator.fortigate.conftest import Rest

Boot = Callable[..., tuple[Simulator, Rest]]
ADDRESS, GROUP = "cmdb/firewall/address", "cmdb/firewall/addrgrp"


def act(rest: Rest, action: str, number: int | None = None, **more: Any) -> Any:
    body = {"timeout": 60} if number is None else {"transaction-id": number}
    return rest.ask("POST", f"cmdb?action=transaction-{action}&vdom=root", {**body, **more})


def start(rest: Rest, **more: Any) -> int:
    number: int = act(rest, "start", **more)["results"]["transaction-id"]
    return number


def within(number: int) -> dict[str, Any]:
    return {"headers": {"X-TRANSACTION-ID": str(number)}}


def queue(rest: Rest, number: int) -> None:
    """Two addresses into the group, the old one out of it and away."""
    for name in ("a", "b"):
        body = {"name": name, "subnet": "10.0.0.1/32"}
        told = rest.ask("POST", ADDRESS, body, **within(number))
        assert (told["status"], told["mkey"], told["revision_changed"]) == ("success", name, False)
    members = {"member": [{"name": "a"}, {"name": "b"}]}
    assert rest.outcome("PUT", f"{GROUP}/legacy", members, **within(number)) == 200
    assert rest.outcome("DELETE", f"{ADDRESS}/db", **within(number)) == 200


def test_a_commit_applies_all_of_it(boot: Boot) -> None:
    _, rest = boot()
    number = start(rest)
    queue(rest, number)
    assert rest.members("legacy") == ["db"]

    told = act(rest, "commit", number)

    assert (told["status"], told["revision_changed"]) == ("success", False)
    assert rest.members("legacy") == ["a", "b"]
    assert "db" not in rest.names("address")
    assert act(rest, "commit", number)["status"] == "error"


def test_an_abort_and_the_end_of_its_time_forget_it(boot: Boot, clock: ManualClock) -> None:
    _, rest = boot()
    before = rest.ask("GET", GROUP)
    first = start(rest)
    queue(rest, first)
    assert act(rest, "abort", first)["status"] == "success"
    second = start(rest, timeout=5)
    queue(rest, second)
    clock.sleep(5)

    assert act(rest, "commit", second)["status"] == "error"
    assert rest.ask("GET", GROUP) == before
    late = rest.ask("POST", ADDRESS, {"name": "x"}, **within(second))
    assert (late["http_status"], "x" in rest.names("address")) == (424, False)


def test_a_bad_reference_fails_at_once_and_the_transaction_lives(boot: Boot) -> None:
    _, rest = boot()
    number = start(rest)
    queue(rest, number)

    assert rest.outcome("POST", f"{GROUP}/legacy/member", {"name": "no"}, **within(number)) == -3
    spare = {"name": "spare"}
    assert rest.outcome("POST", f"{GROUP}/legacy/member", spare, **within(number)) == 200
    act(rest, "commit", number)

    assert rest.members("legacy") == ["a", "b", "spare"]


@pytest.mark.parametrize("locks", [True, False])
def test_it_keeps_its_tables_from_others(boot: Boot, locks: bool) -> None:
    _, rest = boot(seed={"switches": {"transactionLocksWrites": locks}})
    first, second = start(rest), start(rest)
    new = {"name": "x", "subnet": "10.0.0.1/32"}
    assert rest.outcome("POST", ADDRESS, {"name": "y"}, **within(first)) == 200

    assert rest.outcome("POST", ADDRESS, new, **within(second)) == -160
    assert rest.outcome("POST", ADDRESS, new) == (-160 if locks else 200)
    assert rest.outcome("POST", "cmdb/firewall/address6", {"name": "x"}) == 200
    assert rest.outcome("POST", f"{ADDRESS}?vdom=dmz", new) == 200
    act(rest, "abort", first)
    assert rest.outcome("POST", ADDRESS, {**new, "name": "z"}, **within(second)) == 200


def test_a_write_that_names_no_vdom_goes_where_its_transaction_is(boot: Boot) -> None:
    _, rest = boot(managementVdom="dmz")
    number = start(rest)

    told = rest.ask("POST", ADDRESS, {"name": "x"}, **within(number))

    assert (told["status"], told["vdom"]) == ("success", "root")
    act(rest, "commit", number)
    assert "x" in rest.names("address", "&vdom=root")


def test_it_belongs_to_its_vdom(boot: Boot) -> None:
    _, rest = boot()
    number = start(rest)

    assert rest.outcome("POST", f"{ADDRESS}?vdom=dmz", {"name": "x"}, **within(number)) == -160
    assert rest.outcome("POST", ADDRESS, {"name": "x"}, headers={"X-TRANSACTION-ID": "x"}) == -160


@pytest.mark.parametrize(
    ("version", "start_", "show"), [("6.2.3", 400, 400), ("6.4.4", 200, 400), ("7.4.1", 200, 200)]
)
def test_releases(boot: Boot, version: str, start_: int, show: int) -> None:
    _, rest = boot(version=version)

    assert act(rest, "start")["http_status"] == start_
    queued = rest.ask("POST", ADDRESS, {"name": "x"}, **within(1))
    assert (queued["status"] == "success") == (start_ == 200)
    told = rest.ask("GET", "cmdb/?action=transaction-show&vdom=root&transaction-id=1")
    assert told["http_status"] == show
    if show == 200:
        assert 'edit "x"' in " ".join(told["results"][0]["commands"])
        listed = rest.get("cmdb?action=transaction-list&vdom=root")
        assert [row["transaction-id"] for row in listed] == [1]


def test_tables_may_not_support_it(boot: Boot) -> None:
    _, rest = boot(seed={"switches": {"unitTransactions": False}})
    number = start(rest)

    assert rest.outcome("POST", ADDRESS, {"name": "x"}, **within(number)) == -160


@pytest.mark.parametrize("timeout", [0, -1, "60", True, None])
def test_a_time_that_is_none(boot: Boot, timeout: Any) -> None:
    _, rest = boot()

    assert act(rest, "start", timeout=timeout)["http_status"] == 424
