"""Rules behind the recordings, tried beside the recorded calls themselves.

"How to FortiManager API" 002, 007, 008 and 021; NTC's and Fortinet's workshop texts for the errors.
"""

from __future__ import annotations

from typing import Any

import pytest

from fmgsync.simulator import Simulator
from tests.simulator.client import Client
from tests.simulator.conftest import small_seed

PROD = "/pm/config/adom/prod"
OBJ = f"{PROD}/obj"
ADDRESS = f"{OBJ}/firewall/address"
POLICY = f"{PROD}/pkg/edge/default/firewall/policy"
EAST_1 = {"name": "east-1", "vdom": "root"}
EAST_2 = {"name": "east-2", "vdom": "root"}
BETWEEN = {"srcintf": ["any"], "dstintf": ["any"], "srcaddr": ["all"], "dstaddr": ["all"]}


@pytest.fixture
def client(stack: Any) -> Client:
    unit = stack.enter_context(Simulator(small_seed(version="7.6.4"), strict=True))
    made = stack.enter_context(Client(unit))
    made.log_in("alice", "wonder")
    return made  # type: ignore[no-any-return]


class TestFilters:
    NAMES = "a1 a2 b1"

    @pytest.fixture
    def told(self, client: Client) -> Any:
        for name in self.NAMES.split():
            client.data("add", ADDRESS, {"name": name, "subnet": f"10.0.0.{ord(name[0])}/32"})

        def ask(filter_: Any) -> list[str]:
            rows = client.get(ADDRESS, filter=filter_, fields=["name"], loadsub=0)
            return [row["name"] for row in rows if row["name"] in self.NAMES.split()]

        return ask

    @pytest.mark.parametrize(
        ("filter_", "names"),
        [
            ([["name", "==", "a1"], ["name", "==", "b1"]], ["a1", "b1"]),
            ([["name", "==", "a1"], ["name", "==", "b1"], ["name", "==", "a2"]],
             ["a1", "a2", "b1"]),
            ([[["name", "==", "a1"], ["name", "==", "b1"]], "&&", ["name", "like", "a%"]], ["a1"]),
            (["!", "name", "==", "a1"], ["a2", "b1"]),
            (["!", ["name", "like", "a%"]], ["b1"]),
            ([["!", "name", "==", "a1"], "&&", ["name", "like", "a%"]], ["a2"]),
            (["!", [["name", "==", "a1"], ["name", "==", "b1"]]], ["a2"]),
            (["!", "name", "in", "a1", "a2"], ["b1"]),
            (["name", "like", "_1"], ["a1", "b1"]),
            (["name", "like", "a_"], ["a1", "a2"]),
            (["name", "!like", "a_"], ["b1"]),
            (["name", "glob", "?1*"], ["a1", "b1"]),
            (["name", "!glob", "a*"], ["b1"]),
            ([["name", "like", "%_"], "&&", ["name", "like", "_%2"]], ["a2"]),
            (["name", "like", "a_1"], []),
        ],
    )  # fmt: skip
    def test_alternatives_and_negations(self, told: Any, filter_: Any, names: list[str]) -> None:
        assert told(filter_) == names

    @pytest.mark.parametrize("filter_", [["!"], ["!", 7], [["name", "==", "a"], "==", []]])
    def test_what_makes_no_sense_is_refused(self, client: Client, filter_: Any) -> None:
        assert client.code("get", ADDRESS, filter=filter_) == -10

    @pytest.mark.parametrize(
        ("filter_", "names"),
        [
            (["flags", "&", "is_model"], []),
            (["!", "flags", "&", "is_model"], ["east-1", "east-2"]),
            (["flags", "&", "has_hdd"], ["east-1", "east-2"]),
            ([["name", "==", "east-1"], ["name", "==", "x"]], ["east-1"]),
            (["!", "name", "==", "east-1"], ["east-2"]),
        ],
    )
    def test_of_devices(self, client: Client, filter_: Any, names: list[str]) -> None:
        rows = client.get("/dvmdb/adom/prod/device", filter=filter_, fields=["name"], loadsub=0)

        assert [row["name"] for row in rows] == names


