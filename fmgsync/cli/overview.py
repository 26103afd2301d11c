"""`fmgsync status` for people: the four views, stale grants, locks, and the windows to come."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

from fmgsync.cli import findings
from fmgsync.cli.safe import safe_text
from fmgsync.cli.tables import all_views, cell, print_problems, print_views, table

if TYPE_CHECKING:
    from rich.console import Console

    from fmgsync.controller.once import Result

SHOWN = 8
"""Device VDOMs named in one line before the rest becomes a count."""


def print_status(console: Console, result: Result, *, now: float) -> None:
    """The four views side by side, and what stands beside them."""
    print_views(console, result)
    for adom in result.adoms:
        if adom.seen:
            findings.print_findings(console, findings.of_plan(adom.seen.plan))
    _print_stale_grants(console, result)
    for adom in result.adoms:
        for held in adom.locks:
            text = f"lock: ADOM {adom.ref.adom} on {adom.ref.fortimanager}: locked {held}"
            console.print(Text(safe_text(text), style="magenta"))
    _print_windows(console, result, datetime.fromtimestamp(now, UTC))
    print_problems(console, result)


def _print_stale_grants(console: Console, result: Result) -> None:
    grants = [(view, grant) for view in all_views(result) for grant in view.stale_grants]
    if not grants:
        return
    title = "Stale grants (sessions that are open already may outlive the removal)"
    made = table(console, "device", "group", "address", "since", "", title=title)
    for view, grant in grants:
        made.add_row(
            cell(view.target),
            cell(grant.group),
            cell(grant.address),
            cell(_since(grant.since)),
            cell("another workload has it now" if grant.reused else "", "red"),
        )
    console.print(made)


def _since(since: float | None) -> str:
    return "not known" if since is None else _written(datetime.fromtimestamp(since, UTC))


def _print_windows(console: Console, result: Result, now: datetime) -> None:
    """One line for all device VDOMs that open at the same time, the next first."""
    opening: defaultdict[tuple[bool, str], list[str]] = defaultdict(list)
    for adom in result.adoms:
        for target, found in sorted(adom.outlooks.items()):
            opening[found.opens_at is None, _when(found.opens_at, now)].append(str(target))
    for (_, when), names in sorted(opening.items()):
        shown = ", ".join(names[:SHOWN])
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        console.print(safe_text(f"next window: {when}: {shown}{more}"))


def _when(opens_at: datetime | None, now: datetime) -> str:
    if opens_at is None:
        return "none"
    return "open now" if opens_at <= now else _written(opens_at)


def _written(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
