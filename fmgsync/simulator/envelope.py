"""JSON-RPC as FortiManager speaks it: one result element per param, errors inside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fmgsync.simulator import urls
from fmgsync.simulator.call import Call
from fmgsync.simulator.codes import MESSAGES, NOTHING, Refusal
from fmgsync.simulator.requestlog import Entry, RequestLog
from fmgsync.simulator.route import Router
from fmgsync.simulator.sessions import Session
from fmgsync.simulator.world import World

METHODS: Final = frozenset(
    ("get", "add", "set", "update", "replace", "delete", "exec", "clone", "move", "unset")
)
WRITING: Final = METHODS - {"get", "exec"}
_OPEN_URLS: Final = frozenset((("sys", "login", "user"),))
_NOBODY: Final[Mapping[str, Any]] = {}


class Envelope:
    """Turns request bodies into answers. `answer` is given the world's lock by its caller."""

    def __init__(self, world: World, router: Router, log: RequestLog) -> None:
        self._world = world
        self._router = router
        self._log = log

    def answer(self, body: bytes, api_key: str | None) -> bytes:
        """The answer to one request body, whatever it holds."""
        try:
            request = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return self._malformed(None)
        if not isinstance(request, dict):
            return self._malformed(None)
        with self._world.lock:
            answer = self._answer(request, api_key)
        return msgspec.json.encode(answer)

    def _malformed(self, number: Any) -> bytes:
        """Nothing public records this case; a result with -1 and no url is the nearest known."""
        status = {"code": -1, "message": "Invalid JSON request"}
        return msgspec.json.encode({"id": number, "result": [{"status": status, "url": ""}]})

    def _answer(self, request: Mapping[str, Any], api_key: str | None) -> dict[str, Any]:
        number, method, params = (request.get(name) for name in ("id", "method", "params"))
        answer: dict[str, Any] = {"id": number} if "id" in request else {}
        now = self._world.now()
        if not isinstance(params, list) or not params or not isinstance(method, str):
            answer["result"] = [_element("", Refusal(-8))]
            return answer
        session = self._session(request, api_key, now)
        verbose = request.get("verbose") in (1, True, "1")
        result: list[dict[str, Any]] = []
        user = session.admin.user if session is not None else ""
        for param in params:
            if result and self._world.switches.stop_at_first_error and _failed(result[-1]):
                result.append(_element(_url(param), Refusal(-1)))
                continue
            result.append(self._one(method, param, session, verbose, now, answer))
        self._log.add(Entry.made(now, method, params, result, user))
        logging_in = "sys/login/user" in result[0]["url"]
        if session is not None and not logging_in and any(map(_failed, result)):
            answer["session"] = session.sid
        answer["result"] = result
        return answer

    def _session(
        self, request: Mapping[str, Any], api_key: str | None, now: float
    ) -> Session | None:
        sessions = self._world.sessions
        session = sessions.by_key(api_key, now) if api_key else None
        session = session or sessions.find(request.get("session"))
        if session is not None and not request.get("keep_session_idle"):
            session.last_seen = now
        return session

    def _one(
        self,
        method: str,
        param: Any,
        session: Session | None,
        verbose: bool,
        now: float,
        answer: dict[str, Any],
    ) -> dict[str, Any]:
        url = _url(param)
        try:
            if not isinstance(param, dict) or not url or len(url) > urls.MAX_LENGTH:
                raise Refusal(-6)
            path = urls.split(url)
            call = Call(method, url, path, param, _allowed(session, path, method), verbose, now)
            members = self._router.answer(self._world, call)
            answer.update(call.extra)
        except Refusal as refusal:
            return _element(url, refusal)
        return {**members, "status": {"code": 0, "message": MESSAGES[0]}, "url": url}


def _allowed(session: Session | None, path: tuple[str, ...], method: str) -> Session:
    """Who may call at all: logging in needs no session, writing needs the permit to write."""
    if method not in METHODS:
        raise Refusal(-5)
    if path in _OPEN_URLS:
        return session or _nobody()
    if session is None:
        raise Refusal(-11)
    if method in WRITING and session.admin.rpc_permit != "read-write":
        raise Refusal(-11)
    return session


def _nobody() -> Session:
    from fmgsync.simulator.sessions import Admin

    return Session(0, "", Admin("", rpc_permit="none"), 0.0, 0.0)


def _url(param: Any) -> str:
    url = param.get("url") if isinstance(param, dict) else None
    return url if isinstance(url, str) else ""


def _failed(element: Mapping[str, Any]) -> bool:
    return bool(element["status"]["code"] != 0)


def _element(url: str, refusal: Refusal) -> dict[str, Any]:
    status = {"code": refusal.code, "message": refusal.message}
    element: dict[str, Any] = {"status": status, "url": url}
    if refusal.data is not NOTHING:
        element["data"] = refusal.data
    return element
