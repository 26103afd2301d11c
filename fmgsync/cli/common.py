"""What every command shares: its options, its console, JSON on standard output, logging."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import click

from fmgsync import errors, redaction
from fmgsync.assessing import survey
from fmgsync.state import DEFAULT_FOLDER

if TYPE_CHECKING:
    from requests.adapters import HTTPAdapter
    from rich.console import Console

    from fmgsync.passes.install_context import People
    from fmgsync.passes.result import Result
    from fmgsync.passes.world import World

Output = Literal["text", "json", "yaml", "markdown", "wide", "name"]
_Function = TypeVar("_Function", bound=Callable[..., Any])

_CONFIG: Final = "FMGSYNC_CONFIG"

IN_SYNC = 0
FAILED = 1
MISCONFIGURED = 2
OUTSTANDING = 3
INTERRUPTED = 130


def worst(*codes: int) -> int:
    """The exit code that counts: precedence 2, 1, 3, 0."""
    return max(codes, key=lambda code: (0, 3, 1, 2).index(code), default=IN_SYNC)


@dataclass(frozen=True, slots=True)
class Taps:
    """What a command was started with to have its sessions recorded: the click context's object."""

    adapter: Callable[[Any], HTTPAdapter]


@dataclass(frozen=True, slots=True)
class Options:
    """The options every command takes.

    `transport` makes the HTTP transport of each session with a FortiManager; None is the usual one.
    """

    config: Path
    output: Output
    verbose: int
    log_format: Literal["text", "json"]
    transport: Callable[[Any], HTTPAdapter] | None = None

    @property
    def is_json(self) -> bool:
        """Whether standard output carries one document for programs and nothing else."""
        return self.output in ("json", "yaml")

    def print_document(self, document: object) -> None:
        """One document on standard output, in the notation that was asked for."""
        if self.output == "yaml":
            import yaml

            shown = redaction.hide_in(document)
            click.echo(yaml.safe_dump(shown, sort_keys=False, allow_unicode=False), nl=False)
        else:
            print_json(document)

    def console(self) -> Console:
        """Where people read: standard output for text, standard error beside JSON."""
        from rich.console import Console

        on_terminal = sys.stdout.isatty()
        return Console(
            file=sys.stdout if self.output in ("text", "wide") else sys.stderr,
            highlight=False,
            markup=False,
            soft_wrap=not on_terminal,
            # A pipe has no width: columns are as wide as what is in them.
            width=None if on_terminal else 10_000,
        )

    def progress(self, text: str) -> None:
        """One line about long work, on standard error."""
        from fmgsync.cli import lines

        lines.say(text, as_json=self.log_format == "json")


@contextmanager
def config_for_others(config: Path) -> Iterator[None]:
    """Commands that are run inside this one find this configuration, unless they name another."""
    before = os.environ.get(_CONFIG)
    os.environ[_CONFIG] = str(config)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CONFIG]
        else:
            os.environ[_CONFIG] = before


_SHARED = ("state_dir", "config", "output", "verbose", "log_format", "help")
"""Options that mean the same everywhere, in the order in which they are shown."""


class Command(click.Command):
    """A command whose help tells its own options first, then what all have in common."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Two sections; an empty one is left out."""
        own, shared = list[tuple[str, str]](), dict[str, tuple[str, str]]()
        for param in ctx.command.get_params(ctx):
            record = param.get_help_record(ctx)
            name = "help" if "--help" in param.opts else param.name or ""
            if record is not None and name in _SHARED:
                shared[name] = record
            elif record is not None:
                own.append(record)
        ordered = [shared[name] for name in _SHARED if name in shared]
        for title, rows in (("Options", own), ("Common options", ordered)):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


class Group(Command, click.Group):
    """A group of such commands."""

    command_class = Command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The same, then the commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


state_option = click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(DEFAULT_FOLDER),
    envvar="FMGSYNC_STATE_DIR",
    show_default=True,
    show_envvar=True,
    help="Folder of what is remembered: approvals, what the guard adds up, the audit. With `lease`"
    " configured all but the audit is in the ConfigMap fmgsync-state instead.",
)
"""For commands that remember; they get `state_dir: Path`."""


