"""Rollouts for scripts and for people: where they stand, what waits and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from fmgsync.assessing.assessment import UNASSESSED
from fmgsync.cli import instants
from fmgsync.cli.tables import cell, names, table
from fmgsync.model.target import title_of
from fmgsync.passes import wrong_clock
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from rich.console import Console

    from fmgsync.model.preview import PendingEdit
    from fmgsync.passes.result import Pass, Result

SHOWN = 20
"""Waiting devices listed for people before the rest becomes a count."""


def rollout_rows(result: Result) -> list[dict[str, Any]]:
    """One row per ADOM that was looked at, and one for all FortiGates of a fleet."""
    rows: dict[str, dict[str, Any]] = {}
    for adom in result.adoms:
        if adom.view is UNASSESSED or adom.seen is None:
            continue
        row, fleet = _row(adom), adom.seen.topology.fleet
        if fleet in ("", str(adom.ref)):
            rows[str(adom.ref)] = row
        elif fleet in rows:
            rows[fleet] = _joined(rows[fleet], row)
        else:
            rows[fleet] = {**row, "fleet": fleet}
    return list(rows.values())


def _joined(row: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """What a fleet's targets have each for themselves, together; the rest is the fleet's."""
    lists = {key: [*row[key], *more[key]] for key in ("next", "waits")}
    maps = {key: {**row[key], **more[key]} for key in ("unused", "foreign", "peers")}
    held, waiting = row["held"] or more["held"], row["waiting"] or more["waiting"]
    clock = sorted({*row["clock"], *more["clock"]})
    return {**row, **lists, **maps, "held": held, "waiting": waiting, "clock": clock}


def _row(adom: Pass) -> dict[str, Any]:
    record, decision = adom.view.record, adom.view.decision
    ledger = record.ledger if record is not None else None
    held = decision.held
    waiting = adom.rollout.waiting if adom.rollout is not None else None
    return {
        **adom.ref.row,
        "rules": ledger.digest if ledger is not None else None,
        "wave": decision.wave,
        "held": None
        if held is None
        else {"kind": held.kind.value, "reason": held.reason, "next": held.next_step},
        "waiting": waiting,
        "next": list(decision.start),
        "needs": decision.needs.total_seconds() if decision.needs is not None else None,
        "verified": sorted(ledger.proven) if ledger is not None else [],
        "atRisk": sorted(ledger.at_risk) if ledger is not None else [],
        "failed": [
            {"device": each.device, "detail": each.detail, "at": _written(each.failed_at)}
            for each in (ledger.failed if ledger is not None else ())
        ],
        "blocked": {d: note.why for d, note in record.blocked.items()} if record else {},
        "clock": sorted(wrong_clock.told(adom)),
        "unused": {str(t): n for t, n in (adom.rollout.unused if adom.rollout else {}).items()},
        "foreign": _edits(adom.rollout.foreign if adom.rollout else {}),
        "peers": _edits(adom.rollout.peers if adom.rollout else {}),
        "waits": [
            {"device": wait.device, "reason": wait.reason, "until": _written(wait.until)}
            for wait in decision.waits
        ],
    }


def _edits(found: Mapping[str, Sequence[PendingEdit]]) -> dict[str, list[dict[str, Any]]]:
    """Other people's pending edits by device, with the lines an install would push."""
    return {
        device: [{"what": str(edit), "lines": list(edit.lines)} for edit in edits]
        for device, edits in sorted(found.items())
    }


def _written(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(timespec="seconds")


def print_rollouts(
    console: Console, rows: Iterable[Mapping[str, Any]], zone: str = "UTC", *, quiet: bool = False
) -> None:
    """Each ADOM's rollout. `quiet` leaves out those with nothing to say."""
    for row in rows:
        silent = not any(row[key] for key in ("held", "failed", "waits", "blocked", "unused"))
        if quiet and silent and not row["waiting"]:
            continue
        title = "Rollout of " + (f"fleet {row['fleet']}" if row.get("fleet") else title_of(row))
        console.print(Text(safe_text(f"{title}: {_summary(row)}"), style="bold"))
        if row["held"]:
            step = f" ({row['held']['next']})" if row["held"]["next"] else ""
            text = f"  held: {row['held']['reason']}{step}"
            console.print(Text(safe_text(text), style="magenta"))
        if row["waiting"] and not row["held"]:
            console.print(Text(safe_text(f"  waiting: {row['waiting']}"), style="yellow"))
        for odd in () if quiet else row["clock"]:  # told as notes there
            console.print(Text(safe_text(f"  clock: {odd}"), style="yellow"))
        for failure in row["failed"]:
            text = f"  failed: {failure['device']}: {failure['detail']}"
            console.print(Text(safe_text(text), style="red"))
        for device, count in row["unused"].items():
            text = f"  {device}: {count} unused addresses stay until a whole package is installed"
            console.print(Text(safe_text(text), style="yellow"))
        _print_edits(console, row)
        _print_waits(console, row, zone)


def _print_edits(console: Console, row: Mapping[str, Any]) -> None:
    """The lines of other people that an install pushed, or would have pushed."""
    for device, edits in row["foreign"].items():
        verb = "held because of" if device in row["blocked"] else "installed along with"
        console.print(Text(safe_text(f"  {device}: {verb} other people's edits:"), "magenta"))
        for edit in edits[:SHOWN]:
            console.print(safe_text(f"    {edit['what']}"))
            for line in edit["lines"][:SHOWN]:
                console.print(safe_text(f"      {line}"))


def _summary(row: Mapping[str, Any]) -> str:
    wave = {None: "nothing left to start", 0: "canary"}.get(row["wave"], f"wave {row['wave']}")
    return f"{wave}; {len(row['verified'])} verified, {len(row['atRisk'])} at risk"


def _print_waits(console: Console, row: Mapping[str, Any], zone: str) -> None:
    waits = [] if row["held"] else row["waits"]
    if not waits:
        return
    alike: dict[tuple[str, str], list[str]] = {}
    for wait in waits:
        alike.setdefault((wait["reason"], wait["until"] or ""), []).append(wait["device"])
    made = table(("  devices", "wait", "until"))
    for (reason, until), devices in list(alike.items())[:SHOWN]:
        count = f"{len(devices)}: " if len(devices) > 3 else ""
        when = instants.local(until, zone) if until else ""
        made.add_row(cell(f"  {count}{names(devices)}"), cell(reason), cell(when))
    made.show(console)
    if len(alike) > SHOWN:
        console.print(f"  and {len(alike) - SHOWN} more")
