"""Reading and writing an ADOM's objects on a simulated FortiManager."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from fmgsync.model.address import Family, parse
from fmgsync.model.change import Action, AdomPlan, Change, ObjectKind
from fmgsync.planning import usage
from fmgsync.targets.fortimanager import writing
from fmgsync.targets.fortimanager.writing import Writer
from fmgsync.targets.protocol import DEVICES, Question
from tests.targets.conftest import OWNER, REF, Start, seed
from tests.targets.hardship import Before, Refusing, StopsShort
from tests.targets.wanted import ONE, THREE, TWO, plan_for, reconcile

V4, V6 = Family.IPV4, Family.IPV6


def test_an_adom_without_our_objects_shows_the_predefined_ones_only(start: Start) -> None:
    observed = start(seed()).adom().look(Question(objects=["web"])).objects()
    assert {name for _, name in observed.addresses} == {"none", "all"}
    assert observed.addresses[V4, "none"].value == "0.0.0.0"
    assert observed.addresses[V6, "none"].value == "::"
    assert not any(address.owned for address in observed.addresses.values())
    assert observed.groups == {}


def test_what_is_written_is_observed_and_the_second_pass_writes_nothing(start: Start) -> None:
    adom = start(seed()).adom()
    groups = {
        "web": {ONE: "10.1.0.5 10.1.0.6", TWO: "10.2.0.8/30"},
        "db": {ONE: "", THREE: "10.1.0.5 2001:db8::9"},
    }
    report = reconcile(adom, groups)
    assert report.refused == ()
    observed = adom.look(Question(objects=groups)).objects()
    web = observed.groups[V4, "web"]
    assert web.owned
    assert web.members == ("none",)
    assert {place: set(names) for place, names in web.mappings.items()} == {
        ONE: {"prod_10.1.0.5", "prod_10.1.0.6"},
        TWO: {"prod_10.2.0.8_30"},
    }
    assert observed.groups[V4, "db"].mappings[ONE] == ("none",)
    assert observed.groups[V6, "db"].mappings[THREE] == ("prod_2001-db8--9",)
    assert observed.addresses[V6, "prod_2001-db8--9"].value == "2001:db8::9"
    before = adom.requests
    assert plan_for(adom, groups).changes == ()
    assert adom.write(AdomPlan(REF)).written == ()
    assert adom.requests - before <= 7, "a pass that changes nothing is a handful of reads"


def test_a_moved_pod_changes_one_mapping_and_its_two_addresses(start: Start) -> None:
    adom = start(seed()).adom()
    reconcile(adom, {"web": {ONE: "10.1.0.5 10.1.0.6", TWO: "10.2.0.1"}})
    report = reconcile(adom, {"web": {ONE: "10.1.0.9 10.1.0.6", TWO: "10.2.0.1"}})
    assert [(c.action, c.kind, c.name, c.device) for c in report.written] == [
        (Action.CREATE, ObjectKind.ADDRESS, "prod_10.1.0.9", None),
        (Action.UPDATE, ObjectKind.MAPPING, "web", ONE),
        (Action.DELETE, ObjectKind.ADDRESS, "prod_10.1.0.5", None),
    ]
    observed = adom.look(Question(objects=["web"])).objects()
    assert observed.groups[V4, "web"].mappings[TWO] == ("prod_10.2.0.1",), "kept untouched"
    assert (V4, "prod_10.1.0.5") not in observed.addresses


def test_everything_goes_when_nothing_is_wanted_any_more(start: Start) -> None:
    adom = start(seed()).adom()
    reconcile(adom, {"web": {ONE: "10.1.0.5"}})
    reconcile(adom, {})
    observed = adom.look(Question(objects=["web"])).objects()
    assert observed.groups == {}
    assert {name for _, name in observed.addresses} == {"none", "all"}


def test_a_foreign_group_that_holds_one_of_ours_is_seen(start: Start) -> None:
    unit = start(seed())
    adom = unit.adom()
    reconcile(adom, {"web": {ONE: "10.1.0.5"}})
    with unit.session("alice", "wonder") as session:
        table = "/pm/config/adom/prod/obj/firewall/addrgrp"
        results = session.call(
            "add",
            [
                {"url": table, "data": {"name": "hers", "member": ["prod_10.1.0.5"]}},
                {"url": table, "data": {"name": "outer", "member": ["hers"]}},
            ],
        )
        assert all(result.ok for result in results)
    observed = adom.look(Question(objects=["web"])).objects()
    assert not observed.groups[V4, "hers"].owned
    assert observed.groups[V4, "outer"].members == ("hers",)
    assert (V4, "legacy") not in observed.groups


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("mapped", [False, True], ids=["own value", "on one device"])
@pytest.mark.parametrize("excluded", [False, True], ids=["member", "excluded"])
@pytest.mark.parametrize(
    ("family", "table", "address", "neutral"),
    [(V4, "addrgrp", "10.1.0.5", "legacy-db"), (V6, "addrgrp6", "2001:db8::9", "legacy6")],
    ids=["IPv4", "IPv6"],
)
def test_whatever_names_one_of_ours_anywhere_is_seen(
    start: Start,
    family: Family,
    table: str,
    address: str,
    neutral: str,
    excluded: bool,
    mapped: bool,
    depth: int,
) -> None:
    """Members and excluded ones, default and on one device alone, directly or further up."""
    unit = start(seed())
    adom = unit.adom()
    reconcile(adom, {"web": {ONE: address}})
    obj = "/pm/config/adom/prod/obj/firewall"
    plain = {"member": [neutral]}
    naming = {"member": [neutral], "exclude": "enable", "exclude-member": ["web"]}
    telling = naming if excluded else {"member": ["web"]}
    around = [{"name": f"up-{n}", "member": [f"up-{n - 1}"]} for n in range(1, depth)]
    with unit.session("alice", "wonder") as session:
        other = {"name": "legacy6", "ip6": "2001:db8:9::1/128"}
        session.call("add", [{"url": f"{obj}/address6", "data": other}])
        group = {"name": "up-0", **(plain if mapped else telling)}
        assert session.call("add", [{"url": f"{obj}/{table}", "data": group}])[0].ok
        if mapped:
            scope = {"_scope": [{"name": "fgt-1", "vdom": "root"}], **telling}
            url = f"{obj}/{table}/up-0/dynamic_mapping"
            assert session.call("add", [{"url": url, "data": scope}])[0].ok
        for data in around:
            assert session.call("add", [{"url": f"{obj}/{table}", "data": data}])[0].ok
    observed = adom.look(Question(objects=["web"])).objects()
    assert {name for kind, name in observed.groups if kind is family} == {
        "web",
        *(f"up-{n}" for n in range(depth)),
    }
    assert not any(group.owned for key, group in observed.groups.items() if key[1] != "web")
    assert (family, "web") in usage.find_usage((), observed).used


def test_a_foreign_object_with_a_name_we_need_is_seen_and_never_touched(start: Start) -> None:
    adom = start(seed()).adom()
    observed = adom.look(Question(objects=["legacy", "legacy-db"])).objects()
    assert not observed.groups[V4, "legacy"].owned
    assert not observed.addresses[V4, "legacy-db"].owned
    theirs = Change(Action.UPDATE, ObjectKind.GROUP, "legacy", "a stale plan", members=("none",))
    gone = Change(Action.DELETE, ObjectKind.ADDRESS, "legacy-db", "a stale plan")
    report = adom.write(AdomPlan(REF, (theirs, gone)))
    assert report.written == ()
    assert [change for change, _ in report.refused] == [theirs, gone]
    assert all("owner mark" in why for _, why in report.refused)
    assert adom.look(Question(objects=["legacy"])).objects().groups[V4, "legacy"].members == (
        "legacy-db",
    )


def test_one_bad_object_is_isolated_and_everything_else_is_written(start: Start) -> None:
    adom = start(seed()).adom()
    plan = plan_for(adom, {"web": {ONE: "10.1.0.5 10.1.0.6"}, "db": {TWO: "10.1.0.7"}})
    bad = Change(Action.CREATE, ObjectKind.ADDRESS, "n" * 200, "too long", value=parse("10.1.0.66"))
    changes = tuple(
        change
        if change.kind is not ObjectKind.MAPPING or change.name != "web"
        else Change(
            change.action,
            change.kind,
            "web",
            "",
            change.device,
            members=(*change.members, bad.name),
        )
        for change in plan.changes
    )
    report = adom.write(AdomPlan(REF, (bad, *changes)))
    assert [change.name for change, _ in report.refused] == [bad.name]
    observed = adom.look(Question(objects=["web", "db"])).objects()
    assert set(observed.groups[V4, "web"].mappings[ONE]) == {"prod_10.1.0.5", "prod_10.1.0.6"}
    assert observed.groups[V4, "db"].mappings[TWO] == ("prod_10.1.0.7",)


def test_a_group_that_could_not_be_created_takes_its_mappings_with_it(start: Start) -> None:
    adom = start(seed()).adom()
    plan = plan_for(adom, {"web": {ONE: "10.1.0.5"}})
    name = "legacy"  # taken by a foreign group since the plan was made
    taken = tuple(
        Change(c.action, c.kind, name, c.because, c.device, c.value, c.members)
        if c.kind in (ObjectKind.GROUP, ObjectKind.MAPPING)
        else c
        for c in plan.changes
    )
    report = adom.write(AdomPlan(REF, taken))
    assert [c.kind for c, _ in report.refused] == [ObjectKind.GROUP, ObjectKind.MAPPING]
    legacy = adom.look(Question(objects=[name])).objects().groups[V4, name]
    assert legacy.mappings == {}
    assert legacy.members == ("legacy-db",)


def test_an_address_somebody_uses_stays_and_is_reported(start: Start) -> None:
    unit = start(seed())
    adom = unit.adom()
    reconcile(adom, {"web": {ONE: "10.1.0.5"}})
    with unit.session("alice", "wonder") as session:
        data = {"name": "hers", "member": ["prod_10.1.0.5"]}
        url = "/pm/config/adom/prod/obj/firewall/addrgrp"
        assert session.call("add", [{"url": url, "data": data}])[0].ok
    delete = Change(Action.DELETE, ObjectKind.ADDRESS, "prod_10.1.0.5", "not needed")
    report = adom.write(AdomPlan(REF, (delete,)))
    assert report.refused == ((delete, "-10015 used"),)


def test_an_address_that_somebody_uses_on_one_device_only_is_used(start: Start) -> None:
    unit = start(seed())
    adom = unit.adom()
    reconcile(adom, {"web": {ONE: "10.1.0.5"}})
    mapping = {"_scope": [{"name": "fgt-1", "vdom": "root"}], "member": ["prod_10.1.0.5"]}
    url = "/pm/config/adom/prod/obj/firewall/addrgrp/legacy/dynamic_mapping"
    with unit.session("alice", "wonder") as session:
        assert session.call("add", [{"url": url, "data": mapping}])[0].ok
    observed = adom.look(Question(objects=["web"])).objects()
    assert usage.find_usage((), observed).used >= {(V4, "prod_10.1.0.5")}


def test_a_tampered_address_is_repaired_and_its_mappings_go(start: Start) -> None:
    unit = start(seed())
    adom = unit.adom()
    groups = {"web": {ONE: "10.1.0.5"}}
    reconcile(adom, groups)
    url = "/pm/config/adom/prod/obj/firewall/address/prod_10.1.0.5"
    mapping = {
        "_scope": [{"name": "fgt-1", "vdom": "root"}],
        "subnet": ["6.6.6.6", "255.255.255.255"],
    }
    with unit.session("alice", "wonder") as session:
        assert session.call("set", [{"url": url, "data": {"subnet": "0.0.0.0/0"}}])[0].ok
        assert session.call("add", [{"url": f"{url}/dynamic_mapping", "data": mapping}])[0].ok
    seen = adom.look(Question(objects=["web"])).objects().addresses[V4, "prod_10.1.0.5"]
    assert seen.mapped
    assert seen.value == "0.0.0.0/0"
    reconcile(adom, groups)
    repaired = adom.look(Question(objects=["web"])).objects().addresses[V4, "prod_10.1.0.5"]
    assert not repaired.mapped
    assert repaired.value == "10.1.0.5"


@pytest.mark.parametrize("where", ["", "/dynamic_mapping/fgt-1/root"])
def test_members_that_somebody_takes_away_again_are_put_back(start: Start, where: str) -> None:
    unit = start(seed())
    adom = unit.adom()
    groups = {"web": {ONE: "10.1.0.5 10.1.0.6"}}
    reconcile(adom, groups)
    url = f"/pm/config/adom/prod/obj/firewall/addrgrp/web{where}"
    data = {"exclude": "enable", "exclude-member": ["prod_10.1.0.5"]}
    with unit.session("alice", "wonder") as session:
        assert session.call("set", [{"url": url, "data": data}])[0].ok
    assert plan_for(adom, groups).changes
    assert reconcile(adom, groups).refused == ()
    assert plan_for(adom, groups).changes == ()
    assert not adom.look(Question(objects=groups)).objects().groups[V4, "web"].excluded


_BY_HAND = [
    ("address/prod_10.1.0.5", {"associated-interface": ["port1"]}, {"associated-interface"}),
    ("address/prod_10.1.0.5", {"allow-routing": "enable"}, {"allow-routing"}),
    ("address/prod_10.1.0.5", {"fabric-object": "enable"}, {"fabric-object"}),
    ("address6/prod_2001-db8--9", {"fabric-object": "enable"}, {"fabric-object"}),
    ("addrgrp/web", {"type": "folder", "category": "ztna-ems-tag"}, {"type", "category"}),
    ("addrgrp/web", {"allow-routing": "enable"}, {"allow-routing"}),
    ("addrgrp/web", {"fabric-object": "enable"}, {"fabric-object"}),
    ("addrgrp6/web", {"fabric-object": "enable"}, {"fabric-object"}),
    ("addrgrp/web/dynamic_mapping/fgt-1/root", {"type": "folder"}, {"type"}),
    ("addrgrp/web/dynamic_mapping/fgt-1/root", {"fabric-object": "enable"}, {"fabric-object"}),
    ("addrgrp6/web/dynamic_mapping/fgt-1/root", {"fabric-object": "enable"}, {"fabric-object"}),
]


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answer lost"])
@pytest.mark.parametrize(("url", "data", "fields"), _BY_HAND)
def test_what_somebody_set_in_our_objects_is_set_back(
    start: Start, url: str, data: dict[str, Any], fields: set[str], lost: bool
) -> None:
    """Down to the one mapping; whoever did it is named, and what means nothing is left."""
    unit = start(seed())
    adom = unit.adom()
    groups = {"web": {ONE: "10.1.0.5 2001:db8::9"}}
    reconcile(adom, groups)
    whole = f"/pm/config/adom/prod/obj/firewall/{url}"
    with unit.session("alice", "wonder") as session:
        assert session.call("set", [{"url": whole, "data": {**data, "color": 7}}])[0].ok
    (change,) = plan_for(adom, groups).changes
    assert set(change.resets) == fields
    assert "changed by hand by 'alice' at " in change.because
    assert all(f"{name} is " in change.because for name in fields)
    if lost:
        unit.simulator.faults.add("reset-after", method="set")
    report = reconcile(adom, groups)
    assert (report.written, report.refused) == ((change,), ())
    assert plan_for(adom, groups).changes == ()
    with unit.session("alice", "wonder") as session:
        left = session.call("get", [{"url": whole}])[0].data
    assert left["color"] == 7
    assert fields.isdisjoint(name for name, value in data.items() if left[name] == value)


def test_a_unit_that_does_not_set_a_field_back_holds_up_nothing_else(start: Start) -> None:
    """The folder stays one, in the unit's words; an address goes and another comes all the same."""
    unit = start(seed())
    reconcile(unit.adom(), {"web": {ONE: "10.1.0.5"}})
    url = "/pm/config/adom/prod/obj/firewall/addrgrp/web/dynamic_mapping/fgt-1/root"
    with unit.session("alice", "wonder") as session:
        assert session.call("set", [{"url": url, "data": {"type": "folder"}}])[0].ok
    adom = unit.adom(adapter=Refusing("type"))
    report = reconcile(adom, {"web": {ONE: "10.1.0.6"}})
    ((refused, why),) = report.refused
    assert (refused.resets, refused.device) == (("type",), ONE)
    assert "type stays" in why
    mappings = adom.look(Question(objects=["web"])).objects().groups[V4, "web"].mappings
    assert mappings[ONE] == ("prod_10.1.0.6",)
    (left,) = plan_for(adom, {"web": {ONE: "10.1.0.6"}}).changes
    assert left.resets == ("type",)


