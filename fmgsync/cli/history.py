"""`fmgsync history`: what was done, by whom, why, proven or not; read from the audit."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync import errors
from fmgsync.cli import audit as audit_text
from fmgsync.cli import common

if TYPE_CHECKING:
    from rich.console import Console

Row = dict[str, Any]

_STYLES = {
    "verified": "green",
    "failed": "red",
    "differs": "red",
    "unreachable": "red",
    "in doubt": "red",
    "not started": "red",
    "blocked": "magenta",
    "held": "magenta",
    "stop": "magenta",
    "carried along": "yellow",
}
_WHAT = ("why", "detail", "what", "window", "urgent")
"""Fields of an audit line that say in words what happened, the first that is there."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines of the audit are asked for; shell patterns. None: all."""

    since: datetime | None = None
    until: datetime | None = None
    adom: str | None = None
    device: str | None = None
    group: str | None = None
    run: str | None = None

    def __call__(self, row: Row) -> bool:
        """Whether a row is wanted."""
        at = _instant(row["at"])
        if self.since is not None and (at is None or at < self.since):
            return False
        if self.until is not None and (at is None or at > self.until):
            return False
        adom = [row["adom"], row["adom"].rpartition("/")[2]] if row.get("adom") else []
        devices = [
            name for each in row.get("devices", ()) for name in (each, each.partition("/")[0])
        ]
        return (
            _matches(self.adom, adom)
            and _matches(self.device, devices)
            and _matches(self.group, row.get("groups", ()))
            and self.run in (None, row["run"])
        )


def _matches(pattern: str | None, texts: Iterable[str]) -> bool:
    return pattern is None or any(fnmatch.fnmatchcase(text, pattern) for text in texts)


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


@click.command("history", cls=common.Command)
@click.option(
    "--since",
    "since_text",
    metavar="TIME",
    help="From then on: 18:00 (the last time it was), 12h or 3d (ago), or an ISO 8601 time.",
)
@click.option("--until", "until_text", metavar="TIME", help="Up to then; written as --since.")
@click.option("--adom", metavar="PATTERN", help="Only this ADOM: its name or FORTIMANAGER/ADOM.")
@click.option("--device", metavar="PATTERN", help="Only this FortiGate: its name or DEVICE/VDOM.")
@click.option("--group", metavar="PATTERN", help="Only this group.")
@click.option("--run", metavar="ID", help="Only this run.")
@click.option(
    "--audit-file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="The file to read, '-' for standard input; lines of a log between those of the audit are"
    " passed over.  [default: audit.jsonl in the state folder]",
)
@common.state_option
@common.command_options(configured=False)
def command(
    options: common.Options,
    state_dir: Path,
    audit_file: Path | None,
    since_text: str | None,
    until_text: str | None,
    **chosen: str | None,
) -> int:
    """Show what was done: one line for each decision and each result, with who, why, the members
    before and after, and whether the device proved it.

    What a controller in Kubernetes did is in its output:

    \b
    fmgsync history --since 18:00 --device 'fgt-east-*'
    kubectl -n fmgsync logs deploy/fmgsync | fmgsync history --audit-file -
    """
    from fmgsync import audit
    from fmgsync.passes.install_context import AUDIT

    wanted = Wanted(_asked(since_text, "--since"), _asked(until_text, "--until"), **chosen)
    path = Path("/dev/stdin") if str(audit_file) == "-" else audit_file
    lines = audit.read(path or state_dir / AUDIT)
    rows = [row for line in lines if line.fields and wanted(row := as_row(line.fields))]
    if options.is_json:
        options.print_document(rows)
    else:
        print_history(options.console(), rows)
    # An audit that was changed is told wherever it is read.
    for line in lines:
        if line.problem and line.fields:
            options.progress(f"line {line.position} {line.problem}; see 'fmgsync audit verify'")
    return common.IN_SYNC


def _asked(text: str | None, option: str) -> datetime | None:
    from fmgsync.cli import instants

    if text is None:
        return None
    found = instants.since(text, datetime.now().astimezone())
    if found is None:
        raise errors.UsageError(
            f"{option}: {text!r} is no time", next_step="write 18:00, 12h, 3d or 2026-12-24T02:00"
        )
    return found


