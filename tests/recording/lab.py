"""A lab unit to record from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fmgsync.clock import ManualClock
from fmgsync.model.target import DeviceVdom
from fmgsync.recording.adapter import Recording
from fmgsync.recording.guarding import Bounds
from fmgsync.recording.lab import Lab, Line, Reply
from fmgsync.recording.scenarios import looking
from fmgsync.simulator import Simulator
from fmgsync.targets.fortimanager.access import Access
from fmgsync.targets.fortimanager.session import Session

PREFIX = "fmgsync-lab"
ONE, TWO = DeviceVdom("fgt-1", "root"), DeviceVdom("fgt-2", "root")


def seed(**changes: Any) -> dict[str, Any]:
    return {
        "admins": [{"user": "lab", "password": "lab-password", "superAdmin": True}],
        "adoms": [
            {
                "name": "lab",
                "devices": [{"name": "fgt-1"}, {"name": "fgt-2", "installed": False}],
                "addresses": [{"name": "theirs", "subnet": "10.0.0.1/32"}],
                "addressGroups": [{"name": "their-group", "members": ["theirs"]}],
                "packages": [
                    {
                        "name": "folder/edge",
                        "targets": ["fgt-1/root", "fgt-2/root"],
                        "policies": [{"srcaddr": ["their-group"], "dstaddr": ["all"]}],
                    }
                ],
            }
        ],
        **changes,
    }


class Cut:
    """A session that is interrupted at one request: as if the user pressed Ctrl-C there."""

    def __init__(self, line: Line, at: int) -> None:
        self._line = line
        self._left = at

    def call(self, method: str, params: Sequence[Mapping[str, Any]]) -> Sequence[Reply]:
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt
        return self._line.call(method, params)


@contextmanager
def lab_on(
    unit: Simulator,
    *,
    cut_at: int = 0,
    install_on: DeviceVdom | None = None,
    recording: Recording | None = None,
    clock: ManualClock | None = None,
) -> Iterator[Lab]:
    clock, recording = clock or ManualClock(), recording or Recording()
    access = Access("lab", unit.host, "lab", "lab-password", ca_file=Path(unit.ca_file))

    @contextmanager
    def opened() -> Iterator[Line]:
        adapter = recording.adapter(access)
        with Session(access, clock=clock, adapter=adapter) as session, session.pinned():
            yield session

    with opened() as session:
        facts = looking.survey(session, "lab", [install_on] if install_on else [])
        bounds = Bounds("lab", PREFIX, frozenset(facts.targets), install_on)
        line = Cut(session, cut_at) if cut_at else session
        yield Lab(line, bounds, facts, clock=clock, step=recording.step, second=opened)
