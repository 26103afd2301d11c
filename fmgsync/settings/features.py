"""What a configuration may already ask for but a command cannot do yet.

One table. Building a feature removes its row; `config check` never refuses because of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from fmgsync import yamllines
from fmgsync.errors import NotBuiltError
from fmgsync.settings.schema import Config

Steps = tuple[str | int, ...]

PLAN: Final = "plan"
APPLY_NEVER: Final = "apply --install never"
APPLY_NOW: Final = "apply --install now"
APPLY_WINDOW: Final = "apply --install window"
STATUS: Final = "status"
VERIFY: Final = "verify"
SELECTOR: Final = "selector"
RUN: Final = "run"
ADOPT: Final = "adopt"
CLEANUP: Final = "cleanup"
WINDOWS: Final = "windows"
ROLLOUT: Final = "rollout"

OWNERSHIP: Final = frozenset({ADOPT, CLEANUP})
"""They change whose objects are, or that there are any."""
APPLIES: Final = frozenset({APPLY_NEVER, APPLY_NOW, APPLY_WINDOW}) | OWNERSHIP
_INSTALL: Final = frozenset({APPLY_NOW, APPLY_WINDOW, RUN})
_WRITE: Final = _INSTALL | {APPLY_NEVER}
_THINK: Final = _WRITE | {PLAN, STATUS, VERIFY} | OWNERSHIP
COMMANDS: Final = _THINK | {SELECTOR, WINDOWS, ROLLOUT}
"""Every command this table knows."""


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """A feature, where a configuration asks for it, and the commands that would need it."""

    feature: str
    places: Callable[[Config], Iterator[Steps]]
    commands: frozenset[str]
    instead: str


UNBUILT: Final[tuple[Unbuilt, ...]] = ()


@dataclass(frozen=True, slots=True)
class Lack:
    """One key that asks for a feature that some commands lack."""

    path: Steps
    unbuilt: Unbuilt


def lacks(config: Config, table: Iterable[Unbuilt] = UNBUILT) -> Iterator[Lack]:
    """Everything in the configuration that some command cannot do yet."""
    for unbuilt in table:
        for path in unbuilt.places(config):
            yield Lack(path, unbuilt)


def refuse_unbuilt(config: Config, command: str, table: Iterable[Unbuilt] = UNBUILT) -> None:
    """Raise NotBuiltError naming every key that asks for what `command` cannot do yet.

    `command` is one of COMMANDS. `install.mode: none` counts as built: nothing is installed.
    """
    if command not in COMMANDS:
        raise ValueError(f"no such command in the table of features: {command}")
    found = [lack for lack in lacks(config, table) if command in lack.unbuilt.commands]
    if not found:
        return
    first = config.origin.problem(found[0].path, "")
    sentences = [
        f"{yamllines.dotted(lack.path)} asks for {lack.unbuilt.feature}; {lack.unbuilt.instead}"
        for lack in found
    ]
    raise NotBuiltError(
        "\n".join((f"'fmgsync {command}' cannot do all of this configuration yet", *sentences)),
        where=f"{config.origin.file}:{first.line}" if first.line else None,
    )