def as_row(fields: Mapping[str, Any]) -> Row:
    """One audit line as `{at, who, run, event, reason, adom?, devices?, groups?, outcome?}`, and
    more where it has more to say."""
    reason = _text(fields.get("reason"))
    row: Row = {
        "at": fields["at"],
        "who": _text(fields.get("who")),
        **({"by": _text(fields["by"])} if fields.get("by") else {}),
        "run": _text(fields.get("run")),
        "event": fields["event"],
        "reason": None if reason in ("", "not given") else reason,
    }
    unit, part = ("fortigate", "vdom") if fields.get("fortigate") else ("fortimanager", "adom")
    if unit == "fortigate":
        row |= {unit: _text(fields[unit]), part: _text(fields.get(part))}
    if fields.get(part):
        row["adom"] = f"{_text(fields.get(unit))}/{_text(fields[part])}"
    if devices := list(_devices(fields)):
        row["devices"] = devices
    moved = [one for one in _list(fields.get("members")) if isinstance(one, dict)]
    groups = [*map(_text, _list(fields.get("groups"))), *(_text(one.get("group")) for one in moved)]
    if groups:
        row["groups"] = sorted(set(groups))
    if moved:
        row["members"] = moved
    for name in ("outcome", "package", "tasks", "digest", "edits", "plan"):
        if name in fields:
            row[name] = fields[name]
    if isinstance(fields.get("wave"), int):
        row["wave"] = fields["wave"]
    what = next((_text(fields[name]) for name in _WHAT if fields.get(name)), "")
    if what:
        row["what"] = what
    return row


def _devices(fields: Mapping[str, Any]) -> Iterator[str]:
    if fields.get("device"):
        vdom = f"/{fields['vdom']}" if fields.get("vdom") else ""
        yield f"{_text(fields['device'])}{vdom}"
    for name in ("devices", "verified"):
        yield from map(_text, _list(fields.get(name)))
    failed = fields.get("failed")
    yield from map(_text, failed if isinstance(failed, dict) else ())


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def print_history(console: Console, rows: Iterable[Row]) -> None:
    """One row for what a run did on several devices of a wave; times are UTC."""
    from fmgsync.cli import tables

    alike: dict[tuple[Any, ...], list[Row]] = {}
    listed = list(rows)
    for row in listed:
        is_fine = row["event"] in _FOLDED
        what = None if is_fine else row.get("what")
        told = (row.get(name) for name in ("who", "by", "adom", "wave", "reason"))
        alike.setdefault((row["run"], row["event"], what, *told), []).append(row)
    made = tables.table(("at (UTC)", "event", "where", "what", "who, why"))
    for same in alike.values():
        first = same[0]
        places = [place for row in same for place in row.get("devices", ())]
        where = tables.names(places) or first.get("adom", "")
        count = f"{len(set(places))}: " if len(set(places)) > 3 else ""
        made.add_row(
            tables.cell(_minute(first["at"])),
            tables.cell(f"{audit_text.told(first)}{_wave(first)}", _STYLES.get(first["event"], "")),
            tables.cell(count + where),
            tables.cell("; ".join(filter(None, (_said(same), _moved(same))))),
            tables.cell(", ".join(filter(None, (_actor(first), first["reason"])))),
        )
    if not listed:
        console.print("Nothing was done.")
        return
    made.show(console)
    verified = sum(row["event"] == "verified" for row in listed)
    failed = sum(_STYLES.get(row["event"]) == "red" for row in listed)
    console.print(f"{tables.many(len(listed), 'line')}: {verified} verified, {failed} failed")


_FOLDED = ("verified",)
"""Events whose own words matter little: FortiManager says the same of every device."""


def _minute(at: str) -> str:
    """When, as far as it matters at night; the rows are in their order, JSON has the rest."""
    found = _instant(at)
    return at if found is None else f"{found.astimezone(UTC):%Y-%m-%d %H:%M}"


def _actor(row: Row) -> str:
    return f"{row['by']} ({row['who']})" if "by" in row else str(row["who"])


def _said(rows: Sequence[Row]) -> str:
    return "" if rows[0]["event"] in _FOLDED else str(rows[0].get("what", ""))


def _wave(row: Row) -> str:
    wave = row.get("wave")
    return "" if wave is None else " (canary)" if wave == 0 else f" (wave {wave})"


def _moved(rows: Iterable[Row]) -> str:
    """`k8s-web +1 -1` for each group whose members on these devices changed."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for row in rows:
        for one in row.get("members", ()):
            if one.get("before") is None or one.get("after") is None:
                continue
            before, after = (set(map(_text, _list(one.get(when)))) for when in ("before", "after"))
            come, go = found.setdefault(_text(one.get("group")), (set(), set()))
            come |= after - before
            go |= before - after
    told = []
    for group, (come, go) in sorted(found.items()):
        signs = [f"{sign}{_few(part)}" for sign, part in (("+", come), ("-", go)) if part]
        if signs:
            told.append(f"{group} {' '.join(signs)}")
    return "; ".join(told)


def _few(addresses: set[str]) -> str:
    """The address itself if it is one, otherwise how many."""
    return f" {next(iter(addresses))}" if len(addresses) == 1 else str(len(addresses))
