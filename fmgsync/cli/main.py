"""Entry point: the command table, and the one place where errors become text and exit codes.

Commands are imported only when called, so that `fmgsync --help` needs click and nothing else.
"""

from __future__ import annotations

import errno
import gc
import importlib
import itertools
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import click

import fmgsync
from fmgsync import errors, redaction
from fmgsync.cli import interrupting, lines, streams
from fmgsync.untrusted import legible, safe_text

_NO_PATH = frozenset(
    {
        errno.EACCES,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
    }
)
"""What is wrong with a path that somebody named; a full or broken disk is no fault of theirs."""

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "The whole story with nothing installed: simulated clusters and firewalls."),
    "plan": ("plan", "Show what would change, per ADOM, group and device. Writes nothing."),
    "apply": ("apply", "Write the plan to FortiManager and install it on the FortiGates."),
    "run": ("run", "The controller: watch the clusters, keep the ADOMs, until it is stopped."),
    "stop": ("stop", "Write and install nothing more, until 'start'; also in a running 'run'."),
    "start": ("start", "Let what was stopped go on."),
    "approve": ("approve", "Let through what the guard holds, exactly as it was shown."),
    "status": ("status", "The four views side by side: desired, ADOM, device database, device."),
    "explain": ("explain", "Why an address is allowed where, or why not, step by step."),
    "rollout": ("rollout", "See and steer rollouts: status, resume, abort."),
    "history": ("history", "What was done, by whom, why, proven or not; from the audit."),
    "audit": ("audit", "What was decided about installs, by whom, why: show, verify."),
    "forecast": ("forecast", "What will be installed where and when, and what will be held."),
    "windows": ("windows", "When installs may start on each FortiGate: coming openings."),
    "verify": ("verify", "Ask every FortiGate what it really holds and report differences."),
    "doctor": ("doctor", "Connect to everything, check rights and settings, print the fixes."),
    "adopt": ("adopt", "Take over groups that exist already, or give them back."),
    "cleanup": ("cleanup", "Take away all that this installation wrote."),
    "selector": ("selector", "Try a selector on the inventory."),
    "config": ("config", "Check the configuration, print its JSON Schema."),
    "simulator": ("simulator", "Serve a simulated FortiManager for any client."),
    "completion": ("completion", "Print what a shell needs to complete commands and options."),
    "cassette": ("cassette", "Real exchanges: record, play back, prove free of secrets, compare."),
}
"""Command name -> (module in fmgsync.cli with a `command`, line for the overview)."""

_MEANT = {
    **dict.fromkeys(("diff", "preview", "dry-run", "show", "compare"), "'plan', or 'status'"),
    **dict.fromkeys(("version", "ver"), "'--version'"),
    **dict.fromkeys(("help",), "'--help'"),
    **dict.fromkeys(
        ("rollback", "undo", "revert"),
        "'stop' (write nothing more); then correct the"
        " rules and 'apply', or revert the device's revision in FortiManager",
    ),
    **dict.fromkeys(("why", "whois", "trace"), "'explain'"),
    **dict.fromkeys(("log", "logs", "events", "changes"), "'history', or 'audit show'"),
    **dict.fromkeys(("sync", "install", "push", "deploy"), "'apply'"),
    **dict.fromkeys(("watch", "serve", "daemon", "controller", "server"), "'run'"),
    **dict.fromkeys(("pause", "halt", "freeze", "disable"), "'stop'"),
    **dict.fromkeys(("continue", "unstop", "unfreeze", "enable"), "'start', or 'rollout resume'"),
    **dict.fromkeys(("resume", "abort"), "'rollout resume' or 'rollout abort'"),
    **dict.fromkeys(("validate", "lint"), "'config check'"),
    **dict.fromkeys(("test", "check", "diagnose"), "'doctor', or 'config check'"),
    **dict.fromkeys(("schema",), "'config schema', or 'plan schema'"),
    **dict.fromkeys(("takeover", "take-over", "import", "own", "claim"), "'adopt'"),
    **dict.fromkeys(("uninstall", "remove", "purge", "destroy", "delete"), "'cleanup'"),
    **dict.fromkeys(("lab", "try", "example", "init", "quickstart"), "'demo --stay'"),
    **dict.fromkeys(("schedule", "calendar", "maintenance"), "'windows', or 'forecast'"),
    **dict.fromkeys(("tonight", "predict"), "'forecast'"),
    **dict.fromkeys(("drift", "audit-devices"), "'verify'"),
}
"""Words that people try -> what they mean; `adopt` and `cleanup` are commands of their own."""

