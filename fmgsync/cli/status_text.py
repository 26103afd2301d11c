"""`status` and `verify` for people, from their JSON documents.

A summary first, then only what is not in sync, the worst first, devices that share a trouble in
one row. `wide` shows every group on every device with its four views instead.
"""

from __future__ import annotations

import fnmatch
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from fmgsync.cli import findings, instants
from fmgsync.cli.tables import cell, many, names, table
from fmgsync.model.target import natural, path_of, title_of
from fmgsync.model.view import GroupState
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from rich.console import Console

Row = Mapping[str, Any]

STYLES = {
    GroupState.DRIFTED: "red",
    GroupState.UNREACHABLE: "red",
    GroupState.UNKNOWN: "red",
    GroupState.HELD: "magenta",
    GroupState.INSTALL_PENDING: "yellow",
    GroupState.WRITE_PENDING: "yellow",
    GroupState.NOT_REFERENCED: "dim",
    GroupState.IN_SYNC: "green",
}
"""By state, the worst first."""

_ORDER = {state.value: number for number, state in enumerate(STYLES)}
_FINE = {GroupState.IN_SYNC.value, GroupState.NOT_REFERENCED.value}
_GRANTS_SHOWN = 5
_LISTED = 4
_TO_THE_MINUTE = len("2026-03-02T01:00")
_VIEWS = ("desired", "adom", "deviceDatabase", "device")


@dataclass(frozen=True, slots=True)
class Filter:
    """What of a status is wanted; shell patterns, case counts. None: everything."""

    adom: str | None = None
    device: str | None = None
    group: str | None = None
    state: str | None = None

    def __call__(self, document: Row) -> dict[str, Any]:
        """The document with these devices and groups alone."""
        devices = []
        for device in document["devices"]:
            place = (device["device"], findings.place(device))
            adom = (device["adom"] or "", path_of(device))
            if not _matches(self.device, *place) or not _matches(self.adom, *adom):
                continue
            groups = [g for g in device["groups"] if self._wants(g)]
            grants = [g for g in device["staleGrants"] if _matches(self.group, g["group"])]
            if groups or (self.group is None and self.state is None):
                devices.append({**device, "groups": groups, "staleGrants": grants})
        return {**document, "devices": devices}

    def _wants(self, group: Row) -> bool:
        return _matches(self.group, group["name"]) and self.state in (None, group["state"])


def _matches(pattern: str | None, *texts: str) -> bool:
    return pattern is None or any(fnmatch.fnmatchcase(text, pattern) for text in texts)


def print_status(console: Console, document: Row, *, wide: bool = False) -> None:
    """How everything stands: on one screen, however many devices there are."""
    findings.print_stops(console, document)
    _print_summary(console, document)
    if wide:
        print_views(console, document)
    else:
        _print_trouble(console, document)
    _print_unseen_writes(console, document)
    findings.print_rows(console, document)
    _print_stale_grants(console, document, every=wide)
    for held in document.get("locks", ()):
        part = held.get("part")
        what = "locked" if held["whole"] else f"{part} locked" if part else "locked in part"
        since = held["since"] or "an unknown time"
        who = f"{what} by {held['user']!r} since {since} (session {held['session']})"
        text = f"lock: {title_of(held)}: {who}"
        console.print(Text(safe_text(text), style="magenta"))
    _print_windows(console, document)
    findings.print_problems(console, document)
    for line in cluster_lines(document):
        console.print(safe_text(line))


def _print_unseen_writes(console: Console, document: Row) -> None:
    """What is to be written although every group is as it should be: nothing else would tell why
    something is outstanding."""
    troubled = {
        path_of(device)
        for device in document["devices"]
        if any(group["state"] not in _FINE for group in device["groups"])
    }
    for row in document.get("pendingWrites", ()):
        if path_of(row) not in troubled:
            changes = many(row["changes"], "change")
            text = f"to write: {title_of(row)}: {changes} of objects that no group shows"
            console.print(Text(safe_text(f"{text}; 'fmgsync plan -v' lists them"), "yellow"))


