"""Where group rules come from: the configuration, and whatever else is followed for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fmgsync.model.rule import RuleSet


class RuleSource(Protocol):
    """All group rules, as they are known now. Safe to ask from any thread."""

    def read(self) -> RuleSet:
        """The rules of this moment; `unread` says which are missing, if any."""

    def start(self, on_change: Callable[[], None]) -> None:
        """Begin to follow; `on_change` is called, from another thread, when `read` has other
        rules to tell."""

    def stop(self) -> None:
        """Follow no more."""


@dataclass(frozen=True, slots=True)
class FixedRules:
    """Rules that do not change: those of a configuration, which is read again as a whole."""

    rules: RuleSet

    def read(self) -> RuleSet:
        """These rules."""
        return self.rules

    def start(self, on_change: Callable[[], None]) -> None:
        """Nothing to follow."""

    def stop(self) -> None:
        """Nothing to end."""