def test_colour_and_the_like_are_left(start: Start) -> None:
    unit = start(seed())
    adom = unit.adom()
    groups = {"web": {ONE: "10.1.0.5"}}
    reconcile(adom, groups)
    obj = "/pm/config/adom/prod/obj/firewall"
    with unit.session("alice", "wonder") as session:
        for url in (
            "address/prod_10.1.0.5",
            "addrgrp/web",
            "addrgrp/web/dynamic_mapping/fgt-1/root",
        ):
            assert session.call("set", [{"url": f"{obj}/{url}", "data": {"color": 7}}])[0].ok
    assert plan_for(adom, groups).changes == ()


def test_deleting_what_is_gone_already_is_done(start: Start) -> None:
    adom = start(seed()).adom()
    gone = Change(Action.DELETE, ObjectKind.ADDRESS, "prod_10.1.0.5", "not needed")
    assert adom.write(AdomPlan(REF, (gone,))).written == (gone,)


def test_creating_what_is_there_already_is_done_if_it_is_the_same(start: Start) -> None:
    adom = start(seed()).adom()
    same = Change(Action.CREATE, ObjectKind.ADDRESS, "prod_10.1.0.5", "", value=parse("10.1.0.5"))
    assert adom.write(AdomPlan(REF, (same,))).written == (same,)
    assert adom.write(AdomPlan(REF, (same,))).written == (same,)
    other = Change(Action.CREATE, ObjectKind.ADDRESS, "prod_10.1.0.5", "", value=parse("10.1.0.99"))
    assert [c for c, _ in adom.write(AdomPlan(REF, (other,))).refused] == [other]


