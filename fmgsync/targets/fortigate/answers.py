"""What a FortiGate answers: the envelope, and the one table from its numbers to our errors.

HTTP status and `status` both count: an answer is good only if both say so. `error` is the number
of the CLI engine, `cli_error` its sentences, for people (Fortinet Developer Network, "Batch
transactions"; numbers as hermanwjacobsen/hfortix-fortios lists them and public reports confirm).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote

from fmgsync import errors
from fmgsync.targets.wire import decoded, printable

TABLE_FULL = -4
IN_USE = -23
EXISTS = frozenset({-5, -15, -100})
FULL = frozenset({TABLE_FULL, -580})
ABSENT_STATUS = 404
_PASSES = frozenset({408, 425})
"""Refusals that say nothing of the request: it came too slowly, or too early."""

_MAX_RETRY_AFTER_S = 120.0


@dataclass(frozen=True, slots=True)
class Place:
    """What an error names: the FortiGate by its configured name, VDOM, object."""

    fortigate: str
    vdom: str | None = None
    object_name: str | None = None

    def of(self, object_name: str) -> Place:
        """The same with an object."""
        return replace(self, object_name=object_name)


@dataclass(frozen=True, slots=True)
class Answer:
    """One envelope. `error` is the CLI engine's number, None where it says none; `asked` is what
    it says it answers: method, path, name and key."""

    http_status: int
    ok: bool
    results: Any = None
    revision: str = ""
    changed: bool | None = None
    serial: str = ""
    version: str = ""
    vdom: str = ""
    size: int | None = None
    matched: int | None = None
    next_index: int | None = None
    error: int | None = None
    words: str = ""
    retry_after_s: float | None = None
    is_html: bool = False
    asked: tuple[str, str, str, str] = ("", "", "", "")


_NEWER = "this FortiOS release does not know it"
_SPACE = "FortiOS keeps addresses, groups and virtual IPs of a VDOM in one list of names"
_FULL = "the unit takes no more objects of this kind; see the maximum values of its model"

_INVALID = (-8, -9, -20, -45, -56, -72, -73, -166, -173, -254, -255, -515, -560, -650)

_ERRORS: dict[int, tuple[type[errors.TargetError], str | None]] = {
    **dict.fromkeys(EXISTS, (errors.AlreadyExists, None)),
    **dict.fromkeys(_INVALID, (errors.InvalidData, None)),
    -1: (errors.InvalidData, "it is too long for this release"),
    -3: (errors.ReferenceMissing, None),
    TABLE_FULL: (errors.TableFull, _FULL),
    **dict.fromkeys((-14, -37), (errors.PermissionDenied, None)),
    IN_USE: (errors.InUse, "take it out of what uses it; the unit shows where"),
    -61: (errors.InvalidData, _NEWER),
    -160: (errors.LockHeld, "somebody's transaction or workspace has the table; it is tried again"),
    **dict.fromkeys((-163, -164, -165), (errors.NameTaken, _SPACE)),
    -580: (errors.TableFull, "the VDOM's own limit is reached"),
    -651: (errors.InvalidData, "often something that it refers to is missing"),
    -1000: (errors.UnitBusy, "the unit's operation mode has changed; everything is read again"),
}

_LOGIN = (
    "check the key (a new one makes the old one worthless), the administrator's trusted hosts"
    " against the address given here, its schedule and its expiry"
)
_RIGHTS = (
    "give the administrator's access profile 'fwgrp custom' with 'address read-write', and this"
    " VDOM"
)
_PAGE = "look whether something on the way to the unit answers in its place"
_STATUSES: dict[int, tuple[type[errors.TargetError], str | None]] = {
    401: (errors.LoginRefused, _LOGIN),
    403: (errors.PermissionDenied, _RIGHTS),
    404: (errors.NotFound, None),
    405: (errors.InvalidData, _NEWER),
    413: (errors.InvalidData, None),
    424: (errors.InvalidData, "the unit says that something it needs is missing or wrong"),
    429: (errors.UnitBusy, "the unit asks for fewer requests"),
    503: (errors.UnitBusy, "the unit may be restarting"),
}


def decode(status: int, headers: Mapping[str, str], text: str, place: Place) -> Answer:
    """The envelope of an answer; raises ProtocolError for what is none."""
    wait = _retry_after(headers)
    try:
        body = decoded(text) if text else None
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, list) and len(body) == 1:
        body = body[0]  # one VDOM of a list
    if isinstance(body, dict) and ("status" in body or "http_status" in body or "error" in body):
        return _envelope(status, body, wait)
    if status in (401, 403, 429, 503):
        return Answer(status, ok=False, retry_after_s=wait, is_html=True)
    raise protocol_error(what_it_is(status, headers), place)


def refuses(status: int) -> bool:
    """Whether an HTTP status alone, without FortiOS's own words, says that nothing was done."""
    return 300 <= status < 500 and status not in _PASSES


