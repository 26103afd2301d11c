"""The seam between what is remembered and where: named texts, replaced as a whole.

A folder holds them as files (`state.folder`), a ConfigMap as keys (`state.configmap`): its `update`
reads, changes and replaces with the resource version it has read, and does so again on a conflict.
That is why `change` may run more than once and does nothing but compute.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, Protocol, TypeVar, runtime_checkable

import msgspec

from fmgsync import errors, untrusted

Change = Callable[[str | None], str]
"""The new text of a document from its present one (None: there is none)."""


Instant = Annotated[float, msgspec.Meta(ge=-62_135_510_400, le=253_402_214_400)]
"""Epoch seconds that can be written as a date, in any time zone."""

_ODD: Final = re.compile(r"[^\x20-\x7e\n]")


def encoded(document: Any) -> str:
    """As JSON in which nothing acts on a terminal or in an editor, and no text is endless: others
    wrote parts of it, and a ConfigMap holds a megabyte."""
    try:
        text = msgspec.json.encode(document).decode()
    except UnicodeEncodeError:  # half a character: no file can hold it
        text = ""
    if not text or _has_long(text):
        text = msgspec.json.encode(untrusted.bounded(msgspec.to_builtins(document))).decode()
    return _ODD.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _has_long(text: str) -> bool:
    """Whether a text in it is too long: a large state is not walked through for nothing."""
    plain = text.replace("\\\\", "__").replace('\\"', "__")
    return max(map(len, plain.split('"'))) > untrusted.TEXT_MOST


@contextmanager
def sound(where: str, next_step: str) -> Iterator[None]:
    """Inside, a document is read that somebody may have damaged: what is wrong is a StateError."""
    try:
        yield
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError, OSError) as error:
        raise errors.StateError(
            f"it is damaged, or from a newer fmgsync: {error}", where=where, next_step=next_step
        ) from error


@dataclass(slots=True)
class Wish:
    """A change that somebody wants made; `patient` if they do not wait for it.

    Threads that want something at the same time share one write: whoever is first makes it for all.
    """

    name: str
    change: Change
    patient: bool = False
    done: bool = False
    error: Exception | None = None


Said = TypeVar("Said")


class Parsed(Generic[Said]):
    """What a document's text says, taken apart once: hundreds of targets ask for the same text, one
    after the other. What it gives is shared, so nobody changes it. Safe to share between threads.
    """

    def __init__(self, parse: Callable[[str | None], Said]) -> None:
        self._parse = parse
        self._latest: tuple[str | None, Said] | None = None

    def of(self, text: str | None) -> Said:
        """What this text says; raises what parsing it raises."""
        latest = self._latest
        if latest is None or latest[0] != text:
            latest = self._latest = text, self._parse(text)
        return latest[1]

    def made(self, text: str, said: Said) -> str:
        """A text that was just made of this; nobody has to take it apart."""
        self._latest = text, said
        return text


class Documents(Protocol):
    """A few small texts by name. Every method raises `errors.StateError`."""

    def where(self, name: str) -> str:
        """Where a document is, for people."""

    def read(self, name: str) -> str | None:
        """The text of a document; None if there is none."""

    def update(self, name: str, change: Change) -> None:
        """Replace a document as a whole; nobody else's update comes between."""


@runtime_checkable
class Patient(Protocol):
    """Documents where a write costs so much that some can wait for others."""

    def update_soon(self, name: str, change: Change) -> None:
        """Update with the next write, or when it is flushed; who reads finds it done."""


def update_soon(documents: Documents, name: str, change: Change) -> None:
    """Update what nothing depends on yet, if it costs too much to do it now."""
    if isinstance(documents, Patient):
        documents.update_soon(name, change)
    else:
        documents.update(name, change)


class Remembered(Protocol):
    """What is remembered, where asking for it costs somebody something."""

    def follow(self) -> None:
        """Be told what changes in it, from now on."""

    def flush(self) -> None:
        """Write what nobody has waited for."""

    def stop(self) -> None:
        """Follow it no more."""