class TestSubFetch:
    @pytest.fixture(autouse=True)
    def mapped(self, client: Client) -> None:
        for name, scopes in (("one", [EAST_1]), ("two", [EAST_1, EAST_2]), ("bare", [])):
            maps = [{"_scope": [scope], "subnet": "10.7.0.1/32"} for scope in scopes]
            data = {"name": name, "subnet": "10.0.0.1/32", "dynamic_mapping": maps}
            client.data("add", ADDRESS, data)

    @staticmethod
    def ask(client: Client, fetch: Any, **more: Any) -> dict[str, Any]:
        rows = client.get(ADDRESS, fields=["name"], sub_fetch={"dynamic_mapping": fetch}, **more)
        return {
            row["name"]: [m["_scope"][0]["name"] for m in row["dynamic_mapping"] or ()]
            for row in rows
            if row["name"] in ("one", "two", "bare")
        }

    def test_scope_and_count_find_what_is_mapped_for_a_device(self, client: Client) -> None:
        """ "How to get all the metadata mapped to a specific device", for an address."""
        fetch = {"scope member": [EAST_2], "subfetch count": ["==", 1], "fields": ["subnet"]}

        assert self.ask(client, fetch, subfetch_filter=1) == {"two": ["east-2"]}

    @pytest.mark.parametrize(
        ("fetch", "demanded", "names"),
        [
            ({}, 0, ["bare", "one", "two"]),
            ({}, 1, ["one", "two"]),
            ({"scope member": [EAST_2]}, 0, ["bare", "one", "two"]),
            ({"scope member": [EAST_2]}, 1, ["two"]),
            ({"scope member": EAST_1}, 1, ["one", "two"]),
            ({"subfetch count": [">=", 2]}, 1, ["two"]),
            ({"subfetch count": ["==", 0]}, 1, ["bare"]),
            ({"subfetch count": ["!=", 0]}, 0, ["one", "two"]),
            ({"filter": ["subnet", "==", "10.7.0.1/32"]}, 0, ["one", "two"]),
        ],
    )
    def test_which_parents_are_shown(
        self, client: Client, fetch: Any, demanded: int, names: list[str]
    ) -> None:
        assert sorted(self.ask(client, fetch, subfetch_filter=demanded)) == names

    def test_other_sub_tables_too(self, client: Client) -> None:
        client.data("set", f"{ADDRESS}/one", {"tagging": [{"name": "t", "category": "c"}]})
        rows = client.get(
            ADDRESS, fields=["name"], sub_fetch={"tagging": {"filter": ["name", "==", "t"]}}
        )

        assert [(row["name"], row["tagging"][0]["name"]) for row in rows] == [("one", "t")]
        devices = client.get(
            "/dvmdb/adom/prod/device",
            fields=["name"],
            sub_fetch={"vdom": {"subfetch count": [">", 1]}},
        )
        assert [row["name"] for row in devices] == ["east-1"]

    @pytest.mark.parametrize("fetch", [{"subfetch count": ["~", 1]}, {"subfetch count": 1},
                                       {"scope member": []}, {"fields": "name"}])  # fmt: skip
    def test_what_makes_no_sense_is_refused(self, client: Client, fetch: Any) -> None:
        assert client.code("get", ADDRESS, sub_fetch={"dynamic_mapping": fetch}) == -10


