"""One way to ask what an exchange is about, whichever of the two wires it went over.

FortiManager takes JSON-RPC at one path; a FortiGate has a url for each object.
"""

from __future__ import annotations

from fmgsync.recording import jsonrpc, rest
from fmgsync.recording.cassette import Exchange
from fmgsync.recording.jsonrpc import Question, Result


def asked(method: str, uri: str, body: bytes) -> Question | None:
    """The question of a request; None if it is of neither kind."""
    return rest.question(method, uri, body) if rest.is_rest(uri) else jsonrpc.decode(body)


def of(exchange: Exchange) -> Question | None:
    """The question of a recorded exchange."""
    return asked(exchange.method, exchange.uri, exchange.request_body)


def answers(exchange: Exchange) -> list[Result]:
    """What was answered, one result for each part of the question; empty if it is neither kind."""
    if rest.is_rest(exchange.uri):
        return rest.results(exchange.status, exchange.response_body)
    return jsonrpc.results(exchange.response_body)
