"""Reads a running controller's status over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import requests

from fmgsync import errors
from fmgsync.cli import common
from fmgsync.model.view import GroupState

if TYPE_CHECKING:
    from fmgsync.assessing.question import Question

TIMEOUT_S = 10.0
_STEP = "give the address of 'fmgsync run --listen', for example http://127.0.0.1:8080"
_NO_URL = (
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
)


@contextmanager
def understood(url: str | None) -> Iterator[None]:
    """What a controller told is worked on here; None is no controller.

    Its document has as many parts as there are views of it, and may be of another release, or
    somebody else's: what is not as it is read is an answer that is none.
    """
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        if url is None:
            raise
        raise errors.ProtocolError(
            f"{_named(url)} answers with what this fmgsync does not understand",
            next_step="compare 'fmgsync --version' with the controller's; leave --controller out"
            " to look by yourself",
        ) from error


def _named(url: str) -> str:
    """Without a user and password in it."""
    return re.sub(r"//[^/]*@", "//", url)


def read_status(url: str) -> dict[str, Any]:
    """The status document; raises UsageError, ConnectionFailed or ProtocolError with the next
    step."""
    document = _read(url, "status", {})
    if not isinstance(document.get("devices"), list):
        raise errors.ProtocolError(f"{_named(url)} is no controller", next_step=_STEP)
    for device in document["devices"]:  # an earlier version may not tell all that is shown now
        for key in ("adom", "fortimanager"):
            device.setdefault(key, "")
    return document


def read_explanation(url: str, question: Question) -> dict[str, Any]:
    """The controller's answer; raises as `read_status` does."""
    words = {question.kind: question.name}
    if question.group is not None:
        words["in"] = question.group
    document = _read(url, "explain", words)
    if not isinstance(document.get("steps"), list):
        step = "it may be older than this fmgsync; leave --controller out to look by yourself"
        raise errors.ProtocolError(f"{_named(url)} answers no questions", next_step=step)
    return document


def _read(url: str, path: str, words: Mapping[str, str]) -> dict[str, Any]:
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{url.rstrip('/')}/{path}", params=words, timeout=TIMEOUT_S)
            document = answer.json()
    except (requests.exceptions.JSONDecodeError, RecursionError) as error:
        raise errors.ProtocolError(f"{_named(url)} is no controller", next_step=_STEP) from error
    except _NO_URL as error:
        raise errors.UsageError(
            f"--controller: {_named(url)} is no http address", next_step=_STEP
        ) from error
    except (requests.RequestException, ValueError) as error:
        raise errors.ConnectionFailed(f"cannot reach {_named(url)}", next_step=_STEP) from error
    if not isinstance(document, dict):
        raise errors.ProtocolError(f"{_named(url)} is no controller", next_step=_STEP)
    return cast("dict[str, Any]", document)


def _kinds(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for cluster in document.get("clusters", ()) for row in cluster["kinds"]]


def status_code(document: dict[str, Any]) -> int:
    """The exit code of what the controller saw last, as `status` itself would end.

    A device that was not asked lately did not fail to answer, but is not known to be in sync.
    """
    states = {group["state"] for device in document["devices"] for group in device["groups"]}
    codes = [common.states_code(states, asked=False)]
    if GroupState.UNKNOWN.value in states:
        codes.append(common.OUTSTANDING)
    if document.get("errors") or document.get("foreign"):
        codes.append(common.FAILED)
    if not all(row["followed"] for row in _kinds(document)):
        codes.append(common.FAILED)
    if any(document.get(waits) for waits in ("held", "submitted", "pendingWrites")):
        codes.append(common.OUTSTANDING)
    return common.worst(*codes)
