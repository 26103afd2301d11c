"""The cassette: exchanges of one session in vcrpy's YAML format, with a header of our own.

vcrpy keeps a `metadata` section beside the interactions; ours says what was recorded and carries a
digest, so that a file cut short or edited is noticed instead of played.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

FORMAT: Final = 1
"""Of our header; vcrpy's own format number is separate."""

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request and its answer. `order` counts over all sessions of one recording, from 1.

    `step` names the question that was being asked. `after` is how many exchanges of the session had
    been answered when this was asked, where that is not all that stand before it: what was under
    way at the same time has no order. Bodies are what went over the wire, without any content
    encoding.
    """

    uri: str
    request_body: bytes
    response_body: bytes
    status: int = 200
    reason: str = "OK"
    method: str = "POST"
    request_headers: Headers = ()
    response_headers: Headers = ()
    order: int = 0
    step: str = ""
    after: int | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What a cassette says of itself. `recorded_at` is RFC 3339 in UTC.

    `unanswered` counts requests that got no answer: nothing to play back, but good to know.
    """

    source: str
    recorded_at: str
    fortimanager: str = ""
    adom: str = ""
    fortigate: str = ""
    vdom: str = ""
    scenarios: tuple[str, ...] = ()
    names: str = "pseudonyms"
    addresses: str = "kept"
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class Cassette:
    """The exchanges of one session in order. `about` is None in a file that vcrpy itself wrote."""

    exchanges: tuple[Exchange, ...]
    about: About | None = None
    edited: bool = field(default=False, compare=False)
    """Whether the content is not what the recorder sealed."""


def digest(exchanges: tuple[Exchange, ...]) -> str:
    """A fingerprint of what is played, independent of how the YAML is written."""
    plain = json.dumps([plain_interaction(exchange) for exchange in exchanges], sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()


def plain_interaction(exchange: Exchange) -> dict[str, Any]:
    """One interaction as vcrpy writes it, with `order` and `step` beside request and response."""
    beside: dict[str, Any] = {}
    if exchange.order:
        beside["order"] = exchange.order
    if exchange.step:
        beside["step"] = exchange.step
    if exchange.after is not None:
        beside["after"] = exchange.after
    return beside | {
        "request": {
            "body": _text(exchange.request_body),
            "headers": {name: [value] for name, value in exchange.request_headers},
            "method": exchange.method,
            "uri": exchange.uri,
        },
        "response": {
            "body": {"string": _text(exchange.response_body)},
            "headers": {name: [value] for name, value in exchange.response_headers},
            "status": {"code": exchange.status, "message": exchange.reason},
        },
    }


def _text(body: bytes) -> str:
    """A body as text. Scrubbing leaves only UTF-8; another recorder may not."""
    return body.decode("utf-8", "backslashreplace")
