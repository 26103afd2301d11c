"""What a package takes in from elsewhere, and what it holds beside policies.

Policy blocks and the global header and footer: "How to FortiManager API", 008; the urls of the
header in an ADOM's package: public readers of policies (`/pkg/{package}/global/header/policy`).
"""

from __future__ import annotations

from typing import Any

import pytest

from fmgsync.clock import ManualClock
from fmgsync.simulator import Simulator
from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed
from tests.simulator.installing import EAST1, OBJ, install, statuses

PBLOCK = "/pm/pblock/adom/prod"
INSIDE = "/pm/config/adom/prod/pblock/{}/firewall/policy"
POLICIES = "/pm/config/adom/prod/pkg/edge/default/firewall/policy"
RULE = {
    "srcintf": ["any"],
    "dstintf": ["any"],
    "srcaddr": ["all"],
    "dstaddr": ["all"],
    "service": ["ALL"],
    "schedule": ["always"],
    "action": "accept",
}
LOCAL = {
    "intf": ["any"],
    "srcaddr": ["db"],
    "dstaddr": ["all"],
    "service": ["HTTPS"],
    "schedule": ["always"],
    "action": "accept",
}
ANY = {"srcintf": ["any"], "dstintf": ["any"]}


def on_unit(simulator: Simulator, table: str = "firewall/policy") -> list[int]:
    """Policy ids that east-1 runs."""
    client = simulator.console()
    asked = {
        "action": "get",
        "resource": f"/api/v2/cmdb/{table}?vdom=root",
        "target": ["adom/prod/device/east-1"],
    }
    rows = client.call("exec", "/sys/proxy/json", asked)[0]["response"]["results"]
    return [row["policyid"] for row in rows]


