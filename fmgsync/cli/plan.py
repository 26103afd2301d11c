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
@common.command_options("markdown")
def command(options: common.Options, save: Path | None, state_dir: Path) -> int:
    """Show what would change in FortiManager and on which FortiGates. Writes nothing there.

    What waits for a human is shown with its digest, for 'fmgsync approve'.

    \b
    Exit codes: 0 nothing to do, 3 changes or installs outstanding,
    1 something could not be read or a foreign object is in the way.
    """
    from fmgsync.cli import documents, plan_text, saved
    from fmgsync.controller import once, wiring

    world = wiring.make_world(
        options.config,
        command="plan",
        tell=options.progress,
        transport=options.transport,
        state_dir=state_dir,
    )
    result = once.plan(world)
    document = documents.plan_document(result)
    if save is not None:
        saved.save(save, document, now=world.clock.now())
    if options.is_json:
        options.print_document(document)
    elif options.output == "markdown":
        click.echo(plan_text.markdown(document))
    else:
        plan_text.print_plan(options.console(), document, every=options.verbose > 0)
    return common.plan_code(result)
