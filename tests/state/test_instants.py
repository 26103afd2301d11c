"""What a clock that was wrong has left behind: named, and never waited for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fmgsync.clock import ManualClock
from fmgsync.model.address import Family
from fmgsync.model.change import Hold
from fmgsync.model.memory import History, Size
from fmgsync.model.rollout import InstallTask
from fmgsync.model.target import TargetRef
from fmgsync.passes.guard_memory import AdomGuard
from fmgsync.planning import guard
from fmgsync.scheduling.ledger import Attempt, Ledger, Proof
from fmgsync.scheduling.rollout_record import Note, RolloutRecord, trusted
from fmgsync.state.folder import Folder
from fmgsync.state.memory import Memory
from fmgsync.state.rollouts import Rollouts

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
TOMORROW, EARLIER, SOON = (
    NOW + timedelta(days=1),
    NOW - timedelta(hours=1),
    NOW + timedelta(minutes=1),
)
EMPTY = RolloutRecord(Ledger("rules"))


def record(at: datetime) -> RolloutRecord:
    """Every instant that a record has, all at the same time."""
    ledger = Ledger(
        "rules",
        proofs=(Proof("a", 0, at),),
        attempts=(Attempt("b", 1, at), Attempt("c", 1, at, at)),
    )
    task = InstallTask(TargetRef("hq", "prod"), 7, "edge", (), at.timestamp())
    return RolloutRecord(
        ledger,
        tasks=(task,),
        blocked={"d": Note("why", at)},
        urgent_at={"b": at, "e": at},
        decided_at=at,
    )


@pytest.mark.parametrize("at", [EARLIER, SOON])
def test_what_any_clock_that_is_nearly_right_has_written_stands(at: datetime) -> None:
    assert trusted(record(at), NOW) == record(at)


def test_each_kind_goes_in_its_safe_direction() -> None:
    found = trusted(record(TOMORROW), NOW)
    # A pause begins anew; the install that is open stays one that adds nothing.
    assert [proof.verified_at for proof in found.ledger.proofs] == [NOW]
    assert [attempt.started_at for attempt in found.ledger.attempts] == [NOW, NOW]
    assert [attempt.failed_at for attempt in found.ledger.failed] == [NOW]
    assert found.urgent_at == {"b": NOW}
    # The device that was held back is looked at.
    assert found.blocked == {}
    assert [task.started_at for task in found.tasks] == [NOW.timestamp()]
    # What a person decided is only told apart from what was decided before.
    assert found.decided_at == TOMORROW
    assert len(found.odd) == 9
    assert all("2026-03-03" in sentence and "lies ahead" in sentence for sentence in found.odd)


def test_what_lies_behind_stays_beside_what_lies_ahead() -> None:
    found = trusted(replace(record(TOMORROW), urgent_at={"z": EARLIER}), NOW)
    assert found.urgent_at == {"z": EARLIER}
    assert "an install on b is noted for" in found.odd[0]


def test_it_is_put_right_with_the_next_write(tmp_path: Path) -> None:
    clock = ManualClock()
    rollouts = Rollouts(Folder(tmp_path, clock=clock), "prod", clock=clock)
    ref = TargetRef("hq", "prod")
    ahead = datetime.fromtimestamp(clock.now(), UTC) + timedelta(days=1)
    rollouts.update(ref, lambda found: replace(EMPTY, urgent_at={"fgt": ahead}))
    found = rollouts.read(ref)
    assert found is not None
    assert found.urgent_at == {}
    assert found.odd
    rollouts.update(ref, lambda found: found or EMPTY)
    found = rollouts.read(ref)
    assert found is not None
    assert not found.odd


def test_an_approval_from_tomorrow_lets_nothing_through(tmp_path: Path) -> None:
    memory = Memory(Folder(tmp_path, clock=ManualClock()))
    memory.show("plan", [(TargetRef("hq", "prod"), Hold("held", "g", "m", digest="d"))], 0)
    memory.approve("d", who="ann", reason="", now=90_000, expires_at=200_000)
    assert memory.approvals(100) == ()
    assert [one.digest for one in memory.approvals(90_000)] == ["d"]


def test_what_was_shown_tomorrow_is_shown_again(tmp_path: Path) -> None:
    """Or it could be approved for longer than it is kept."""
    memory = Memory(Folder(tmp_path, clock=ManualClock()))
    held = [(TargetRef("hq", "prod"), Hold("held", "g", "m", digest="d"))]
    memory.show("plan", held, 90_000)
    memory.show("plan", held, 100)
    assert [one.at for one in memory.shown()] == [100]


def test_what_the_guard_noted_tomorrow_counts_from_now_on(tmp_path: Path) -> None:
    """Else a group could lose all that it gained since, unasked, for a day. Once: who looks puts
    nothing right, who acts does, and then it is over when a period is."""
    clock = ManualClock(90_000)
    memory = Memory(Folder(tmp_path, clock=clock))
    ref = TargetRef("hq", "prod")
    small = Size(Family.IPV4, "k8s-web", None, 5, at=90_000)
    memory.remember("prod", ref, lambda history: History(0, (small,)))
    now = ManualClock(10_000)
    work = AdomGuard(ref, "prod", guard.Limits(), memory, now)
    for at in (10_000, 20_000):
        now.sleep(at - now.now())
        counts = History(at, (replace(small, at=at - 1),))
        assert work.gate().history == counts
        assert work.gate().blind
    assert memory.history("prod", ref) == History(0, (small,))
    work.settle()
    assert memory.history("prod", ref) == counts
    now.sleep(3_599)
    work.settle()
    assert work.gate().history == counts
    assert work.gate().blind
    now.sleep(1)
    assert not work.gate().blind


def test_where_nothing_lies_ahead_nothing_is_written(tmp_path: Path) -> None:
    memory = Memory(Folder(tmp_path, clock=ManualClock()))
    work = AdomGuard(TargetRef("hq", "prod"), "prod", guard.Limits(), memory, ManualClock(10_000))
    work.settle()
    assert not [*tmp_path.iterdir()]
