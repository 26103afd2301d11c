"""`fmgsync cassette` and its `check`; the other commands have files of their own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync.cli import common
from fmgsync.cli.cassette_compare import FILE, compare
from fmgsync.cli.cassette_record import record
from fmgsync.cli.cassette_replay import replay
from fmgsync.cli.cassette_show import show
from fmgsync.errors import CassetteError
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from fmgsync.recording.check import Report


@click.group("cassette", cls=common.Group)
def command() -> None:
    """Record what is said to FortiManagers and FortiGates, and use it: tests, bug reports, proofs.

    \b
    fmgsync cassette record --to lab.yaml            ask a lab unit what nobody documented
    fmgsync cassette record --to plan.yaml --while -- plan
    fmgsync cassette check lab.yaml                  prove that nothing delicate is in it
    fmgsync cassette compare lab.yaml                hold it against the simulator
    fmgsync cassette replay plan.yaml                serve it to any client
    """


command.add_command(record)
command.add_command(show)
command.add_command(replay)
command.add_command(compare)


@command.command("check")
@click.argument("paths", nargs=-1, required=True, type=FILE)
@click.option(
    "--seal",
    is_flag=True,
    help="Accept what was changed by hand, if nothing delicate is found: renew the digest.",
)
@common.command_options()
def check(options: common.Options, paths: tuple[Path, ...], seal: bool) -> int:
    """Prove that cassettes hold nothing delicate. PATHS are files or folders.

    Every part of a file is searched: urls, headers, bodies, JSON inside JSON, comments. Looked for
    are the secrets the configuration refers to and the names in it, members that hold passwords,
    sessions, serial numbers, names and comments, known patterns of keys, and whatever looks drawn
    by lot. What is found is named by its place and never repeated.

    \b
    fmgsync cassette check cassettes/

    \b
    Exit codes: 0 clean, 1 something was found or a file was edited.
    """
    from fmgsync.cli import suspects
    from fmgsync.recording import check as checking
    from fmgsync.recording import files

    known = suspects.known(options)
    for source in known.too_short:
        options.progress(f"the secret of {source} is too short or too common to be searched for")
    reports: dict[Path, Report] = {}
    for path in _expanded(paths):
        text = files.read_text(path)
        report = checking.check(text, str(path), known)
        if seal and report.edited and not report.findings:
            files.save(path, files.from_text(text, str(path)))
            options.progress(f"{path}: sealed")
            report = checking.check(files.read_text(path), str(path), known)
        reports[path] = report
    if options.is_json:
        options.print_document([_report_document(path, report) for path, report in reports.items()])
    else:
        for path, report in reports.items():
            _print_report(path, report)
    clean = all(not report.findings and not report.edited for report in reports.values())
    return common.IN_SYNC if clean else common.FAILED


def _expanded(paths: Iterable[Path]) -> list[Path]:
    """Files as given, and every YAML file below a folder."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(one for one in path.rglob("*") if one.suffix in (".yaml", ".yml"))
        if not inside:
            raise CassetteError("there is no cassette in this folder", where=str(path))
        found += inside
    return found


def _report_document(path: Path, report: Report) -> dict[str, Any]:
    return {
        "file": str(path),
        "clean": not report.findings and not report.edited,
        "edited": report.edited,
        "kept": list(report.kept),
        "findings": [
            {"line": one.line, "place": one.place, "what": one.what} for one in report.findings
        ],
    }


def _print_report(path: Path, report: Report) -> None:
    for one in report.findings:
        click.echo(safe_text(f"{path}:{one.line}: {one.what} ({one.place})"))
    if report.edited:
        click.echo(
            safe_text(
                f"{path}: changed after it was recorded; 'fmgsync cassette check --seal {path}' "
                "accepts it"
            )
        )
    if not report.findings and not report.edited:
        kept = f"; kept on request: {', '.join(report.kept)}" if report.kept else ""
        click.echo(safe_text(f"{path}: clean{kept}"))
