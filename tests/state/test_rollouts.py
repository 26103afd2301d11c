"""A rollout's record: kept whole, taken over from the release before, refused from a later one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.model.address import Family
from fmgsync.model.fleet import Fleet
from fmgsync.model.rollout import InstallTask, NarrowedMapping
from fmgsync.model.target import DeviceVdom, TargetKind, TargetRef
from fmgsync.scheduling.ledger import Attempt, Ledger, Proof
from fmgsync.scheduling.rollout_record import Note, Phase, RolloutRecord
from fmgsync.state.folder import Folder
from fmgsync.state.rollouts import Rollouts
from fmgsync.state.units import Units

REF = TargetRef("hq", "prod")
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
WEB = DeviceVdom("fgt-1", "root")
OPEN = {"device": "fgt-1", "wave": 1, "started_at": NOW.timestamp()}


@pytest.fixture
def rollouts(tmp_path: Path) -> Rollouts:
    clock = ManualClock(NOW.timestamp() + 60)
    return Rollouts(Folder(tmp_path, clock=clock), "prod", clock=clock)


@pytest.fixture
def keep(tmp_path: Path) -> Callable[..., None]:
    """Writes one ADOM's row as some release of fmgsync would have."""

    def write(**row: Any) -> None:
        known = {"owner": "prod", "fortimanager": "hq", "adom": "prod", "digest": "rules"}
        document = {"version": 1, "rollouts": [{**known, **row}]}
        (tmp_path / "rollouts.json").write_text(json.dumps(document))

    return write


def test_what_is_kept_is_read(rollouts: Rollouts) -> None:
    record = RolloutRecord(
        Ledger("rules", attempts=(Attempt("fgt-1", None, NOW),), past_s=(2.0,)),
        (InstallTask(REF, 7, "edge", (WEB,), NOW.timestamp()),),
        6,
        {"fgt-2": Note("edits", NOW, "abc")},
        {"fgt-1": NOW},
        frozenset({"fgt-1"}),
        NOW,
        Phase.PUSHING,
        (NarrowedMapping((Family.IPV4, "k8s-web"), WEB, ("a",), ("a", "b")),),
    )
    rollouts.update(REF, lambda before: record)
    assert rollouts.read(REF) == record


LATER = NOW + timedelta(seconds=20)
EVERYTHING = RolloutRecord(
    Ledger(
        "rules",
        (Proof("fgt-3", 2, NOW, urgent=True), Proof("fgt-4", 1, LATER)),
        (
            Attempt("fgt-1", 1, NOW, LATER, "the tunnel is down", urgent=True),
            Attempt("fgt-2", 0, LATER),
        ),
        "ann: wait",
        (2.0, 3.5),
    ),
    (
        InstallTask(REF, 7, "edge", (WEB, DeviceVdom("fgt-2", "dmz")), NOW.timestamp()),
        InstallTask(REF, 8, "core", (WEB,), LATER.timestamp()),
    ),
    6,
    {"fgt-2": Note("edits", NOW, "abc"), "fgt-3": Note("closed", LATER)},
    {"fgt-1": NOW, "fgt-2": LATER},
    frozenset({"fgt-2", "fgt-1"}),
    LATER,
    Phase.PUSHING,
    (
        NarrowedMapping((Family.IPV4, "k8s-web"), WEB, ("a",), ("a", "b")),
        NarrowedMapping((Family.IPV6, "k8s-db"), DeviceVdom("fgt-2", "dmz"), (), ("c",)),
    ),
)
"""Every field has a value of its own, and none is as it is by default."""


def test_every_field_is_kept(rollouts: Rollouts, tmp_path: Path) -> None:
    assert rollouts.update(REF, lambda before: EVERYTHING) == EVERYTHING
    rollouts.update(REF, lambda before: before or RolloutRecord(Ledger("nothing")))
    assert rollouts.read(REF) == EVERYTHING
    clock = ManualClock(LATER.timestamp() + 60)
    assert Rollouts(Folder(tmp_path, clock=clock), "prod", clock=clock).read(REF) == EVERYTHING


