"""`fmgsync run`: the controller."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import structlog

import fmgsync
from fmgsync.cli import common, interrupting

if TYPE_CHECKING:
    from fmgsync.daemon.reload import Supervisor
    from fmgsync.serve.http import Service
    from fmgsync.serve.metrics import Metrics


@click.command("run", cls=common.Command)
@click.option(
    "--listen",
    default="127.0.0.1:8080",
    show_default=True,
    metavar="ADDRESS:PORT",
    help="Where /healthz, /readyz, /metrics, /status and /explain are served; 'none' serves"
    " nothing.",
)
@common.state_option
@common.command_options()
def command(options: common.Options, state_dir: Path, listen: str) -> int:
    """Follow the clusters and keep every ADOM, until stopped by SIGTERM or Ctrl-C.

    A change is written after `reconcile.settle` of quiet, at the latest after
    `reconcile.maxDelay`; every ADOM is compared in full each `reconcile.resync`. A cluster or
    FortiManager that is down holds up its own part and nothing else.

    \b
    Stopping: a running pass is finished and its locks are given back. An install task that runs
    by then goes on inside FortiManager; the next run finds it and waits for it.

    The configuration, secrets and CA files are read again when they change; a version that is
    wrong is refused and logged, and the one before stays in force.

    \b
    fmgsync run -v
    fmgsync run --listen 0.0.0.0:8080 --log-format json -v
    """
    from fmgsync.daemon import reload, service_health
    from fmgsync.leases import fencing
    from fmgsync.serve.metrics import Metrics
    from fmgsync.wiring import reloading, wiring

    metrics = Metrics(lambda: service_health.health(running.controller))
    running = reload.Supervisor(
        lambda before: wiring.make_controller(
            options.config,
            before=before,
            ears=fencing.Ears(metrics.rpc, metrics.lock_wait, metrics.lock_held, metrics.rest),
            state_dir=state_dir,
            transport=options.transport,
        ),
        lambda: reloading.referenced_files(options.config),
        lambda: reloading.compat_stamp(options.config),
    )
    text = options.config.read_bytes()
    structlog.get_logger(__name__).info(
        "started",
        version=fmgsync.__version__,
        configuration=hashlib.sha256(text).hexdigest()[:16],
        listening=listen,
        adoms=", ".join(str(record.ref) for record in running.controller.adoms),
    )
    service = _serve(running, metrics, listen) if listen != "none" else None

    try:
        with interrupting.served_until(running.stop):
            ended = running.run()
    finally:
        if service is not None:
            service.stop()
    return common.IN_SYNC if ended else common.FAILED


def _serve(running: Supervisor, metrics: Metrics, listen: str) -> Service:
    from fmgsync.cli import documents, explain
    from fmgsync.clock import SystemClock
    from fmgsync.daemon import questions, service_health
    from fmgsync.serve.http import Service

    service = Service(
        listen,
        health=lambda: service_health.health(running.controller),
        metrics=metrics,
        status=lambda: documents.status_document(service_health.result(running.controller)),
        explain=lambda words: explain.document_of(*questions.answer(running.controller, words)),
        clock=SystemClock(),
    )
    service.start()
    return service
