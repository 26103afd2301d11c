"""A recording against the simulator: no difference to itself, and every switch is found out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from fmgsync.cli.cassette_compare import held, simulated, switches
from fmgsync.clock import ManualClock
from fmgsync.model.target import DeviceVdom
from fmgsync.recording import compare, seeding, semantics, suite, taking
from fmgsync.recording.adapter import Recording
from fmgsync.recording.binding import Binding
from fmgsync.recording.cassette import Exchange
from fmgsync.recording.compare import Comparison
from fmgsync.recording.jsonrpc import MISSING, Result
from fmgsync.recording.taking import Wishes
from fmgsync.simulator import Simulator
from tests.recording.client import Client
from tests.recording.exchanges import exchange, login
from tests.recording.lab import TWO, lab_on, seed

WISHES = Wishes(source="the simulator", now="2026-11-01T00:00:00Z")


def recorded_suite(
    *names: str,
    install_on: DeviceVdom | None = None,
    online: bool = True,
    unit: dict[str, Any] | None = None,
) -> list[Exchange]:
    """What the scenarios record on a simulator with this seed, scrubbed as on disk."""
    rows = seed(**({"workspaceMode": "normal"} | (unit or {})))
    rows["adoms"][0]["devices"][1]["online"] = online
    clock, recording = ManualClock(), Recording()
    with (
        Simulator(rows, clock=clock.now) as simulator,
        lab_on(simulator, install_on=install_on, recording=recording, clock=clock) as lab,
    ):
        chosen = suite.chosen(names, may_install=install_on is not None)
        suite.run(lab, chosen, lambda text: None)
    return [one for made in taking.cassettes(recording, WISHES) for one in made.exchanges]


@dataclasses.dataclass(frozen=True)
class Unit:
    host: str
    secrets: tuple[str, ...] = ("lab-password",)


def recorded(
    talk: Callable[[Client, ManualClock], None], unit: dict[str, Any] | None = None
) -> list[Exchange]:
    """What a client says to a simulator with this seed."""
    clock, recording = ManualClock(), Recording()
    with Simulator(seed(**(unit or {})), clock=clock.now) as simulator:
        adapter = recording.adapter(Unit(simulator.host))
        with Client(simulator.url, simulator.ca_file, adapter) as client:
            client.login("lab", "lab-password")
            client.ask(
                "get",
                {"url": "/dvmdb/adom/lab/device"},
                {"url": "/pm/pkg/adom/lab"},
                {"url": "/pm/config/adom/lab/pkg/folder/edge/firewall/policy"},
                {"url": "/pm/config/adom/lab/_package/status"},
                {"url": "/pm/config/adom/lab/obj/firewall/addrgrp/their-group"},
                {"url": "/pm/config/adom/lab/obj/firewall/address/theirs"},
            )
            talk(client, clock)
    return [one for made in taking.cassettes(recording, WISHES) for one in made.exchanges]


def compared(exchanges: list[Exchange], **changes: Any) -> Comparison:
    return compare.compare(exchanges, simulated, switches(), changes=changes, held=held())


def finish(client: Client, clock: ManualClock, answer: Any) -> None:
    """Let a task end, and look at it."""
    number = next(iter(answer["result"][0]["data"].values()))
    clock.sleep(60)
    client.ask("get", {"url": f"/task/task/{number}"})


def fill_and_install(client: Client, clock: ManualClock) -> None:
    """An administrator's policy needs a group of six, which is then installed."""
    fill(client)
    install(client, clock)


def fill_preview_and_install(client: Client, clock: ManualClock) -> None:
    """The same, with a look beforehand at what would be installed."""
    fill(client)
    install(client, clock, "preview")
    install(client, clock)


def fill(client: Client) -> None:
    obj = "/pm/config/adom/lab/obj/firewall"
    rows = [{"name": f"m{n}", "subnet": f"198.51.100.{n}/32"} for n in range(6)]
    client.ask("add", {"url": f"{obj}/address", "data": rows})
    members = [row["name"] for row in rows]
    client.ask("add", {"url": f"{obj}/addrgrp", "data": {"name": "six", "member": members}})
    policy = {
        "srcaddr": ["six"], "dstaddr": ["all"], "srcintf": ["any"], "dstintf": ["any"],
        "service": ["ALL"], "schedule": ["always"], "action": "accept",
    }  # fmt: skip
    url = "/pm/config/adom/lab/pkg/folder/edge/firewall/policy"
    client.ask("add", {"url": url, "data": policy})


def install(client: Client, clock: ManualClock, *flags: str) -> None:
    scope = [{"name": "fgt-1", "vdom": "root"}]
    data = {"adom": "lab", "pkg": "folder/edge", "scope": scope, "flags": list(flags)}
    asked = {"url": "/securityconsole/install/package", "data": data}
    finish(client, clock, client.ask("exec", asked))


