"""A client that hides nothing: what was sent and what came back, over real HTTPS."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import requests

from fmgsync.simulator import Simulator


class Client:
    """Posts envelopes; `verbose` by default, as most clients do."""

    def __init__(self, simulator: Simulator, *, key: str | None = None) -> None:
        self._url = f"{simulator.url}/jsonrpc"
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.verify = simulator.ca_file or True
        if key is not None:
            self._http.headers["Authorization"] = f"Bearer {key}"
        self.session: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def post(self, body: bytes) -> requests.Response:
        """Raw bytes."""
        return self._http.post(self._url, data=body, timeout=30)

    def envelope(self, method: str, *params: dict[str, Any], **members: Any) -> dict[str, Any]:
        """One request; the whole answer."""
        body = {
            "id": 1,
            "method": method,
            "params": list(params),
            "session": self.session,
            "verbose": 1,
            **members,
        }
        answer: dict[str, Any] = self._http.post(self._url, json=body, timeout=30).json()
        return answer

    def one(self, method: str, url: str, data: Any = None, **members: Any) -> dict[str, Any]:
        """One param; its result element. Member names: underscores stand for spaces."""
        spaced = {name.replace("_", " "): value for name, value in members.items()}
        param = {"url": url, **spaced} | ({} if data is None else {"data": data})
        element: dict[str, Any] = self.envelope(method, param)["result"][0]
        return element

    def code(self, method: str, url: str, data: Any = None, **members: Any) -> int:
        """One param; its status code."""
        return int(self.one(method, url, data, **members)["status"]["code"])

    def data(self, method: str, url: str, data: Any = None, **members: Any) -> Any:
        """One param that must succeed; its data, None without."""
        element = self.one(method, url, data, **members)
        assert element["status"]["code"] == 0, element
        return element.get("data")

    def get(self, url: str, **members: Any) -> Any:
        """Data of a get; an empty list without."""
        found = self.data("get", url, **members)
        return [] if found is None else found

    def log_in(self, user: str = "fmgsync", password: str = "secret") -> int:
        """Log in; the status code."""
        answer = self.envelope(
            "exec", {"url": "/sys/login/user", "data": {"user": user, "passwd": password}}
        )
        self.session = answer.get("session")
        return int(answer["result"][0]["status"]["code"])
