"""A rollout's record: kept whole, taken over from the release before, refused from a later one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.model.address import Family
from fmgsync.model.fleet import Fleet
from fmgsync.model.rollout import InstallTask, NarrowedMapping
from fmgsync.model.target import DeviceVdom, TargetKind, TargetRef
from fmgsync.scheduling.ledger import Attempt, Ledger
from fmgsync.scheduling.rollout_record import Note, Phase, RolloutRecord
from fmgsync.state.folder import Folder
from fmgsync.state.rollouts import Rollouts

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
