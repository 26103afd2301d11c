"""Questions about pods, addresses, groups and devices, as they are put."""

from __future__ import annotations

import pytest

from fmgsync import errors
from fmgsync.assessing import explain, question
from fmgsync.assessing.explanation import Explanation, Scene
from fmgsync.assessing.question import Question
from fmgsync.model.address import Address

SCENE = Scene((), {}, ())
ADDRESS = Address("10.1.0.9")
ANSWERS: dict[str, tuple[dict[str, str], Explanation]] = {
    "pod": ({"pod": "shop/web", "ip": ""}, explain.pod(SCENE, "shop", "web")),
    "pod in a group": (
        {"pod": "shop/web", "in": "front"},
        explain.pod(SCENE, "shop", "web", group="front"),
    ),
    "ip": ({"ip": "10.1.0.9"}, explain.ip(SCENE, ADDRESS)),
    "group": ({"group": "front"}, explain.group(SCENE, "front")),
    "device": ({"device": "fgt-east"}, explain.device(SCENE, "fgt-east")),
}
MISTAKES: dict[str, tuple[dict[str, str], str, str]] = {
    "nothing": ({}, "ask about one thing", "?pod=..., ?ip=..., ?group=..., ?device=..."),
    "two": (
        {"pod": "shop/web", "ip": "10.1.0.9"},
        "ask about one thing",
        "?pod=..., ?ip=..., ?group=..., ?device=...",
    ),
    "no namespace": ({"pod": "web"}, "'web' names no pod", "write NAMESPACE/NAME"),
    "no name": ({"pod": "shop/"}, "'shop/' names no pod", "write NAMESPACE/NAME"),
    "no address": ({"ip": "web"}, "'web' is no address", "write 10.1.0.9 or 2001:db8::9"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_each_kind_of_question_is_answered(case: str) -> None:
    words, expected = ANSWERS[case]
    assert question.asked(words).answer(SCENE) == expected


@pytest.mark.parametrize("case", MISTAKES)
def test_a_question_about_nothing_that_can_be_is_refused(case: str) -> None:
    words, said, next_step = MISTAKES[case]
    with pytest.raises(errors.UsageError) as refused:
        question.asked(words)
    assert str(refused.value) == f"{said} ({next_step})"


def test_a_group_may_be_called_as_if_it_were_something_else() -> None:
    assert Question("group", "web").name == "web"
