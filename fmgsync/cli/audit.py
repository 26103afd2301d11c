"""`fmgsync audit`: what was decided, by whom and why, and proof that nobody changed it since."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync.cli import common
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from fmgsync.audit import Line


@click.group("audit", cls=common.Group)
def command() -> None:
    """Read the audit: one line for each decision about an install, never changed, each chained to
    the one before it.

    \b
    fmgsync audit show --device fgt-east-1 --last 20
    fmgsync audit verify
    """


_FILE = click.option(
    "--audit-file",
    "audit_files",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="The file to read; several, the oldest first, where it was rotated.  [default: audit.jsonl"
    " in the state folder]",
)


@command.command("show")
@_FILE
@click.option("--device", help="Only lines about this device.")
@click.option("--run", "run_id", help="Only lines of this run.")
@click.option("--last", type=click.IntRange(1), help="Only so many of the latest lines.")
@common.state_option
@common.command_options(configured=False)
def show(
    options: common.Options,
    state_dir: Path,
    audit_files: tuple[Path, ...],
    device: str | None,
    run_id: str | None,
    last: int | None,
) -> int:
    """Show what was decided: when, by whom, on which device, in which wave and window, and why.

    With --output json each line is as it was written, with every field.

    \b
    fmgsync audit show
    fmgsync audit show --device fgt-east-1 --last 20
    """
    lines = [
        line
        for line in _read(audit_files, state_dir)
        if line.fields
        and (device is None or line.fields.get("device") == device)
        and (run_id is None or line.fields.get("run") == run_id)
    ]
    chosen = lines[-last:] if last else lines
    if options.is_json:
        options.print_document([dict(line.fields) for line in chosen])
    else:
        print_lines(options.console(), chosen)
    return common.IN_SYNC


@command.command("verify")
@_FILE
@common.state_option
@common.command_options()
def verify(options: common.Options, state_dir: Path, audit_files: tuple[Path, ...]) -> int:
    """Prove that no line was altered, removed, inserted, or cut off at either end.

    The end is held against what is remembered apart from the file. Exit codes: 0 whole, 1 not.

    \b
    fmgsync audit verify
    """
    from fmgsync import audit
    from fmgsync.clock import SystemClock
    from fmgsync.state.heads import AuditHeads
    from fmgsync.wiring import memories

    lines = _read(audit_files, state_dir)
    problems = [f"line {line.position} {line.problem}" for line in lines if line.problem]
    documents = memories.make_documents(options.config, state_dir=state_dir, clock=SystemClock())
    known = AuditHeads(documents).read_all()
    problems += audit.missing(audit.ends(lines), known)
    if options.is_json:
        options.print_document({"lines": len(lines), "problems": problems})
    else:
        for problem in problems:
            click.echo(safe_text(problem), err=True)
        click.echo(f"{len(lines)} lines, {'whole' if not problems else 'NOT whole'}")
    return common.FAILED if problems else common.IN_SYNC


def _read(audit_files: Sequence[Path], state_dir: Path) -> Sequence[Line]:
    from fmgsync import audit
    from fmgsync.passes.install_context import AUDIT

    return audit.read(*(audit_files or (state_dir / AUDIT,)))


def print_lines(console: Console, lines: Iterable[Line]) -> None:
    """A row for each decision."""
    from fmgsync.cli import tables

    made = tables.table(("at", "who", "event", "where", "wave", "what", "reason"))
    for line in lines:
        fields = line.fields
        made.add_row(
            tables.cell(fields["at"][:19] + "Z"),
            tables.cell(fields.get("who", "")),
            tables.cell(told(fields)),
            tables.cell(_where(fields)),
            tables.cell(_wave(fields)),
            tables.cell(_what(fields)),
            tables.cell(fields.get("reason", "")),
        )
    made.show(console)


def _where(fields: Any) -> str:
    if "device" in fields:
        vdom = f"/{fields['vdom']}" if "vdom" in fields else ""
        return f"{fields['device']}{vdom}"
    if "fortigate" in fields:
        return f"{fields['fortigate']}/{fields.get('vdom', '')}"
    return f"{fields.get('fortimanager', '')}/{fields.get('adom', '')}"


def told(fields: Mapping[str, Any]) -> str:
    """What happened, in a word. On a FortiGate without a FortiManager nothing is installed: it is
    said that it is being delivered to, before it is written."""
    return "deliver" if fields["event"] == "install" and "fortigate" in fields else fields["event"]


def _wave(fields: Any) -> str:
    wave = fields.get("wave")
    return "" if wave is None else "canary" if wave == 0 else str(wave)


def _what(fields: Any) -> str:
    """The one field that says most about this event."""
    for name in ("why", "detail", "what", "message", "window"):
        if name in fields:
            return str(fields[name])
    return ""
