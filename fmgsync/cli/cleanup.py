"""`fmgsync cleanup`: take away all that this installation wrote."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync.cli import adopt, common, interrupting
from fmgsync.model import target
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from fmgsync.passes.changing_hands import Changed


@click.command("cleanup", cls=common.Command)
@click.option("--apply", "write", is_flag=True, help="Do it; without this it is only shown.")
@click.option("--reason", default="", help="Why; goes into the audit.")
@common.by_option
@common.state_option
@common.command_options()
def command(options: common.Options, state_dir: Path, write: bool, reason: str, by: str) -> int:
    """Delete every group and address that bears this installation's mark.

    A group that a policy uses cannot be deleted: it is emptied, which closes accept policies, and
    kept; take it out of the policies that are named, and say 'cleanup' once more. A group that
    would open traffic when it is empty is left as it is. What was taken over is given back with
    'fmgsync adopt --release'. Clusters are not asked, and nothing is installed.

    \b
    fmgsync cleanup
    fmgsync cleanup --apply

    Ctrl-C starts nothing more, and ends when what is being written is there; a second one leaves at
    once and commits nothing.

    \b
    Exit codes: 0 done, or nothing to do; 3 there is something to do, and --apply was not given;
    1 something is left alone, or failed.
    """
    from fmgsync.passes import changing_hands
    from fmgsync.passes.install_context import People
    from fmgsync.settings import features

    stop = interrupting.Stop(options.progress, interrupting.WRITES)
    world = common.make_world(
        options, features.CLEANUP, state_dir, people=People(reason, by=by, stopping=stop.asked)
    )
    common.demand_reason(
        "taking everything away", reason, needed=world.intent.needs_reason and write
    )
    with stop.watching() if write else nullcontext():
        found = changing_hands.clean_up(world, write=write)
    document = {"written": write, "adoms": [_row(each) for each in found]}
    if options.is_json:
        options.print_document(document)
    else:
        _print(document)
    return common.INTERRUPTED if stop.asked() else adopt.code(found, write=write)


def _row(each: Changed) -> dict[str, Any]:
    made = each.cleanup
    changes = made.plan.changes if made else ()
    return {
        **adopt.place(each),
        "deleted": sorted({c.name for c in changes if c.action.value == "delete" and not c.device}),
        "emptied": sorted({c.name for c in changes if c.action.value == "update"}),
        "used": [{"name": f.name, "message": f.message} for f in made.used] if made else [],
        "left": [{"name": f.name, "message": f.message} for f in made.left] if made else [],
        **adopt.outcome(each),
    }


def _print(document: dict[str, Any]) -> None:
    done = document["written"]
    for adom in document["adoms"]:
        click.echo(safe_text(target.title_of(adom)))
        for name in adom["deleted"]:
            click.echo(safe_text(f"  {adopt.became(adom, name, 'deleted')}: {name}"))
        for row in adom["used"]:
            click.echo(safe_text(f"  {row['name']}: {row['message']}"))
        for row in adom["left"]:
            click.echo(safe_text(f"  left: {row['name']}: {row['message']}"))
        adopt.print_outcome(adom)
    if not done and any(adom["changes"] for adom in document["adoms"]):
        click.echo("nothing was written; add --apply to do it")
