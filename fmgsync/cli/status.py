"""`fmgsync status`: how everything stands, and what is not in sync."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync.cli import common

if TYPE_CHECKING:
    pass

_STATES = (
    "drifted",
    "unreachable",
    "unknown",
    "held",
    "install pending",
    "write pending",
    "not referenced",
    "in sync",
)


@click.command("status", cls=common.Command)
@click.option(
    "--controller",
    metavar="URL",
    help="Ask a running 'fmgsync run' (its --listen address) what it saw last, instead of looking.",
)
@click.option("--adom", metavar="PATTERN", help="Only this ADOM: its name or FORTIMANAGER/ADOM.")
@click.option("--device", metavar="PATTERN", help="Only this FortiGate: its name or DEVICE/VDOM.")
@click.option("--group", metavar="PATTERN", help="Only this group.")
@click.option("--state", type=click.Choice(_STATES), help="Only groups in this state.")
@click.option(
    "--watch",
    "every_s",
    type=click.FloatRange(1, 3600),
    metavar="SECONDS",
    help="Look again every so many seconds, until Ctrl-C.",
)
@common.state_option
@common.command_options("wide", "name")
def command(
    options: common.Options,
    state_dir: Path,
    controller: str | None,
    every_s: float | None,
    **wanted: str | None,
) -> int:
    """Show how many FortiGates are how, then what is not in sync: what should be there, and what
    the ADOM, FortiManager's copy of the device, and the device itself hold instead.

    Patterns are those of a shell: '*' and '?'. With '-o wide' every group on every device is shown
    with its four views, with '-o name' only the names of what is not in sync.

    \b
    fmgsync status --device 'fgt-east-*' --state 'install pending'

    \b
    Exit codes: 0 all in sync (or not referenced), 3 something outstanding or drifted,
    1 something could not be read. They are about everything, whatever is shown.
    """
    from fmgsync.cli import remote
    from fmgsync.cli.status_text import Filter

    chosen = Filter(**wanted)
    look = _from_controller(controller) if controller else _by_looking(options, state_dir)
    while True:
        with remote.understood(controller):
            document, code = look()
            _print(options, chosen(document), anew=every_s is not None)
        if every_s is None:
            return code
        time.sleep(every_s)


_Look = Callable[[], "tuple[Mapping[str, Any], int]"]


def _from_controller(url: str) -> _Look:
    from fmgsync.cli import remote

    def look() -> tuple[Mapping[str, Any], int]:
        document = remote.read_status(url)
        return document, remote.status_code(document)

    return look


def _by_looking(options: common.Options, state_dir: Path) -> _Look:
    from fmgsync.cli import documents
    from fmgsync.passes import once

    def look() -> tuple[Mapping[str, Any], int]:
        world = common.make_world(options, "status", state_dir)
        result = once.status(world)
        return documents.status_document(result), common.status_code(result)

    return look


def _print(options: common.Options, document: Mapping[str, Any], *, anew: bool) -> None:
    from fmgsync.cli import instants, rollout_text, status_text

    if options.is_json:
        options.print_document(document)
    elif options.output == "name":
        for name in status_text.troubled(document):
            click.echo(name)
    else:
        console = options.console()
        if anew:
            console.clear()
        status_text.print_status(console, document, wide=options.output == "wide")
        zone = instants.zone_of(document)
        rollout_text.print_rollouts(console, document.get("rollouts", ()), zone, quiet=True)