class TestPolicies:
    @staticmethod
    def order(client: Client) -> list[int]:
        return [row["policyid"] for row in client.get(POLICY, fields=["policyid"])]

    @pytest.mark.parametrize("inside", [True, False], ids=["in the data", "as a parameter"])
    def test_before_a_policy(self, client: Client, inside: bool) -> None:
        client.code("delete", f"{POLICY}/1")
        for number in (3, 51):
            client.data("add", POLICY, {**BETWEEN, "policyid": number})
        new = {**BETWEEN, "policyid": 52}
        if inside:
            client.data("add", POLICY, {**new, "before": "3"})
        else:
            client.data("add", POLICY, new, before="3")

        assert self.order(client) == [52, 3, 51]
        client.data("add", POLICY, {**BETWEEN, "policyid": 4, "after": 3})
        assert self.order(client) == [52, 3, 4, 51]
        assert client.code("add", POLICY, {**BETWEEN, "before": "99"}) == -10

    @pytest.mark.parametrize("gone", ["srcintf", "dstintf"])
    def test_a_policy_is_between_interfaces(self, client: Client, gone: str) -> None:
        left = {name: value for name, value in BETWEEN.items() if name != gone}
        told = f'{gone} in Policy "6" Package "edge/default" cannot be empty'

        status = client.one("add", POLICY, {**left, "policyid": 6})["status"]
        assert (status["code"], status["message"]) == (-9998, told)
        assert client.code("set", POLICY, {**BETWEEN, gone: [], "policyid": 6}) == -9998
        client.data("add", POLICY, {**BETWEEN, "policyid": 6})
        assert client.code("update", f"{POLICY}/6", {gone: []}) == -9998
        assert client.code("update", f"{POLICY}/6", {"unset attrs": [gone]}) == -9998
        assert client.get(f"{POLICY}/6")[gone] == ["any"]


class TestMappings:
    def test_a_read_has_no_nulls_and_names_what_is_unset(self, client: Client) -> None:
        url = f"{ADDRESS}/db/dynamic_mapping"
        data = {"_scope": [EAST_1], "subnet": "10.7.0.1/32"}

        assert client.data("add", url, data) == {"_scope": [EAST_1]}
        [shown] = client.get(url)
        assert shown["unset attrs"] == ["associated-interface"]
        assert None not in shown.values()

    def test_a_variable_echoes_the_scope_of_one_object_and_is_found_at_the_first_vdom(
        self, client: Client
    ) -> None:
        variables = f"{OBJ}/fmg/variable"
        device = {"name": "east-1", "vdom": "global"}
        client.data("add", variables, {"name": "site", "value": "0"})
        url = f"{variables}/site/dynamic_mapping"

        assert client.data("add", url, {"_scope": [device], "value": "1"}) == {"_scope": [device]}
        other = {"name": "east-2", "vdom": "global"}
        assert client.data("add", url, [{"_scope": [other], "value": "2"}]) == {"_scope": None}
        for vdom in ("global", "root"):
            shown = client.get(f"{url}/east-1/{vdom}")
            assert (shown["value"], shown["_scope"]) == ("1", [device])
        assert client.code("get", f"{url}/east-1/dmz") == -3

    def test_an_interface_on_a_device_has_its_own_name_there(self, client: Client) -> None:
        url = f"{OBJ}/dynamic/interface"
        data = {"_scope": [EAST_1], "local-intf": ["port1"], "intrazone-deny": "enable"}

        client.data("add", url, {"name": "lan", "dynamic_mapping": [data]})
        [shown] = client.get(f"{url}/lan/dynamic_mapping")
        assert (shown["local-intf"], shown["intrazone-deny"]) == (["port1"], "enable")
        assert client.code("set", f"{url}/lan", {"local-intf": ["port1"]}) == -10

    @pytest.mark.parametrize(
        ("record", "member", "read"),
        [
            ({"subnet": ["$(net)", "255.255.255.0"]}, "subnet", ["$(net)", "255.255.255.0"]),
            ({"subnet": "10.$(site).0.0/16"}, "subnet", ["10.$(site).0.0", "255.255.0.0"]),
            ({"type": "iprange", "start-ip": "10.0.$(site).1", "end-ip": "10.0.$(site).9"},
             "start-ip", "10.0.$(site).1"),
            ({"type": "fqdn", "fqdn": "$(name).example.com"}, "fqdn", "$(name).example.com"),
        ],
    )  # fmt: skip
    def test_metadata_variables_are_values(
        self, client: Client, record: dict[str, Any], member: str, read: Any
    ) -> None:
        """Valid since 7.2; what they stand for is known per device only."""
        client.data("add", ADDRESS, {"name": "v", **record})

        assert client.get(f"{ADDRESS}/v")[member] == read
        for operator in ("==", "<=", ">="):
            inside = client.get(ADDRESS, filter=["subnet", operator, "10.0.0.0/8"])
            assert "v" not in [row["name"] for row in inside]
        assert client.get(ADDRESS, filter=["start-ip", "<=", "10.255.0.0"]) is not None


