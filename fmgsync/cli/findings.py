"""What people should know beside the changes: errors of rules, parts that wait, notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from fmgsync.cli.safe import safe_text
from fmgsync.model.address import Address, sorted_addresses
from fmgsync.model.change import AdomPlan, Finding, Hold

if TYPE_CHECKING:
    from collections.abc import Collection

    from rich.console import Console

    from fmgsync.model.view import GroupView

SHOWN = 8
"""Addresses listed in one line before the rest becomes a count."""


def members(addresses: Collection[Address] | None) -> str:
    """A set of addresses in one cell; `?` where it is not known, `none` where it is empty."""
    if addresses is None:
        return "?"
    if not addresses:
        return "none"
    ordered = sorted_addresses(addresses)
    rest = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    return ", ".join(ordered[:SHOWN]) + rest


def state(group: GroupView) -> str:
    """A group's state on a device, with its reason."""
    return told(group.state.value, group.because)


def told(state: str, because: str) -> str:
    """`held: why`, or the state alone."""
    return f"{state}: {because}" if because else state


def of_plan(plan: AdomPlan) -> Iterator[Finding]:
    """What stands in the way first, then what waits, then notes."""
    yield from plan.foreign
    yield from plan.held
    yield from plan.findings


def print_findings(console: Console, findings: Iterable[Finding]) -> None:
    """One line each; of a part that waits also the command that lets it through."""
    for finding in findings:
        word, style = "note", "yellow"
        if finding.is_error:
            word, style = "error", "red"
        elif isinstance(finding, Hold):
            word, style = "held", "magenta"
        line = Text(f"{word}: ", style=style)
        line.append(safe_text(sentence(finding)), style="")
        console.print(line)
        if isinstance(finding, Hold):
            console.print(f"      let it through: fmgsync approve {finding.digest}")


def sentence(finding: Finding) -> str:
    """The object, the place and what there is to say; not yet safe for a terminal."""
    place = f" on {finding.device}" if finding.device else ""
    which = ""
    if isinstance(finding, Hold):
        which = f": {members(finding.added or finding.removed)}"
    return f"{finding.name}{place}: {finding.message}{which}"