def copy_and_retrieve(client: Client, clock: ManualClock) -> None:
    """FortiManager's copy of the device is ahead, and is then read anew from the device."""
    url = "/pm/config/adom/lab/obj/firewall/address/theirs"
    client.ask("set", {"url": url, "data": {"subnet": "198.51.100.1/32"}})
    scope = [{"name": "fgt-1", "vdom": "root"}]
    data = {"adom": "lab", "pkg": "folder/edge", "scope": scope, "flags": ["copy_only"]}
    install = {"url": "/securityconsole/install/package", "data": data}
    finish(client, clock, client.ask("exec", install))
    update = {"url": "/dvm/cmd/update/device", "data": {"adom": "lab", "device": "fgt-1"}}
    finish(client, clock, client.ask("exec", update))
    client.ask("get", {"url": "/pm/config/adom/lab/_package/status"})


def change_on_device(client: Client, clock: ManualClock) -> None:
    """Somebody changes a group on the device itself; then its package status is read."""
    data = {
        "action": "put",
        "resource": "/api/v2/cmdb/firewall/addrgrp/their-group?vdom=root",
        "target": ["adom/lab/device/fgt-1"],
        "payload": {"member": [{"name": "none"}]},
    }
    client.ask("exec", {"url": "/sys/proxy/json", "data": data})
    url = "/pm/config/adom/lab/obj/firewall/address"
    client.ask("add", {"url": url, "data": {"name": "unused", "subnet": "198.51.100.1/32"}})
    client.ask("get", {"url": "/pm/config/adom/lab/_package/status"})


def read_global_settings(client: Client, clock: ManualClock) -> None:
    client.ask("get", {"url": "/cli/global/system/global"})


def rename_used(client: Client, clock: ManualClock) -> None:
    obj = "/pm/config/adom/lab/obj/firewall"
    client.ask("add", {"url": f"{obj}/address", "data": {"name": "a", "subnet": "192.0.2.1/32"}})
    client.ask("add", {"url": f"{obj}/addrgrp", "data": {"name": "g", "member": ["a"]}})
    client.ask("update", {"url": f"{obj}/address/a", "data": {"name": "b"}})
    client.ask("get", {"url": f"{obj}/addrgrp/g"})


FLIPPED: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any]], list[Exchange]]]] = {
    "partialInstall": (
        {"partialInstall": False},
        lambda unit: recorded_suite("partial", unit=unit),
    ),
    "partialInstallRefusal": (
        {"partialInstall": False, "partialInstallRefusal": -11},
        lambda unit: recorded_suite("partial", unit=unit),
    ),
    "parentWriteKeepsMappings": (
        {"parentWriteKeepsMappings": True},
        lambda unit: recorded_suite("complete-set", unit=unit),
    ),
    "acceptUnknownScope": (
        {"acceptUnknownScope": True},
        lambda unit: recorded_suite("scopes", unit=unit),
    ),
    "listWritesAllOrNothing": (
        {"listWritesAllOrNothing": True},
        lambda unit: recorded_suite("lists", unit=unit),
    ),
    "stopAtFirstError": (
        {"stopAtFirstError": True},
        lambda unit: recorded_suite("params", unit=unit),
    ),
    "commitAnswersTask": (
        {"commitAnswersTask": True},
        lambda unit: recorded_suite("commits", unit=unit),
    ),
    "unreachableInstallFails": (
        {"unreachableInstallFails": True},
        lambda unit: recorded_suite("install", install_on=TWO, online=False, unit=unit),
    ),
    "failedPushStatus": (
        {"unreachableInstallFails": True, "failedPushStatus": "conflict"},
        lambda unit: recorded_suite("install", install_on=TWO, online=False, unit=unit),
    ),
    "secondInstallFails": (
        {"secondInstallFails": True},
        lambda unit: recorded_suite("two-installs", install_on=TWO, unit=unit),
    ),
    "autoPush": ({"autoPush": True}, lambda unit: recorded_suite("unit", unit=unit)),
    "workspaceUnlockAfterInstall": (
        {"workspaceUnlockAfterInstall": True},
        lambda unit: recorded(read_global_settings, unit),
    ),
    "perPolicyLock": ({"perPolicyLock": True}, lambda unit: recorded(read_global_settings, unit)),
    "statedMemberLimit": (
        {"statedMemberLimit": 600},
        lambda unit: recorded_suite("many", unit=unit),
    ),
    "allStatusWords": ({"allStatusWords": True}, lambda unit: recorded(change_on_device, unit)),
    "renameUsed": ({"renameUsed": True}, lambda unit: recorded(rename_used, unit)),
    "memberLimit": ({"memberLimit": 5}, lambda unit: recorded(fill_and_install, unit)),
    "previewHidesFailedCopy": (
        {"memberLimit": 5, "previewHidesFailedCopy": True},
        lambda unit: recorded(fill_preview_and_install, unit),
    ),
    "retrievedStatus": (
        {"retrievedStatus": "out of sync"},
        lambda unit: recorded(copy_and_retrieve, unit),
    ),
}


