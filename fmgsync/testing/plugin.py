"""The pytest plugin: a FortiManager to test against, and a configuration under test.

Loaded by pytest in every run where fmgsync is installed, so nothing dear is imported until a
fixture is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fmgsync.recording.replay import Replay
    from fmgsync.simulator import Simulator
    from fmgsync.testing.configured import Configured
    from fmgsync.testing.trial import Trial

_MARKER = "fortimanager"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the configuration under test is."""
    parser.addini("fmgsync_config", "fmgsync configuration under test", default="fmgsync.yaml")
    group = parser.getgroup("fmgsync")
    group.addoption("--fmgsync-config", metavar="FILE", help="fmgsync configuration under test")


def pytest_configure(config: pytest.Config) -> None:
    """The marker, for --strict-markers."""
    config.addinivalue_line(
        "markers", f"{_MARKER}(seed): what the simulated FortiManager holds: a mapping or a file"
    )


@pytest.fixture
def fmgsync_config(pytestconfig: pytest.Config) -> Configured:
    """The configuration under test: who is in which group where, and when installs run.

    It is `fmgsync.yaml` beside pytest's configuration, unless `fmgsync_config` there or
    `--fmgsync-config` names another.
    """
    from fmgsync.errors import FmgsyncError
    from fmgsync.testing import configured

    named = pytestconfig.getoption("--fmgsync-config") or pytestconfig.getini("fmgsync_config")
    try:
        return configured.read(pytestconfig.rootpath / str(named))
    except FmgsyncError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def fortimanager(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """A simulated FortiManager with its FortiGates, over HTTPS: `.url`, `.host`, `.ca_file`.

    `@pytest.mark.fortimanager(seed)` says what it holds: a mapping, or a file beside the test.
    Without it: user admin, password admin, ADOM root, two FortiGates, one package.
    """
    from fmgsync.simulator import SeedError, Simulator

    marker = request.node.get_closest_marker(_MARKER)
    seed = marker.args[0] if marker is not None and marker.args else None
    if isinstance(seed, str):
        seed = request.path.parent / seed
    try:
        simulator = Simulator(seed)
    except SeedError as error:
        pytest.fail(f"the seed of the simulated FortiManager: {error}", pytrace=False)
    with simulator:
        yield simulator


@pytest.fixture
def fmgsync_trial(fmgsync_config: Configured, tmp_path: Path) -> Iterator[Trial]:
    """The configuration under test, run for real against a simulated FortiManager made for it."""
    from fmgsync.simulator import Simulator
    from fmgsync.testing import trial

    password = trial.make_password()
    with Simulator(trial.seed_of(fmgsync_config, password), strict=True) as unit:
        yield trial.Trial(fmgsync_config, unit, password, trial.folder_below(tmp_path))


@pytest.fixture
def fortimanager_cassette(request: pytest.FixtureRequest) -> Iterator[Callable[..., Replay]]:
    """Play cassettes: `unit = fortimanager_cassette("plan.yaml")` serves it at `unit.host`.

    Paths are relative to the test's file; several are the sessions of one recording. The test fails
    if it asks something else, or leaves something recorded unasked; with `strict=False` the order
    does not matter and things may be left.
    """
    from contextlib import ExitStack

    from fmgsync.errors import FmgsyncError
    from fmgsync.recording.replay import Replay

    played: list[tuple[Replay, bool]] = []
    with ExitStack() as stack:

        def play(*paths: str | Path, strict: bool = True) -> Replay:
            found = [request.path.parent / path for path in paths]
            try:
                replay = stack.enter_context(Replay(*found, strict=strict))
            except FmgsyncError as error:
                pytest.fail(str(error), pytrace=False)
            played.append((replay, strict))
            return replay

        yield play
        wrong = [_verdict(replay, strict) for replay, strict in played]
    told = "\n".join(text for text in wrong if text)
    if told:
        pytest.fail(told, pytrace=False)


@pytest.fixture
def fortigate_cassette(
    fortimanager_cassette: Callable[..., Replay],
) -> Callable[..., Replay]:
    """The same for FortiGates without a FortiManager: `unit.host`, or where several were recorded
    `unit.fortigates["fortigate-1.example.net"]`."""
    return fortimanager_cassette


def _verdict(replay: Replay, strict: bool) -> str:
    if strict:
        return replay.verdict() or ""
    return "\n".join(f"{one.cassette}: {one.text}" for one in replay.playback.mismatches)
