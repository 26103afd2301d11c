"""`fmgsync apply`: write the plan, then install it on the devices behind."""

from __future__ import annotations

from pathlib import Path

import click

from fmgsync.cli import common, interrupting


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
) -> int:
    """Write the plan to FortiManager, then install it on the FortiGates that are behind.

    With PLAN, a file from 'fmgsync plan --save', only if that still is exactly what there is to do.

    Installs keep to canary, waves and failure budget (install.rollout). 'window' installs on
    devices whose maintenance window is open now and waits for no other; 'now' leaves windows and
    the pauses between waves aside, but not deny windows. Every device is asked afterwards what it
    really holds; only then is it called verified.

    Ctrl-C starts nothing more: what FortiManager is pushing already is watched to its end; a second
    Ctrl-C leaves at once.

    \b
    Exit codes: 0 done and verified, 3 something is still outstanding (an install, a drift, a
    part that waits for approval), 1 the saved plan is stale, or a write, an install or a foreign
    object failed one part; the others were done.
    """
    from fmgsync.cli import documents, progress, saved, status_text
    from fmgsync.passes import once
    from fmgsync.passes.install_context import People
    from fmgsync.wiring import wiring

    stop = interrupting.Stop(options.progress)
    feature = f"apply --install {install}"
    world = wiring.make_world(
        options.config,
        command=feature,
        tell=options.progress,
        transport=options.transport,
        state_dir=state_dir,
        people=People(reason, override_deny, audit_file, stop.asked),
    )
    by_hand = "installing at once" if install == "now" else "overriding deny windows"
    needed = world.intent.needs_reason and (install == "now" or override_deny)
    common.demand_reason(by_hand, reason, needed=needed)
    digest = saved.read_digest(plan) if plan else None
    with stop.watching():
        result = once.apply(world, install=install != "never", digest=digest)
    document = documents.apply_document(result)
    if options.is_json:
        options.print_document(document)
    else:
        status_text.print_apply(options.console(), document)
        progress.print_rollouts(options.console(), document["rollouts"], quiet=True)
    return common.INTERRUPTED if stop.asked() else common.apply_code(result)
