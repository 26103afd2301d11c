"""A session against a server that misbehaves on purpose: every failure has its own clear error."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import trustme

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.targets.fortimanager import client
from fmgsync.targets.fortimanager.access import Access
from fmgsync.targets.fortimanager.session import Session
from tests.targets.scripted import Answer, Reply, Scripted, ok, refused, serve

PASSWORD = "s3cr3t-Passw0rd"  # gitleaks:allow
KEY = "k3yk3yk3yk3yk3y"


class Unit:
    """A unit that accepts any login and answers other requests from a list, the last for ever."""

    def __init__(self, *replies: Any) -> None:
        self._replies = list(replies)

    def __call__(self, body: dict[str, Any]) -> Any:
        url = body["params"][0]["url"]
        if url == "sys/login/user":
            return {"id": body["id"], "result": ok(None), "session": "t0ken=="}
        if url == "sys/logout":
            return {"result": ok(None)}
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        return {"result": reply} if isinstance(reply, list) else reply


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def access_to(unit: Scripted, **changes: Any) -> Access:
    plain = Access("hq", unit.host, "fmgsync", PASSWORD, ca_file=unit.ca_file)
    return dataclasses.replace(plain, **changes)


def session_with(unit: Scripted, **changes: Any) -> Session:
    return Session(access_to(unit, **changes), clock=ManualClock())


def raised(answer: Answer, folder: Path, *, method: str = "get", params: int = 1) -> Any:
    """The error of one call to a unit that answers like this."""
    with serve(answer, folder) as unit, session_with(unit) as session:
        with pytest.raises(errors.TargetError) as caught:
            session.call(method, [{"url": "/x"}] * params)
        assert_no_secret(caught.value)
        return caught.value


def assert_no_secret(error: BaseException | None) -> None:
    while error is not None:
        assert PASSWORD not in repr(error)
        assert PASSWORD not in str(error)
        assert KEY not in repr(error)
        error = error.__cause__ or error.__context__


def test_one_result_per_param_in_order(folder: Path) -> None:
    unit_answers = Unit([*ok([{"a": 1}], None), refused(-3, "Object does not exist")])
    with serve(unit_answers, folder) as unit, session_with(unit) as session:
        results = session.call("get", [{"url": "/a"}, {"url": "/b"}, {"url": "/c"}])
        assert [result.code for result in results] == [0, 0, -3]
        assert [result.data for result in results] == [[{"a": 1}], None, None]
        assert unit.bodies[1]["verbose"] == 1
        assert session.requests == 2
    assert unit.bodies[-1]["params"] == [{"url": "sys/logout"}]


def test_no_params_cost_no_request(folder: Path) -> None:
    with serve(Unit(ok(None)), folder) as unit, session_with(unit) as session:
        assert session.call("get", []) == []
        assert session.requests == 1


@pytest.mark.parametrize(
    ("reply", "params", "words"),
    [
        (Reply(b"<html>log in</html>", content_type="text/html"), 1, "HTTP status 200"),
        (Reply(b"<html>busy</html>", status=503), 1, "HTTP status 503"),
        (Reply(b""), 1, "not JSON"),
        (Reply(b"null"), 1, "no usable answer"),
        (Reply(b"[]"), 1, "not a JSON-RPC object"),
        (Reply(b'"text"'), 1, "not a JSON-RPC object"),
        (Reply(b"{}"), 1, "no result"),
        (Reply(b'{"result": 7}'), 1, "no result"),
        (Reply(b'{"result": [{}]}'), 1, "no status"),
        (Reply(b'{"result": [{"status": {"code": "0"}}]}'), 1, "no status"),
        (ok(None), 2, "2 questions, but 1 answers"),
        (ok(None, None, None), 2, "2 questions, but 3 answers"),
        ([], 1, "1 questions, but 0 answers"),
    ],
)
def test_an_answer_that_is_none_is_a_protocol_error(
    folder: Path, reply: Any, params: int, words: str
) -> None:
    error = raised(Unit(reply), folder, params=params)
    assert isinstance(error, errors.ProtocolError)
    assert words in error.message
    assert error.retryable


@pytest.mark.parametrize("reply", [None, Reply(b'{"result": [', cut=5), Reply(b"<html>")])
@pytest.mark.parametrize("method", ["add", "set", "delete", "exec"])
def test_a_write_without_usable_answer_is_sent_once_and_its_outcome_unknown(
    folder: Path, reply: Any, method: str
) -> None:
    with serve(Unit(reply), folder) as unit, session_with(unit) as session:
        with pytest.raises(errors.OutcomeUnknown):
            session.call(method, [{"url": "/x"}])
        assert len(unit.bodies) == 2, "the login and one write"


@pytest.mark.parametrize("broken", [None, Reply(b"<html>"), Reply(b'{"result": [', cut=5)])
def test_a_read_is_repeated_after_a_broken_connection(folder: Path, broken: Any) -> None:
    with serve(Unit(broken, broken, ok(1)), folder) as unit, session_with(unit) as session:
        assert session.read({"url": "/x"}) == 1


def test_repeating_a_read_is_bounded(folder: Path) -> None:
    with serve(Unit(None), folder) as unit, session_with(unit) as session:
        with pytest.raises(errors.ConnectionFailed) as caught:
            session.read({"url": "/x"})
        assert not isinstance(caught.value, errors.OutcomeUnknown)
        assert len(unit.bodies) == 1 + 3


def test_an_answer_with_a_bare_object_counts_as_one_result(folder: Path) -> None:
    """Deleting a task answers without `result` (How to FortiManager API, 017)."""
    bare = Reply(b'{"status": {"code": 0, "message": "OK"}, "url": "/task/task/1"}')
    with serve(Unit(bare), folder) as unit, session_with(unit) as session:
        assert session.call("delete", [{"url": "/task/task/1"}])[0].ok


def test_an_expired_session_is_replaced_once(folder: Path) -> None:
    stale = [refused(-11, "No permission for the resource")]
    with serve(Unit(stale, ok("fine")), folder) as unit, session_with(unit) as session:
        assert session.read({"url": "/x"}) == "fine"
        assert session.logins == 2
        assert unit.bodies[-1]["session"] == "t0ken=="


def test_minus_11_after_a_fresh_login_is_a_missing_right(folder: Path) -> None:
    with serve(Unit([refused(-11)]), folder) as unit, session_with(unit) as session:
        with pytest.raises(errors.PermissionDenied, match="rpc-permit"):
            session.read({"url": "/x"})
        assert session.logins == 2


def test_minus_11_to_some_params_only_is_no_expired_session(folder: Path) -> None:
    with serve(Unit([*ok(1), refused(-11)]), folder) as unit, session_with(unit) as session:
        assert [r.code for r in session.call("get", [{"url": "/a"}, {"url": "/b"}])] == [0, -11]
        assert session.logins == 1


def test_a_pinned_session_is_never_replaced(folder: Path) -> None:
    """Whoever holds a lock must learn that the session which held it is gone."""
    with serve(Unit([refused(-11)]), folder) as unit, session_with(unit) as session:
        with session.pinned():
            assert session.call("set", [{"url": "/x"}])[0].code == -11
        assert session.logins == 1


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (-22, errors.LoginRefused, "check user name and password"),
        (-11, errors.PermissionDenied, "rpc-permit"),
        (-1, errors.UnitBusy, "refused with -1"),
    ],
)
def test_a_refused_login_says_why(
    folder: Path, code: int, kind: type[errors.TargetError], words: str
) -> None:
    """The refusal carries the session's number, which must not be taken for a session."""

    def answer(body: dict[str, Any]) -> Any:
        return {"id": 1, "result": [refused(code, "Login fail")], "session": 13807}

    with serve(answer, folder) as unit:
        with pytest.raises(kind) as caught:
            session_with(unit).open()
        assert_no_secret(caught.value)
        assert words in str(caught.value)
        assert "hq" in str(caught.value)


