"""`fmgsync status`: the four views side by side."""

from __future__ import annotations

import click

from fmgsync.cli import common


@click.command("status")
@common.command_options()
def command(options: common.Options) -> int:
    """Show, per FortiGate and group, what should be, what the ADOM holds, what FortiManager
    believes of the device, and what the device itself says.

    \b
    Exit codes: 0 all in sync (or not referenced), 3 something outstanding or drifted,
    1 something could not be read.
    """
    from fmgsync.cli import documents, tables
    from fmgsync.controller import once, wiring

    world = wiring.make_world(
        options.config, command="status", tell=options.progress, transport=options.transport
    )
    result = once.status(world)
    if options.is_json:
        common.print_json(documents.status_document(result))
    else:
        tables.print_status(options.console(), result)
    return common.status_code(result)
