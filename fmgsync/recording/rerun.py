"""Plays a recording into a simulator, request by request, and notes where the answers differ."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from fmgsync.recording import jsonrpc, nesting, questions, rest, semantics, urls
from fmgsync.recording.binding import Binding
from fmgsync.recording.cassette import Exchange
from fmgsync.recording.jsonrpc import Question, Result
from fmgsync.recording.semantics import Difference

_FIRST_STEP_S: Final = 5.0
_TASK_LIMIT_S: Final = 3600.0
_FINAL: Final = frozenset({"done", "error", "warning", "cancelled", "aborted", 3, 4, 5, 7, 8})


class Trial(Protocol):
    """A simulator that was started for one comparison."""

    def send(self, body: bytes, api_key: str | None) -> bytes:
        """One request, one answer."""

    def ask(
        self, fortigate: str, method: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """One request to a FortiGate's own API; HTTP status and answer."""

    def advance(self, seconds: float) -> None:
        """Let time pass there."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One difference: the exchange's number in the recording, its step and request."""

    number: int
    step: str
    request: str
    difference: Difference


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that differs. `weighty` are other behaviour, `words` texts and members one side lacks."""

    compared: int
    weighty: tuple[Disagreement, ...]
    words: tuple[Disagreement, ...]


def play(ordered: Sequence[Exchange], trial: Trial, *, enough: int | None = None) -> Outcome:
    """Ask the simulator all that was recorded, in order; stop at `enough` weighty differences."""
    runner = _Runner(trial, _last_looks(ordered))
    for number, exchange in enumerate(ordered, start=1):
        runner.play(number, exchange)
        if enough is not None and len(runner.weighty) >= enough:
            break
    return Outcome(runner.compared, tuple(runner.weighty), tuple(runner.words))


def _last_looks(ordered: Sequence[Exchange]) -> frozenset[int]:
    """The numbers of the exchanges that look at a task for the last time."""
    last: dict[str, int] = {}
    for number, exchange in enumerate(ordered, start=1):
        question = questions.of(exchange)
        if question is not None and _looks_at_task(question):
            last[question.urls[0]] = number
    return frozenset(last.values())


class _Runner:
    """Plays a recording into a simulator, translating what a unit makes up."""

    def __init__(self, trial: Trial, last_looks: frozenset[int]) -> None:
        self._last_looks = last_looks
        self.weighty: list[Disagreement] = []
        self.words: list[Disagreement] = []
        self.compared = 0
        self._trial = trial
        self._binding = Binding()
        self._transactions: dict[str, str] = {}
        self._written = False
        self._known: set[tuple[str, str, str]] = set()

    def play(self, number: int, exchange: Exchange) -> None:
        """One exchange; its differences are kept."""
        question, recorded = questions.of(exchange), questions.answers(exchange)
        if question is None or not recorded:
            return
        if question.is_rest:
            self._play_rest(number, exchange, question, recorded)
            return
        simulated = self._ask(exchange, question, recorded)
        self.compared += 1
        self._written = self._written or _writes(question)
        if _looks_at_task(question) and not _ended(recorded):
            self._compare_running(number, exchange, question)
            return
        if len(recorded) != len(simulated):
            counts = f"{len(recorded)} results", f"{len(simulated)} results"
            self._note(number, exchange, question, Difference("answer", *counts))
        for param, left, right in zip(question.params, recorded, simulated, strict=False):
            self._binding.learn(left, right)
            if urls.is_adom(str(param.get("url", ""))):
                self._binding.learn_adoms(left.data, right.data)
            left = self._binding.answered(left)
            if question.is_login or _has_option(param, "chksum", "devinfo"):
                continue  # a number or stamp of no meaning
            if _has_option(param, "syntax"):
                left, right = semantics.limits(left), semantics.limits(right)
            for difference in semantics.differences(left, right):
                self._weigh(number, exchange, question, param, difference)

    def _play_rest(
        self, number: int, exchange: Exchange, question: Question, recorded: Sequence[Result]
    ) -> None:
        """One exchange with a FortiGate; numbers of transactions are its own."""
        headers = {name.lower(): value for name, value in exchange.request_headers}
        body, asked = exchange.request_body, headers.get(rest.TRANSACTION)
        if asked is not None:
            headers[rest.TRANSACTION] = self._transactions.get(asked, asked)
        (param,) = question.params
        if "transaction-" in str(param["query"].get("action", "")) and isinstance(
            param.get("data"), dict
        ):
            data = {
                name: int(self._transactions.get(str(value), value)) if "-id" in name else value
                for name, value in param["data"].items()
            }
            body = json.dumps(data).encode()
        parts = urlsplit(exchange.uri)
        url = f"{parts.path}?{parts.query}" if parts.query else parts.path
        status, answer = self._trial.ask(parts.netloc, question.method, url, body, headers)
        simulated = rest.results(status, answer)
        self.compared += 1
        self._written = self._written or question.method != "GET"
        if len(recorded) != len(simulated):
            counts = f"{len(recorded)} results", f"{len(simulated)} results"
            self._note(number, exchange, question, Difference("answer", *counts))
        for left, right in zip(recorded, simulated, strict=False):
            begun = _transaction(left.data), _transaction(right.data)
            if None not in begun:
                self._transactions[str(begun[0])] = str(begun[1])
                continue
            for difference in semantics.differences(left, right):
                self._weigh(number, exchange, question, param, difference)

    def _compare_running(self, number: int, exchange: Exchange, question: Question) -> None:
        """A task on its way looks different each time; it matters only whether it ever ends."""
        if number not in self._last_looks:
            return
        self._trial.advance(_TASK_LIMIT_S)
        answer = self._trial.send(self._request(question, ()), None)
        if _ended(jsonrpc.results(answer)):
            never = Difference("task", "never ends", "ends")
            self._note(number, exchange, question, never)

    def _ask(
        self, exchange: Exchange, question: Question, recorded: Sequence[Result]
    ) -> list[Result]:
        """The simulator's answer; a task that had ended there is waited for here."""
        headers = {name.lower(): value for name, value in exchange.request_headers}
        key = headers.get("authorization", "").removeprefix("Bearer ") or None
        body = self._request(question, recorded)
        answer = self._trial.send(body, key)
        waited, step = 0.0, _FIRST_STEP_S
        while _looks_at_task(question) and _ended(recorded) and waited < _TASK_LIMIT_S:
            if _ended(jsonrpc.results(answer)):
                break
            self._trial.advance(step)
            waited, step = waited + step, step * 2
            answer = self._trial.send(body, key)
        if question.is_login:
            self._binding.learn_session(_session(exchange.response_body), _session(answer))
        return jsonrpc.results(answer)

    def _request(self, question: Question, recorded: Sequence[Result]) -> bytes:
        params = [self._binding.translate_param(param) for param in question.params]
        if question.is_login and recorded and recorded[0].code != 0:
            # Scrubbing made the wrong password equal to the right one.
            params[0] = params[0] | {"data": {"user": "nobody", "passwd": "wrong"}}
        body = {"id": question.number, "method": question.method, "params": params}
        session = self._binding.session(question.session)
        return json.dumps(body | question.extras | {"session": session}).encode()

    def _weigh(
        self,
        number: int,
        exchange: Exchange,
        question: Question,
        param: Mapping[str, Any],
        difference: Difference,
    ) -> None:
        """Keep a difference, unless it only shows that the unit held other things to begin with."""
        key = (_subject(param, difference), difference.recorded, difference.simulated)
        status = difference.place == "status"
        settings = str(param.get("url", "")).strip("/").startswith("cli/global/")
        if not status and not settings and (not self._written or key in self._known):
            self._known.add(key)
            difference = Difference(
                difference.place, difference.recorded, difference.simulated, weighs=False
            )
        self._note(number, exchange, question, difference)

    def _note(
        self, number: int, exchange: Exchange, question: Question, difference: Difference
    ) -> None:
        found = self.weighty if difference.weighs else self.words
        found.append(Disagreement(number, exchange.step, question.title(), difference))


