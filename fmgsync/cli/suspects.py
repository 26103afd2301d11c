"""What a configuration knows that no cassette may hold: its secrets, names of hosts and people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from fmgsync import errors
from fmgsync.cli import common

if TYPE_CHECKING:
    from fmgsync.recording.check import Suspects
    from fmgsync.settings.schema import Config
    from fmgsync.settings.secret import SecretRef


def known(options: common.Options) -> Suspects:
    """The suspects of the configuration, if there is one; a secret that cannot be read raises.

    A configuration that was named must be there; the default one may be absent.
    """
    from fmgsync.recording.check import Suspects

    given = click.get_current_context().get_parameter_source("config")
    if given is ParameterSource.DEFAULT and not options.config.exists():
        options.progress(f"{options.config} is not here, so no known secrets are searched for")
        return Suspects()
    return of_file(options.config)


def of_file(path: Path) -> Suspects:
    """The suspects of a configuration file."""
    from fmgsync.recording.check import Suspects
    from fmgsync.settings.load import load_config

    config = load_config(path)
    people = (unit.credentials.username for unit in config.fortimanagers)
    hosts = [unit.host.name for unit in config.fortimanagers]
    hosts += [unit.host.name for unit in config.fortigates]
    return Suspects(
        _secrets(config),
        names=tuple(dict.fromkeys((*hosts, *_devices(config)))),
        people=tuple(name for name in people if name),
    )


def devices(path: Path) -> tuple[str, ...]:
    """The names of devices a configuration speaks of."""
    from fmgsync.settings.load import load_config

    return tuple(_devices(load_config(path)))


def _secrets(config: Config) -> dict[str, str]:
    """Every secret the configuration refers to, by its place; all that fail are told at once."""
    found: dict[str, str] = {}
    problems: list[errors.ConfigProblem] = []
    for place, secret in _references(config, ""):
        try:
            found[f"{place} ({secret.source})"] = secret.read()
        except errors.ConfigError as error:
            problems += error.problems
    if problems:
        raise errors.ConfigError(
            config.origin.file,
            tuple(problems),
            next_step="without its secrets nothing can be proven; leave -c away to search for"
            " patterns alone",
        )
    return found


def _references(value: object, place: str) -> Iterator[tuple[str, SecretRef]]:
    """Secrets wherever they stand in the configuration, so that no new key is forgotten here."""
    from pydantic import BaseModel

    from fmgsync.settings.secret import SecretRef

    if isinstance(value, SecretRef):
        yield place, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _references(getattr(value, name), f"{place}.{name}".lstrip("."))
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from _references(item, f"{place}[{index}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _references(item, f"{place}.{name}")


def _devices(config: Config) -> list[str]:
    """`device` and `device/vdom` name devices; `group:NAME` names none."""
    named = (text for site in config.sites for text in site.devices)
    return [text.partition("/")[0] for text in named if not text.startswith("group:")]
