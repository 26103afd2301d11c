"""`fmgsync run`: the controller."""

from __future__ import annotations

import signal
from types import FrameType

import click

from fmgsync.cli import common


@click.command("run")
@common.command_options()
def command(options: common.Options) -> int:
    """Follow the clusters and keep every ADOM, until stopped by SIGTERM or Ctrl-C.

    A change is written after `reconcile.settle` of quiet, at the latest after
    `reconcile.maxDelay`; every ADOM is compared in full each `reconcile.resync`. A cluster or
    FortiManager that is down holds up its own part and nothing else.

    \b
    Stopping: a running pass is finished and its locks are given back. An install task that runs
    by then goes on inside FortiManager; the next run finds it and waits for it.
    """
    from fmgsync.controller import wiring

    controller = wiring.make_controller(options.config)

    def stop(number: int, frame: FrameType | None) -> None:
        controller.stop()

    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        ended = controller.run()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    return common.IN_SYNC if ended else common.FAILED
