"""`fmgsync plan`: what would change, per ADOM, group and device."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from fmgsync.cli import common


@click.group("plan", cls=common.Group, invoke_without_command=True)
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the plan to this file as well, for 'fmgsync apply FILE'.",
)
@common.state_option
@common.command_options("markdown")
@click.pass_context
def command(ctx: click.Context, options: common.Options, save: Path | None, state_dir: Path) -> int:
    """Show what would change in FortiManager and on which FortiGates. Writes nothing there.

    What waits for a human is shown with its digest, for 'fmgsync approve'. Devices that share a
    change are one row; -v lists every object and every device.

    \b
    fmgsync plan --save tonight.json
    fmgsync plan show tonight.json
    fmgsync apply tonight.json

    \b
    Exit codes: 0 nothing to do, 3 changes or installs outstanding,
    1 something could not be read or a foreign object is in the way.
    """
    if ctx.invoked_subcommand is not None:
        return common.IN_SYNC
    from fmgsync.cli import documents, saved
    from fmgsync.passes import once

    world = common.make_world(options, "plan", state_dir)
    result = once.plan(world)
    document = documents.plan_document(result)
    if save is not None:
        saved.save(save, document, now=world.clock.now())
    _print(options, document)
    return common.plan_code(result)


@command.command("show")
@click.argument("plan", type=click.Path(path_type=Path, dir_okay=False))
@common.command_options("markdown", configured=False)
def show(options: common.Options, plan: Path) -> int:
    """Show a plan that was saved, as it was then. Nothing is read or connected to.

    \b
    fmgsync plan show tonight.json
    fmgsync plan show tonight.json -o markdown
    """
    from fmgsync.cli import saved

    document = saved.read(plan)
    try:
        _print(options, document)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise saved.no_plan(plan, "something was changed in it by hand") from error
    return common.IN_SYNC


@command.command("schema")
def schema() -> int:
    """Print the JSON Schema of the plan's document (also in docs/plan.schema.json).

    \b
    fmgsync plan schema > plan.schema.json
    """
    from fmgsync.cli import plan_schema

    common.print_json(plan_schema.schema())
    return common.IN_SYNC


def _print(options: common.Options, document: Mapping[str, Any]) -> None:
    from fmgsync.cli import plan_text

    if options.is_json:
        options.print_document(document)
    elif options.output == "markdown":
        click.echo(plan_text.markdown(document))
    else:
        plan_text.print_plan(options.console(), document, every=options.verbose > 0)
