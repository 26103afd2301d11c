"""Every refusal FortiManager is known to give, and the error a user sees for it."""

from __future__ import annotations

import pytest

from fmgsync import errors
from fmgsync.targets.fortimanager import answers
from fmgsync.targets.fortimanager.answers import Place, Result

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
    body = {"result": [{"status": {"code": -1, "message": "a\x1b[2Jb\r\nc\u202e" + "x" * 999}}]}
    message = answers.decode_results(body, 1, PLACE)[0].message
    assert message.startswith("a [2Jb  c ")
    assert message.isprintable()
    assert len(message) < 500


def test_data_of_a_good_result_passes_and_a_refusal_raises() -> None:
    assert answers.checked(Result(0, "OK", [1]), PLACE) == [1]
    with pytest.raises(errors.InUse):
        answers.checked(Result(-10015, "used"), PLACE)


def test_a_commit_that_became_a_task_shows_its_number() -> None:
    body = {"result": [{"status": {"code": 0, "message": "OK"}, "taskid": 30, "url": "/x"}]}
    assert answers.decode_results(body, 1, PLACE)[0].data == {"taskid": 30}
