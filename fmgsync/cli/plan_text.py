"""A plan for people, from its JSON document: folded where devices share a change.

The same for a plan just made and for one that was saved.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from fmgsync.cli import findings, instants
from fmgsync.cli.tables import cell, many, names, table
from fmgsync.model.target import path_of, title_of
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from rich.console import Console

Row = Mapping[str, Any]

NO_CHANGES = "No changes."
_ACTIONS = ("create", "update", "delete")
_SIGN = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}
_ADDRESSES = ("address", "address6")
_FEW, _FIRST = 4, 2
_WORKLOADS, _USES = 3, 3


def print_plan(console: Console, document: Row, *, every: bool = False) -> None:
    """Totals first and last; between them per ADOM what changes, what is installed, what waits.

    `every` lists each object and each device instead of folding what they share.
    """
    totals = total(document)
    findings.print_stops(console, document)
    if document["adoms"]:
        console.print(Text(totals, "bold"))
    for adom, where in alike(document["adoms"], every=every):
        _print_adom(console, adom, where, every=every)
    _print_installs(console, document, every=every)
    findings.print_problems(console, document)
    if len([row for adom in document["adoms"] for row in adom["held"]]) > 1:
        console.print(
            f"let all through that waits: fmgsync approve {safe_text(document['digest'])}"
        )
    if document["adoms"]:
        console.print(Text(f"{totals} Digest {safe_text(document['digest'])}.", "bold"))


def total(document: Row) -> str:
    """The plan in one sentence."""
    changes = [change for adom in document["adoms"] for change in adom["changes"]]
    parts = []
    if changes:
        parts.append(_changed(document, changes))
    parts += filter(None, (_outstanding(document["installs"], *each) for each in _TURNS))
    held = sum(len(adom["held"]) for adom in document["adoms"])
    if held:
        parts.append(f"{held} held for a person")
    return f"{'; '.join(parts)}." if parts else NO_CHANGES


def _changed(document: Row, changes: Sequence[Row]) -> str:
    groups = [change for change in changes if change["kind"] not in _ADDRESSES]
    radius = document["blastRadius"]
    if not groups:
        return f"{many(len(changes), 'address object')} change"
    verb = "changes" if radius["groups"] == 1 else "change"
    come = {address for change in groups for address in change["added"]}
    go = {address for change in groups for address in change["removed"]}
    return (
        f"{many(radius['groups'], 'group')} {verb} on {many(radius['devices'], 'FortiGate')}: "
        f"{many(len(come), 'address').replace('addresss', 'addresses')} added, {len(go)} removed"
    )


def _is_install(row: Row) -> bool:
    return row["package"] is not None


def _is_write(row: Row) -> bool:
    return bool(row.get("fortigate")) and bool(row["groups"])


_TURNS: Final = (("install", _is_install), ("write", _is_write))
"""What a FortiGate waits for: an install, or, without a FortiManager, to be written."""


def _outstanding(rows: Iterable[Row], what: str, is_one: Callable[[Row], bool]) -> str | None:
    found = [row for row in rows if is_one(row)]
    if not found:
        return None
    held = sum(row["held"] is not None for row in found)
    now = sum(row["because"] is None and row["held"] is None for row in found)
    kinds = [(now, "now"), (len(found) - held - now, "later"), (held, "held")]
    told = ", ".join(f"{count} {word}" for count, word in kinds if count)
    return f"{many(len(found), what)} outstanding ({told})"


def alike(adoms: Iterable[Row], *, every: bool = False) -> Iterator[tuple[Row, str]]:
    """Each ADOM with its title; FortiGates of which the same is to be told are told of once."""
    same: dict[str, list[Row]] = {}
    for number, adom in enumerate(adoms):
        told = {key: value for key, value in adom.items() if key not in ("fortigate", "vdom")}
        is_direct = adom.get("fortigate") and not every
        key = json.dumps(told, sort_keys=True) if is_direct else str(number)
        same.setdefault(key, []).append(adom)
    for rows in same.values():
        title = title_of(rows[0])
        if len(rows) > 1:
            title = f"{many(len(rows), 'VDOM')} alike ({names(map(path_of, rows))}), each"
        yield rows[0], title


def _print_adom(console: Console, adom: Row, where: str, *, every: bool) -> None:
    changes = adom["changes"]
    if not changes:
        console.print(safe_text(f"{where}: nothing to write"))
    else:
        title = f"{where}: {counted(changes)}"
        made = table(("change", "+", "-", "where", "because"), title=title)
        for row in changes if every else folded(changes):
            sign, style = _SIGN[row["action"]]
            made.add_row(
                cell(f"{sign} {row.get('what') or row['kind']} {row['name']}", style),
                cell(_members(row["added"])),
                cell(_members(row["removed"])),
                cell(row.get("where") or row.get("device") or ""),
                cell(row["because"]),
            )
        made.show(console)
        _print_behind(console, adom, every=every)
        plain = [change for change in changes if change["kind"] in _ADDRESSES]
        if plain and not every:
            console.print(f"and address objects: {counted(plain)} (-v lists everything)")
    findings.print_rows(console, adom, every=every)


def _print_behind(console: Console, adom: Row, *, every: bool) -> None:
    """The workloads behind what comes, and the policies that let it through."""
    workloads = adom.get("workloads") or {}
    most = len(workloads) if every else _WORKLOADS
    told = [f"{address} is {'; '.join(who)}" for address, who in list(workloads.items())[:most]]
    if told:
        rest = f"; and {len(workloads) - most} more (-v)" if len(workloads) > most else ""
        console.print(Text(safe_text(f"behind them: {', '.join(told)}{rest}"), "dim"))
    uses: dict[str, list[str]] = {}
    for name, policies in (adom.get("policies") or {}).items():
        for use in policies:
            position = f"{use['action']} at position {use['position']}"
            off = "" if use["enabled"] else ", disabled"
            uses.setdefault(f"{name} by {use['policy']} ({position}{off})", []).append(name)
    listed = list(uses) if every else list(uses)[:_USES]
    if listed:
        rest = f"; and {len(uses) - len(listed)} more (-v)" if len(uses) > len(listed) else ""
        console.print(Text(safe_text(f"used: {'; '.join(listed)}{rest}"), "dim"))


def folded(changes: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Changes of groups, one row for all devices that share name, action and reason.

    Address objects are left out: what counts is which group they come to.
    """
    rows: dict[tuple[str, ...], list[Row]] = {}
    for change in changes:
        if change["kind"] in _ADDRESSES and change["action"] != "update":
            continue
        place = "" if change.get("device") else change["name"]
        what = change["kind"].removesuffix("6")
        key = (change["action"], what, change["name"], change["because"], place)
        rows.setdefault(key, []).append(change)
    for (_, what, *_), same in rows.items():
        devices = {change["device"] for change in same if change.get("device")}
        where = names(devices) if len(devices) < 4 else f"{len(devices)} device VDOMs"
        yield {
            **same[0],
            "what": "group" if what == "addrgrp" else what,
            "added": sorted({address for change in same for address in change["added"]}),
            "removed": sorted({address for change in same for address in change["removed"]}),
            "where": where,
        }


