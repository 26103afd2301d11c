"""What is inside an HTTP body to `/jsonrpc`: the question without what varies between runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from fmgsync.recording import nesting

LOGIN: Final = "sys/login/user"
LOGOUT: Final = "sys/logout"

_VOLATILE: Final = frozenset({"id", "session", "jsonrpc", "method", "params"})


@dataclass(frozen=True, slots=True)
class Question:
    """Method and params as sent; `extras` are further members that change the answer (verbose).

    Of a FortiGate's own API (`is_rest`) there is one param: `url`, `query` and `data`.
    """

    method: str
    params: tuple[dict[str, Any], ...]
    extras: dict[str, Any]
    session: str | int | None = None
    number: Any = None
    is_rest: bool = False

    @property
    def urls(self) -> tuple[str, ...]:
        """The url of each param, empty where there is none."""
        return tuple(str(param.get("url", "")) for param in self.params)

    @property
    def is_login(self) -> bool:
        """Whether this opens a session."""
        return self.method == "exec" and [url.strip("/") for url in self.urls] == [LOGIN]

    @property
    def is_logout(self) -> bool:
        """Whether this ends a session."""
        return self.method == "exec" and [url.strip("/") for url in self.urls] == [LOGOUT]

    @property
    def repeats(self) -> bool:
        """Whether asking it again changes nothing: it reads, or begins or ends a session."""
        return self.method.lower() == "get" or self.is_login or self.is_logout

    def key(self) -> dict[str, Any]:
        """What two requests must share to be the same question.

        Neither `id` nor `session`; and who logs in is not what a cassette is about.
        """
        params = [{"url": LOGIN}] if self.is_login else [_param(param) for param in self.params]
        return {"method": self.method, "params": params} | self.extras

    def title(self) -> str:
        """`get /pm/config/...`, with the number of params if there are several; of a FortiGate's
        url what it asks for besides."""
        first = self.urls[0] if self.urls else "(no url)"
        if self.is_rest:
            query = self.params[0]["query"].items()
            first += "".join(f" {name}={value}" for name, value in query)
        more = f" and {len(self.urls) - 1} more" if len(self.urls) > 1 else ""
        return f"{self.method} {first}{more}"


def _param(param: dict[str, Any]) -> dict[str, Any]:
    url = param.get("url")
    # FortiManager takes urls with and without the slash at either end.
    return param | {"url": url.strip("/")} if isinstance(url, str) else param


def decode(body: bytes | str | None) -> Question | None:
    """The question in a request body; None if it is no JSON-RPC."""
    try:
        parsed = nesting.loads(body or b"")
    except ValueError:
        return None
    if not isinstance(parsed, dict) or not isinstance(method := parsed.get("method"), str):
        return None
    params = parsed.get("params", [])
    if not isinstance(params, list) or not all(isinstance(param, dict) for param in params):
        return None
    session = parsed.get("session")
    return Question(
        method=method,
        params=tuple(params),
        extras={name: value for name, value in parsed.items() if name not in _VOLATILE},
        session=session if isinstance(session, str | int) else None,
        number=parsed.get("id"),
    )


def encode(value: Any) -> bytes:
    """JSON as it goes over the wire, in the one form recordings use."""
    return json.dumps(value, ensure_ascii=True).encode()


@dataclass(frozen=True, slots=True)
class Result:
    """One element of an answer. `data` is `MISSING` where the unit sent none."""

    code: int | None
    message: str
    data: Any
    element: dict[str, Any]


MISSING: Final = object()


def results(body: bytes) -> list[Result]:
    """The elements of an answer; empty if it is no JSON-RPC."""
    try:
        answer = nesting.loads(body)
    except ValueError:
        return []
    found = answer.get("result") if isinstance(answer, dict) else None
    elements = found if isinstance(found, list) else [found]
    return [_result(element) for element in elements if isinstance(element, dict)]


def _result(element: dict[str, Any]) -> Result:
    status = element.get("status")
    status = status if isinstance(status, dict) else {}
    code = status.get("code")
    return Result(
        code=code if isinstance(code, int) else None,
        message=str(status.get("message", "")),
        data=element.get("data", MISSING),
        element=element,
    )
