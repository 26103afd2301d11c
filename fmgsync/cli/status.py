"""`fmgsync status`: the four views side by side."""

from __future__ import annotations

from pathlib import Path

import click

from fmgsync.cli import common


@click.command("status")
@click.option(
    "--controller",
    metavar="URL",
    help="Ask a running 'fmgsync run' (its --listen address) what it saw last, instead of looking.",
)
@common.state_option
@common.command_options()
def command(options: common.Options, state_dir: Path, controller: str | None) -> int:
    """Show, per FortiGate and group, what should be, what the ADOM holds, what FortiManager
    believes of the device, and what the device itself says.

    \b
    Exit codes: 0 all in sync (or not referenced), 3 something outstanding or drifted,
    1 something could not be read.
    """
    from fmgsync.cli import documents, overview, progress, remote

    if controller is not None:
        document = remote.read_status(controller)
        if options.is_json:
            common.print_json(document)
        else:
            overview.print_status_document(options.console(), document)
        return remote.status_code(document)

    from fmgsync.controller import once, wiring

    world = wiring.make_world(
        options.config,
        command="status",
        tell=options.progress,
        transport=options.transport,
        state_dir=state_dir,
    )
    result = once.status(world)
    if options.is_json:
        common.print_json(documents.status_document(result))
    else:
        overview.print_status(options.console(), result, now=world.clock.now())
        progress.print_rollouts(options.console(), result, quiet=True)
    return common.status_code(result)
