"""`fmgsync plan`: what would change, per ADOM, group and device."""

from __future__ import annotations

import click

from fmgsync.cli import common


@click.command("plan")
@common.command_options(markdown=True)
def command(options: common.Options) -> int:
    """Show what would change in FortiManager and on which FortiGates. Writes nothing.

    \b
    Exit codes: 0 nothing to do, 3 changes or installs outstanding,
    1 something could not be read or a foreign object is in the way.
    """
    from fmgsync.cli import documents, tables
    from fmgsync.controller import once, wiring

    world = wiring.make_world(
        options.config, command="plan", tell=options.progress, transport=options.transport
    )
    result = once.plan(world)
    if options.is_json:
        common.print_json(documents.plan_document(result))
    elif options.output == "markdown":
        click.echo(tables.plan_markdown(result))
    else:
        tables.print_plan(options.console(), result)
    return common.plan_code(result)
