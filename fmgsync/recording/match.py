"""Whether a request is the one that was recorded, and in words why not.

Every FortiManager call is the same POST, so the body decides: method, urls and data, but neither
`id` nor `session`. Of a call to a FortiGate method, url and body do, but not the key. Where
scrubbing left a stand-in for a secret, a comment or an administrator, anything may stand in the
request.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from fmgsync.recording import questions, vocabulary
from fmgsync.recording.jsonrpc import Question
from fmgsync.recording.vocabulary import Kind

_OPEN: Final = (Kind.SECRET, Kind.COMMENT, Kind.ADMIN)
_HIDDEN: Final = (Kind.SECRET, Kind.SESSION, Kind.TOKEN)
_MOST_LINES: Final = 12
_NOTHING: Final = object()


def jsonrpc_matcher(came: Any, recorded: Any) -> None:
    """For `vcr.VCR().register_matcher("jsonrpc", jsonrpc_matcher)`: raises AssertionError."""
    asked, known = (questions.asked(one.method, one.uri, _body(one)) for one in (came, recorded))
    if asked is None or known is None:
        raise AssertionError("the request is no JSON-RPC, nor a FortiGate's REST")
    lines = list(differences(known, asked))
    if lines:
        raise AssertionError("; ".join(lines[:_MOST_LINES]))


def _body(request: Any) -> bytes:
    body = request.body or b""
    return body.encode() if isinstance(body, str) else bytes(body)


def is_same(recorded: Question, came: Question) -> bool:
    """Whether two requests ask the same."""
    return next(differences(recorded, came), None) is None


def differences(recorded: Question, came: Question) -> Iterator[str]:
    """What is not the same, one line each: place, what was recorded, what came."""
    yield from _compare(recorded.key(), came.key(), "", None)


def described(recorded: Question, came: Question) -> str:
    """The differences for people, not endless."""
    lines = list(differences(recorded, came))
    shown = lines[:_MOST_LINES]
    if len(lines) > len(shown):
        shown.append(f"and {len(lines) - len(shown)} more differences")
    return "\n".join(shown)


def nearest(recorded: Sequence[Question | None], came: Question) -> int | None:
    """The index of the recorded request most like this one; None if there is none at all."""
    scores = [
        (_likeness(known, came), -index)
        for index, known in enumerate(recorded)
        if known is not None
    ]
    return -max(scores)[1] if scores else None


def adoms(question: Question) -> frozenset[str]:
    """The ADOMs a request speaks of."""
    return frozenset(
        name for url in question.urls for name in re.findall(r"(?:^|/)adom/([^/]+)", url)
    )


def _likeness(known: Question, came: Question) -> float:
    urls = difflib.SequenceMatcher(None, " ".join(known.urls), " ".join(came.urls)).ratio()
    same_urls = [url.strip("/") for url in known.urls] == [url.strip("/") for url in came.urls]
    score = urls + 2 * (known.method == came.method) + 4 * same_urls
    if same_urls:
        score += 1 / (1 + sum(1 for _ in differences(known, came)))
    return score


def _compare(recorded: Any, came: Any, place: str, kind: Kind | None) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(came, dict):
        for name in {**recorded, **came}:
            yield from _compare(
                recorded.get(name, _NOTHING),
                came.get(name, _NOTHING),
                f"{place}.{name}" if place else name,
                vocabulary.kind_of(name) or kind,
            )
    elif isinstance(recorded, list) and isinstance(came, list):
        for index in range(max(len(recorded), len(came))):
            yield from _compare(
                recorded[index] if index < len(recorded) else _NOTHING,
                came[index] if index < len(came) else _NOTHING,
                f"{place}[{index}]",
                kind,
            )
    elif not _fits(recorded, came):
        yield f"{place}: recorded {_shown(recorded, kind)}, came {_shown(came, kind)}"


def _fits(recorded: Any, came: Any) -> bool:
    if type(recorded) is type(came) and recorded == came:
        return True
    if isinstance(recorded, str) and came is not _NOTHING:
        return any(vocabulary.is_stand_in(kind, recorded) for kind in _OPEN)
    return False


def _shown(value: Any, kind: Kind | None) -> str:
    if value is _NOTHING:
        return "nothing"
    if kind in _HIDDEN:
        return "a secret"
    text = ascii(value)
    return text if len(text) <= 160 else f"{text[:157]}..."
