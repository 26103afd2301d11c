"""`fmgsync adopt`: take groups over from whoever made them, or give them back."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync import errors
from fmgsync.cli import common, interrupting
from fmgsync.model import target
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from fmgsync.passes.changing_hands import Changed
    from fmgsync.planning.adoption import Taking


_SHOWN = 20


@click.command("adopt", cls=common.Command)
@click.option("--calico", is_flag=True, help="Groups that the Calico controller made, by comment.")
@click.option("--from-owner", metavar="OLD", default="", help="Groups of another installation.")
@click.option(
    "--names", metavar="NAME,...", default="", help="Groups of these names, whoever made them."
)
@click.option(
    "--pattern", metavar="GLOB", default="", help="Groups whose names fit, such as 'dmz.*'."
)
@click.option(
    "--release", is_flag=True, help="Give back what was taken over: all of it, or what is meant."
)
@click.option("--apply", "write", is_flag=True, help="Do it; without this it is only shown.")
@click.option("--reason", default="", help="Why; goes into the audit.")
@common.by_option
@common.state_option
@common.command_options()
def command(
    options: common.Options,
    state_dir: Path,
    calico: bool,
    from_owner: str,
    names: str,
    pattern: str,
    release: bool,
    write: bool,
    reason: str,
    by: str,
) -> int:
    """Take over groups that exist already under the names of rules, without renaming them.

    Only comments are written: of the groups, and of the addresses in them that the same hand made.
    No member changes on any device; what the rules ask for besides is left to the next 'apply',
    under the guard. A taken-over group that is used on devices which no site names keeps members of
    its own for them. '--release' gives it back with the comment it had.

    \b
    fmgsync adopt --names k8s-frontend
    fmgsync adopt --names k8s-frontend --apply

    Ctrl-C starts nothing more, and ends when what is being written is there; a second one leaves at
    once and commits nothing.

    \b
    Exit codes: 0 done, or nothing to do; 3 there is something to do, and --apply was not given;
    1 a group cannot be taken over, or something failed; the others were done.
    """
    from fmgsync.passes import changing_hands
    from fmgsync.passes.install_context import People
    from fmgsync.planning.adoption import Choice
    from fmgsync.settings import features

    listed = frozenset(filter(None, (name.strip() for name in names.split(","))))
    choice = Choice(calico, from_owner, listed, pattern)
    if choice == Choice() and not release:
        raise errors.UsageError(
            "which groups?",
            next_step="name them: --calico, --from-owner OLD, --names NAME,... or --pattern GLOB",
        )
    stop = interrupting.Stop(options.progress, interrupting.WRITES)
    world = common.make_world(
        options, features.ADOPT, state_dir, people=People(reason, by=by, stopping=stop.asked)
    )
    if from_owner and from_owner == world.intent.owner:
        raise errors.UsageError(
            f"{from_owner} is the owner of this configuration", next_step="name the old one"
        )
    common.demand_reason("taking over groups", reason, needed=world.intent.needs_reason and write)
    act = changing_hands.release if release else changing_hands.adopt
    with stop.watching() if write else nullcontext():
        found = act(world, choice, write=write)
    document = {"written": write, "adoms": [_row(each) for each in found]}
    if options.is_json:
        options.print_document(document)
    else:
        _print(document, release=release)
    return common.INTERRUPTED if stop.asked() else code(found, write=write)


def code(found: list[Changed], *, write: bool) -> int:
    """The exit code of what became of all ADOMs."""
    codes = [each.error.exit_code for each in found if each.error]
    for each in found:
        made = each.adoption or each.cleanup
        left = each.adoption.refused if each.adoption else each.cleanup.left if each.cleanup else ()
        codes += [common.FAILED for finding in left if finding.is_error]
        if each.report is not None and each.report.refused:
            codes.append(common.FAILED)
        if each.report is not None and each.report.submitted:
            codes.append(common.OUTSTANDING)
        if made is not None and made.plan.changes and not write:
            codes.append(common.OUTSTANDING)
    return common.worst(*codes)


def _row(each: Changed) -> dict[str, Any]:
    made = each.adoption
    return {
        **place(each),
        "groups": [_taking(taking) for taking in made.takings] if made else [],
        "refused": [{"name": finding.name, "message": finding.message} for finding in made.refused]
        if made
        else [],
        "leftovers": [{"kind": kind.value, "name": name} for kind, name in made.leftovers]
        if made
        else [],
        **outcome(each),
    }


def place(each: Changed) -> dict[str, Any]:
    """Where it was."""
    return each.ref.row


def outcome(each: Changed) -> dict[str, Any]:
    """What there was to write, and what became of it."""
    refused = each.report.refused if each.report else ()
    return {
        "changes": len(each.plan.changes) if each.plan else 0,
        "written": len(each.report.written) if each.report else 0,
        "submitted": _submitted(each),
        "failed": [{"name": change.name, "message": why} for change, why in refused],
        "error": each.error.as_document() if each.error else None,
    }


def _submitted(each: Changed) -> dict[str, Any] | None:
    waits = each.report.submitted if each.report else None
    if waits is None:
        return None
    return {"session": waits.session, "turnedDown": waits.turned_down, "message": str(waits)}


def became(adom: dict[str, Any], name: str, done: str) -> str:
    """What became of an object that is to be `done`: what only waits for approval, or was not
    written, is not done."""
    if not adom["written"] or any(row["name"] == name for row in adom["failed"]):
        return f"to be {done}"
    return f"submitted to be {done}" if adom["submitted"] else done


def _taking(taking: Taking) -> dict[str, Any]:
    return {
        "name": taking.key[1],
        "family": taking.key[0].value,
        "comment": taking.comment,
        "members": sorted(taking.members),
        "addresses": list(taking.addresses),
        "added": sorted(taking.coming),
        "removed": sorted(taking.going),
        "devices": [str(device) for device in taking.devices],
    }


def _print(document: dict[str, Any], *, release: bool) -> None:
    did = "given back" if release else "taken over"
    for adom in document["adoms"]:
        click.echo(safe_text(target.title_of(adom)))
        for group in adom["groups"]:
            members, mine = len(group["members"]), len(group["addresses"])
            word = became(adom, group["name"], did)
            line = f"  {word}: {group['name']} ({members} members, {mine} address objects)"
            click.echo(safe_text(line))
            if group["devices"]:
                where = ", ".join(group["devices"])
                click.echo(
                    safe_text(f"    its comment goes to {where} with the next install there")
                )
            if group["added"] or group["removed"]:
                click.echo(
                    f"    the next apply: {len(group['added'])} addresses come,"
                    f" {len(group['removed'])} go"
                )
        for row in adom["refused"]:
            click.echo(safe_text(f"  not: {row['name']}: {row['message']}"))
        _print_leftovers(adom["leftovers"])
        print_outcome(adom)
    if not document["written"] and any(adom["changes"] for adom in document["adoms"]):
        click.echo("nothing was written; add --apply to do it")


def _print_leftovers(rows: list[dict[str, Any]]) -> None:
    """What the old hand made and no rule has: it stays, and who looks after it should know."""
    for row in rows[:_SHOWN]:
        click.echo(safe_text(f"  left alone: {row['kind']} {row['name']}: no rule has it"))
    if len(rows) > _SHOWN:
        click.echo(f"  left alone: {len(rows) - _SHOWN} more; --output json names them all")
    if rows:
        click.echo("  what is left alone may be deleted by hand when no policy uses it any more")


def print_outcome(adom: dict[str, Any]) -> None:
    """What failed, what waits, and that there was nothing."""
    for row in adom["failed"]:
        click.echo(safe_text(f"  failed: {row['name']}: {row['message']}"))
    if adom["submitted"]:
        click.echo(safe_text(f"  {adom['submitted']['message']}"))
    if adom["error"]:
        step = f" ({adom['error']['next']})" if adom["error"].get("next") else ""
        click.echo(safe_text(f"  error: {adom['error']['message']}{step}"))
    elif not adom["changes"]:
        click.echo("  nothing to do")