@pytest.mark.parametrize(("most", "requests"), [(1000, 1), (500, 2), (1, 3)])
def test_long_lists_of_members_are_spread_over_requests(
    start: Start, monkeypatch: pytest.MonkeyPatch, most: int, requests: int
) -> None:
    """Three mappings with 39 characters of names each, and what names them; one that is too long
    travels alone."""
    unit = start(seed())
    reconcile(unit.adom(), {name: {ONE: "10.1.0.1"} for name in "abc"})
    monkeypatch.setattr(writing, "CHARACTERS_PER_REQUEST", most)
    mark = unit.simulator.requests.mark()
    reconcile(unit.adom(), {name: {ONE: "10.1.0.1 10.1.0.2 10.1.0.3"} for name in "abc"})
    sent = [each for each in unit.simulator.requests.since(mark) if each.method == "set"]
    assert len(sent) == requests
    assert sum(len(one.urls) for one in sent) == 3


def test_many_objects_travel_in_few_requests(start: Start) -> None:
    adom = start(seed()).adom()
    addresses = " ".join(f"10.1.{n // 200}.{n % 200}" for n in range(500))
    report = reconcile(adom, {"web": {ONE: addresses, TWO: "10.1.0.1"}})
    assert len(report.written) == 500 + 1 + 2
    assert report.requests < 15
    assert (
        len(adom.look(Question(objects=["web"])).objects().groups[V4, "web"].mappings[ONE]) == 500
    )


