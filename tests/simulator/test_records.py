"""Records of the device manager: what is accepted of a device, VDOM, ADOM or group is kept.

Forms: "How to FortiManager API" 007, 013 and 023; Ansible's `fmgr_dvmdb_*` modules; pyfortinet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmgsync.simulator import Simulator
from fmgsync.simulator.calls.records import DEVICE, GROUP
from fmgsync.simulator.schema.attributes import Kind
from tests.simulator.client import Client
from tests.simulator.conftest import small_seed

PROD = "/dvmdb/adom/prod"
DEVICES = f"{PROD}/device"


@pytest.fixture
def client(stack: Any) -> Client:
    """A super administrator, and nothing may be ignored."""
    unit = stack.enter_context(Simulator(small_seed(), strict=True))
    made = stack.enter_context(Client(unit))
    made.log_in("alice", "wonder")
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("method", "url", "name"),
    [
        ("set", f"{DEVICES}/east-1", None),
        ("update", f"{DEVICES}/east-1", None),
        ("update", f"{DEVICES}/east-1", "east-1"),
        ("set", DEVICES, "east-1"),
        ("update", DEVICES, "east-1"),
        ("update", "/dvmdb/device", "east-1"),
        ("set", "/dvmdb/device/east-1", None),
    ],
)
def test_a_device_is_written_at_its_own_url_or_by_name(
    client: Client, method: str, url: str, name: str | None
) -> None:
    record = {"latitude": "48.2", "longitude": "16.37", "desc": "Vienna", "hostname": "e1"}
    named = {"name": name} if name is not None else {}

    assert client.data(method, url, {**record, **named}) == {"name": "east-1"}
    shown = client.get(f"{DEVICES}/east-1")
    assert {member: shown[member] for member in record} == record
    assert shown["location_from"] == "json"  # "How to FortiManager API", 007
    assert client.code("update", DEVICES, {**record, "name": "ghost"}) == -3
    fields = ["latitude", "location_from"]
    [east_1, east_2] = client.get(DEVICES, fields=fields, loadsub=0)
    assert (east_1["latitude"], east_2["latitude"]) == ("48.2", "0.0")


def test_every_member_of_a_device_that_can_be_written_is_kept(client: Client) -> None:
    taken: dict[str, Any] = {}
    for name, known in DEVICE.attributes.items():
        if known.kind is Kind.TEXT:
            taken[name] = "some text"
        elif known.kind is Kind.INTEGER:
            taken[name] = 7
    for name in ("last_checked", "last_resync"):
        taken.pop(name)

    assert client.code("update", f"{DEVICES}/east-1", taken) == 0
    shown = client.get(f"{DEVICES}/east-1")
    secret = {"psk": ["ENC", "*"], "private_key": ["ENC", "*"]}
    assert {member: shown[member] for member in taken} == {**taken, **secret}
    assert len(client.get(f"{DEVICES}/east-2")) >= 84  # so many members are recorded


def test_a_record_can_be_written_back_as_it_was_read(client: Client) -> None:
    everything = ["extra info", "assignment info", "get meta"]
    for url in (f"{DEVICES}/east-1", PROD, f"{PROD}/group/East", f"{DEVICES}/east-1/vdom/dmz"):
        read = client.get(url, option=everything if "east-1" in url else ["get meta"])

        assert client.code("set", url, read) == 0, url
        again = client.get(url, option=everything if "east-1" in url else ["get meta"])
        assert {**again, "flags": None} == {**read, "flags": None}, url


def test_where_a_device_belongs_is_told_for_it_and_for_each_vdom(client: Client) -> None:
    assert (
        client.data("set", "/dvmdb/adom/other/object member", {"name": "east-1", "vdom": "dmz"})
        is None
    )
    [east_1, _] = client.get(
        "/dvmdb/device", fields=["name"], option=["extra info", "assignment info"]
    )

    assert east_1["extra info"] == {"adom": "prod"}
    assert [(v["name"], v["extra info"]) for v in east_1["vdom"]] == [
        ("root", {"adom": "prod"}),
        ("dmz", {"adom": "other"}),
    ]
    root = client.get("/dvmdb/device/east-1/vdom/root", option=["extra info", "assignment info"])
    assert root["extra info"] == {"adom": "prod"}
    assert root["assignment info"][0]["name"] == "edge/default"


def test_an_adom_keeps_what_it_was_made_with(client: Client) -> None:
    """ "How to FortiManager API", 013: `desc`, and changes at the ADOM's own url."""
    made = {"name": "new", "desc": "This is a new ADOM", "mr": 2, "os_ver": "7.0"}

    assert client.data("add", "/dvmdb/adom", made) == {"name": "new"}
    shown = client.get("/dvmdb/adom/new")
    assert {member: shown[member] for member in made} == made
    assert client.data("update", "/dvmdb/adom/new", {"desc": "old", "log_disk_quota": 9}) == {
        "name": "new"
    }
    assert (client.get("/dvmdb/adom/new")["desc"], client.code("update", "/dvmdb/adom/no", {})) == (
        "old",
        -3,
    )


