"""`fmgsync cassette compare`."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from fmgsync.cli import common
from fmgsync.errors import CassetteError, UsageError
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from fmgsync.clock import ManualClock
    from fmgsync.recording.adom_seed import Held
    from fmgsync.recording.compare import Comparison, Setting
    from fmgsync.recording.rerun import Disagreement, Trial


FILE = click.Path(path_type=Path)


@click.command("compare", cls=common.Command)
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="A switch of the simulator's seed, or version=7.6.3, to begin with.",
)
@common.command_options()
def compare(options: common.Options, files: tuple[Path, ...], changes: tuple[str, ...]) -> int:
    """Ask the simulator what was recorded, and tell where it answers otherwise.

    FILES are the sessions of one recording. The simulator starts with what the recording shows was
    there. Status codes, rows and values are compared; numbers and stamps a unit makes up are not.
    Then every switch and version of the simulator is tried for one that makes it agree.

    \b
    fmgsync cassette compare cassettes/installs.yaml

    \b
    Exit codes: 0 the simulator behaves as recorded, 1 it does not.
    """
    from fmgsync.recording import compare as comparing
    from fmgsync.recording import rest
    from fmgsync.recording.replay import load_clean

    exchanges = [one for path in files for one in load_clean(path).exchanges]
    settings = switches(of_fortigates=any(rest.is_rest(one.uri) for one in exchanges))
    result = comparing.compare(
        exchanges,
        simulated,
        settings,
        changes=dict(_change(text, settings) for text in changes),
        held=held(),
        tell=options.progress,
    )
    if options.is_json:
        options.print_document(_comparison_document(result))
    else:
        _print_comparison(options, result)
    return common.FAILED if result.outcome.weighty else common.IN_SYNC


_VERSIONS = ("7.2.9", "7.4.3", "7.4.5", "7.4.8", "7.6.2", "7.6.6", "8.0.1")
"""Releases between which the simulator's behaviour changes."""


def switches(*, of_fortigates: bool = False) -> list[Setting]:
    """Every switch that a FortiManager's answers depend on with its default, and the version; those
    of FortiGates' own API as well where it was spoken to."""
    import dataclasses

    from pydantic.alias_generators import to_camel

    from fmgsync.recording.compare import Setting
    from fmgsync.simulator.state.world import OF_FORTIGATES, Switches

    defaults = dataclasses.asdict(Switches())
    made = [
        Setting(to_camel(name), value)
        for name, value in defaults.items()
        if of_fortigates or name not in OF_FORTIGATES
    ]
    return [*made, Setting("version", "7.4.5", _VERSIONS)]


def held() -> Held:
    """What every ADOM of the simulator holds from the start."""
    from fmgsync.simulator.schema.predefined import PREDEFINED

    return frozenset(
        (table.removeprefix("firewall "), name)
        for table, rows in PREDEFINED.items()
        for name in rows
    )


def _change(text: str, settings: list[Setting]) -> tuple[str, bool | int | str]:
    """`key=value` with a value of the switch's type."""
    key, _, value = text.partition("=")
    known = {setting.key: setting.default for setting in settings}
    if key not in known:
        raise UsageError(f"the simulator has no {key!r}", next_step=f"it has {', '.join(known)}")
    default = known[key]
    if isinstance(default, bool) and value in ("true", "false"):
        return key, value == "true"
    if isinstance(default, bool) or not value:
        raise UsageError(f"{key} is true or false")
    if isinstance(default, int):
        if not re.fullmatch(r"-?\d{1,9}", value):
            raise UsageError(f"{key} is a number")
        return key, int(value)
    return key, value


@contextmanager
def simulated(seed: Mapping[str, Any]) -> Iterator[Trial]:
    """A simulator for one comparison, on a clock of its own."""
    from fmgsync.clock import ManualClock
    from fmgsync.simulator import SeedError, Simulator

    clock = ManualClock()
    try:
        simulator = Simulator(seed, clock=clock.now, plain_http=True)
    except SeedError as error:
        raise CassetteError(
            f"the simulator cannot start with what the recording shows: {error}",
            next_step="report it with the cassette, please",
        ) from error
    with simulator, ExitStack() as stack:
        hosts = {"": simulator.host}
        if seed.get("fortigates"):
            hosts |= {name: urlsplit(url).netloc for name, url in simulator.fortigates.items()}
        connections = {
            name: stack.enter_context(closing(http.client.HTTPConnection(host, timeout=60)))
            for name, host in hosts.items()
        }
        yield _Simulated(connections, clock)


class _Simulated:
    """A running simulator and its clock; FortiGates have connections of their own."""

    def __init__(
        self, connections: Mapping[str, http.client.HTTPConnection], clock: ManualClock
    ) -> None:
        self._connections = connections
        self._connection = connections[""]
        self._clock = clock

    def ask(
        self, fortigate: str, method: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """One request to a FortiGate."""
        connection = self._connections[fortigate]
        connection.request(method, url, body or None, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()

    def send(self, body: bytes, api_key: str | None) -> bytes:
        """One request, one answer."""
        headers = {"Content-Type": "application/json"}
        if api_key is not None:
            headers["Authorization"] = f"Bearer {api_key}"
        self._connection.request("POST", "/jsonrpc", body, headers)
        return self._connection.getresponse().read()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._clock.sleep(seconds)


def _comparison_document(result: Comparison) -> dict[str, Any]:
    suggestion = result.suggestion
    return {
        "compared": result.outcome.compared,
        "differences": [_disagreement_document(one) for one in result.outcome.weighty],
        "wording": [_disagreement_document(one) for one in result.outcome.words],
        "suggestion": (
            {"settings": dict(suggestion.settings), "left": suggestion.left} if suggestion else None
        ),
        "seed": result.seed,
    }


def _disagreement_document(one: Disagreement) -> dict[str, Any]:
    return {
        "exchange": one.number,
        "step": one.step,
        "request": one.request,
        "place": one.difference.place,
        "recorded": one.difference.recorded,
        "simulator": one.difference.simulated,
    }


def _print_comparison(options: common.Options, result: Comparison) -> None:
    outcome = result.outcome
    _print_disagreements(outcome.weighty)
    if options.verbose and outcome.words:
        click.echo("only in words, state or members one side lacks:")
        _print_disagreements(outcome.words)
    more = f", {len(outcome.words)} in wording or detail (-v)" if outcome.words else ""
    counted = f"{len(outcome.weighty)} differences in behaviour{more}"
    click.echo(f"{outcome.compared} exchanges compared: {counted}")
    if result.suggestion is not None:
        shown = ", ".join(
            f"{key}: {json.dumps(value)}" for key, value in result.suggestion.settings.items()
        )
        click.echo(
            safe_text(
                f"the simulator would agree with {{{shown}}} in its seed; "
                f"differences left: {result.suggestion.left}"
            )
        )
    elif outcome.weighty:
        click.echo("no switch or version of the simulator explains this: please report it")


def _print_disagreements(found: Iterable[Disagreement]) -> None:
    before = 0
    for one in found:
        if one.number != before:
            before = one.number
            step = f" [{one.step}]" if one.step else ""
            click.echo(safe_text(f"exchange {one.number}{step} {one.request}"))
        difference = one.difference
        click.echo(
            safe_text(
                f"  {difference.place}: recorded {difference.recorded}, "
                f"simulator {difference.simulated}"
            )
        )
