"""Writing to a FortiGate: order, refusals, unsure outcomes, other people's hands."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.model.adom import Reading
from fmgsync.model.change import Action
from fmgsync.model.target import DeviceVdom
from fmgsync.targets.fortigate import urls
from fmgsync.targets.hooks import Hooks
from fmgsync.targets.protocol import Around, Question
from tests.targets.fortigate.conftest import NAME, Branch
from tests.targets.fortigate.planning import converge, plan

ADDRESS, GROUP = urls.Table.ADDRESS, urls.Table.GROUP
WEB = {"web": ["10.0.0.1", "10.0.0.2"]}
FOREIGN = {
    "addresses": [{"name": "db", "subnet": "10.9.0.1/32", "comment": "by hand"}],
    "addressGroups": [{"name": "legacy", "members": ["db"]}],
    "policies": [{"name": "web", "srcaddr": ["legacy"], "dstaddr": ["all"]}],
}


def hosts(*numbers: int) -> list[str]:
    return [f"10.0.{n // 250}.{n % 250}" for n in numbers]


def row(branch: Branch, table: str, name: str, vdom: str = "root") -> dict[str, Any]:
    answer = branch.box.rest(f"/api/v2/cmdb/firewall/{table}/{name}?vdom={vdom}")
    found: dict[str, Any] = answer["results"][0]
    return found


def test_what_is_wanted_is_there_and_nothing_else_is_touched(boot: Callable[..., Branch]) -> None:
    branch = boot(**FOREIGN)
    before = {name: row(branch, "address", name) for name in ("db", "all", "none")}
    with branch.target() as target:
        report = converge(target, {**WEB, "web:6": ["2001:db8::9"]})
    assert not report.refused
    assert branch.box.members("web") == {"10.0.0.1", "10.0.0.2"}
    assert branch.box.members("web", family="ipv6") == {"2001:db8::9"}
    made = row(branch, "address", "prod_10.0.0.1")
    assert made["subnet"] == "10.0.0.1 255.255.255.255"
    assert made["comment"] == "Managed by fmgsync (prod): prod_10.0.0.1"
    assert {name: row(branch, "address", name) for name in before} == before
    assert branch.groups("dmz") == set()


def test_only_the_vdom_that_is_meant_is_written(branch: Branch) -> None:
    converge(branch.target("dmz"), WEB)
    assert branch.box.members("web", "dmz") == {"10.0.0.1", "10.0.0.2"}
    assert branch.box.members("web", "root") is None


def test_nothing_to_do_costs_four_requests(branch: Branch) -> None:
    """Once it is known what the key may see."""
    target = branch.target()
    converge(target, WEB)
    mark = branch.simulator.requests.mark()
    with target:
        assert not plan(target, WEB).changes
    assert branch.asked(since=mark) == [
        f"GET cmdb/firewall/{name}" for name in ("address", "address6", "addrgrp", "addrgrp6")
    ]


@pytest.mark.parametrize("version", ["6.2.10", "7.0.9", "7.2.0", "7.6.1"])
def test_none_stands_in_only_where_a_group_cannot_be_empty(
    boot: Callable[..., Branch], version: str
) -> None:
    branch = boot(version=version)
    target = branch.target()
    converge(target, {"web": [], "web:6": []})
    held = [member["name"] for member in row(branch, "addrgrp", "web")["member"]]
    assert held == (["none"] if version < "7.2" else [])
    converge(target, WEB)
    assert branch.box.members("web") == {"10.0.0.1", "10.0.0.2"}
    converge(target, {"web": []})
    held = [member["name"] for member in row(branch, "addrgrp", "web")["member"]]
    assert held == (["none"] if version < "7.2" else [])
    converge(target, {})
    assert branch.groups() == set()


def test_order_is_create_into_out_of_delete(branch: Branch) -> None:
    """Wherever it ends, nothing has left before what comes with it is in."""
    target = branch.target(transactions="off")
    converge(target, WEB | {"old": ["10.0.9.9"]})
    mark = branch.simulator.requests.mark()
    converge(target, {"web": ["10.0.0.1", "10.0.0.3"]})
    writes = [line for line in branch.asked(since=mark) if not line.startswith("GET")]
    assert writes == [
        "POST cmdb/firewall/address",
        "POST cmdb/firewall/addrgrp/web/member",
        "DELETE cmdb/firewall/addrgrp/web/member/prod_10.0.0.2",
        "DELETE cmdb/firewall/addrgrp/old",
        "DELETE cmdb/firewall/address/prod_10.0.0.2",
        "DELETE cmdb/firewall/address/prod_10.0.9.9",
    ]


def test_a_few_members_go_singly_and_many_at_once(branch: Branch) -> None:
    target = branch.target(transactions="off")
    converge(target, {"web": hosts(*range(1, 40))})
    mark = branch.simulator.requests.mark()
    converge(target, {"web": hosts(*range(1, 30))})
    writes = [line for line in branch.asked(since=mark) if "addrgrp" in line and "GET" not in line]
    assert writes == ["PUT cmdb/firewall/addrgrp/web"]
    mark = branch.simulator.requests.mark()
    converge(target, {"web": hosts(*range(1, 29))})
    writes = [line for line in branch.asked(since=mark) if "addrgrp" in line and "GET" not in line]
    assert writes == ["DELETE cmdb/firewall/addrgrp/web/member/prod_10.0.0.29"]


def test_a_group_over_the_limit_is_nested(boot: Callable[..., Branch]) -> None:
    branch = boot(limits={"members": 10})
    target = branch.target(member_limit=10)
    for count in (9, 35, 12, 8):
        converge(target, {"web": hosts(*range(1, count + 1))}, limit=10)
        assert branch.box.members("web") == set(hosts(*range(1, count + 1)))


def test_a_full_group_swaps_members_all_the_same(boot: Callable[..., Branch]) -> None:
    """Singly, the newcomer would not fit before the other has left."""
    branch = boot(limits={"members": 10})
    target = branch.target(member_limit=10, transactions="off")
    converge(target, {"web": hosts(*range(1, 11))}, limit=10)
    converge(target, {"web": hosts(*range(2, 12))}, limit=10)
    assert branch.box.members("web") == set(hosts(*range(2, 12)))


# --- other people ---------------------------------------------------------------------------------


def test_a_change_since_reading_stops_the_write(branch: Branch) -> None:
    """Their edit is not ours to overwrite: nothing is written, and the plan is made anew."""
    target = branch.target()
    converge(target, WEB)
    with target:
        stale = plan(target, {"web": ["10.0.0.1", "10.0.0.3"]})
        branch.box.drift("firewall address", "theirs", subnet=("10.8.8.8", "255.255.255.255"))
        mark = branch.simulator.requests.mark()
        with pytest.raises(errors.ChangedMeanwhile) as caught:
            target.write(stale)
        assert caught.value.retryable
        assert not [line for line in branch.asked(since=mark) if not line.startswith("GET")]
        assert not target.write(plan(target, {"web": ["10.0.0.1", "10.0.0.3"]})).refused
    assert branch.box.members("web") == {"10.0.0.1", "10.0.0.3"}


def _edit(branch: Branch, *edits: tuple[str, urls.Url, dict[str, str] | None]) -> None:
    """What somebody else does with the same rights."""
    with branch.session() as other:
        for method, url, body in edits:
            other.write(method, url, body)


def _joins(branch: Branch) -> None:
    _edit(branch, ("POST", urls.members(GROUP, "root", "web"), {"name": "theirs"}))


def _leaves(branch: Branch) -> None:
    _edit(branch, ("DELETE", urls.member(GROUP, "root", "web", "prod_10.0.0.1"), None))


def _takes_the_name(branch: Branch) -> None:
    body = {"name": "prod_10.0.0.3", "subnet": "10.7.7.7/32", "comment": "by hand"}
    _edit(branch, ("POST", urls.table(ADDRESS, "root"), body))


def _deletes_ours(branch: Branch) -> None:
    _leaves(branch)
    _edit(branch, ("DELETE", urls.item(ADDRESS, "root", "prod_10.0.0.1"), None))


@pytest.mark.parametrize("nth", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 3))])
@pytest.mark.parametrize("many", [False, True], ids=["singly", "as a list"])
@pytest.mark.parametrize("edit", [_joins, _leaves, _takes_the_name, _deletes_ours])
def test_what_moves_between_the_last_look_and_a_write(
    boot: Callable[..., Branch], edit: Callable[[Branch], None], many: bool, nth: int
) -> None:
    """There is no lock, so some instant is always left: no foreign object is touched in it, and the
    next look puts right what came of it."""
    branch = boot(addresses=[{"name": "theirs", "subnet": "10.8.8.8/32", "comment": "by hand"}])
    wanted = {"web": hosts(1, 3, *(range(20, 40) if many else ()))}
    converge(branch.target(), WEB)
    count = itertools.count(1)
    hooks = Hooks(before_write=lambda: edit(branch) if next(count) == nth else None)
    target = branch.target(hooks=hooks)
    with target, contextlib.suppress(errors.ChangedMeanwhile):
        target.write(plan(target, wanted))
    assert row(branch, "address", "theirs")["subnet"] == "10.8.8.8 255.255.255.255"
    again = branch.target()
    with again:
        again.write(plan(again, wanted))
    expected = set(wanted["web"])
    if edit is _takes_the_name and row(branch, "address", "prod_10.0.0.3")["comment"] == "by hand":
        assert row(branch, "address", "prod_10.0.0.3")["subnet"] == "10.7.7.7 255.255.255.255"
        expected -= {"10.0.0.3"}
    assert branch.box.members("web") == expected


def test_a_failover_between_reading_and_writing_stops_the_write(branch: Branch) -> None:
    target = branch.target()
    with target:
        made = plan(target, WEB)
    branch.box.fail_over()
    with pytest.raises(errors.OtherUnit):
        target.write(made)
    assert branch.groups() == set()
    converge(target, WEB)


def test_a_name_that_is_taken_is_that_rules_error(boot: Callable[..., Branch]) -> None:
    """The others are written."""
    branch = boot(
        addresses=[
            {"name": "web", "subnet": "10.9.0.1/32"},
            {"name": "prod_10.0.0.7", "subnet": "10.9.9.9/32", "comment": "theirs"},
        ]
    )
    target = branch.target()
    with target:
        made = plan(target, {"web": ["10.0.0.1"], "api": ["10.0.0.7"], "ok": ["10.0.0.2"]})
        assert {finding.name for finding in made.foreign} == {"web", "api"}
        assert not target.write(made).refused
    assert branch.box.members("ok") == {"10.0.0.2"}
    assert branch.box.members("web") is None
    assert not branch.box.members("api")
    assert row(branch, "address", "prod_10.0.0.7")["subnet"] == "10.9.9.9 255.255.255.255"


def test_what_somebody_tampered_with_is_put_right(branch: Branch) -> None:
    target = branch.target()
    converge(target, WEB)
    drift = branch.box.drift
    drift("firewall address", "prod_10.0.0.1", subnet=("10.6.6.6", "255.255.255.255"))
    bound: dict[str, Any] = {"associated-interface": ("port1",)}
    drift("firewall address", "prod_10.0.0.2", **bound)
    drift("firewall address", "evil/one", subnet=("10.7.7.7", "255.255.255.255"))
    drift("firewall addrgrp", "web", member=("prod_10.0.0.1", "prod_10.0.0.2", "evil/one"))
    converge(target, WEB)
    assert branch.box.members("web") == {"10.0.0.1", "10.0.0.2"}
    assert row(branch, "address", "prod_10.0.0.2")["associated-interface"] == ""
    assert "evil/one" in branch.box.names("firewall address")


# --- refusals -------------------------------------------------------------------------------------


def test_a_full_table_stops_creating_there_and_removes_all_the_same(
    boot: Callable[..., Branch],
) -> None:
    branch = boot()
    target = branch.target()
    converge(target, {"web": ["10.0.0.1", "10.0.0.2"]})
    held = len(branch.box.names("firewall address"))
    device = branch.simulator.world.units()[NAME]
    with branch.simulator.world.lock:
        device.api.limits.vdom_addresses = held + 1
    with target:
        mark = branch.simulator.requests.mark()
        report = target.write(plan(target, {"web": ["10.0.0.1", *hosts(3, 4, 5, 6)]}))
    assert {change.action for change, _ in report.refused} == {Action.CREATE}
    assert len(report.refused) == 3
    assert branch.box.members("web") == {"10.0.0.1", "10.0.0.3"}
    creates = [line for line in branch.asked(since=mark) if line == "POST cmdb/firewall/address"]
    assert len(creates) == 2, "after the first refusal nothing more is created"


def test_a_group_that_is_used_is_emptied_and_kept(boot: Callable[..., Branch]) -> None:
    """The key cannot see who uses it; the unit says so when asked to delete it."""
    branch = boot()
    target = branch.target()
    converge(target, WEB)
    with branch.simulator.world.lock:
        pass
    branch.box.drift("firewall policy", "1", **_policy(("web",)))
    with target:
        report = target.write(plan(target, {}))
        assert not report.refused
        [emptied] = [change for change in report.written if change.name == "web"]
        assert emptied.action is Action.UPDATE
        again = plan(target, {})
    assert not again.changes
    assert "kept-in-use" in {finding.kind for finding in again.findings}
    assert branch.box.members("web") == set()


def _policy(source: tuple[str, ...]) -> dict[str, Any]:
    return {"policyid": 1, "srcaddr": source, "dstaddr": ("all",), "action": "accept"}


def test_what_exists_already_is_read_and_compared(branch: Branch) -> None:
    """Somebody of ours was faster: a duplicate that is what we want counts as written."""
    target, other = branch.target(), branch.target()
    with target:
        made = plan(target, WEB)
        first = target._unchanged
        target._unchanged = lambda session, plan: _after(first, session, plan, other)  # type: ignore[method-assign]
        report = target.write(made)
    assert not report.refused
    assert branch.box.members("web") == {"10.0.0.1", "10.0.0.2"}


def _after(check: Any, session: Any, made: Any, other: Any) -> Any:
    """Between the last look and the write."""
    found = check(session, made)
    converge(other, WEB)
    return found


# --- trouble --------------------------------------------------------------------------------------


def unsure(boot: Callable[..., Branch], kind: str, transactions: str, method: str, at: int) -> None:
    fault: Any = {"kind": kind, "method": method, "skip": at, "status": 502}
    branch = boot()
    before = WEB | {"old": ["10.0.9.9"], "big": hosts(*range(20, 40))}
    converge(branch.target(transactions=transactions), before)
    branch.simulator.faults.add(**fault)
    after = {"web": ["10.0.0.1", "10.0.0.3"], "new": ["10.0.0.4"], "big": hosts(*range(30, 50))}
    converge(branch.target(transactions=transactions), after)
    assert branch.box.members("web") == {"10.0.0.1", "10.0.0.3"}
    assert branch.groups() == {"web", "new", "big"}


@pytest.mark.parametrize(
    ("kind", "transactions", "method", "at"),
    [
        ("reset-after", "auto", "POST", 0),
        ("reset-before", "off", "POST", 2),
        ("garbage", "off", "PUT", 0),
        ("http-error", "off", "DELETE", 1),
    ],
)
def test_an_unsure_outcome_is_looked_at_and_finished(
    boot: Callable[..., Branch], kind: str, transactions: str, method: str, at: int
) -> None:
    unsure(boot, kind, transactions, method, at)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["reset-after", "reset-before", "garbage", "http-error"])
@pytest.mark.parametrize("transactions", ["auto", "off"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("at", range(4))
def test_so_is_any_other(
    boot: Callable[..., Branch], kind: str, transactions: str, method: str, at: int
) -> None:
    unsure(boot, kind, transactions, method, at)


@pytest.mark.parametrize("status", [400, 404, 405, 413])
def test_a_page_that_refuses_a_write_refuses_it(boot: Callable[..., Branch], status: int) -> None:
    """Something on the way does not let this one through; nobody waits for it to change its mind,
    and what goes still goes."""
    branch = boot()
    target = branch.target(transactions="off")
    converge(target, WEB)
    branch.simulator.faults.add(
        "http-error", status=status, method="POST", url="*/address?*", times=0
    )
    began = branch.clock.now()
    with target:
        report = target.write(plan(target, {"web": ["10.0.0.1", "10.0.0.7"]}))
    assert branch.clock.now() - began < 1.0
    assert [change.name for change, _ in report.refused] == ["prod_10.0.0.7"]
    assert "a page, not FortiOS's own words" in report.refused[0][1]
    assert branch.box.members("web") == {"10.0.0.1"}


def test_a_unit_that_shows_pages_for_everything_is_waited_for(branch: Branch) -> None:
    """So does one that boots: that is no refusal of anything."""
    target = branch.target(transactions="off")
    converge(target, WEB)
    with target:
        made = plan(target, {"web": ["10.0.0.1", "10.0.0.7"]})
        branch.simulator.faults.add("http-error", status=404, method="POST", times=0)
        branch.simulator.faults.add("http-error", status=404, url="*/prod_*", times=0)
        with pytest.raises(errors.ProtocolError) as caught:
            target.write(made)
    assert caught.value.retryable


def test_a_page_is_no_proof_that_something_is_gone(branch: Branch) -> None:
    target = branch.target(transactions="off")
    converge(target, WEB)
    branch.simulator.faults.add("http-error", status=404, method="DELETE", url="*/address/*")
    with target:
        report = target.write(plan(target, {"web": ["10.0.0.1"]}))
    assert [change.name for change, _ in report.refused] == ["prod_10.0.0.2"]


@pytest.mark.parametrize("kind", ["reset-before", "http-error"])
def test_what_is_lost_again_and_again_is_told(boot: Callable[..., Branch], kind: Any) -> None:
    """The unit shows each time that nothing came of it: so that is known, and what goes goes."""
    branch = boot()
    target = branch.target(transactions="off")
    converge(target, WEB)
    branch.simulator.faults.add(kind, status=502, method="POST", url="*/address?*", times=0)
    mark = branch.simulator.requests.mark()
    with target:
        report = target.write(plan(target, {"web": ["10.0.0.1", *hosts(*range(20, 40))]}))
    assert len(report.refused) == 20
    assert all("not carried out" in why for _, why in report.refused)
    sent = [line for line in branch.asked(since=mark) if line == "POST cmdb/firewall/address"]
    assert len(sent) == 9  # three of them, three times; then it is the way
    assert branch.box.members("web") == {"10.0.0.1"}


def test_a_right_that_is_taken_ends_the_write(boot: Callable[..., Branch]) -> None:
    branch = boot()
    target = branch.target(key="r3ad")
    with target:
        made = plan(target, WEB)
        with pytest.raises(errors.PermissionDenied):
            target.write(made)


# --- transactions ---------------------------------------------------------------------------------


def test_members_of_several_groups_change_together(branch: Branch) -> None:
    target = branch.target()
    converge(target, {"a": ["10.0.0.1"], "b": ["10.0.0.2"]})
    mark = branch.simulator.requests.mark()
    converge(target, {"a": ["10.0.0.2"], "b": ["10.0.0.1"]})
    actions = [
        entry.urls[0].partition("action=")[2].partition("&")[0]
        for entry in branch.simulator.requests.since(mark)
        if "action=" in entry.urls[0]
    ]
    assert actions == ["transaction-start", "transaction-commit"]
    assert branch.box.members("a") == {"10.0.0.2"}


def test_a_commit_that_lies_is_noticed_and_done_singly(boot: Callable[..., Branch]) -> None:
    branch = boot(faults={"faults": [{"kind": "lost-commit", "times": 0}]})
    target = branch.target()
    converge(target, {"a": ["10.0.0.1"], "b": ["10.0.0.2"]})
    converge(target, {"a": ["10.0.0.2"], "b": ["10.0.0.1"]})
    assert branch.box.members("a") == {"10.0.0.2"}
    assert branch.box.members("b") == {"10.0.0.1"}


@pytest.mark.parametrize("version", ["6.2.10", "7.4.5"])
def test_without_transactions_it_is_done_singly(boot: Callable[..., Branch], version: str) -> None:
    fault = {"kind": "status", "url": "*transaction-start*", "status": 61, "times": 0}
    branch = boot(version=version, faults={"faults": [fault]})
    target = branch.target()
    converge(target, {"a": ["10.0.0.1"], "b": ["10.0.0.2"]})
    converge(target, {"a": ["10.0.0.2"], "b": ["10.0.0.1"]})
    assert branch.box.members("a") == {"10.0.0.2"}


def test_no_transaction_is_left_open(boot: Callable[..., Branch]) -> None:
    """Whatever goes wrong inside."""
    for kind, url in itertools.product(("reset-after", "status"), ("*member*", "*commit*")):
        fault = {"kind": kind, "method": "POST", "url": url, "status": 3, "skip": 1}
        branch = boot(faults={"faults": [fault]})
        target = branch.target()
        converge(target, {"a": ["10.0.0.1"], "b": ["10.0.0.2"]})
        converge(target, {"a": ["10.0.0.2"], "b": ["10.0.0.1"]})
        assert branch.box.members("a") == {"10.0.0.2"}
        assert not branch.simulator.world.units()[NAME].api.open


# --- whose unit it is -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("managed", "key", "said"),
    [
        ("yes", "adv1sed", "managed by FortiManager"),
        ("yes", "k3y", "not known"),
        ("no", "k3y", "not known"),
        ("no", "adv1sed", None),
        ("backup", "adv1sed", None),
    ],
)
@pytest.mark.parametrize("version", ["7.4.5", "7.6.1"])
def test_a_managed_unit_is_refused(
    boot: Callable[..., Branch], version: str, managed: str, key: str, said: str | None
) -> None:
    branch = boot(version=version, managed=managed)
    target = branch.target(key=key, managed="ask")
    if said is None:
        converge(target, WEB)
        device = target.look(Question(around=Around.ALL)).around().topology.devices[NAME]
        assert ("192.0.2.250" in device.kept_by) is (managed == "backup")
        asked = {line for line in branch.asked() if "system/" in line}
        assert len(asked) == 1  # the one url that the release has
        return
    with pytest.raises(errors.ManagedElsewhere, match=said):
        target.look(Question(around=Around.ALL))
    assert not [line for line in branch.asked() if not line.startswith("GET")]


def test_a_unit_that_is_taken_over_meanwhile_is_not_written(branch: Branch) -> None:
    target = branch.target(key="adv1sed", managed="ask")
    with target:
        made = plan(target, WEB)
        with branch.simulator.world.lock:
            branch.simulator.world.units()[NAME].api.managed = "yes"
        with pytest.raises(errors.ManagedElsewhere):
            target.write(made)
    assert branch.groups() == set()


def test_two_names_for_one_unit_are_refused(branch: Branch) -> None:
    converge(branch.target(), WEB)
    twin = branch.target(name="twin")
    with pytest.raises(errors.OtherUnit, match="'branch' in the configuration as well"):
        twin.look(Question(around=Around.ALL))


def test_what_the_key_cannot_see_is_not_known(boot: Callable[..., Branch]) -> None:
    """With the smallest profile nobody knows where empty means open."""
    branch = boot(**FOREIGN)
    [hidden] = branch.target().look(Question(around=Around.ALL)).around().packages
    assert hidden.unread
    assert not hidden.policies
    [shown] = branch.target(key="adv1sed").look(Question(around=Around.ALL)).around().packages
    assert not shown.unread
    assert [policy.name for policy in shown.policies] == ["web"]


def held(answered: Reading) -> set[str]:
    return set((answered.groups or {})["web"])


def test_what_is_read_right_after_a_write_is_the_proof(branch: Branch) -> None:
    """The unit is not asked twice in a row; once more than that is asked anew."""
    target, place = branch.target(), DeviceVdom(NAME, "root")
    with target:
        target.write(plan(target, WEB))
        target.look(Question(objects=["web"])).objects()
        mark = branch.simulator.requests.mark()
        first = target.ask([place], ["web"])[place]
        assert not branch.asked(since=mark)
        branch.box.drift("firewall addrgrp", "web", member=("prod_10.0.0.1",))
        second = target.ask([place], ["web"])[place]
    assert held(first) == {"10.0.0.1", "10.0.0.2"}
    assert held(second) == {"10.0.0.1"}


def test_before_a_write_the_unit_is_always_asked(branch: Branch) -> None:
    target, place = branch.target(), DeviceVdom(NAME, "root")
    converge(target, WEB)
    with target:
        plan(target, WEB)
        branch.box.drift("firewall addrgrp", "web", member=("prod_10.0.0.1",))
        assert held(target.ask([place], ["web"])[place]) == {"10.0.0.1"}