def test_every_switch_is_flipped() -> None:
    assert FLIPPED.keys() == {switch.key for switch in switches()} - {"version"}


@pytest.mark.parametrize("switch", FLIPPED)
def test_a_flipped_switch_is_found_and_named(switch: str) -> None:
    """The recording differs from the defaults, and the way to make them agree is told."""
    settings, record = FLIPPED[switch]
    found = compared(record({"switches": settings}))
    assert found.outcome.weighty
    assert found.suggestion is not None
    assert found.suggestion.left == 0
    assert switch in found.suggestion.settings
    wanted = dict(found.suggestion.settings)
    # Which limit it was cannot be told: any that is too small explains the recording.
    told = {key: value for key, value in settings.items() if key != "memberLimit"}
    assert {key: wanted.get(key) for key in told} == told


SAME_RECORDING = {"partialInstallRefusal", "failedPushStatus"}


@pytest.mark.parametrize("switch", [name for name in FLIPPED if name not in SAME_RECORDING])
def test_without_a_flip_there_is_no_difference(switch: str) -> None:
    _, record = FLIPPED[switch]
    found = compared(record({}))
    assert found.outcome.weighty == ()
    assert found.suggestion is None


def look_everywhere(client: Client, clock: ManualClock) -> None:
    """Reads in which predefined objects and numbers of ADOMs stand."""
    client.ask("get", {"url": "/pm/config/adom/lab/obj/firewall/address"})
    client.ask("get", {"url": "/pm/config/adom/lab/obj/firewall/addrgrp"})
    client.ask("get", {"url": "/cli/global/system/admin/user"})
    answer = client.ask("get", {"url": "/dvmdb/adom/lab", "fields": ["name", "oid"]})
    number = answer["result"][0]["data"]["oid"]
    fill_and_install(client, clock)
    client.ask("get", {"url": "/dvmdb/adom", "filter": ["oid", "==", number]})
    client.ask("get", {"url": "/task/task", "filter": ["adom", "==", number]})


def test_predefined_objects_and_numbers_of_adoms_are_no_difference() -> None:
    several = [{"name": "alpha", "packages": [{"name": "p"}]}, {"name": "beta"}, *seed()["adoms"]]
    recording = recorded(look_everywhere, {"adoms": several})
    assert "gmail.com" in str(recording)
    assert compared(recording).outcome.weighty == ()


def test_a_task_of_another_adom_is_a_difference() -> None:
    binding = Binding()
    for number in (402, 402, 403):
        told = [Result(0, "OK", {"adom": at}, {}) for at in (number, 3)]
        binding.learn(*told)
    assert binding.answered(Result(0, "OK", {"adom": 402}, {})).data == {"adom": 3}
    binding.learn_adoms([{"name": "a", "oid": 7}, {"name": "b", "oid": 8}], {"name": "b", "oid": 9})
    assert binding.translate_param({"url": "/dvmdb/adom", "filter": [["oid", "==", 8]]}) == {
        "url": "/dvmdb/adom",
        "filter": [["oid", "==", 9]],
    }


def test_settings_can_be_given_to_begin_with() -> None:
    settings, record = FLIPPED["parentWriteKeepsMappings"]
    found = compared(record({"switches": settings}), parentWriteKeepsMappings=True)
    assert found.outcome.weighty == ()


@pytest.mark.parametrize("mode", ["disabled", "normal", "per-adom"])
def test_the_whole_suite_agrees_with_itself(mode: str) -> None:
    """Ids, tokens and times differ between two runs; what they mean does not."""
    found = compared(recorded_suite(unit={"workspaceMode": mode}))
    assert found.outcome.compared > 200
    assert found.outcome.weighty == ()


def test_another_release_is_found() -> None:
    """A call that exists from 7.4.8 on; the recording does not tell its version."""
    exchanges = [
        one
        for one in recorded_suite("unit", unit={"version": "7.6.6"})
        if b"/sys/status" not in one.request_body
    ]
    found = compared(exchanges)
    assert found.suggestion is not None
    assert found.suggestion.left == 0
    assert found.suggestion.settings["version"] in ("7.4.8", "7.6.6", "8.0.1")


