"""`fmgsync forecast`: what will be installed where and when, and what will be held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync import errors
from fmgsync.cli import common
from fmgsync.cli.instants import Instant
from fmgsync.cli.stop import stop_rows

if TYPE_CHECKING:
    from rich.console import Console

    from fmgsync.passes.look_ahead import AdomForecast

_AHEAD = timedelta(days=1)


@click.command("forecast")
@click.option(
    "--until",
    type=Instant(),
    metavar="TIME",
    help="How far to look, ISO 8601; default: a day ahead.",
)
@common.state_option
@common.command_options()
def command(options: common.Options, state_dir: Path, until: datetime | None) -> int:
    """Play the rollout of what is pending ahead: wave by wave, device by device, when each install
    starts, by when it ends if it is slow, and what will be held, and why.

    Installs are taken to need what past ones needed (five minutes each while none is on record),
    and every device to prove itself. Other people's pending edits show only in the preview right
    before an install; those that an earlier preview found are known here. Nothing is written.

    \b
    fmgsync forecast --until 2026-12-24T06:00

    \b
    Exit codes: 0 nothing is pending, 3 something is, 1 something could not be read.
    """
    from fmgsync.cli import documents, findings
    from fmgsync.passes import look_ahead, once
    from fmgsync.wiring import wiring

    world = wiring.make_world(
        options.config,
        command="plan",
        tell=options.progress,
        transport=options.transport,
        state_dir=state_dir,
    )
    start = world.instant
    end = until or start + _AHEAD
    if end <= start:
        raise errors.UsageError("--until lies in the past", next_step="name a time to come")
    result = once.plan(world)
    found = look_ahead.forecast(world, result, end)
    problems = documents.error_rows(result)
    if options.is_json:
        stops = stop_rows(result.stops)
        options.print_document(
            {**as_document(found, start, end), "stops": stops, "errors": problems}
        )
    else:
        console = options.console()
        findings.print_stops(console, {"stops": stop_rows(result.stops)})
        print_forecast(console, found, end)
        findings.print_problems(console, {"errors": problems})
    pending = any(each.foreseen for each in found)
    code = common.OUTSTANDING if pending else common.IN_SYNC
    return common.worst(code, common.FAILED if problems else common.IN_SYNC)


def as_document(found: Sequence[AdomForecast], start: datetime, end: datetime) -> dict[str, Any]:
    """`{from, until, devices}`, times in UTC."""
    return {
        "from": _written(start),
        "until": _written(end),
        "devices": [
            {
                "device": each.target.device,
                "vdom": each.target.vdom,
                "adom": adom.ref.domain,
                "fortimanager": adom.ref.unit,
                "groups": list(each.groups),
                "at": _written(each.at),
                "wave": each.wave,
                "endsBy": _written(each.ends_by),
                "held": each.held,
            }
            for adom in found
            for each in adom.foreseen
        ],
    }


def _written(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat(timespec="seconds")


def print_forecast(console: Console, found: Sequence[AdomForecast], end: datetime) -> None:
    """One row for devices that start together, and one for those that are held alike."""
    from fmgsync.cli import findings, tables

    made = tables.table(("starts", "ends by", "wave", "device VDOMs", "groups"))
    waits = tables.table(("held", "device VDOMs", "groups"))
    starting = holding = 0
    for adom in found:
        together: dict[tuple[Any, ...], list[str]] = {}
        for each in adom.foreseen:
            key = (each.at, each.ends_by, each.wave, each.held, each.groups)
            together.setdefault(key, []).append(str(each.target))
        for (at, ends, wave, held, groups), places in together.items():
            where, what = tables.cell(tables.names(places)), tables.cell(", ".join(groups))
            if at is None:
                holding += len(places)
                waits.add_row(tables.cell(held, "magenta"), where, what)
                continue
            starting += len(places)
            made.add_row(
                tables.cell(findings.instant(_written(at))),
                tables.cell(findings.instant(_written(ends))),
                tables.cell("new members" if wave is None else "canary" if wave == 0 else wave),
                where,
                what,
            )
    if starting:
        made.show(console)
    if holding:
        waits.show(console)
    told = f"{tables.many(starting, 'install')} until {findings.instant(_written(end))}"
    console.print(f"{told}, {holding} held." if starting or holding else "Nothing is pending.")
