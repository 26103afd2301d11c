"""The views of one ADOM and what follows: tables, a row for each thing that is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fmgsync.assessing import four, survey
from fmgsync.assessing.observation import NOTHING, UNSEEN, Known, Observation, Survey
from fmgsync.model.adom import PackageStatus, Reading
from fmgsync.model.change import (
    Action,
    AdomPlan,
    Change,
    Finding,
    Hold,
    ObjectKind,
    Submission,
)
from fmgsync.model.rollout import Outcome, PendingReason, TargetOutcome
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import GroupState
from fmgsync.planning.usage import Usage
from tests.assessing.scenes import members, on, seen, view
from tests.planning.estates import EAST, REF, V4, V6, WEST, adom, desired, group, own, wanted

BOTH = [wanted(name, {EAST: ["10.1.0.1"], WEST: ["10.1.0.2"]}) for name in ("web", "db")]
HELD = adom(
    own("10.1.0.1"),
    own("10.1.0.2"),
    *(group(name, {EAST: {"10.1.0.1"}, WEST: {"10.1.0.2"}}) for name in ("web", "db")),
)
USAGE = Usage(
    devices={(V4, "web"): {EAST: "edge"}, (V4, "db"): {EAST: "edge"}},
    disputed={(V4, "web"): frozenset({WEST})},
)


def change(kind: str, name: str = "web", device: DeviceVdom | None = None) -> Change:
    return Change(Action.UPDATE, ObjectKind(kind), name, "a pod came", device)


def estate(*changes: Change, **more: Any) -> Observation:
    """Two devices that two rules name; a policy brings web and db to the eastern one."""
    plan = AdomPlan(REF, changes, **{k: more.pop(k) for k in ("held", "foreign") if k in more})
    known = {"desired": desired(*BOTH), "observed": HELD, "usage": USAGE, "plan": plan, **more}
    return seen(**known)


def read(**groups: str) -> dict[DeviceVdom, Reading]:
    """What the eastern device holds of some groups."""
    return {EAST: Reading({name: members(text) or frozenset() for name, text in groups.items()})}


EVERYWHERE = {(EAST, "web"), (WEST, "web")}
WRITES: dict[str, tuple[tuple[Change, ...], set[four.Place]]] = {
    "nothing": ((), set()),
    "an address is nobody's": ((change("address", "a"), change("address6", "b")), set()),
    "a mapping, after an address": (
        (change("address", "a"), change("mapping", "web", WEST)),
        {(WEST, "web")},
    ),
    "a shard is its group": ((change("mapping6", "web.2", EAST),), {(EAST, "web")}),
    "the group's own members": ((change("addrgrp"),), EVERYWHERE),
}
HOLDS: dict[str, tuple[dict[str, Any], set[four.Place]]] = {
    "at one device": ({"held": (Hold("many", "web", "", device=EAST),)}, {(EAST, "web")}),
    "everywhere": ({"held": (Hold("many", "web", ""),)}, EVERYWHERE),
    "what would come": (
        {"foreign": (Finding("full", "web", "", device=WEST, newcomers_only=True),)},
        {(WEST, "web")},
    ),
    "the whole rule is in error": ({"foreign": (Finding("foreign-name", "web", ""),)}, set()),
}


@pytest.mark.parametrize("case", WRITES)
def test_where_the_plan_has_something_to_write(case: str) -> None:
    changes, expected = WRITES[case]
    assert survey.facts_of(estate(*changes)).write_pending == expected


@pytest.mark.parametrize("case", HOLDS)
def test_where_something_waits_for_a_person(case: str) -> None:
    more, expected = HOLDS[case]
    assert survey.facts_of(estate(**more)).held == expected


def test_the_views_are_made_from_what_the_pass_saw() -> None:
    foreign = (Finding("foreign-name", "db", "in the way", is_error=True),)
    six = wanted("web", {EAST: []}, family=V6)
    look = estate(desired=desired(*BOTH, six), submission=Submission(7), foreign=foreign)
    facts = survey.facts_of(look)
    one, two = (members(text) or frozenset() for text in "12")
    assert facts == four.Facts(
        ref=REF,
        topology=look.topology,
        desired={EAST: {"db": one, "web": one}, WEST: {"db": two, "web": two}},
        adom={EAST: {"db": one, "web": one}, WEST: {"db": two, "web": two}},
        reach={(EAST, "web"): "edge", (EAST, "db"): "edge"},
        databases={},
        devices={},
        submitted="workflow session 7 waits for approval",
        families={(EAST, "web"): frozenset({V4})},
        blocked=frozenset({"db"}),
        disputed=frozenset({(WEST, "web")}),
        reasons=facts.reasons,
    )
    assert facts.reasons[EAST, "db"] == "in the way"
    assert survey.places(facts) == ([EAST, WEST], ("db", "web"))
    assert survey.facts_of(estate()).submitted == ""
    backup = estate(topology=replace(look.topology, flags=frozenset({"backup"})))
    assert survey.facts_of(backup).blocked == {"db", "web"}


PENDING: dict[str, tuple[Observation, dict[str, Any], list[tuple[str, ...]]]] = {
    "all is there": (estate(), {"web": "1", "db": "1"}, []),
    "a copy is behind": (estate(), {"web": "1 9", "db": "1"}, [("web",)]),
    "a write is behind": (estate(change("addrgrp", "db")), {"web": "1", "db": "1"}, [("db",)]),
    "a write waits for approval": (
        estate(change("addrgrp", "db"), submission=Submission(7)),
        {"web": "1", "db": "1"},
        [],
    ),
}


@pytest.mark.parametrize("case", PENDING)
def test_what_is_pending_and_what_never_arrives(case: str) -> None:
    look, held, expected = PENDING[case]
    facts = replace(survey.facts_of(look), databases=read(**held), devices=read(**held))
    found = survey.made(facts, look, asked=False)
    assert [each.groups for each in found.pending] == expected
    unused = [] if look.plan.changes else [(WEST, ("db",))]
    assert [(each.target, each.groups) for each in found.not_referenced] == unused
    assert found.views == four.device_views(facts)
    assert found.facts is facts
    assert found.is_made
    assert [survey.made(facts, look, asked=said).asked for said in (True, False)] == [True, False]


def test_where_writing_is_delivering_the_plan_is_what_is_pending() -> None:
    """Also at a device that no rule names any more, and for a group that no policy uses."""
    gone = DeviceVdom("fgt-gone", "root")
    look = estate(change("mapping", "old", gone), change("mapping", "web", EAST))
    found = survey.of_live(survey.facts_of(look), look, [gone])
    assert [(each.target, each.package, each.groups, each.reasons) for each in found.pending] == [
        (EAST, "", ("web",), (PendingReason.NOT_WRITTEN,)),
        (gone, "", ("old",), (PendingReason.NOT_WRITTEN,)),
    ]
    assert (found.asked, found.not_referenced) == (True, ())
    assert found.facts is not None
    assert not found.facts.staged
    held = {(v.target, g.name): (g.device, g.state) for v in found.views for g in v.groups}
    assert held[WEST, "db"] == (members("2"), GroupState.IN_SYNC)
    everywhere = estate(change("addrgrp"))
    found = survey.of_live(survey.facts_of(everywhere), everywhere, [gone])
    assert [(each.adom, each.target) for each in found.pending] == [(REF, gone)]


def whole(**held: str) -> Survey:
    """What a whole pass has seen, which only read the eastern device."""
    look = estate()
    facts = replace(survey.facts_of(look), databases=read(**held), devices=read(**held))
    return replace(
        survey.made(facts, look, asked=True), statuses=(PackageStatus(EAST, "edge", "installed"),)
    )


def test_a_part_is_looked_at_anew_and_the_rest_stays() -> None:
    """Of the ADOM as it is now: the pass over the part has read only its own."""
    known = whole(web="1", db="1")
    part = estate(desired=desired(BOTH[0]), observed=adom())
    now = adom(own("10.1.0.9"), group("web", {EAST: {"10.1.0.9"}}), group("db"))
    found = survey.with_part(known, part, adom=now)
    east = {g.name: g for g in found.views[0].groups}
    assert (east["web"].adom, east["web"].device) == (members("9"), members("1"))
    assert east["web"].state is GroupState.INSTALL_PENDING
    assert east["db"] == {g.name: g for g in known.views[0].groups}["db"]
    assert [(each.target, each.groups) for each in found.pending] == [(EAST, ("web",))]
    assert [(each.target, each.groups) for each in found.not_referenced] == [(WEST, ("db",))]
    carried = replace(part, usage=Usage(devices={(V4, "web"): {EAST: "edge", WEST: "edge"}}))
    assert survey.with_part(replace(known, not_referenced=()), carried, adom=now).not_referenced
    assert (found.facts, found.statuses) == (known.facts, known.statuses)
    assert survey.with_part(UNSEEN, part, adom=now) is UNSEEN


STATUSES = (PackageStatus(EAST, "edge", "installed"),)
KNOWN: dict[str, tuple[tuple[Any, ...], Known]] = {
    "nothing has changed": (
        ((),),
        Known(read(web="1"), read(web="1"), STATUSES),
    ),
    "a device has": (((EAST,),), Known()),
    "another has": (((WEST,),), Known(read(web="1"), read(web="1"))),
    "it was asked again": (
        ((EAST,), read(web="2"), read(web="3")),
        Known(read(web="3"), read(web="2")),
    ),
}


@pytest.mark.parametrize("case", KNOWN)
def test_what_need_not_be_asked_again(case: str) -> None:
    words, expected = KNOWN[case]
    assert whole(web="1").known_but(*words) == expected


def test_what_was_read_of_one_side_alone_is_asked_again() -> None:
    known = whole(web="1")
    assert known.facts is not None
    for half in (replace(known.facts, databases={}), replace(known.facts, devices={})):
        assert replace(known, facts=half).known_but(()) == Known(statuses=STATUSES)
    assert UNSEEN.known_but(()) is NOTHING
    assert not UNSEEN.is_made


def test_what_was_written_is_vouched_for_not_what_others_made_of_it() -> None:
    assert estate().vouched is HELD
    assert estate(written=adom()).vouched == adom()


def test_what_failed_is_neither_done_nor_without_changes() -> None:
    ends = [TargetOutcome(EAST, outcome, "") for outcome in Outcome]
    assert [each.outcome for each in survey.failed(ends)] == [
        o for o in Outcome if o not in (Outcome.DONE, Outcome.NO_CHANGES)
    ]


def settled(state: GroupState, device: str | None = "1") -> Any:
    return view(device=device, state=state)


VERIFIED: dict[str, tuple[tuple[Any, ...], bool]] = {
    "in sync": ((settled(GroupState.IN_SYNC),), True),
    "held, as FortiManager would install it": ((settled(GroupState.HELD),), True),
    "held, and it has something else": ((settled(GroupState.HELD, "2"),), False),
    "held, and it was not asked": ((settled(GroupState.HELD, None),), False),
    "an install waits": ((settled(GroupState.INSTALL_PENDING),), False),
    "one of two": ((settled(GroupState.IN_SYNC), settled(GroupState.DRIFTED, "2")), False),
    "of two one is not used there": (
        (settled(GroupState.IN_SYNC), settled(GroupState.NOT_REFERENCED, "2")),
        True,
    ),
    "none is used there": ((settled(GroupState.NOT_REFERENCED),), False),
}


@pytest.mark.parametrize("case", VERIFIED)
def test_a_device_is_verified_by_its_own_answer(case: str) -> None:
    groups, expected = VERIFIED[case]
    assert survey.verified([on(WEST), on(EAST, *groups)]) == ((EAST,) if expected else ())
