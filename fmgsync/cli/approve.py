"""`fmgsync approve`: let through what the guard, or other people's edits, hold."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmgsync.cli import common
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from fmgsync.model.memory import Approval
    from fmgsync.state.memory import Memory


def _seconds(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """From `90s`, `5m`, `3h`."""
    from pydantic_core import PydanticCustomError

    from fmgsync.settings import times

    try:
        seconds = times.parse_duration(value).total_seconds()
    except PydanticCustomError as error:
        raise click.BadParameter(str(error), ctx, param) from error
    if not seconds:
        raise click.BadParameter("must be longer than 0s", ctx, param)
    return seconds


@click.command("approve", cls=common.Command)
@click.argument("digest", required=False)
@click.option("--reason", default="", help="Why, for those who read it later.")
@click.option(
    "--expires",
    metavar="DURATION",
    callback=_seconds,
    default="1h",
    show_default=True,
    help="How long the approval waits to be used.",
)
@common.by_option
@click.option("--withdraw", is_flag=True, help="Take an approval back that was not used yet.")
@common.state_option
@common.command_options()
def command(
    options: common.Options,
    state_dir: Path,
    digest: str | None,
    reason: str,
    expires: float,
    by: str,
    withdraw: bool,
) -> int:
    """Let through what the guard holds: one part by its digest, or all of a plan by the plan's.
    Or let the edits of other people that hold a device go along: exactly the lines shown.

    The next apply writes it, once, if it is still exactly what was shown; anything else waits
    again. Without DIGEST: what was shown as held lately, and what is approved.

    With 'lease' in the configuration, approvals are kept in Kubernetes, where a running controller
    finds them; otherwise in the state folder.

    \b
    fmgsync plan
    fmgsync approve 3f0c81d2a4b65e97 --reason "CHG-4711: shop retired" --expires 2h
    fmgsync apply --install now
    """
    from fmgsync.clock import SystemClock
    from fmgsync.passes import install_context
    from fmgsync.state.memory import Memory
    from fmgsync.wiring import memories

    clock = SystemClock()
    memory = Memory(memories.make_documents(options.config, state_dir=state_dir, clock=clock))
    now = clock.now()
    if digest is None:
        _list(options, memory, now)
        return common.IN_SYNC
    word, what = ("withdrawn", "withdrawing") if withdraw else ("approved", "approving a change")
    common.demand_reason(what, reason, needed=memories.needs_reason(options.config))
    who = install_context.named(by)
    audit = memories.make_decision_audit(
        options.config, state_dir=state_dir, clock=clock, by=by, reason=reason
    )
    audit.check()
    if withdraw:
        decided = memory.withdraw(digest)
    else:
        decided = memory.approve(digest, who=who, reason=reason, now=now, expires_at=now + expires)
    for one in decided:
        audit.record(word, **_about(one, withdrawn=withdraw))
    audit.keep_head()
    _tell(options, decided, word)
    return common.IN_SYNC


def _tell(options: common.Options, decided: tuple[Approval, ...], word: str) -> None:
    if options.is_json:
        options.print_document({word: [_row(one) for one in decided]})
        return
    for one in decided:
        until = f", until {_written(one.expires_at)}" if word == "approved" else ""
        click.echo(safe_text(f"{word} {one.digest}{until}: {one.message}"))


def _list(options: common.Options, memory: Memory, now: float) -> None:
    approvals = memory.approvals(now)
    approved = {one.digest for one in approvals}
    waiting = [one for one in memory.shown() if one.digest not in approved]
    if options.is_json:
        held = [{"digest": w.digest, "message": w.message, "at": _written(w.at)} for w in waiting]
        options.print_document({"held": held, "approved": [_row(one) for one in approvals]})
        return
    for one in approvals:
        text = f"{one.message} (by {one.who}, until {_written(one.expires_at)})"
        click.echo(safe_text(f"approved {one.digest}: {text}"))
    for shown in waiting:
        click.echo(safe_text(f"held {shown.digest}: {shown.message} (seen {_written(shown.at)})"))
    if not waiting and not approvals:
        click.echo("nothing was shown as held lately, and nothing is approved")


def _row(approval: Approval) -> dict[str, str]:
    return {
        "digest": approval.digest,
        "who": approval.who,
        "reason": approval.reason,
        "message": approval.message,
        "at": _written(approval.at),
        "expiresAt": _written(approval.expires_at),
    }


def _about(approval: Approval, *, withdrawn: bool) -> dict[str, str]:
    """For the audit, whose line says by itself who decides it now, and why."""
    told = {name: text for name, text in _row(approval).items() if name not in ("who", "reason")}
    return {**told, "approvedBy": approval.who} if withdrawn else told


def _written(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="seconds")