class TestPolicyBlocks:
    def _filled(self, client: Client, name: str = "ppb_001", **rule: Any) -> int:
        client.data("add", PBLOCK, {"name": name, "type": "pkg"})
        made = client.data("add", INSIDE.format(name), {**RULE, "name": "Policy_002", **rule})
        return int(made["policyid"])

    def test_a_block_is_made_listed_and_read(self, start: Start) -> None:
        _, client = start()
        settings = {"central-nat": "disable", "ngfw-mode": "profile-based"}
        made = client.one("add", PBLOCK + "/", {"name": "ppb_002", "package settings": settings})

        assert made == {"status": {"code": 0, "message": "OK"}, "url": PBLOCK + "/"}
        assert client.code("add", PBLOCK, {"name": "ppb_002"}) == -2
        listed = client.get(PBLOCK)
        assert [(row["name"], row["type"]) for row in listed] == [("ppb_002", "pblock")]
        assert listed[0]["package settings"]["ngfw-mode"] == "profile-based"
        assert client.get(PBLOCK, fields=["name"]) == [{"name": "ppb_002", "oid": listed[0]["oid"]}]
        assert client.get(f"{PBLOCK}/ppb_002")["oid"] == listed[0]["oid"]
        assert client.get(PBLOCK, option="count") == 1

    @pytest.mark.parametrize(
        ("method", "url", "data", "code"),
        [
            ("get", f"{PBLOCK}/ghost", None, -6),
            ("delete", f"{PBLOCK}/ghost", None, -6),
            ("update", PBLOCK, {"name": "ghost"}, -3),
            ("add", PBLOCK, {}, -10),
            ("add", PBLOCK, {"name": "a/b"}, -10),
            ("add", PBLOCK, {"name": "a", "type": "folder"}, -10),
            ("get", INSIDE.format("ghost"), None, -6),
            ("add", INSIDE.format("ghost"), RULE, -6),
            ("get", "/pm/pblock/adom/nowhere", None, -6),
            ("add", POLICIES, {"_policy_block": "ghost", **ANY}, -10131),
        ],
    )
    def test_what_is_absent_or_ill_formed_is_refused(
        self, start: Start, method: str, url: str, data: Any, code: int
    ) -> None:
        _, client = start()

        assert client.code(method, url, data) == code

    def test_policies_in_a_block_have_ids_of_their_own_range(self, start: Start) -> None:
        _, client = start()
        first, second = self._filled(client), self._filled(client, "ppb_002")

        assert (first, second) == (1071741825, 1071741826)
        assert client.get(INSIDE.format("ppb_001"))[0]["name"] == "Policy_002"
        assert client.get(f"{INSIDE.format('ppb_002')}/{second}")["obj seq"] == 1
        assert client.code("add", INSIDE.format("ppb_001"), {"_policy_block": "ppb_002"}) == -10

    def test_a_package_takes_a_block_in_and_is_told_by_it(self, start: Start) -> None:
        _, client = start()
        self._filled(client)
        made = client.data("add", POLICIES, {"_policy_block": "ppb_001"})["policyid"]

        row = client.get(f"{POLICIES}/{made}")
        assert row["_policy_block"] == "ppb_001"
        assert row["srcaddr"] == row["dstaddr"] == row["service"] == []
        listed = client.get(POLICIES, fields=["policyid"])
        assert [r["obj seq"] for r in listed] == [1, 2]
        found = client.get(f"{PBLOCK}/ppb_001", option=["where_used"])["where_used"]
        assert found[0]["root"]["name"] == "prod"
        assert found[0]["data"] == [
            {
                "category": 181,
                "mapping_name": "firewall policy",
                "mattr": "policyid",
                "mkey": str(made),
                "pkg": {"name": "edge/default", "oid": found[0]["data"][0]["pkg"]["oid"]},
            }
        ]
        assert client.code("delete", f"{PBLOCK}/ppb_001") == -10015
        client.data("delete", f"{POLICIES}/{made}")
        client.data("delete", f"{PBLOCK}/ppb_001")
        assert client.get(PBLOCK) == []

    def test_a_policy_is_copied_into_a_block_and_moved_there(self, start: Start) -> None:
        _, client = start()
        first = self._filled(client)
        data = {"name": "New_Policy_Name", "new parent": "pblock/ppb_001"}
        copy = client.data("clone", f"{POLICIES}/1", data)["policyid"]
        client.data(
            "move", f"{INSIDE.format('ppb_001')}/{copy}", option="before", target=str(first)
        )

        rows = client.get(INSIDE.format("ppb_001"))
        assert [row["policyid"] for row in rows] == [copy, first]
        assert (rows[0]["name"], rows[0]["srcaddr"]) == ("New_Policy_Name", ["legacy"])
        assert client.code("clone", f"{POLICIES}/1", {"new parent": "pblock/ghost"}) == -6
        assert client.code("clone", f"{POLICIES}/1", {"new parent": "ghost"}) == -10

    def test_a_block_is_cloned_with_its_policies(self, start: Start) -> None:
        _, client = start()
        self._filled(client)
        job = {"adom": "prod", "pblock": "ppb_001", "dst_name": "copy"}
        client.data("exec", "/securityconsole/pblock/clone", job)

        assert [row["policyid"] for row in client.get(INSIDE.format("copy"))] == [1071741826]
        assert client.code("exec", "/securityconsole/pblock/clone", job) == -2

    def test_an_install_brings_what_the_block_holds(self, start: Start, clock: ManualClock) -> None:
        simulator, client = start()
        made = self._filled(client, srcaddr=["spare"])
        client.data("add", POLICIES, {"_policy_block": "ppb_001"})
        install(client, EAST1)
        clock.sleep(10)

        assert statuses(client) == {"east-1": "installed", "east-2": "modified"}
        assert on_unit(simulator) == [1, made]
        assert "spare" in simulator.fortigate("east-1").names("firewall address")
        # A change in the block, or of what it uses, concerns the packages that take it in.
        client.data("update", f"{OBJ}/address/spare", {"subnet": "10.9.0.3/32"})
        assert statuses(client)["east-1"] == "modified"
        install(client, EAST1)
        clock.sleep(10)
        client.data("delete", f"{INSIDE.format('ppb_001')}/{made}")
        assert statuses(client)["east-1"] == "modified"
        install(client, EAST1)
        clock.sleep(10)
        assert on_unit(simulator) == [1]
        assert "spare" not in simulator.fortigate("east-1").names("firewall address")

    def test_who_uses_an_object_names_the_block(self, start: Start) -> None:
        _, client = start()
        self._filled(client, srcaddr=["spare"])
        search = "/cache/search/where/used"
        asked = {"mkey": "spare", "obj": "adom/prod/obj/firewall/address"}
        token = client.data("exec", f"{search}/start", asked)["token"]
        found = client.data("exec", f"{search}/get/detail", token=token)["where_used"]

        assert found[0]["data"][0]["pkg"]["name"] == "ppb_001"
        assert client.code("delete", f"{OBJ}/address/spare") == -10015

    def test_in_a_workspace_only_the_lock_of_the_adom_will_do(self, start: Start) -> None:
        _, client = start(small_seed(workspaceMode="normal"))
        assert client.code("add", PBLOCK, {"name": "ppb_001"}) == -10147
        client.data("exec", "/dvmdb/adom/prod/workspace/lock")
        self._filled(client)
        client.data("exec", "/dvmdb/adom/prod/workspace/unlock")

        assert client.get(PBLOCK) == []


