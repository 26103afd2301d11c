"""What is inside an exchange with a FortiGate's own REST API: the question, and what was answered.

Method, path, parameters and body make the question; the key does not count, in whichever of the
two places it travels. An answer is one envelope, or a list of them where several VDOMs were asked
(FortiOS REST API description).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from fmgsync.recording import nesting
from fmgsync.recording.jsonrpc import MISSING, Question, Result

ROOT: Final = "/api/v2/"
TRANSACTION: Final = "x-transaction-id"
_KEY: Final = "access_token"


def is_rest(uri: str) -> bool:
    """Whether a url is one of this API."""
    return f"{urlsplit(uri).path}/".startswith(ROOT)


def question(method: str, uri: str, body: bytes) -> Question | None:
    """The question; None if the url is none of this API."""
    if not is_rest(uri):
        return None
    parts = urlsplit(uri)
    param: dict[str, Any] = {"url": "/".join(map(_segment, parts.path.split("/")))}
    asked: dict[str, Any] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name != _KEY:
            asked[name] = [*asked[name], value] if name in asked else [value]
    param["query"] = {
        name: values[0] if len(values) == 1 else values for name, values in asked.items()
    }
    if body.strip() not in (b"", b"null"):
        param["data"] = _plain(body)
    return Question(method.upper(), (param,), {}, is_rest=True)


def results(status: int, body: bytes) -> list[Result]:
    """The envelopes of an answer; one without any members where it is no JSON."""
    found = _plain(body)
    envelopes = found if isinstance(found, list) else [found]
    return [_result(status, one if isinstance(one, dict) else {}) for one in envelopes]


def version(body: bytes) -> str:
    """The release that an envelope tells."""
    found = _plain(body)
    told = found.get("version") if isinstance(found, dict) else None
    return told if isinstance(told, str) else ""


def rewritten(uri: str, host: str, text: Callable[[str, str], str]) -> str:
    """A url with another host, and each key and value as `text` gives it for its name."""
    parts = urlsplit(uri)
    path = "/".join(quote(text("", unquote(part)), safe="") for part in parts.path.split("/"))
    query = "&".join(
        f"{quote(text('', name), safe='')}={quote(text(name, value), safe='')}"
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    return f"https://{host}{path}{'?' if query else ''}{query}"


def texts(uri: str) -> list[tuple[str, str]]:
    """Every key of a url, and every value with its name."""
    parts = urlsplit(uri)
    keys = [("", unquote(part)) for part in parts.path.split("/")]
    return keys + parse_qsl(parts.query, keep_blank_values=True)


def _segment(part: str) -> str:
    return unquote(part).replace("/", "%2F")


def _plain(body: bytes) -> Any:
    try:
        return nesting.loads(body)
    except ValueError:
        return body.decode("utf-8", "backslashreplace")


def _result(status: int, envelope: dict[str, Any]) -> Result:
    """The CLI engine's number where it tells one, else the HTTP status. `data` is what was asked
    for; of a write what it came to."""
    number, told = envelope.get("error"), envelope.get("http_status", status)
    code = number if isinstance(number, int) else told if isinstance(told, int) else status
    written = {name: envelope[name] for name in ("mkey", "revision_changed") if name in envelope}
    words = envelope.get("cli_error")
    return Result(
        code=code,
        message=words if isinstance(words, str) else "",
        data=envelope.get("results", written or MISSING),
        element={"vdom": envelope["vdom"]} if "vdom" in envelope else {},
    )