def what_it_is(status: int, headers: Mapping[str, str]) -> str:
    """What came instead of an envelope."""
    kind = headers.get("Content-Type", "").partition(";")[0].strip()
    return f"HTTP status {status} and {printable(kind) or 'no content type'}, no FortiOS envelope"


def _envelope(status: int, body: Mapping[str, Any], wait: float | None) -> Answer:
    told = _whole(body.get("http_status"))
    http = status if status != 200 or told is None else told
    error = _whole(body.get("error"))
    ok = http == 200 and body.get("status") == "success" and error in (None, 0)
    changed = body.get("revision_changed")
    return Answer(
        http_status=http,
        ok=ok,
        results=body.get("results"),
        revision=_text(body.get("revision")),
        changed=changed if isinstance(changed, bool) else None,
        serial=printable(_text(body.get("serial"))),
        version=printable(_text(body.get("version"))),
        vdom=printable(_text(body.get("vdom"))),
        size=_whole(body.get("size")),
        matched=_whole(body.get("matched_count")),
        next_index=_whole(body.get("next_idx")),
        error=error,
        words=printable(" ".join(_text(body.get("cli_error")).split())),
        retry_after_s=wait,
        asked=(
            _text(body.get("http_method")),
            _text(body.get("path")),
            _text(body.get("name")),
            _text(body.get("mkey")),
        ),
    )


def of_another(answer: Answer, method: str, url: str) -> str:
    """What an answer says it answers, where that is not what was asked; empty if it is, or does not
    say. Something on the way that loses its place gives one request's answer to the next.

    Every recorded envelope of a table or monitor names its method, path and name, and that of one
    object its key (`mkey`).
    """
    said, path, name, key = answer.asked
    _, _, _, _, *steps = url.partition("?")[0].split("/")
    asked = [unquote(step) for step in steps]
    wrong = bool(said) and said != method
    wrong |= any(one and one != other for one, other in zip((path, name), asked, strict=False))
    if len(asked) == 3 and "/cmdb/" in url and method != "POST":
        wrong |= bool(key) and key != asked[2]
    return printable(" ".join(filter(None, answer.asked))) if wrong else ""


def error_for(answer: Answer, place: Place, *, source: str = "") -> errors.TargetError:
    """The error that an answer is. `source` is the address that we came from."""
    known = _ERRORS.get(answer.error or 0)
    kind, step = known or _STATUSES.get(answer.http_status) or (errors.Refused, None)
    told = f"HTTP status {answer.http_status}"
    if answer.error:
        told = f"{answer.error}"
    words = f": {answer.words}" if answer.words else ""
    if answer.is_html:
        words, step = ": a page, not FortiOS's own words", step or _PAGE
    message = f"the FortiGate refused with {told}{words}"
    if answer.http_status in (401, 403) and (answer.is_html or answer.http_status == 401):
        came = f" from {source}" if source else ""
        message = (
            f"the FortiGate does not let us in (HTTP status {answer.http_status}): the key, the"
            f" address that we come{came or ' from'}, or an expired key or right"
        )
        kind, step = errors.LoginRefused, _LOGIN
    return kind(
        message,
        fortigate=place.fortigate,
        vdom=place.vdom,
        object_name=place.object_name,
        code=answer.error or answer.http_status,
        next_step=step,
    )


def protocol_error(what: str, place: Place) -> errors.ProtocolError:
    """An answer that is none."""
    return errors.ProtocolError(
        f"no usable answer of a FortiGate: {what}",
        fortigate=place.fortigate,
        vdom=place.vdom,
        next_step="check that host and port are a FortiGate's administrative access; a FortiManager"
        " belongs under 'fortimanagers'",
    )


def no_fortigate(what: str, place: Place) -> errors.NoFortiGate:
    """An answer of something else: nothing there ever spoke as a FortiGate does."""
    error = protocol_error(what, place)
    return errors.NoFortiGate(
        f"no FortiGate answers there: {what}",
        fortigate=place.fortigate,
        vdom=place.vdom,
        next_step=error.next_step,
    )


def release(version: str) -> tuple[int, int, int] | None:
    """`v7.4.1` as numbers."""
    parts = version.removeprefix("v").split(".")
    if len(parts) < 2 or not all(part.isdecimal() for part in parts[:3]):
        return None
    one, two, three = (*map(int, parts[:3]), 0)[:3]
    return one, two, three


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """In seconds. A date counts from the unit's own: its clock may differ from ours."""
    raw = headers.get("Retry-After", "").strip()
    if raw.isascii() and raw.isdecimal() and len(raw) < 10:
        return min(float(raw), _MAX_RETRY_AFTER_S)
    until, now = _instant(raw), _instant(headers.get("Date", ""))
    if until is None or now is None:
        return None
    return min(max(0.0, until - now), _MAX_RETRY_AFTER_S)


def _instant(text: str) -> float | None:
    """An HTTP date; None for anything else."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _whole(raw: Any) -> int | None:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None


def _text(raw: Any) -> str:
    return raw if isinstance(raw, str) else "" if raw is None else str(raw)