def cluster_lines(document: Row) -> list[str]:
    """How long ago each cluster was heard: a line for each, and one for what is not followed."""
    lines = []
    for cluster in document.get("clusters", ()):
        ages = [f"{row['kind']} {_ago(row['secondsAgo'])}" for row in cluster["kinds"]]
        if ages:
            lines.append(f"cluster {cluster['cluster']}: last heard: {', '.join(ages)}")
        for row in cluster["kinds"]:
            if not row["followed"]:
                why = f": {row['because']}" if row.get("because") else ""
                lines.append(f"  {row['kind']} are not followed now{why}")
    return lines


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.0f} s ago"


def _print_summary(console: Console, document: Row) -> None:
    """A line for each ADOM, and one for all FortiGates of a fleet: how many device VDOMs are how,
    by their worst group."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for device in document["devices"]:
        states = [g["state"] for g in device["groups"]] or [GroupState.NOT_REFERENCED.value]
        worst = min(states, key=_trouble)
        fleet = device.get("fleet")
        found[f"fleet {fleet}" if fleet else title_of(device)][worst] += 1
    for adom, counts in sorted(found.items(), key=lambda each: natural(each[0])):
        line = Text(safe_text(f"{adom}: {many(counts.total(), 'device VDOM')}: "))
        for number, state in enumerate(sorted(counts, key=_trouble, reverse=True)):
            line.append(", " if number else "").append(f"{counts[state]} ")
            line.append(safe_text(state), _style(state))
        console.print(line)
    grants = [grant for device in document["devices"] for grant in device["staleGrants"]]
    if grants:
        since = [grant["since"] for grant in grants]
        oldest = (
            "not known" if None in since else instants.local(min(since), instants.zone_of(document))
        )
        console.print(Text(f"{many(len(grants), 'stale grant')}, the oldest since {oldest}", "red"))


def _trouble(state: str) -> int:
    """Sorts the worst first; what is not known here counts as bad."""
    return _ORDER.get(state, 0)


def _style(state: str) -> str:
    return next((style for known, style in STYLES.items() if known.value == state), "red")


def _print_trouble(console: Console, document: Row) -> None:
    """What is not in sync: one row for all groups and devices that share a trouble.

    A few addresses are listed, of more it is told how many; `-o wide` has them all.
    """
    found: defaultdict[tuple[str, str, str], list[tuple[str, Row]]] = defaultdict(list)
    for device in document["devices"]:
        for group in device["groups"]:
            if group["state"] not in _FINE:
                told = findings.told(group["state"], group.get("because", ""))
                told = instants.sentence(told, instants.zone_of(document))
                key = (group["state"], told, group["name"])
                found[key].append((findings.place(device), group))
    if not found:
        return
    alike: defaultdict[tuple[str, str, tuple[str, ...]], list[Row]] = defaultdict(list)
    for (state, told, _), places in found.items():
        where = tuple(sorted({place for place, _ in places}))
        alike[state, told, where].extend(group for _, group in places)
    made = table(("state", "groups", "device VDOMs", "to come (+), to go (-)"))
    for (state, told, where), groups in sorted(
        alike.items(), key=lambda row: (_trouble(row[0][0]), -len(row[0][2]), row[0])
    ):
        listed = names(group["name"] for group in groups)
        made.add_row(cell(told, _style(state)), cell(listed), cell(names(where)), _moving(groups))
    made.show(console)


def _moving(groups: Sequence[Row]) -> Text:
    come, go = set[str](), set[str]()
    for wanted, last in map(_difference, groups):
        come |= wanted
        go |= last
    parts = (("+", come), ("-", go))
    if len(come) + len(go) > _LISTED:
        return cell("  ".join(f"{sign}{len(part)}" for sign, part in parts if part))
    return cell("  ".join(f"{sign} {findings.members(part)}" for sign, part in parts if part))


def troubled(document: Row) -> list[str]:
    """The names of device VDOMs on which something is not in sync."""
    return sorted(
        (
            safe_text(findings.place(device))
            for device in document["devices"]
            if any(group["state"] not in _FINE for group in device["groups"])
        ),
        key=natural,
    )


def _difference(group: Row) -> tuple[set[str], set[str]]:
    """What desired asks for beyond the last view that is known, and the other way round."""
    known = [group[view] for view in _VIEWS[1:] if group[view] is not None]
    if group["state"] == GroupState.WRITE_PENDING.value:
        known = [group["adom"] or ()]
    if group["desired"] is None or not known:
        return set(), set()
    wanted, last = set(group["desired"]), set(known[-1])
    return wanted - last, last - wanted


def print_views(console: Console, document: Row) -> None:
    """The four views, one line for each device VDOM and group."""
    made = table(("device", "group", "state", "desired", "ADOM", "device database", "device"))
    for device in sorted(document["devices"], key=_by_name):
        for group in device["groups"]:
            made.add_row(
                cell(findings.place(device)),
                cell(group["name"]),
                _state(group, instants.zone_of(document)),
                *(cell(findings.members(group[view])) for view in _VIEWS),
            )
    made.show(console)


def _state(group: Row, zone: str) -> Text:
    told = instants.sentence(findings.told(group["state"], group.get("because", "")), zone)
    return cell(told, _style(group["state"]))


def _by_name(device: Row) -> list[tuple[bool, int, str]]:
    return natural(findings.place(device))


def _print_stale_grants(console: Console, document: Row, *, every: bool) -> None:
    """The oldest first; one row for all addresses of a group that share devices and time, which
    is told to the minute."""
    of_minute: dict[str, str] = {}
    places: defaultdict[tuple[str, str, str, bool], list[str]] = defaultdict(list)
    for device in document["devices"]:
        for grant in device["staleGrants"]:
            reused = bool(grant.get("reused"))
            since = str(grant["since"] or "")
            since = since if every else of_minute.setdefault(since[:_TO_THE_MINUTE], since)
            key = (since, grant["group"], grant["address"], reused)
            places[key].append(findings.place(device))
    if not places:
        return
    rows: defaultdict[tuple[str, str, bool, str], list[str]] = defaultdict(list)
    for (since, group, address, reused), where in sorted(places.items()):
        rows[since, group, reused, names(where)].append(address)
    title = "Stale grants (sessions that are open already may outlive the removal)"
    made = table(("since", "group", "addresses", "device VDOMs", ""), title=title)
    shown = sorted(rows.items())[: None if every else _GRANTS_SHOWN]
    for (since, group, reused, places_told), addresses in shown:
        made.add_row(
            cell(instants.local(since or None, instants.zone_of(document))),
            cell(group),
            cell(findings.members(addresses, len(addresses) if every else 2)),
            cell(places_told),
            cell("another workload has it now" if reused else "", "red"),
        )
    made.show(console)
    if len(shown) < len(rows):
        console.print(f"and {len(rows) - len(shown)} more (-o wide lists them)")


def _print_windows(console: Console, document: Row) -> None:
    """One line for all device VDOMs that open at the same time, the next first."""
    opening: defaultdict[tuple[bool, str], list[str]] = defaultdict(list)
    for device in document["devices"]:
        if "nextWindow" in device:
            at = device["nextWindow"]
            when = "none" if at is None else instants.local(at, instants.zone_of(document))
            when = "open now" if device.get("openNow") else when
            opening[at is None, when].append(findings.place(device))
    for (_, when), places in sorted(opening.items()):
        console.print(safe_text(f"next window: {when}: {names(places)}"))


def print_verify(console: Console, document: Row) -> None:
    """What differs where, and how many device VDOMs answered as they should."""
    made = table(("device", "verdict", "group", "should be", "is"))
    wrong = [device for device in document["devices"] if not device["verified"]]
    for device, group in _groups(wrong):
        made.add_row(
            cell(findings.place(device)),
            _state(group, instants.zone_of(document)),
            cell(group["name"]),
            cell(findings.members(_yardstick(group))),
            cell(findings.members(group["device"])),
        )
    if wrong:
        made.show(console)
    _print_unseen_writes(console, document)
    findings.print_errors(console, document)
    findings.print_problems(console, document)
    total = len(document["devices"])
    done = total - len(wrong)
    if done:
        right = (findings.place(d) for d in document["devices"] if d["verified"])
        console.print(Text(safe_text(f"verified: {names(right, 8)}"), style="green"))
    console.print(f"{done} of {many(total, 'device VDOM')} verified")


def _yardstick(group: Row) -> Sequence[str] | None:
    """What a device is held to: what the rules want there, less what waits for a person."""
    is_wanted = group["state"] != GroupState.HELD.value and group["desired"] is not None
    wanted: Sequence[str] | None = group["desired" if is_wanted else "adom"]
    return wanted


def _groups(devices: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    for device in sorted(devices, key=_by_name):
        for group in device["groups"]:
            yield device, group