class TestWrites:
    @pytest.mark.parametrize(
        ("url", "record"),
        [
            ("firewall/address", {"type": "dynamic", "sdn": ["aws"], "filter": "Tag.x=y",
                                  "cache-ttl": 60}),
            ("firewall/service/custom", {"protocol": "TCP/UDP/UDP-Lite/SCTP", "session-ttl": "300",
                                         "iprange": "10.0.0.1-10.0.0.9", "helper": "ftp"}),
            ("firewall/address", {"type": "wildcard", "wildcard": ["10.0.0.1", "255.0.0.255"]}),
            ("firewall/vip", {"extip": ["192.0.2.1"], "mappedip": ["10.0.0.1"],
                              "extintf": ["any"], "portforward": "enable", "extport": "443",
                              "mappedport": "8443"}),
            ("user/group", {"group-type": "firewall", "member": ["guest"]}),
            ("firewall/wildcard-fqdn/custom", {"wildcard-fqdn": "*.example.com"}),
            ("webfilter/profile", {"comment": "x", "ftgd-wf": {"options": ["ftgd-disable"]}}),
        ],
    )  # fmt: skip
    def test_what_was_said_to_be_gone_is_kept(
        self, client: Client, url: str, record: dict[str, Any]
    ) -> None:
        client.data("add", f"{OBJ}/{url}", {"name": "n", **record})

        shown = client.get(f"{OBJ}/{url}/n")
        assert {member: shown[member] for member in record} == record

    def test_a_policy_keeps_its_session_ttl(self, client: Client) -> None:
        record = {"session-ttl": "3600", "tcp-mss-sender": 1300}
        number = client.data("add", POLICY, {**BETWEEN, **record})["policyid"]

        shown = client.get(f"{POLICY}/{number}")
        assert {member: shown[member] for member in record} == record
        assert len(shown) >= 132  # so many members are recorded

    @pytest.mark.parametrize("member", ["groups", "users", "ssl-ssh-profile", "av-profile"])
    def test_what_a_policy_names_must_be_there(self, client: Client, member: str) -> None:
        assert client.code("add", POLICY, {**BETWEEN, member: ["ghost"]}) == -10131

    def test_a_package_is_renamed_by_update(self, client: Client) -> None:
        tree = "/pm/pkg/adom/prod"
        before = client.get(f"{tree}/edge/default")

        assert client.code("update", f"{tree}/edge/default", {"name": "new"}) == 0
        after = client.get(f"{tree}/edge/new")
        assert (after["oid"], after["scope member"]) == (before["oid"], before["scope member"])
        assert client.code("get", f"{tree}/edge/default") == -6
        renamed = f"{PROD}/pkg/edge/new/firewall/policy"
        assert [row["name"] for row in client.get(renamed)] == ["web"]
        assert client.code("update", f"{tree}/edge", {"name": "rim"}) == 0
        assert client.get(f"{tree}/rim/new")["oid"] == before["oid"]
        assert client.code("update", f"{tree}/rim/new", {"name": "new", "bogus": 1}) == -10
