"""What waits for a human, what does not, and what the plan without it looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.model import address
from fmgsync.model.address import NOWHERE, Address
from fmgsync.model.change import AdomPlan
from fmgsync.model.memory import History
from fmgsync.model.state import DesiredAdom, ObservedAddress, ObservedAdom
from fmgsync.planning import diff, guard
from fmgsync.planning.guard import ADDITIONS, EMPTYING, MEMBERS, REMOVALS, Gate, Limits
from fmgsync.planning.sharding import Limits as ObjectLimits
from tests.planning.estates import (
    EAST,
    V4,
    WEST,
    adom,
    carry_out,
    desired,
    group,
    lines,
    matched,
    own,
    shared,
    wanted,
)

HOUR = 3600.0


def hosts(count: int, *, first: int = 1) -> set[str]:
    return {f"10.1.{n // 250}.{n % 250 + 1}" for n in range(first, first + count)}


@dataclass
class Adom:
    """An ADOM, its guard's memory and a clock, through any number of applies."""

    limits: Limits = field(default_factory=Limits)
    have: ObservedAdom = field(default_factory=adom)
    history: History | None = None
    now: float = 1_000_000.0
    opens: Mapping[tuple[address.Family, str], str] = field(default_factory=dict)
    object_limits: ObjectLimits = field(default_factory=ObjectLimits)

    def plan(self, goal: DesiredAdom, *approved: str) -> AdomPlan:
        gate = Gate(self.limits, self.now, self.history, frozenset(approved))
        return diff.make_plan(
            goal, self.have, gate=gate, opens=self.opens, limits=self.object_limits
        )

    def apply(self, goal: DesiredAdom, *approved: str, fails: bool = False) -> AdomPlan:
        """Remember, then write; `fails` dies between the two."""
        plan = self.plan(goal, *approved)
        begins = not any(group.owned for group in self.have.groups.values())
        self.history = guard.remember(
            self.history, plan.sizes, self.limits, now=self.now, begins=begins
        )
        if not fails:
            self.have = carry_out(self.have, plan.changes)
        return plan


def web(texts: set[str], *, allow_empty: bool = False) -> DesiredAdom:
    return desired(wanted("web", {EAST: texts}, allow_empty=allow_empty))


def kinds(plan: AdomPlan) -> list[str]:
    return [hold.kind for hold in plan.held]


STEPS = {
    "the first fill": (set(), hosts(300), []),
    "the first fill has a largest size": (set(), hosts(5001), [MEMBERS]),
    "growth by twice the size": (hosts(20), hosts(60), []),
    "growth by more": (hosts(20), hosts(61), [ADDITIONS]),
    "a fifth goes": (hosts(100), hosts(80), []),
    "more than a fifth goes": (hosts(100), hosts(79), [REMOVALS]),
    "most goes, but fewer than ten": (hosts(12), hosts(3), []),
    "ten go": (hosts(13), hosts(3), [REMOVALS]),
    "nine come to one": (hosts(1), hosts(10), []),
    "eleven come to one": (hosts(1), hosts(12), [ADDITIONS]),
    "the only one goes": (hosts(1), set(), [EMPTYING]),
    "all are replaced by as many": (hosts(9), hosts(9, first=100), []),
    "a roll-out replaces all": (hosts(100), hosts(100, first=200), []),
    "half of them leave with a roll-out": (hosts(100), hosts(50, first=200), [REMOVALS]),
    "too many come instead": (hosts(10), hosts(40, first=100), [ADDITIONS]),
    "too many come, and only one stays": (hosts(15), hosts(60, first=15), [ADDITIONS, REMOVALS]),
}


@pytest.mark.parametrize("case", STEPS)
def test_one_change(case: str) -> None:
    """From a group that has stood for long to another content at once."""
    before, after, expected = STEPS[case]
    estate = Adom()
    estate.apply(web(before))
    estate.now += 2 * HOUR
    assert kinds(estate.plan(web(after))) == expected


@pytest.mark.parametrize("foreign", ["legacy", "dmz_none"])
def test_a_retired_group_that_waits_stays_with_what_others_put_into_it(foreign: str) -> None:
    """On each device; once it is approved, all of it goes."""
    there = {EAST: {*hosts(2), foreign}, WEST: {foreign}}
    estate = Adom(have=adom(*map(own, sorted(hosts(2))), group("web", there)))
    plan = estate.plan(desired())
    assert (kinds(plan), lines(plan)) == ([EMPTYING], [])
    approved = estate.plan(desired(), plan.held[0].digest)
    assert lines(approved)[0].startswith("delete addrgrp web")


