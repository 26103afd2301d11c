"""`fmgsync cassette show`: what is in a recording."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync.cli import common
from fmgsync.errors import UsageError
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from fmgsync.recording.cassette import Cassette, Exchange


@click.command("show", cls=common.Command)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("number", required=False, type=click.IntRange(1))
@common.command_options(configured=False)
def show(options: common.Options, file: Path, number: int | None) -> int:
    """List what a cassette holds, or show exchange NUMBER in full.

    \b
    fmgsync cassette show cassettes/installs.yaml
    """
    from fmgsync.recording import files

    cassette = files.from_text(files.read_text(file), str(file))
    if number is not None:
        if number > len(cassette.exchanges):
            raise UsageError(f"{file} has {len(cassette.exchanges)} exchanges")
        _show_exchange(options, cassette.exchanges[number - 1])
        return common.IN_SYNC
    if options.is_json:
        options.print_document(_document(cassette))
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
        "url": f"{exchange.method} {exchange.uri}",
        "request": _plain(exchange.request_body),
        "status": exchange.status,
        "answer": _plain(exchange.response_body),
    }
    if options.is_json:
        options.print_document(parts)
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
    return dataclasses.asdict(cassette.about) if cassette.about is not None else {}


def _title(exchange: Exchange) -> str:
    from fmgsync.recording import questions

    question = questions.of(exchange)
    return question.title() if question is not None else f"{exchange.method} (neither API)"


def _codes(exchange: Exchange) -> str:
    """The status codes of an answer: `0`, or `0, -3` where they differ; of a FortiGate its HTTP
    status, or the number of the error."""
    from fmgsync.recording import questions

    codes = dict.fromkeys(str(one.code) for one in questions.answers(exchange))
    return ", ".join(codes) or f"HTTP {exchange.status}"


def _plain(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "backslashreplace")