def _members(addresses: Sequence[str]) -> str:
    """All of a few, otherwise how many and which come first."""
    if len(addresses) <= _FEW:
        return findings.members(addresses) if addresses else ""
    return f"{len(addresses)}: {findings.members(addresses, _FIRST)}"


def counted(changes: Iterable[Row]) -> str:
    """`3 to create, 1 to update`."""
    found = Counter(change["action"] for change in changes)
    return ", ".join(f"{found[a]} to {a}" for a in _ACTIONS if found[a]) or "nothing"


def _print_installs(console: Console, document: Row, *, every: bool) -> None:
    rows, zone = document["installs"], instants.zone_of(document)
    for what, is_one in _TURNS:
        waiting = [row for row in rows if is_one(row)]
        packages = ("package",) if what == "install" else ()
        title = f"{what.capitalize()}s outstanding"
        made = table(("devices", *packages, "groups", "why", "starts"), title=title)
        for row, devices in _shared(waiting, every=every):
            made.add_row(
                cell(devices),
                *(cell(row[name]) for name in packages),
                cell(", ".join(row["groups"]) if every else names(row["groups"])),
                cell("; ".join(row["reasons"])),
                cell(*_starts(row, zone)),
            )
        if waiting:
            made.show(console)
    silent: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        reasons = row.get("notReferencedBecause") or [""] * len(row["notReferenced"])
        for name, because in zip(row["notReferenced"], reasons, strict=True):
            silent.setdefault((name, because), []).append(findings.place(row))
    for (name, because), places in sorted(silent.items()):
        shown = names(places, len(places) if every else 3)
        text = f"not referenced: {name} never reaches {shown}"
        console.print(Text(safe_text(f"{text}: {because}" if because else text), "dim"))


