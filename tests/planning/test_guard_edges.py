"""The guard where its numbers meet: one member more or less, one second earlier or later."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.model import instants
from fmgsync.model.address import Address, Family
from fmgsync.model.memory import History, Size
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.planning import guard
from fmgsync.planning.guard import ADDITIONS, EMPTYING, MEMBERS, REMOVALS, Gate, Limits, Transition

REF = TargetRef("hq", "prod")
EAST, WEST = DeviceVdom("fgt-east", "root"), DeviceVdom("fgt-west", "root")
NOW = 1_000_000.0
LIMITS = Limits(max_removed_share=0.2, max_added_share=0.5, unless_fewer_than=10, max_members=200)
KNOWN = History(NOW - 10_000)
"""A memory that is longer than the period, and knows of no change."""


def some(count: int, *, first: int = 0) -> frozenset[Address]:
    return frozenset(Address(f"10.1.{n // 250}.{n % 250 + 1}") for n in range(first, first + count))


def change(before: int, after: int, **more: object) -> Transition:
    plain = Transition(Family.IPV4, "web", EAST, some(before), some(after))
    return replace(plain, **more)  # type: ignore[arg-type]


def judged(
    transition: Transition, *, history: History | None = KNOWN, limits: Limits = LIMITS
) -> guard.Verdict:
    [verdict] = guard.judge(REF, "prod", [transition], Gate(limits, NOW, history))
    return verdict


def kinds(verdict: guard.Verdict) -> list[str]:
    return [hold.kind for hold in verdict.holds]


@pytest.mark.parametrize(
    ("before", "after", "held"),
    [
        (100, 80, []),  # exactly the share
        (100, 79, [REMOVALS]),
        (20, 11, []),  # fewer than unlessFewerThan, whatever the share
        (20, 10, [REMOVALS]),  # exactly as many
        (100, 150, []),
        (100, 151, [ADDITIONS]),
        (10, 19, []),
        (10, 20, [ADDITIONS]),
        (0, 200, []),  # a first fill knows no share, but maxMembers
        (0, 201, [MEMBERS]),
        (150, 200, []),
        (3, 0, [EMPTYING]),
        (0, 0, []),
        (5, 5, []),
    ],
)
def test_one_member_decides(before: int, after: int, held: list[str]) -> None:
    verdict = judged(change(before, after))
    assert kinds(verdict) == held
    assert verdict.members == some(before if held else after)
    assert (verdict.size is None) == (bool(held) or before == after)


def test_what_waits_says_how_many_of_how_many() -> None:
    [hold] = judged(change(100, 70)).holds
    assert hold.message == "30 of 100 members fewer within 1h"
    assert set(hold.removed) == {str(each) for each in some(30, first=70)}
    assert hold.added == ()
    [hold] = judged(change(100, 160), limits=replace(LIMITS, period_s=90)).holds
    assert hold.message == "60 members more than 100 within 90s"
    assert set(hold.added) == {str(each) for each in some(60, first=100)}
    assert hold.removed == ()


@pytest.mark.parametrize(
    ("since", "held"), [(NOW - 3600, []), (NOW - 3599, [REMOVALS]), (None, [REMOVALS])]
)
def test_what_is_not_remembered_cannot_be_added_up(since: float | None, held: list[str]) -> None:
    """A memory exactly as long as the period is long enough."""
    history = None if since is None else History(since)
    verdict = judged(change(100, 90), history=history)
    assert kinds(verdict) == held
    assert all("not remembered" in hold.message for hold in verdict.holds)


@pytest.mark.parametrize(
    ("size", "held"),
    [
        (Size(Family.IPV4, "web", EAST, 100, at=NOW - 3599), [REMOVALS]),
        (Size(Family.IPV4, "web", EAST, 100, at=NOW - 3600), []),  # the period is over
        # Another account: of another family, group or place.
        (Size(Family.IPV6, "web", EAST, 100, at=NOW - 60), []),
        (Size(Family.IPV4, "db", EAST, 100, at=NOW - 60), []),
        (Size(Family.IPV4, "web", WEST, 100, at=NOW - 60), []),
        (Size(Family.IPV4, "web", None, 100, at=NOW - 60), []),
    ],
)
def test_each_group_at_each_place_has_its_own_account(size: Size, held: list[str]) -> None:
    """85 stand there and 75 shall: alone that is little, after 100 it is a quarter."""
    verdict = judged(change(85, 75), history=replace(KNOWN, sizes=(size,)))
    assert kinds(verdict) == held


def test_the_first_size_of_the_period_counts() -> None:
    sizes = tuple(
        Size(Family.IPV4, "web", EAST, members, at=NOW - ago)
        for members, ago in ((300, 4000), (120, 3000), (100, 60))
    )
    gate = Gate(LIMITS, NOW, replace(KNOWN, sizes=sizes))
    assert guard.baseline(some(90), sizes, gate) == 120
    assert guard.baseline(some(90), (), gate) == 90


def noted(*sizes: Size, history: History | None = KNOWN, at: float = NOW) -> History:
    return guard.remember(history, sizes, LIMITS, now=at, begins=False)


PLANNED = Size(Family.IPV4, "web", EAST, 100)


def test_a_write_is_remembered_with_its_time() -> None:
    found = noted(PLANNED)
    assert found.sizes == (replace(PLANNED, at=NOW),)
    assert found.since == NOW - 3600


@pytest.mark.parametrize(
    ("history", "begins", "since"),
    [
        (None, False, NOW),
        (None, True, NOW - 3600),
        (History(NOW - 60), False, NOW - 60),
        (History(NOW - 9999), True, NOW - 3600),
    ],
)
def test_since_when_it_is_known(history: History | None, begins: bool, since: float) -> None:
    assert guard.remember(history, (), LIMITS, now=NOW, begins=begins).since == since


def test_what_is_older_than_the_period_is_forgotten() -> None:
    old = replace(PLANNED, at=NOW - 3600)
    young = replace(PLANNED, name="db", at=NOW - 3599)
    assert noted(history=replace(KNOWN, sizes=(old, young))).sizes == (young,)


def test_a_fresh_write_begins_its_own_account_anew_and_no_other() -> None:
    known = (replace(PLANNED, at=NOW - 60), replace(PLANNED, place=WEST, at=NOW - 50))
    found = noted(replace(PLANNED, fresh=True), history=replace(KNOWN, sizes=known))
    assert found.sizes == known[1:]


@pytest.mark.parametrize(
    ("members", "after_s", "kept"),
    [
        (100, 10, [(100, NOW + 10)]),  # the same again replaces the one before
        (90, 299, [(100, NOW)]),  # another one very soon after is left out
        (90, 300, [(100, NOW), (90, NOW + 300)]),
    ],
)
def test_an_account_stays_short(
    members: int, after_s: float, kept: list[tuple[int, float]]
) -> None:
    first = noted(PLANNED)
    second = noted(replace(PLANNED, members=members), history=first, at=NOW + after_s)
    assert [(size.members, size.at) for size in second.sizes] == kept


def test_sizes_are_kept_oldest_first_whatever_their_group() -> None:
    younger = replace(PLANNED, name="a", at=NOW - 10)
    older = replace(PLANNED, name="b", at=NOW - 20)
    assert noted(history=replace(KNOWN, sizes=(younger, older))).sizes == (older, younger)


def test_an_approval_is_for_exactly_what_was_shown() -> None:
    [hold] = judged(change(100, 70)).holds
    approved = Gate(LIMITS, NOW, KNOWN, frozenset({hold.digest}))
    [verdict] = guard.judge(REF, "prod", [change(100, 70)], approved)
    assert (verdict.holds, verdict.approved) == ((), (hold.digest,))
    assert verdict.members == some(70)
    assert verdict.size is not None
    assert verdict.size.fresh
    for other in (change(100, 69), change(100, 70, name="db"), change(100, 70, place=WEST)):
        [verdict] = guard.judge(REF, "prod", [other], approved)
        assert kinds(verdict) == [REMOVALS]
    for ref, owner in (
        (TargetRef("hq", "lab"), "prod"),
        (TargetRef("b", "prod"), "prod"),
        (REF, "x"),
    ):
        [verdict] = guard.judge(ref, owner, [change(100, 70)], approved)
        assert kinds(verdict) == [REMOVALS]


def test_where_all_are_replaced_the_old_ones_stay_until_the_new_ones_may_come() -> None:
    verdict = judged(replace(change(100, 0), after=some(151, first=500)))
    assert kinds(verdict) == [ADDITIONS]
    assert "nothing is removed either" in verdict.holds[0].message
    assert verdict.members == some(100)


def test_what_a_held_addition_leaves_out_makes_up_for_nothing() -> None:
    """30 go and 81 come; the 81 wait, so the 30 are judged by themselves."""
    verdict = judged(replace(change(100, 0), after=some(151, first=30)))
    assert kinds(verdict) == [ADDITIONS, REMOVALS]
    assert verdict.members == some(100)


def test_too_many_members_keep_the_new_ones_out_and_let_the_old_ones_go() -> None:
    wanted = some(190, first=15) | some(6, first=1000)
    verdict = judged(replace(change(200, 0), after=wanted), limits=replace(LIMITS, max_members=195))
    assert kinds(verdict) == [MEMBERS]
    assert verdict.members == some(185, first=15)


def test_a_group_that_opens_when_it_is_empty_waits_even_if_it_may_be_empty() -> None:
    assert kinds(judged(change(3, 0, allow_empty=True))) == []
    [hold] = judged(change(3, 0, allow_empty=True, opens="a deny policy uses it")).holds
    assert hold.kind == EMPTYING
    assert hold.message == "the group would become empty (3 addresses go); a deny policy uses it"


def test_a_rule_that_selects_everything_waits_at_its_first_fill_only() -> None:
    [hold] = judged(change(0, 3, broad=True)).holds
    assert (hold.kind, hold.message) == (
        ADDITIONS,
        "its policy selects everything that runs: 3 addresses",
    )
    assert kinds(judged(change(3, 5, broad=True))) == []


def test_a_group_that_is_kept_small_keeps_what_would_be_lost_by_it() -> None:
    """150 stay, 60 come for 50 that go: too many, so they wait, and then so does what goes."""
    wanted = some(150) | some(60, first=1000)
    limits = replace(LIMITS, max_members=200)
    verdict = judged(replace(change(200, 0), after=wanted), limits=limits)
    assert kinds(verdict) == [MEMBERS, REMOVALS]
    assert verdict.members == some(200)
    assert set(verdict.holds[1].removed) == {str(each) for each in some(50, first=150)}
    assert verdict.holds[1].message == "50 of 200 members fewer within 1h"


def test_what_may_be_empty_becomes_empty() -> None:
    assert judged(change(3, 0, allow_empty=True)).members == frozenset()
    assert judged(change(3, 0)).members == some(3)


@pytest.mark.parametrize(
    ("before", "after", "period_s", "message"),
    [
        (100, 90, 3600, "10 members go, and what was changed in the last 1h is not"),
        (100, 110, 300, "10 members come, and what was changed in the last 5m is not"),
    ],
)
def test_what_cannot_be_added_up_is_said(
    before: int, after: int, period_s: float, message: str
) -> None:
    limits = replace(LIMITS, period_s=period_s)
    [hold] = judged(change(before, after), history=None, limits=limits).holds
    assert hold.message == f"{message} remembered, so that changes cannot be added up"


def test_a_guard_that_counts_every_member_counts_one_and_not_none() -> None:
    strict = replace(LIMITS, unless_fewer_than=0)
    assert kinds(judged(change(4, 3), limits=strict)) == [REMOVALS]
    assert kinds(judged(change(1, 2), limits=strict)) == [ADDITIONS]
    moved = replace(change(4, 0), after=some(4, first=2))
    assert kinds(judged(moved, history=None, limits=strict)) == []


def test_the_whole_sentence_where_all_are_replaced() -> None:
    [hold] = judged(replace(change(100, 0), after=some(151, first=500))).holds
    assert hold.message == (
        "51 members more than 100 within 1h; until it is approved nothing is removed either, or"
        " the group would be empty"
    )


def test_digests_stay_what_they_were() -> None:
    """What was approved before an update is let through after it."""
    [one] = judged(change(100, 70)).holds
    [shared] = judged(change(100, 70, place=None)).holds
    assert (one.digest, shared.digest) == ("e7e2ed757320b622", "fcc64b5e33924edb")


# --- what a clock that was ahead has noted -------------------------------------------------------


def test_what_lies_ahead_counts_from_now_on_and_its_time_is_not_known() -> None:
    """It is put right once: looked at again, nothing lies ahead."""
    ahead, sound = replace(PLANNED, at=NOW + 90_000), replace(PLANNED, members=7, at=NOW - 60)
    for since in (NOW - 10, NOW + 90_000):
        found = guard.settled(History(since, (sound, ahead)), NOW)
        assert found == History(NOW, (sound, replace(ahead, at=NOW - 1)))
        assert guard.settled(found, NOW + 1) is found
    later = History(NOW + instants.SKEW_S)  # as the clocks of two computers may differ
    assert guard.settled(later, NOW) is later
    assert guard.settled(None, NOW) is None


@pytest.mark.parametrize(
    ("doubted", "before", "after", "held"),
    [
        (40, 31, 31, []),
        (40, 32, 31, []),  # nine fewer than forty
        (40, 31, 30, [REMOVALS]),
        (40, 110, 100, [REMOVALS]),  # ten fewer than a hundred and ten, though more than forty
        (40, 110, 101, []),
        (40, 49, 50, [ADDITIONS]),
        (40, 48, 49, []),
        (40, 4, 14, [ADDITIONS]),  # ten more than four, though fewer than forty
        (40, 0, 10, [ADDITIONS]),  # no first fill
        (0, 40, 50, [ADDITIONS]),
    ],
)
def test_a_size_of_unknown_time_counts_beside_what_stands(
    doubted: int, before: int, after: int, held: list[str]
) -> None:
    """Whether it is of the period nobody can tell: what either of the two holds back waits."""
    size = Size(Family.IPV4, "web", EAST, doubted, at=NOW - 61)
    verdict = judged(change(before, after), history=History(NOW - 60, (size,)))
    assert kinds(verdict) == held


def test_a_first_fill_that_is_none_is_noted() -> None:
    size = Size(Family.IPV4, "web", EAST, 40, at=NOW - 61)
    verdict = judged(change(0, 9), history=History(NOW - 60, (size,)))
    assert verdict.size == Size(Family.IPV4, "web", EAST, 0)


def test_a_size_of_unknown_time_takes_no_place_from_one_that_is_known() -> None:
    doubted = replace(PLANNED, at=NOW - 61)
    standing = History(NOW - 60, (doubted,))
    for members in (100, 90):
        size = replace(PLANNED, members=members)
        assert noted(size, history=standing).sizes == (doubted, replace(size, at=NOW))


@given(
    walk=st.lists(
        st.tuples(st.sampled_from([-60, -12, -9, 9, 12, 60]), st.integers(400, 3000)),
        min_size=2,
        max_size=12,
    ),
    right_from=st.integers(1, 8),
    ahead_s=st.integers(4000, 100_000),
    share=st.sampled_from([0.2, 0.5, 2.0]),
)
@settings(deadline=None, max_examples=200)
def test_a_clock_that_was_ahead_lets_no_more_through_than_a_right_one(
    walk: list[tuple[int, int]], right_from: int, ahead_s: int, share: float
) -> None:
    """Beside it the same writes by a clock that was right all the time."""
    limits = replace(LIMITS, max_added_share=share, max_removed_share=min(share, 1.0))
    now, stands = NOW, some(0)
    wrong = right = guard.remember(None, (), limits, now=NOW - 10_000, begins=True)
    for step, (more, seconds) in enumerate(walk):
        now += seconds
        shown = now + (ahead_s if step < right_from else 0)
        settled = guard.settled(wrong, shown)
        assert settled is not None
        goal = Transition(Family.IPV4, "web", EAST, stands, some(max(0, len(stands) + more)))
        [by_wrong] = guard.judge(REF, "prod", [goal], Gate(limits, shown, settled))
        [by_right] = guard.judge(REF, "prod", [goal], Gate(limits, now, right))
        if step >= right_from:
            assert stands - by_wrong.members <= stands - by_right.members
            assert by_wrong.members - stands <= by_right.members - stands
        sizes = [by_wrong.size] if by_wrong.size is not None else []
        wrong = guard.remember(settled, sizes, limits, now=shown, begins=False)
        base = guard.baseline(stands, right.sizes, Gate(limits, now, right))
        truth = [replace(size, fresh=not base) for size in sizes]
        right = guard.remember(right, truth, limits, now=now, begins=False)
        stands = by_wrong.members
