"""Secrets by reference: the configuration says where a secret is, never what it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from fmgsync import redaction, yamllines
from fmgsync.errors import ConfigError
from fmgsync.settings.endpoints import ConfigPath
from fmgsync.settings.names import EnvironmentVariable
from fmgsync.settings.origin import Origin
from fmgsync.settings.part import Part
from fmgsync.settings.refusing import refuse

MAX_BYTES: Final = 64 * 1024
"""No password is longer; a path to something else may be."""


class SecretRef(Part):
    """Where a secret is found: exactly one of a file and an environment variable."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["file"]}, {"required": ["env"]}]}
    )

    file: ConfigPath | None = Field(
        default=None,
        description="File that holds the secret; one line break at its end is not part of it.",
    )
    env: EnvironmentVariable | None = Field(
        default=None, description="Environment variable that holds the secret."
    )

    _origin: Origin = PrivateAttr(default_factory=Origin)
    _path: yamllines.Path = PrivateAttr(default=())
    _held: bytes | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _only_a_reference(cls, value: object) -> object:
        """One fixed sentence for everything else: even a key could be the secret."""
        if isinstance(value, SecretRef):
            return value
        if not isinstance(value, Mapping) or set(value) not in ({"file"}, {"env"}):
            raise refuse(
                "a secret is given by reference, never by value",
                "write {file: PATH} or {env: NAME}",
            )
        return value

    def model_post_init(self, context: Any, /) -> None:
        """A variable with a secret is for no program of others, whether it was read yet or not."""
        if self.env is not None:
            redaction.know_variable(self.env)

    def bind(self, origin: Origin, path: yamllines.Path) -> None:
        """Remember where this reference stands, for the message of a failing `read`."""
        self._origin, self._path = origin, tuple(path)

    def hold(self, content: bytes) -> None:
        """It was read already, from the Secret of a cluster."""
        self._held = content

    def __repr__(self) -> str:
        return f"SecretRef({self.source})"

    __str__ = __repr__

    @property
    def source(self) -> str:
        """`file /run/secrets/hq` or `environment variable HQ_PASSWORD`."""
        return f"environment variable {self.env}" if self.env else f"file {self.file}"

    def read(self) -> str:
        """The secret as it is now, without one line break at its end.

        Raises ConfigError, naming the file or variable and never a part of the content.
        """
        if self._held is not None:
            raw = self._text(self._held)
        else:
            raw = self._from_environment() if self.file is None else self._from_file(self.file)
        secret = raw.removesuffix("\n").removesuffix("\r")
        redaction.know(secret)
        if not secret:
            raise self._error(f"{self.source} is empty", "put the secret into it")
        if not secret.isprintable():
            # It would end up in an HTTP header, where libraries show what they refuse.
            raise self._error(
                f"{self.source} holds a line break or control character",
                "keep only the secret in it, on one line",
            )
        return secret

    def is_open_to_all(self) -> bool:
        """Whether every user of this computer can read the secret's file."""
        return self.file is not None and is_open_to_all(self.file)

    def _from_environment(self) -> str:
        value = os.environ.get(self.env or "")
        if value is None:
            raise self._error(f"{self.source} is not set", f"export {self.env} before the start")
        return value

    def _from_file(self, file: Path) -> str:
        try:
            with file.open("rb") as opened:
                content = opened.read(MAX_BYTES + 1)
        except OSError as err:
            reason = err.strerror or type(err).__name__
            raise self._error(
                f"{self.source} cannot be read: {reason}",
                "create it with the secret on one line, readable for this user",
            ) from err
        if len(content) > MAX_BYTES:
            raise self._error(f"{self.source} is too long for a secret", "check the path")
        return self._text(content)

    def _text(self, content: bytes) -> str:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            # Not chained: the exception carries the bytes.
            raise self._error(f"{self.source} is not UTF-8 text", "check the path") from None

    def _error(self, message: str, next_step: str) -> ConfigError:
        return self._origin.error(self._path, message, next_step)


def is_open_to_all(file: Path) -> bool:
    """Whether every user of this computer can read a file.

    A warning and no refusal: Kubernetes mounts secrets readable for all by default, which does no
    harm inside a container. Such mounts (they have a `..data` link) are not counted.
    """
    if (file.parent / "..data").exists():
        return False
    try:
        return bool(file.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
