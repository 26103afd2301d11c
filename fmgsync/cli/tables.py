"""Plans and views for people: rich tables that turn into plain columns on a pipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fmgsync.cli import findings
from fmgsync.cli.safe import safe_text
from fmgsync.controller.once import AdomResult, Result, source_gaps
from fmgsync.model.change import Action, Change, Finding, Hold, ObjectKind
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import DeviceView, GroupState
from fmgsync.scheduling.admission import Admission

STATE_STYLE = {
    GroupState.IN_SYNC: "green",
    GroupState.NOT_REFERENCED: "dim",
    GroupState.WRITE_PENDING: "yellow",
    GroupState.INSTALL_PENDING: "yellow",
    GroupState.HELD: "magenta",
    GroupState.DRIFTED: "red",
    GroupState.UNREACHABLE: "red",
    GroupState.UNKNOWN: "red",
}
_PLAIN = (ObjectKind.ADDRESS, ObjectKind.ADDRESS6)
_SIGN = {Action.CREATE: ("+", "green"), Action.UPDATE: ("~", "yellow"), Action.DELETE: ("-", "red")}


def table(console: Console, *columns: str, title: str | None = None) -> Table:
    """A table as this console can show it: without borders and cuts on a pipe."""
    made = Table(
        title=Text(safe_text(title)) if title else None,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD if console.is_terminal else None,
        show_edge=False,
        pad_edge=False,
    )
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=not console.is_terminal)
    return made


def cell(value: object, style: str = "") -> Text:
    """Untrusted text as a cell: no markup, no control characters."""
    return Text(safe_text(str(value)), style=style)


def all_views(result: Result) -> list[DeviceView]:
    """The views of all ADOMs in the order of the documents."""
    return [view for adom in result.adoms if adom.survey for view in adom.survey.views]


# --- plan ---------------------------------------------------------------------------------------


FEW = 12
"""So many address objects are listed; more become one line, unless asked for."""


def print_plan(console: Console, result: Result, *, all_addresses: bool = False) -> None:
    """Changes per ADOM, the blast radius, what would be installed, what stands in the way."""
    for adom in result.adoms:
        if adom.seen is None:
            continue
        plan = adom.seen.plan
        if plan.changes:
            title = f"ADOM {plan.ref.adom} on {plan.ref.fortimanager}: {counted(plan.changes)}"
            made = table(console, "", "kind", "name", "device", "+", "-", "because", title=title)
            plain = [c for c in plan.changes if c.kind in _PLAIN]
            folded = len(plain) > FEW and not all_addresses
            for change in plan.changes:
                if folded and change.kind in _PLAIN and change.action is not Action.UPDATE:
                    continue
                sign, style = _SIGN[change.action]
                made.add_row(
                    cell(sign, style),
                    cell(change.kind),
                    cell(change.name),
                    cell(change.device or ""),
                    cell(findings.members(change.added) if change.added else ""),
                    cell(findings.members(change.removed) if change.removed else ""),
                    cell(change.because),
                )
            console.print(made)
            if folded:
                console.print(f"and address objects: {counted(plain)} (-v lists them)")
        else:
            console.print(f"ADOM {safe_text(plan.ref.adom)}: nothing to write")
        findings.print_findings(console, findings.of_plan(plan))
        _print_installs(console, adom)
    print_problems(console, result)
    if sum(len(adom.seen.plan.held) for adom in result.adoms if adom.seen) > 1:
        console.print(f"let all through that waits: fmgsync approve {result.digest}")
    if any(adom.seen for adom in result.adoms):
        console.print(f"digest {result.digest}; {blast_radius(result)}")


def counted(changes: Iterable[Change]) -> str:
    """`3 to create, 1 to update`."""
    found = Counter(change.action for change in changes)
    return ", ".join(f"{found[a]} to {a.value}" for a in Action if found[a]) or "nothing"


def blast_radius(result: Result) -> str:
    """How much of the estate the plan touches, in one line."""
    found = result.blast_radius
    return (
        f"{_many(found.changes, 'change')}, {_many(found.groups, 'group')} on "
        f"{_many(found.devices, 'device')}: {_many(found.added, 'grant')} added, "
        f"{found.removed} removed; installs on {_many(result.behind, 'device VDOM')}"
    )


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _print_installs(console: Console, adom: AdomResult) -> None:
    survey = adom.survey
    if survey is None:
        return
    admissions = {each.pending: each for each in adom.admissions}
    if survey.pending:
        title = "Installs outstanding"
        made = table(console, "device", "package", "groups", "why", "starts", title=title)
        for entry in survey.pending:
            admission = admissions.get(entry)
            made.add_row(
                cell(entry.target),
                cell(entry.package),
                cell(", ".join(entry.groups)),
                cell("; ".join(reason.value for reason in entry.reasons)),
                cell(*_starts(admission)) if admission else "",
            )
        console.print(made)
    for silent in survey.not_referenced:
        for name, because in zip(silent.groups, silent.because, strict=True):
            text = f"not referenced: {name} never reaches {silent.target}: {because}"
            console.print(Text(safe_text(text), "dim"))


def _starts(admission: Admission) -> tuple[str, str]:
    """When an install may start, in words, and how it looks."""
    if admission.held:
        return f"held: {admission.because}", "magenta"
    if admission.may_start:
        return "now", "green"
    opens = f"; opens {admission.opens_at:%Y-%m-%d %H:%M} UTC" if admission.opens_at else ""
    return f"{admission.because}{opens}", "yellow"


def plan_markdown(result: Result) -> str:
    """The plan as a Markdown comment for a pull request."""
    lines = [f"### fmgsync plan `{result.digest}`", "", blast_radius(result), ""]
    for adom in result.adoms:
        if adom.seen is None:
            continue
        plan = adom.seen.plan
        lines += [f"#### {_escaped(str(plan.ref))}: {counted(plan.changes)}", ""]
        if plan.changes:
            lines += ["| | kind | name | device | added | removed |", "|---|---|---|---|---|---|"]
            lines += [_markdown_row(change) for change in plan.changes]
            lines.append("")
        lines += [f"- {_finding(finding)}" for finding in findings.of_plan(plan)]
        for entry in adom.survey.pending if adom.survey else ():
            lines.append(f"- install {_escaped(f'{entry.package} on {entry.target}')}")
    lines += [f"- **{_escaped(text)}**" for text in source_gaps(result.inventory)]
    lines += [f"- **{_escaped(str(adom.error))}**" for adom in result.adoms if adom.error]
    return "\n".join(lines)


def _finding(finding: Finding) -> str:
    text = _escaped(findings.sentence(finding))
    if isinstance(finding, Hold):
        return f"**held** {text} (`fmgsync approve {finding.digest}`)"
    return text


def _markdown_row(change: Change) -> str:
    cells = (
        _SIGN[change.action][0],
        change.kind.value,
        change.name,
        str(change.device or ""),
        findings.members(change.added) if change.added else "",
        findings.members(change.removed) if change.removed else "",
    )
    return "| " + " | ".join(_escaped(text) for text in cells) + " |"


def _escaped(text: str) -> str:
    safe = safe_text(text)
    for character in "\\`*_[]<>|":
        safe = safe.replace(character, f"\\{character}")
    return safe


# --- apply, verify ------------------------------------------------------------------------------


def print_apply(console: Console, result: Result) -> None:
    """What was written, installed, and what each device holds now."""
    for adom in result.adoms:
        if adom.report:
            count = len(adom.report.written)
            done = "submitted for approval" if count and adom.report.submitted else "written"
            console.print(f"ADOM {safe_text(adom.ref.adom)}: {count} changes {done}")
            for change, message in adom.report.refused:
                text = f"refused: {change.action} {change.kind} {change.name}: {message}"
                console.print(Text(safe_text(text), style="red"))
        if adom.seen:
            plan = adom.seen.plan
            findings.print_findings(console, findings.of_plan(plan))
        for outcome in adom.outcomes:
            text = f"install on {outcome.target}: {outcome.outcome.value}: {outcome.detail}"
            console.print(safe_text(text))
    if any(adom.survey for adom in result.adoms):
        print_views(console, result)
    print_problems(console, result)


def print_views(console: Console, result: Result) -> None:
    """The four views, one line per device VDOM and group."""
    made = table(
        console, "device", "group", "state", "desired", "ADOM", "device database", "device"
    )
    for view in all_views(result):
        for group in view.groups:
            made.add_row(
                cell(view.target),
                cell(group.name),
                cell(findings.state(group), STATE_STYLE[group.state]),
                cell(findings.members(group.desired)),
                cell(findings.members(group.adom)),
                cell(findings.members(group.device_database)),
                cell(findings.members(group.device)),
            )
    console.print(made)


def print_verify(console: Console, result: Result, done: Collection[DeviceVdom]) -> None:
    """One line per device, and what differs on those that are not verified."""
    made = table(console, "device", "verdict", "group", "should be", "is")
    for view in all_views(result):
        if view.target in done:
            made.add_row(cell(view.target), cell("verified", "green"), "", "", "")
            continue
        for group in view.groups:
            made.add_row(
                cell(view.target),
                cell(findings.state(group), STATE_STYLE[group.state]),
                cell(group.name),
                cell(findings.members(group.adom)),
                cell(findings.members(group.device)),
            )
    console.print(made)
    print_problems(console, result)
    console.print(f"{len(done)} of {len(all_views(result))} device VDOMs verified")


def print_problems(console: Console, result: Result) -> None:
    """What was withheld, and sources and ADOMs that could not be read."""
    findings.print_findings(console, result.inventory.findings)
    for text in source_gaps(result.inventory):
        console.print(Text("source: " + safe_text(text), style="yellow"))
    for adom in result.adoms:
        if adom.seen and adom.seen.submission:
            text = f"ADOM {adom.ref.adom} on {adom.ref.fortimanager}: {adom.seen.submission}"
            console.print(Text("waits: " + safe_text(text), style="magenta"))
        if adom.error:
            console.print(Text("error: " + safe_text(str(adom.error)), style="red"))


def print_selected(console: Console, canonical: str, rows: Sequence[dict[str, object]]) -> None:
    """What a selector selects."""
    made = table(console, "cluster", "name", "addresses", title=canonical)
    for row in rows:
        addresses = row["addresses"]
        text = ", ".join(addresses) if isinstance(addresses, list) else ""
        made.add_row(cell(row["cluster"]), cell(row["name"]), cell(text))
    console.print(made)
    console.print(f"{len(rows)} selected")
