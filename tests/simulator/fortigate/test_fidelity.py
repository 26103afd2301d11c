"""The simulated FortiGates answer as FortiGates were recorded to answer, case by case."""

from __future__ import annotations

from tests.simulator import fidelity as shapes
from tests.simulator.fortigate import fidelity


def test_recorded_exchanges_are_answered_alike_or_explained() -> None:
    """The page in docs/ is what comes of them. Otherwise run the module with --write."""
    found = [fidelity.replay(case) for case in fidelity.load()]

    assert {v.case.name: v.unexplained for v in found if v.unexplained} == {}
    assert {v.case.name: v.unused for v in found if v.unused} == {}, "a remark without difference"
    counts = shapes.summary(verdict.word for verdict in found)
    assert counts["matches"] >= 0.9 * len(found)
    assert fidelity.TABLE.read_text() == fidelity.table(found)
