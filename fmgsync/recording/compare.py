"""Holds a recording against the simulator, and finds the setting that would make them agree.

It tries every setting there is and knows none of them by name, so a new switch of the simulator
needs no change here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from fmgsync.errors import CassetteError
from fmgsync.recording import rerun, seeding
from fmgsync.recording.adom_seed import Held
from fmgsync.recording.cassette import Exchange
from fmgsync.recording.rerun import Outcome, Trial

_MOST_TRIES: Final = 16
_ROUNDS: Final = 4

Value = bool | int | str

Start = Callable[[Mapping[str, Any]], AbstractContextManager[Trial]]
"""Starts a simulator from a seed."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Something a seed can say otherwise: the key below `switches`, or `version`."""

    key: str
    default: Value
    choices: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Settings that make the simulator agree more, and how many differences they leave."""

    settings: Mapping[str, Value]
    left: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The seed the simulator was started with, how the answers differ, and what would help."""

    seed: Mapping[str, Any]
    outcome: Outcome
    suggestion: Suggestion | None = None


def compare(
    exchanges: Sequence[Exchange],
    start: Start,
    settings: Sequence[Setting],
    *,
    changes: Mapping[str, Value] | None = None,
    held: Held = seeding.EVERYWHERE,
    tell: Callable[[str], None] = lambda text: None,
) -> Comparison:
    """Run a recording against a simulator; `changes` are settings to begin with.

    `held` are the objects a simulator has before any seed: table and name.
    """
    ordered = sorted(exchanges, key=lambda one: one.order)
    search = _Search(ordered, seeding.seed_of(ordered, held), start, dict(changes or {}))
    found = search.outcome({})
    seed = search.seed({})
    if not found.weighty:
        return Comparison(seed, found)
    tell(f"{len(found.weighty)} differences; looking for a setting that explains them")
    chosen, best = search.best(settings, found)
    if not chosen:
        return Comparison(seed, found)
    return Comparison(seed, found, Suggestion(chosen, len(best.weighty)))


class _Search:
    """One recording, a way to start simulators, and the settings every one begins with."""

    def __init__(
        self,
        ordered: Sequence[Exchange],
        base: Mapping[str, Any],
        start: Start,
        begun: Mapping[str, Value],
    ) -> None:
        self._ordered = ordered
        self._start = start
        self._begun = begun
        self._base = base

    def seed(self, settings: Mapping[str, Value]) -> dict[str, Any]:
        """The recording's seed with settings in it."""
        made = dict(self._base)
        for key, value in {**self._begun, **settings}.items():
            if key == "version":
                made["version"] = value
            else:
                made["switches"] = {**made.get("switches", {}), key: value}
        return made

    def outcome(self, settings: Mapping[str, Value], enough: int | None = None) -> Outcome:
        """What differs with these settings; not looked at further once it is `enough`."""
        with self._start(self.seed(settings)) as trial:
            return rerun.play(self._ordered, trial, enough=enough)

    def best(self, settings: Sequence[Setting], found: Outcome) -> tuple[dict[str, Value], Outcome]:
        """Settings added one by one, each the one that leaves the fewest differences."""
        chosen: dict[str, Value] = {}
        for _ in range(_ROUNDS):
            step = self._step(settings, chosen, found)
            if step is None or not found.weighty:
                break
            chosen, found = step
        return chosen, found

    def _step(
        self, settings: Sequence[Setting], chosen: Mapping[str, Value], before: Outcome
    ) -> tuple[dict[str, Value], Outcome] | None:
        """The one further setting that helps most; None if none leaves fewer differences."""
        best: tuple[dict[str, Value], Outcome] | None = None
        for setting in settings:
            for value in _candidates(setting, before):
                trial = {**chosen, setting.key: value}
                limit = len(best[1].weighty) + 1 if best else len(before.weighty)
                try:
                    outcome = self.outcome(trial, limit)
                except CassetteError:
                    continue  # a value no simulator starts with
                if len(outcome.weighty) < limit and (
                    best is None or _rank(outcome) < _rank(best[1])
                ):
                    best = trial, outcome
        return best


def _rank(outcome: Outcome) -> tuple[int, int]:
    return len(outcome.weighty), len(outcome.words)


def _candidates(setting: Setting, outcome: Outcome) -> Iterator[Value]:
    """Values worth trying: the other truth, or numbers and words the unit itself said."""
    if setting.choices:
        yield from (choice for choice in setting.choices if choice != setting.default)
    elif isinstance(setting.default, bool):
        yield not setting.default
    elif isinstance(setting.default, int):
        yield from _said_numbers(outcome)
    else:
        yield from _said_words(outcome)


def _said_words(outcome: Outcome) -> list[str]:
    words = (
        found.strip("'")
        for one in outcome.weighty
        for found in re.findall(r"'[^']{1,40}'", one.difference.recorded)
    )
    return list(dict.fromkeys(words))[:_MOST_TRIES]


def _said_numbers(outcome: Outcome) -> list[int]:
    """Numbers in what the recording says where the simulator says otherwise."""
    told = [one.difference.recorded for one in (*outcome.weighty, *outcome.words)]
    numbers = (int(found) for text in told for found in re.findall(r"-?\d+", text))
    return [n for n in dict.fromkeys(numbers) if abs(n) < 1_000_000][:_MOST_TRIES]
