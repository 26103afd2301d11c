"""What clients ask beside reading and writing addresses: orders, links, feeds, packets, load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmgsync.simulator import Simulator
from tests.simulator.conftest import small_seed
from tests.simulator.fortigate.conftest import Rest

Boot = Callable[..., tuple[Simulator, Rest]]
ADDRESS, GROUP, POLICY = "cmdb/firewall/address", "cmdb/firewall/addrgrp", "cmdb/firewall/policy"
FEED, PUSH = "cmdb/system/external-resource", "monitor/system/external-resource/dynamic"
ROOT = [{"name": "alice", "key": "k3y", "profile": "super_admin"}]


def policies(rest: Rest) -> list[int]:
    return [row["policyid"] for row in rest.get(f"{POLICY}?format=policyid")]


def add_policies(rest: Rest, *names: str, **more: Any) -> None:
    both = {"srcaddr": [{"name": "all"}], "dstaddr": [{"name": "all"}]}
    anywhere = {"srcintf": [{"name": "any"}], "dstintf": [{"name": "any"}]}
    fixed = {"service": [{"name": "ALL"}], "schedule": "always", "action": "accept"}
    for name in names:
        assert (
            rest.outcome("POST", POLICY, {"name": name, **both, **anywhere, **fixed, **more}) == 200
        )


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("sort=name,desc", ["spare", "db"]),
        ("sort=name,asc", ["db", "spare"]),
        ("sort=name", ["db", "spare"]),
        ("sort=subnet,desc", ["spare", "db"]),
        ("sort=comment,desc&sort=name,asc", ["db", "spare"]),
        ("sort=name,desc&start=1&count=1", ["db"]),
        ("sort=name,desc&skip=1&scope=vdom", ["spare", "db"]),
        ("scope=both", ["db", "spare"]),
        ("scope=global", []),
    ],
)
def test_rows_come_in_the_order_that_is_wished(boot: Boot, query: str, names: list[str]) -> None:
    simulator, rest = boot()

    found = rest.names("address", f"&{query}&filter=name==db,name==spare")

    assert found == names
    assert not simulator.world.ignored.total


@pytest.mark.parametrize("query", ["sort=name,up", "scope=moon", "count=x", "filter=name"])
def test_what_no_read_can_mean_is_refused(boot: Boot, query: str) -> None:
    _, rest = boot()

    assert rest.outcome("GET", f"{ADDRESS}?{query}") == 400


def test_members_tell_their_table_where_that_is_asked(boot: Boot) -> None:
    _, rest = boot()
    rest.ask("POST", GROUP, {"name": "outer", "member": [{"name": "legacy"}, {"name": "spare"}]})

    [row] = rest.get(f"{GROUP}/outer?datasource=1")
    [plain] = rest.get(f"{GROUP}/outer")

    assert {m["name"]: m["datasource"] for m in row["member"]} == {
        "legacy": "firewall.addrgrp",
        "spare": "firewall.address",
    }
    assert not any("datasource" in member for member in plain["member"])


@pytest.mark.parametrize(
    ("move", "order"),
    [
        ("3?action=move&before=1", [3, 1, 2]),
        ("1?action=move&after=3", [2, 3, 1]),
        ("1?action=move&after=2", [2, 1, 3]),
        ("2?action=move&before=3", [1, 2, 3]),
        ("2?action=move&before=2", [1, 2, 3]),
    ],
)
def test_policies_are_moved(boot: Boot, move: str, order: list[int]) -> None:
    _, rest = boot(apiUsers=ROOT)
    add_policies(rest, "p2", "p3")
    before = rest.ask("GET", POLICY)["revision"]

    answer = rest.ask("PUT", f"{POLICY}/{move}")

    assert answer["status"] == "success"
    assert answer["mkey"] == int(move[0])
    assert policies(rest) == order
    assert answer["revision_changed"] == (order != [1, 2, 3])
    assert (rest.ask("GET", POLICY)["revision"] != before) == (order != [1, 2, 3])
    add_policies(rest, "p4")
    assert policies(rest) == [*order, 4]
    assert rest.outcome("DELETE", f"{POLICY}/2") == 200
    assert policies(rest) == [*(one for one in order if one != 2), 4]


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        (f"{POLICY}/1?action=move", 400),
        (f"{POLICY}/1?action=move&before=1&after=1", 400),
        (f"{POLICY}/9?action=move&before=1", 404),
        (f"{POLICY}/1?action=move&before=9", -3),
        (f"{POLICY}?action=move&before=1", 400),
        (f"{ADDRESS}/db?action=move&before=spare", 400),
    ],
)
def test_moves_that_cannot_be(boot: Boot, path: str, outcome: int) -> None:
    _, rest = boot(apiUsers=ROOT)

    assert rest.outcome("PUT", path) == outcome
    assert policies(rest) == [1]


def test_who_may_not_write_policies_moves_none(boot: Boot) -> None:
    _, rest = boot()

    assert rest.outcome("PUT", f"{POLICY}/1?action=move&before=1") == 403


def packet(**more: Any) -> str:
    asked = {"srcintf": "port1", "protocol": "6", "sourceip": "10.9.0.1", "dest": "192.0.2.9"}
    asked |= {"destport": "443", **more}
    return "monitor/firewall/policy-lookup?" + "&".join(f"{k}={v}" for k, v in asked.items())


@pytest.mark.parametrize(
    ("more", "policy"),
    [
        ({}, 1),  # through a group
        ({"sourceip": "10.9.0.2"}, 2),
        ({"sourceip": "10.9.0.2", "destport": "80"}, None),
        ({"sourceip": "10.9.0.2", "protocol": "udp"}, None),
        ({"sourceip": "10.9.0.2", "protocol": "tcp"}, 2),
        ({"protocol": "icmp", "destport": "", "icmptype": "8"}, 1),
        ({"sourceip": "2001:db8::1", "dest": "2001:db8::2"}, None),
        ({"sourceip": "10.9.0.1", "dest": "2001:db8::2"}, None),
        ({"srcintf": "vl_lan"}, None),
        ({"srcintf": "any"}, None),
        ({"sourceip": ""}, None),
        ({"dest": "web.example"}, None),
        ({"protocol": "x"}, 1),
    ],
)
def test_a_packet_meets_the_first_policy_that_fits(
    boot: Boot, more: dict[str, str], policy: int | None
) -> None:
    _, rest = boot(apiUsers=ROOT)
    add_policies(rest, "https", service=[{"name": "Web Access"}], srcintf=[{"name": "port1"}])
    add_policies(rest, "off", status="disable")
    rest.ask("PUT", "cmdb/firewall.service/group/Web Access", {"member": [{"name": "HTTPS"}]})

    found = rest.get(packet(**more))

    assert found == (
        {"success": False} if policy is None else {"success": True, "policy_id": policy}
    )


def test_a_negated_source_is_everybody_else(boot: Boot) -> None:
    _, rest = boot(apiUsers=ROOT)
    rest.ask("PUT", f"{POLICY}/1", {"srcaddr-negate": "enable"})

    assert rest.get(packet()) == {"success": False}
    assert rest.get(packet(sourceip="10.9.0.2"))["policy_id"] == 1


def feed(rest: Rest, name: str = "feed", **more: Any) -> None:
    body = {"name": name, "type": "address", "update-method": "push", **more}
    assert rest.outcome("POST", FEED, body) == 200


def push(rest: Rest, command: str, *lines: str, name: str = "feed") -> int:
    rest.ask("POST", PUSH, {"commands": [{"name": name, "command": command, "entries": lines}]})
    return rest.last.status_code


def held(rest: Rest, more: str = "") -> dict[str, bool]:
    found = rest.get(f"monitor/system/external-resource/entry-list?mkey=feed{more}")
    rows = {row["entry"]: row["valid"] for row in found["entries"]}
    if not more:
        assert found["valid_count"] == sum(rows.values())
        assert found["valid_count"] + found["invalid_count"] == len(rows)
    return rows


def test_what_is_pushed_is_what_a_feed_holds(boot: Boot) -> None:
    _, rest = boot(apiUsers=ROOT, version="7.4.2")
    feed(rest)
    assert held(rest) == {}

    assert push(rest, "snapshot", "10.0.0.1", "10.0.0.9/24", "10.1.0.1-10.1.0.9") == 200
    assert push(rest, "add", "2001:db8::1/64", "10.0.0.1", "10.0.0.9-10.0.0.1", "web") == 200
    assert push(rest, "remove", "10.0.0.9/24", "10.0.0.77") == 200

    assert held(rest) == {
        "10.0.0.1": True,
        "10.1.0.1-10.1.0.9": True,
        "2001:db8::1/64": True,
        "10.0.0.9-10.0.0.1": False,
        "web": False,
    }
    assert list(held(rest, "&count=1")) == ["10.0.0.1"]
    assert push(rest, "snapshot") == 200
    assert held(rest) == {}


@pytest.mark.parametrize(
    ("commands", "status"),
    [
        ([], 424),
        ("all", 424),
        ([{"name": "feed", "command": "add", "entries": "10.0.0.1"}], 424),
        ([{"name": "feed", "command": "add", "entries": [1]}], 424),
        ([{"name": "ghost", "command": "add", "entries": []}], 404),
        ([{"name": "feed", "command": "replace", "entries": []}], 400),
        ([{"name": "fetched", "command": "add", "entries": ["10.0.0.2"]}], 400),
    ],
)
def test_a_push_that_cannot_be_changes_nothing(boot: Boot, commands: Any, status: int) -> None:
    _, rest = boot(apiUsers=ROOT)
    feed(rest)
    feed(rest, "fetched", **{"update-method": "feed", "resource": "https://feeds.example/list"})
    push(rest, "snapshot", "10.0.0.1")
    good = [{"name": "feed", "command": "add", "entries": ["10.0.0.5"]}]
    body = {"commands": good + commands if isinstance(commands, list) and commands else commands}

    rest.ask("POST", PUSH, body)

    assert rest.last.status_code == status
    assert held(rest) == {"10.0.0.1": True}


def test_feeds_are_for_those_who_have_the_right(boot: Boot) -> None:
    _, rest = boot()

    for path in (FEED, "monitor/system/external-resource/entry-list?mkey=feed"):
        rest.ask("GET", path)
        assert rest.last.status_code == 403
    assert push(rest, "add", "10.0.0.1") == 403


def test_the_password_of_a_feed_is_not_shown(boot: Boot) -> None:
    _, rest = boot(apiUsers=ROOT)
    feed(rest, password="hush", username="reader")

    [row] = rest.get(f"{FEED}/feed")

    assert row["username"] == "reader"
    assert "hush" not in rest.last.text


def test_a_feed_has_the_members_of_its_release(boot: Boot) -> None:
    _, rest = boot(apiUsers=ROOT, version="7.0.5")
    assert rest.outcome("POST", FEED, {"name": "feed", "type": "address"}) == 200

    [row] = rest.get(f"{FEED}/feed")

    assert "update-method" not in row
    assert "resource" in row
    assert push(rest, "add", "10.0.0.1") == 404


def test_dynamic_addresses_are_what_clearpass_says(boot: Boot) -> None:
    """As far as the minimal profile reaches: it is the one dynamic way that is open to it."""
    simulator, rest = boot()
    dynamic = {"type": "dynamic", "sub-type": "clearpass-spt", "clearpass-spt": "quarantine"}
    assert rest.outcome("POST", ADDRESS, {"name": "sick", **dynamic}) == 200
    assert rest.outcome("POST", ADDRESS, {"name": "cloud", "type": "dynamic"}) == 200
    body = {"endpoint_ip": ["10.3.0.1", "10.3.0.2"], "spt": "quarantine"}
    assert rest.ask("POST", "monitor/firewall/clearpass-address/add", body)["status"] == "success"
    other = {"endpoint_ip": ["10.3.0.2"], "spt": "healthy"}
    rest.ask("POST", "monitor/firewall/clearpass-address/add", other)

    found = rest.get("monitor/firewall/address-dynamic")

    assert found["sick"] == {"addrs": ["10.3.0.1"], "addrs_count": 1, "subtype": "clearpass-spt"}
    assert found["cloud"] == {"addrs": [], "addrs_count": 0, "subtype": "sdn"}
    assert set(rest.get("monitor/firewall/address-dynamic?mkey=sick")) == {"sick"}
    simulator.fortigate("branch").restart()
    assert rest.get("monitor/firewall/address-dynamic?mkey=sick")["sick"]["addrs"] == []


def test_load_and_ports_of_an_idle_unit(boot: Boot) -> None:
    _, rest = boot(apiUsers=ROOT)

    ports = rest.get("monitor/system/interface/select?vdom=root&include_vlan=true")
    usage = rest.get("monitor/system/resource/usage?interval=1-min&scope=global")

    assert set(ports) == {f"port{number}" for number in range(1, 11)}
    assert [name for name, port in ports.items() if port["link"]] == ["port1"]
    assert rest.get("monitor/system/interface?vdom=dmz") == {}
    assert set(usage["cpu"][0]["historical"]) == {"1-min"}
    assert set(rest.get("monitor/system/resource/usage?resource=mem")) == {"mem"}


def test_administrators_and_their_profiles_are_shown_without_keys(boot: Boot) -> None:
    users = [
        {"name": "alice", "key": "k3y", "profile": "super_admin"},
        {"name": "bob", "key": "s3cret", "vdoms": ["dmz"], "trustHosts": ["10.0.0.0/8"]},
    ]
    _, rest = boot(apiUsers=users)

    [row] = rest.get("cmdb/system/api-user/bob")
    [minimal] = rest.get(f"cmdb/system/accprofile/{row['accprofile']}")

    assert [vdom["name"] for vdom in row["vdom"]] == ["dmz"]
    assert row["trusthost"][0]["ipv4-trusthost"] == "10.0.0.0 255.0.0.0"
    assert minimal["fwgrp"] == "custom"
    assert minimal["fwgrp-permission"]["address"] == "read-write"
    assert minimal["fwgrp-permission"]["policy"] == minimal["sysgrp"] == "none"
    rest.ask("GET", "cmdb/system/api-user")
    assert "s3cret" not in rest.last.text
    assert "k3y" not in rest.last.text


def test_a_move_on_a_managed_unit_is_noticed_by_its_fortimanager(boot: Boot) -> None:
    users = [{"name": "a", "key": "k3y", "profile": "super_admin"}]
    seed = small_seed(fortigates=[{"name": "east-1", "apiUsers": users}])
    simulator, rest = boot(seed=seed)
    console = simulator.console("alice")
    add_policies(rest, "one", "two")
    simulator.fortigate("east-1").retrieve()

    def status() -> str:
        device = console.get("/dvmdb/adom/prod/device/east-1", fields=["conf_status"])
        return str(device["conf_status"])

    assert status() == "insync"
    first, *_, last = before = policies(rest)
    assert rest.outcome("PUT", f"{POLICY}/{last}?action=move&before={first}") == 200
    assert status() == "outofsync"
    back = f"{POLICY}/{last}?action=move&after={before[-2]}"
    assert rest.outcome("PUT", back) == 200
    assert (status(), policies(rest)) == ("insync", before)
    assert rest.outcome("PUT", f"{POLICY}/{last}?action=move&before={first}") == 200
    simulator.fortigate("east-1").retrieve()
    assert (status(), policies(rest)[0]) == ("insync", last)
    assert rest.outcome("PUT", back) == 200
    assert (status(), policies(rest)) == ("outofsync", before)
