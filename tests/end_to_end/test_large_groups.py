"""Shared groups, and groups over the member limit, down to the FortiGate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import common
from fmgsync.model.rollout import Outcome
from fmgsync.model.view import GroupState
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.seen import changes, findings, held, outcomes, passed, states, web

WEB = {"name": "k8s-web", "select": "app == 'web'"}
CLOSED = {"kind": "allow", "schedule": "0 1 29 2 *", "duration": "1m"}
GENEROUS = {"maxRemovedShare": 1.0, "maxAddedShare": 100.0}


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """A limit of four members, and a guard that leaves large changes to these tests."""
    with open_estate(tmp_path, default_seed(install_s=0)) as made:
        made.write_config(memberLimit=4, guard=GENEROUS)
        made.run("west", web("10.2.0", 1))
        yield made


def east(estate: Estate, numbers: Iterable[int]) -> None:
    """Let these pods run in the east."""
    estate.run("east", *(web("10.1.0", n) for n in numbers))


def hosts(numbers: Iterable[int]) -> set[str]:
    return {f"10.1.0.{n}" for n in numbers}


def begin(estate: Estate, numbers: Iterable[int]) -> None:
    """These pods, a policy, and both FortiGates in sync."""
    east(estate, numbers)
    estate.apply_never()
    estate.write_policy("k8s-web")
    assert set(outcomes(estate.apply()).values()) == {Outcome.DONE}


def shard(estate: Estate, number: int) -> list[str]:
    """What one shard holds for the east, by the last numbers."""
    members = estate.mapped(f"k8s-web.{number}")["fgt-east"]
    return [name.rpartition(".")[2] for name in members]


def test_a_shared_group_is_the_same_everywhere(estate: Estate) -> None:
    """Its members are the group's own value, so a device that comes later has them as well."""
    estate.write_config(groups=[{**WEB, "mapping": "shared"}])
    begin(estate, [1, 2])
    assert estate.mapped("k8s-web") == {"": ["prod_10.1.0.1", "prod_10.1.0.2", "prod_10.2.0.1"]}
    for device in ("fgt-east", "fgt-west"):
        assert passed(estate, device) == {"10.1.0.1", "10.1.0.2", "10.2.0.1"}
    east(estate, [2])
    result = estate.apply()
    assert set(states(result).values()) == {GroupState.IN_SYNC}
    assert passed(estate, "fgt-west") == {"10.1.0.2", "10.2.0.1"}
    assert changes(estate.plan()) == []


def test_from_per_device_to_shared_and_back(estate: Estate) -> None:
    """Back: the own value goes, which a device without a mapping would notice, so it waits."""
    begin(estate, [1])
    estate.write_config(groups=[{**WEB, "mapping": "shared"}])
    assert held(estate.apply()) == []
    assert passed(estate, "fgt-west") == {"10.1.0.1", "10.2.0.1"}
    estate.write_config(groups=[WEB])
    (hold,) = held(estate.apply())
    assert hold.device is None
    assert passed(estate, "fgt-west") == {"10.2.0.1"}
    estate.approve(hold.digest)
    estate.apply()
    assert estate.mapped("k8s-web") == {
        "": ["none"],
        "fgt-east": ["prod_10.1.0.1"],
        "fgt-west": ["prod_10.2.0.1"],
    }


def test_a_mode_that_changes_while_a_cluster_is_silent_takes_nothing_away(estate: Estate) -> None:
    """A device keeps what it has, whichever way its members are written by then."""
    allowed = {**WEB, "allowEmpty": True}
    estate.write_config(groups=[allowed])
    begin(estate, [1, 2])
    (estate.folder / "east.json").unlink()
    for mode in ("shared", "per-device"):
        estate.write_config(groups=[{**allowed, "mapping": mode}])
        result = estate.apply()
        assert held(result) == []
        assert common.apply_code(result) == common.FAILED
        assert passed(estate, "fgt-east") >= hosts([1, 2])
        assert passed(estate, "fgt-west") >= {"10.2.0.1"}
    assert changes(estate.plan()) == []


def test_a_group_over_the_limit_is_nested(estate: Estate) -> None:
    """Six in two shards for the east; the west keeps its one member in the group itself."""
    begin(estate, range(1, 7))
    assert estate.mapped("k8s-web") == {
        "": ["none"],
        "fgt-east": ["k8s-web.1", "k8s-web.2"],
        "fgt-west": ["prod_10.2.0.1"],
    }
    assert (shard(estate, 1), shard(estate, 2)) == (["1", "2", "3", "4"], ["5", "6"])
    assert estate.mapped("k8s-web.1")[""] == ["none"]
    assert passed(estate, "fgt-east") == hosts(range(1, 7))
    assert passed(estate, "fgt-west") == {"10.2.0.1"}
    assert set(states(estate.status()).values()) == {GroupState.IN_SYNC}
    assert changes(estate.plan()) == []


def test_who_stays_stays_in_its_shard(estate: Estate) -> None:
    """One goes, one comes into the room it left: two writes, not six."""
    begin(estate, range(1, 7))
    east(estate, [1, 2, 4, 5, 6, 7])
    planned = [(c.kind.value, c.name) for c in changes(estate.plan())]
    assert planned == [
        ("address", "prod_10.1.0.7"),
        ("mapping", "k8s-web.1"),
        ("address", "prod_10.1.0.3"),
    ]
    estate.apply()
    assert (shard(estate, 1), shard(estate, 2)) == (["1", "2", "4", "7"], ["5", "6"])
    assert passed(estate, "fgt-east") == hosts([1, 2, 4, 5, 6, 7])


