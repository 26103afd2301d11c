"""A tiny HTTPS server that answers what a test tells it to: for what no sane server does."""

from __future__ import annotations

import functools
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme


@dataclass
class Reply:
    """An answer as bytes; `cut` closes the connection after that many of them."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


Answer = Callable[[dict[str, Any]], Any]


@dataclass
class Scripted:
    """A running server; `bodies` are the decoded requests in order."""

    host: str
    ca_file: Path
    bodies: list[dict[str, Any]]
    headers: list[dict[str, str]]


def ok(*data: Any) -> list[dict[str, Any]]:
    """One good result per argument; None means no data."""
    return [
        {"status": {"code": 0, "message": "OK"}, "url": "x"}
        | ({} if one is None else {"data": one})
        for one in data
    ]


def refused(code: int, message: str = "no") -> dict[str, Any]:
    """One refused result."""
    return {"status": {"code": code, "message": message}, "url": "x"}


def _echoed(body: dict[str, Any], reply: Any) -> Any:
    """The url of each param where a script says no more than `x`, as every unit repeats it."""
    results = reply.get("result") if isinstance(reply, dict) else None
    for result, param in zip(
        results if isinstance(results, list) else (), body["params"], strict=False
    ):
        if isinstance(result, dict) and result.get("url") == "x":
            result["url"] = param["url"]
    return reply


@functools.cache
def _authority() -> trustme.CA:
    return trustme.CA()


@functools.cache
def _certificate(name: str) -> trustme.LeafCert:
    return _authority().issue_cert(name)


@contextmanager
def serve(answer: Answer, folder: Path, *, name: str = "localhost") -> Iterator[Scripted]:
    """Answer every POST with `answer(body)`: a `Reply`, or a value sent as JSON."""
    ca_file = folder / "ca.pem"
    _authority().cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _certificate(name).configure_cert(context)
    bodies: list[dict[str, Any]] = []
    headers: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one piece: in two, the second waits 40 ms for the first.
        wbufsize = -1

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            bodies.append(body)
            headers.append(dict(self.headers))
            reply = answer(body)
            if reply is None:
                self.close_connection = True
                return
            if not isinstance(reply, Reply):
                reply = Reply(json.dumps(_echoed(body, reply)).encode())
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            for key, value in reply.headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(reply.body[: reply.cut])
            if reply.cut is not None:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield Scripted(f"localhost:{server.server_address[1]}", ca_file, bodies, headers)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
