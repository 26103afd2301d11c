"""What an explanation answers as a whole: a row for each mix of steps and devices."""

from __future__ import annotations

import pytest

from fmgsync.assessing.explanation import Explanation, Step
from fmgsync.model.target import DeviceVdom

ANSWERS = [
    ([True], "yes"),
    ([True, None], "unknown"),
    ([None, True, False], "no"),
    ([], "unknown"),
]
SOMEWHERE = [
    ([False, True], False, "yes"),
    ([True, None], True, "yes"),
    ([False, None], False, "unknown"),
    ([False], True, "unknown"),
    ([False], False, "no"),
    ([], False, "no"),
]


@pytest.mark.parametrize(("steps", "answer"), ANSWERS)
def test_one_step_that_does_not_hold_is_a_no(steps: list[bool | None], answer: str) -> None:
    told = tuple(Step("rule", "here", holds, "") for holds in steps)
    assert Explanation("?", told).answer == answer


@pytest.mark.parametrize(("devices", "unseen", "answer"), SOMEWHERE)
def test_somewhere_one_device_is_enough(
    devices: list[bool | None], unseen: bool, answer: str
) -> None:
    """And a no needs all of them: who was not looked at may be one."""
    found = tuple((DeviceVdom(f"fgt-{n}", "root"), holds) for n, holds in enumerate(devices))
    step = Step("rule", "here", False, "")
    assert Explanation("?", (step,), found, somewhere=True, unseen=unseen).answer == answer
