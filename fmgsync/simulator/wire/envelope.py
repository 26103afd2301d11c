"""JSON-RPC as FortiManager speaks it: one result element per param, errors inside them."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from fmgsync.simulator.codes import MESSAGES, NOTHING, Refusal
from fmgsync.simulator.state.sessions import Admin, Session
from fmgsync.simulator.state.tasks import Line
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire import trouble, urls
from fmgsync.simulator.wire.call import Call
from fmgsync.simulator.wire.delivery import Reply
from fmgsync.simulator.wire.exchange import Request
from fmgsync.simulator.wire.faults import Fault, Faults
from fmgsync.simulator.wire.requestlog import Entry, RequestLog
from fmgsync.simulator.wire.route import Router

METHODS: Final = frozenset(
    ("get", "add", "set", "update", "replace", "delete", "exec", "clone", "move", "unset")
)
WRITING: Final = METHODS - {"get", "exec"}
_MEMBERS: Final = frozenset(
    ("id", "jsonrpc", "method", "params", "session", "verbose", "create task", "keep_session_idle")
)
_OPEN_URLS: Final = frozenset((("sys", "login", "user"),))
CID_SINCE: Final = (7, 6, 3)
"""About when answers got a `cid`: recorded with newer calls, absent beside those of 7.6.0."""


class Envelope:
    """Turns request bodies into replies, by way of the faults in force."""

    def __init__(self, world: World, router: Router, log: RequestLog, faults: Faults) -> None:
        self._world = world
        self._router = router
        self._log = log
        self._faults = faults

    def answer(self, http: Request) -> Reply:
        """The reply to one HTTP request, whatever it holds."""
        path, _, query = http.target.partition("?")
        if http.method != "POST" or path.rstrip("/") != "/jsonrpc":
            return Reply(b"Not Found", 404, "text/plain")
        if "content-length" not in http.headers:
            return Reply(b"Length Required", 411, "text/plain")
        api_key = self._api_key(http.headers, query)
        try:
            request = msgspec.json.decode(http.body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            request = None
        if not isinstance(request, dict):
            return Reply(_malformed())
        with self._world.lock:
            now = self._world.now()
            session = self._session(request, api_key, now)
            struck = self._strike(request, session)
            early = trouble.before(self._world, struck, session)
            if early is not None:
                return early
            if struck:
                session = self._session(request, api_key, now)  # a fault may have ended it
            answer = self._answer(request, session, now, struck)
        return trouble.spoil(
            self._world, msgspec.json.encode(trouble.shorten(answer, struck)), struck
        )

    def _api_key(self, headers: Mapping[str, str], query: str) -> str | None:
        """`?access_token=` is refused from 7.4.7 and 7.6.2 on."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return token.strip()
        version = self._world.version
        if version < ((7, 6, 2) if version[:2] == (7, 6) else (7, 4, 7)):
            return next(iter(parse_qs(query).get("access_token", ())), None)
        return None

    def _strike(self, request: Mapping[str, Any], session: Session | None) -> list[Fault]:
        params, method = request.get("params"), request.get("method")
        if not isinstance(params, list) or not isinstance(method, str):
            return []
        user = session.admin.user if session is not None else ""
        return self._faults.strike(method, [_url(param) for param in params], user)

    def _answer(
        self,
        request: Mapping[str, Any],
        session: Session | None,
        now: float,
        struck: list[Fault],
    ) -> dict[str, Any]:
        number, method, params = (request.get(name) for name in ("id", "method", "params"))
        answer: dict[str, Any] = {"id": number} if "id" in request else {}
        if not isinstance(params, list) or not params or not isinstance(method, str):
            answer["result"] = [_element("", Refusal(-8))]
            return answer
        strange = self._strange(request)
        if strange is not None:
            answer["result"] = [_element(_url(param), strange) for param in params]
            return answer
        verbose = request.get("verbose") in (1, True, "1")
        result: list[dict[str, Any]] = []
        for param in params:
            refusal = trouble.status(struck, _url(param))
            if result and self._world.switches.stop_at_first_error and _failed(result[-1]):
                refusal = Refusal(-1)
            if refusal is not None:
                result.append(_element(_url(param), refusal))
            else:
                result.append(self._one(method, param, session, verbose, now, answer))
        user = session.admin.user if session is not None else ""
        self._log.add(Entry.made(now, method, params, result, user))
        if session is not None and any(map(_tells_session, result)):
            answer["session"] = session.sid
        if self._world.version >= CID_SINCE:
            self._world.requests += 1
            answer["cid"] = self._world.requests
        if "create task" in request and session is not None and method in WRITING:
            result = [self._as_task(session, result, now)]
        if answer.pop("apart", False) and len(result) == 1:
            return {**answer, **result[0]}
        answer["result"] = result
        return answer

    def _strange(self, request: Mapping[str, Any]) -> Refusal | None:
        """Members of the envelope that FortiManager is not known to have."""
        try:
            for name in request.keys() - _MEMBERS:
                self._world.ignored.tell("parameter", "", name)
        except Refusal as refusal:
            return refusal
        return None

    def _as_task(
        self, session: Session, result: list[dict[str, Any]], now: float
    ) -> dict[str, Any]:
        """`create task`: the outcome is told by a task, and the element has no url."""
        tasks, user = self._world.tasks, session.admin.user
        task = tasks.open("security console task", "security console", user, 0, now)
        for element in result:
            line = task.add(Line(str(element["url"])[-80:], 0))
            status = element["status"]
            line.tell(now, 100, str(status["message"]), "error" if status["code"] else "done")
        task.settle(now)
        return {"data": {"task": task.id}, "status": {"code": 0, "message": MESSAGES[0]}}

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
            who = _allowed(session, path, method)
            call = Call.made(method, url, param, who, self._world, now, verbose=verbose)
            call.refuse_strange()
            members = self._router.answer(self._world, call)
            call.tell_unheard()
            answer.update(call.extra)
        except Refusal as refusal:
            return _element(url, refusal)
        except Exception as defect:  # a defect of the simulator, kept for the tests to find
            place = traceback.extract_tb(defect.__traceback__)[-1]
            where = f"{place.name}:{place.lineno}"
            self._world.defects.append(f"{method} {url[:200]}: {defect!r} in {where}")
            return _element(url, Refusal(-1))
        return {**members, "status": {"code": 0, "message": MESSAGES[0]}, "url": url}


def _malformed() -> bytes:
    """Nothing public records this case; a result with -1 and no url is the nearest known."""
    status = {"code": -1, "message": "Invalid JSON request"}
    return msgspec.json.encode({"id": None, "result": [{"status": status, "url": ""}]})


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
    return Session(0, "", Admin("", rpc_permit="none"), 0.0, 0.0)


def _url(param: Any) -> str:
    url = param.get("url") if isinstance(param, dict) else None
    return url if isinstance(url, str) else ""


def _failed(element: Mapping[str, Any]) -> bool:
    return bool(element["status"]["code"] != 0)


def _tells_session(element: Mapping[str, Any]) -> bool:
    """Unknown urls and missing permission are answered with the session's number at the top."""
    return element["status"]["code"] in (-6, -11) and "sys/login/user" not in element["url"]


def _element(url: str, refusal: Refusal) -> dict[str, Any]:
    status = {"code": refusal.code, "message": refusal.message}
    element: dict[str, Any] = {"status": status, "url": url}
    if refusal.data is not NOTHING:
        element["data"] = refusal.data
    return element
