"""Whatever is asked, a FortiGate answers in its own way: nothing breaks, nothing is half done."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from fmgsync.clock import ManualClock
from fmgsync.simulator import Simulator
from fmgsync.simulator.fortigate import fortios
from fmgsync.simulator.fortigate.ask import UNREADABLE, Ask
from fmgsync.simulator.fortigate.monitors import MONITORS
from tests.simulator.fortigate.conftest import unit

NAMES = ("db", "legacy", "all", "x", "a/b", "", "..", "ghost", "a" * 90, "1", "-1", "é")
TABLES = ("address", "address6", "addrgrp", "addrgrp6", "policy", "policy6", "vip", "nonsense")
MEMBERS = (
    "name", "subnet", "ip6", "type", "member", "comment", "color", "start-ip", "end-ip", "exclude",
    "exclude-member", "fqdn", "policyid", "srcaddr", "schedule", "tagging", "macaddr", "nonsense",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 10**30, 1.5, "", "x", "10.0.0.1/32", "2001:db8::/64", "iprange", [], {},
    [{}], [{"name": "db"}], [{"name": None}], [None], ["db"], [{"name": ["x"]}], [[1]],
)  # fmt: skip
QUERIES = (
    "vdom=root", "vdom=*", "vdom=dmz,root", "vdom=", "vdom=no", "filter=name==db", "filter==",
    "format=name|", "format=|", "start=-1", "start=3", "count=2", "count=x", "key=name&pattern=d",
    "with_meta=1", "with_contents_hash=1", "exclude-default-values=1", "action=schema",
    "action=default", "action=clone&nkey=z", "action=nonsense", "%zz=%", "global=1",
    *(f"action=transaction-{what}" for what in ("start", "list", "show", "commit", "abort")),
)  # fmt: skip


def url_of(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.1:
        path = "cmdb"
    elif kind < 0.2:
        path = "monitor/" + "/".join(chance.choice(list(MONITORS)))
    elif kind < 0.3:
        path = f"cmdb/system/{chance.choice(['global', 'ha', 'vdom', 'vdom-property/root'])}"
    elif kind < 0.5:
        list_ = chance.choice(["member", "exclude-member", "comment", "tagging"])
        path = f"cmdb/firewall/addrgrp/legacy/{list_}{chance.choice(['', '/db', '/ghost'])}"
    else:
        steps = [quote(chance.choice(NAMES), safe="") for _ in range(chance.randint(0, 3))]
        path = "/".join(["cmdb", "firewall", chance.choice(TABLES), *steps])
    query = "&".join(chance.choice(QUERIES) for _ in range(chance.randint(0, 3)))
    return f"/api/v2/{path}?{query}"


def body_of(chance: random.Random) -> Any:
    record = {chance.choice(MEMBERS): chance.choice(VALUES) for _ in range(chance.randint(0, 4))}
    named = {**record, "name": chance.choice(NAMES)}
    odd = [None, UNREADABLE, [], "x", [named], {"json": record}, {"timeout": chance.choice(VALUES)}]
    return chance.choice([record, named, named, *odd, {"transaction-id": chance.choice(VALUES)}])


@pytest.mark.parametrize("seed", range(4))
def test_nothing_breaks_it(seed: int) -> None:
    chance = random.Random(seed)
    version = chance.choice(["6.2.3", "6.4.4", "7.2.5", "7.6.2"])
    seeded = {"fortigates": [unit(version=version)], "switches": {"unitTakesLists": seed % 2 == 1}}
    world = Simulator(seeded, clock=ManualClock().now).world
    world.ignored.follow = lambda *_: None
    device = world.units()["branch"]
    for _ in range(150):
        method = chance.choice(["GET", "POST", "PUT", "DELETE", "PATCH"])
        number = chance.choice([None, None, "1", "x", "²"])
        ask = Ask(method, url_of(chance), body_of(chance), transaction=number)
        answer = fortios.request(world, device, ask)
        told = answer.body if isinstance(answer.body, list) else [answer.body]
        assert msgspec.json.encode(told)
        for one in told:
            good = one["status"] == "success"
            assert good == (one.get("http_status", 200) == 200), (ask, one)
            assert one.get("error", -1) < 0
    names = {str(key) for key, _ in device.vdoms["root"].running_table("firewall address")}
    for _, group in device.vdoms["root"].running_table("firewall addrgrp"):
        groups = {str(key) for key, _ in device.vdoms["root"].running_table("firewall addrgrp")}
        assert set(group.attrs.get("member", ())) <= names | groups