def test_an_adom_without_devices_has_nothing_to_expand(client: Client) -> None:
    rows = client.get(
        "/dvmdb/adom", fields=["name"], expand_member=[{"url": "/device", "fields": ["name"]}]
    )

    expanded = {row["name"]: "expand member" in row for row in rows}
    assert expanded["prod"]
    assert not expanded["other"]


def test_a_group_keeps_its_record_and_takes_members_by_update(client: Client) -> None:
    record = {"name": "West", "desc": "over there", "cluster_type": "vwan", "id": "w"}

    assert client.code("add", f"{PROD}/group", record) == 0
    shown = client.get(f"{PROD}/group/West")
    assert {member: shown[member] for member in record} == record
    assert {"desc", "cluster_type", "id"} <= GROUP.attributes.keys()
    member = {"name": "east-2", "vdom": "root"}
    assert client.code("update", f"{PROD}/group/West/object member", member) == 0
    [found] = client.get(f"{PROD}/group/West/object member")
    assert (found["name"], found["vdom"]) == ("east-2", "root")


def test_a_vdom_is_added_changed_and_removed(client: Client) -> None:
    """Ansible's `fmgr_dvmdb_device_vdom`."""
    url = f"{DEVICES}/east-2/vdom"

    assert client.data("add", url, {"name": "lab", "comments": "new", "opmode": "transparent"}) == {
        "name": "lab"
    }
    assert client.code("add", url, {"name": "lab"}) == -2
    lab = client.get(f"{url}/lab")
    assert (lab["comments"], lab["opmode"], lab["devid"]) == ("new", "transparent", "east-2")
    assert client.get(f"{DEVICES}/east-2")["db_status"] == "mod"
    assert client.code("update", f"{url}/lab", {"comments": "used"}) == 0
    assert client.get(f"{url}/lab")["comments"] == "used"
    scope = {"name": "east-2", "vdom": "lab"}
    mapping = "/pm/config/adom/prod/obj/firewall/address/db/dynamic_mapping"
    assert client.code("add", mapping, {"_scope": [scope], "subnet": "10.7.0.1/32"}) == 0
    assert client.code("delete", f"{url}/lab") == 0
    assert client.code("get", f"{url}/lab") == -3
    assert client.code("delete", f"{url}/root") == -10


META: list[tuple[str, str]] = [
    ("/dvmdb/_meta_fields/device", f"{DEVICES}/east-1"),
    ("/dvmdb/_meta_fields/adom", PROD),
    ("/dvmdb/_meta_fields/group", f"{PROD}/group/East"),
    ("/dvmdb/_meta_fields/device/vdom", f"{DEVICES}/east-1/vdom/dmz"),
    ("/pm/config/_meta_fields/firewall/address", "/pm/config/adom/prod/obj/firewall/address/db"),
    (
        "/pm/config/_meta_fields/firewall/policy",
        "/pm/config/adom/prod/pkg/edge/default/firewall/policy/1",
    ),
]


@pytest.mark.parametrize(("table", "url"), META, ids=[table for table, _ in META])
def test_meta_fields_are_defined_set_and_read(client: Client, table: str, url: str) -> None:
    """ "How to FortiManager API", 023."""
    for name in ("owner", "ticket"):
        assert client.code("add", table, {"name": name, "length": 20, "importance": 1}) == 0
    assert client.code("add", table, {"name": "owner"}) == -2
    assert {"owner", "ticket"} <= {row["name"] for row in client.get(table)}
    assert client.get(f"{table}/owner")["importance"] == "required"

    assert client.code("set", url, {"meta fields": {"owner": "net"}}) == 0
    shown = client.get(url, option=["get meta"])["meta fields"]
    assert (shown["owner"], shown["ticket"]) == ("net", "")
    assert client.code("update", url, {"meta fields": {"ticket": "4711"}}) == 0
    shown = client.get(url, option=["get meta"])["meta fields"]
    assert (shown["owner"], shown["ticket"]) == ("net", "4711")

    assert client.code("delete", f"{table}/ticket") == 0
    assert client.code("get", f"{table}/ticket") == -3
    assert client.code("get", "/dvmdb/_meta_fields/nothing") == -6


def test_only_a_super_administrator_defines_meta_fields(
    start: Callable[..., tuple[Simulator, Client]],
) -> None:
    _, client = start()

    assert client.code("add", "/dvmdb/_meta_fields/device", {"name": "owner"}) == -11