@pytest.mark.parametrize("most", [40_000, 12_000])
def test_a_request_that_is_too_large_for_the_unit_is_sent_in_halves(
    start: Start, most: int
) -> None:
    """Nobody publishes how large a request may be; HTTP 413 is a proxy's word for it as well."""
    unit = start(seed(), faults={"maxBody": most})
    adom = unit.adom()
    addresses = " ".join(f"10.1.{n // 200}.{n % 200}" for n in range(300))
    report = reconcile(adom, {"web": {ONE: addresses, TWO: "10.1.0.1"}})
    assert report.refused == ()
    assert len(report.written) == 300 + 1 + 2
    adds = [e for e in unit.simulator.requests.since(0) if e.method == "add"]
    assert max(len(each.urls) for each in adds) > most // 500, "no smaller than it has to be"


@pytest.mark.parametrize(
    ("takes_s", "most", "sizes"),
    [
        pytest.param(0.1, None, [4, 8, 16, 2], id="a quick unit gets more and more at a time"),
        pytest.param(1.0, None, [4] * 7 + [2], id="a slow one does not"),
        pytest.param(0.1, 2_500, [4, 8, 8, 8, 2], id="nor one that has refused more"),
    ],
)
def test_how_many_changes_a_request_carries_follows_from_how_soon_they_are_done(
    start: Start, takes_s: float, most: int | None, sizes: list[int]
) -> None:
    unit = start(seed(), faults={"maxBody": most} if most else {})
    creates = tuple(
        Change(
            Action.CREATE, ObjectKind.ADDRESS, f"prod_10.1.0.{n}", "", value=parse(f"10.1.0.{n}")
        )
        for n in range(30)
    )
    with unit.session(adapter=Before(lambda: unit.clock.sleep(takes_s))) as session:
        writer = Writer(session, AdomPlan(REF, creates), OWNER, clock=unit.clock, batch=4)
        assert writer.write().written == list(creates)
    adds = [each for each in unit.simulator.requests.since() if each.method == "add"]
    assert [len(each.urls) for each in adds] == sizes


