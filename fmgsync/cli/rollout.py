"""`fmgsync rollout`: where rollouts stand; go on with one that stopped, or stop one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmgsync import errors
from fmgsync.cli import common
from fmgsync.cli.stop import stop_rows
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from fmgsync.model.target import TargetRef
    from fmgsync.passes.rollout_commands import Steered
    from fmgsync.passes.world import World


@click.group("rollout", cls=common.Group)
def command() -> None:
    """See and steer how installs spread over the FortiGates of an ADOM.

    A rollout stops by itself when its failure budget is spent, a canary fails or what it has done
    is not known any more; it goes on only when a person says so.
    """


@command.command("status")
@common.state_option
@common.command_options()
def status(options: common.Options, state_dir: Path) -> int:
    """Show each ADOM's rollout: wave, verified and failed devices, what waits and why.

    \b
    fmgsync rollout status

    \b
    Exit codes: 0 nothing outstanding, 3 something waits or is held, 1 something failed or could
    not be read.
    """
    from fmgsync.cli import documents, findings, rollout_text
    from fmgsync.passes import once

    world = common.make_world(options, "status", state_dir)
    result = once.status(world)
    rows = rollout_text.rollout_rows(result)
    found = {
        "timezone": result.zone,
        "rollouts": rows,
        "stops": stop_rows(result.stops),
        "errors": documents.error_rows(result),
    }
    if options.is_json:
        options.print_document(found)
    else:
        findings.print_stops(options.console(), found)
        rollout_text.print_rollouts(options.console(), rows, result.zone)
        findings.print_problems(options.console(), found)
    codes = [adom.error.exit_code for adom in result.adoms if adom.error]
    codes += [common.FAILED for row in rows if row["failed"]]
    codes += [common.OUTSTANDING for row in rows if row["held"] or row["waits"] or row["next"]]
    return common.worst(*codes)


_ADOM = click.option(
    "--adom",
    metavar="FORTIMANAGER/ADOM",
    help="Only this one, or this fleet; default: every one of the configuration.",
)
_REASON = click.option("--reason", default="", help="Why; goes into the audit.")


@command.command("resume")
@_ADOM
@_REASON
@common.by_option
@common.state_option
@common.command_options()
def resume(options: common.Options, state_dir: Path, adom: str | None, reason: str, by: str) -> int:
    """Let a rollout that stopped go on: failed devices may be tried again, the budget is new.

    Where what was done is not known any more, the rollout starts over at its canary.

    \b
    fmgsync rollout resume --adom hq/prod --reason "link mended"
    """
    from fmgsync.passes import rollout_commands

    return _steer(
        options, state_dir, adom, reason, by, rollout_commands.resume, what="resuming a rollout"
    )


@command.command("abort")
@_ADOM
@_REASON
@common.by_option
@common.state_option
@common.command_options()
def abort(options: common.Options, state_dir: Path, adom: str | None, reason: str, by: str) -> int:
    """Stop a rollout: nothing more is started until it is resumed.

    An 'apply' or controller that is at it starts nothing more and cancels what has not begun on
    any device; what is being pushed is watched to its end. The ADOM is still written, and another
    administrator's install carries that along: 'fmgsync stop' ends the writing, too.

    \b
    fmgsync rollout abort --reason "CHG-1042 withdrawn"
    """
    from fmgsync.passes import rollout_commands

    return _steer(
        options, state_dir, adom, reason, by, rollout_commands.abort, what="aborting a rollout"
    )


def _steer(
    options: common.Options,
    state_dir: Path,
    adom: str | None,
    reason: str,
    by: str,
    act: Callable[[World, TargetRef], Steered],
    *,
    what: str,
) -> int:
    from fmgsync.passes.install_context import People

    world = common.make_world(options, "rollout", state_dir, people=People(reason, by=by))
    common.demand_reason(what, reason, needed=world.intent.needs_reason)
    chosen = {
        work.fleet.fleet.name: work.ref
        for work in reversed(world.adoms)
        if adom in (None, str(work.ref), work.fleet.fleet.name)
    }
    if not chosen:
        names = ", ".join(dict.fromkeys(work.fleet.fleet.name for work in world.adoms))
        raise errors.UsageError(f"there is no ADOM {adom!r}", next_step=f"name one of: {names}")
    with world.installing.audit.to_its_end():
        done = [(name, act(world, ref)) for name, ref in reversed(chosen.items())]
    if options.is_json:
        options.print_document(
            [{"adom": name, "changed": each.changed, "what": each.what} for name, each in done]
        )
    else:
        for name, each in done:
            click.echo(safe_text(f"{name}: {each.what}"))
    return common.IN_SYNC
