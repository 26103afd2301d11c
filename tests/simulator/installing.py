"""Installs as a client asks for them."""

from __future__ import annotations

from typing import Any

from tests.simulator.client import Client

OBJ = "/pm/config/adom/prod/obj/firewall"
STATUS = "/pm/config/adom/prod/_package/status"
EAST1 = {"name": "east-1", "vdom": "root"}


def install(client: Client, *scope: dict[str, str], **more: Any) -> int:
    data = {"adom": "prod", "pkg": "edge/default", "scope": list(scope), **more}
    if not scope:
        del data["scope"]
    task = client.data("exec", "/securityconsole/install/package", data)["task"]
    assert isinstance(task, int)
    return task


def statuses(client: Client) -> dict[str, str]:
    return {row["dev"]: row["status"] for row in client.get(STATUS)}
