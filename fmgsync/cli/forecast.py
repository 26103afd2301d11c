"""`fmgsync forecast`: what will be installed where and when, and what will be held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync import errors
from fmgsync.cli import common, instants
from fmgsync.cli.instants import Instant
from fmgsync.cli.stop import stop_rows
from fmgsync.model.target import path_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from fmgsync.passes.look_ahead import AdomForecast
    from fmgsync.passes.result import Result

_AHEAD = timedelta(days=1)

Row = Mapping[str, Any]


@click.command("forecast", cls=common.Command)
@click.option(
    "--until",
    type=Instant(),
    metavar="TIME",
    help="How far to look, ISO 8601; default: a day ahead.",
)
@click.option(
    "--preview",
    is_flag=True,
    help="Let an ADOM with workspaces be locked while its installs are previewed.",
)
@common.state_option
@common.command_options()
def command(options: common.Options, state_dir: Path, until: datetime | None, preview: bool) -> int:
    """Play the rollout of what is pending ahead: wave by wave, device by device, when each install
    starts, by when it ends if it is slow, and what will be held, and why.

    Installs are taken to need what past ones needed (five minutes each while none is on record),
    and every device to prove itself. Other people's pending edits are looked for by a preview now:
    at once in an ADOM without workspaces, elsewhere with --preview, since that takes the lock of
    the ADOM meanwhile. Nothing is written or pushed.

    \b
    fmgsync forecast --until 2026-12-24T06:00

    \b
    Exit codes: 0 nothing is pending, 3 something is, 1 something could not be read, or a part of
    the sites is not there.
    """
    from fmgsync.cli import documents, findings
    from fmgsync.passes import look_ahead, once

    world = common.make_world(options, "plan", state_dir)
    start = world.instant
    end = until or start + _AHEAD
    if end <= start:
        raise errors.UsageError("--until lies in the past", next_step="name a time to come")
    result = once.plan(world)
    found = look_ahead.forecast(world, result, end, may_lock=preview)
    problems = [*documents.error_rows(result), *_missing(result)]
    document = {
        **as_document(found, start, end),
        "previews": [_preview_row(each) for each in found],
        "stops": stop_rows(result.stops),
        "errors": problems,
    }
    if options.is_json:
        options.print_document(document)
    else:
        console = options.console()
        findings.print_stops(console, document)
        print_forecast(console, document, world.terms.calendar.zone, every=options.verbose > 0)
        findings.print_problems(console, document)
    pending = any(each.foreseen for each in found)
    code = common.OUTSTANDING if pending else common.IN_SYNC
    failed = [adom.error.exit_code for adom in result.adoms if adom.error]
    return common.worst(code, *failed, common.FAILED if problems else common.IN_SYNC)


def _missing(result: Result) -> list[dict[str, Any]]:
    """Parts of the sites that are not there, as errors: nothing is foreseen for them."""
    return [
        errors.UnknownDevice(part.message, **adom.ref.named).as_document()
        for adom in result.adoms
        if adom.seen
        for part in adom.seen.desired.errors
    ]


def as_document(found: Sequence[AdomForecast], start: datetime, end: datetime) -> dict[str, Any]:
    """`{from, until, devices}`, times in UTC."""
    return {
        "from": _written(start),
        "until": _written(end),
        "devices": [
            {
                "device": each.target.device,
                "vdom": each.target.vdom,
                **adom.ref.row,
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


def _preview_row(adom: AdomForecast) -> dict[str, Any]:
    """Other people's pending edits in one ADOM, or why nobody looked."""
    return {
        "fortimanager": adom.ref.unit,
        "adom": adom.ref.domain,
        "unseen": adom.edits.unseen or None,
        "devices": {
            device: [{"what": str(edit), "lines": list(edit.lines)} for edit in edits]
            for device, edits in sorted(adom.edits.foreign.items())
        },
    }


def _print_previews(console: Console, rows: Iterable[Mapping[str, Any]]) -> None:
    """One line for all devices with the same edits."""
    from fmgsync.cli import tables

    for row in rows:
        alike: dict[str, list[str]] = {}
        for device, edits in row["devices"].items():
            what = ", ".join(edit["what"] for edit in edits[:3])
            more = f" and {len(edits) - 3} more" if len(edits) > 3 else ""
            alike.setdefault(what + more, []).append(device)
        for what, devices in alike.items():
            text = f"other people's edits pending on {tables.names(devices)}: {what}"
            console.print(tables.cell(text, "magenta"))
        if row["unseen"]:
            console.print(tables.cell(f"note: {row['unseen']}", "yellow"))


def _written(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat(timespec="seconds")


def print_forecast(
    console: Console, document: Mapping[str, Any], zone: str, *, every: bool = False
) -> None:
    """One row for each wave, or with `every` for devices that start together; then what is held.

    Times are in `zone`.
    """
    from fmgsync.cli import tables

    made = tables.table(("wave", "starts", "ends by", "FortiGates", "groups"))
    waits = tables.table(("held", "FortiGates", "groups"))
    waves: dict[tuple[Any, ...], list[Row]] = {}
    held: dict[tuple[str, str], list[Row]] = {}
    for row in document["devices"]:
        place = path_of(row)
        if row["at"] is None:
            held.setdefault((place, row["held"]), []).append(row)
        else:
            moment = row["at"] if every else None
            waves.setdefault((place, row["wave"], moment), []).append(row)
    for (_, wave, _), rows in waves.items():
        made.add_row(
            tables.cell({None: "new members", 0: "canary"}.get(wave, f"wave {wave}")),
            tables.cell(instants.local(min(row["at"] for row in rows), zone)),
            tables.cell(instants.local(max(row["endsBy"] for row in rows), zone)),
            *_where(rows, every=every),
        )
    for (_, why), rows in held.items():
        waits.add_row(tables.cell(why, "magenta"), *_where(rows, every=every))
    starting, holding = (sum(map(len, found.values())) for found in (waves, held))
    written = sum(bool(row.get("fortigate")) for rows in waves.values() for row in rows)
    turns = [(starting - written, "install"), (written, "write")]
    counted = " and ".join(tables.many(n, what) for n, what in turns if n or not starting)
    told = f"{counted} until {instants.local(document['until'], zone)}"
    told = f"{told}, {holding} held." if starting or holding else "Nothing is pending."
    console.print(tables.cell(told, "bold"))
    if starting:
        made.show(console)
    if holding:
        waits.show(console)
    _print_previews(console, document["previews"])


def _where(rows: Sequence[Row], *, every: bool) -> tuple[Text, Text]:
    """How many, and which first."""
    from fmgsync.cli import findings, tables

    places = [findings.place(row) for row in rows]
    count = f"{len(places)}: " if len(places) > 3 and not every else ""
    groups = {group for row in rows for group in row["groups"]}
    return (
        tables.cell(count + tables.names(places, len(places) if every else 3)),
        tables.cell(tables.names(groups, len(groups) if every else 3)),
    )
