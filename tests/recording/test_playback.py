"""What is played to whom: in the recorded order, or leniently, and never more than was recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fmgsync.recording.cassette import Exchange
from fmgsync.recording.playback import NOT_RECORDED, Playback
from tests.recording.exchanges import cassette, exchange, login

READ_A = exchange("get", {"url": "/a"}, answers=[{"data": 1}])
READ_B = exchange("get", {"url": "/b"}, answers=[{"data": 2}])
WRITE = exchange("set", {"url": "/pm/config/adom/lab/obj/x", "data": {"n": 1}})
OUT = exchange("exec", {"url": "sys/logout"})


def playback(*sessions: list[Exchange], strict: bool = True) -> Playback:
    named = [(f"{n}.yaml", cassette(*one)) for n, one in enumerate(sessions, start=1)]
    return Playback(named, strict=strict)


def play(player: Playback, one: Exchange, **members: Any) -> Any:
    """Ask what was recorded, with members of the request changed; the decoded answer."""
    body = json.loads(one.request_body) | members
    answer = player.answer(json.dumps(body).encode())
    decoded = json.loads(answer.body)
    assert (answer.status == 409) == (decoded["result"][0]["status"]["code"] == NOT_RECORDED)
    return decoded


def told(player: Playback, one: Exchange, **members: Any) -> str:
    """The same for what was not recorded: the explanation."""
    answer = play(player, one, **members)
    assert answer["result"][0]["status"]["code"] == NOT_RECORDED
    return "\n".join(answer["cassette"])


@pytest.mark.parametrize("strict", [True, False])
def test_a_session_is_played_byte_for_byte(strict: bool) -> None:
    player = playback([login(), READ_A, WRITE, OUT], strict=strict)
    for one in (login(), READ_A, WRITE, OUT):
        answer = player.answer(one.request_body)
        assert (answer.status, answer.body) == (200, one.response_body)
    assert player.verdict() is None


def test_another_id_is_echoed() -> None:
    player = playback([login(), READ_A])
    assert play(player, login(), id=7)["id"] == 7
    assert play(player, READ_A, id="a7")["id"] == "a7"


def test_strict_wants_the_recorded_order_and_stops_there() -> None:
    player = playback([login(), READ_A, READ_B])
    play(player, login())
    text = told(player, READ_B)
    assert "expected exchange 2: get /a" in text
    assert "params[0].url: recorded 'a', came 'b'" in text
    assert "nearest recorded exchange 3: get /b" in text
    assert "left its recording earlier" in told(player, READ_A)
    verdict = player.verdict() or ""
    assert "recorded but never asked for (2):" in verdict
    assert "1.yaml: exchange 3: get /b" in verdict


def test_lenient_takes_any_order_but_not_anything() -> None:
    player = playback([login(), READ_A, WRITE, READ_B], strict=False)
    play(player, login())
    assert play(player, READ_B)["result"][0]["data"] == 2
    changed = json.loads(WRITE.request_body)["params"][0] | {"data": {"n": 2}}
    text = told(player, WRITE, params=[changed])
    assert "nearest recorded exchange 3" in text
    assert "params[0].data.n: recorded 1, came 2" in text
    assert play(player, READ_A)["result"][0]["data"] == 1
    assert play(player, WRITE)["result"][0]["status"]["code"] == 0
    assert "came 2" in (player.verdict() or "")


def test_lenient_repeats_reads_and_never_writes() -> None:
    first = exchange("get", {"url": "/task/task/1"}, answers=[{"data": {"percent": 10}}])
    last = exchange("get", {"url": "/task/task/1"}, answers=[{"data": {"percent": 100}}])
    player = playback([login(), first, last, WRITE], strict=False)
    play(player, login())
    seen = [play(player, first)["result"][0]["data"]["percent"] for _ in range(4)]
    assert seen == [10, 100, 100, 100]
    play(player, WRITE)
    assert "everything recorded has been played" in told(player, WRITE)


def test_lenient_lets_a_client_come_again() -> None:
    player = playback([login(), READ_A, OUT], strict=False)
    for one in (login(), READ_A, OUT, login(), READ_A, OUT):
        assert play(player, one)["result"][0]["status"]["code"] == 0
    assert player.verdict() is None


def test_lenient_begins_every_session_before_one_is_repeated() -> None:
    first = [login(), READ_A]
    second = [
        login(token="session-2"),
        exchange("get", {"url": "/a"}, answers=[{"data": 3}], session="session-2"),
    ]
    player = playback(first, second, strict=False)
    tokens = [play(player, login())["session"] for _ in range(3)]
    assert tokens == ["session-1", "session-2", "session-1"]


def test_two_sessions_may_be_played_at_once() -> None:
    one = [login(), READ_A, OUT]
    other = [
        login(token="session-2"),
        exchange("get", {"url": "/a"}, answers=[{"data": 3}], session="session-2"),
    ]
    player = playback(one, other)
    play(player, one[0])
    play(player, other[0])
    assert play(player, other[1])["result"][0]["data"] == 3
    assert play(player, READ_A)["result"][0]["data"] == 1
    assert (
        player.verdict()
        == "recorded but never asked for (1):\n  1.yaml: exchange 3: exec sys/logout"
    )


def test_one_login_too_many() -> None:
    player = playback([login()])
    play(player, login())
    assert "everything recorded has been played" in told(player, login())


def test_a_new_login_inside_a_session_belongs_to_it() -> None:
    """A session that expired: the same cassette goes on after the second login."""
    again = login(token="session-2")
    late = exchange("get", {"url": "/b"}, session="session-2")
    player = playback([login(), READ_A, again, late])
    for one in (login(), READ_A, again, late):
        play(player, one)
    assert player.verdict() is None


def test_a_client_with_a_key_makes_up_its_session() -> None:
    player = playback([READ_A, READ_B])
    play(player, READ_A, session="made-up-1")
    assert "no recorded session" in told(player, READ_B, session="made-up-2")
    assert play(player, READ_B, session="made-up-1")["result"][0]["data"] == 2


def test_a_request_without_login_is_told_so() -> None:
    assert "must log in first" in told(playback([login(), READ_A]), READ_A)


def test_another_adom_is_named() -> None:
    player = playback([login(), WRITE])
    play(player, login())
    other = json.loads(WRITE.request_body)["params"][0] | {"url": "/pm/config/adom/prod/obj/x"}
    text = told(player, WRITE, params=[other])
    assert text.startswith(
        "the cassette was recorded against ADOM lab, the request is about prod\n"
    )


def test_what_is_no_jsonrpc_is_told() -> None:
    player = playback([login()])
    answer = player.answer(b"hello")
    assert answer.status == 409
    assert "no JSON-RPC" in (player.verdict() or "")
    assert "never asked for" in (player.verdict() or "")


def test_an_answer_that_was_no_json_is_played_as_it_was() -> None:
    html = exchange("get", {"url": "/a"}, status=503, reason="Busy", response_body=b"<html>")
    player = playback([login(), html])
    play(player, login())
    answer = player.answer(html.request_body)
    assert (answer.status, answer.reason, answer.body) == (503, "Busy", b"<html>")


def test_headers_cannot_smuggle() -> None:
    odd = exchange(
        "get",
        {"url": "/a"},
        response_headers=(("X-A", "1\r\nX-B: 2"), ("Content-Length", "9"), ("X-C", "3")),
    )
    player = playback([login(), odd])
    play(player, login())
    assert player.answer(odd.request_body).headers == (("X-C", "3"),)
