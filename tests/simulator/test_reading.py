from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.conftest import Start, small_seed

OBJ = "/pm/config/adom/prod/obj/firewall"


def seed_with_addresses() -> dict[str, Any]:
    seed = small_seed()
    seed["adoms"][0]["addresses"] += [
        {"name": "host_001", "subnet": "10.0.0.111/32"},
        {"name": "host_002", "subnet": "10.0.0.112/32", "color": 7},
        {"name": "net_001", "subnet": "10.0.0.0/24"},
        {"name": "net_002", "subnet": "10.0.0.0/16"},
        {"name": "range_001", "startIp": "10.0.0.100", "endIp": "10.0.0.120"},
    ]
    return seed


def like(pattern: str) -> list[Any]:
    return ["name", "like", pattern]


@pytest.mark.parametrize(
    ("filter_", "names"),
    [
        (["name", "==", "host_001"], ["host_001"]),
        (["name", "==", "ghost"], []),
        (like("host_%"), ["host_001", "host_002"]),
        (like("%_001"), ["host_001", "net_001", "range_001"]),
        (like("h%t%1"), ["host_001"]),
        (["name", "in", "host_001", "net_001"], ["host_001", "net_001"]),
        (["name", "in", ["host_001", "net_001"]], ["host_001", "net_001"]),
        ([["name", "in", "host_001", "net_001"]], ["host_001", "net_001"]),
        ([like("%_001"), "&&", ["type", "==", "ipmask"]], ["host_001", "net_001"]),
        ([like("%_001"), "&&", ["type", "==", 1]], ["range_001"]),
        ([["name", "==", "host_001"], "||", ["color", "==", 7]], ["host_001", "host_002"]),
        (
            [like("%_00"), "||", ["subnet", "==", ["10.0.0.111", "255.255.255.255"]]],
            ["host_001"],
        ),
        (
            [["subnet", "<=", ["10.0.0.0", "255.255.255.0"]], "&&", like("%_00%")],
            ["host_001", "host_002", "net_001"],
        ),
        (
            [["subnet", ">=", ["10.0.0.111", "255.255.255.255"]], "&&", like("%_00%")],
            ["host_001", "net_001", "net_002"],
        ),
        (
            [
                ["type", "==", "iprange"],
                "&&",
                [["start-ip", "<=", "10.0.0.111"], "&&", ["end-ip", ">=", "10.0.0.111"]],
            ],
            ["range_001"],
        ),
        (["!", [["name", "!=", "host_001"]]], ["host_001"]),
    ],
)
def test_filters(start: Start, filter_: list[Any], names: list[str]) -> None:
    _, client = start(seed_with_addresses())

    rows = client.get(f"{OBJ}/address", filter=filter_, fields=["name"], loadsub=0)

    assert [row["name"] for row in rows if "_00" in row["name"]] == names


def test_groups_are_found_by_a_member(start: Start) -> None:
    _, client = start()

    rows = client.get(f"{OBJ}/addrgrp", filter=["member", "contain", "db"], fields=["name"])

    assert [row["name"] for row in rows] == ["legacy"]


@pytest.mark.parametrize(
    "filter_",
    [
        "name",
        ["name"],
        ["name", "=="],
        ["name", "~", "x"],
        ["no-such", "==", "x"],
        [["name", "==", "x"], "&&"],
        [["name", "==", "x"], "and", ["name", "==", "y"]],
        [{}],
        ["subnet", "<=", "nonsense"],
    ],
)
def test_filters_that_make_no_sense_are_refused(start: Start, filter_: object) -> None:
    _, client = start()

    assert client.code("get", f"{OBJ}/address", filter=filter_) == -10


def test_a_filter_nested_without_end_is_refused(start: Start) -> None:
    _, client = start()
    filter_: list[Any] = ["name", "==", "x"]
    for _ in range(200):
        filter_ = [["name", "==", "x"], "&&", filter_]

    assert client.code("get", f"{OBJ}/address", filter=filter_) == -10


def test_unused_objects_can_be_asked_for(start: Start) -> None:
    _, client = start()
    filter_ = [["object used", "==", 0], "&&", ["name", "in", "db", "spare"]]

    rows = client.get(f"{OBJ}/address", filter=filter_, fields=["name"])

    assert [row["name"] for row in rows] == ["spare"]


def test_fields_bring_the_key_and_the_oid(start: Start) -> None:
    _, client = start()

    row = client.get(f"{OBJ}/address/db", fields=["subnet", "no-such"], loadsub=0)

    assert set(row) == {"name", "oid", "subnet"}


@pytest.mark.parametrize(
    ("fields"), [["name", "subnet"], [["name", "subnet"]]], ids=["flat", "nested"]
)
def test_fields_flat_and_nested(start: Start, fields: list[Any]) -> None:
    _, client = start()

    row = client.get(f"{OBJ}/address/db", fields=fields, loadsub=0)

    assert row["subnet"] == ["10.9.0.1", "255.255.255.255"]


def test_ranges_page_through_a_table_in_order(start: Start) -> None:
    _, client = start()
    names = [row["name"] for row in client.get(f"{OBJ}/address", fields=["name"])]

    pages: list[str] = []
    for at in range(0, len(names) + 4, 4):
        page = client.get(f"{OBJ}/address", fields=["name"], range=[at, 4])
        pages.extend(row["name"] for row in page)

    assert pages == names == sorted(names)


def test_what_is_written_between_two_pages_is_in_the_next(start: Start) -> None:
    _, client = start(seed_with_addresses())

    def page(at: int) -> list[str]:
        rows = client.get(
            f"{OBJ}/address", filter=like("host%"), fields=["name"], range=[at, 1], loadsub=0
        )
        return [row["name"] for row in rows or ()]

    first = page(0)
    client.data("add", f"{OBJ}/address", {"name": "host_0015", "subnet": "10.0.0.15/32"})

    assert [first, page(1), page(2), page(3)] == [["host_001"], ["host_0015"], ["host_002"], []]


def test_sortings(start: Start) -> None:
    _, client = start(seed_with_addresses())

    rows = client.get(
        f"{OBJ}/address", filter=like("host%"), sortings=[{"color": -1}], fields=["name"]
    )

    assert [row["name"] for row in rows] == ["host_002", "host_001"]


def test_count_checksum_and_devinfo_follow_the_table(start: Start) -> None:
    _, client = start()

    def numbers() -> tuple[Any, Any, Any]:
        return (
            client.get(f"{OBJ}/address", option=["count"]),
            client.get(f"{OBJ}/address", option="chksum"),
            client.get("/pm/config/adom/prod/obj", option="devinfo")["uuid"],
        )

    before = numbers()
    assert numbers() == before
    client.data("add", f"{OBJ}/address", {"name": "new", "subnet": "10.0.0.1/32"})
    after = numbers()

    assert after[0] == before[0] + 1
    assert after[1] != before[1]
    assert after[2] != before[2]


def test_extra_info_and_use(start: Start) -> None:
    _, client = start()
    client.data("set", f"{OBJ}/address/db", {"comment": "new"})

    row = client.get(f"{OBJ}/address/db", option=["extra info", "get used"])
    spare = client.get(f"{OBJ}/address/spare", option=["get used"])

    assert (row["obj ver"], row["_last-modified-by"], row["obj flags"]) == (2, "fmgsync", 1)
    assert "obj flags" not in spare