def test_a_login_answered_with_html_is_a_protocol_error(folder: Path) -> None:
    with (
        serve(lambda _: Reply(b"<html>"), folder) as unit,
        pytest.raises(errors.ProtocolError, match="host and port"),
    ):
        session_with(unit).open()


def test_an_api_key_travels_in_the_header_and_needs_no_login(folder: Path) -> None:
    with (
        serve(Unit(ok(1)), folder) as unit,
        session_with(unit, username=None, password=None, api_key=KEY) as session,
    ):
        assert session.read({"url": "/x"}) == 1
        assert session.requests == 1
    assert len(unit.bodies) == 1
    assert unit.headers[0]["Authorization"] == f"Bearer {KEY}"


def test_a_wrong_api_key_shows_on_the_first_call(folder: Path) -> None:
    with (
        serve(Unit([refused(-11)]), folder) as unit,
        session_with(unit, username=None, password=None, api_key=KEY) as session,
        pytest.raises(errors.LoginRefused, match="API key"),
    ):
        session.read({"url": "/x"})


def test_a_refused_password_is_not_said_again_and_again(folder: Path) -> None:
    """A unit locks an administrator out after a few, also from the right one: by default three.
    However many sessions there are, it is said once a minute, and another one at once."""
    good = False
    secret = PASSWORD

    def answer(body: dict[str, Any]) -> Any:
        if good:
            return {"id": 1, "result": [{"status": {"code": 0}, "url": "x"}], "session": "token"}
        return {"id": 1, "result": [refused(-22, "Login fail")], "session": 13807}

    with serve(answer, folder) as unit:
        clock, access = ManualClock(), access_to(unit, reread=lambda: secret)

        def tried() -> int:
            before = len(unit.bodies)
            for _ in range(50):
                with contextlib.suppress(errors.LoginRefused):
                    Session(access, clock=clock).open()
            return len(unit.bodies) - before

        assert [tried(), tried()] == [1, 0]
        with pytest.raises(errors.LoginRefused, match="a minute") as caught:
            Session(access, clock=clock).open()
        assert_no_secret(caught.value)
        clock.sleep(61)
        assert [tried(), tried()] == [1, 0]
        secret = "an0ther-w0rd"
        assert [tried(), tried()] == [1, 0]
        good = True
        clock.sleep(61)
        assert tried() == 50
        good = False
        assert tried() == 1


