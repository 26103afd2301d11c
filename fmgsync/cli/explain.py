"""`fmgsync explain`: why, or why not, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync.cli import common
from fmgsync.cli.stop import stop_rows
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from rich.console import Console

    from fmgsync.assessing.explanation import Explanation
    from fmgsync.assessing.question import Question
    from fmgsync.passes.result import Result
    from fmgsync.passes.world import World


@click.group("explain", cls=common.Group)
def command() -> None:
    """Why an address is allowed on a FortiGate, or why not, from the pod to the device itself.

    Each step is true, false or not known; the first that is false stands out.

    \b
    fmgsync explain pod shop/web-7
    fmgsync explain ip 10.1.0.9
    fmgsync explain group k8s-frontend
    fmgsync explain device fgt-east-1

    \b
    Exit codes: 0 yes, 3 no, 1 not known or something could not be read, 2 something is wrong in
    the configuration.
    """


_CONTROLLER = click.option(
    "--controller",
    metavar="URL",
    help="Ask a running 'fmgsync run' (its --listen address) what it saw last, instead of looking.",
)


@command.command("pod")
@click.argument("pod", metavar="NAMESPACE/NAME")
@click.option("--group", metavar="NAME", help="Only about this group, with every condition.")
@_CONTROLLER
@common.state_option
@common.command_options()
def pod(
    options: common.Options, state_dir: Path, pod: str, group: str | None, controller: str | None
) -> int:
    """In which groups a pod is, on which devices, or what keeps it out.

    \b
    fmgsync explain pod shop/web-7
    fmgsync explain pod shop/web-7 --group k8s-frontend
    """
    return _tell(options, state_dir, controller, "pod", pod, group)


@command.command("ip")
@click.argument("ip", metavar="ADDRESS")
@_CONTROLLER
@common.state_option
@common.command_options()
def ip(options: common.Options, state_dir: Path, ip: str, controller: str | None) -> int:
    """Who has an address and had it before, which groups hold it, and on which devices it is let
    through.

    \b
    fmgsync explain ip 10.1.0.9
    fmgsync explain ip 10.1.0.9 --controller http://127.0.0.1:8080
    """
    return _tell(options, state_dir, controller, "ip", ip)


@command.command("group")
@click.argument("group", metavar="NAME")
@_CONTROLLER
@common.state_option
@common.command_options()
def group(options: common.Options, state_dir: Path, group: str, controller: str | None) -> int:
    """What a group selects, which policies use it, and how it is on every device.

    \b
    fmgsync explain group k8s-frontend
    """
    return _tell(options, state_dir, controller, "group", group)


@command.command("device")
@click.argument("device", metavar="DEVICE[/VDOM]")
@_CONTROLLER
@common.state_option
@common.command_options()
def device(options: common.Options, state_dir: Path, device: str, controller: str | None) -> int:
    """Whether a FortiGate is reachable and in sync, and what it waits for.

    \b
    fmgsync explain device fgt-east-2/dmz
    """
    return _tell(options, state_dir, controller, "device", device)


def _tell(
    options: common.Options,
    state_dir: Path,
    controller: str | None,
    kind: str,
    name: str,
    group: str | None = None,
) -> int:
    from fmgsync.assessing.question import Question
    from fmgsync.cli import remote

    question = Question(kind, name, group)
    if controller is None:
        document, codes = _by_looking(options, state_dir, question)
        return common.worst(_print(options, document), *codes)
    with remote.understood(controller):
        return _print(options, remote.read_explanation(controller, question))


def _print(options: common.Options, document: Mapping[str, Any]) -> int:
    """The exit code is that of the answer."""
    from fmgsync.cli import findings

    if options.is_json:
        options.print_document(document)
    else:
        console = options.console()
        findings.print_stops(console, document)
        print_explanation(console, document)
        findings.print_problems(console, document)
    code = {"yes": common.IN_SYNC, "no": common.OUTSTANDING}.get(document["answer"], common.FAILED)
    return common.worst(code, common.FAILED if document["errors"] else common.IN_SYNC)


def _by_looking(
    options: common.Options, state_dir: Path, question: Question
) -> tuple[dict[str, Any], list[int]]:
    """The answer, and the exit codes of what could not be looked at."""
    from fmgsync.passes import explain_scene, once

    world = common.make_world(options, "status", state_dir)
    _recall(world, state_dir)
    result = once.status(world)
    codes = [adom.error.exit_code for adom in result.adoms if adom.error]
    return document_of(question.answer(explain_scene.scene(world, result)), result), codes


def document_of(found: Explanation, result: Result) -> dict[str, Any]:
    """An answer, and what stands in the way of knowing better."""
    from fmgsync.cli import documents

    return {
        **as_document(found),
        "timezone": result.zone,
        "stops": stop_rows(result.stops),
        "errors": documents.error_rows(result),
    }


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
    from fmgsync.cli import instants, tables

    zone = str(found.get("timezone", "UTC"))
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
        because = instants.sentence(step["because"], zone)
        line.append(safe_text(because), "bold" if marked else "")
        tables.print_hanging(console, line, indent=6)
