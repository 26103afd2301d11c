"""Who may ask a FortiGate, from where, and for what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmgsync.clock import ManualClock
from fmgsync.simulator import Simulator
from tests.simulator.fortigate.conftest import Rest

Boot = Callable[..., tuple[Simulator, Rest]]
STATUS = "monitor/system/status"
ADDRESS, POLICY = "cmdb/firewall/address", "cmdb/firewall/policy"


def status_of(rest: Rest, path: str, method: str = "GET", **more: Any) -> int:
    rest.last = rest.http.request(method, f"{rest.base}/api/v2/{path}", timeout=30, **more)
    return rest.last.status_code


@pytest.mark.parametrize(
    ("version", "taken"),
    [("6.4.4", True), ("7.4.4", True), ("7.4.5", False), ("7.6.0", True), ("7.6.1", False)],
)
def test_a_key_in_the_url_goes_by_release(boot: Boot, version: str, taken: bool) -> None:
    simulator, rest = boot(version=version)
    del rest.http.headers["Authorization"]

    assert status_of(rest, f"{STATUS}?access_token=k3y") == (200 if taken else 401)
    assert "k3y" not in str(simulator.requests.since())


def test_without_a_valid_key_the_answer_is_a_page(boot: Boot) -> None:
    _, rest = boot()
    rest.http.headers["Authorization"] = "Bearer wrong"

    assert status_of(rest, STATUS) == 401
    assert rest.last.headers["Content-Type"] == "text/html"
    assert "401 Authorization Required" in rest.last.text


@pytest.mark.parametrize(
    ("hosts", "answer"),
    [([], 200), (["127.0.0.0/8"], 200), (["10.0.0.0/8"], 401), (["10.0.0.1", "127.0.0.1"], 200)],
)
def test_trusted_hosts(boot: Boot, hosts: list[str], answer: int) -> None:
    _, rest = boot(apiUsers=[{"name": "a", "key": "k3y", "trustHosts": hosts}])

    assert status_of(rest, STATUS) == answer


def test_keys_are_replaced_and_end(boot: Boot, clock: ManualClock) -> None:
    users = [{"name": "a", "key": "k3y"}, {"name": "b", "key": "short", "expiresInSeconds": 60}]
    simulator, rest = boot(apiUsers=users)
    other = Rest(simulator, key="short")

    assert status_of(other, STATUS) == 200
    clock.sleep(60)
    assert status_of(other, STATUS) == 401
    simulator.fortigate("branch").rotate_key("a", "new")
    assert status_of(rest, STATUS) == 401
    rest.http.headers["Authorization"] = "Bearer new"
    assert status_of(rest, STATUS) == 200


def test_many_wrong_keys_block_the_source_for_a_minute(boot: Boot, clock: ManualClock) -> None:
    simulator, rest = boot()
    thief = Rest(simulator, key="guess")

    found = [status_of(thief, STATUS) for _ in range(11)]

    assert found == [401] * 10 + [429]
    assert status_of(rest, STATUS) == 429
    clock.sleep(int(rest.last.headers["Retry-After"]) + 1)
    assert status_of(rest, STATUS) == 200


def test_requests_per_second_are_limited(boot: Boot, clock: ManualClock) -> None:
    _, rest = boot(seed={"switches": {"unitRequestsPerSecond": 3}})

    assert [status_of(rest, STATUS) for _ in range(4)] == [200, 200, 200, 429]
    assert rest.last.headers["Retry-After"] == "1"
    clock.sleep(1)
    assert status_of(rest, STATUS) == 200


RIGHTS = {
    "minimal": {(ADDRESS, "GET"): 200, (ADDRESS, "POST"): 200, (POLICY, "GET"): 403},
    "advised": {(POLICY, "GET"): 200, (POLICY, "POST"): 403, ("cmdb/system/vdom", "GET"): 200},
    "read-only": {(ADDRESS, "GET"): 200, (ADDRESS, "POST"): 403, (POLICY, "GET"): 200},
    "super_admin": {(ADDRESS, "POST"): 200, (POLICY, "POST"): 200},
}
MONITORS = {
    "system/status": "any",
    "license/status": "any",
    "system/object/usage?q_path=firewall&q_name=addrgrp&mkey=legacy": "any",
    "firewall/address-dynamic": "address",
    "system/central-management/status": "cfg",
    "system/config-revision": "cfg",
    "system/ha-checksums": "cfg",
    "system/ha-peer": "cfg",
    "system/global-resources": "cfg",
    "firewall/policy": "policy",
}


@pytest.mark.parametrize("profile", RIGHTS)
def test_profiles_open_tables(boot: Boot, profile: str) -> None:
    _, rest = boot(apiUsers=[{"name": "a", "key": "k3y", "profile": profile}])
    bodies = {
        ADDRESS: {"name": "new", "subnet": "10.0.0.1/32"},
        POLICY: {"srcaddr": [{"name": "legacy"}], "dstaddr": [{"name": "all"}]},
    }

    for (path, method), expected in RIGHTS[profile].items():
        body = bodies.get(path) if method == "POST" else None
        assert status_of(rest, path, method, json=body) == expected, (path, method)


@pytest.mark.parametrize(
    ("profile", "groups"),
    [("minimal", {"any", "address"}), ("advised", {"any", "address", "cfg", "policy"})],
)
def test_profiles_open_monitors(boot: Boot, profile: str, groups: set[str]) -> None:
    _, rest = boot(version="7.6.2", apiUsers=[{"name": "a", "key": "k3y", "profile": profile}])

    for path, group in MONITORS.items():
        assert status_of(rest, f"monitor/{path}") == (200 if group in groups else 403), path
        answer = rest.last.json()
        assert ("http_status" in answer) == (group not in groups)


def test_a_missing_right_may_shrink_an_answer_instead(boot: Boot) -> None:
    simulator, rest = boot(seed={"switches": {"missingRightShrinks": True}})

    assert rest.get(POLICY) == []
    assert set(rest.get("cmdb/system/ha")) == {"ha-mgmt-interfaces"}
    assert len(Rest(simulator, key="wonder").get(POLICY)) == 1


def test_a_key_sees_its_vdoms(boot: Boot) -> None:
    _, rest = boot(apiUsers=[{"name": "a", "key": "k3y", "vdoms": ["dmz"]}])

    assert rest.outcome("GET", f"{ADDRESS}?vdom=dmz") == 200
    assert rest.outcome("GET", f"{ADDRESS}?vdom=root") == 403
    assert rest.outcome("DELETE", f"{ADDRESS}/spare") == 403
    assert [one["vdom"] for one in rest.ask("GET", f"{ADDRESS}?vdom=*")] == ["dmz"]


def test_who_only_reads_opens_no_transaction(boot: Boot) -> None:
    _, rest = boot(apiUsers=[{"name": "a", "key": "k3y", "profile": "read-only"}])

    assert status_of(rest, "cmdb?action=transaction-start", "POST", json={}) == 403


@pytest.mark.parametrize(
    ("method", "path", "version", "answer"),
    [
        ("GET", "/logincheck", "7.2.3", 200),
        ("GET", "/logincheck", "7.2.4", 302),
        ("POST", "/logincheck", "7.4.5", 200),
        ("POST", "/logout", "7.4.5", 200),
        ("GET", "/", "7.4.5", 404),
        ("GET", "/api/v2", "7.4.5", 404),
        ("GET", "/api/v1/x", "7.4.5", 404),
    ],
)
def test_pages_beside_the_api(
    boot: Boot, method: str, path: str, version: str, answer: int
) -> None:
    _, rest = boot(version=version)

    found = rest.http.request(method, f"{rest.base}{path}", allow_redirects=False, timeout=30)

    assert found.status_code == answer
    if method == "POST" and path == "/logincheck":
        assert found.text == "0"


@pytest.mark.parametrize(
    ("body", "answer"),
    [(b"{", 424), (b"null", 500), (b"", 500), (b"[]", 424), (b'"x"', 424), (b"\xff", 424)],
)
def test_bodies(boot: Boot, body: bytes, answer: int) -> None:
    _, rest = boot()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}

    assert status_of(rest, ADDRESS, "POST", data=body, headers=kind) == answer
    assert status_of(rest, f"{ADDRESS}/spare", "DELETE", data=b"null", headers=kind) == 200


def test_a_body_has_its_limit(boot: Boot) -> None:
    _, rest = boot(seed={"switches": {"unitMaxBody": 1000}})

    assert status_of(rest, ADDRESS, "POST", data=b" " * 1001) == 413