def test_a_change_is_given_what_was_before_and_touches_nobody_elses(tmp_path: Path) -> None:
    clock = ManualClock(LATER.timestamp() + 60)
    folder = Folder(tmp_path, clock=clock)
    ours, theirs = (Rollouts(folder, owner, clock=clock) for owner in ("prod", "lab"))
    other = TargetRef("hq", "another")
    seen: list[RolloutRecord | None] = []

    def change(before: RolloutRecord | None) -> RolloutRecord:
        seen.append(before)
        return RolloutRecord(Ledger(f"{len(seen)}"))

    theirs.update(REF, lambda before: RolloutRecord(Ledger("theirs")))
    ours.update(other, lambda before: EVERYTHING)
    for _ in range(2):
        ours.update(REF, change)
    assert seen == [None, RolloutRecord(Ledger("1"))]
    assert ours.read(other) == replace(
        EVERYTHING, tasks=tuple(replace(task, adom=other) for task in EVERYTHING.tasks)
    )
    assert theirs.read(REF) == RolloutRecord(Ledger("theirs"))
    assert theirs.read(other) is None
    rows = json.loads((tmp_path / "rollouts.json").read_text())["rollouts"]
    assert [(row["owner"], row["adom"]) for row in rows] == [
        ("lab", "prod"),
        ("prod", "another"),
        ("prod", "prod"),
    ]


def test_what_is_only_a_help_is_kept_as_well(rollouts: Rollouts) -> None:
    assert rollouts.update_soon(REF, lambda before: EVERYTHING) == EVERYTHING
    again = rollouts.update_soon(REF, lambda before: replace(before or EVERYTHING, after=9))
    assert again == rollouts.read(REF) == replace(EVERYTHING, after=9)


@pytest.mark.parametrize("phase", Phase)
def test_a_phase_is_kept_whatever_else_there_is(rollouts: Rollouts, phase: Phase) -> None:
    rollouts.update(REF, lambda before: replace(EVERYTHING, phase=phase, after=None))
    found = rollouts.read(REF)
    assert found is not None
    quiet = Phase.PREVIEWING if phase is Phase.IDLE else phase
    assert found.phase is quiet, "attempts that are open belong to some phase"


def test_a_damaged_record_names_its_place(tmp_path: Path, rollouts: Rollouts) -> None:
    for text in ("{", '{"version": 2}', '{"version": 1, "rollouts": [{"owner": "prod"}]}'):
        (tmp_path / "rollouts.json").write_text(text)
        with pytest.raises(errors.StateError) as caught:
            rollouts.read(REF)
        assert str(tmp_path / "rollouts.json") in str(caught.value)
        assert rollouts.where() in str(caught.value)
        assert "None" not in str(caught.value)


def test_units_that_were_renamed_keep_their_record(tmp_path: Path) -> None:
    """What is remembered is bound to the unit, not to the name that a configuration gives it."""
    clock = ManualClock(LATER.timestamp() + 60)
    folder = Folder(tmp_path, clock=clock)
    units = Units(folder, {"hq": "fmg.example"})
    kept = Rollouts(folder, "prod", clock=clock, units=units)
    kept.update(REF, lambda before: EVERYTHING)
    assert kept.read(REF) == EVERYTHING
    known = units.of(REF)
    rows = json.loads((tmp_path / "rollouts.json").read_text())["rollouts"]
    assert [row["fortimanager"] for row in rows] == [known.unit]


BRANCHES = tuple(TargetRef(f"branch-{n}", "root", TargetKind.FORTIGATE) for n in (1, 2))


def test_an_adoms_row_is_what_releases_without_fleets_wrote(
    tmp_path: Path, rollouts: Rollouts
) -> None:
    """Byte for byte, and theirs is read: an ADOM is a fleet of its own."""
    rollouts.update(REF, lambda before: RolloutRecord(Ledger("rules", past_s=(2.0,))))
    assert (tmp_path / "rollouts.json").read_text() == (
        '{"version":1,"rollouts":[{"owner":"prod","fortimanager":"hq","adom":"prod",'
        '"digest":"rules","past_s":[2.0]}]}'
    )