def test_a_retired_group_goes_where_that_was_approved_and_waits_elsewhere() -> None:
    there = {EAST: {*hosts(2), "legacy"}, WEST: {*hosts(2), "legacy"}}
    estate = Adom(have=adom(*map(own, sorted(hosts(2))), group("web", there)))
    east, west = estate.plan(desired()).held
    plan = estate.plan(desired(), west.digest)
    gone = ["delete mapping web @fgt-west -10.1.0.2 -10.1.0.3 -legacy"]
    assert (plan.held, lines(plan)) == ((east,), gone)


def test_a_new_shared_group_that_is_too_large_is_there_and_empty() -> None:
    plan = Adom().plan(desired(shared("web", hosts(5001))))
    assert (kinds(plan), lines(plan)) == ([MEMBERS], ["create addrgrp web"])
    assert plan.changes[0].members == ("none",)


def test_held_removals_stay_and_additions_go_on() -> None:
    estate = Adom()
    estate.apply(web(hosts(20)))
    plan = estate.apply(web(hosts(3, first=19)))
    assert kinds(plan) == [REMOVALS]
    assert plan.held[0].message == "17 of 20 members fewer within 1h"
    assert len(plan.held[0].removed) == 18
    assert matched(estate.have, "web", EAST) == hosts(21)
    # What waits is held by the group, so its addresses are not deleted either.
    assert [change for change in plan.changes if change.action == "delete"] == []


def test_held_additions_are_left_out_and_removals_go_on() -> None:
    estate = Adom()
    estate.apply(web(hosts(10)))
    plan = estate.apply(web(hosts(50, first=3)))
    assert kinds(plan) == [ADDITIONS]
    assert matched(estate.have, "web", EAST) == hosts(8, first=3)
    assert [change for change in plan.changes if change.kind == "address" and change.added] == []


def test_held_additions_never_leave_a_group_empty() -> None:
    """All are replaced by too many: until the additions are approved the old ones stay."""
    estate = Adom()
    estate.apply(web(hosts(3)))
    goal = web(hosts(30, first=100))
    plan = estate.apply(goal)
    assert kinds(plan) == [ADDITIONS]
    assert "nothing is removed" in plan.held[0].message
    assert matched(estate.have, "web", EAST) == hosts(3)
    estate.apply(goal, plan.held[0].digest)
    assert matched(estate.have, "web", EAST) == hosts(30, first=100)


def test_too_many_members_never_arrive_by_slices() -> None:
    """Members whose removal waits count as well."""
    estate = Adom(limits=Limits(max_members=20))
    estate.apply(web(hosts(20)))
    plan = estate.plan(web(hosts(5, first=100)))
    assert kinds(plan) == [REMOVALS, MEMBERS]
    assert plan.changes == ()


def test_a_large_change_does_not_pass_in_slices() -> None:
    """Five per cent every ten minutes: the fifth slice is the one too many."""
    estate = Adom()
    estate.apply(web(hosts(200)))
    seen = []
    for slice_ in range(1, 6):
        estate.now += HOUR / 10
        seen.append(kinds(estate.apply(web(hosts(200 - 10 * slice_)))))
    assert seen == [[], [], [], [], [REMOVALS]]
    # An hour after the first slice it does not count any more: a fifth of 190 may go.
    estate.now += HOUR * 6 / 10
    assert kinds(estate.plan(web(hosts(152)))) == []
    assert kinds(estate.plan(web(hosts(151)))) == [REMOVALS]


def test_what_came_back_does_not_count() -> None:
    """Net: half of the pods go and come back with other addresses, five times within the hour."""
    estate = Adom(limits=Limits(max_removed_share=0.5))
    estate.apply(web(hosts(40)))
    for turn in range(5):
        estate.now += 60
        assert kinds(estate.apply(web(hosts(20, first=1 + 20 * turn)))) == []
        estate.now += 60
        assert kinds(estate.apply(web(hosts(40, first=1 + 20 * turn)))) == []


def test_a_busy_hour_is_remembered_in_a_few_numbers() -> None:
    """Every pod is replaced each second: sizes of a group that neither grows nor shrinks for long
    are one number, and of one that does a dozen."""
    estate = Adom()
    estate.apply(web(hosts(20)))
    for second in range(300):
        estate.now += 12
        estate.apply(web(hosts(20 + second % 2, first=1 + second)))
    assert estate.history is not None
    assert len(estate.history.sizes) <= 12
    assert kinds(estate.plan(web(hosts(9)))) == [REMOVALS]


