"""`fmgsync explain`: why, or why not, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync import errors
from fmgsync.cli import common
from fmgsync.cli.safe import safe_text
from fmgsync.cli.stop import stop_rows

if TYPE_CHECKING:
    from rich.console import Console

    from fmgsync.assessing.explanation import Explanation, Scene
    from fmgsync.passes.world import World


@click.group("explain")
def command() -> None:
    """Why an address is allowed on a FortiGate, or why not, from the pod to the device itself.

    Each step is true, false or not known; the first that is false stands out.

    \b
    fmgsync explain pod shop/web-7
    fmgsync explain ip 10.1.0.9
    fmgsync explain group k8s-frontend
    fmgsync explain device fgt-east-1

    \b
    Exit codes: 0 yes, 3 no, 1 not known or something could not be read.
    """


@command.command("pod")
@click.argument("pod", metavar="NAMESPACE/NAME")
@click.option("--group", metavar="NAME", help="Only about this group, with every condition.")
@common.state_option
@common.command_options()
def pod(options: common.Options, state_dir: Path, pod: str, group: str | None) -> int:
    """In which groups a pod is, on which devices, or what keeps it out."""
    from fmgsync.assessing import explain

    namespace, _, name = pod.partition("/")
    if not namespace or not name:
        raise errors.UsageError(f"{pod!r} names no pod", next_step="write NAMESPACE/NAME")
    return _tell(options, state_dir, lambda s: explain.pod(s, namespace, name, group=group))


@command.command("ip")
@click.argument("ip", metavar="ADDRESS")
@common.state_option
@common.command_options()
def ip(options: common.Options, state_dir: Path, ip: str) -> int:
    """Who has an address, which groups hold it, and on which devices it is let through."""
    from fmgsync.assessing import explain
    from fmgsync.model import address

    try:
        wanted = address.parse(ip)
    except ValueError as error:
        raise errors.UsageError(
            f"{ip!r} is no address", next_step="write 10.1.0.9 or 2001:db8::9"
        ) from error
    return _tell(options, state_dir, lambda scene: explain.ip(scene, wanted))


@command.command("group")
@click.argument("group", metavar="NAME")
@common.state_option
@common.command_options()
def group(options: common.Options, state_dir: Path, group: str) -> int:
    """What a group selects, which policies use it, and how it is on every device."""
    from fmgsync.assessing import explain

    return _tell(options, state_dir, lambda scene: explain.group(scene, group))


@command.command("device")
@click.argument("device", metavar="DEVICE[/VDOM]")
@common.state_option
@common.command_options()
def device(options: common.Options, state_dir: Path, device: str) -> int:
    """Whether a FortiGate is reachable and in sync, and what it waits for."""
    from fmgsync.assessing import explain

    return _tell(options, state_dir, lambda scene: explain.device(scene, device))


def _tell(options: common.Options, state_dir: Path, ask: Callable[[Scene], Explanation]) -> int:
    from fmgsync.cli import documents, findings
    from fmgsync.passes import explain_scene, once
    from fmgsync.wiring import wiring

    world = wiring.make_world(
        options.config,
        command="status",
        tell=options.progress,
        transport=options.transport,
        state_dir=state_dir,
    )
    _recall(world, state_dir)
    result = once.status(world)
    found = ask(explain_scene.scene(world, result))
    problems = documents.error_rows(result)
    document = {
        **as_document(found),
        "stops": stop_rows(result.stops),
        "errors": problems,
    }
    if options.is_json:
        options.print_document(document)
    else:
        console = options.console()
        findings.print_stops(console, document)
        print_explanation(console, document)
        findings.print_problems(console, document)
    code = {"yes": common.IN_SYNC, "no": common.OUTSTANDING}.get(found.answer, common.FAILED)
    return common.worst(code, common.FAILED if problems else common.IN_SYNC)


def _recall(world: World, state_dir: Path) -> None:
    """Who had which address before, as far as the audit that is kept here says so."""
    from fmgsync import audit
    from fmgsync.passes.install_context import AUDIT

    path = state_dir / AUDIT
    if path.exists():
        world.installing.formerly.read(line.fields for line in audit.read(path))


def as_document(found: Explanation) -> dict[str, Any]:
    """`{question, answer, steps, devices}`."""
    return {
        "question": found.question,
        "answer": found.answer,
        "steps": [
            {
                "what": step.what,
                "where": step.where,
                "holds": step.holds,
                "because": step.because,
                **({"objects": list(step.objects)} if step.objects else {}),
            }
            for step in found.steps
        ],
        "devices": [
            {"device": target.device, "vdom": target.vdom, "holds": holds}
            for target, holds in found.devices
        ],
    }


_SIGNS = {True: ("yes", "green"), False: ("no", "red"), None: ("?", "yellow")}


def print_explanation(console: Console, found: Mapping[str, Any]) -> None:
    """The answer, then one line for each step; the first "no" is marked."""
    from fmgsync.cli import tables

    style = {"yes": "green", "no": "red"}.get(found["answer"], "yellow")
    holding = [row for row in found["devices"] if row["holds"]]
    line = tables.cell(f"{found['question']}: ", "bold")
    line.append(safe_text("?" if found["answer"] == "unknown" else found["answer"]), style)
    if found["devices"] and found["question"].split()[0] in ("ip", "pod"):
        line.append(f", in force on {len(holding)} of {len(found['devices'])} device VDOMs", "bold")
    console.print(line)
    first = next((n for n, step in enumerate(found["steps"]) if step["holds"] is False), None)
    for number, step in enumerate(found["steps"]):
        word, style = _SIGNS[step["holds"]]
        marked = number == first
        line = tables.cell(f"{'> ' if marked else '  '}{word:4}", style)
        line.append(safe_text(f"{step['what']}, {step['where']}: "), "bold" if marked else "dim")
        line.append(safe_text(step["because"]), "bold" if marked else "")
        tables.print_hanging(console, line, indent=6)
