"""`apply` for people, from its JSON document: what was done, then how everything stands.

FortiGates and objects of which the same is to be told share a line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from fmgsync.cli import findings
from fmgsync.cli.status_text import Row, print_status
from fmgsync.cli.tables import many, names
from fmgsync.model.target import path_of, title_of
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from rich.console import Console


def print_apply(console: Console, document: Row) -> None:
    """What was written and installed, then how everything stands."""
    for text in _written(document["adoms"]):
        console.print(safe_text(text))
    for text in _refused(document["refused"]):
        console.print(Text(safe_text(text), style="red"))
    alike: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in document["outcomes"]:
        what = "write to" if row.get("fortigate") else "install on"
        alike[what, row["outcome"], row["detail"]].append(findings.place(row))
    for (what, outcome, detail), places in alike.items():
        text = f"{what} {names(places)}: {findings.told(outcome, detail)}"
        console.print(safe_text(text))
    print_status(console, document)


def _written(adoms: Sequence[Row]) -> Iterator[str]:
    """One line for all FortiGates to which as much was written."""
    alike: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for adom in adoms:
        done = "submitted for approval" if adom["submitted"] else "written"
        alone = "" if "fortigate" in adom else title_of(adom)
        alike[alone, f"{many(adom['written'], 'change')} {done}"].append(adom)
    for (_, what), theirs in alike.items():
        first, *more = theirs
        where = names(map(path_of, theirs))
        yield f"{where}: {what} each" if more else f"{title_of(first)}: {what}"


def _refused(rows: Iterable[Row]) -> Iterator[str]:
    """One line for all objects that were refused for one reason."""
    alike: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in rows:
        alike[row["action"], row["kind"], row["message"]].append(row["name"])
    for (action, kind, message), found in alike.items():
        yield f"refused: {action} {kind} {names(found)}: {message}"
