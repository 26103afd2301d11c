"""`fmgsync status` for people: the four views, stale grants, locks, and the windows to come."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from fmgsync.cli import findings
from fmgsync.cli.safe import safe_text
from fmgsync.cli.tables import STATE_STYLE, all_views, cell, print_problems, print_views, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from fmgsync.controller.once import Result

_Grant = tuple[str, str, str, str, bool]
"""Where, group, address, since when in words, and whether somebody else has it by now."""

_NOT_KNOWN = "not known"
SHOWN = 8
"""Device VDOMs named in one line before the rest becomes a count."""


def print_status(console: Console, result: Result, *, now: float) -> None:
    """The four views side by side, and what stands beside them."""
    print_views(console, result)
    for adom in result.adoms:
        if adom.seen:
            findings.print_findings(console, findings.of_plan(adom.seen.plan))
    _print_stale_grants(
        console,
        (
            (str(view.target), grant.group, grant.address, _since(grant.since), grant.reused)
            for view in all_views(result)
            for grant in view.stale_grants
        ),
    )
    for adom in result.adoms:
        for held in adom.locks:
            text = f"lock: ADOM {adom.ref.adom} on {adom.ref.fortimanager}: locked {held}"
            console.print(Text(safe_text(text), style="magenta"))
    _print_windows(console, result, datetime.fromtimestamp(now, UTC))
    print_problems(console, result)


def print_status_document(console: Console, document: dict[str, Any]) -> None:
    """The same from the document a running controller gives."""
    made = table(
        console, "device", "group", "state", "desired", "ADOM", "device database", "device"
    )
    grants: list[_Grant] = []
    for device in document["devices"]:
        target = f"{device['device']}/{device['vdom']}"
        for group in device["groups"]:
            style = STATE_STYLE.get(group["state"], "red")
            views = (group[view] for view in ("desired", "adom", "deviceDatabase", "device"))
            made.add_row(
                cell(target),
                cell(group["name"]),
                cell(findings.told(group["state"], group.get("because", "")), style),
                *(cell(findings.members(view)) for view in views),
            )
        grants += [
            (target, one["group"], one["address"], one["since"] or _NOT_KNOWN, one.get("reused"))
            for one in device["staleGrants"]
        ]
    console.print(made)
    for word, style in (("foreign", "red"), ("held", "magenta"), ("findings", "yellow")):
        for row in document.get(word, ()):
            place = f" on {row['device']}" if row.get("device") else ""
            console.print(Text(safe_text(f"{row['name']}{place}: {row['message']}"), style=style))
            if row.get("digest"):
                console.print(safe_text(f"      let it through: fmgsync approve {row['digest']}"))
    _print_stale_grants(console, grants)
    told = ("submitted", "sources", "errors")
    for row in (row for part in told for row in document.get(part, ())):
        console.print(Text(safe_text(row["message"]), style="yellow"))


def _print_stale_grants(console: Console, grants: Iterable[_Grant]) -> None:
    found = list(grants)
    if not found:
        return
    title = "Stale grants (sessions that are open already may outlive the removal)"
    made = table(console, "device", "group", "address", "since", "", title=title)
    for target, group, address, since, reused in found:
        again = "another workload has it now" if reused else ""
        made.add_row(*map(cell, (target, group, address, since)), cell(again, "red"))
    console.print(made)


def _since(since: float | None) -> str:
    return _NOT_KNOWN if since is None else _written(datetime.fromtimestamp(since, UTC))


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
