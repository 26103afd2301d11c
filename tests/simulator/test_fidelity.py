"""The simulator answers as FortiManager was recorded to answer, case by case."""

from __future__ import annotations

import pytest

from tests.simulator import fidelity

TOPICS = sorted({case.topic for case in fidelity.load()})


@pytest.fixture(scope="module")
def verdicts() -> list[fidelity.Verdict]:
    return fidelity.verdicts()


@pytest.mark.parametrize("topic", TOPICS)
def test_every_difference_is_explained(verdicts: list[fidelity.Verdict], topic: str) -> None:
    found = [verdict for verdict in verdicts if verdict.case.topic == topic]

    assert {v.case.name: v.unexplained for v in found if v.unexplained} == {}
    assert {v.case.name: v.unused for v in found if v.unused} == {}, "a remark without difference"


def test_enough_is_simulated_and_alike(verdicts: list[fidelity.Verdict]) -> None:
    counts = fidelity.summary(verdicts)
    served = len(verdicts) - counts["not simulated"]

    assert counts["not simulated"] <= 0.15 * len(verdicts)
    assert counts["matches"] >= 0.9 * served


def test_the_page_in_docs_is_up_to_date(verdicts: list[fidelity.Verdict]) -> None:
    """Otherwise: python -m tests.simulator.fidelity --write."""
    assert fidelity.TABLE.read_text() == fidelity.table(verdicts)


@pytest.mark.parametrize(
    ("wanted", "found", "places"),
    [
        ({"name": "text"}, {"name": "x"}, []),
        ({"name": "text"}, {"name": 1}, [".name"]),
        ({"name": "text", "more?": "int"}, {"name": "x"}, []),
        ({"name": "text"}, {"name": "x", "oid": 1}, [".oid"]),
        ([{"name": "text"}], [{"name": "x"}, {}], ["[].name"]),
        (["text"], [], [""]),
        ([], ["anything"], []),
        ("null|text", None, []),
        ("ipv4", "none", [""]),
        ("word", "10.0.0.1", [""]),
        ("epoch", 7, [""]),
        ("int", True, [""]),
    ],
)  # fmt: skip
def test_shapes_are_told_apart(wanted: object, found: object, places: list[str]) -> None:
    assert [difference.at for difference in fidelity._same("", wanted, found)] == [
        place.removeprefix(".") for place in places
    ]
