"""What every way of recording shares: what was asked for, a person's word, and the files."""

from __future__ import annotations

import dataclasses
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmgsync.cli import common
from fmgsync.errors import UsageError

if TYPE_CHECKING:
    from fmgsync.recording.adapter import Recording
    from fmgsync.recording.check import Suspects
    from fmgsync.recording.lab import Scenario
    from fmgsync.recording.suite import Place
    from fmgsync.recording.taking import Wishes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to ask of which unit; see the options of the same names."""

    fortimanager: str | None
    adom: str | None
    devices: tuple[str, ...]
    prefix: str
    scenarios: tuple[str, ...]
    allow_install: str | None
    clean_up: bool
    yes: bool
    fortigate: str | None
    vdom: str | None


def confirm(
    options: common.Options,
    wanted: Wanted,
    where: str,
    scenarios: tuple[Scenario, ...],
    more: list[str],
) -> None:
    """Show what will be written and let a person say yes; raises where nobody can be asked."""
    writing = [one for one in scenarios if one.writes]
    if wanted.clean_up:
        options.progress(f"deletes every object of {where} that begins with")
        options.progress(f"  {wanted.prefix}")
    elif writing:
        options.progress(f"writes to {where}, names {wanted.prefix}-...:")
        for one in writing:
            options.progress(f"  {one.name:<14} {one.writes}")
        for line in more:
            options.progress(line)
    else:
        return
    if wanted.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked whether to write", next_step="say so with --yes")
    click.confirm("Go on?", abort=True, err=True)


def run(
    options: common.Options,
    wanted: Wanted,
    opened: AbstractContextManager[Place],
    scenarios: tuple[Scenario, ...],
    recording: Recording,
    to: Path | None,
    wishes: Wishes,
) -> int:
    """Run the scenarios; whatever was said is written, also when something failed half way."""
    from fmgsync.cli import suspects
    from fmgsync.recording import suite

    try:
        with opened as lab:
            if wanted.clean_up:
                suite.clean_up(lab, options.progress)
                return common.IN_SYNC
            with recording.step("first look"):
                suite.refuse_strangers(lab)
            done = suite.run(lab, scenarios, options.progress)
            wishes = dataclasses.replace(wishes, scenarios=tuple(done))
    finally:
        if to is not None and not wanted.clean_up:
            wishes = dataclasses.replace(wishes, devices=suspects.devices(options.config))
            save(options, recording, to, wishes, suspects.of_file(options.config))
    return common.IN_SYNC


def save(
    options: common.Options,
    recording: Recording,
    to: Path,
    wishes: Wishes,
    known: Suspects | None = None,
) -> list[Path]:
    """Scrub, check and write; says on standard error what was written."""
    from fmgsync.recording import check, taking

    if known is None:
        known = check.Suspects(
            {f"the unit {one.host}": text for one in recording.units for text in one.secrets}
        )
    made = taking.cassettes(recording, wishes)
    if not made:
        options.progress("nothing was said to a unit, so there is nothing to record")
        return []
    paths = taking.save(to, made, known)
    for path, cassette in zip(paths, made, strict=True):
        options.progress(f"{path}: {len(cassette.exchanges)} exchanges, scrubbed and checked")
    if recording.unanswered:
        options.progress(f"{recording.unanswered} requests without an answer are not in it")
    if recording.left_out:
        options.progress(f"the recording was full: {recording.left_out} exchanges are not in it")
    return paths
