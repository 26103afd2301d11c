"""A file or text becomes a Config, or a ConfigError with every problem in it."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from fmgsync import yamllines
from fmgsync.errors import ConfigError, ConfigProblem
from fmgsync.settings import calico_compat, checks, problems
from fmgsync.settings.origin import Origin, Places
from fmgsync.settings.schema import Config

MAX_BYTES: Final = 16 * 1024 * 1024
"""Far above any real configuration; a path to something else must not fill the memory."""
MAX_PROBLEMS: Final = 50
"""Beyond this the file is something else, and more lines help nobody."""
_MAX_EXAMINED: Final = 4 * MAX_PROBLEMS
"""Problems put into words: looking for the nearest name is dear in large files."""


def load_config(path: Path) -> Config:
    """Read and check the configuration at `path`, with what it refers to in a cluster.

    Raises ConfigError with all problems, or with one if the file cannot be read at all, and
    SourceError if the cluster of `calicoCompat` does not answer.
    """
    document, folder = _document(path), path.absolute().parent
    head = calico_compat.head(document)
    if head is None:
        return _checked(document, str(path), folder)
    asking = _checked(head, str(path), folder)
    found = calico_compat.read(asking)
    name = f"{path}, with ConfigMaps of {calico_compat.title(asking)}"
    config = _checked(calico_compat.joined(document, found), name, folder)
    calico_compat.hold_secrets(config, found)
    return config


def compat_of(path: Path) -> Config | None:
    """The part of the configuration that says which cluster `calicoCompat` asks; None if none."""
    return _compat_in(_content(path), str(path), path.absolute().parent)


@lru_cache(maxsize=1)
def _compat_in(text: bytes, name: str, folder: Path) -> Config | None:
    """A controller asks every few seconds: what has not changed is not taken apart again."""
    head = calico_compat.head(yamllines.load(text, name))
    return _checked(head, name, folder) if head is not None else None


def read_config(path: Path) -> Config:
    """Read and check the file alone; no cluster is asked."""
    return parse(_content(path), name=str(path), folder=path.absolute().parent)


def parse(text: bytes | str, *, name: str, folder: Path) -> Config:
    """Check configuration text; `folder` is where its relative paths start."""
    return _checked(yamllines.load(text, name), name, folder)


def _document(path: Path) -> yamllines.Document:
    return yamllines.load(_content(path), str(path))


def _checked(document: Places, name: str, folder: Path) -> Config:
    origin = Origin(name, folder, document)
    if document.data is None:
        raise origin.error(
            (), "the configuration is empty", "'fmgsync config example' prints one to begin with"
        )
    found: list[ConfigProblem] = []
    config = None
    try:
        config = Config.model_validate(document.data, context={"base": folder})
    except ValidationError as err:
        found += islice(problems.from_validation(err, Config, origin), _MAX_EXAMINED)
    found += (
        origin.problem(issue.path, issue.message, issue.next_step)
        for issue in islice(checks.issues(document.data), _MAX_EXAMINED)
    )
    if config is None or found:
        raise ConfigError(name, _in_order(found)) from None
    config.bind(origin)
    return config


def _in_order(found: list[ConfigProblem]) -> tuple[ConfigProblem, ...]:
    ordered = sorted(found, key=lambda problem: (problem.line or 0, problem.column or 0))
    shown = ordered[:MAX_PROBLEMS]
    if len(ordered) > MAX_PROBLEMS:
        shown.append(ConfigProblem("", "and more"))
    return tuple(shown)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as err:
        raise _unreadable(
            path,
            "there is no such file",
            f"begin with 'fmgsync config example > {path.name}', name another file with -c or "
            "FMGSYNC_CONFIG, or run 'fmgsync demo', which needs none",
        ) from err
    except IsADirectoryError as err:
        raise _unreadable(path, "is a folder", "name the file in it with -c") from err
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or str(err)
        raise _unreadable(path, f"cannot be read: {reason}", "name another with -c") from err
    if len(content) > MAX_BYTES:
        raise _unreadable(path, "is too long for a configuration", "check the path given with -c")
    return content


def _unreadable(path: Path, message: str, next_step: str) -> ConfigError:
    return ConfigError(str(path), (ConfigProblem("", message, next_step=next_step),))
