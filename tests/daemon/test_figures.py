"""What metrics tell of an ADOM's devices, after passes over a real estate."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmgsync.daemon import figures
from fmgsync.daemon.adom_record import AdomRecord
from fmgsync.model.health import LATENCY_S, Latency
from fmgsync.model.target import DeviceVdom, TargetRef
from tests import builders
from tests.end_to_end.fleet import GROUP, open_fleet, seed, to, web
from tests.passes.worlds import OPENS, make_pass, world_of

ADOM = TargetRef("hq", "prod")
FIRST = DeviceVdom("fgt-1", "root")


@pytest.mark.parametrize(
    ("seconds", "sort"),
    [(0.0, 0), (LATENCY_S[0], 0), (LATENCY_S[0] + 0.1, 1), (1e9, len(LATENCY_S))],
)
def test_a_change_is_sorted_by_how_long_it_took(seconds: float, sort: int) -> None:
    found = Latency().after(seconds)
    assert [at for at, count in enumerate(found.counts) if count] == [sort]
    assert found.sum_s == seconds


def test_sizes_and_proofs_are_told_by_device(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2), rollout={"maxFailures": "100%"}) as estate:
        web(estate, "10.1.0.2", "10.1.0.3")
        changed_at = estate.clock.now()
        to(estate, OPENS)
        result, _ = make_pass(world_of(estate))
        now = estate.clock.now()
        assert result.rollout is not None
        proven = frozenset(result.rollout.verified)
        assert FIRST in proven
        record = AdomRecord(
            ADOM,
            result,
            verified_at=figures.verified_at({}, result, now),
            latency=figures.latency(Latency(), {}, result, changed_at=changed_at, now=now),
        )
        found = figures.devices_health(record)
        assert found.sizes["fgt-1/root", GROUP] == 2
        assert found.verified_at["fgt-1"] == now
        assert sum(found.latency.counts) == len(proven)
        assert found.latency.sum_s == pytest.approx(len(proven) * (now - changed_at))
        assert (found.drifted, found.unreachable, found.approvals) == (0, 0, 0)
        # A pass that installs nothing proves nothing anew.
        estate.clock.sleep(60)
        later, _ = make_pass(world_of(estate))
        if not later.outcomes:
            assert figures.verified_at(record.verified_at, later, 1e10) == record.verified_at


def test_what_a_person_could_approve_is_counted(tmp_path: Path) -> None:
    with open_fleet(tmp_path, seed(2)) as estate:
        # None of the group's runs any more: to empty it waits.
        estate.run("east", builders.pod("db-1", "10.1.0.9", labels={"app": "db"}))
        result, _ = make_pass(world_of(estate))
        assert result.seen is not None
        digests = {hold.digest for hold in result.seen.plan.held}
        assert digests
        assert figures.devices_health(AdomRecord(ADOM, result)).approvals == len(digests)


def test_only_the_largest_groups_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MOST_SIZES", 1)
    with open_fleet(tmp_path, seed(2)) as estate:
        result, _ = make_pass(world_of(estate))
        found = figures.devices_health(AdomRecord(ADOM, result)).sizes
        assert found == {("fgt-1/root", GROUP): 1}