def test_inside_with_all_calls_share_one_login(start: Start) -> None:
    adom = start(seed()).adom()
    with adom:
        adom.look(DEVICES).around()
        adom.look(Question(objects=["web"])).objects()
        before = adom.requests
        adom.look(Question(objects=["web"])).objects()
        assert adom.requests - before == 1, "stamp, tables and mappings: no login in between"


@pytest.mark.parametrize("bad", [1, 5])
@pytest.mark.parametrize("release", ["goes on", "answers busy", "answers half a list"])
def test_whatever_a_release_does_after_a_refusal_all_others_are_written(
    start: Start, bad: int, release: str
) -> None:
    unit = start(seed(switches={"stopAtFirstError": release == "answers busy"}))
    adom = unit.adom(adapter=StopsShort() if release == "answers half a list" else None)
    creates = [
        Change(
            Action.CREATE, ObjectKind.ADDRESS, f"prod_10.1.0.{n}", "", value=parse(f"10.1.0.{n}")
        )
        for n in range(1, 21)
    ]
    wrong = [
        Change(Action.CREATE, ObjectKind.ADDRESS, f"{n}" * 200, "too long", value=parse("10.1.1.1"))
        for n in range(bad)
    ]
    mixed = [change for pair in itertools.zip_longest(creates, wrong) for change in pair if change]
    report = adom.write(AdomPlan(REF, tuple(mixed)))
    assert {change for change, _ in report.refused} == set(wrong)
    assert set(report.written) == set(creates)
