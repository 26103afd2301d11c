"""A rollout as configured, for the devices of one ADOM."""

from __future__ import annotations

from datetime import timedelta

from fmgsync.model.adom import AdomTopology, Device, Workspace
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.scheduling.budget import Percent
from fmgsync.scheduling.install_policy import RolloutTerms
from fmgsync.scheduling.rollout import NamedWave, Overrun, RolloutPolicy

EAST = frozenset({DeviceVdom("a", "root"), DeviceVdom("a", "dmz"), DeviceVdom("b", "root")})
TOPOLOGY = AdomTopology(
    TargetRef("hq", "prod"),
    (7, 4),
    Workspace.DISABLED,
    {name: Device(name, ("root",)) for name in ("a", "b", "c", "d")},
    {"East": EAST, "Far": frozenset({DeviceVdom("z", "root")})},
)


def test_names_become_devices_of_this_adom() -> None:
    terms = RolloutTerms(
        canary=("d", "c/root", "group:East", "elsewhere", "group:Nobody", "group:Far"),
        waves=(Percent(5), 3, "group:East", "group:Nobody"),
        pause=timedelta(minutes=5),
        max_failures=7,
    )
    assert terms.policy(TOPOLOGY, Overrun.STOP) == RolloutPolicy(
        canary=("a", "b", "c", "d"),
        waves=(
            Percent(5),
            3,
            NamedWave("East", frozenset({"a", "b"})),
            NamedWave("Nobody", frozenset()),
        ),
        pause=timedelta(minutes=5),
        max_failures=7,
        overrun=Overrun.STOP,
    )