def _shared(rows: Iterable[Row], *, every: bool) -> Iterator[tuple[Row, str]]:
    """Installs that are alike but for the device."""
    alike: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        parts = (*row["groups"], "", *row["reasons"])
        opens_at = row["opensAt"] if row["because"] else None  # what starts now has no time
        key = (row["package"], parts, row["held"], row["because"], opens_at)
        alike.setdefault((*key, findings.place(row)) if every else key, []).append(row)
    for same in alike.values():
        yield same[0], names(map(findings.place, same))


def _starts(row: Row, zone: str) -> tuple[str, str]:
    """When an install may start, in words, and how it looks."""
    if row["held"] is not None:
        return f"held: {row['held']}", "magenta"
    if row["because"] is None:
        return "now", "green"
    opens = f"; opens {instants.local(row['opensAt'], zone)}" if row["opensAt"] else ""
    return f"{row['because']}{opens}", "yellow"


def markdown(document: Row) -> str:
    """The plan as a Markdown comment for a pull request, details folded away."""
    lines = [f"### fmgsync plan `{document['digest']}`", "", total(document), ""]
    for row in document.get("stops", ()):
        lines += [f"**stopped: {_escaped(row['message'])}**", ""]
    for adom, title in alike(document["adoms"]):
        where = _escaped(title if title != title_of(adom) else path_of(adom))
        lines += [f"#### {where}: {counted(adom['changes'])}", ""]
        if adom["changes"]:
            lines += _markdown_table(list(folded(adom["changes"])))
            lines += ["<details><summary>every change</summary>", ""]
            lines += [*_markdown_table(adom["changes"]), "</details>", ""]
        lines += [f"- {_finding(row)}" for word in findings.KINDS for row in adom[word]]
    for what, is_one in _TURNS:
        for row, devices in _shared(filter(is_one, document["installs"]), every=False):
            where = f"{row['package']} on {devices}" if row["package"] else devices
            told = _escaped(f"{where}: {_starts(row, instants.zone_of(document))[0]}")
            lines.append(f"- {what} {told}")
    problems = [row for word in ("sources", "errors") for row in document[word]]
    lines += [f"- **{_escaped(row['message'])}**" for row in problems]
    return "\n".join(lines)


def _markdown_table(rows: Iterable[Row]) -> list[str]:
    lines = ["| | what | name | added | removed | where |", "|---|---|---|---|---|---|"]
    for row in rows:
        cells = (
            _SIGN[row["action"]][0],
            row.get("what") or row["kind"],
            row["name"],
            _members(row["added"]),
            _members(row["removed"]),
            row.get("where") or row.get("device") or "",
        )
        lines.append("| " + " | ".join(_escaped(text) for text in cells) + " |")
    return [*lines, ""]


def _finding(row: Row) -> str:
    text = _escaped(findings.sentence(row))
    digest = row.get("digest")
    return f"**held** {text} (`fmgsync approve {digest}`)" if digest else text


def _escaped(text: str) -> str:
    safe = safe_text(text)
    for character in "\\`*_[]<>|":
        safe = safe.replace(character, f"\\{character}")
    return safe