class TestHeaderAndFooter:
    GLOBAL = "/pm/config/global/pkg/g_ppkg_001/global"
    VIEW = "/pm/config/adom/prod/pkg/edge/default/global"

    def _made(self, simulator: Simulator, connect: Any) -> Client:
        admin: Client = connect(simulator)
        admin.data("add", "/pm/pkg/global", {"name": "g_ppkg_001", "type": "pkg"})
        address = {"name": "gall", "subnet": "10.1.0.0/16"}
        admin.data("add", "/pm/config/global/obj/firewall/address", address)
        admin.data("add", f"{self.GLOBAL}/header/policy", {**RULE, "srcaddr": ["gall"]})
        admin.data("add", f"{self.GLOBAL}/footer/policy", {**RULE, "action": "deny"})
        return admin

    def _assign(self, admin: Client, *flags: str, **target: Any) -> dict[str, Any]:
        data = {
            "flags": list(flags) or ["none"],
            "pkg": "g_ppkg_001",
            "target": [{"adom": "prod", **target}],
        }
        task = admin.data("exec", "/securityconsole/assign/package", data)["task"]
        found: dict[str, Any] = admin.get(f"/task/task/{task}")
        return found

    def test_they_are_kept_in_the_global_package(self, start: Start, connect: Any) -> None:
        simulator, client = start()
        admin = self._made(simulator, connect)

        header = admin.get(f"{self.GLOBAL}/header/policy")
        assert [(row["policyid"], row["srcaddr"]) for row in header] == [(1073741825, ["gall"])]
        assert admin.get(f"{self.GLOBAL}/header/policy/1073741825")["action"] == "accept"
        assert admin.code("get", "/pm/config/global/pkg/g_ppkg_001/firewall/policy") == -6
        assert admin.code("get", "/pm/config/global/pkg/ghost/global/header/policy") == -6
        assert client.get(f"{self.VIEW}/header/policy") == []

    def test_assigned_they_show_in_the_packages_of_an_adom(
        self, start: Start, connect: Any, clock: ManualClock
    ) -> None:
        simulator, client = start()
        admin = self._made(simulator, connect)
        assert self._assign(admin)["state"] == "done"

        header = client.get(f"{self.VIEW}/header/policy", option=["scope member"])
        assert [(row["srcaddr"], row["obj seq"]) for row in header] == [(["gall"], 1)]
        assert [row["action"] for row in client.get(f"{self.VIEW}/footer/policy")] == ["deny"]
        # Their objects came along, and only those that are used.
        assert client.get(f"{OBJ}/address/gall")["subnet"] == ["10.1.0.0", "255.255.0.0"]
        assert client.code("add", f"{self.VIEW}/header/policy", RULE) == -9
        assert statuses(client) == {"east-1": "modified", "east-2": "modified"}
        install(client, EAST1)
        clock.sleep(10)
        assert on_unit(simulator) == [1, 1073741825, 1074741825]

    def test_an_adom_tells_its_global_packages(self, start: Start, connect: Any) -> None:
        simulator, client = start()
        admin = self._made(simulator, connect)
        url = "/pm/config/adom/prod/_adom/options"
        element = client.one("get", url)
        assert element["data"] == []
        number = admin.get("/pm/pkg/global/g_ppkg_001")["oid"]

        self._assign(admin)
        (row,) = client.get(url)
        assert row == {"name": f"__gpkg__{number}", "oid": row["oid"], "pkg list": []}
        self._assign(admin, pkg=["edge/default"], excluded="enable")
        (changed,) = client.get(url)
        assert (changed["assign_excluded"], changed["specify_assign_pkg_list"]) == (
            "enable",
            "enable",
        )
        assert [own["name"] for own in changed["pkg list"]] == ["edge/default"]
        plain = client.envelope("get", {"url": url}, verbose=0)["result"][0]["data"]
        assert plain[0]["assign_excluded"] == 1
        self._assign(admin, "unassign")
        assert client.get(url) == []

    def test_a_change_reaches_the_adom_when_it_is_assigned_again(
        self, start: Start, connect: Any
    ) -> None:
        simulator, client = start()
        admin = self._made(simulator, connect)
        self._assign(admin)
        header = f"{self.GLOBAL}/header/policy/1073741825"
        admin.data("update", header, {"dstaddr": ["gall"], "srcaddr": ["all"]})
        change = {"subnet": "10.2.0.0/16"}
        admin.data("update", "/pm/config/global/obj/firewall/address/gall", change)

        status = admin.get("/pm/config/global/_package/status")
        assert [(row["adom"], row["status"]) for row in status] == [("prod", "modified")]
        assert client.get(f"{self.VIEW}/header/policy")[0]["srcaddr"] == ["gall"]
        self._assign(admin)
        assert client.get(f"{self.VIEW}/header/policy")[0]["dstaddr"] == ["gall"]
        assert client.get(f"{OBJ}/address/gall")["subnet"] == ["10.2.0.0", "255.255.0.0"]
        assert admin.get("/pm/config/global/_package/status")[0]["status"] == "installed"

    @pytest.mark.parametrize(
        ("target", "there"),
        [
            ({}, True),
            ({"pkg": ["edge/default"]}, True),
            ({"pkg": "edge/default"}, True),
            ({"pkg": ["edge/default"], "excluded": "enable"}, False),
        ],
    )
    def test_packages_of_an_adom_may_be_left_out(
        self, start: Start, connect: Any, target: dict[str, Any], there: bool
    ) -> None:
        simulator, client = start()
        self._assign(self._made(simulator, connect), **target)

        assert bool(client.get(f"{self.VIEW}/header/policy")) is there

    def test_unassigned_they_are_gone(self, start: Start, connect: Any) -> None:
        simulator, client = start()
        admin = self._made(simulator, connect)
        self._assign(admin)
        self._assign(admin, "unassign")

        assert client.get(f"{self.VIEW}/header/policy") == []
        assert admin.get("/pm/config/global/_package/status") == []

    def test_all_objects_are_copied_on_demand(self, start: Start, connect: Any) -> None:
        simulator, client = start()
        admin = self._made(simulator, connect)
        extra = {"name": "gextra", "subnet": "10.8.0.0/16"}
        admin.data("add", "/pm/config/global/obj/firewall/address", extra)
        # An object of the ADOM with the name of a global one stays as it is.
        client.data("add", f"{OBJ}/address", {"name": "gown", "subnet": "10.7.0.1/32"})
        other = {"name": "gown", "subnet": "10.8.0.0/16"}
        admin.data("add", "/pm/config/global/obj/firewall/address", other)
        self._assign(admin)
        assert client.code("get", f"{OBJ}/address/gextra") == -3
        self._assign(admin, "cp_all_objs")

        assert client.code("get", f"{OBJ}/address/gextra") == 0
        assert client.get(f"{OBJ}/address/gown")["subnet"][0] == "10.7.0.1"

    def test_an_adom_that_somebody_has_locked_fails_in_the_task(
        self, start: Start, connect: Any
    ) -> None:
        simulator, client = start(small_seed(workspaceMode="normal"))
        admin = self._made(simulator, connect)
        client.data("exec", "/dvmdb/adom/prod/workspace/lock")
        found = self._assign(admin)

        assert (found["state"], found["num_err"], found["percent"]) == ("error", 1, 100)
        assert client.get(f"{self.VIEW}/header/policy") == []

    def test_assign_and_install_in_one(
        self, start: Start, connect: Any, clock: ManualClock
    ) -> None:
        simulator, _ = start()
        self._assign(self._made(simulator, connect), "copy_assigned_pkg")
        clock.sleep(10)

        assert on_unit(simulator) == [1, 1073741825, 1074741825]

    @pytest.mark.parametrize(
        "data",
        [
            {},
            {"target": [{}]},
            {"pkg": "ghost", "target": [{"adom": "prod"}]},
            {"pkg": "g_ppkg_001", "target": [{"adom": "ghost"}]},
            {"pkg": "g_ppkg_001", "target": [{"adom": "prod", "pkg": ["ghost"]}]},
            {"pkg": "g_ppkg_001", "target": [{"adom": "prod"}], "flags": ["ghost"]},
        ],
    )
    def test_what_does_not_fit_is_refused(self, start: Start, connect: Any, data: Any) -> None:
        simulator, client = start()
        admin = self._made(simulator, connect)

        assert admin.code("exec", "/securityconsole/assign/package", data) == -10
        assert client.code("exec", "/securityconsole/assign/package", data) == -11


