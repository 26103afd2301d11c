"""A rollout goes on at once only while its steps come to something: no pass is made for ever."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fmgsync.model.rollout import Outcome, TargetOutcome
from fmgsync.model.target import DeviceVdom
from fmgsync.passes.rollout_book import ASK_AGAIN_S, STALE_S, Report
from fmgsync.scheduling.rollout import Decision

FGT = DeviceVdom("fgt-1", "root")
NOW = 1_000.0
BATCH = Decision(1, ("fgt-1",))


def nothing(report: Report) -> None:
    """Its lock was taken, and the ADOM was as it is."""


def ended(report: Report) -> None:
    report.outcomes.append(TargetOutcome(FGT, Outcome.DONE, ""))


def proven(report: Report) -> None:
    report.verified.append(FGT)


def failed(report: Report) -> None:
    report.failures["fgt-2"] = "unreachable"


def held_back(report: Report) -> None:
    report.blocked["fgt-2"] = "bob's edit"


def held_back_once_more(report: Report) -> None:
    report.blocked["fgt-1"] = "another edit of bob's"


def failed_once_more(report: Report) -> None:
    report.failures["fgt-1"] = "unreachable again"


def written(report: Report) -> None:
    report.waiting = "somebody else's lock"


STEPS: dict[Callable[[Report], None], bool] = {
    nothing: False,
    ended: True,
    proven: True,
    failed: True,
    held_back: True,
    held_back_once_more: False,  # else two people who edit in turn keep passes going for ever
    failed_once_more: False,
    written: False,
}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_a_step_is_followed_at_once_only_if_something_came_of_it(
    step: Callable[[Report], None],
) -> None:
    report = Report(failures={"fgt-1": "unreachable"}, blocked={"fgt-1": "bob's edit"})
    before = report.steps
    step(report)
    report.end_step(NOW, BATCH, before)
    if STEPS[step]:
        assert (report.goes_on_at, report.batch, report.again_at) == (NOW, BATCH, NOW)
    else:
        assert (report.goes_on_at, report.batch) == (None, None)
        assert report.again_at == NOW + ASK_AGAIN_S


def test_what_is_due_earlier_is_not_put_off() -> None:
    report = Report(again_at=NOW + 5)
    report.end_step(NOW, BATCH, report.steps)
    assert report.again_at == NOW + 5


@pytest.mark.parametrize(
    ("late_s", "known"),
    [
        (0.0, True),
        (STALE_S, True),
        (STALE_S + 1, False),  # what was read of devices before the batch is too old
        (-1.0, False),  # the clock was set back: nobody knows how old it is
    ],
)
def test_a_pass_builds_on_the_batch_before_while_that_is_fresh(late_s: float, known: bool) -> None:
    report = Report()
    report.go_on(NOW, after=BATCH)
    followed = report.follows(NOW + late_s)
    assert (followed.batch is not None) is known
    assert followed.steps == 0