def test_an_approval_fits_exactly_what_was_shown() -> None:
    estate = Adom()
    estate.apply(web(hosts(40)))
    shown = estate.plan(web(hosts(20))).held[0]
    more = estate.plan(web(hosts(19)), shown.digest)
    assert [hold.digest == shown.digest for hold in more.held] == [False]
    done = estate.apply(web(hosts(20)), shown.digest)
    assert (done.held, done.approved) == ((), (shown.digest,))
    assert matched(estate.have, "web", EAST) == hosts(20)


def test_an_approval_is_for_one_installation() -> None:
    goal = web(hosts(5001))
    [ours] = Adom().plan(goal).held
    [theirs] = Adom().plan(replace(goal, owner="test")).held
    assert ours.digest != theirs.digest


def test_additions_beside_it_do_not_touch_an_approval() -> None:
    """A pod that came meanwhile is not part of the removal that was shown."""
    estate = Adom()
    estate.apply(web(hosts(40)))
    shown = estate.plan(web(hosts(20))).held[0]
    assert estate.plan(web(hosts(20) | {"10.9.9.9"}), shown.digest).held == ()


def test_what_was_approved_begins_a_new_account() -> None:
    """Otherwise every small removal of the next hour would wait as well."""
    estate = Adom()
    estate.apply(web(hosts(100)))
    goal = web(hosts(50))
    estate.apply(goal, estate.plan(goal).held[0].digest)
    estate.now += 60
    assert kinds(estate.plan(web(hosts(40)))) == []
    assert kinds(estate.plan(web(hosts(39)))) == [REMOVALS]


def test_a_lost_memory_lets_only_small_changes_through() -> None:
    """Nobody knows what went in the last hour: ten and more wait until an hour has been seen."""
    estate = Adom()
    estate.apply(web(hosts(200)))
    estate.history = None
    plan = estate.plan(web(hosts(190)))
    assert kinds(plan) == [REMOVALS]
    assert "not remembered" in plan.held[0].message
    assert kinds(estate.apply(web(hosts(191)))) == []
    estate.now += HOUR - 1
    assert kinds(estate.plan(web(hosts(181)))) == [REMOVALS]
    estate.now += 1
    assert kinds(estate.plan(web(hosts(181)))) == []


def test_an_adom_that_was_empty_has_nothing_to_forget() -> None:
    estate = Adom()
    estate.apply(web(hosts(200)))
    assert kinds(estate.plan(web(hosts(180)))) == []


def test_a_longer_period_than_what_is_remembered() -> None:
    """A memory kept for an hour says nothing about a day."""
    estate = Adom()
    estate.apply(web(hosts(200)))
    estate.now += 2 * HOUR
    estate.apply(web(hosts(199)))
    estate.limits = Limits(period_s=24 * HOUR)
    assert kinds(estate.plan(web(hosts(180)))) == [REMOVALS]


def test_a_write_that_failed_does_not_count() -> None:
    """Moves are noted before they are made; one that was not made changes no baseline."""
    estate = Adom()
    estate.apply(web(hosts(100)))
    estate.apply(web(hosts(85)), fails=True)
    assert kinds(estate.plan(web(hosts(80)))) == []
    assert kinds(estate.plan(web(hosts(79)))) == [REMOVALS]


def test_each_device_has_its_own_account() -> None:
    estate = Adom()
    estate.apply(desired(wanted("web", {EAST: hosts(40), WEST: hosts(40)})))
    goal = desired(wanted("web", {EAST: hosts(20), WEST: hosts(39)}))
    plan = estate.apply(goal)
    assert [(hold.device, hold.name) for hold in plan.held] == [(EAST, "web")]
    assert len(matched(estate.have, "web", EAST)) == 40
    assert len(matched(estate.have, "web", WEST)) == 39


def test_a_group_that_may_be_empty() -> None:
    estate = Adom()
    estate.apply(web(hosts(40), allow_empty=True))
    assert kinds(estate.plan(web(hosts(1), allow_empty=True))) == [REMOVALS]
    assert kinds(estate.apply(web(set(), allow_empty=True))) == []
    assert matched(estate.have, "web", EAST) == set()


def test_the_first_fill_by_a_rule_that_selects_everything_waits() -> None:
    """However small; what comes to it later is growth like any other."""
    estate = Adom()
    goal = replace(web(hosts(1)), broad=frozenset({"web"}))
    plan = estate.apply(goal)
    assert kinds(plan) == [ADDITIONS]
    assert plan.held[0].message == "its policy selects everything that runs: 1 addresses"
    assert not matched(estate.have, "web", EAST)
    estate.apply(goal, *(hold.digest for hold in plan.held))
    assert matched(estate.have, "web", EAST) == hosts(1)
    estate.now += 2 * HOUR
    assert kinds(estate.plan(replace(web(hosts(3)), broad=frozenset({"web"})))) == []


