"""`fmgsync stop`: nothing more is written or installed, until `fmgsync start`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fmgsync.cli import common
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from fmgsync.model.stop import Stop

_Function = TypeVar("_Function", bound=Callable[..., Any])


def scope_options(function: _Function) -> _Function:
    """Which part it is about, who says so and why."""
    for option in reversed(
        (
            click.option(
                "--fortimanager",
                metavar="NAME",
                default="",
                help="Only this FortiManager, or FortiGate without one, by its name in the"
                " configuration.",
            ),
            click.option(
                "--adom",
                metavar="[FORTIMANAGER/]ADOM",
                default="",
                help="Only this ADOM; default: everything of the configuration.",
            ),
            click.option("--reason", default="", help="Why; goes into the audit."),
            common.by_option,
        )
    ):
        function = option(function)
    return function


@click.command("stop", cls=common.Command)
@scope_options
@common.state_option
@common.command_options()
def command(
    options: common.Options, state_dir: Path, fortimanager: str, adom: str, reason: str, by: str
) -> int:
    """Write and install nothing more, until 'fmgsync start': everywhere, or in one part.

    It counts for 'apply' with whatever options, for every replica of 'run' and for urgent removals,
    and stands over restarts. Clusters and firewalls are looked at as before. What has begun is
    ended: a write is committed, an install task that pushes to devices is watched to its end (one
    of which nothing has begun is cancelled), then the lock is given back. What an urgent removal
    had narrowed in the ADOM stays narrow meanwhile.

    With 'lease' in the configuration the stop is kept in Kubernetes, where every replica finds it;
    otherwise in the state folder, for whoever uses the same one.

    \b
    fmgsync stop --reason "INC-4711: firewall team is debugging"
    fmgsync stop --adom hq/prod --reason CHG-4712
    """
    from fmgsync.wiring import memories

    brake = memories.make_brake(options.config, state_dir=state_dir, by=by, reason=reason)
    common.demand_reason("a stop", reason, needed=brake.needs_reason)
    told = brake.stop(fortimanager, adom)
    if options.is_json:
        rows = {str(ref): list(devices) for ref, devices in told.under_way.items()}
        options.print_document({"stopped": stop_rows([told.stop]), "underWay": rows})
    else:
        print_stop(told.stop, told.under_way, is_new=told.is_new)
    return common.IN_SYNC


def print_stop(stop: Stop, under_way: Mapping[Any, Iterable[str]], *, is_new: bool) -> None:
    """What stands now, and what becomes of what is under way."""
    from fmgsync.cli import tables

    said = f"{stop}." if is_new else f"It was stopped before: {stop}."
    click.echo(safe_text(said))
    for ref, devices in under_way.items():
        names = tables.names(devices)
        text = f"Under way in {ref}: {names}: watched to its end, then the lock is given back."
        click.echo(safe_text(text))
    click.echo("Nothing more is written or installed there until 'fmgsync start'.")


def stop_rows(stops: Iterable[Stop]) -> list[dict[str, Any]]:
    """For scripts; no FortiManager or no ADOM: all of them."""
    from datetime import UTC, datetime

    return [
        {
            "fortimanager": stop.unit or None,
            "adom": stop.domain or None,
            "who": stop.who,
            "reason": stop.reason or None,
            "at": datetime.fromtimestamp(stop.at, UTC).isoformat(timespec="seconds"),
            "message": str(stop),
        }
        for stop in stops
    ]