def test_what_nothing_explains_is_still_told() -> None:
    exchanges = recorded_suite("addresses")
    odd = next(
        index
        for index, one in enumerate(exchanges)
        if b"Object already exists" in one.response_body
    )
    changed = exchanges[odd].response_body.replace(b"-2", b"-4711")
    exchanges[odd] = dataclasses.replace(exchanges[odd], response_body=changed)
    found = compared(exchanges)
    (one,) = found.outcome.weighty
    assert one.difference.recorded == "-4711 Object already exists"
    assert one.difference.simulated == "-2 Object already exists"
    assert found.suggestion is None


def test_an_api_key_and_a_refused_login_are_understood() -> None:
    refused = login()
    answer = json.loads(refused.response_body)
    del answer["session"]
    answer["result"][0]["status"] = {"code": -22, "message": "Login fail"}
    refused = dataclasses.replace(refused, response_body=json.dumps(answer).encode(), order=1)
    keyed = exchange(
        "get",
        {"url": "/cli/global/system/global", "fields": ["adom-status"]},
        answers=[{"data": {"adom-status": "enable"}}],
        session="session-9",
        order=2,
        request_headers=(("Authorization", "Bearer scrubbed"),),
    )
    assert compared([refused, keyed]).outcome.weighty == ()


def result(code: int, data: Any = MISSING, message: str = "OK") -> Result:
    return Result(code, message, data, {})


@pytest.mark.parametrize(
    ("recorded_data", "simulated_data", "places"),
    [
        (MISSING, [], []),
        (None, MISSING, []),
        ([{"name": "a", "oid": 1}], [{"name": "a", "oid": 2}], []),
        ([{"name": "a"}, {"name": "b"}], [{"name": "b"}, {"name": "a"}], []),
        ([{"name": "a"}], [{"name": "b"}], ["data[a]", "data[b]"]),
        ({"member": ["a", "b"]}, {"member": ["b", "a"]}, []),
        ({"member": ["a"]}, {"member": ["a", "b"]}, ["data.member"]),
        ({"num_err": 1}, {"num_err": 3}, []),
        ({"num_err": 1}, {"num_err": 0}, ["data.num_err"]),
        ({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": "2"}}, ["data.b.c"]),
        ([{"_scope": [{"name": "x", "vdom": "r"}], "m": 1}],
         [{"_scope": [{"name": "x", "vdom": "r"}], "m": 2}], ["data[x/r].m"]),
        ([[1], [2]], [[1]], ["data"]),
        (3, 4, ["data"]),
        ("x", MISSING, ["data"]),
    ],
)  # fmt: skip
def test_meaning(recorded_data: Any, simulated_data: Any, places: list[str]) -> None:
    found = semantics.differences(result(0, recorded_data), result(0, simulated_data))
    assert [one.place for one in found if one.weighs] == places


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (result(-2, message="Object 7 exists"), result(-2, message="Exists already")),
        (result(0, {"detail": "took 3 s"}), result(0, {"detail": "took 4 s"})),
        (result(0, {"extra": 1}), result(0, {})),
    ],
)
def test_words_do_not_weigh(left: Result, right: Result) -> None:
    found = list(semantics.differences(left, right))
    assert found
    assert not any(one.weighs for one in found)


def test_the_seed_is_what_the_recording_shows() -> None:
    made = seeding.seed_of(recorded_suite("status", "groups", unit={"version": "7.2.9"}))
    assert made["version"] == "7.2.9"
    assert made["workspaceMode"] == "normal"
    assert made["admins"] == [{"user": "admin-1", "superAdmin": True, "password": "scrubbed"}]
    (adom,) = made["adoms"]
    assert [device["name"] for device in adom["devices"]] == ["host-2", "host-3"]
    assert [device["installed"] for device in adom["devices"]] == [True, False]
    assert adom["packages"] == [
        {"name": "folder/edge", "targets": ["host-2/root", "host-3/root"], "policies": []}
    ]
    assert "addresses" not in adom, "nothing the recording made itself"


def test_objects_that_were_there_are_in_the_seed() -> None:
    def talk(client: Client, clock: ManualClock) -> None:
        url = "/pm/config/adom/lab/obj/firewall/address"
        client.ask("add", {"url": url, "data": {"name": "theirs"}})

    exchanges = recorded(talk)
    (adom,) = seeding.seed_of(exchanges)["adoms"]
    assert adom["addresses"] == [{"name": "theirs", "subnet": "10.0.0.1/255.255.255.255"}]
    assert adom["addressGroups"] == [
        {"name": "their-group", "members": ["theirs"], "family": "ipv4"}
    ]
    assert adom["packages"][0]["policies"][0]["srcaddr"] == ["their-group"]
    assert compared(exchanges).outcome.weighty == ()
