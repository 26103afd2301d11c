"""What every command shares: its options, its console, JSON on standard output, logging."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

Output = Literal["text", "json", "markdown"]
_Function = TypeVar("_Function", bound=Callable[..., Any])

IN_SYNC = 0
FAILED = 1
OUTSTANDING = 3


def worst(*codes: int) -> int:
    """The exit code that counts: precedence 2, 1, 3, 0."""
    return max(codes, key=lambda code: (0, 3, 1, 2).index(code), default=IN_SYNC)


@dataclass(frozen=True, slots=True)
class Options:
    """The options every command takes."""

    config: Path
    output: Output
    verbose: int
    log_format: Literal["text", "json"]

    @property
    def is_json(self) -> bool:
        """Whether standard output carries one JSON document and nothing else."""
        return self.output == "json"

    def console(self) -> Console:
        """Where people read: standard output for text, standard error beside JSON."""
        from rich.console import Console

        return Console(
            file=sys.stdout if self.output == "text" else sys.stderr,
            highlight=False,
            markup=False,
            soft_wrap=not sys.stdout.isatty(),
        )

    def progress(self, text: str) -> None:
        """One line about long work, on standard error."""
        from fmgsync.cli.safe import safe_text

        click.echo(safe_text(text), err=True)


def command_options(*, markdown: bool = False) -> Callable[[_Function], _Function]:
    """Add -c, --output, -v and --log-format; the command gets them as `options: Options`."""
    choices = ["text", "json", "markdown"] if markdown else ["text", "json"]
    decorators = [
        click.option(
            "-c",
            "--config",
            type=click.Path(path_type=Path),
            default=Path("fmgsync.yaml"),
            envvar="FMGSYNC_CONFIG",
            show_default=True,
            show_envvar=True,
            help="Configuration file.",
        ),
        click.option(
            "--output",
            type=click.Choice(choices),
            default="text",
            show_default=True,
            help="What to print on standard output.",
        ),
        click.option("-v", "--verbose", count=True, help="Say more; twice for debugging."),
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="Log lines on standard error.",
        ),
    ]

    def decorate(function: _Function) -> _Function:
        @functools.wraps(function)
        def wrapper(
            *args: Any, config: Path, output: Output, verbose: int, log_format: Any, **rest: Any
        ) -> Any:
            options = Options(config, output, verbose, log_format)
            from fmgsync.cli.logs import start_logging

            start_logging(verbose, log_format)
            return function(*args, options=options, **rest)

        for decorator in reversed(decorators):
            wrapper = decorator(wrapper)
        return wrapper  # type: ignore[return-value]

    return decorate


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=True))
