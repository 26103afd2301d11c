"""When the next pass over an ADOM is a whole one."""

from __future__ import annotations

import threading

from fmgsync.clock import SystemClock
from fmgsync.daemon.pace import Pace
from fmgsync.daemon.worker import AdomWorker
from fmgsync.model.target import TargetRef
from fmgsync.passes.result import Pass
from tests.daemon.controllers import until

REF = TargetRef("hq", "prod")


def test_a_look_that_is_asked_for_while_a_pass_runs_is_a_whole_one() -> None:
    """Also where rules' members change in the same moment."""
    asked: list[frozenset[str] | None] = []
    runs, go = threading.Event(), threading.Event()

    def make(rules: frozenset[str] | None) -> tuple[Pass, float | None]:
        asked.append(rules)
        runs.set()
        go.wait(10)
        return Pass(REF), None

    worker = AdomWorker(REF, make, lambda _: Pace(0.0, 0.0), clock=SystemClock())
    worker.start()
    runs.wait(10)
    worker.begin_anew()
    worker.touch({"web"})
    go.set()
    until(lambda: len(asked) == 2, 10)
    worker.stop()
    worker.join()
    assert asked == [None, None]


def test_a_pass_of_which_nothing_can_be_noted_is_not_the_last() -> None:
    """Whatever was wrong with it: nobody would look at the ADOM again."""
    asked: list[frozenset[str] | None] = []

    def make(rules: frozenset[str] | None) -> tuple[Pass, float | None]:
        asked.append(rules)
        return Pass(REF), None

    def pace(last: Pass | None) -> Pace:
        if last is not None and len(asked) == 1:
            raise RuntimeError("a defect")
        return Pace(0.0, 0.0)

    worker = AdomWorker(REF, make, pace, clock=SystemClock())
    worker.start()
    until(lambda: worker.record.failures == 1, 10)
    assert not worker.busy
    assert worker.record.error == "internal error: RuntimeError"
    worker.begin_anew()
    until(lambda: len(asked) == 2 and worker.record.error is None, 10)
    worker.stop()
    worker.join()
