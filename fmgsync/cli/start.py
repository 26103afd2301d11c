"""`fmgsync start`: lift what `fmgsync stop` has stopped."""

from __future__ import annotations

from pathlib import Path

import click

from fmgsync.cli import common
from fmgsync.cli.stop import scope_options, stop_rows
from fmgsync.untrusted import safe_text


@click.command("start", cls=common.Command)
@scope_options
@common.state_option
@common.command_options()
def command(
    options: common.Options, state_dir: Path, fortimanager: str, adom: str, reason: str, by: str
) -> int:
    """Let what was stopped go on: everything, or one part. Says who had stopped it and why.

    A running controller looks again within seconds; guard, windows and failure budget count as
    before.

    \b
    fmgsync start --reason "INC-4711 is closed"
    fmgsync start --adom hq/prod
    """
    from fmgsync.wiring import memories

    brake = memories.make_brake(options.config, state_dir=state_dir, by=by, reason=reason)
    common.demand_reason("a start", reason, needed=brake.needs_reason)
    lifted, left = brake.start(fortimanager, adom)
    if options.is_json:
        options.print_document({"started": stop_rows(lifted), "stopped": stop_rows(left)})
        return common.IN_SYNC
    for stop in lifted:
        click.echo(safe_text(f"{stop.place} goes on; it was stopped {stop.by}"))
    for stop in left:
        click.echo(safe_text(f"Still stopped: {stop}."))
    if not lifted and not left:
        click.echo("Nothing is stopped.")
    return common.IN_SYNC
