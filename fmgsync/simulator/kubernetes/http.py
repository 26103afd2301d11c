"""HTTP around the API: routing, token check, gzip, chunked watches."""

from __future__ import annotations

import gzip
import json
import select
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, urlsplit

from fmgsync.simulator.kubernetes import options, refusals, tables
from fmgsync.simulator.kubernetes.api import Api, parsed_body
from fmgsync.simulator.kubernetes.applying import Author
from fmgsync.simulator.kubernetes.connections import Connection
from fmgsync.simulator.kubernetes.faults import Faults
from fmgsync.simulator.kubernetes.refusals import ApiRefusal
from fmgsync.simulator.kubernetes.resources import (
    RESOURCES,
    Resource,
    Target,
    discovery,
    target,
)
from fmgsync.simulator.kubernetes.store import Store
from fmgsync.simulator.kubernetes.watching import Watch

_GZIP_OVER: Final = 128 * 1024
_LARGEST_BODY: Final = 3 * 1024 * 1024
_DROPPED: Final = 64 * 1024 * 1024  # of a body over the limit, at most
_PIECE: Final = 64 * 1024
_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_OPEN_PATHS: Final = ("/healthz", "/livez", "/readyz", "/version")


@dataclass(frozen=True, slots=True)
class Received:
    """One request as authorisation sees it, with its query and user agent."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str
    part: str
    query: Mapping[str, str]
    agent: str


@dataclass(slots=True)
class World:
    """What all connections share."""

    is_token: Callable[[str], bool]
    bookmark_interval_s: float
    store: Store = field(default_factory=Store)
    faults: Faults = field(default_factory=Faults)
    api: Api = field(init=False)
    received: list[Received] = field(default_factory=list)
    unauthorized: int = 0
    served: tuple[Resource, ...] = RESOURCES
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.api = Api(self.store)

    def handler(self) -> type[Connection]:
        """The connection class for this world."""
        return type("WorldHandler", (Handler,), {"world": self})


class Handler(Connection):
    """Answers the requests of one connection."""

    world: ClassVar[World]

    def do_GET(self) -> None:  # noqa: N802  # http.server's name
        """Answer a request of any method."""
        try:
            raw = self._body()
            broken = self.world.faults.take_broken()
            if broken is not None:
                self._send(broken, b"<html><body>Bad Gateway</body></html>", "text/html")
            else:
                self._route(raw)
        except ApiRefusal as refusal:
            self._send_refusal(refusal)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def _route(self, raw: bytes) -> None:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        if url.path in _OPEN_PATHS[:3]:
            self._send(200, b"ok", "text/plain")
            return
        scheme, _, given = (self.headers.get("Authorization") or "").partition(" ")
        known = scheme.lower() == "bearer" and self.world.is_token(given.strip())
        if not known and url.path not in _OPEN_PATHS:
            with self.world.lock:
                self.world.unauthorized += 1
            raise refusals.unauthorized()
        named = target(url.path, self.world.served)
        if named is not None:
            self._on_target(named, query, raw)
            return
        if url.path == _REVIEWS and self.command == "POST":
            hollow = self.world.faults.instead("selfsubjectaccessreviews", "create")
            self._send(201, hollow or json.dumps(self._review(parsed_body(raw))).encode())
            return
        found = discovery(url.path, self.world.served)
        if found is None:
            raise refusals.no_such_path()
        self._send(200, self.world.faults.instead("resources") or json.dumps(found).encode())

    def _review(self, content: Any) -> Any:
        """A SelfSubjectAccessReview: what `faults.forbid` left permitted."""
        asked = ((content or {}).get("spec") or {}).get("resourceAttributes") or {}
        plural, verb = str(asked.get("resource")), str(asked.get("verb"))
        return {**content, "status": {"allowed": self.world.faults.permits(plural, verb)}}

    def _on_target(self, named: Target, query: dict[str, str], raw: bytes) -> None:
        verb = self._verb(named, query)
        resource, faults = named.resource, self.world.faults
        name = named.name or _only_name(query)
        with self.world.lock:
            self.world.received.append(
                Received(
                    verb,
                    resource.group,
                    resource.plural,
                    named.namespace,
                    name,
                    named.part,
                    query,
                    self.headers.get("User-Agent") or "",
                )
            )
        self._wait_out_stall(resource.plural)
        faults.check(resource, verb, named.namespace, name)
        if named.part and named.part not in resource.parts:
            raise refusals.no_such_path()
        if query.get("dryRun"):
            raise refusals.bad_request("dryRun: this server would do what it is asked to try")
        hollow = faults.instead(resource.plural, verb)
        if hollow is not None:
            self._send(200, hollow)
        elif verb == "watch":
            self._watch(named, query)
        elif verb == "list":
            rows = tables.is_asked(resource, self.headers.get("Accept") or "", faults.tables)
            body = self.world.api.lists.page(named, query, as_table=rows)
            self._send(
                200, body[: len(body) // 2] if faults.take("garble", resource.plural) else body
            )
        else:
            kind = (self.headers.get("Content-Type") or "").partition(";")[0].strip()
            code, stored = self._change(verb, named, query, kind, parsed_body(raw, kind))
            if verb != "get" and faults.take_lost():
                self.close_connection = True
                return
            self._send(code, stored)

    def _change(
        self, verb: str, named: Target, query: Mapping[str, str], kind: str, content: Any
    ) -> tuple[int, bytes]:
        api = self.world.api
        agent = (self.headers.get("User-Agent") or "unknown").partition("/")[0]
        author = Author(query.get("fieldManager") or agent, part=named.part)
        if verb == "get":
            return 200, api.read(named).typed_body()
        if verb == "create":
            return 201, api.create(named, content).typed_body()
        if verb == "update":
            return 200, api.replace(named, content, author).typed_body()
        if verb == "patch":
            options.check_patch(query, kind)
            if kind == options.APPLY:
                author = replace(author, operation="Apply")
                force = options.flag(query, "force") or False
                made, stored = api.apply(named, content, author, force=force)
                return 201 if made else 200, stored.typed_body()
            return 200, api.patch(named, kind, content, author).typed_body()
        asked = dict(content or {})
        if "gracePeriodSeconds" in query:
            asked["gracePeriodSeconds"] = options.number(query, "gracePeriodSeconds")
        return 200, api.delete(named, asked).typed_body()

    def _verb(self, named: Target, query: Mapping[str, str]) -> str:
        if self.command == "GET":
            if options.flag(query, "watch"):
                return "watch"
            return "get" if named.name else "list"
        if bool(named.name) is (self.command == "POST"):
            raise ApiRefusal(
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            )
        return _VERBS[self.command]

    def _watch(self, named: Target, query: Mapping[str, str]) -> None:
        watch = Watch(
            self.world.store,
            self.world.faults,
            named,
            query,
            bookmark_interval_s=self.world.bookmark_interval_s,
            ended=self._is_gone,
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in watch.lines():
            if line:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        if watch.was_cut or self._is_gone():
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _is_gone(self) -> bool:
        """The connection was cut, or the client closed it: it sends nothing while it watches."""
        if not self.server.is_open(self.request):
            return True
        poll = select.poll()
        poll.register(self.request, select.POLLIN)
        return bool(poll.poll(0))

    def _wait_out_stall(self, plural: str) -> None:
        changed = self.world.store.changed
        while self.world.faults.stalled(plural):
            if self._is_gone():
                raise ConnectionAbortedError
            with changed:
                changed.wait(0.1)

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit():
            self.close_connection = True
            raise refusals.bad_request(f"bad Content-Length {length!r}")
        if int(length) > _LARGEST_BODY:
            self._drop(int(length))
            why = f"Request entity too large: limit is {_LARGEST_BODY}"
            raise ApiRefusal(413, "RequestEntityTooLarge", why)
        return self.rfile.read(int(length))

    def _drop(self, length: int) -> None:
        """Read a body that nobody wants: closing over it would cost the client the answer."""
        self.close_connection = True
        for _ in range(0, min(length, _DROPPED), _PIECE):
            self.rfile.read(min(_PIECE, length))
            length -= _PIECE

    def _send_refusal(self, refusal: ApiRefusal) -> None:
        seconds = refusal.more.get("details", {}).get("retryAfterSeconds")
        headers = {} if seconds is None else {"Retry-After": str(seconds)}
        self._send(refusal.code, json.dumps(refusal.status()).encode(), headers=headers)

    def _send(
        self,
        code: int,
        body: bytes,
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        zipped = len(body) > _GZIP_OVER and "gzip" in (self.headers.get("Accept-Encoding") or "")
        if zipped:
            body = gzip.compress(body, compresslevel=1)
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if zipped:
            self.send_header("Content-Encoding", "gzip")
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)


def _only_name(query: Mapping[str, str]) -> str:
    """The one object that a list or watch is about, which a role may be limited to.

    Public source: Kubernetes documentation, "Using RBAC Authorization", `resourceNames`.
    """
    asked = [term.split("=", 1) for term in query.get("fieldSelector", "").split(",")]
    names = [term[1].lstrip("=") for term in asked if len(term) == 2 and term[0] == "metadata.name"]
    return names[0] if len(names) == 1 else ""
