"""Where a configuration came from, so that whatever is found out later can name the line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from fmgsync import yamllines
from fmgsync.errors import ConfigError, ConfigProblem


class Places(Protocol):
    """Plain data, and where each value stands in the file."""

    @property
    def data(self) -> yamllines.Plain:
        """All of it."""

    def at(self, path: yamllines.Path) -> yamllines.Position:
        """Where the value begins."""

    def key_at(self, path: yamllines.Path) -> yamllines.Position:
        """Where its key stands."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The file's name as given, the folder its relative paths start at, and its positions.

    All origins are equal: two configurations are the same if they say the same, wherever.
    """

    file: str = field(default="", compare=False)
    folder: Path = field(default=Path(), compare=False)
    document: Places | None = field(default=None, compare=False, repr=False)

    def problem(
        self,
        path: yamllines.Path,
        message: str,
        next_step: str | None = None,
        *,
        at_key: bool = False,
    ) -> ConfigProblem:
        """A problem with the value at `path`, or with its key."""
        at = None
        if self.document is not None:
            at = self.document.key_at(path) if at_key else self.document.at(path)
        return ConfigProblem(
            path=yamllines.dotted(path),
            message=message,
            line=at.line if at else None,
            column=at.column if at else None,
            next_step=next_step,
        )

    def error(
        self, path: yamllines.Path, message: str, next_step: str | None = None
    ) -> ConfigError:
        """The same as an exception."""
        return ConfigError(self.file, (self.problem(path, message, next_step),))
