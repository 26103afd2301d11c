"""What people should know beside the changes: errors of rules, parts that wait, notes.

Everything here comes from the JSON documents, so a running controller and a saved plan are told
in the same words as what was just looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from fmgsync.cli.tables import names
from fmgsync.model.address import Address, sort_key
from fmgsync.model.words import some
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from rich.console import Console

Row = Mapping[str, Any]

SHOWN = 8
"""Addresses listed in one line before the rest becomes a count."""

KINDS = ("foreign", "held", "findings")
"""The members of a document that hold findings: what stands in the way, what waits, notes."""

_WORDS = {"foreign": ("error", "red"), "held": ("held", "magenta"), "findings": ("note", "yellow")}


def members(addresses: Collection[str] | None, most: int = SHOWN) -> str:
    """A set of addresses in one cell; `?` where it is not known, `none` where it is empty."""
    if addresses is None:
        return "?"
    if not addresses:
        return "none"
    return some(_ordered(addresses), most)


def _ordered(addresses: Collection[str]) -> list[str]:
    try:
        return sorted(addresses, key=lambda each: sort_key(Address(each)))
    except ValueError:  # a document may come from outside
        return sorted(addresses)


def told(state: str, because: str) -> str:
    """`held: why`, or the state alone."""
    return f"{state}: {because}" if because else state


def place(row: Row) -> str:
    """`device/vdom`."""
    return f"{row['device']}/{row['vdom']}"


def print_stops(console: Console, document: Row) -> None:
    """What a person has stopped: nothing matters more."""
    for row in document.get("stops", ()):
        line = Text("stopped: ", "bold red")
        line.append(safe_text(f"{row['message']}; nothing is written or installed there"), "bold")
        console.print(line)
        console.print("      let it go on: fmgsync start")


def print_rows(console: Console, document: Row, *, every: bool = False) -> None:
    """One line for each finding and all places that share it, of notes all objects as well; of a
    group that waits one line for all its devices, and the command that lets it through. `every`
    tells each device's digest."""
    for kind in KINDS:
        word, style = _WORDS[kind]
        alike: dict[tuple[str, str], list[Row]] = {}
        for row in document.get(kind, ()):
            together = row.get("groupDigest") or row["message"]
            is_note = kind == "findings" and not (row.get("next") or row.get("device"))
            alike.setdefault(("" if is_note else row["name"], together), []).append(row)
        for rows in alike.values():
            line = Text(f"{word}: ", style=style)
            line.append(safe_text(_told_of(rows)), style="")
            console.print(line)
            for step in _steps(rows, every=every):
                console.print(safe_text(f"      {step}"))


def _told_of(rows: Sequence[Row]) -> str:
    """One sentence for all devices; where they differ, the first two of what is said of them."""
    devices = [row["device"] for row in rows if row.get("device")]
    said = list(dict.fromkeys(row["message"] for row in rows))
    more = f" and {len(said) - 2} more" if len(said) > 2 else ""
    moving = {
        name: sorted({address for row in rows for address in row.get(name) or ()})
        for name in ("added", "removed")
    }
    about = names(row["name"] for row in rows)
    told = {**rows[0], **moving, "name": about, "message": "; ".join(said[:2]) + more}
    return sentence(told, devices)


def _steps(rows: Sequence[Row], *, every: bool) -> Iterator[str]:
    """What a person does about it."""
    first = rows[0]
    if first.get("next"):
        yield first["next"]
    if not first.get("digest"):
        return
    digest = first.get("groupDigest") or first["digest"]
    yield f"let it through: fmgsync approve {digest}"
    if len(rows) > 1 and every:
        for row in rows:
            where = f" ({row['device']})" if row.get("device") else ""
            yield f"  or a part of it: fmgsync approve {row['digest']}{where}"


def print_errors(console: Console, document: Row) -> None:
    """What stands in the way, without what waits and the notes."""
    print_rows(console, {"foreign": document.get("foreign", ())})


def sentence(row: Row, devices: Iterable[str] = ()) -> str:
    """The object, the places and what there is to say; not yet safe for a terminal."""
    where = names(devices) or row.get("device") or ""
    moving = row.get("added") or row.get("removed") or ()
    which = f": {members(moving)}" if row.get("digest") and moving else ""
    return f"{row['name']}{f' on {where}' if where else ''}: {row['message']}{which}"


def print_problems(console: Console, document: Row) -> None:
    """What could not be read, what was withheld, what waits for approval, what failed."""
    for word, member, style in (
        ("source", "sources", "yellow"),
        ("waits", "submitted", "magenta"),
        ("error", "errors", "red"),
    ):
        for row in document.get(member, ()):
            text = f"{row['name']}: {row['message']}" if row.get("name") else row["message"]
            where = f"{row['where']}: " if row.get("where") else ""
            console.print(Text(f"{word}: {safe_text(where + text)}", style=style))
            if row.get("next"):
                console.print(safe_text(f"      next: {row['next']}"))