def test_what_a_held_change_is_about_stands_on_its_own_side() -> None:
    estate = Adom()
    estate.apply(web(hosts(20)))
    estate.now += 2 * HOUR
    (goes,) = estate.plan(web(hosts(3))).held
    assert (len(goes.added), len(goes.removed)) == (0, 17)
    (comes,) = estate.plan(web(hosts(61))).held
    assert (len(comes.added), len(comes.removed)) == (41, 0)


def test_where_empty_means_open_emptying_always_waits() -> None:
    """A deny policy without sources denies nobody."""
    estate = Adom(opens={(V4, "web"): "denied by policy 7 of package edge"})
    estate.apply(web(hosts(1), allow_empty=True))
    plan = estate.plan(web(set(), allow_empty=True))
    assert kinds(plan) == [EMPTYING]
    assert "policy 7 of package edge" in plan.held[0].message
    assert [finding.kind for finding in plan.findings] == ["empty-opens"]


def test_a_rule_that_went_waits_and_takes_the_rest_along_later() -> None:
    estate = Adom()
    estate.apply(desired(wanted("web", {EAST: hosts(2), WEST: set()})))
    plan = estate.apply(desired())
    assert kinds(plan) == [EMPTYING]
    assert lines(plan) == ["delete mapping web @fgt-west"]
    plan = estate.apply(desired(), *(hold.digest for hold in plan.held))
    assert lines(plan)[0] == "delete addrgrp web -10.1.0.2 -10.1.0.3"
    assert estate.have.groups == {}


def test_a_mapping_outside_the_sites_waits() -> None:
    estate = Adom()
    estate.apply(desired(wanted("web", {EAST: hosts(2), WEST: hosts(2)})))
    plan = estate.apply(web(hosts(2)))
    assert [(hold.kind, hold.device) for hold in plan.held] == [(EMPTYING, WEST)]
    assert matched(estate.have, "web", WEST) == hosts(2)
    estate.apply(web(hosts(2)), plan.held[0].digest)
    assert WEST not in estate.have.groups[V4, "web"].mappings


def test_members_by_hand_are_repaired_at_once() -> None:
    """What somebody added is no part of the account: taking it out is no removal."""
    estate = Adom(have=adom(own("10.1.0.2"), group("web", {EAST: {"10.1.0.2", "legacy", "all"}})))
    plan = estate.plan(web({"10.1.0.2"}))
    assert plan.held == ()
    assert "foreign members go: all, legacy" in plan.changes[0].because


def test_a_shared_group_has_one_account() -> None:
    estate = Adom()
    estate.apply(desired(shared("web", hosts(40))))
    plan = estate.apply(desired(shared("web", hosts(20))))
    assert [(hold.kind, hold.device) for hold in plan.held] == [(REMOVALS, None)]
    assert matched(estate.have, "web", EAST) == hosts(40)


def test_from_shared_to_per_device_waits_for_those_without_a_mapping() -> None:
    """The own value is what a device without a mapping gets."""
    estate = Adom()
    estate.apply(desired(shared("web", hosts(2))))
    plan = estate.apply(desired(wanted("web", {EAST: hosts(1), WEST: {"10.1.0.3"}})))
    assert [(hold.kind, hold.device) for hold in plan.held] == [(EMPTYING, None)]
    assert matched(estate.have, "web", EAST) == hosts(1)


def stand_in(none: str | None) -> list[ObservedAddress]:
    """What means nothing where somebody has altered (or removed) the predefined `none`."""
    made = [replace(own("10.9.9.9"), name="prod_none", value=NOWHERE[V4])]
    if none is not None:
        made.append(ObservedAddress("none", V4, Address(none), "", owned=False))
    return made


def test_emptying_waits_where_none_is_altered_too() -> None:
    """The own stand-in for `none` is no member that could make a group look filled."""
    held = group("web", {EAST: {"10.1.0.1"}}, members=("prod_none",))
    unit = Adom(have=adom(*stand_in("192.0.2.1"), own("10.1.0.1"), held), history=History(0.0))
    plan = unit.plan(web(set()))
    assert kinds(plan) == [EMPTYING]
    assert plan.changes == ()


