"""What carries a request: the HTTP library's transport without its session.

Of cookies, redirects, authentication and an environment, which a session looks after for every
request, there are none here; over hundreds of units that was a good part of what we cost.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any, Final

import requests
import requests.adapters

_ALWAYS: Final = {
    **{
        name: value
        for name, value in requests.utils.default_headers().items()
        if name != "Connection"
    },
    "Accept": "application/json",
}


def adapter(connections: int) -> requests.adapters.HTTPAdapter:
    """Keeps so many connections to one unit."""
    return requests.adapters.HTTPAdapter(
        pool_connections=1, pool_maxsize=connections, pool_block=True
    )


def prepared(
    method: str, url: str, headers: Mapping[str, str], body: Any
) -> requests.PreparedRequest:
    """A request as it is sent; `url` is whole and encoded, `body` becomes JSON."""
    made = requests.PreparedRequest()
    made.method, made.url = method, url
    made.headers = requests.structures.CaseInsensitiveDict({**_ALWAYS, **headers})
    if body is not None:
        made.body = json.dumps(body).encode()
        made.headers["Content-Type"] = "application/json"
    if method != "GET":
        made.headers["Content-Length"] = str(len(made.body or b""))
    return made


def source_address(host: str) -> str:
    """The address that this computer has on the way to a host, which may end in a port; empty if
    unknown."""
    before, _, port = host.rpartition(":")
    name = before if port.isdecimal() and not before.endswith(":") else host
    try:
        kind, *_, address = socket.getaddrinfo(name.strip("[]"), 443, type=socket.SOCK_DGRAM)[0]
        with socket.socket(kind, socket.SOCK_DGRAM) as probe:
            probe.connect(address)  # sends nothing
            return str(probe.getsockname()[0])
    except OSError:
        return ""
