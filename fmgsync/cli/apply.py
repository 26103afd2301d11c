"""`fmgsync apply`: write the plan, then install it on the devices behind."""

from __future__ import annotations

from pathlib import Path

import click

from fmgsync import errors
from fmgsync.cli import common


@click.command("apply")
@click.argument("plan", required=False, type=click.Path(path_type=Path, dir_okay=False))
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
@click.option("--reason", default="", help="Why; goes into the revisions of the devices.")
@common.state_option
@common.command_options()
def command(
    options: common.Options, state_dir: Path, plan: Path | None, install: str, reason: str
) -> int:
    """Write the plan to FortiManager, then install it on the FortiGates that are behind.

    With PLAN, a file from 'fmgsync plan --save', only if that still is exactly what there is to do.

    Every device is asked afterwards what it really holds; only then is it called verified.

    \b
    Exit codes: 0 done and verified, 3 something is still outstanding (an install, a drift, a
    part that waits for approval), 1 the saved plan is stale, or a write, an install or a foreign
    object failed one part; the others were done.
    """
    from fmgsync.cli import documents, saved, tables
    from fmgsync.controller import once, wiring

    feature = f"apply --install {install}"
    world = wiring.make_world(
        options.config,
        command=feature,
        tell=options.progress,
        transport=options.transport,
        state_dir=state_dir,
    )
    if install == "now" and world.intent.needs_reason and not reason.strip():
        raise errors.UsageError(
            "the configuration demands a reason for installing at once (policy.requireReason)",
            next_step='add --reason "..."',
        )
    digest = saved.read_digest(plan) if plan else None
    result = once.apply(world, install=install == "now", reason=reason, digest=digest)
    if options.is_json:
        common.print_json(documents.apply_document(result))
    else:
        tables.print_apply(options.console(), result)
    return common.apply_code(result)
