"""`fmgsync cassette record`: what a lab unit answers, or what another command says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync.cli import cassette_taking, common
from fmgsync.cli.cassette_taking import Wanted
from fmgsync.errors import UsageError

if TYPE_CHECKING:
    from fmgsync.model.target import DeviceVdom
    from fmgsync.recording.adapter import Recording
    from fmgsync.recording.guarding import Bounds
    from fmgsync.recording.lab import Lab, Line, Scenario
    from fmgsync.recording.taking import Wishes


@click.command("record", cls=common.Command)
@click.option("--to", type=click.Path(path_type=Path), help="File to write, in vcrpy's YAML.")
@click.option("--while", "while_", is_flag=True, help="Record the fmgsync command after --.")
@click.option("--fortimanager", metavar="NAME", help="Which one of the configuration.")
@click.option(
    "--fortigate", metavar="NAME", help="Which FortiGate without a FortiManager, instead of that."
)
@click.option("--vdom", metavar="NAME", help="Its VDOM; default: the configuration's one.")
@click.option("--adom", metavar="NAME", help="ADOM of the lab; default: the configuration's one.")
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="DEVICE[/VDOM]",
    help="Devices named in mappings and previews; default: the first two of the ADOM.",
)
@click.option(
    "--scenario", "scenarios", multiple=True, metavar="NAME", help="Only these; see --list."
)
@click.option("--list", "list_", is_flag=True, help="Show the scenarios and end.")
@click.option(
    "--prefix",
    default="fmgsync-lab",
    show_default=True,
    help="With what the name of everything written begins.",
)
@click.option(
    "--allow-install",
    metavar="DEVICE[/VDOM]",
    help="Also install the policy package of this device, with all that is pending in it.",
)
@click.option("--clean-up", is_flag=True, help="Delete what a killed recording left, and end.")
@click.option("--yes", is_flag=True, help="Do not ask before writing.")
@click.option("--scrub", "words", multiple=True, metavar="WORD", help="Further text to replace.")
@click.option(
    "--keep-names",
    is_flag=True,
    help="Leave names of hosts, devices and administrators, to play it with your own "
    "configuration. Secrets, serial numbers and comments go all the same.",
)
@click.option(
    "--map-addresses",
    is_flag=True,
    help="Move all addresses into documentation ranges; what lay inside what still does.",
)
@click.option("--source", default="", metavar="TEXT", help="What is recorded, in your words.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@common.command_options()
def record(
    options: common.Options,
    to: Path | None,
    while_: bool,
    list_: bool,
    words: tuple[str, ...],
    keep_names: bool,
    map_addresses: bool,
    source: str,
    arguments: tuple[str, ...],
    **wanted: Any,
) -> int:
    """Ask a FortiManager or FortiGate what nobody documented, or record what a command says.

    With --while the command gets this -c unless it has one of its own.

    Without --while: scenarios against a lab unit of the configuration. Mostly reading; what is
    written are objects under a prefix of their own, in an ADOM with workspaces never committed
    (save a few addresses), and deleted again, also after an interruption. Nothing else is touched.
    On a FortiGate without a FortiManager they are live at once, and used by nothing.
    What will be written is shown first.

    Everything is scrubbed in memory before it reaches the disk, and checked. One file per session:
    FILE, or FILE.1, FILE.2 for several.

    \b
    fmgsync cassette record -c fmgsync.yaml --to lab.yaml
    """
    from fmgsync.recording.taking import Wishes

    if list_:
        _list(options)
        return common.IN_SYNC
    if while_ != bool(arguments):
        raise UsageError(
            "the command to record stands after --while --",
            next_step="for example: fmgsync cassette record --to plan.yaml --while -- plan",
        )
    if arguments[:2] == ("cassette", "record"):
        raise UsageError("a recording cannot be recorded")
    request = Wanted(**wanted)
    if to is None and not request.clean_up:
        raise UsageError("where shall the cassette be written?", next_step="name a file with --to")
    wishes = Wishes(
        source=source or f"fmgsync {arguments[0] if arguments else 'cassette record'}",
        now=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        words=words,
        keep_names=keep_names,
        map_addresses=map_addresses,
    )
    if to is not None and arguments:
        return _record_command(options, to, wishes, list(arguments))
    from fmgsync.cli import cassette_unit

    if cassette_unit.is_meant(options.config, request):
        return cassette_unit.record(options, to, wishes, request)
    return _record_lab(options, to, wishes, request)


def _list(options: common.Options) -> None:
    from fmgsync.recording.suite import DIRECT, SCENARIOS

    kinds = {"FortiManager": SCENARIOS, "FortiGate": DIRECT}
    if options.is_json:
        options.print_document(
            [
                {"of": kind, "name": one.name, "asks": one.asks, "writes": one.writes}
                for kind, scenarios in kinds.items()
                for one in scenarios
            ]
        )
        return
    for kind, scenarios in kinds.items():
        click.echo(f"of a {kind}:")
        for one in scenarios:
            click.echo(f"{one.name:<14} {one.asks}")
            if one.writes:
                click.echo(f"{'':<14} writes: {one.writes}")


def _record_command(options: common.Options, to: Path, wishes: Wishes, arguments: list[str]) -> int:
    """Run the command with recorded sessions; its exit code, unless writing fails."""
    from fmgsync.cli import main
    from fmgsync.recording.adapter import Recording

    recording = Recording()
    with common.config_for_others(options.config):
        code = main.run(arguments, context=common.Taps(recording.adapter))
    cassette_taking.save(options, recording, to, wishes)
    return code


def _record_lab(options: common.Options, to: Path | None, wishes: Wishes, wanted: Wanted) -> int:
    """Run the scenarios in an ADOM."""
    from fmgsync.clock import SystemClock
    from fmgsync.recording import suite
    from fmgsync.recording.adapter import Recording
    from fmgsync.recording.guarding import Bounds
    from fmgsync.wiring import fortimanagers

    recording, clock = Recording(), SystemClock()
    access = fortimanagers.make_access(options.config, wanted.fortimanager)
    install_on = _device(wanted.allow_install) if wanted.allow_install else None
    scenarios = suite.chosen(wanted.scenarios, may_install=install_on is not None)
    adom = _adom(options.config, access.name, wanted.adom)
    bounds = Bounds(adom, wanted.prefix, install_on=install_on)
    _confirm(options, wanted, access.host, bounds, scenarios)
    open_session = partial(
        fortimanagers.make_session, access, clock=clock, transport=recording.adapter
    )
    opened = _lab(bounds, wanted, clock, recording, open_session)
    return cassette_taking.run(options, wanted, opened, scenarios, recording, to, wishes)


@contextmanager
def _lab(
    bounds: Bounds,
    wanted: Wanted,
    clock: Any,
    recording: Recording,
    open_session: Any,
) -> Iterator[Lab]:
    """A first look at the unit, and the lab made of what it showed."""
    import dataclasses

    from fmgsync.recording.lab import Lab
    from fmgsync.recording.scenarios import looking

    @contextmanager
    def pinned() -> Iterator[Line]:
        with open_session() as session, session.pinned():
            yield session

    named = [_device(text) for text in wanted.devices]
    if bounds.install_on is not None and bounds.install_on not in named:
        named.append(bounds.install_on)
    with pinned() as session:
        with recording.step("first look"):
            facts = looking.survey(session, bounds.adom, named)
        bounds = dataclasses.replace(bounds, targets=frozenset(facts.targets))
        yield Lab(session, bounds, facts, clock=clock, step=recording.step, second=pinned)


def _device(text: str) -> DeviceVdom:
    from fmgsync.model.target import DeviceVdom

    device, _, vdom = text.partition("/")
    return DeviceVdom(device, vdom or "root")


def _adom(path: Path, fortimanager: str, wanted: str | None) -> str:
    """The ADOM asked for, or the only one the configuration has on this FortiManager."""
    from fmgsync.settings.load import load_config

    if wanted:
        return wanted
    sites = load_config(path).sites
    known = sorted({str(s.adom) for s in sites if s.fortimanager == fortimanager})
    if len(known) != 1:
        raise UsageError(
            "which ADOM?",
            where=str(path),
            next_step=f"name one with --adom{': ' if known else ''}{', '.join(known)}",
        )
    return known[0]


def _confirm(
    options: common.Options,
    wanted: Wanted,
    host: str,
    bounds: Bounds,
    scenarios: tuple[Scenario, ...],
) -> None:
    """Show what will be written and let a person say yes; raises where nobody can be asked."""
    lines = []
    if bounds.install_on is not None:
        target = f"{bounds.install_on.device}/{bounds.install_on.vdom}"
        lines = [f"and INSTALLS on {target} all that is pending for it"]
    cassette_taking.confirm(options, wanted, f"ADOM {bounds.adom} on {host}", scenarios, lines)