class TestLocalInPolicies:
    URL = "/pm/config/adom/prod/pkg/edge/default/firewall/local-in-policy"

    def test_they_are_written_read_ordered_and_installed(
        self, start: Start, clock: ManualClock
    ) -> None:
        simulator, client = start()
        first = client.data("add", self.URL, LOCAL)["policyid"]
        second = client.data("add", self.URL, {**LOCAL, "policyid": 9})["policyid"]
        client.data("move", f"{self.URL}/{second}", option="before", target=str(first))

        assert [row["policyid"] for row in client.get(self.URL)] == [9, 1]
        row = client.get(f"{self.URL}/1")
        assert (row["intf"], row["srcaddr"], row["status"]) == (["any"], ["db"], "enable")
        assert client.get(POLICIES, option="count") == 1
        assert statuses(client)["east-1"] == "modified"
        install(client, EAST1)
        clock.sleep(10)
        assert on_unit(simulator, "firewall/local-in-policy") == [1, 9]
        assert on_unit(simulator) == [1]

    def test_what_they_name_must_exist(self, start: Start) -> None:
        _, client = start()

        refused = client.one("add", self.URL, {**LOCAL, "srcaddr": ["ghost"]})["status"]
        assert refused["code"] == -10131
        assert "firewall local-in-policy.1:srcaddr" in refused["message"]
        assert client.code("get", f"{self.URL}/5") == -3
        client.data("add", self.URL, LOCAL)
        client.data("update", f"{self.URL}/1", {"srcaddr": ["spare"]})
        assert client.code("delete", f"{OBJ}/address/spare") == -10015
