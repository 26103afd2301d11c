"""The HTTP side of a FortiGate's REST API: keys, trusted hosts, limits, trouble, the log."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from fmgsync.simulator.fortigate import access, troubles
from fmgsync.simulator.fortigate.access import Access
from fmgsync.simulator.fortigate.ask import UNREADABLE, Answer, Ask
from fmgsync.simulator.state.devices import Device
from fmgsync.simulator.state.unitapi import ApiUser
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.delivery import Reply
from fmgsync.simulator.wire.exchange import Request
from fmgsync.simulator.wire.faults import Fault, Faults
from fmgsync.simulator.wire.requestlog import Entry, RequestLog

_SECRET: Final = re.compile(r"(access_token=)[^&]*")
_API: Final = re.compile(r"/api/v2(/|\?|$)")
REDIRECTS_SINCE: Final = (7, 2, 4)


@dataclass(frozen=True, slots=True)
class Rest:
    """Answers the requests that come in at one unit's port."""

    world: World
    device: Device
    faults: Faults
    log: RequestLog
    plugs: troubles.Plugs

    def answer(self, request: Request) -> Reply:
        """The reply to one request, whatever it holds."""
        url = _SECRET.sub(r"\1***", request.target)
        with self.world.lock:
            now = self.world.now()
            user = self._user(request, now)
            name = user.name if user is not None else ""
            struck = self.faults.strike(request.method, [url], name, self.device.name)
            early = troubles.before(self.world, self.device, user, struck, self.plugs, now)
            if struck:
                user = self._user(request, now)  # a fault may have ended the key
            reply = early or self._answered(request, user, struck, now)
            entry = Entry(
                0, now, request.method[:20], (url[:500],), (reply.status,), name, self.device.name
            )
            self.log.add(entry)
        return reply if early is not None else troubles.after(self.world, reply, struck)

    def _answered(
        self, request: Request, user: ApiUser | None, struck: list[Fault], now: float
    ) -> Reply:
        path = request.target.partition("?")[0]
        if not _API.match(request.target):
            return self._page(request, path)
        refused = self._refused(request, user, now)
        if refused is not None or user is None:
            return refused or troubles.unauthorized()
        try:
            answer = self._asked(request, access.access_of(user), struck)
        except Exception as defect:  # a defect of the simulator, kept for the tests to find
            place = traceback.extract_tb(defect.__traceback__)[-1]
            where = f"{place.name}:{place.lineno}"
            told = f"{self.device.name} {request.method} {path[:200]}: {defect!r} in {where}"
            self.world.defects.append(told)
            return Reply(b'{"status":"error","http_status":500}', 500)
        body = troubles.spoiled(self.device, answer.body, struck)
        return Reply(msgspec.json.encode(body), answer.status)

    def _asked(self, request: Request, who: Access, struck: list[Fault]) -> Answer:
        ask = Ask(
            request.method,
            request.target,
            _decoded(request.body),
            who,
            request.headers.get("x-transaction-id"),
        )
        return troubles.carried_out(self.world, self.device, ask, struck)

    def _user(self, request: Request, now: float) -> ApiUser | None:
        key = self._key(request)
        return access.user_of(self.device, key, now) if key else None

    def _key(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return token.strip()
        if access.takes_query_key(self.device.os_version):
            return parse_qs(request.target.partition("?")[2]).get("access_token", [""])[0]
        return ""

    def _refused(self, request: Request, user: ApiUser | None, now: float) -> Reply | None:
        """What is refused before the API is reached."""
        wait = access.locked(self.device, request.source, now) or self._throttled(now)
        if wait:
            return troubles.too_many(wait)
        if user is None:
            if self._key(request):
                access.failed(self.device, request.source, now)
            return troubles.unauthorized()
        if not user.trusts(request.source):
            return troubles.unauthorized()
        self.device.api.failures.pop(request.source, None)
        if len(request.body) > self.world.switches.unit_max_body:
            return Reply(b'{"status":"error","http_status":413}', 413)
        return None

    def _throttled(self, now: float) -> int:
        """Seconds to wait where only so many requests are taken in one."""
        most = self.world.switches.unit_requests_per_second
        second, count = self.device.api.second
        count = count + 1 if second == int(now) else 1
        self.device.api.second = (int(now), count)
        return 1 if most and count > most else 0

    def _page(self, request: Request, path: str) -> Reply:
        """What is not the API: the pages of the login, which no key passes."""
        if path == "/logincheck" and request.method == "POST":
            return Reply(b"0", 200, "text/html")
        if path == "/logincheck":
            if self.device.os_version < REDIRECTS_SINCE:
                return Reply(b"", 200, "text/html")
            return Reply(b"", 302, "text/html", headers=(("Location", "/error/403/"),))
        if path == "/logout":
            return Reply(b"", 200, "text/html")
        return troubles.not_found()


def _decoded(body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return UNREADABLE
