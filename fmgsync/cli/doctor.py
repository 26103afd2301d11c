"""`fmgsync doctor`: connect to everything and say what is wrong, with the fix."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmgsync.cli import common

if TYPE_CHECKING:
    from rich.console import Console

    from fmgsync.model.diagnosis import Diagnosis


@click.command("doctor", cls=common.Command)
@common.state_option
@common.command_options()
def command(options: common.Options, state_dir: Path) -> int:
    """Connect to every cluster and FortiManager of the configuration and check what fmgsync needs:
    rights, versions, settings, clocks, certificates, what is remembered, and who could install past
    it. Writes nothing.

    A failure keeps fmgsync from working; a warning is for a person to judge.

    \b
    fmgsync doctor -c /etc/fmgsync/fmgsync.yaml

    \b
    Exit codes: 0 no failure (there may be warnings), 1 something fails, 2 the configuration is
    wrong, also where only a unit could tell.
    """
    from fmgsync.clock import SystemClock
    from fmgsync.doctor import doctor
    from fmgsync.model.diagnosis import Level
    from fmgsync.wiring import checkups, memories

    clock = SystemClock()
    transport = options.transport
    clusters, targets = checkups.make_checkups(options.config, clock=clock, transport=transport)
    found = [*doctor.check_time_zones(clock)]
    found += checkups.check_secrets(options.config)
    found += doctor.check_state(checkups.make_memories(options.config, state_dir, clock))
    found += doctor.check_left(lambda: memories.read_left_open(options.config, state_dir=state_dir))
    found += doctor.check_lease(memories.is_leased(options.config))
    found += doctor.check_stops(memories.make_stops(options.config, state_dir=state_dir))
    for cluster in clusters:
        options.progress(f"checking cluster {cluster.name}")
        found += doctor.check_cluster(cluster, clock)
    for target in targets:
        options.progress(f"checking {target.name}")
        found += target.check(clock)
    counts = Counter(each.level for each in found)
    failures, warnings = counts[Level.FAILURE], counts[Level.WARNING]
    if options.is_json:
        rows = [dataclasses.asdict(each) for each in found]
        options.print_document({"findings": rows, "failures": failures, "warnings": warnings})
    else:
        _print(options.console(), found)
        click.echo(f"{failures} failures, {warnings} warnings, {len(found)} checks")
    wrong = any(each.misconfigured for each in found if each.level is Level.FAILURE)
    return common.MISCONFIGURED if wrong else common.FAILED if failures else common.IN_SYNC


def _print(console: Console, found: list[Diagnosis]) -> None:
    """A row for each check; what to do stands under what is wrong."""
    from rich.text import Text

    from fmgsync.untrusted import safe_text

    styles = {"ok": "green", "warning": "yellow", "failure": "red"}
    where = None
    for each in found:
        if each.where != where:
            where = each.where
            console.print(Text(safe_text(where), style="bold"))
        line = Text(f"  {each.level.value:8} ", style=styles[each.level.value])
        line.append(safe_text(f"{each.check}: {each.message}"), style="default")
        console.print(line)
        if each.fix:
            console.print(Text(safe_text(f"           fix: {each.fix}")))
