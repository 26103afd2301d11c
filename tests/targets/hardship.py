"""HTTP adapters that let a process die, or an answer get lost, at a chosen request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter


class Killed(BaseException):
    """The process is gone: nothing catches this, and no request follows it."""


class Dying(HTTPAdapter):
    """Sends `survives` requests, then the process is dead; `after_sending` lets one more out
    whose answer nobody reads."""

    def __init__(self, survives: int, *, after_sending: bool) -> None:
        super().__init__()
        self.left = survives
        self.dead = False
        self._after_sending = after_sending

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        if self.dead:
            raise Killed
        if self.left == 0:
            self.dead = True
            if self._after_sending:
                super().send(*args, **kwargs)
            raise Killed
        self.left -= 1
        return super().send(*args, **kwargs)


class Lossy(HTTPAdapter):
    """Breaks the connection once, at request number `at`, before or after it took effect."""

    def __init__(self, at: int, *, after_sending: bool) -> None:
        super().__init__()
        self.at = at
        self.sent = 0
        self._after_sending = after_sending

    @property
    def hit(self) -> bool:
        """Whether it has come to that request."""
        return self.sent > self.at

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        number = self.sent
        self.sent += 1
        if number == self.at:
            if self._after_sending:
                super().send(*args, **kwargs)
            raise requests.exceptions.ConnectionError("connection reset by test")
        return super().send(*args, **kwargs)


class StopsShort(HTTPAdapter):
    """A release that answers only up to the first param it refuses, and does no more."""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        body = json.loads(request.body or b"{}")
        if body.get("method") not in ("add", "set", "delete"):
            return super().send(request, *args, **kwargs)
        done = []
        for param in body["params"]:
            one = json.dumps(body | {"params": [param]})
            request.prepare_body(data=one, files=None)
            response = super().send(request, *args, **kwargs)
            done.append(response.json()["result"][0])
            if done[-1]["status"]["code"] != 0:
                break
        response._content = json.dumps({"result": done}).encode()
        return response


class Refusing(HTTPAdapter):
    """A release that does not let one field be set, and does everything else."""

    def __init__(self, field: str) -> None:
        super().__init__()
        self._field = field

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        body = json.loads(request.body or b"{}")
        refused = [
            body.get("method") == "set" and self._field in (param.get("data") or {})
            for param in body.get("params", [])
        ]
        if not any(refused):
            return super().send(request, *args, **kwargs)
        results, response = [], None
        for param, no in zip(body["params"], refused, strict=True):
            # What is refused is asked for all the same, so that there is an answer to change.
            sent = {**param, "data": {}} if no else param
            request.prepare_body(data=json.dumps(body | {"params": [sent]}), files=None)
            response = super().send(request, *args, **kwargs)
            results.append(response.json()["result"][0])
            if no:
                results[-1]["status"] = {"code": -10, "message": f"{self._field} stays"}
        assert response is not None
        answer = {**response.json(), "result": results}
        response._content = json.dumps(answer).encode()
        return response


class Before(HTTPAdapter):
    """Does something before every request."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._act = act

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        self._act()
        return super().send(*args, **kwargs)


class Rewriting(HTTPAdapter):
    """Changes every answer on its way: a release that answers otherwise."""

    def __init__(self, change: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._change = change

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        response = super().send(*args, **kwargs)
        body = response.json()
        self._change(body)
        response._content = json.dumps(body).encode()
        return response