def _subject(param: Mapping[str, Any], difference: Difference) -> str:
    return "/".join(urls.parts(str(param.get("url", "")))) + difference.place


def _writes(question: Question) -> bool:
    """Whether a request could change what later ones read."""
    if question.method != "exec":
        return question.method != "get"
    return any(not url.strip("/").startswith("sys/") for url in question.urls)


def _has_option(param: Mapping[str, Any], *words: str) -> bool:
    options = param.get("option")
    named = options if isinstance(options, list) else [options]
    return not {str(one) for one in named}.isdisjoint(words)


def _looks_at_task(question: Question) -> bool:
    return any("task/task/" in url for url in question.urls)


def _ended(results: Iterable[Result]) -> bool:
    """Whether an answer shows a task in its final state."""
    return any(isinstance(one.data, dict) and one.data.get("state") in _FINAL for one in results)


def _transaction(data: Any) -> int | None:
    """The number that a transaction was given, under either of its names."""
    rows = data if isinstance(data, dict) else {}
    found = rows.get("transaction-id", rows.get("transaction_id"))
    return found if isinstance(found, int) else None


def _session(body: bytes) -> Any:
    try:
        answer = nesting.loads(body)
    except ValueError:
        return None
    return answer.get("session") if isinstance(answer, dict) else None
