"""The simulator answers as FortiManager was recorded to answer, case by case."""

from __future__ import annotations

import re

import pytest

from tests.simulator import fidelity

CASES = fidelity.load()
TOPICS = sorted({case.topic for case in CASES})
PAGE = fidelity.TABLE.read_text()


def rows_of(topic: str) -> list[str]:
    """The rows of the page in docs/ that tell of a topic."""
    _, _, rest = PAGE.partition(f"\n## {topic}\n")
    return re.findall(r"^\| \d+ \|.*", rest.partition("\n## ")[0], re.MULTILINE)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_difference_is_explained(topic: str) -> None:
    """The page in docs/ tells it so. Otherwise: python -m tests.simulator.fidelity --write."""
    found = fidelity.verdicts(topic)

    assert {v.case.name: v.unexplained for v in found if v.unexplained} == {}
    assert {v.case.name: v.unused for v in found if v.unused} == {}, "a remark without difference"
    assert "\n".join(fidelity.section(topic, found)) + "\n" in PAGE


def test_enough_is_simulated_and_alike() -> None:
    """Counted on the page, each row of which the test above proves."""
    words = {topic: [row.split(" | ")[2] for row in rows_of(topic)] for topic in TOPICS}
    counts = fidelity.summary(word for given in words.values() for word in given)
    served = len(CASES) - counts["not simulated"]

    assert sum(counts.values()) == len(CASES)
    assert counts["not simulated"] <= 0.15 * len(CASES)
    assert counts["matches"] >= 0.9 * served
    assert PAGE.startswith("\n".join(fidelity.head(words)) + "\n")
    assert "\n".join(fidelity.standing(words)) + "\n" in PAGE
    assert "\n".join(fidelity.tables()) + "\n" in PAGE
    assert PAGE.endswith("\n".join(fidelity.sources(CASES)) + "\n")


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