def test_the_targets_of_a_fleet_have_one_record(tmp_path: Path) -> None:
    clock = ManualClock(NOW.timestamp() + 60)
    fleet = Fleet("branches", BRANCHES)
    kept = Rollouts(
        Folder(tmp_path, clock=clock), "prod", clock=clock, fleets=dict.fromkeys(BRANCHES, fleet)
    )
    kept.update(REF, lambda before: RolloutRecord(Ledger("adom")))
    kept.update(BRANCHES[0], lambda before: RolloutRecord(Ledger("fleet")))
    found = [kept.read(ref) for ref in (*BRANCHES, REF)]
    assert [one.ledger.digest for one in found if one] == ["fleet", "fleet", "adom"]
    rows = json.loads((tmp_path / "rollouts.json").read_text())["rollouts"]
    assert [(row["fortimanager"], row["adom"], row.get("fleet")) for row in rows] == [
        ("", "", "branches"),
        ("hq", "prod", None),
    ]


def test_a_fleets_tasks_are_each_targets_own(tmp_path: Path) -> None:
    clock = ManualClock(LATER.timestamp() + 60)
    fleets = dict.fromkeys(BRANCHES, Fleet("branches", BRANCHES))
    kept = Rollouts(Folder(tmp_path, clock=clock), "prod", clock=clock, fleets=fleets)
    given: list[RolloutRecord | None] = []

    def change(before: RolloutRecord | None) -> RolloutRecord:
        given.append(before)
        return before or EVERYTHING

    for _ in range(2):
        kept.update(BRANCHES[0], change)
    found = [kept.read(ref) for ref in BRANCHES] + given[1:]
    adoms = [{task.adom for task in one.tasks} for one in found if one is not None]
    assert adoms == [{BRANCHES[0]}, {BRANCHES[1]}, {BRANCHES[0]}]


TAKEN_OVER: dict[str, tuple[dict[str, Any], Phase]] = {
    "nothing was under way": ({}, Phase.IDLE),
    "at risk, and nothing pushed yet": ({"attempts": [OPEN]}, Phase.PREVIEWING),
    "tasks may have been started": ({"attempts": [OPEN], "after": 6}, Phase.PUSHING),
    "only a failed device was left": (
        {"attempts": [{**OPEN, "failed_at": NOW.timestamp()}]},
        Phase.IDLE,
    ),
}


@pytest.mark.parametrize("why", TAKEN_OVER)
def test_a_record_without_a_phase_is_taken_over(
    rollouts: Rollouts, keep: Callable[..., None], why: str
) -> None:
    row, phase = TAKEN_OVER[why]
    keep(**row)
    record = rollouts.read(REF)
    assert record is not None
    assert (record.phase, record.narrowed) == (phase, ())


@pytest.mark.parametrize("row", [{"phase": "teleporting"}, {"phase": "idle", "orbit": 3}])
def test_a_record_of_a_later_release_is_refused(
    rollouts: Rollouts, keep: Callable[..., None], row: dict[str, Any]
) -> None:
    keep(**row)
    with pytest.raises(errors.StateError, match="from a newer fmgsync") as caught:
        rollouts.read(REF)
    assert "rollout resume" in (caught.value.next_step or "")


def test_what_is_left_open_is_what_nobody_looks_after_any_more(
    rollouts: Rollouts, keep: Callable[..., None]
) -> None:
    other = TargetRef("hq", "lab")
    branch = TargetRef("branch-1", "root", TargetKind.FORTIGATE)
    assert rollouts.left_open([]) == ()
    keep(attempts=[OPEN])
    assert rollouts.left_open([REF]) == ()
    (told,) = rollouts.left_open([other])
    assert told == (
        "what was begun at hq/prod is not ended, and no site leads there any more: fgt-1 may have"
        " been left in the middle of an install"
    )
    keep(attempts=[{**OPEN, "failed_at": NOW.timestamp()}])  # somebody was told
    assert rollouts.left_open([other]) == ()
    keep(attempts=[OPEN], owner="test")
    assert rollouts.left_open([other]) == ()
    both = [{**OPEN, "device": "branch-1"}, {**OPEN, "device": "branch-2"}]
    keep(fortimanager="", adom="", fleet="*", attempts=both)
    (told,) = rollouts.left_open([branch])  # by another fleet's record by now
    assert told.startswith("what was begun at fleet * ")
    assert "branch-2 may" in told
    assert "branch-1" not in told
