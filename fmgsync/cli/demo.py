"""`fmgsync demo`: the whole story with nothing installed."""

from __future__ import annotations

import dataclasses
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from fmgsync.assessing import survey
from fmgsync.cli import common

if TYPE_CHECKING:
    from rich.console import Console

    from fmgsync.cli import story


@click.command("demo", cls=common.Command)
@click.option(
    "--devices",
    type=click.IntRange(1, 2000),
    default=5,
    show_default=True,
    help="How many FortiGates.",
)
@click.option(
    "--pods",
    type=click.IntRange(2, 200_000),
    default=100,
    show_default=True,
    help="How many pods at the start, in both clusters together.",
)
@click.option(
    "--groups",
    type=click.IntRange(1, 2000),
    default=3,
    show_default=True,
    help="How many groups, each of one app.",
)
@click.option(
    "--changes",
    type=click.IntRange(0, 100_000),
    default=20,
    show_default=True,
    help="Pods that come, go or move after the first install.",
)
@click.option(
    "--watch",
    metavar="DURATION",
    help=(
        "Play the controller instead, for so long (60s, 2m): two replicas of 'fmgsync run' and "
        "churn, while API server, FortiManager and the leading replica fail one after the other."
    ),
)
@click.option(
    "--rollout",
    is_flag=True,
    help=(
        "Play a maintenance night instead: the window opens, canary and waves, one FortiGate "
        "fails, the rollout is held and resumed. Hours pass in seconds."
    ),
)
@click.option(
    "--direct",
    is_flag=True,
    help="Play it without a FortiManager: FortiGates that are written over their own REST API.",
)
@click.option(
    "--stay",
    is_flag=True,
    help=(
        "Build a lab instead and keep it up until Ctrl-C: 40 FortiGates, clusters with churn, an"
        " administrator's pending policy, and a fmgsync.yaml for your own commands."
    ),
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where --stay lays its files.  [default: fmgsync-lab]",
)
@common.command_options(configured=False)
def command(
    options: common.Options,
    stay: bool,
    folder: Path | None,
    devices: int,
    pods: int,
    groups: int,
    changes: int,
    watch: str | None,
    rollout: bool,
    direct: bool,
) -> int:
    """Play the whole story on loopback: a FortiManager with FortiGates and two clusters with
    churn, all simulated; fmgsync itself is the real one, over HTTPS.

    Ends when every FortiGate was asked and holds exactly what runs behind it (exit code 0).

    \b
    fmgsync demo
    fmgsync demo --rollout
    fmgsync demo --direct
    fmgsync demo --stay
    """
    from fmgsync.cli import direct_story, logs, rollout_story, story
    from fmgsync.clock import SystemClock
    from fmgsync.simulator import Simulator

    if bool(watch) + rollout + stay + direct > 1:
        told = "--watch, --rollout, --direct and --stay are four stories; choose one"
        raise click.UsageError(told)
    if folder is not None and not stay:
        raise click.UsageError("--folder is for --stay; the other stories leave no files")
    if stay:
        from fmgsync.cli import lab_story

        given = click.get_current_context().get_parameter_source("devices")
        count = devices if given is ParameterSource.COMMANDLINE else lab_story.DEVICES
        return _stay(options, folder or Path(lab_story.FOLDER), story.Size(count, pods, groups, 0))
    if rollout and devices < rollout_story.LEAST:
        raise click.UsageError(f"--rollout needs at least {rollout_story.LEAST} devices")
    started_at = time.monotonic()
    size = story.Size(devices, pods, groups, changes)
    clock = rollout_story.evening() if rollout else SystemClock()
    console = options.console()
    if rollout and not options.verbose:
        logs.only_errors()  # the failure in the story is told by the story
    apps = [f"app-{number + 1}" for number in range(groups)]
    seed = (
        direct_story.seed(size)
        if direct
        else story.seed(
            size,
            workspace="disabled" if watch else "normal",
            install_s=rollout_story.INSTALL_S if rollout else story.INSTALL_S,
        )
    )
    with tempfile.TemporaryDirectory() as hidden, Simulator(seed, clock=clock.now) as unit:
        clusters, fortigates = story.clusters_of(size, apps), story.devices_of(size)
        estate = story.Estate(Path(hidden), size, unit, clusters, apps, fortigates, clock)
        (direct_story if direct else story).write_files(estate)
        if watch:
            tally = _watch(estate, _seconds(watch), console, started_at)
        elif rollout:
            rollout_story.play(estate, console)
            tally = story.count(estate, started_at)
            _show(console, estate)
        elif direct:
            direct_story.play(estate, options.progress, console)
            tally = story.count(estate, started_at)
            _show(console, estate)
        else:
            _tell(estate, options, console)
            tally = story.count(estate, started_at)
            _show(console, estate)
    if options.is_json:
        options.print_document(dataclasses.asdict(tally))
    else:
        console.print(
            f"{tally.verified} of {tally.devices} FortiGates verified: {tally.groups} groups, "
            f"{tally.addresses} addresses, {tally.changes} changes in the clusters, "
            f"{tally.installs} installs, {tally.requests} requests, {tally.seconds} s"
        )
    return common.IN_SYNC if tally.verified == tally.devices else common.FAILED


