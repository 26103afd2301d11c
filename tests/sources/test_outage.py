"""One line for an outage, whatever it does to the watches of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

import pytest
import structlog.testing

from fmgsync.errors import SourceError, SourceForbidden, SourceLoginRefused, SourceUnavailable
from fmgsync.kube.client import ApiSession
from fmgsync.model.endpoint import Kind
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.sources.outage import SETTLED_S, Outage
from tests.daemon.controllers import until
from tests.sources.following import followed, synced, wait_until

AWAY = SourceUnavailable("connection refused")
CUT = SourceUnavailable("the connection broke")
NO_RIGHT = SourceForbidden("not permitted")
NO_LOGIN = SourceLoginRefused("not accepted")
PODS, NODES, SPACES = Kind.PODS, Kind.NODES, Kind.NAMESPACES

Step = tuple[float, Kind, SourceError | None]
"""When, of what, and what is wrong; None when it is heard again."""

LINES: dict[str, tuple[list[Step], list[str]]] = {
    "a restart of the API server": (
        [
            (0, PODS, CUT),
            (0, NODES, CUT),
            (0.5, PODS, AWAY),
            (1, NODES, AWAY),
            (2, PODS, NO_RIGHT),  # roles are not read yet
            (2, SPACES, AWAY),
            (3, PODS, None),
            (3, NODES, None),
            (3, SPACES, None),
        ],
        ["lost", "back"],
    ),
    "a right that is still missing when the server has long been back": (
        [(0, PODS, AWAY), (1, PODS, NO_RIGHT), (SETTLED_S, PODS, NO_RIGHT), (99, PODS, NO_RIGHT)],
        ["lost", "lost"],
    ),
    "two rights are two things to grant": (
        [(0, PODS, NO_RIGHT), (0, NODES, NO_RIGHT), (30, PODS, NO_RIGHT)],
        ["lost", "lost"],
    ),
    "the server goes away while a right is missing": (
        [(0, PODS, NO_RIGHT), (9000, NODES, AWAY), (9001, NODES, None), (9002, PODS, None)],
        ["lost", "lost", "back"],
    ),
    "two outages": (
        [(0, PODS, AWAY), (1, PODS, None), (2, PODS, AWAY), (3, PODS, None)],
        ["lost", "back", "lost", "back"],
    ),
    "nothing was lost": ([(0, PODS, None)], []),
    "a token that expired": ([(0, PODS, NO_LOGIN), (30, PODS, NO_LOGIN)], ["lost"]),
}


@pytest.mark.parametrize("case", LINES)
def test_an_outage_is_told_once(case: str) -> None:
    steps, expected = LINES[case]
    now = 0.0
    outage = Outage("east", monotonic=lambda: now)
    with structlog.testing.capture_logs() as log:
        for at, kind, error in steps:
            now = at
            if error is None:
                outage.heard(kind)
            else:
                outage.lost(kind, error)
    assert told(log) == [f"cluster {word}" for word in expected]


WARM_UP_S = 2.0
"""Long enough for all watches to notice, on a machine that does other things as well."""
OUTAGES: dict[str, Callable[[KubernetesSimulator], None]] = {
    "restart": lambda simulator: simulator.restart(warm_up_s=WARM_UP_S),
    "restored": lambda simulator: simulator.restore(simulator.backup(), warm_up_s=WARM_UP_S),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_a_restart_of_the_server_is_one_outage(
    simulator: KubernetesSimulator, session: ApiSession, outage: str
) -> None:
    with structlog.testing.capture_logs() as log, followed(session) as inventory:
        wait_until(inventory, synced)
        OUTAGES[outage](simulator)
        until(lambda: "cluster back" in told(log))
        wait_until(inventory, lambda now: not now.problems)
    assert told(log) == ["cluster lost", "cluster back"]


def told(log: Iterable[MutableMapping[str, Any]]) -> list[str]:
    return [str(each["event"]) for each in log if each["log_level"] != "debug"]
