"""What goes back over the wire, and in what state it arrives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer. `cut`: bytes of the body that are sent before the connection ends.

    `reset`: the connection ends with a TCP reset and nothing is sent. `stall_s`: seconds of
    silence before anything happens.
    """

    body: bytes = b""
    status: int = 200
    kind: str = "application/json"
    cut: int | None = None
    reset: bool = False
    stall_s: float = 0.0
    headers: tuple[tuple[str, str], ...] = ()


def page(status: int, title: str) -> Reply:
    """The HTML page of a web server in trouble."""
    html = (
        f"<html>\n<head><title>{status} {title}</title></head>\n<body>\n"
        f"<center><h1>{status} {title}</h1></center>\n</body>\n</html>\n"
    )
    return Reply(html.encode(), status, "text/html")
