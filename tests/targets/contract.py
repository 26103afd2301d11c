"""One fixture, two units: the simulator, and what it once said, played back from a cassette.

With FMGSYNC_RECORD_CASSETTES=1 in the environment the first writes what the second plays. When a
recording of a real unit takes a cassette's place and the two disagree, one of them is wrong about
FortiManager.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from requests.adapters import HTTPAdapter

from fmgsync.clock import ManualClock
from fmgsync.recording import check, taking
from fmgsync.recording.adapter import Recording
from fmgsync.recording.replay import Replay
from fmgsync.simulator import Simulator
from fmgsync.targets.fortimanager.access import Access
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.fortimanager.target import FortiManagerAdom
from tests.recording import shipped
from tests.targets.conftest import OWNER, REF, Unit, seed

FOLDER = shipped.FOLDER / "contract"
RECORD = "FMGSYNC_RECORD_CASSETTES"


class Contract:
    """A unit that keeps the contract; `meanwhile` is what others do to it, if it lives."""

    def __init__(
        self, access: Access, clock: ManualClock, adapter: Callable[[Access], HTTPAdapter] | None
    ) -> None:
        self.clock = clock
        self._access = access
        self._adapter = adapter
        self.simulator: Simulator | None = None

    def session(self) -> Session:
        """A session that is not yet open."""
        adapter = self._adapter(self._access) if self._adapter else None
        return Session(self._access, clock=self.clock, adapter=adapter)

    def adom(self) -> FortiManagerAdom:
        """The ADOM `prod`."""
        return FortiManagerAdom(
            REF, owner=OWNER, open_session=self.session, clock=self.clock, lock_wait_s=0
        )

    def meanwhile(self, act: Callable[[Unit], None]) -> None:
        """Somebody else at work. In a cassette it has happened already."""
        if self.simulator is not None:
            act(Unit(self.simulator, self.clock))


@pytest.fixture(params=["simulator", "cassette"])
def contract(request: pytest.FixtureRequest) -> Iterator[Contract]:
    """Everything recorded must be asked for, or the test names what was left over."""
    name = request.node.originalname.removeprefix("test_")
    clock = ManualClock()
    with ExitStack() as stack:
        if request.param == "simulator":
            simulator = stack.enter_context(
                Simulator(seed(workspaceMode="normal"), clock=clock.now, strict=True)
            )
            recording = Recording()
            unit = Contract(Unit(simulator, clock).access(), clock, recording.adapter)
            unit.simulator = simulator
            yield unit
            if os.environ.get(RECORD):
                write(name, recording)
            return
        replay = stack.enter_context(Replay(*cassettes(name)))
        access = Access("hq", replay.host, "fmgsync", "secret", ca_file=Path(replay.ca_file))
        yield Contract(access, clock, None)
        verdict = replay.verdict()
        assert verdict is None, (
            f"{verdict}\nIf the requests are meant to differ, record them anew: {RECORD}=1 "
            "pytest tests/targets/test_contract.py"
        )


def cassettes(name: str) -> list[Path]:
    """The sessions of one test, in order."""
    found = sorted(FOLDER.glob(f"{name}.*yaml"), key=lambda path: (len(path.name), path.name))
    assert found, f"no cassette for {name}: record it with {RECORD}=1"
    return found


def write(name: str, recording: Recording) -> None:
    """Take the place of the old cassettes of this test."""
    for old in FOLDER.glob(f"{name}.*yaml"):
        old.unlink()
    wishes = dataclasses.replace(shipped.wishes("v7.4.5"), keep_names=True)
    made = taking.cassettes(recording, wishes)
    taking.save(FOLDER / f"{name}.yaml", made, check.Suspects())
    shipped.update_readme()