def _stay(options: common.Options, folder: Path, size: story.Size) -> int:
    """Until Ctrl-C. Beside JSON one document says where everything is."""
    from fmgsync.cli import interrupting, lab_story

    ends = interrupting.Stop(lambda text: None)
    lab_story.prepare(folder)
    options.progress(f"building the lab in {folder}: {size.devices} FortiGates")
    with ends.watching(), lab_story.open_lab(folder, size) as estate:
        tries = lab_story.commands(estate)
        if options.is_json:
            commands = [text for text, _ in tries]
            options.print_document(
                {"folder": str(folder), "url": estate.unit.url, "commands": commands}
            )
        else:
            console = options.console()
            console.print(
                f"{size.devices} FortiGates behind {estate.unit.url}, {size.pods} pods in two"
                f" clusters; a pod changes every {lab_story.CHURN_S:.0f} s. In another terminal:\n"
            )
            width = max(len(text) for text, _ in tries)
            for text in (f"cd {folder}", *(f"{text:{width}}  # {why}" for text, why in tries)):
                console.print(f"  {text}", soft_wrap=True)
            console.print("\nCtrl-C ends it.")
        sys.stdout.flush()
        lab_story.live_on(estate, ends.asked)
    options.progress(f"the lab is down; its files stay in {folder}")
    return common.IN_SYNC


def _seconds(text: str) -> float:
    """`90s`, `2m`: at least ten seconds, for everything has to happen within."""
    found = re.fullmatch(r"([0-9]{1,6})(s|m|h)", text)
    seconds = float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]] if found else 0.0
    if seconds < 10:
        raise click.BadParameter("write 60s or 2m, at least 10s", param_hint="--watch")
    return seconds


def _watch(
    estate: story.Estate, seconds: float, console: Console, started_at: float
) -> story.Tally:
    from fmgsync.cli import watch_story

    def tell(text: str) -> None:
        console.print(f"{time.monotonic() - started_at:6.1f} s  {text}")

    watch_story.play(estate, seconds, tell)
    return watch_story.count(estate, started_at)


def _tell(estate: story.Estate, options: common.Options, console: Console) -> None:
    """The four chapters, in the order they happen on a real estate."""
    from fmgsync.cli import story

    size = estate.size
    console.print(
        f"Two sites, {size.devices} FortiGates behind one FortiManager ({estate.unit.url}), "
        f"{size.pods} pods, each with an IPv4 and an IPv6 address, in two clusters. All simulated;"
        " fmgsync is not."
    )
    console.print("\n1. fmgsync creates the groups. No policy uses them, so no device gets them.")
    console.print("   fmgsync plan\n")
    _show_plan(estate, console)
    story.run_apply(estate, options.progress)
    console.print("\n2. An administrator writes a policy for each group and installs them once.")
    story.administrator_brings_policies(estate)
    for line in story.policies(estate):
        console.print(f"   {line}")
    story.run_apply(estate, options.progress)
    console.print(f"\n3. Pods come, go and move: {size.changes} changes.")
    story.churn(estate)
    console.print("   fmgsync plan\n")
    _show_plan(estate, console)
    story.apply_and_approve(estate, options.progress, console)
    console.print("\n4. Every FortiGate was asked what it holds, and compared with what runs.")
    for line in story.proof(estate):
        console.print(f"   {line}", soft_wrap=True)
    console.print("")


def _show_plan(estate: story.Estate, console: Console) -> None:
    from fmgsync.cli import documents, plan_text, story
    from fmgsync.passes import once

    result = once.plan(story.make_world(estate, lambda text: None))
    plan_text.print_plan(console, documents.plan_document(result))


def _show(console: Console, estate: story.Estate) -> None:
    from fmgsync.cli import story, tables

    proven = set(survey.verified(estate.views))
    made = tables.table(("FortiGate", "cluster", *estate.apps[:6], "verdict"))
    for view in estate.views[:50]:
        right = view.target in proven and story.holds_what_runs(estate, view)
        counts = [len(group.device) if group.device is not None else "?" for group in view.groups]
        made.add_row(
            tables.cell(view.target.device),
            tables.cell(story.site_of(estate, view.target)),
            *(tables.cell(f"{held} addresses") for held in counts[:6]),
            tables.cell("verified", "green") if right else tables.cell("NOT verified", "red"),
        )
    made.show(console)
    if len(estate.views) > 50:
        console.print(f"... and {len(estate.views) - 50} more")