INTERRUPTED = 130


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"fmgsync.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else " See 'fmgsync --help'."
            if (meant := _MEANT.get(args[0].lower())) is not None:
                hint = f" Did you mean {meant}?"
            raise click.UsageError(f"No such command '{safe_text(args[0])}'.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        "Start with 'fmgsync demo': it needs no cluster and no FortiManager. "
        "Then write fmgsync.yaml, 'fmgsync config check', 'fmgsync doctor', 'fmgsync plan', "
        "'fmgsync apply'. "
        "Exit codes: 0 in sync or done, 1 failed, 2 usage or configuration, "
        "3 changes or installs outstanding, 130 interrupted."
    ),
)
@click.version_option(fmgsync.__version__, prog_name="fmgsync")
def root() -> None:
    """Keep FortiManager's firewall address groups equal to what runs in Kubernetes.

    Every FortiGate gets its own members by per-device mapping; changes are installed by
    FortiManager and verified on each device. Objects without this installation's owner mark are
    never touched, and an unreachable cluster never empties a group.
    """


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code. A crash leaves no copy of the memory, which holds
    secrets."""
    streams.secure()
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Hundreds of thousands of objects stay until the end: to walk them all again and again for
    # cycles is an eighth of the processor time of a large ADOM's plan.
    gc.set_threshold(50_000, 20, 20)
    arguments = list(sys.argv[1:] if argv is None else argv)
    with interrupting.ended_by_signals():
        code = run(arguments)
    gc.freeze()  # what is given back now is not walked once more for cycles
    sys.exit(code)


def run(arguments: list[str], *, context: object = None) -> int:
    """Run a command; returns the exit code. All errors are already told.

    `context` is what the command finds as click's context object (`common.Taps`).
    """
    as_json, logs_json = _wants_json(arguments), lines.wants_json(arguments)
    if not arguments and "_FMGSYNC_COMPLETE" not in os.environ:
        arguments = ["--help"]
    try:
        result = root.main(arguments, prog_name="fmgsync", standalone_mode=False, obj=context)
    except errors.FmgsyncError as error:
        unwritable = isinstance(error, errors.OutputError)
        _tell(error, as_json=as_json and not unwritable, logs_json=logs_json)
        return error.exit_code
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except SystemExit as done:  # a shell was told what completes a word
        return done.code if isinstance(done.code, int) else 0
    except (click.Abort, KeyboardInterrupt):
        lines.say("interrupted", as_json=logs_json)
        return INTERRUPTED
    except click.ClickException as error:
        _tell_usage(error, as_json=as_json, logs_json=logs_json)
        return 2
    except BrokenPipeError:
        return 1
    except Exception as defect:
        if any(argument in ("-vv", "-vvv") for argument in arguments):
            _tell_origin(defect)
        if isinstance(defect, OSError) and defect.filename and defect.errno in _NO_PATH:
            unusable = errors.UsageError(
                f"{defect.filename}: {defect.strerror}", next_step="name another file or folder"
            )
            _tell(unusable, as_json=as_json, logs_json=logs_json)
            return unusable.exit_code
        name = type(defect).__name__
        step = "this is a defect of fmgsync: please report it with the output of the same with -vv"
        internal = errors.InternalError(f"internal error: {name}", next_step=step)
        _tell(internal, as_json=as_json, logs_json=logs_json)
        return 1
    return result if isinstance(result, int) else 0


def _wants_json(arguments: list[str]) -> bool:
    pairs = itertools.pairwise([*arguments, ""])
    return any(
        here in ("--output=json", "-ojson") or (here in ("--output", "-o") and after == "json")
        for here, after in pairs
    )


def _tell(error: errors.FmgsyncError, *, as_json: bool, logs_json: bool = False) -> None:
    if as_json:
        click.echo(json.dumps({"error": redaction.hide_in(error.as_document())}))
        return
    text = str(error) if logs_json else f"fmgsync: {error}"
    lines.say(text, as_json=logs_json, level="error")


def _tell_origin(defect: Exception) -> None:
    """Where in the code it happened, for a report."""
    click.echo(safe_text(redaction.traceback_text(defect), lines=True), err=True)


def _tell_usage(error: click.ClickException, *, as_json: bool, logs_json: bool) -> None:
    message = legible(error.format_message().expandtabs(2))
    if as_json:
        click.echo(json.dumps({"error": {"kind": "usage", "message": message}}))
        return
    text = message if logs_json else f"fmgsync: {message}"
    lines.say(text, as_json=logs_json, level="error")
    ctx = getattr(error, "ctx", None)
    if ctx is not None and not logs_json:
        click.echo(f"Try '{ctx.command_path} --help'.", err=True)


if __name__ == "__main__":
    main()