def test_a_group_that_grows_over_the_limit_stays_whole_on_the_way(estate: Estate) -> None:
    begin(estate, range(1, 5))
    assert estate.mapped("k8s-web")["fgt-east"] == [f"prod_10.1.0.{n}" for n in range(1, 5)]
    east(estate, range(1, 6))
    estate.apply()
    assert passed(estate, "fgt-east") == hosts(range(1, 6))


def test_a_group_that_shrinks_loses_its_shards(estate: Estate) -> None:
    begin(estate, range(1, 7))
    east(estate, [1, 6])
    estate.apply()
    assert estate.mapped("k8s-web")["fgt-east"] == ["prod_10.1.0.1", "prod_10.1.0.6"]
    assert estate.object("addrgrp", "k8s-web.1") is None
    assert estate.object("addrgrp", "k8s-web.2") is None
    assert passed(estate, "fgt-east") == hosts([1, 6])


@pytest.mark.parametrize("window", ["always", "never"])
def test_shards_that_go_are_no_edits_of_others(estate: Estate, window: str) -> None:
    """The device's copy of a shard bears no mark: a mapping has no comment. Neither an install nor
    an urgent removal may wait for somebody to let it through."""
    begin(estate, range(1, 7))
    windows = "always" if window == "always" else [CLOSED]
    estate.write_config(install={"windows": windows, "removals": "immediately"})
    east(estate, [1, 6])
    estate.apply("window")
    assert passed(estate, "fgt-east") == hosts([1, 6])


def test_a_shared_group_over_the_limit_is_nested_as_well(estate: Estate) -> None:
    estate.write_config(groups=[{**WEB, "mapping": "shared"}])
    begin(estate, range(1, 7))
    assert estate.mapped("k8s-web") == {"": ["k8s-web.1", "k8s-web.2"]}
    assert passed(estate, "fgt-west") == {*hosts(range(1, 7)), "10.2.0.1"}


def test_shards_that_were_changed_by_hand_are_put_back(estate: Estate) -> None:
    begin(estate, range(1, 7))
    url = "/pm/config/adom/prod/obj/firewall/addrgrp/k8s-web.1/dynamic_mapping/fgt-east/root"
    with estate.administrator() as console:
        console.call("set", url, {"member": ["all"]})
    estate.apply()
    assert passed(estate, "fgt-east") == hosts(range(1, 7))
    assert changes(estate.plan()) == []


def test_a_foreign_group_in_a_shards_name_fails_that_rule(estate: Estate) -> None:
    """It is not touched, and the group keeps what it has."""
    with estate.administrator() as console:
        data = {"name": "k8s-web.2", "member": ["legacy-db"]}
        console.call("add", "/pm/config/adom/prod/obj/firewall/addrgrp", data)
    begin(estate, range(1, 5))
    east(estate, range(1, 7))
    result = estate.apply()
    (clash,) = findings(result, "foreign-name")
    assert "an addrgrp named k8s-web.2 exists" in clash.message
    assert common.apply_code(result) == common.FAILED
    assert passed(estate, "fgt-east") == hosts(range(1, 5))
    assert estate.mapped("k8s-web.2") == {"": ["legacy-db"]}
    # What goes needs no further shard.
    east(estate, range(2, 8))
    estate.apply()
    assert passed(estate, "fgt-east") == hosts(range(2, 5))


def test_more_than_nesting_can_hold_fails_that_rule(estate: Estate) -> None:
    """Four shards of four are the most; the group keeps what it has."""
    begin(estate, range(1, 5))
    east(estate, range(1, 18))
    result = estate.apply()
    assert [one.name for one in findings(result, "too-large")] == ["k8s-web"]
    assert common.apply_code(result) == common.FAILED
    assert passed(estate, "fgt-east") == hosts(range(1, 5))


def limited(tmp_path: Path, **switches: Any) -> Any:
    return open_estate(tmp_path, default_seed(install_s=0, switches=switches))


@pytest.mark.parametrize(
    ("config", "largest"),
    [({}, 5), ({"memberLimit": 3}, 3), ({"memberLimit": 9}, 5)],
    ids=["the unit's word", "a smaller wish", "a larger wish does not count"],
)
def test_the_units_own_limit_counts(tmp_path: Path, config: dict[str, int], largest: int) -> None:
    with limited(tmp_path, statedMemberLimit=5, memberLimit=5) as estate:
        estate.write_config(**config)
        estate.run("west", web("10.2.0", 1))
        begin(estate, range(1, 8))
        assert len(shard(estate, 1)) == largest
        assert passed(estate, "fgt-east") == hosts(range(1, 8))


def test_an_old_adom_accepts_shorter_names(tmp_path: Path) -> None:
    """63 characters before FortiOS 6.2, the shard's number included; the other rule goes on."""
    seed = default_seed(install_s=0)
    seed["adoms"][0]["osVersion"] = "6.0"
    long, fits = "k" * 63, "w" * 61
    with open_estate(tmp_path, seed) as estate:
        groups = [{**WEB, "name": name} for name in (long + "x", long, fits)]
        estate.write_config(memberLimit=4, groups=groups)
        estate.run("west", web("10.2.0", 1))
        east(estate, range(1, 7))
        result = estate.apply()
        assert {one.name for one in findings(result, "name-too-long")} == {long + "x", long}
        assert estate.object("addrgrp", long) is None
        assert estate.mapped(fits)["fgt-east"] == [f"{fits}.1", f"{fits}.2"]
