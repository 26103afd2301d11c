"""Envelopes, and which of our errors each refusal is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.targets.fortigate import answers
from fmgsync.targets.fortigate.answers import Place

PLACE = Place("branch", "root", "firewall/address prod_10.0.0.1")


def decoded(status: int, body: Any, **headers: str) -> answers.Answer:
    text = body if isinstance(body, str) else json.dumps(body)
    return answers.decode(status, headers, text, PLACE)


def refused(status: int, **more: Any) -> answers.Answer:
    return decoded(status, {"status": "error", "http_status": status, "serial": "FGT1", **more})


@pytest.mark.parametrize(
    ("status", "body", "ok"),
    [
        (200, {"status": "success", "http_status": 200}, True),
        (200, {"status": "success"}, True),  # a monitor call has no http_status
        (200, {"status": "error", "http_status": 200}, False),
        (200, {"status": "success", "http_status": 500}, False),
        (200, {"status": "success", "http_status": 200, "error": -3}, False),
        (500, {"status": "success", "http_status": 200}, False),
        (200, {"http_status": 200}, False),
        (200, [{"status": "success", "http_status": 200}], True),  # a list of one VDOM
    ],
)
def test_http_status_and_status_both_count(status: int, body: Any, ok: bool) -> None:
    assert decoded(status, body).ok is ok


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (-1, errors.InvalidData),
        (-3, errors.ReferenceMissing),
        (-4, errors.TableFull),
        (-580, errors.TableFull),
        (-5, errors.AlreadyExists),
        (-15, errors.AlreadyExists),
        (-100, errors.AlreadyExists),
        (-14, errors.PermissionDenied),
        (-37, errors.PermissionDenied),
        (-23, errors.InUse),
        (-61, errors.InvalidData),
        (-160, errors.LockHeld),
        (-163, errors.NameTaken),
        (-164, errors.NameTaken),
        (-165, errors.NameTaken),
        (-651, errors.InvalidData),
        (-1000, errors.UnitBusy),
        (-31337, errors.Refused),
    ],
)
def test_the_cli_number_decides_and_its_words_are_shown(
    number: int, kind: type[errors.TargetError]
) -> None:
    answer = refused(500, error=number, cli_error="no\n\n\x1b[31mnot so\nReturn code -1\n")
    error = answers.error_for(answer, PLACE)
    assert type(error) is kind
    assert "no" in error.message
    assert "not so Return code" in error.message
    assert "\x1b" not in error.message
    assert error.code == number
    assert str(error).startswith(
        "FortiGate branch, VDOM root, object firewall/address prod_10.0.0.1: "
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.LoginRefused),
        (403, errors.PermissionDenied),
        (404, errors.NotFound),
        (405, errors.InvalidData),
        (413, errors.InvalidData),
        (424, errors.InvalidData),
        (429, errors.UnitBusy),
        (500, errors.Refused),
        (503, errors.UnitBusy),
        (418, errors.Refused),
    ],
)
def test_without_a_number_the_http_status_decides(
    status: int, kind: type[errors.TargetError]
) -> None:
    assert type(answers.error_for(refused(status), PLACE)) is kind


@pytest.mark.parametrize("status", [401, 403])
def test_a_page_instead_of_an_answer_names_all_three_and_where_we_came_from(status: int) -> None:
    page = decoded(status, "<HTML><TITLE>401 Authorization Required</TITLE></HTML>")
    error = answers.error_for(page, PLACE, source="192.0.2.7")
    assert isinstance(error, errors.LoginRefused)
    for word in ("key", "192.0.2.7", "expired"):
        assert word in error.message
    assert "trusted hosts" in (error.next_step or "")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, "<html>Welcome</html>"),
        (200, ""),
        (200, "[]"),
        (200, '{"id": 1, "result": []}'),
        (200, "7"),
        (404, "<html>Not Found</html>"),
        (302, ""),
        (500, "boom"),
        (502, "<html>Bad Gateway</html>"),
    ],
)
def test_a_host_that_is_no_fortigate_is_said_to_be_none(status: int, text: str) -> None:
    with pytest.raises(errors.ProtocolError, match="no usable answer of a FortiGate") as caught:
        decoded(status, text, **{"Content-Type": "text/html; charset=utf-8"})
    assert f"HTTP status {status} and text/html" in caught.value.message
    assert "fortimanagers" in (caught.value.next_step or "")


@pytest.mark.parametrize(
    ("raw", "date", "seconds"),
    [
        ("Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:49 GMT", 10.0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 1999 22:59:49 GMT", 120.0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", "Sat, 01 Jan 2000 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", "soon", None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:59 GMT", None),
        ("\u0667", "Fri, 31 Dec 1999 23:59:59 GMT", None),
    ],
)
def test_a_date_to_wait_for_counts_from_the_units_own_clock(
    raw: str, date: str, seconds: float | None
) -> None:
    assert decoded(429, "", **{"Retry-After": raw, "Date": date}).retry_after_s == seconds


@pytest.mark.parametrize(
    ("raw", "seconds"), [("7", 7.0), ("0", 0.0), ("99999", 120.0), ("soon", None), ("-1", None)]
)
def test_how_long_to_wait_is_the_units_word_within_reason(raw: str, seconds: float | None) -> None:
    assert decoded(429, "", **{"Retry-After": raw}).retry_after_s == seconds


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("v7.4.1", (7, 4, 1)),
        ("v6.2.10", (6, 2, 10)),
        ("7.6", (7, 6, 0)),
        ("", None),
        ("v7", None),
        ("vx.y.z", None),
    ],
)
def test_the_release_is_numbers(text: str, release: tuple[int, int, int] | None) -> None:
    assert answers.release(text) == release