by_option = click.option(
    "--by",
    default="",
    metavar="NAME",
    help="In whose name; recorded beside the user of this computer, who is always recorded.",
)
"""For what a person decides; they get `by: str`."""


def command_options(*more: Output, configured: bool = True) -> Callable[[_Function], _Function]:
    """Add -c, --output, -v and --log-format; the command gets them as `options: Options`.

    `more` are the outputs that this command knows besides those that all know. Where nothing is
    `configured`, -c is taken like everywhere, but not offered.
    """
    choices = ["text", "json", "yaml", *more]
    decorators = [
        click.option(
            "-c",
            "--config",
            type=click.Path(path_type=Path),
            default=Path("fmgsync.yaml"),
            envvar=_CONFIG,
            show_default=True,
            show_envvar=True,
            hidden=not configured,
            help="Configuration file.",
        ),
        click.option(
            "-o",
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
            taps = click.get_current_context().find_object(Taps)
            transport = taps.adapter if taps is not None else None
            options = Options(config, output, verbose, log_format, transport)
            from fmgsync.cli.logs import start_logging

            start_logging(verbose, log_format)
            return function(*args, options=options, **rest)

        for decorator in reversed(decorators):
            wrapper = decorator(wrapper)
        return wrapper  # type: ignore[return-value]

    return decorate


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(redaction.hide_in(document), indent=2, ensure_ascii=True))


def demand_reason(what: str, reason: str, *, needed: bool) -> None:
    """Refuse what a person decides without saying why, where policy.requireReason asks for it."""
    if needed and not reason.strip():
        raise errors.UsageError(
            f"the configuration demands a reason for {what} (policy.requireReason)",
            next_step='add --reason "..."',
        )


def plan_code(result: Result) -> int:
    """The exit code of a plan: errors and clashes, then changes or installs outstanding."""
    codes = [_errors_code(result)]
    for adom in result.adoms:
        if adom.seen and (adom.seen.plan.changes or adom.seen.plan.held or adom.seen.submission):
            codes.append(OUTSTANDING)
        if adom.survey.pending:
            codes.append(OUTSTANDING)
    return worst(*codes)


CODES = {
    "in sync": IN_SYNC,
    "not referenced": IN_SYNC,
    "write pending": OUTSTANDING,
    "install pending": OUTSTANDING,
    "held": OUTSTANDING,
    "drifted": OUTSTANDING,
    "unreachable": FAILED,
    "unknown": FAILED,
}
"""The exit code of each state of a group on a device, for every command that tells states."""


def states_code(states: Iterable[str], *, asked: bool) -> int:
    """The exit code of these states. Who was not asked did not fail to answer."""
    return worst(*(CODES[state] for state in {*states} if asked or state != "unknown"))


def status_code(result: Result) -> int:
    """The exit code of what was seen: unreachable or unknown is a failure to answer."""
    codes = [
        states_code(
            (group.state for view in adom.views for group in view.groups),
            asked=adom.survey.asked,
        )
        for adom in result.adoms
    ]
    return worst(plan_code(result), *codes)


def apply_code(result: Result) -> int:
    """The exit code of an apply: refused writes, failed installs, and what is seen afterwards."""

    codes = [status_code(result)]
    for adom in result.adoms:
        if adom.report and adom.report.refused:
            codes.append(FAILED)
        if survey.failed(adom.outcomes) or (adom.rollout and adom.rollout.failures):
            codes.append(FAILED)
    return worst(*codes)


def _errors_code(result: Result) -> int:
    """2 for a wrong configuration that only FortiManager could tell, 1 for everything failed."""
    codes = [error.exit_code for error in result.workloads.problems]
    codes.extend(adom.error.exit_code for adom in result.adoms if adom.error)
    codes.extend(FAILED for adom in result.adoms if adom.seen and adom.seen.plan.foreign)
    known = result.workloads
    if known.frozen or known.rules.unread or any(each.is_error for each in known.findings):
        codes.append(FAILED)
    return worst(*codes)


def make_world(
    options: Options, command: str, state_dir: Path, people: People | None = None
) -> World:
    """What `command` works with, by the configuration and as its options say it."""
    from fmgsync.wiring import wiring

    return wiring.make_world(
        options.config,
        command=command,
        tell=options.progress,
        transport=options.transport,
        state_dir=state_dir,
        people=people,
    )
