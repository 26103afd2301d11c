"""The seam between what is remembered and where: named texts, replaced as a whole.

A folder holds them as files (`state.folder`), a ConfigMap as keys (`state.configmap`): its `update`
reads, changes and replaces with the resource version it has read, and does so again on a conflict.
That is why `change` may run more than once and does nothing but compute.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

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

    def update_soon(self, name: str, change: Change) -> None:
        """The same, perhaps together with the next update: for what nothing depends on yet."""


class Remembered(Protocol):
    """What is remembered, where asking for it costs somebody something."""

    def follow(self) -> None:
        """Be told what changes in it, from now on."""

    def flush(self) -> None:
        """Write what nobody has waited for."""

    def stop(self) -> None:
        """Follow it no more."""
