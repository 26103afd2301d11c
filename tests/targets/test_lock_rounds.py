"""A large fill keeps nobody out for long: several locks, each with a beginning that may stay."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.model import naming
from fmgsync.model.address import Family, parse
from fmgsync.model.change import Action, AdomPlan, Change, ObjectKind
from fmgsync.model.rule import MappingMode
from fmgsync.model.state import DesiredAdom, DesiredGroup, DesiredMembers, ObservedAdom
from fmgsync.planning import diff
from fmgsync.planning.groups import names_at
from fmgsync.targets.fortimanager import lock_rounds
from fmgsync.targets.fortimanager.lock_rounds import Rounds
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.hooks import Hooks
from fmgsync.targets.protocol import Question
from tests.targets.conftest import OWNER, REF, Start, Unit, seed
from tests.targets.hardship import Before, Dying, Killed
from tests.targets.wanted import ONE, THREE, TWO, plan_for, reconcile

GROUPS = {
    "web": {ONE: "10.1.0.5 10.1.0.6", TWO: "10.2.0.8/30"},
    "db": {ONE: "10.1.0.7", TWO: "10.1.0.5"},
}
SMALL = 700
"""Characters under one lock: three or four changes."""
IDLE_LIMIT_S = 100_000.0


def verbs(unit: Unit) -> list[str]:
    """What was done about locks, in order."""
    found = [url.rpartition("/")[2] for e in unit.simulator.requests.since() for url in e.urls]
    return [verb for verb in found if verb in ("lock", "commit", "unlock")]


def test_a_large_plan_is_committed_in_rounds_and_others_come_in_between(start: Start) -> None:
    unit = start(seed(workspaceMode="normal"))
    adom = unit.adom(per_lock=SMALL)
    plan = plan_for(adom, GROUPS)
    report = adom.write(plan)
    assert set(report.written) == set(plan.changes)
    assert (report.refused, report.left) == ((), 0)
    assert plan_for(adom, GROUPS).changes == ()
    told = verbs(unit)
    assert told == ["lock", "commit", "unlock"] * (len(told) // 3)
    assert len(told) // 3 >= 3


@pytest.mark.parametrize("mode", ["disabled", "workflow"])
def test_what_takes_no_lock_or_is_approved_as_a_whole_is_not_split(start: Start, mode: str) -> None:
    unit = start(seed(workspaceMode=mode))
    reconcile(unit.adom(per_lock=SMALL), GROUPS)
    assert verbs(unit).count("lock") == (mode == "workflow")


def test_an_ordinary_plan_is_one_round(start: Start) -> None:
    unit = start(seed(workspaceMode="normal"))
    reconcile(unit.adom(), GROUPS)
    assert verbs(unit) == ["lock", "commit", "unlock"]


def test_a_slow_unit_is_given_its_lock_back_before_all_is_sent(start: Start) -> None:
    """Each request takes two seconds: after two there is no time for a third under that lock."""
    unit = start(seed(workspaceMode="normal"))
    slow = Before(lambda: unit.clock.sleep(2.0))
    assert reconcile(unit.adom(adapter=slow), GROUPS).refused == ()
    assert plan_for(unit.adom(), GROUPS).changes == ()
    assert verbs(unit).count("lock") >= 2


@pytest.mark.parametrize("by_s", [-3600.0, 3600.0])
def test_a_clock_that_is_set_neither_ends_a_round_nor_makes_it_longer(by_s: float) -> None:
    clock = ManualClock()
    is_over = lock_rounds.watch(clock)
    clock.set(clock.now() + by_s)
    assert not is_over()
    clock.sleep(lock_rounds.LONGEST_S)
    assert is_over()


def test_what_somebody_took_over_between_two_rounds_is_left_to_them(start: Start) -> None:
    """The mark is looked at again under each lock: the group is emptied of it after the first."""
    unit = start(seed(workspaceMode="normal"))
    reconcile(unit.adom(), {"web": {ONE: "10.1.0.5"}})
    wanted = {"web": {ONE: "10.1.0.5 10.1.0.6 10.1.0.7 10.1.0.8 10.1.0.9"}}
    plan = plan_for(unit.adom(), wanted)
    assert plan.changes[-1].kind is ObjectKind.MAPPING

    def take_over() -> None:
        if verbs(unit)[3:] == ["lock", "commit", "unlock"]:
            table = "/pm/config/adom/prod/obj/firewall/addrgrp"
            with unit.session("alice", "wonder") as alice:
                for verb in ("lock", "set", "commit", "unlock"):
                    url = f"/dvmdb/adom/prod/workspace/{verb}"
                    if verb == "set":
                        alice.call("set", [{"url": f"{table}/web", "data": {"comment": "mine"}}])
                    else:
                        alice.call("exec", [{"url": url}])

    report = unit.adom(per_lock=SMALL, adapter=Before(take_over)).write(plan)
    assert [(change.name, change.kind) for change, _ in report.refused] == [
        ("web", ObjectKind.MAPPING)
    ]


class Holder:
    """Somebody who takes the lock before a round of ours, and gives it back while we wait."""

    def __init__(self, unit: Unit, alice: Session, rounds: int) -> None:
        self._unit, self._alice = unit, alice
        self._free = ["lock", "commit", "unlock"] * rounds
        self._acts = ["lock", "unlock"]
        self._at = float("-inf")
        self.seen: list[str] = []

    def __call__(self) -> None:
        now, begun = self._unit.clock.steady(), len(self._acts) == 1
        if now > self._at and self._acts and (begun or verbs(self._unit) == self._free):
            act, self._at = self._acts.pop(0), now
            self._alice.call("exec", [{"url": f"/dvmdb/adom/prod/workspace/{act}"}])

    def look(self) -> None:
        """What is asked once the lock is ours."""
        self.seen.extend(verbs(self._unit)[len(self._free) :])


@pytest.mark.parametrize(("mode", "rounds"), [("normal", 0), ("normal", 1), ("workflow", 0)])
def test_who_had_to_wait_is_asked_before_anything_is_written(
    start: Start, mode: str, rounds: int
) -> None:
    """Once, as soon as the lock is ours; in rounds, before the one that had to wait."""
    unit = start(seed(workspaceMode=mode))
    plan = plan_for(unit.adom(), GROUPS)
    with unit.session("alice", "wonder") as alice:
        holder = Holder(unit, alice, rounds)
        adom = unit.adom(per_lock=SMALL, adapter=Before(holder))
        report = adom.write(plan, after_wait=holder.look)
    assert (holder.seen, set(report.written)) == (["lock", "unlock", "lock"], set(plan.changes))


@pytest.mark.parametrize(("mode", "rounds"), [("normal", 0), ("normal", 1), ("workflow", 0)])
def test_what_is_not_to_be_written_after_a_wait_is_not(
    start: Start, mode: str, rounds: int
) -> None:
    """The lock is given back, and what was written before is told."""
    unit = start(seed(workspaceMode=mode))
    plan = plan_for(unit.adom(), GROUPS)

    def refuse() -> None:
        raise errors.ChangedMeanwhile("not any more")

    with unit.session("alice", "wonder") as alice:
        adom = unit.adom(per_lock=SMALL, adapter=Before(Holder(unit, alice, rounds)))
        with pytest.raises(errors.ChangedMeanwhile) as caught:
            adom.write(plan, after_wait=refuse)
        assert alice.call("exec", [{"url": "/dvmdb/adom/prod/workspace/lock"}])[0].ok
    left = plan_for(unit.adom(), GROUPS).changes
    assert len(caught.value.written) + len(left) == len(plan.changes)
    assert bool(caught.value.written) is bool(rounds)


def test_no_round_empties_a_group_that_gets_members_of_its_own_on_each_device(
    start: Start,
) -> None:
    """Its own value goes after the last device has a mapping, in whichever round that is."""
    unit = start(seed(workspaceMode="normal"))
    members = DesiredMembers(frozenset({parse("10.1.0.5"), parse("10.1.0.6")}))
    places = (ONE, TWO, THREE)

    def look() -> ObservedAdom:
        return unit.adom().look(Question(objects=["web"])).objects()

    def plan(group: DesiredGroup) -> AdomPlan:
        return diff.make_plan(DesiredAdom(REF, OWNER, (group,)), look())

    shared = DesiredGroup(
        "web", Family.IPV4, MappingMode.SHARED, shared=members, places=frozenset(places)
    )
    unit.adom().write(plan(shared))
    found: list[tuple[str, ...]] = []

    def watch() -> None:
        if verbs(unit)[-1:] == ["unlock"]:
            group = look().groups[Family.IPV4, "web"]
            found.extend(names_at(group, place) for place in places)

    by_device = DesiredGroup(
        "web", Family.IPV4, MappingMode.PER_DEVICE, dict.fromkeys(places, members)
    )
    unit.adom(per_lock=300, adapter=Before(watch)).write(plan(by_device))
    assert verbs(unit).count("commit") >= 3
    assert look().groups[Family.IPV4, "web"].members == (naming.NONE,)
    assert {tuple(sorted(names)) for names in found} == {("prod_10.1.0.5", "prod_10.1.0.6")}


def test_whoever_comes_in_between_and_stays_is_named_with_what_was_written_before(
    start: Start,
) -> None:
    unit = start(seed(workspaceMode="normal"))
    alice = unit.simulator.console("alice")

    def come_in() -> None:
        if verbs(unit) == ["lock", "commit", "unlock"]:
            alice.lock("prod")

    plan = plan_for(unit.adom(), GROUPS)
    adom = unit.adom(per_lock=SMALL, adapter=Before(come_in), lock_wait_s=0.0)
    with pytest.raises(errors.LockHeld, match="alice") as caught:
        adom.write(plan)
    left = plan_for(unit.adom(), GROUPS)
    done = len(plan.changes) - len(left.changes)
    assert f"; {done} of {len(plan.changes)} changes were written before" in str(caught.value)
    assert 0 < done < len(plan.changes)
    alice.unlock("prod")
    assert unit.adom().write(left).written == left.changes


def test_what_was_refused_in_one_round_is_no_member_in_the_next(start: Start) -> None:
    unit = start(seed(workspaceMode="normal"))
    bad = Change(Action.CREATE, ObjectKind.ADDRESS, "prod_#", "", value=parse("10.1.0.99"))
    plan = plan_for(unit.adom(), GROUPS)
    named = tuple(
        replace(change, members=(*change.members, bad.name))
        if change.kind is ObjectKind.MAPPING
        else change
        for change in plan.changes
    )
    report = unit.adom(per_lock=SMALL).write(replace(plan, changes=(bad, *named)))
    assert [change.name for change, _ in report.refused] == [bad.name]
    assert plan_for(unit.adom(), GROUPS).changes == ()


def test_who_is_to_end_leaves_the_rounds_to_come(start: Start) -> None:
    unit = start(seed(workspaceMode="normal"))
    ends = Hooks(gives_up=lambda: "commit" in verbs(unit))
    session = Session(unit.access(), clock=unit.clock, hooks=ends)
    adom = unit.adom(per_lock=SMALL)
    adom._open_session = lambda: session
    plan = plan_for(unit.adom(), GROUPS)
    report = adom.write(plan)
    assert verbs(unit) == ["lock", "commit", "unlock"]
    assert len(report.written) + report.left == len(plan.changes)
    assert report.left


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.slow), 6])
def test_killing_a_fill_between_any_two_requests_converges(start: Start, step: int) -> None:
    """After a kill others see a beginning of the plan, in which no group lacks a member it had."""
    unit = start(seed(workspaceMode="normal"))
    after = {"web": {ONE: "10.1.0.5 10.1.0.9", TWO: ""}, "db": {ONE: "10.1.0.7 10.1.0.6"}}
    wanted = itertools.cycle([GROUPS, after])
    for survives in itertools.count(step=step):
        groups = next(wanted)
        try:
            reconcile(
                unit.adom(per_lock=SMALL, adapter=Dying(survives, after_sending=True)), groups
            )
        except Killed:
            unit.clock.sleep(IDLE_LIMIT_S)
            reconcile(unit.adom(per_lock=SMALL), groups)
            assert plan_for(unit.adom(), groups).changes == ()
        else:
            break
    assert survives > 20


def test_rounds_are_as_few_as_there_must_be_and_keep_the_order() -> None:
    changes = [
        Change(Action.CREATE, ObjectKind.ADDRESS, f"prod_{n}", "", members=("m" * 100,) * (n % 7))
        for n in range(300)
    ]
    for size in (300, 5_000, 40_000, 1_000_000):
        rounds = Rounds(changes, size=size)
        taken = []
        while rounds:
            taken.append(rounds.take())
        assert [change for part in taken for change in part] == changes
        sizes = [sum(200 + 100 * len(c.members) for c in part) for part in taken]
        assert max(sizes) <= size + 900
        assert len(taken) <= sum(sizes) / size * 1.5 + 1


def test_what_there_was_no_time_for_comes_next_and_not_all_at_once() -> None:
    """Else each of many rounds on a slow unit would look at, and tell of, all that is left."""
    changes = [Change(Action.CREATE, ObjectKind.ADDRESS, f"prod_{n}", "") for n in range(100)]
    rounds = Rounds(changes, size=None)
    sent: list[Change] = []
    told: list[int] = []
    while rounds:
        part = rounds.take()
        told.append(len(part))
        sent += part[:10]
        rounds.put_back(part[10:], sent=len(part[:10]))
        assert len(sent) + rounds.left == 100
    assert sent == changes
    assert sum(told[1:]) <= 2 * len(changes)
