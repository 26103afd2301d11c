"""What a reload depends on: files that are referred to, and whether they can be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from fmgsync import errors
from fmgsync.settings import calico_compat, load
from fmgsync.wiring import clusters, fortigates, fortimanagers

if TYPE_CHECKING:
    from fmgsync.settings.schema import Config

_log = structlog.get_logger(__name__)


def check_files(config: Config, known: frozenset[str]) -> frozenset[str]:
    """Refuse kubeconfigs and authorities that cannot be used, before they replace what works.

    Gives whose certificates nobody verifies, and says so of those that are not `known`.
    """
    for path, check in _checks(config):
        try:
            check()
        except errors.TargetError as error:
            raise config.origin.error(path, error.message, error.next_step) from error
    found = {f"cluster {name}" for name in clusters.check_kubeconfigs(config)}
    found |= {f"FortiManager {unit.name}" for unit in config.fortimanagers if not unit.tls.verify}
    found |= {f"FortiGate {unit.name}" for unit in config.fortigates if not unit.tls.verify}
    for name in sorted(found - known):
        _log.warning(
            "certificate not verified",
            of=name,
            why="it is switched off: whoever is on the way can read and change what is said",
        )
    return frozenset(found)


def _checks(config: Config) -> Iterator[tuple[tuple[str, int], Callable[[], None]]]:
    """Whether each unit can be reached as it is configured, and where that stands."""
    for index, unit in enumerate(config.fortimanagers):
        yield ("fortimanagers", index), fortimanagers.unit_access(unit).check
    for index, direct in enumerate(config.fortigates):
        yield ("fortigates", index), fortigates.unit_access(direct).check


def compat_stamp(path: Path) -> object:
    """Stands for what `calicoCompat` reads in its cluster; None where there is none, or it does not
    answer now."""
    try:
        config = load.compat_of(path)
        return calico_compat.stamp(config) if config is not None else None
    except (errors.ConfigError, errors.SourceError):
        return None


def referenced_files(path: Path) -> tuple[Path, ...]:
    """The configuration and the files it refers to: what a reload is due for when it changes."""
    try:
        config = load.load_config(path)
    except errors.ConfigError:
        return (path,)
    found = [path]
    found += clusters.referenced_files(config)
    for unit in config.fortimanagers:
        secrets = (unit.credentials.password, unit.credentials.api_key)
        found += [secret.file for secret in secrets if secret and secret.file]
        found += [unit.tls.ca_file] if unit.tls.ca_file else []
    for direct in config.fortigates:
        found += fortigates.files(direct)
    return tuple(found)
