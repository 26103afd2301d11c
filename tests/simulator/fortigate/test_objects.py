"""Objects by a FortiGate's own REST API: reads, writes, refusals, one state with FortiManager."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmgsync.simulator import Simulator
from tests.simulator.conftest import small_seed
from tests.simulator.fortigate.conftest import Rest

Boot = Callable[..., tuple[Simulator, Rest]]
ADDRESS, GROUP = "cmdb/firewall/address", "cmdb/firewall/addrgrp"


@pytest.mark.parametrize("end", ["", "/", "?vdom=root", "/?vdom=", "?vdom=root&format=name"])
def test_a_table_is_read_with_and_without_a_trailing_slash(boot: Boot, end: str) -> None:
    _, rest = boot()

    rows = rest.get(f"{ADDRESS}{end}")

    assert {"db", "spare", "all", "none"} <= {row["name"] for row in rows}
    assert all(row["q_origin_key"] == row["name"] for row in rows)


def test_every_envelope_tells_who_answers(boot: Boot) -> None:
    _, rest = boot(serial="FGT60F0000000001", version="7.2.5")

    for method, path in [
        ("GET", ADDRESS),
        ("GET", f"{ADDRESS}/ghost"),
        ("DELETE", f"{ADDRESS}/db"),
    ]:
        answer = rest.ask(method, path)
        assert answer["serial"] == "FGT60F0000000001"
        assert answer["version"] == "v7.2.5"
        assert answer["vdom"] == "root"
        assert (answer["path"], answer["name"]) == ("firewall", "address")
        assert isinstance(answer["build"], int)


def test_one_object_is_a_list_of_one(boot: Boot) -> None:
    _, rest = boot()

    answer = rest.ask("GET", f"{ADDRESS}/db")

    assert answer["mkey"] == "db"
    assert [row["subnet"] for row in answer["results"]] == ["10.9.0.1 255.255.255.255"]


@pytest.mark.parametrize(
    ("method", "path", "body", "outcome"),
    [
        ("POST", ADDRESS, {"name": "new", "subnet": "10.0.0.1/32"}, 200),
        ("POST", ADDRESS, {"name": "new", "subnet": "10.0.0.0 255.0.0.0"}, 200),
        ("POST", ADDRESS, {"json": {"name": "new", "subnet": "10.0.0.1/32"}}, 200),
        ("POST", ADDRESS, {"name": "db", "subnet": "10.0.0.1/32"}, -5),
        ("POST", ADDRESS, {"name": "legacy", "subnet": "10.0.0.1/32"}, -163),
        ("POST", GROUP, {"name": "db", "member": []}, -163),
        ("POST", ADDRESS, {"name": "a" * 80}, -1),
        ("POST", ADDRESS, {"name": "new", "comment": "a" * 256}, -1),
        ("POST", ADDRESS, {"name": "ne(w"}, -173),
        ("POST", ADDRESS, {"name": ""}, -56),
        ("POST", ADDRESS, {}, -56),
        ("POST", ADDRESS, None, -56),
        ("POST", ADDRESS, [{"name": "new"}], 424),
        ("POST", ADDRESS, {"name": "new", "subnet": "10.0.0.1/33"}, -9),
        ("POST", ADDRESS, {"name": "new", "type": "nonsense"}, -651),
        ("POST", ADDRESS, {"name": "new", "color": 99}, -650),
        ("POST", ADDRESS, {"name": "n", "type": "iprange", "start-ip": "10.0.0.9"}, -56),
        (
            "POST",
            ADDRESS,
            {"name": "n", "type": "iprange", "start-ip": "10.0.0.9", "end-ip": "10.0.0.1"},
            -45,
        ),
        ("POST", "cmdb/firewall/address6", {"name": "n", "ip6": "2001:db8::/129"}, -255),
        ("POST", "cmdb/firewall/address6", {"name": "db", "ip6": "2001:db8::/64"}, 200),
        ("POST", f"{ADDRESS}/new", {"name": "new"}, 405),
        ("POST", GROUP, {"name": "new", "member": [{"name": "ghost"}]}, -3),
        ("POST", GROUP, {"name": "new", "member": [{"name": "new"}]}, -3),
        ("PUT", f"{GROUP}/legacy", {"member": [{"name": "legacy"}]}, -651),
        ("POST", GROUP, {"name": "new", "member": []}, 200),
        ("PUT", ADDRESS, {"comment": "x"}, 405),
        ("PUT", f"{ADDRESS}/ghost", {"comment": "x"}, 404),
        ("PUT", f"{ADDRESS}/db", {"name": "other"}, -651),
        ("PUT", f"{ADDRESS}/db", {"name": "db", "comment": "x"}, 200),
        ("PUT", f"{GROUP}/legacy", {"member": [{"name": "db"}, {"name": "ghost"}]}, -3),
        ("DELETE", f"{ADDRESS}/ghost", None, 404),
        ("DELETE", f"{ADDRESS}/db", None, -23),
        ("DELETE", f"{GROUP}/legacy", None, -23),
        ("DELETE", f"{ADDRESS}/spare", None, 200),
        ("PATCH", f"{ADDRESS}/spare", {}, 405),
        ("GET", "cmdb/firewall/nonsense", None, 404),
        ("GET", "cmdb/firewall", None, 404),
        ("GET", "log/traffic", None, 404),
        ("GET", f"{ADDRESS}?vdom=nowhere", None, 403),
        ("GET", f"{ADDRESS}?filter=nonsense", None, 400),
        ("GET", f"{ADDRESS}?start=x", None, 400),
        ("GET", f"{ADDRESS}?count=-1", None, 200),
    ],
)  # fmt: skip
def test_outcomes(boot: Boot, method: str, path: str, body: Any, outcome: int) -> None:
    simulator, rest = boot()

    assert rest.outcome(method, path, body) == outcome
    assert simulator.world.defects == []


def test_what_is_refused_changes_nothing(boot: Boot) -> None:
    _, rest = boot()
    before = rest.ask("GET", GROUP)

    assert (
        rest.outcome("PUT", f"{GROUP}/legacy", {"comment": "x", "member": [{"name": "no"}]}) == -3
    )
    assert rest.ask("GET", GROUP) == before


def test_members_one_at_a_time(boot: Boot) -> None:
    _, rest = boot()
    member = f"{GROUP}/legacy/member"

    assert rest.outcome("POST", member, {"name": "spare"}) == 200
    assert rest.outcome("POST", member, {"name": "spare"}) == -5
    assert rest.outcome("POST", member, {"name": "ghost"}) == -3
    assert rest.outcome("PUT", f"{member}/spare", {"name": "spare"}) == 200
    assert rest.members("legacy") == ["db", "spare"]
    assert rest.outcome("DELETE", f"{member}/db") == 200
    assert rest.outcome("DELETE", f"{member}/db") == 404
    assert rest.outcome("POST", f"{GROUP}/ghost/member", {"name": "db"}) == 404
    assert rest.members("legacy") == ["spare"]
    assert rest.outcome("DELETE", f"{ADDRESS}/db") == 200


def test_a_revision_belongs_to_a_table_and_moves_with_changes_only(boot: Boot) -> None:
    _, rest = boot()

    def revisions() -> list[str]:
        paths = (ADDRESS, GROUP, f"{ADDRESS}?vdom=dmz", "cmdb/firewall/address6")
        return [rest.ask("GET", path)["revision"] for path in paths]

    before = revisions()
    same = rest.ask("PUT", f"{ADDRESS}/db", {"subnet": "10.9.0.1/32"})
    assert (same["revision_changed"], "old_revision" in same) == (False, False)
    assert revisions() == before
    told = rest.ask("PUT", f"{ADDRESS}/db", {"subnet": "10.9.0.7/32"})
    assert (told["old_revision"], told["revision_changed"]) == (before[0], True)
    assert revisions() == [told["revision"], *before[1:]]
    assert len(set(before)) == 4


def test_a_delete_without_a_key_purges_what_nothing_uses(boot: Boot) -> None:
    _, rest = boot()
    rest.ask("POST", ADDRESS, {"name": "x", "subnet": "10.0.0.1/32"})

    assert rest.outcome("DELETE", f"{ADDRESS}/") == 200

    left = rest.names("address")
    assert {"db", "all", "none"} <= set(left)
    assert not {"x", "spare"} & set(left)


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ("filter=name==db", ["db"]),
        ("filter=name==DB", ["db"]),
        ("filter=name%3D%3Ddb", ["db"]),
        ("filter=name=@pa", ["spare"]),
        ("filter=name==db,name==spare", ["db", "spare"]),
        ("filter=name=@d&filter=comment=@hand", ["db"]),
        ("filter=subnet=@10.9.0&filter=name!=db", ["spare"]),
        ("key=name&pattern=spar", ["spare"]),
        ("filter=name==nobody", []),
    ],
)
def test_filters(boot: Boot, filter_: str, found: list[str]) -> None:
    _, rest = boot()

    assert rest.names("address", f"&{filter_}") == found


@pytest.mark.parametrize("count", [1, 2, 3, 5, 100])
def test_pages_go_on_behind_the_last_row_delivered(boot: Boot, count: int) -> None:
    _, rest = boot()
    whole, found, start = rest.names("address"), [], 0

    while True:
        page = rest.ask("GET", f"{ADDRESS}?format=name&start={start}&count={count}")
        assert (page["size"], page["matched_count"]) == (len(whole), len(whole))
        found += [row["name"] for row in page["results"]]
        if len(page["results"]) < count or len(found) == len(whole):
            break
        assert page["limit_reached"]
        start = page["next_idx"] + 1

    assert found == whole


def test_names_with_slashes_are_encoded_whole(boot: Boot) -> None:
    _, rest = boot()
    rest.ask("POST", ADDRESS, {"name": "a/b c+d", "subnet": "10.0.0.1/32"})

    assert rest.get(f"{ADDRESS}/a%2Fb%20c+d")[0]["name"] == "a/b c+d"
    assert rest.outcome("GET", f"{ADDRESS}/a/b%20c+d") == 404


def test_several_vdoms_answer_a_list_and_take_writes_each(boot: Boot) -> None:
    _, rest = boot()

    told = rest.ask("POST", f"{ADDRESS}?vdom=*", {"name": "x", "subnet": "10.0.0.1/32"})

    assert [one["vdom"] for one in told] == ["root", "dmz"]
    for vdom in ("root", "dmz"):
        assert "x" in rest.names("address", f"&vdom={vdom}")
    assert "db" not in rest.names("address", "&vdom=dmz")


@pytest.mark.parametrize(
    ("version", "table", "there", "gone"),
    [
        ("6.2.3", "address", {"visibility", "start-mac"}, {"macaddr", "fabric-object", "dirty"}),
        ("6.4.4", "address", {"fabric-object", "obj-type"}, {"visibility", "node-ip-only"}),
        ("7.2.5", "address", {"macaddr", "node-ip-only", "tag-type"}, {"route-tag", "start-mac"}),
        ("7.4.5", "address", {"route-tag", "hw-model"}, {"sso-attribute-value"}),
        ("6.2.3", "addrgrp", {"exclude"}, {"type", "category"}),
        ("6.4.4", "addrgrp", {"type"}, {"category"}),
        ("7.2.5", "addrgrp", {"category"}, {"visibility"}),
        ("7.2.5", "addrgrp6", {"fabric-object"}, {"exclude"}),
        ("7.4.5", "addrgrp6", {"exclude"}, {"visibility"}),
    ],
)
def test_fields_by_release(
    boot: Boot, version: str, table: str, there: set[str], gone: set[str]
) -> None:
    _, rest = boot(version=version)

    [row] = rest.get(
        f"cmdb/firewall/{table}?filter=name=@{'legacy' if 'grp' in table else 'spare'}"
    )

    assert there <= row.keys()
    assert not gone & row.keys()


@pytest.mark.parametrize(
    ("version", "members"),
    [
        ("6.4.2", set()),
        ("7.2.5", {"size", "matched_count", "next_idx"}),
        ("7.4.5", {"size", "matched_count", "next_idx", "limit_reached"}),
    ],
)
def test_counts_by_release(boot: Boot, version: str, members: set[str]) -> None:
    _, rest = boot(version=version)
    every = {"size", "matched_count", "next_idx", "limit_reached"}

    assert every & rest.ask("GET", ADDRESS).keys() == members


def test_an_empty_group_needs_7_2(boot: Boot) -> None:
    _, old = boot(version="7.0.12")

    assert old.outcome("POST", GROUP, {"name": "new", "member": []}) == -56
    assert old.outcome("POST", GROUP, {"name": "new", "member": [{"name": "none"}]}) == 200


@pytest.mark.parametrize(
    ("limits", "outcome"),
    [
        ({"addresses": 14}, [200, -4]),
        ({"vdomAddresses": 14}, [200, -580]),
        ({"addresses": 15}, [200, 200]),
    ],
)
def test_tables_fill_up(boot: Boot, limits: dict[str, int], outcome: list[int]) -> None:
    _, rest = boot(vdoms=["root"], limits=limits)
    assert len(rest.names("address")) == 14

    # One fits into the place of another.
    rest.ask("DELETE", f"{ADDRESS}/spare")
    found = [rest.outcome("POST", ADDRESS, {"name": f"n{at}"}) for at in range(2)]

    assert found == outcome


def test_a_group_holds_so_many(boot: Boot) -> None:
    _, rest = boot(limits={"members": 2})
    members = [{"name": "db"}, {"name": "spare"}]

    assert rest.outcome("PUT", f"{GROUP}/legacy", {"member": [*members, {"name": "all"}]}) == -4
    assert rest.outcome("PUT", f"{GROUP}/legacy", {"member": members}) == 200


def test_members_nobody_knows_are_told_and_refused_where_that_is_wished(boot: Boot) -> None:
    simulator, rest = boot()
    rest.ask("PUT", f"{ADDRESS}/db", {"nonsense": 1})
    rest.ask("GET", f"{ADDRESS}?nonsense=1")
    rest.ask("GET", "monitor/system/status?strange=1")
    rest.ask("DELETE", f"{ADDRESS}/ghost", {"force": 1})
    rest.ask("POST", f"{GROUP}/legacy/member", {"name": "spare", "after": "db"})
    rest.ask("POST", "cmdb?action=transaction-start", {"timeout": 60, "comment": "x"})
    assert {(kind, name) for kind, _, name in simulator.ignored.counts} == {
        ("member", "nonsense"), ("parameter", "nonsense"), ("parameter", "strange"),
        ("member", "force"), ("member", "after"), ("member", "comment"),
    }  # fmt: skip

    simulator.ignored.strict = True
    before = rest.members("legacy")

    assert rest.outcome("PUT", f"{ADDRESS}/db", {"nonsense": 1}) == -61
    assert rest.outcome("GET", f"{ADDRESS}?nonsense=1") == 400
    assert rest.outcome("GET", "monitor/system/status?strange=1") == 400
    assert rest.outcome("DELETE", f"{ADDRESS}/spare", {"force": 1}) == -61
    assert rest.outcome("POST", f"{GROUP}/legacy/member", {"name": "all", "after": "db"}) == -61
    assert rest.outcome("POST", "cmdb?action=transaction-start", {"comment": "x"}) == -61
    assert rest.members("legacy") == before
    assert "spare" in rest.names("address")


def test_a_row_is_written_back_as_it_was_read(boot: Boot) -> None:
    simulator, _ = boot()
    rest = Rest(simulator, key="wonder")
    for path in ("address/db", "address6/db6", "addrgrp/legacy", "policy/1"):
        [row] = rest.get(f"cmdb/firewall/{path}")
        told = rest.ask("PUT", f"cmdb/firewall/{path}", row)
        assert (told["status"], told["revision_changed"]) == ("success", False), told
        assert rest.get(f"cmdb/firewall/{path}") == [row]
    assert simulator.ignored.total == 0


def test_policies_are_written_by_others(boot: Boot) -> None:
    simulator, _ = boot()
    alice = Rest(simulator, key="wonder")
    policy = {"srcintf": [{"name": "port1"}], "dstintf": [{"name": "any"}], "action": "accept"}
    policy |= {"srcaddr": [{"name": "legacy"}], "dstaddr": [{"name": "all"}]}
    policy |= {"service": [{"name": "ALL"}], "schedule": "always"}

    assert alice.ask("POST", "cmdb/firewall/policy", {"policyid": 0, **policy})["mkey"] == 2
    assert alice.outcome("POST", "cmdb/firewall/policy", {"policyid": 2, **policy}) == -5
    bad = {**policy, "srcaddr": [{"name": "ghost"}]}
    assert alice.outcome("POST", "cmdb/firewall/policy", bad) == -651
    assert alice.outcome("DELETE", "cmdb/firewall/policy/1") == 200
    assert alice.ask("DELETE", GROUP + "/legacy")["cli_error"].startswith(
        "The entry is used by other 1 entries"
    )


def test_a_write_on_a_managed_unit_is_an_edit_behind_its_fortimanagers_back(boot: Boot) -> None:
    seed = small_seed(fortigates=[{"name": "east-1", "apiUsers": [{"name": "a", "key": "k3y"}]}])
    simulator, rest = boot(seed=seed)
    console = simulator.console("alice")

    def status() -> str:
        device = console.get("/dvmdb/adom/prod/device/east-1", fields=["conf_status"])
        return str(device["conf_status"])

    assert rest.members("legacy") == ["db"]
    assert (status(), rest.get("cmdb/firewall/addrgrp/legacy")[0]["comment"]) == ("insync", "")
    assert rest.outcome("POST", ADDRESS, {"name": "hand", "subnet": "10.0.0.1/32"}) == 200
    assert rest.outcome("POST", f"{GROUP}/legacy/member", {"name": "hand"}) == 200
    assert status() == "outofsync"
    assert simulator.fortigate("east-1").members("legacy") == {"10.9.0.1", "10.0.0.1"}
    assert rest.outcome("DELETE", f"{GROUP}/legacy/member/hand") == 200
    assert rest.outcome("DELETE", f"{ADDRESS}/hand") == 200
    assert status() == "insync"
    assert rest.outcome("PUT", f"{GROUP}/legacy", {"comment": "x", "color": 3}) == 200
    assert status() == "outofsync"
    assert rest.outcome("PUT", f"{GROUP}/legacy", {"comment": "", "color": 0}) == 200
    assert status() == "insync"
