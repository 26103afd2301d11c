"""`fmgsync apply`: write the plan, then install it on the devices behind."""

from __future__ import annotations

import click

from fmgsync.cli import common


@click.command("apply")
@click.option(
    "--install",
    type=click.Choice(["window", "now", "never"]),
    default="window",
    show_default=True,
    help=(
        "When to install: inside the configured maintenance windows, at once (leaves the window "
        "aside), or not at all (write the ADOM only)."
    ),
)
@common.command_options()
def command(options: common.Options, install: str) -> int:
    """Write the plan to FortiManager, then install it on the FortiGates that are behind.

    Every device is asked afterwards what it really holds; only then is it called verified.

    \b
    Exit codes: 0 done and verified, 3 something is still outstanding (an install, a drift),
    1 a write, an install or a foreign object failed one part; the others were done.
    """
    from fmgsync.cli import documents, tables
    from fmgsync.controller import once, wiring

    feature = f"apply --install {install}"
    world = wiring.make_world(
        options.config, command=feature, tell=options.progress, transport=options.transport
    )
    result = once.apply(world, install=install == "now")
    if options.is_json:
        common.print_json(documents.apply_document(result))
    else:
        tables.print_apply(options.console(), result)
    return common.apply_code(result)
