"""`fmgsync cassette record`: what a lab unit answers, or what another command says."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync.cli import common
from fmgsync.errors import UsageError

if TYPE_CHECKING:
    from fmgsync.recording.adapter import Recording
    from fmgsync.recording.taking import Wishes


@click.command("record")
@click.option(
    "--to", required=True, type=click.Path(path_type=Path), help="File to write; YAML of vcrpy."
)
@click.option(
    "--while",
    "while_",
    is_flag=True,
    help="Record what the fmgsync command after -- says.",
)
@click.option("--scrub", "words", multiple=True, metavar="WORD", help="Further text to replace.")
@click.option(
    "--keep-names",
    is_flag=True,
    help="Leave names of hosts, devices and administrators, to play it with your own "
    "configuration. Secrets, serial numbers and comments go all the same.",
)
@click.option(
    "--map-addresses",
    is_flag=True,
    help="Move all addresses into documentation ranges; what lay inside what still does.",
)
@click.option(
    "--source", default="", metavar="TEXT", help="What is recorded, in words: 'lab unit, 7.4.5'."
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@common.command_options()
def record(
    options: common.Options,
    to: Path,
    while_: bool,
    words: tuple[str, ...],
    keep_names: bool,
    map_addresses: bool,
    source: str,
    arguments: tuple[str, ...],
) -> int:
    """Record exchanges with a FortiManager, scrubbed before they reach the disk.

    One file per session: FILE, or FILE.1, FILE.2 for several.
    """
    from fmgsync.recording.taking import Wishes

    if while_ != bool(arguments):
        raise UsageError(
            "the command to record stands after --while --",
            next_step="for example: fmgsync cassette record --to plan.yaml --while -- plan",
        )
    if arguments[:2] == ("cassette", "record"):
        raise UsageError("a recording cannot be recorded")
    wishes = Wishes(
        source=source or f"fmgsync {' '.join(arguments[:1])}",
        now=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        words=words,
        keep_names=keep_names,
        map_addresses=map_addresses,
    )
    return _record_command(options, to, wishes, list(arguments))


def _record_command(options: common.Options, to: Path, wishes: Wishes, arguments: list[str]) -> int:
    """Run the command with recorded sessions; its exit code, unless writing fails."""
    from fmgsync.cli import main
    from fmgsync.recording.adapter import Recording

    recording = Recording()
    signal.signal(signal.SIGTERM, _interrupt)
    code = main.run(arguments, context=common.Taps(recording.adapter))
    save(options, recording, to, wishes)
    return code


def save(options: common.Options, recording: Recording, to: Path, wishes: Wishes) -> list[Path]:
    """Scrub, check and write; says on standard error what was written."""
    from fmgsync.recording import check, taking

    suspects = check.Suspects(
        {f"FortiManager {unit.host}": secret for unit in recording.units for secret in unit.secrets}
    )
    made = taking.cassettes(recording, wishes)
    if not made:
        options.progress("nothing was said to a FortiManager, so there is nothing to record")
        return []
    paths = taking.save(to, made, suspects)
    for path, cassette in zip(paths, made, strict=True):
        options.progress(f"{path}: {len(cassette.exchanges)} exchanges, scrubbed and checked")
    if recording.unanswered:
        options.progress(f"{recording.unanswered} requests without an answer are not in it")
    return paths


def _interrupt(*_: Any) -> None:
    """SIGTERM ends the command as Ctrl-C does: what was recorded so far is still written."""
    raise KeyboardInterrupt
