"""`fmgsync simulator`: a FortiManager that needs no FortiManager, for any JSON-RPC client."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmgsync.cli import interrupting
from fmgsync.cli.common import Options, command_options
from fmgsync.errors import UsageError
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from fmgsync.simulator import Simulator
    from fmgsync.simulator.wire.faults import Fault
    from fmgsync.simulator.wire.requestlog import Entry

_SHOWN = 3
"""Of a request with many params, so many are told."""
_LONG = 200
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")


class _Latency(click.ParamType):  # type: ignore[type-arg]
    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        match = _DURATION.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not a duration such as 20ms or 1.5s", param, ctx)
        return float(match[1]) / (1000 if match[2] == "ms" else 1)


_HOST = re.compile(r"[0-9A-Za-z.-]+|\[?[0-9A-Fa-f:.]+]?", re.ASCII)


def _place(value: str) -> str:
    host, colon, port = value.rpartition(":")
    fits = _HOST.fullmatch(host) and port.isdecimal() and int(port) <= 65_535
    if not colon or not fits:
        raise click.BadParameter(
            "write ADDRESS:PORT, for example 127.0.0.1:0, or 0.0.0.0:8443 for every address"
        )
    return value


@click.command("simulator")
@click.option(
    "--listen",
    default="127.0.0.1:0",
    show_default=True,
    metavar="ADDRESS:PORT",
    callback=lambda _ctx, _param, value: _place(value),
    help="Where to listen; port 0 picks a free one.",
)
@click.option(
    "--seed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML: what FortiManager holds at the start.",
)
@click.option("--plain-http", is_flag=True, help="No TLS.")
@click.option("--latency", type=_Latency(), default=0.0, help="Delay every answer, e.g. 20ms.")
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML: which requests meet which trouble.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Refuse options, parameters and members that are not simulated, instead of telling them.",
)
@command_options()
def command(
    listen: str,
    seed: Path | None,
    plain_http: bool,
    latency: float,
    faults: Path | None,
    strict: bool,
    options: Options,
) -> None:
    """Serve a simulated FortiManager with its FortiGates until interrupted.

    Prints one JSON line when ready: url, caFile (the certificate to trust), pid and fortigates
    (the urls of their own REST APIs). Without a
    seed: user admin, password admin, API key simulator, ADOM root, two FortiGates, one package.
    With -v every request and fault is told on standard error: urls and codes, never data. What a
    request says that is not simulated is told there in any case, at its first time.

    \b
    fmgsync simulator --listen 127.0.0.1:8443
    fmgsync simulator --seed seed.yaml --strict
    """
    from fmgsync.simulator import SeedError, Simulator

    try:
        simulator = Simulator(
            seed,
            plain_http=plain_http,
            latency=latency,
            listen=listen,
            faults=faults,
            strict=strict,
        )
    except SeedError as error:
        raise UsageError(str(error), next_step="docs/simulator.md lists the keys") from error
    simulator.ignored.follow = _tell_ignored
    if options.verbose:
        simulator.requests.follow = _tell_request
        simulator.faults.follow = _tell_fault
    _serve(simulator, listen)


def _tell_request(request: Entry) -> None:
    import structlog

    pairs = zip(request.urls, request.codes, strict=True)
    structlog.get_logger().info(
        "request",
        device=safe_text(request.device) or None,
        user=safe_text(request.user) or None,
        method=safe_text(request.method),
        answered=_first([f"{url or '-'} {code}" for url, code in pairs]),
    )


def _tell_ignored(kind: str, url: str, name: str) -> None:
    import structlog

    structlog.get_logger().warning(
        "not simulated", kind=kind, name=safe_text(name), url=safe_text(url)
    )


def _tell_fault(fault: Fault, urls: Sequence[str]) -> None:
    import structlog

    structlog.get_logger().info("fault", kind=fault.kind, urls=_first(urls))


def _first(texts: Sequence[str]) -> str:
    shown = ", ".join(text[:_LONG] for text in texts[:_SHOWN])
    return safe_text(shown + (f", {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""))


def _serve(simulator: Simulator, listen: str) -> None:
    stopped = threading.Event()
    try:
        simulator.start()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"cannot listen on {listen}: {reason}", next_step="choose another --listen"
        ) from error
    with simulator, interrupting.served_until(stopped.set):
        ready = {
            "url": simulator.url,
            "caFile": simulator.ca_file,
            "pid": os.getpid(),
            "fortigates": simulator.fortigates,
        }
        click.echo(json.dumps(ready))
        stopped.wait()
