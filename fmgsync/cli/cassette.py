"""`fmgsync cassette`: play back, show and check recordings; `record` and `compare` stand beside."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync.cli import common
from fmgsync.cli.cassette_record import record
from fmgsync.cli.safe import safe_text
from fmgsync.errors import CassetteError, UsageError

if TYPE_CHECKING:
    from fmgsync.recording.cassette import Cassette, Exchange
    from fmgsync.recording.check import Report
    from fmgsync.recording.playback import Mismatch
    from fmgsync.recording.replay import Replay

_FILE = click.Path(path_type=Path)
_POLL_S = 0.1


@click.group("cassette")
def command() -> None:
    """Record what is said to a FortiManager, and use it: tests, bug reports, proofs.

    \b
    fmgsync cassette record --to lab.yaml            ask a lab unit what nobody documented
    fmgsync cassette record --to plan.yaml --while -- plan
    fmgsync cassette check lab.yaml                  prove that nothing delicate is in it
    fmgsync cassette compare lab.yaml                hold it against the simulator
    fmgsync cassette replay plan.yaml                serve it to any client
    """


command.add_command(record)


@command.command("check")
@click.argument("paths", nargs=-1, required=True, type=_FILE)
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
        common.print_json([_report_document(path, report) for path, report in reports.items()])
    else:
        for path, report in reports.items():
            _print_report(path, report)
    clean = all(not report.findings and not report.edited for report in reports.values())
    return common.IN_SYNC if clean else common.FAILED


@command.command("replay")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option(
    "--lenient",
    is_flag=True,
    help="Any recorded request that matches, in any order; by default in the recorded order.",
)
@click.option(
    "--listen",
    default="127.0.0.1:0",
    show_default=True,
    metavar="ADDRESS:PORT",
    help="Where to listen; port 0 picks a free one.",
)
@click.option("--once", is_flag=True, help="End when everything recorded was played.")
@common.command_options()
def replay(
    options: common.Options, files: tuple[Path, ...], lenient: bool, listen: str, once: bool
) -> int:
    """Serve cassettes over HTTPS until interrupted. FILES are the sessions of one recording.

    Prints one JSON line when ready: url, caFile (the certificate to trust) and pid. A request that
    was not recorded is answered with HTTP 409 and told on standard error: what was expected, what
    came, and the recorded request nearest to it.

    \b
    Exit codes: 0 exactly what was recorded was played, 1 something else came, or something
    recorded was never asked for (with --lenient the latter is no failure).
    """
    from fmgsync.recording.replay import Replay

    def tell(mismatch: Mismatch) -> None:
        options.progress(f"{mismatch.cassette}: not recorded: {mismatch.came}")
        for line in mismatch.text.split("\n"):
            options.progress(f"  {line}")

    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with Replay(*files, strict=not lenient, listen=listen, told=tell) as server:
        ready = {"url": server.url, "caFile": server.ca_file, "pid": os.getpid()}
        click.echo(json.dumps(ready))
        _wait(server, stopped, once=once)
        left = () if lenient else server.playback.left_over
        mismatches = server.playback.mismatches
    for text in left:
        options.progress(f"never asked for: {text}")
    return common.FAILED if left or mismatches else common.IN_SYNC


def _wait(server: Replay, stopped: threading.Event, *, once: bool) -> None:
    while not stopped.wait(_POLL_S):
        if once and not server.playback.left_over:
            # The last answer may still be on its way.
            stopped.wait(_POLL_S)
            return


@command.command("show")
@click.argument("file", type=_FILE)
@click.argument("number", required=False, type=click.IntRange(1))
@common.command_options()
def show(options: common.Options, file: Path, number: int | None) -> int:
    """List what a cassette holds, or show exchange NUMBER in full."""
    from fmgsync.recording import files

    cassette = files.from_text(files.read_text(file), str(file))
    if number is not None:
        if number > len(cassette.exchanges):
            raise UsageError(f"{file} has {len(cassette.exchanges)} exchanges")
        _show_exchange(options, cassette.exchanges[number - 1])
        return common.IN_SYNC
    if options.is_json:
        common.print_json(_document(cassette))
        return common.IN_SYNC
    _show_list(cassette)
    return common.IN_SYNC


def _show_list(cassette: Cassette) -> None:
    if cassette.edited:
        click.echo("changed after it was recorded")
    for name, value in _about(cassette).items():
        if value:
            shown = ", ".join(value) if isinstance(value, list | tuple) else value
            click.echo(safe_text(f"{name.replace('_', ' ')}: {shown}"))
    step = ""
    for index, exchange in enumerate(cassette.exchanges, start=1):
        if exchange.step != step:
            step = exchange.step
            if step:
                click.echo(safe_text(f"-- {step}"))
        click.echo(safe_text(f"{index:>4}  {_codes(exchange):>8}  {_title(exchange)}"))


def _show_exchange(options: common.Options, exchange: Exchange) -> None:
    parts = {
        "step": exchange.step,
        "request": _plain(exchange.request_body),
        "status": exchange.status,
        "answer": _plain(exchange.response_body),
    }
    if options.is_json:
        common.print_json(parts)
        return
    for name, part in parts.items():
        shown = part if isinstance(part, str | int) else json.dumps(part, indent=2)
        click.echo(safe_text(f"{name}: {shown}", lines=True))


def _document(cassette: Cassette) -> dict[str, Any]:
    return {
        "about": _about(cassette),
        "edited": cassette.edited,
        "exchanges": [
            {
                "step": exchange.step,
                "order": exchange.order,
                "request": _title(exchange),
                "answer": _codes(exchange),
            }
            for exchange in cassette.exchanges
        ],
    }


def _about(cassette: Cassette) -> dict[str, Any]:
    import dataclasses

    return dataclasses.asdict(cassette.about) if cassette.about is not None else {}


def _title(exchange: Exchange) -> str:
    from fmgsync.recording import jsonrpc

    question = jsonrpc.decode(exchange.request_body)
    return question.title() if question is not None else f"{exchange.method} (no JSON-RPC)"


def _codes(exchange: Exchange) -> str:
    """The status codes of an answer: `0`, or `0, -3` where they differ."""
    from fmgsync.recording import jsonrpc

    codes = dict.fromkeys(str(one.code) for one in jsonrpc.results(exchange.response_body))
    return ", ".join(codes) or f"HTTP {exchange.status}"


def _plain(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "backslashreplace")


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
