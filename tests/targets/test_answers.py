"""Every refusal FortiManager is known to give, and the error a user sees for it."""

from __future__ import annotations

from typing import Any

import pytest

from fmgsync import errors
from fmgsync.targets.fortimanager import answers
from fmgsync.targets.fortimanager.answers import Place, Question, Result

ASKED = Question(7, ("/x",))
PLACE = Place("hq", "prod", "fgt-1", "web")


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        (-1, errors.UnitBusy, True),
        (-2, errors.AlreadyExists, False),
        (-3, errors.NotFound, False),
        (-4, errors.ReferenceMissing, False),
        (-5, errors.InvalidData, False),
        (-6, errors.NotFound, False),
        (-7, errors.InvalidData, False),
        (-8, errors.InvalidData, False),
        (-9, errors.InvalidData, False),
        (-10, errors.InvalidData, False),
        (-11, errors.PermissionDenied, False),
        (-14, errors.PermissionDenied, False),
        (-15, errors.InvalidData, False),
        (-22, errors.LoginRefused, False),
        (-9998, errors.InvalidData, False),
        (-10015, errors.InUse, False),
        (-10131, errors.ReferenceMissing, False),
        (-10147, errors.PermissionDenied, False),
        (-20017, errors.LockLost, False),
        (-20018, errors.LockHeld, True),
        (-20020, errors.PermissionDenied, False),
        (-20028, errors.InvalidData, False),
        (-20036, errors.LockHeld, True),
        (-20055, errors.LockHeld, True),
        (-20058, errors.LockLost, False),
        (-20063, errors.InUse, False),
        (-20078, errors.LockHeld, True),
        *((code, errors.UnitBusy, True) for code in (-12, -13, -20003, -20038, -20042)),
        *((code, errors.UnitBusy, True) for code in (-20054, -20056, -20057)),
        *((code, errors.AlreadyExists, False) for code in (-9999, -10000, -10033, -20008, -20010)),
        *((code, errors.InvalidData, False) for code in (-20002, -20029, -20030, -20060, -20061)),
        *((code, errors.Refused, False) for code in range(-20052, -20044)),
        (-20004, errors.NotFound, False),
        (-20013, errors.InUse, False),
        *((code, errors.LockHeld, True) for code in (-20044, -20059, -20079)),
        (-31337, errors.Refused, False),
    ],
)
def test_each_status_code_becomes_one_error(
    code: int, kind: type[errors.TargetError], retryable: bool
) -> None:
    error = answers.error_for(Result(code, "words of the unit"), PLACE)
    assert type(error) is kind
    assert error.retryable is retryable
    assert error.code == code
    for part in ("hq", "prod", "fgt-1", "web", str(code), "words of the unit"):
        assert part in str(error)


def test_words_from_outside_cannot_steer_a_terminal() -> None:
    status = {"code": -1, "message": "a\x1b[2Jb\r\nc\u202e" + "x" * 999}
    body = {"id": 7, "result": [{"status": status}]}
    message = answers.decode_results(body, ASKED, PLACE)[0].message
    assert message.startswith("a [2Jb  c ")
    assert message.isprintable()
    assert len(message) < 500


GOOD = {"code": 0, "message": "OK"}


@pytest.mark.parametrize(
    "body",
    [
        {"id": 7, "result": [{"status": GOOD, "url": "/x"}]},
        {"id": 7, "result": {"status": GOOD, "url": "x/"}},
        {"id": 7, "result": [{"status": GOOD}]},
        {"id": None, "result": [{"status": GOOD, "url": "/x"}]},
        {"result": [{"status": GOOD, "url": "/x"}]},
        {"id": 7, "status": GOOD, "url": "/x"},
    ],
)
def test_an_answer_that_says_what_it_answers_is_taken(body: object) -> None:
    assert answers.decode_results(body, ASKED, PLACE)[0].ok


@pytest.mark.parametrize("status", [GOOD, {"code": -3, "message": "Object does not exist"}])
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"id": 8, "result": [{"url": "/x"}]}, "it answers request 8, this is 7"),
        ({"id": "8", "result": [{"url": "/x"}]}, "it answers request 8, this is 7"),
        ({"id": 7, "result": [{"url": "/y"}]}, "an answer is about /y, asked was /x"),
        ({"id": 7, "result": [{"url": "/x/y"}]}, "an answer is about /x/y, asked was /x"),
        ({"id": 7, "result": [{"url": 5}]}, "an answer is about 5, asked was /x"),
        ({"result": [{"url": "/y"}]}, "an answer is about /y, asked was /x"),
        ({"result": [{}]}, "an answer does not say that it is about /x"),
        ({"id": None, "result": [{"url": ""}]}, "an answer does not say that it is about /x"),
    ],
)
def test_an_answer_to_another_question_is_no_answer(
    body: dict[str, Any], told: str, status: dict[str, Any]
) -> None:
    """Not even a refusal: that another object is absent says nothing of this one."""
    spoken = body | {"result": [body["result"][0] | {"status": status}]}
    with pytest.raises(errors.ProtocolError, match=told):
        answers.decode_results(spoken, ASKED, PLACE)


def test_each_of_several_answers_is_held_against_its_own_question() -> None:
    asked = Question(7, ("/x", "/y"))
    swapped = {"id": 7, "result": [{"status": GOOD, "url": url} for url in ("/y", "/x")]}
    with pytest.raises(errors.ProtocolError, match="an answer is about /y, asked was /x"):
        answers.decode_results(swapped, asked, PLACE)


def test_data_of_a_good_result_passes_and_a_refusal_raises() -> None:
    assert answers.checked(Result(0, "OK", [1]), PLACE) == [1]
    with pytest.raises(errors.InUse):
        answers.checked(Result(-10015, "used"), PLACE)


def test_a_commit_that_became_a_task_shows_its_number() -> None:
    body = {"result": [{"status": {"code": 0, "message": "OK"}, "taskid": 30, "url": "/x"}]}
    assert answers.decode_results(body, ASKED, PLACE)[0].data == {"taskid": 30}