def test_the_first_fill_is_none_where_none_is_altered_too() -> None:
    empty = group("web", {EAST: {"prod_none"}}, members=("prod_none",))
    unit = Adom(have=adom(*stand_in("192.0.2.1"), empty), history=History(0.0))
    plan = unit.plan(web(hosts(300)))
    assert plan.held == ()
    assert [size.members for size in plan.sizes] == [0]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_from_per_device_to_shared_a_device_keeps_what_it_has_while_the_rest_waits(
    turns: int,
) -> None:
    """The own value waits, which must not reach a device instead of its mapping."""
    before = hosts(3)
    unit = Adom(
        Limits(max_members=4),
        have=adom(*map(own, sorted(before)), group("web", {EAST: before})),
        history=History(0.0),
    )
    goal = desired(shared("web", hosts(5), EAST))
    for _ in range(turns):
        plan = unit.apply(goal)
        assert set(kinds(plan)) == {MEMBERS}
        assert before <= matched(unit.have, "web", EAST)
        assert not matched(unit.have, "web", WEST)


def test_a_device_keeps_what_it_has_while_the_own_value_alone_waits() -> None:
    """At the device nothing changes, so nothing waits there; it still must not get the own
    value that is left without what waits."""
    texts = hosts(30)
    unit = Adom(
        Limits(max_added_share=0.1),
        have=adom(
            *map(own, sorted(texts)),
            group("web", {EAST: texts}, members=tuple(f"prod_{t}" for t in sorted(hosts(20)))),
        ),
        history=History(0.0),
    )
    plan = unit.apply(desired(shared("web", texts, EAST, WEST)))
    assert [hold.device for hold in plan.held] == [None]
    assert matched(unit.have, "web", EAST) == texts
    assert matched(unit.have, "web", WEST) == hosts(20)


def test_shards_count_as_their_group() -> None:
    """Forty members in shards of ten; whether they lie in shards changes nothing."""
    estate = Adom(object_limits=ObjectLimits(members=10))
    assert kinds(estate.apply(web(hosts(40)))) == []
    assert kinds(estate.apply(web(hosts(32)))) == []
    assert kinds(estate.apply(web(hosts(20)))) == [REMOVALS]
    assert matched(estate.have, "web", EAST) == hosts(32)


numbers = st.sets(st.integers(1, 60), max_size=40)
walks = st.lists(
    st.tuples(numbers, st.integers(0, 3000), st.booleans(), st.booleans()), min_size=1, max_size=8
)
bounds = st.builds(
    Limits,
    max_removed_share=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    max_added_share=st.sampled_from([0.0, 0.5, 2.0]),
    unless_fewer_than=st.sampled_from([0, 3, 10]),
    max_members=st.sampled_from([10, 30, 5000]),
)


@given(walk=walks, limits=bounds)
@settings(deadline=None, max_examples=150)
def test_nothing_large_ever_passes_unseen(
    walk: list[tuple[set[int], int, bool, bool]], limits: Limits
) -> None:
    """Whatever happens, crashes included, the ADOM never loses more within a period than the limits
    allow, is never emptied, and what does not wait is done. A lost memory costs a small change."""
    estate = Adom(limits=limits)
    seen: list[tuple[float, set[address.Address]]] = []
    lost: list[float] = []
    for chosen, seconds, fails, forgets in walk:
        estate.now += seconds
        goal = {f"10.1.0.{number}" for number in chosen}
        before = seen[-1][1] if seen else set()
        plan = estate.apply(web(goal), fails=fails and bool(seen))
        after = matched(estate.have, "web", EAST)
        if not (fails and seen):
            held_back = {a for hold in plan.held for a in hold.removed}
            left_out = {a for hold in plan.held for a in hold.added}
            allowed = (set(map(address.parse, goal)) | held_back) - left_out
            assert after == (allowed or before if left_out else allowed)
        _assert_within(limits, seen, lost, before, after, estate.now)
        seen.append((estate.now, after))
        if forgets:
            estate.history = None
            lost.append(estate.now)


def _assert_within(
    limits: Limits,
    seen: list[tuple[float, set[address.Address]]],
    lost: list[float],
    before: set[address.Address],
    after: set[address.Address],
    now: float,
) -> None:
    assert after or not before
    assert len(after) <= max(limits.max_members, len(before))
    begins_at = now - limits.period_s
    earlier = [members for at, members in seen if at <= begins_at]
    if earlier and len(after) < len(before):
        # The period may look shorter by a twelfth: any size that the group had by then will do.
        soon = [members for at, members in seen if 0 < at - begins_at <= limits.period_s / 12]
        small = max(0, limits.unless_fewer_than - 1)
        unseen = small * sum(at > begins_at for at in lost)
        assert any(
            base - len(after) <= max(limits.max_removed_share * base, small) + unseen
            for base in map(len, (earlier[-1], *soon))
        )
