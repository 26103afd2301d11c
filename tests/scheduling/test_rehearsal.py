"""A rollout played ahead keeps to everything the rollout itself keeps to."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from fmgsync.model.adom import PackageStatus
from fmgsync.model.rollout import PendingInstall
from fmgsync.model.target import DeviceVdom
from fmgsync.scheduling import budget, ledger, rehearsal
from fmgsync.scheduling.admission import Situation
from fmgsync.scheduling.budget import Percent
from fmgsync.scheduling.calendar import ALWAYS, Calendar
from fmgsync.scheduling.forecast import UNKNOWN
from fmgsync.scheduling.ledger import Ledger
from fmgsync.scheduling.rehearsal import Foreseen, Stage
from fmgsync.scheduling.window import Window, WindowKind
from tests.scheduling.estates import BEHIND, PACKAGES, REF, START, World

DAY = timedelta(days=1)


def stage_of(world: World, **rollout: object) -> Stage:
    terms = replace(world.terms, rollout=replace(world.terms.rollout, **rollout))  # type: ignore[arg-type]
    topology = world.topology()
    pending = tuple(
        PendingInstall(REF, target, PACKAGES[target.vdom], ("web",), BEHIND)
        for target in sorted(world.pending)
    )
    situation = Situation(topology, world.statuses, terms, START)
    policy = terms.rollout.policy(topology, terms.overrun)
    return Stage(policy, world.book, pending, (), situation)


@pytest.mark.parametrize("seed", range(40))
def test_what_is_foreseen_could_happen(seed: int) -> None:
    """Each pending install once; starts in open windows only; never more at risk than may fail."""
    world = World(random.Random(seed))
    stage = stage_of(world)
    found = rehearsal.rehearse(stage, START + 3 * DAY)
    assert Counter(each.target for each in found) == Counter(world.pending)
    starts = [each for each in found if each.at is not None]
    assert all(each.held is None for each in starts)
    assert all(each.held for each in found if each.at is None)
    assert [each.at for each in starts] == sorted(each.at for each in starts if each.at)
    for each in starts:
        assert each.at is not None
        assert each.at < START + 3 * DAY
        world.now = each.at
        assert world.allowed(each.target.device)
        assert not world.denied(each.target.device)
        assert _side_by_side(starts, each.at) <= budget.most_at_risk(
            stage.policy.max_failures, len(world.names)
        )


def _side_by_side(starts: list[Foreseen], at: datetime) -> int:
    return len({each.target.device for each in starts if each.at and at - UNKNOWN < each.at <= at})


@pytest.mark.parametrize("seed", range(20))
def test_the_canary_comes_first_and_everybody_waits_for_it(seed: int) -> None:
    world = World(random.Random(seed))
    canary = world.names[0]
    found = rehearsal.rehearse(stage_of(world, canary=(canary,)), START + 3 * DAY)
    starts = [each for each in found if each.at is not None]
    if starts:
        assert starts[0].target.device == canary
        assert starts[0].wave == 0
        first = next(each.at for each in starts if each.target.device == canary)
        others = [each.at for each in starts if each.wave not in (0, None)]
        assert all(at > first for at in others if at is not None and first is not None)


def test_what_only_a_person_can_free_is_held_with_its_reason() -> None:
    world = World(random.Random(1))
    stage = stage_of(world, canary=(), waves=(Percent(100),), max_failures=100)
    blocked = dict.fromkeys(world.names, "would also push 2 edits of other people")
    held = rehearsal.rehearse(
        replace(stage, situation=replace(stage.situation, blocked=blocked)), START + DAY
    )
    assert {each.at for each in held} == {None}
    assert all("edits of other people" in (each.held or "") for each in held)
    lost = rehearsal.rehearse(replace(stage, ledger=None), START + DAY)
    assert all("not known any more" in (each.held or "") for each in lost)


def test_nothing_pending_is_nothing_foreseen() -> None:
    world = World(random.Random(1))
    assert rehearsal.rehearse(replace(stage_of(world), pending=()), START + DAY) == ()


def test_past_installs_say_how_long_the_next_ones_take() -> None:
    world = World(random.Random(3))
    book = replace(Ledger("0"), past_s=(30.0,) * 9 + (90.0,))
    stage = replace(stage_of(world, canary=(), max_failures=1), ledger=book)
    starts = [e for e in rehearsal.rehearse(stage, START + 5 * DAY) if e.at and e.ends_by]
    assert starts
    assert all(e.ends_by - e.at == timedelta(seconds=30) for e in starts if e.at and e.ends_by)


def test_what_nothing_holds_is_foreseen_wave_after_wave() -> None:
    """Each with its round, to the last; nothing is held."""
    world = World(random.Random(5))
    terms = replace(world.terms, calendar=ALWAYS)
    stage = stage_of(world, canary=(), waves=(1, Percent(100)), max_failures=1000)
    free = replace(stage.situation, terms=terms, blocked={})
    stage = replace(stage, ledger=Ledger("0", past_s=(30.0,)), situation=free)
    found = rehearsal.rehearse(stage, START + DAY)
    waves = {each.wave for each in found if each.at is not None}
    assert waves >= {1, 2}


NIGHT = Window(WindowKind.ALLOW, "0 1 * * *", timedelta(hours=1))
LOST = "its ConfigMap is gone"


def two(**rollout: object) -> Stage:
    """Two devices, one wave after the other, in one hour of each night; a minute for an install."""
    world = World(random.Random(1))
    world.names = ["a", "b"]
    world.vdoms = dict.fromkeys(world.names, ("root",))
    world.online = dict.fromkeys(world.names, True)
    world.pending = {DeviceVdom(name, "root") for name in world.names}
    world.statuses = tuple(
        PackageStatus(each, PACKAGES["root"], "modified") for each in sorted(world.pending)
    )
    world.terms = replace(world.terms, calendar=Calendar((NIGHT,)))
    world.book = Ledger("0", past_s=(60.0,))
    terms = {"canary": (), "waves": (1, Percent(100)), "pause": timedelta(0), "max_failures": 1}
    return stage_of(world, **{**terms, **rollout})


def seen(found: tuple[Foreseen, ...]) -> list[tuple[object, ...]]:
    """Each in minutes from the beginning, or with why it is held."""
    return [
        (one.target.device, one.wave, _minutes(one.at), _minutes(one.ends_by), one.held)
        for one in found
    ]


def _minutes(at: datetime | None) -> float | None:
    return None if at is None else (at - START) / timedelta(minutes=1)


HOUR = timedelta(hours=1)
SHUT = "closed: no window is open"


@pytest.mark.parametrize(
    ("rollout", "until", "first", "second"),
    [
        ({}, DAY, ("a", 1, 60, 61, None), ("b", 2, 61, 62, None)),
        ({}, HOUR, ("a", None, None, None, SHUT), ("b", None, None, None, SHUT)),
        ({}, HOUR * 1.001, ("a", 1, 60, 61, None), ("b", 2, 61, 62, None)),
        ({"canary": ("b",)}, DAY, ("b", 0, 60, 61, None), ("a", 2, 61, 62, None)),
        ({"pause": 2 * HOUR}, DAY, ("a", 1, 60, 61, None), ("b", None, None, None, SHUT)),
        ({"pause": 2 * HOUR}, 2 * DAY, ("a", 1, 60, 61, None), ("b", 2, 1500, 1501, None)),
        (
            {"canary": ("b",)},
            HOUR,
            ("a", None, None, None, f"canary b is {SHUT}"),
            ("b", None, None, None, f"canary b is {SHUT}"),
        ),
    ],
)
def test_two_devices_are_foreseen_to_the_minute(
    rollout: dict[str, object],
    until: timedelta,
    first: tuple[object, ...],
    second: tuple[object, ...],
) -> None:
    found = rehearsal.rehearse(two(**rollout), START + until)
    assert seen(found) == [first, second]
    assert {each.groups for each in found} == {("web",)}


STARTED = ledger.started(two().ledger or Ledger("0"), ("a",), 1, START)
FAILED = ledger.failed(STARTED, "a", START, "no room")
SPENT = "the failure budget of the rollout is spent: 1 of 1 (a)"


@pytest.mark.parametrize(
    ("book", "first", "second"),
    [
        (STARTED, "not before then", "wave 1 is full"),  # its install is under way
        (FAILED, SPENT, SPENT),
        (ledger.halted(FAILED, "halted by ann"), "halted by ann", "halted by ann"),
    ],
)
def test_what_began_is_not_begun_again(book: Ledger, first: str, second: str) -> None:
    found = rehearsal.rehearse(replace(two(), ledger=book), START + DAY)
    assert [(one.target.device, one.held) for one in found] == [("a", first), ("b", second)]


def test_why_it_is_not_known_what_was_done_is_told() -> None:
    found = rehearsal.rehearse(replace(two(), ledger=None, lost=LOST), START + DAY)
    assert [(each.held or "").endswith(f": {LOST}") for each in found] == [True, True]
