"""`fmgsync windows`: when installs may start, per device."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from fmgsync.cli import common
from fmgsync.cli.instants import Instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fmgsync.passes.windows import AdomWindows
    from fmgsync.scheduling.outlook import Outlook


@click.command("windows", cls=common.Command)
@click.option("--at", type=Instant(), help="Look from this time on instead of now.")
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=7,
    show_default=True,
    help="How many days to look ahead.",
)
@common.command_options()
def command(options: common.Options, at: datetime | None, days: int) -> int:
    """Show the windows themselves, then when installs may start on each FortiGate: a table and a
    timeline.

    Deny windows are taken out already. FortiManager is asked only which devices and device groups
    there are; nothing is written.

    \b
    fmgsync windows --at 2026-12-24T02:00 --days 3

    \b
    Exit codes: 0 every device that the sites name is listed, 1 something could not be read, or a
    part of the sites is not there.
    """
    from fmgsync import zones
    from fmgsync.cli import timeline
    from fmgsync.passes import windows
    from fmgsync.scheduling import cron
    from fmgsync.wiring import wiring

    world = wiring.make_world(
        options.config, command="windows", tell=options.progress, transport=options.transport
    )
    start = at or datetime.fromtimestamp(world.clock.now(), UTC)
    found = windows.look_ahead(world, start, timedelta(days=days))
    doubts = [cron.doubt(window.schedule) for window in world.terms.calendar.windows]
    notes = [f"{said}; {advice}" for said, advice in filter(None, doubts)]
    if options.is_json:
        beside = {"timeZoneData": str(zones.in_use()), "notes": notes}
        rows = [_row(each) | beside for adom in found for each in adom.outlooks]
        options.print_document(rows)
        _tell_errors(options, found)
    else:
        calendar, ahead = world.terms.calendar, timedelta(days=days)
        timeline.print_windows(options.console(), found, calendar, start, ahead)
        timeline.print_notes(options.console(), [f"time zone data {zones.in_use()}", *notes])
    codes = [adom.error.exit_code for adom in found if adom.error]
    return common.worst(*codes, *(common.FAILED for adom in found if adom.missing))


def _row(outlook: Outlook) -> dict[str, Any]:
    from fmgsync.cli.documents import written_instant

    return {
        "device": str(outlook.target),
        **outlook.adom.row,
        "openNow": outlook.judgement.is_open,
        "because": outlook.judgement.because,
        "opensAt": written_instant(outlook.opens_at),
        "openings": [
            {
                "opensAt": written_instant(opening.opens_at),
                "closesAt": written_instant(opening.closes_at),
            }
            for opening in outlook.openings
        ],
    }


def _tell_errors(options: common.Options, found: Sequence[AdomWindows]) -> None:
    """Beside the list, which has no place for them, so that a script's list stays a list."""
    for adom in found:
        if adom.error:
            options.progress(f"error: {adom.error}")
        for why in adom.missing:
            options.progress(f"error: {adom.ref.title}: {why}: correct 'sites'")
