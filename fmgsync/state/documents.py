"""The seam between what is remembered and where: named texts, replaced as a whole.

A folder holds them as files (`state.folder`), a ConfigMap as keys (`state.configmap`): its `update`
reads, changes and replaces with the resource version it has read, and does so again on a conflict.
That is why `change` may run more than once and does nothing but compute.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

Change = Callable[[str | None], str]
"""The new text of a document from its present one (None: there is none)."""


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
