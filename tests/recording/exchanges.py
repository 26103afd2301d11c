"""Exchanges as a session would record them, for tests."""

from __future__ import annotations

import json
from typing import Any

from fmgsync.recording.cassette import About, Cassette, Exchange

ABOUT = About(source="a test", recorded_at="2026-11-01T00:00:00Z", fortimanager="v7.4.5")
JSON = ("Content-Type", "application/json")


def exchange(
    method: str,
    *params: dict[str, Any],
    answers: list[dict[str, Any]] | None = None,
    session: str | None = "session-1",
    number: int = 1,
    order: int = 0,
    **changes: Any,
) -> Exchange:
    """One request and its answer; without `answers` every param succeeds without data."""
    request: dict[str, Any] = {"method": method, "params": list(params)}
    if method == "get":
        request["verbose"] = 1
    request |= {"session": session, "id": number}
    results = [
        {"status": {"code": 0, "message": "OK"}, "url": param.get("url")} for param in params
    ]
    for result, answer in zip(results, answers or [], strict=False):
        result.update(answer)
    values: dict[str, Any] = {
        "uri": "https://fortimanager.example.net/jsonrpc",
        "request_headers": (JSON,),
        "response_headers": (JSON,),
        "request_body": json.dumps(request).encode(),
        "response_body": json.dumps({"id": number, "result": results}).encode(),
        "order": order,
    }
    return Exchange(**(values | changes))


def login(user: str = "admin-1", password: str = "scrubbed", token: str = "session-1") -> Exchange:
    """A login that succeeds."""
    made = exchange(
        "exec",
        {"url": "sys/login/user", "data": {"user": user, "passwd": password}},
        session=None,
    )
    answer = json.loads(made.response_body) | {"session": token}
    return exchange(
        "exec",
        {"url": "sys/login/user", "data": {"user": user, "passwd": password}},
        session=None,
        response_body=json.dumps(answer).encode(),
    )


def cassette(*exchanges: Exchange, about: About | None = ABOUT) -> Cassette:
    """A cassette of these."""
    return Cassette(exchanges, about)
