"""`fmgsync cassette replay`: recorded answers behind a url."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync.cli import common, interrupting

if TYPE_CHECKING:
    from fmgsync.recording.playback import Mismatch
    from fmgsync.recording.replay import Replay

_POLL_S = 0.1


@click.command("replay", cls=common.Command)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--lenient",
    is_flag=True,
    help="Any recorded request that matches, in any order; by default in the recorded order.",
)
@click.option(
    "--listen",
    default="127.0.0.1:0",
    show_default=True,
    metavar="ADDRESS:PORT",
    help="Where to listen; port 0 picks a free one.",
)
@click.option("--once", is_flag=True, help="End when everything recorded was played.")
@common.command_options(configured=False)
def replay(
    options: common.Options, files: tuple[Path, ...], lenient: bool, listen: str, once: bool
) -> int:
    """Serve cassettes over HTTPS until interrupted. FILES are the sessions of one recording.

    Prints one JSON line when ready: url, caFile (the certificate to trust) and pid; fortigates has
    a url for each FortiGate that was recorded. A request that
    was not recorded is answered with HTTP 409 and told on standard error: what was expected, what
    came, and the recorded request nearest to it.

    \b
    fmgsync cassette replay cassettes/installs.yaml

    \b
    Exit codes: 0 exactly what was recorded was played, 1 something else came, or something
    recorded was never asked for (with --lenient the latter is no failure).
    """
    from fmgsync.recording.replay import Replay

    def tell(mismatch: Mismatch) -> None:
        options.progress(f"{mismatch.cassette}: not recorded: {mismatch.came}")
        for line in mismatch.text.split("\n"):
            options.progress(f"  {line}")

    stopped = threading.Event()
    with (
        interrupting.served_until(stopped.set),
        Replay(*files, strict=not lenient, listen=listen, told=tell) as server,
    ):
        ready: dict[str, Any] = {"url": server.url, "caFile": server.ca_file, "pid": os.getpid()}
        if server.fortigates:
            ready["fortigates"] = server.fortigates
        click.echo(json.dumps(ready))
        _wait(server, stopped, once=once)
        left = () if lenient else server.playback.left_over
        mismatches = server.playback.mismatches
    for text in left:
        options.progress(f"never asked for: {text}")
    return common.FAILED if left or mismatches else common.IN_SYNC


def _wait(server: Replay, stopped: threading.Event, *, once: bool) -> None:
    while not stopped.wait(_POLL_S):
        if once and not server.playback.left_over:
            # The last answer may still be on its way.
            stopped.wait(_POLL_S)
            return
