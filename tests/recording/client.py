"""The plainest JSON-RPC client there is: what it sends and gets is what goes over the wire."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self

import requests


class Client:
    """One connection to something that speaks like FortiManager; keeps its session's token."""

    def __init__(self, url: str, ca_file: str, adapter: Any = None) -> None:
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = ca_file
        if adapter is not None:
            self.http.mount("https://", adapter)
        self.url = f"{url}/jsonrpc"
        self.session: str | None = None
        self.number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.http.close()

    def raw(self, method: str, *params: dict[str, Any], **members: Any) -> requests.Response:
        """One request; the answer as it came."""
        self.number += 1
        body: dict[str, Any] = {"method": method, "params": list(params)}
        if method == "get":
            body["verbose"] = 1
        body |= {"session": self.session, "id": self.number} | members
        return self.http.post(self.url, data=json.dumps(body), timeout=60)

    def ask(self, method: str, *params: dict[str, Any], **members: Any) -> Any:
        """One request; the decoded answer."""
        return self.raw(method, *params, **members).json()

    def codes(self, method: str, *params: dict[str, Any]) -> list[int]:
        """One request; the status codes."""
        return [result["status"]["code"] for result in self.ask(method, *params)["result"]]

    def login(self, user: str = "admin", password: str = "admin") -> None:
        """Log in; further requests carry the session."""
        data = {"user": user, "passwd": password}
        answer = self.ask("exec", {"url": "sys/login/user", "data": data})
        self.session = answer["session"]

    def logout(self) -> None:
        """End the session."""
        self.ask("exec", {"url": "sys/logout"})
