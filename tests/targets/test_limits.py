"""The unit's own limits, as far as it states any."""

from __future__ import annotations

from typing import Any

import pytest

from fmgsync.model.adom import Limits
from tests.targets.conftest import Start, seed
from tests.targets.hardship import Rewriting


def test_what_the_unit_says_of_itself(start: Start) -> None:
    limits = start(seed()).adom().read_limits()
    assert limits.members is None, "-1 is unlimited"
    assert limits.addresses == 400_000
    assert limits.name in range(63, 130)
    assert limits.comment == 255


def test_they_are_asked_for_once(start: Start) -> None:
    adom = start(seed()).adom()
    adom.read_limits()
    before = adom.requests
    adom.read_limits()
    assert adom.requests == before


def tighter(body: dict[str, Any]) -> None:
    for number, element in enumerate(body["result"]):
        for table in (element.get("data") or {}).values():
            if "member" in table["attr"]:
                table["attr"]["member"]["max_argv"] = 600 - number


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (tighter, 599),
        (lambda body: [element.pop("data", None) for element in body["result"]], None),
        (lambda body: [element.update(data=[]) for element in body["result"]], None),
        (lambda body: [element["status"].update(code=-7) for element in body["result"]], None),
    ],
)
def test_the_tighter_family_counts_and_silence_is_no_limit(
    start: Start, change: Any, expected: int | None
) -> None:
    unit = start(seed())

    def only_syntax(body: dict[str, Any]) -> None:
        if len(body["result"]) == 4:
            change(body)

    limits = unit.adom(adapter=Rewriting(only_syntax)).read_limits()
    assert limits.members == expected
    assert isinstance(limits, Limits)
