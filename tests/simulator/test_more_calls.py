"""The smaller calls: schedules, hosted feeds, table questions, device settings, ADOMs, versions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fmgsync.clock import ManualClock
from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

OBJ = "/pm/config/adom/prod/obj/firewall"
PKG = "/pm/pkg/adom/prod"


def in_minutes(clock: ManualClock, minutes: int) -> str:
    return f"{datetime.fromtimestamp(clock.now() + 60 * minutes, UTC):%Y-%m-%d %H:%M}"


class TestSchedule:
    def test_fortimanager_installs_by_itself(self, start: Start, clock: ManualClock) -> None:
        simulator, client = start()
        client.data("add", f"{OBJ}/addrgrp/legacy/member", ["spare"])
        plan = {"datetime": in_minutes(clock, 60), "adom_rev_name": "night"}
        client.data("add", f"{PKG}/edge/default/schedule", plan)

        shown = client.get(PKG, option=["schedule"])[0]["subobj"][0]["schedule"]
        clock.sleep(3600 + 60)

        assert shown == {"datetime": plan["datetime"], "adom_rev_name": "night"}
        [task] = client.get("/task/task", loadsub=0)
        assert task["state"] == "done"
        assert simulator.fortigate("east-1").members("legacy") == {"10.9.0.1", "10.9.0.2"}

    def test_a_cancelled_plan_does_nothing(self, start: Start, clock: ManualClock) -> None:
        _, client = start()
        url = f"{PKG}/edge/default/schedule"
        client.data("add", url, {"datetime": in_minutes(clock, 60)})

        client.data("delete", url)
        clock.sleep(7200)

        assert client.get("/task/task") == []
        assert client.code("delete", url) == -3

    def test_a_time_must_be_one(self, start: Start) -> None:
        _, client = start()

        assert client.code("add", f"{PKG}/edge/default/schedule", {"datetime": "soon"}) == -10


def test_hosted_feeds_are_kept_and_listed(start: Start, clock: ManualClock) -> None:
    _, client = start()
    url = "/pm/config/global/_external/resource"
    client.data("set", f"{url}/a.txt", {"content": "10.0.0.1\n"})
    clock.sleep(1)
    client.data("set", f"{url}/b.txt", {"content": "10.0.0.2\n10.0.0.3\n"})

    assert [(row["name"], row["size"]) for row in client.get(url)] == [("b.txt", 18), ("a.txt", 9)]
    client.data("delete", f"{url}/a.txt")
    assert client.code("delete", f"{url}/a.txt") == -3


class TestTableQuestions:
    def test_syntax_has_the_limit_and_the_references(self, start: Start) -> None:
        _, client = start()

        syntax = client.get(f"{OBJ}/address", option=["syntax"])["firewall address"]
        group = client.get(f"{OBJ}/addrgrp", option="syntax")["firewall addrgrp"]

        assert syntax["alimit"] == 400_000
        assert syntax["attr"]["allow-routing"]["opts"] == {"disable": 0, "enable": 1}
        assert group["attr"]["member"]["max_argv"] == -1
        refs = {ref["name"] for ref in group["attr"]["member"]["ref"]}
        assert refs == {"firewall address", "firewall addrgrp"}

    def test_possible_members(self, start: Start) -> None:
        _, client = start()

        found = client.get(f"{OBJ}/addrgrp", option="datasrc", attr="member")

        assert {"db", "all"} <= {row["name"] for row in found["firewall address"]}
        assert "legacy" in {row["name"] for row in found["firewall addrgrp"]}

    def test_duplicates(self, start: Start) -> None:
        _, client = start()
        client.data("add", f"{OBJ}/address", {"name": "db2", "subnet": "10.9.0.1/32"})

        rows = client.get(
            f"{OBJ}/address", option=["find duplicates"], fields=["name", "subnet"], loadsub=0
        )

        assert {
            "duplicate entries": ["db2"],
            "name": "db",
            "subnet": ["10.9.0.1", "255.255.255.255"],
        } in rows

    @pytest.mark.parametrize(
        ("name", "answer"),
        [("db", "firewall address"), ("legacy", "firewall addrgrp"), ("free", None)],
    )
    def test_is_a_name_free(self, start: Start, name: str, answer: str | None) -> None:
        _, client = start()
        param = {"url": f"{OBJ}/address/{name}", "data": {}, "option": ["duplicate check"]}

        assert client.envelope("add", param)["result"][0]["data"] == answer

    def test_how_many_objects_an_adom_may_have(self, start: Start) -> None:
        _, client = start()
        url = "/pm/config/adom/prod/_data/tablesize/fos/firewall"

        assert client.get(f"{url}/address") == [
            {
                "items": [{"name": "firewall address", "sz": {"adom": 400_000}}],
                "name": "FortiGate",
                "tag": "FOS",
            }
        ]
        assert client.code("get", f"{url}/nothing") == -6

    def test_merging_moves_the_users(self, start: Start) -> None:
        _, client = start()

        client.envelope("set", {"url": f"{OBJ}/address/spare", "merge": ["spare", "db"]})

        assert client.get(f"{OBJ}/addrgrp/legacy")["member"] == ["spare"]
        assert client.code("get", f"{OBJ}/address/db") == -3

    def test_a_dry_run_answers_commands_and_makes_nothing(self, start: Start) -> None:
        _, client = start(small_seed(version="7.6.2"))
        row = {"name": "dry", "color": 4, "subnet": "10.0.0.1/32"}
        param = {"url": f"{OBJ}/address", "data": row, "option": ["cli config"]}

        text = client.envelope("add", param)["result"][0]["data"]["cli config"]

        assert text.startswith('config firewall address\nedit "dry"\nset uuid ')
        assert "set color 4\nset subnet 10.0.0.1 255.255.255.255\n" in text
        assert client.code("get", f"{OBJ}/address/dry") == -3

    def test_members_in_full(self, start: Start) -> None:
        _, client = start()
        client.data("add", f"{OBJ}/addrgrp", {"name": "outer", "member": ["db", "legacy"]})
        datasrc = [
            {"obj type": "firewall address", "fields": ["name", "subnet"]},
            {"obj type": "firewall addrgrp", "fields": ["name", "member"]},
        ]

        param: dict[str, Any] = {"url": f"{OBJ}/addrgrp/outer"}
        param["expand datasrc"] = [{"name": "member", "datasrc": datasrc}]
        [element] = client.envelope("get", param)["result"]

        assert element["data"]["member"] == [
            {"name": "db", "subnet": ["10.9.0.1", "255.255.255.255"]}
            | {"obj type": "firewall address"},
            {"name": "legacy", "member": ["db"], "obj type": "firewall addrgrp"},
        ]

    def test_parents_by_their_mappings(self, start: Start) -> None:
        _, client = start()
        scope = [{"name": "east-1", "vdom": "root"}]
        entry = {"_scope": scope, "subnet": "10.1.0.0/24"}
        client.data("add", f"{OBJ}/address/db/dynamic_mapping", entry)
        inner = {"filter": ["subnet", "==", ["10.1.0.0", "255.255.255.0"]], "fields": ["subnet"]}

        rows = client.get(f"{OBJ}/address", fields=["name"], sub_fetch={"dynamic_mapping": inner})

        assert [row["name"] for row in rows] == ["db"]
        [mapping] = rows[0]["dynamic_mapping"]
        assert set(mapping) == {"_scope", "oid", "subnet"}


class TestPolicies:
    URL = "/pm/config/adom/prod/pkg/edge/default/firewall/policy"

    def add(self, client: Client, **more: Any) -> int:
        data = {"srcaddr": ["db"], "dstaddr": ["all"], "srcintf": ["any"], "dstintf": ["any"]}
        return int(client.data("add", self.URL, {**data, "service": ["ALL"], **more})["policyid"])

    def order(self, client: Client) -> list[int]:
        return [row["policyid"] for row in client.get(self.URL, fields=["policyid"])]

    def test_ids_and_positions(self, start: Start) -> None:
        _, client = start()

        second = self.add(client)
        before = self.add(client, **{"object position": ["before", "1"]})
        self.add(client, policyid=50)

        assert self.order(client) == [before, 1, second, 50]
        assert client.data("move", f"{self.URL}/50", option="before", target=str(before)) == {
            "policyid": 50
        }
        assert self.order(client) == [50, before, 1, second]
        assert [row["obj seq"] for row in client.get(self.URL)] == [1, 2, 3, 4]

    def test_a_position_that_is_none_makes_no_policy(self, start: Start) -> None:
        _, client = start()

        bad = {"srcaddr": ["db"], "object position": ["after", "99"]}
        assert client.code("add", self.URL, bad) == -10

        assert client.get(self.URL, option=["count"]) == 1

    def test_missing_objects_are_named_with_package_and_policy(self, start: Start) -> None:
        _, client = start()

        element = client.one("update", f"{self.URL}/1", {"srcaddr": ["ghost"]})

        assert element["status"]["code"] == -10131
        assert element["status"]["message"] == (
            'datasrc invalid. object: policy package "edge/default" - firewall policy.1:srcaddr. '
            "detail: ghost. solution: data not exist"
        )
        assert element["data"] == {"policyid": 1}

    def test_deleting_frees_the_objects(self, start: Start) -> None:
        _, client = start()

        client.data("delete", f"{self.URL}/1")

        assert client.code("delete", f"{OBJ}/addrgrp/legacy") == 0
        assert client.code("delete", f"{self.URL}/1") == -3

    def test_a_purge_must_be_confirmed(self, start: Start) -> None:
        _, client = start()
        self.add(client)

        assert client.code("delete", self.URL) == -9
        client.data("delete", self.URL, confirm=1)

        assert client.get(self.URL) == []
        assert self.add(client) == 1

    def test_clones(self, start: Start) -> None:
        _, client = start()

        assert client.data("clone", f"{self.URL}/1", {"policyid": 111, "name": "copy"}) == {
            "policyid": 111
        }

        assert client.get(f"{self.URL}/111")["srcaddr"] == ["legacy"]

    def test_find_and_replace(self, start: Start) -> None:
        _, client = start()
        wanted = {"attr": ["srcaddr"], "from": "obj/firewall/addrgrp/legacy", "to": ["db"]}

        client.envelope("update", {"url": f"{self.URL}/1", "used objs": wanted})

        assert client.get(f"{self.URL}/1")["srcaddr"] == ["db"]


class TestDeviceDatabase:
    URL = "/pm/config/device/east-1"

    def test_a_write_makes_it_differ_until_an_install(
        self, start: Start, clock: ManualClock
    ) -> None:
        simulator, client = start()
        scope = [{"name": "east-1", "vdom": "root"}]
        row = {"name": "local", "subnet": "192.0.2.1/32"}
        client.data("add", f"{self.URL}/vdom/root/firewall/address", row)
        client.data("update", f"{self.URL}/global/system/global", {"hostname": "edge"})

        assert client.get("/dvmdb/adom/prod/device/east-1")["db_status"] == "mod"
        client.data("exec", "/securityconsole/install/device", {"adom": "prod", "scope": scope})
        clock.sleep(10)

        assert client.get("/dvmdb/adom/prod/device/east-1")["db_status"] == "nomod"
        assert "local" in simulator.fortigate("east-1").names("firewall address")
        assert client.get(f"{self.URL}/global/system/global")["hostname"] == "edge"

    def test_a_package_install_overwrites_it(self, start: Start, clock: ManualClock) -> None:
        simulator, client = start()
        client.data("update", f"{self.URL}/vdom/root/firewall/address/db", {"subnet": "1.1.1.1"})
        client.data(
            "exec", "/securityconsole/install/package", {"adom": "prod", "pkg": "edge/default"}
        )
        clock.sleep(10)
        client.get("/sys/status")

        assert simulator.fortigate("east-1").members("legacy") == {"10.9.0.1"}

    @pytest.mark.parametrize(
        ("url", "code"),
        [
            ("/pm/config/device/ghost/vdom/root/firewall/address", -6),
            ("/pm/config/device/east-1/vdom/ghost/firewall/address", -6),
            ("/pm/config/device/east-1/vdom/root/firewall/address/ghost", -3),
            ("/pm/config/device/east-1/vdom/root/router/static/1/", -3),
        ],
    )
    def test_absent_things(self, start: Start, url: str, code: int) -> None:
        _, client = start()

        assert client.code("get", url) == code

    def test_in_a_workspace_a_write_needs_a_lock(self, start: Start) -> None:
        _, client = start(small_seed(workspaceMode="normal"))
        url = f"{self.URL}/global/system/global"

        assert client.code("update", url, {"hostname": "x"}) == -20020
        client.data("exec", "/dvmdb/adom/prod/workspace/lock/dev/east-1")
        assert client.code("update", url, {"hostname": "x"}) == 0


class TestVersions:
    @pytest.mark.parametrize(
        ("version", "code"),
        [("7.4.5", -6), ("7.4.8", 0), ("7.6.4", -6), ("7.6.5", 0), ("8.0.0", 0), ("7.2.9", -6)],
    )
    def test_vdom_status(self, start: Start, version: str, code: int) -> None:
        _, client = start(small_seed(version=version))

        assert client.code("get", "/pm/config/adom/prod/_vdom/status") == code

    def test_vdom_status_has_its_own_words(self, start: Start) -> None:
        simulator, client = start(small_seed(version="7.6.6"))
        simulator.fortigate("east-1").leave_pending()

        rows = client.get("/pm/config/adom/prod/_vdom/status")

        device = next(r for r in rows if r["dev"] == "east-1" and "vdom" not in r)
        assert (device["conf_status"], device["db_status"]) == ("in sync", "modified")
        assert {r["vdom"] for r in rows if r["dev"] == "east-1" and "vdom" in r} == {"root", "dmz"}

    @pytest.mark.parametrize(("version", "known"), [("7.6.2", True), ("7.6.6", False)])
    def test_visibility_went_away(self, start: Start, version: str, known: bool) -> None:
        _, client = start(small_seed(version=version))

        assert ("visibility" in client.get(f"{OBJ}/address/db", fields=["visibility"])) is known

    @pytest.mark.parametrize(("version", "code"), [("7.4.5", 0), ("7.4.7", -11), ("7.6.2", -11)])
    def test_tokens_in_the_query_string(self, start: Start, version: str, code: int) -> None:
        _, client = start(small_seed(version=version))
        client._url += "?access_token=k3y"
        client.session = None

        assert client.code("get", "/sys/status") == code


class TestAdoms:
    def test_made_and_deleted_by_a_super_admin(self, start: Start, connect: Any) -> None:
        simulator, client = start()
        alice = connect(simulator)

        assert client.code("add", "/dvmdb/adom", {"name": "new"}) == -11
        assert alice.data("add", "/dvmdb/adom", {"name": "new"}) == {"name": "new"}
        assert alice.code("add", "/dvmdb/adom", {"name": "new"}) == -2
        url = "/pm/config/adom/new/obj/firewall/address/none"
        assert alice.get(url)["subnet"] == ["0.0.0.0", "255.255.255.255"]
        alice.data("delete", "/dvmdb/adom/new")
        assert alice.code("delete", "/dvmdb/adom/new") == -3
        assert alice.code("delete", "/dvmdb/adom/prod") == -20063

    def test_a_vdom_moves_to_another_adom(self, start: Start, connect: Any) -> None:
        simulator, _ = start()
        alice = connect(simulator)

        alice.data("set", "/dvmdb/adom/other/object member", {"name": "east-1", "vdom": "dmz"})

        vdoms = {
            adom: [v["name"] for v in alice.get(f"/dvmdb/adom/{adom}/device/east-1")["vdom"]]
            for adom in ("prod", "other")
        }
        assert vdoms == {"prod": ["root"], "other": ["dmz"]}


def test_long_writes_become_a_task_on_request(start: Start) -> None:
    _, client = start()
    params = {"url": f"{OBJ}/address", "filter": ["name", "in", "db", "spare"], "confirm": 1}

    answer = client.envelope("delete", params, **{"create task": {"adom": "prod"}})

    [element] = answer["result"]
    assert "url" not in element
    task = client.get(f"/task/task/{element['data']['task']}")
    assert (task["state"], task["line"][0]["detail"]) == ("error", "used")


def test_a_fortigate_takes_writes_through_the_proxy(start: Start) -> None:
    simulator, client = start()
    data = {
        "action": "post",
        "resource": "/api/v2/cmdb/firewall/address?vdom=root",
        "payload": {"name": "behind", "subnet": "10.0.0.1/32"},
        "target": ["adom/prod/group/East"],
    }

    first = client.data("exec", "/sys/proxy/json", data)
    again = client.data("exec", "/sys/proxy/json", data)

    assert [e["response"]["http_status"] for e in first] == [200, 200]
    assert first[0]["response"]["revision_changed"] is True
    assert again[0]["response"]["http_status"] == 500
    assert "behind" in simulator.fortigate("east-1").names("firewall address")
    assert client.get("/dvmdb/adom/prod/device/east-1")["conf_status"] == "outofsync"
