"""Plays cassettes back: which recorded answer belongs to a request, and what never came.

Each cassette is one session. A request finds its session by the token it carries; a login, or a
client with an API key, takes the next session that has not begun. A request to a FortiGate carries
nothing of the kind: it goes to the session with that unit that waits for it. Strict playback wants
the recorded order, as far as there was one, and stops a session at its first deviation; lenient
playback takes any recorded request that matches, and repeats the last answer to one that reads,
logs in or logs out.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from fmgsync.recording import jsonrpc, match, nesting, questions, rest
from fmgsync.recording.cassette import Cassette, Exchange, Headers
from fmgsync.recording.jsonrpc import Question

NOT_RECORDED: Final = -99_001
"""Status code of an answer that no cassette holds; FortiManager has none like it."""

_OF_THE_CONNECTION: Final = frozenset({"content-length", "transfer-encoding", "connection", "date"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over the wire."""

    status: int
    reason: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A request that was not recorded: where in which cassette, and how it differs."""

    cassette: str
    came: str
    text: str


class Playback:
    """Cassettes being played. Safe to use from several threads."""

    def __init__(self, cassettes: Sequence[tuple[str, Cassette]], *, strict: bool) -> None:
        self._sessions = [_Session(name, cassette, strict=strict) for name, cassette in cassettes]
        self._lock = threading.Lock()
        self._mismatches: list[Mismatch] = []

    @property
    def mismatches(self) -> tuple[Mismatch, ...]:
        """Requests so far that no cassette holds."""
        with self._lock:
            return tuple(self._mismatches)

    @property
    def left_over(self) -> tuple[str, ...]:
        """Recorded requests that nobody made so far: cassette, number and request."""
        with self._lock:
            return tuple(text for session in self._sessions for text in session.left_over())

    def verdict(self) -> str | None:
        """None if everything recorded was played and nothing else came; else what is wrong."""
        lines = [f"{one.cassette}: {one.text}" for one in self.mismatches]
        left = self.left_over
        if left:
            lines.append(f"recorded but never asked for ({len(left)}):")
            lines += [f"  {text}" for text in left[:20]]
            lines += [f"  and {len(left) - 20} more"] if len(left) > 20 else []
        return "\n".join(lines) or None

    @property
    def fortigates(self) -> tuple[str, ...]:
        """What stands for each FortiGate in the urls of the cassettes."""
        found = dict.fromkeys(one.fortigate for one in self._sessions)
        return tuple(name for name in found if name)

    def answer(
        self, body: bytes, *, method: str = "POST", url: str = "/jsonrpc", fortigate: str = ""
    ) -> Answer:
        """The recorded answer, or one that says in words why there is none. `fortigate`: the one
        that was asked, empty where all of them answer at one place."""
        question = questions.asked(method, url, body)
        with self._lock:
            if question is None:
                return self._refuse(None, None, "the request is no JSON-RPC")
            session = self._session_of(question, fortigate)
            if session is None:
                return self._refuse(None, question, self._no_session(question))
            found = session.find(question)
            if found is None:
                return self._refuse(session, question, session.explain(question))
            return _echoing(session.play(found, question), question)

    def _session_of(self, question: Question, fortigate: str) -> _Session | None:
        """The session this request belongs to; one that can answer it is preferred."""
        candidates = [
            one
            for one in self._sessions
            if one.may_hold(question) and fortigate in ("", one.fortigate)
        ]
        candidates.sort(key=lambda one: not one.begun)
        able = [one for one in candidates if one.find(question) is not None]
        able.sort(key=lambda one: one.would_repeat(question))
        return next(iter(able or candidates), None)

    def _no_session(self, question: Question) -> str:
        if question.is_rest:
            return "the cassettes hold nothing that was said to this FortiGate"
        if question.is_login:
            return "every recorded session has been played; this login is one too many"
        return "the request carries the token of no recorded session; it must log in first"

    def _refuse(self, session: _Session | None, came: Question | None, text: str) -> Answer:
        title = came.title() if came else "something"
        name = session.name if session else "all cassettes"
        self._mismatches.append(Mismatch(name, title, text))
        short = text.split("\n", 1)[0]
        told = f"not in the cassette: {short}"
        body: dict[str, Any] = {"cassette": text.split("\n")}
        if came is not None and came.is_rest:
            body |= {"status": "error", "http_status": 409, "cli_error": told}
        else:
            status = {"code": NOT_RECORDED, "message": told}
            urls = came.urls if came else ("",)
            body |= {
                "id": came.number if came else None,
                "result": [{"status": status, "url": url} for url in urls],
            }
        headers = (("Content-Type", "application/json"),)
        return Answer(409, "Conflict", headers, jsonrpc.encode(body))


class _Session:
    """One cassette and how far it has been played."""

    def __init__(self, name: str, cassette: Cassette, *, strict: bool) -> None:
        self.name = name
        self.begun = False
        self._strict = strict
        self._exchanges = cassette.exchanges
        self._questions = [questions.of(one) for one in cassette.exchanges]
        direct = next((one.uri for one in cassette.exchanges if rest.is_rest(one.uri)), "")
        self.fortigate = urlsplit(direct).netloc
        self._stages = _stages(cassette.exchanges, self._questions)
        self._played: set[int] = set()
        self._derailed = False
        self._tokens = {
            token
            for one, question in zip(cassette.exchanges, self._questions, strict=True)
            if question is not None
            for token in (_token(one) if question.is_login else question.session,)
            if token is not None
        }
        first = next((one for one in self._questions if one is not None), None)
        self._logs_in = first is not None and first.is_login

    def may_hold(self, question: Question) -> bool:
        """Whether the request can belong here: its token does, or it opens the session."""
        if question.is_rest or self.fortigate:
            return question.is_rest and bool(self.fortigate)
        if question.is_login:
            return self._logs_in
        if question.session in self._tokens and (self.begun or not self._logs_in):
            return True
        return not self._logs_in and not self.begun

    def find(self, question: Question) -> int | None:
        """The number of the exchange to play for a request."""
        if self._derailed:
            return None
        waiting = self._waiting()
        for number in self._next() if self._strict else waiting:
            if self._is(number, question):
                return number
        if self._strict or not question.repeats:
            return None
        again = [number for number in self._played if self._is(number, question)]
        return max(again, default=None)

    def would_repeat(self, question: Question) -> bool:
        """Whether all that is recorded of this request has been played."""
        return self.find(question) in self._played

    def play(self, number: int, question: Question) -> Exchange:
        """Mark an exchange as played."""
        if not self.begun and not question.is_login and question.session is not None:
            self._tokens.add(question.session)  # a client with an API key makes up its own
        self.begun = True
        self._played.add(number)
        return self._exchanges[number]

    def explain(self, came: Question) -> str:
        """Why there is no answer, in words; a strict session ends here."""
        waiting = self._waiting()
        lines = self._told_adom(came)
        if self._derailed:
            lines.append("this session left its recording earlier")
        elif not waiting:
            lines.append(f"everything recorded has been played, then came {came.title()}")
        elif self._strict:
            lines += self._told(waiting[0], came, "expected")
        near = match.nearest([self._questions[number] for number in waiting], came)
        if near is not None and not (self._strict and near == 0):
            lines += self._told(waiting[near], came, "nearest recorded")
        self._derailed = self._strict
        return "\n".join(lines)

    def left_over(self) -> list[str]:
        """What was never asked for."""
        return [f"{self.name}: {self._title(number)}" for number in self._waiting()]

    def _waiting(self) -> list[int]:
        return [number for number in range(len(self._exchanges)) if number not in self._played]

    def _next(self) -> list[int]:
        """What may come now: the next one, and what has no order with it."""
        waiting = self._waiting()
        return [n for n in waiting if self._stages[n] == self._stages[waiting[0]]]

    def _is(self, number: int, came: Question) -> bool:
        known = self._questions[number]
        return known is not None and match.is_same(known, came)

    def _title(self, number: int) -> str:
        known = self._questions[number]
        return f"exchange {number + 1}: {known.title() if known else '(neither API)'}"

    def _told(self, number: int, came: Question, word: str) -> list[str]:
        known = self._questions[number]
        lines = [f"{word} {self._title(number)}", f"  came {came.title()}"]
        if known is not None:
            lines += [f"  {line}" for line in match.described(known, came).split("\n")]
        return lines

    def _told_adom(self, came: Question) -> list[str]:
        known = {name for one in self._questions if one is not None for name in match.adoms(one)}
        strangers = sorted(match.adoms(came) - known)
        if not strangers or not known:
            return []
        recorded, asked = ", ".join(sorted(known)), ", ".join(strangers)
        return [f"the cassette was recorded against ADOM {recorded}, the request is about {asked}"]


def _stages(exchanges: Sequence[Exchange], asked: Sequence[Question | None]) -> list[int]:
    """Which exchanges have no order among them, as numbers that rise.

    Those are what was under way at the same time, and, since who asks a FortiGate over several
    connections may be faster or slower with each: reads that follow one another, and writes of one
    kind to one table.
    """
    found = [0] * len(exchanges)
    begun = [n if one.after is None else one.after for n, one in enumerate(exchanges)]
    earliest = len(exchanges)  # of this one and all that follow
    starts = set()
    for number in range(len(exchanges) - 1, 0, -1):
        earliest = min(earliest, begun[number])
        if earliest >= number and not _is_kin(asked[number - 1], asked[number]):
            starts.add(number)
    for number in range(1, len(exchanges)):
        found[number] = found[number - 1] + (number in starts)
    return found


def _is_kin(one: Question | None, other: Question | None) -> bool:
    if one is None or other is None or not (one.is_rest and other.is_rest):
        return False
    tables = [question.urls[0].split("/")[:6] for question in (one, other)]
    return one.method == other.method and (one.method == "GET" or tables[0] == tables[1])


def _token(exchange: Exchange) -> str | None:
    """The session that a login opened."""
    try:
        answer = nesting.loads(exchange.response_body)
    except ValueError:
        return None
    token = answer.get("session") if isinstance(answer, dict) else None
    return token if isinstance(token, str) else None


def _echoing(exchange: Exchange, question: Question) -> Answer:
    """The recorded answer, byte for byte unless the request bears another id."""
    body = exchange.response_body
    try:
        answer = None if question.is_rest else nesting.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and "id" in answer and answer["id"] != question.number:
        body = jsonrpc.encode(answer | {"id": question.number})
    headers = tuple(
        (name, value)
        for name, value in exchange.response_headers
        if name.lower() not in _OF_THE_CONNECTION and f"{name}{value}".isprintable()
    )
    return Answer(exchange.status, exchange.reason, headers, body)
