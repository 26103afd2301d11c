"""`fmgsync apply`: write the plan, then install it on the devices behind."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmgsync import errors
from fmgsync.cli import common, interrupting

if TYPE_CHECKING:
    from fmgsync.passes.world import World


@click.command("apply", cls=common.Command)
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
@click.option(
    "--reason", default="", help="Why; goes into the audit and the revisions of the devices."
)
@click.option(
    "--override-deny",
    is_flag=True,
    help="Let deny windows not count. Who did it and why is in the audit.",
)
@click.option(
    "--audit-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the audit is kept.  [default: audit.jsonl in the state folder]",
)
@click.option("--yes", is_flag=True, help="In a terminal too: do not show the plan and ask first.")
@common.state_option
@common.command_options()
def command(
    options: common.Options,
    state_dir: Path,
    plan: Path | None,
    install: str,
    reason: str,
    override_deny: bool,
    audit_file: Path | None,
    yes: bool,
) -> int:
    """Write the plan to FortiManager, then install it on the FortiGates that are behind.

    With PLAN, a file from 'fmgsync plan --save', only if that still is exactly what there is to do.
    In a terminal the plan is shown first and you are asked; with '--yes', or where input or output
    is no terminal, nobody is.

    Installs keep to canary, waves and failure budget (install.rollout). 'window' installs on
    devices whose maintenance window is open now and waits for no other; 'now' leaves windows and
    the pauses between waves aside, but not deny windows. Every device is asked afterwards what it
    really holds; only then is it called verified.

    \b
    fmgsync apply
    fmgsync apply --install now --reason "CHG-4711"
    fmgsync plan --save tonight.json && fmgsync apply tonight.json --yes

    Ctrl-C starts nothing more: what FortiManager is pushing already is watched to its end; a second
    Ctrl-C leaves at once.

    \b
    Exit codes: 0 done and verified, 3 something is still outstanding (an install, a drift, a
    part that waits for approval), 1 the saved plan is stale, or a write, an install or a foreign
    object failed one part; the others were done.
    """
    from fmgsync.cli import apply_text, documents, rollout_text, saved
    from fmgsync.passes import once
    from fmgsync.passes.install_context import People

    stop = interrupting.Stop(options.progress)
    feature = f"apply --install {install}"
    world = common.make_world(
        options, feature, state_dir, people=People(reason, override_deny, audit_file, stop.asked)
    )
    by_hand = "installing at once" if install == "now" else "overriding deny windows"
    needed = world.intent.needs_reason and (install == "now" or override_deny)
    common.demand_reason(by_hand, reason, needed=needed)
    digest = saved.read_digest(plan) if plan else None
    asks = not yes and options.output == "text" and sys.stdin.isatty() and sys.stdout.isatty()
    result = None
    while result is None:
        if asks and (digest := _agreed(options, world, digest, install)) is None:
            click.echo("nothing was written")
            return common.OUTSTANDING
        try:
            with stop.watching():
                result = once.apply(world, install=install != "never", digest=digest)
        except errors.StalePlan as stale:
            if not asks or plan is not None:
                raise
            options.progress(f"what there is to do has changed meanwhile: {stale.message}")
            digest = None
    document = documents.apply_document(result)
    if options.is_json:
        options.print_document(document)
    else:
        apply_text.print_apply(options.console(), document)
        rollout_text.print_rollouts(
            options.console(), document["rollouts"], document["timezone"], quiet=True
        )
    return common.INTERRUPTED if stop.asked() else common.apply_code(result)


def _agreed(options: common.Options, world: World, digest: str | None, install: str) -> str | None:
    """Show what there is to do and ask. The digest of what was agreed to, None for a no.

    Of a saved plan (`digest`) nothing else is agreed to.
    """
    from fmgsync.cli import documents, plan_text
    from fmgsync.passes import once

    result = once.plan(world)
    document = documents.plan_document(result)
    plan_text.print_plan(options.console(), document, every=options.verbose > 0)
    when = {"now": "and install it now", "never": "and install nothing"}.get(
        install, "and install it where a window is open"
    )
    if all(work.ref.is_direct for work in world.adoms):
        when = {"now": "now", "never": "and deliver nothing"}.get(install, "where a window is open")
    if not click.confirm(f"Write this {when}?", default=False):
        return None
    return digest or result.digest