@pytest.mark.parametrize("key", ["line\nbreak", "with space", "", "ключ"])
def test_an_impossible_api_key_is_refused_without_being_shown(key: str) -> None:
    access = Access("hq", "localhost:1", api_key=key)
    with pytest.raises(errors.LoginRefused) as caught:
        Session(access, clock=ManualClock()).open()
    assert not key or key not in str(caught.value)


def test_no_credentials_is_its_own_error() -> None:
    with pytest.raises(errors.LoginRefused, match="no credentials"):
        Session(Access("hq", "localhost:1"), clock=ManualClock()).open()


def test_fortimanager_cloud_takes_no_api_keys() -> None:
    access = Access("hq", "1234.eu-central-1.fortimanager.forticloud.com", api_key=KEY)
    with pytest.raises(errors.LoginRefused, match="IAM"):
        Session(access, clock=ManualClock()).open()


def test_an_unknown_ca_names_the_setting(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with serve(Unit(ok(1)), folder) as unit:
        with pytest.raises(errors.UntrustedCertificate, match=r"tls\.caFile") as caught:
            session_with(unit, ca_file=other).open()
        assert not caught.value.retryable
        assert unit.bodies == [], "no password goes to a server that is not trusted"


def test_without_ca_file_the_public_authorities_decide(folder: Path) -> None:
    with serve(Unit(ok(1)), folder) as unit, pytest.raises(errors.UntrustedCertificate):
        session_with(unit, ca_file=None).open()


def test_a_certificate_for_another_name_is_refused(folder: Path) -> None:
    with (
        serve(Unit(ok(1)), folder, name="elsewhere.example") as unit,
        pytest.raises(errors.UntrustedCertificate, match="localhost"),
    ):
        session_with(unit).open()


def test_verification_can_be_switched_off_in_so_many_words(folder: Path) -> None:
    with (
        serve(Unit(ok(1)), folder) as unit,
        session_with(unit, ca_file=None, verify=False) as session,
    ):
        assert session.read({"url": "/x"}) == 1


@pytest.mark.parametrize("content", [None, "no certificate in here"])
def test_a_ca_file_without_ca_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "empty.pem"
    if content is not None:
        file.write_text(content)
    access = Access("hq", "localhost:1", "u", PASSWORD, ca_file=file)
    with pytest.raises(errors.UntrustedCertificate, match=r"empty\.pem"):
        Session(access, clock=ManualClock()).open()


def test_a_refused_port_says_so() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    access = Access("hq", f"127.0.0.1:{port}", "u", PASSWORD)
    with pytest.raises(errors.ConnectionFailed, match="refused the connection") as caught:
        Session(access, clock=ManualClock()).open()
    assert caught.value.retryable
    assert caught.value.next_step


def test_a_name_that_does_not_resolve_says_so() -> None:
    access = Access("hq", "no-such-host.invalid", "u", PASSWORD)
    with pytest.raises(errors.ConnectionFailed, match="does not resolve"):
        Session(access, clock=ManualClock()).open()


def test_a_port_without_tls_says_so() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def speak_plainly() -> None:
            for _ in range(3):
                connection, _peer = listener.accept()
                with connection:
                    connection.recv(100)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        speaker = threading.Thread(target=speak_plainly)
        speaker.start()
        access = Access("hq", f"127.0.0.1:{listener.getsockname()[1]}", "u", PASSWORD)
        with pytest.raises(errors.ConnectionFailed, match="does not speak TLS"):
            Session(access, clock=ManualClock()).open()
        speaker.join()


def test_silence_ends_in_a_time_out(folder: Path) -> None:
    hold = threading.Event()

    def answer(body: dict[str, Any]) -> Any:
        if body["params"][0]["url"] == "/slow":
            hold.wait(60)
        return Unit(ok(1))(body)

    with serve(answer, folder) as unit, session_with(unit, read_timeout_s=0.5) as session:
        with pytest.raises(errors.OutcomeUnknown, match=r"no answer within 0\.5 s"):
            session.call("set", [{"url": "/slow"}])
        hold.set()


def test_a_login_that_is_never_answered_holds_nobody_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is interrupted waits for the answer, but not for long."""
    monkeypatch.setattr(client, "ANSWER_S", 0.1)
    ends, answered = threading.Event(), threading.Event()

    def answer(body: dict[str, Any]) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        ends.wait(60)
        answered.set()
        return {"id": body["id"], "result": ok(None), "session": "t0ken=="}

    with serve(answer, folder) as unit:
        with pytest.raises(KeyboardInterrupt), session_with(unit):
            pytest.fail("nobody is logged in")
        assert not answered.is_set()
        ends.set()


def test_a_write_without_a_lock_has_less_patience(folder: Path) -> None:
    """Reads and whatever happens under a lock have the usual one."""
    hold = threading.Event()

    def answer(body: dict[str, Any]) -> Any:
        if body["params"][0]["url"] == "/slow":
            hold.wait(0.3)
        return Unit(ok(1))(body)

    slow = [{"url": "/slow"}]
    with serve(answer, folder) as unit, session_with(unit, write_timeout_s=0.05) as session:
        for method in ("set", "add", "exec"):
            with pytest.raises(errors.OutcomeUnknown, match=r"no answer within 0\.05 s"):
                session.call(method, slow)
        assert session.call("get", slow)[0].ok
        assert session.query("exec", slow)[0].ok
        with session.pinned():
            assert session.call("set", slow)[0].ok
        hold.set()


def test_a_redirect_is_not_followed(folder: Path) -> None:
    """307 would carry the password to wherever it points."""
    away = Reply(b"", status=307, headers={"Location": "https://localhost:1/"})
    with (
        serve(lambda _: away, folder) as unit,
        pytest.raises(errors.ProtocolError, match="redirects"),
    ):
        session_with(unit).open()


def test_the_environment_proxy_is_ignored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    with serve(Unit(ok(1)), folder) as unit, session_with(unit) as session:
        assert session.read({"url": "/x"}) == 1


def test_a_configured_proxy_is_used_and_its_password_is_not_shown(folder: Path) -> None:
    with serve(Unit(ok(1)), folder) as unit:
        session = session_with(unit, proxy="http://user:pr0xypass@127.0.0.1:1")
        with pytest.raises(errors.ConnectionFailed, match="proxy") as caught:
            session.open()
    error: BaseException | None = caught.value
    while error is not None:
        assert "pr0xypass" not in str(error)
        error = error.__cause__


def test_the_number_of_a_session_is_learnt_from_a_refusal(folder: Path) -> None:
    def answer(body: dict[str, Any]) -> Any:
        if body["params"][0]["url"].startswith("/pm/pkg/"):
            return {"result": [refused(-6, "Invalid url")], "session": 34540}
        return Unit(ok(1))(body)

    with serve(answer, folder) as unit, session_with(unit) as session:
        assert session.number() == 34540
        assert session.number() == 34540
        assert len(unit.bodies) == 2


@pytest.mark.parametrize(("talkative", "asked"), [(True, 2), (False, 3)])
def test_the_number_is_learnt_beside_something_else(
    folder: Path, talkative: bool, asked: int
) -> None:
    """A unit that tells it only to those who ask for nothing else is asked alone."""

    def answer(body: dict[str, Any]) -> Any:
        params = body["params"]
        if not params[-1]["url"].startswith("/pm/pkg/"):
            return Unit(ok(1))(body)
        results = [*(ok("there")[0] for _ in params[:-1]), refused(-6, "Invalid url")]
        told = {"session": 34540} if talkative or len(params) == 1 else {}
        return {"result": results, **told}

    with serve(answer, folder) as unit, session_with(unit) as session:
        assert session.read_numbered({"url": "/dvmdb/adom/x"}, place=session.place) == "there"
        assert session.number() == 34540
        assert len(unit.bodies) == asked
        assert session.read_numbered({"url": "/dvmdb/adom/x"}, place=session.place) == 1
        assert len(unit.bodies[-1]["params"]) == 1


def test_two_flows_cannot_use_one_session(folder: Path) -> None:
    entered, hold = threading.Event(), threading.Event()

    def answer(body: dict[str, Any]) -> Any:
        if body["params"][0]["url"] == "/slow":
            entered.set()
            hold.wait(60)
        return Unit(ok(1))(body)

    with serve(answer, folder) as unit, session_with(unit) as session:
        other = threading.Thread(target=session.read, args=({"url": "/slow"},))
        other.start()
        assert entered.wait(60)
        with pytest.raises(RuntimeError, match="two flows"):
            session.read({"url": "/x"})
        hold.set()
        other.join()


def test_nothing_printed_from_access_or_session_holds_a_secret() -> None:
    access = Access("hq", "h", "u", PASSWORD, KEY, proxy="http://u:pr0xypass@p:1")
    session = Session(access, clock=ManualClock())
    for text in (repr(access), str(access), repr(session), str(session)):
        assert PASSWORD not in text
        assert KEY not in text
        assert "pr0xypass" not in text


def test_closing_twice_or_after_a_lost_connection_is_quiet(folder: Path) -> None:
    with serve(Unit(ok(1)), folder) as unit:
        session = session_with(unit)
        session.open()
    session.close()
    session.close()


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("fmg.example.net", ("fmg.example.net", 443)),
        ("fmg.example.net:8443", ("fmg.example.net", 8443)),
        ("10.0.0.1", ("10.0.0.1", 443)),
        ("[2001:db8::1]", ("2001:db8::1", 443)),
        ("[2001:db8::1]:8443", ("2001:db8::1", 8443)),
    ],
)
def test_an_address_is_told_from_its_port(host: str, address: tuple[str, int]) -> None:
    assert Access("hq", host).address == address
