"""`fmgsync plan`: what would change, per ADOM, group and device."""

from __future__ import annotations

from pathlib import Path

import click

from fmgsync.cli import common


@click.command("plan")
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the plan to this file as well, for 'fmgsync apply FILE'.",
)
@common.state_option
@common.command_options(markdown=True)
def command(options: common.Options, save: Path | None, state_dir: Path) -> int:
    """Show what would change in FortiManager and on which FortiGates. Writes nothing there.

    What waits for a human is shown with its digest, for 'fmgsync approve'.

    \b
    Exit codes: 0 nothing to do, 3 changes or installs outstanding,
    1 something could not be read or a foreign object is in the way.
    """
    from fmgsync.cli import documents, saved, tables
    from fmgsync.controller import once, wiring

    world = wiring.make_world(
        options.config,
        command="plan",
        tell=options.progress,
        transport=options.transport,
        state_dir=state_dir,
    )
    result = once.plan(world)
    if save is not None:
        saved.save(save, documents.plan_document(result), now=world.clock.now())
    if options.is_json:
        common.print_json(documents.plan_document(result))
    elif options.output == "markdown":
        click.echo(tables.plan_markdown(result))
    else:
        tables.print_plan(options.console(), result, all_addresses=options.verbose > 0)
    return common.plan_code(result)
