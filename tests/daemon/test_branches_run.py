"""`fmgsync run` over FortiGates without a FortiManager, whole: a live cluster, windows, removals
that cannot wait, a stop, a key that rotates, a restart, and two replicas."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fmgsync.assessing.assessment import UNASSESSED
from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.daemon import reload
from fmgsync.daemon.loop import Controller
from fmgsync.scheduling import fleets
from fmgsync.scheduling.rollout import HoldKind
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests import builders
from tests.daemon.controllers import running, supervised, until
from tests.end_to_end import branches
from tests.end_to_end.branches import Branches

USERS = [
    {"name": "first", "key": "k3y", "profile": "advised"},
    {"name": "second", "key": "0ther", "profile": "advised"},
]
ROLLOUT = {"canary": ["branch-1"], "waves": ["100%"], "pause": "0s", "maxFailures": 2}
FOUR = ("branch-1", "branch-2", "hub-1", "hub-2")


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        made.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fmgsync"}})
        yield made


@contextmanager
def opened(
    folder: Path, cluster: KubernetesSimulator, names: Iterable[str], **more: Any
) -> Iterator[Branches]:
    """These FortiGates in front of a running cluster."""
    made = branches.seed(tuple(names), apiUsers=USERS)
    with branches.open_branches(folder / "x", made, clock=SystemClock()) as offices:
        cluster.kubeconfig(offices.folder / "east.kubeconfig")
        east = {
            "name": branches.CLUSTER,
            "kubeconfig": {"file": "./east.kubeconfig"},
            "allowedRanges": ["10.1.0.0/16"],
        }
        offices.write_config(
            clusters=[east], reconcile={"settle": "0s", "minInterval": "0s"}, **more
        )
        yield offices


def web(cluster: KubernetesSimulator, *numbers: int) -> None:
    for n in numbers:
        cluster.add(builders.pod(f"web-{n}", f"10.1.0.{n}", labels={"app": "web"}))


def window(*, is_open: bool) -> list[dict[str, Any]]:
    """A daily one that began a minute ago, or that begins in three hours."""
    opens = datetime.now(UTC) + (timedelta(minutes=-1) if is_open else timedelta(hours=3))
    schedule = f"{opens.minute} {opens.hour} * * *"
    return [{"kind": "allow", "schedule": schedule, "duration": "2h", "timezone": "UTC"}]


@pytest.mark.slow
def test_a_day_of_a_controller_in_front_of_direct_units(
    tmp_path: Path, cluster: KubernetesSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "RELOAD_POLL_S", 0.2)
    monkeypatch.setattr(fleets, "FIRST_LOOK", timedelta(minutes=10))
    install = {"windows": window(is_open=False), "removals": "immediately", "rollout": ROLLOUT}
    web(cluster, 1, 2)
    with opened(tmp_path, cluster, branches.BRANCHES, install=install) as offices:

        def everywhere(*numbers: int) -> Callable[[], bool]:
            return lambda: offices.everywhere() == [set(numbers)] * 3

        def let(*, is_open: bool) -> None:
            offices.write_config(install={**install, "windows": window(is_open=is_open)})

        supervisor = supervised(offices)
        with running(offices, supervisor) as controller:
            until(lambda: all(each.passes for each in controller.adoms))
            assert offices.writes() == []  # the window is shut
            let(is_open=True)
            until(everywhere(1, 2))
            first = [device for device, _, _ in offices.writes()]
            assert first.index("branch-1") == 0  # the canary
            assert set(first[: first.index("branch-2")]) <= {"branch-1", "branch-3"}
            last = supervisor.controller
            let(is_open=False)
            until(lambda: supervisor.controller is not last)
            # What has to go goes at once, and brings nothing with it; nor does anybody wait for
            # the rest of the fleet once that was looked at.
            web(cluster, 3)
            cluster.delete("Pod", "web-1")
            until(everywhere(2))
            until(lambda: not list(waits_for_a_look(supervisor.controller)))
        mark = offices.unit.requests.mark()
        with running(offices, supervised(offices)) as controller:
            until(lambda: all(each.passes for each in controller.adoms))
            assert offices.writes(mark) == []  # a restart writes nothing anew
            assert command(offices, "stop", "--reason", "freeze") == 0
            let(is_open=True)
            rotate(offices)
            assert command(offices, "start", "--reason", "go on") == 0
            until(everywhere(2, 3), patience_s=60)
        assert all("stop" not in one for one in map(str, offices.writes(mark)))


def waits_for_a_look(controller: Controller) -> Iterator[str]:
    """The units that are held until the others of their fleet were looked at."""
    for record in controller.adoms:
        view = record.result.view if record.result is not None else None
        held = view.decision.held if view is not None else None
        if view in (None, UNASSESSED) or (held is not None and held.kind is HoldKind.UNSEEN):
            yield record.ref.unit


def command(offices: Branches, *arguments: str) -> int:
    return main.run([*arguments, "--state-dir", str(offices.folder / "state")])


def rotate(offices: Branches) -> None:
    """Every unit gets a new key; then the file does, as a mounted Secret would."""
    for name in branches.BRANCHES:
        offices.unit.fortigate(name).rotate_key("first", "n3w-key")
    (offices.folder / "key").write_text("n3w-key")


@pytest.mark.slow
def test_two_replicas_share_units_by_fleet_and_one_takes_over_in_the_middle_of_a_wave(
    tmp_path: Path, cluster: KubernetesSimulator
) -> None:
    """Each unit is written by one; whoever is killed is followed by the other within its Lease."""
    web(cluster, 1)
    sites = [
        {"clusters": ["east"], "fortigates": ["branch-*"], "fleet": "branches"},
        {"clusters": ["east"], "fortigates": ["hub-*"], "fleet": "hubs"},
    ]
    rollout = {"waves": ["100%"], "pause": "0s", "maxFailures": 1}
    with (
        opened(
            tmp_path,
            cluster,
            FOUR,
            sites=sites,
            lease={"namespace": "fmgsync"},
            install={"windows": "always", "rollout": rollout},
        ) as offices,
        ExitStack() as stack,
    ):
        replicas = {user["name"]: stack.enter_context(process(offices, user)) for user in USERS}
        until(lambda: offices.everywhere() == [{1}] * 4, patience_s=90)
        cluster_settled(offices, cluster, 2)
        mark = offices.unit.requests.mark()
        web(cluster, 3)
        until(lambda: offices.everywhere() == [{1, 2, 3}] * 4, patience_s=90)
        writers = who_wrote(offices, mark)
        assert all(len(users) == 1 for users in writers.values()), writers
        # One of a fleet is written, the other not yet: its replica dies.
        victim = next(iter(writers["hub-1"]))
        mark = offices.unit.requests.mark()
        web(cluster, 4)
        until(lambda: bool(who_wrote(offices, mark).keys() & {"hub-1", "hub-2"}), patience_s=60)
        replicas[victim].send_signal(signal.SIGKILL)
        until(lambda: offices.everywhere() == [{1, 2, 3, 4}] * 4, patience_s=120)
        (survivor,) = replicas.keys() - {victim}
        after = who_wrote(offices, mark)
        assert survivor in after["hub-1"] | after["hub-2"]
        assert after["branch-1"] == after["branch-2"] == writers["branch-1"] or (
            writers["branch-1"] == {victim}
        )


def cluster_settled(offices: Branches, cluster: KubernetesSimulator, number: int) -> None:
    """Whoever came first may have led all until the other was there."""
    web(cluster, number)
    until(
        lambda: all(held is not None and number in held for held in offices.everywhere()),
        patience_s=90,
    )


def who_wrote(offices: Branches, since: int) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in offices.unit.requests.since(since):
        if one.method != "GET":
            found.setdefault(str(one.device), set()).add(str(one.user))
    return found


@contextmanager
def process(offices: Branches, user: dict[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    """A replica with a key of its own."""
    name = str(user["name"])
    key = offices.folder / f"{name}.key"
    key.write_text(str(user["key"]))
    key.chmod(0o600)
    units = [{**unit, "apiKey": {"file": f"./{key.name}"}} for unit in offices.config["fortigates"]]
    path = offices.folder / f"{name}.yaml"
    path.write_text(json.dumps({**offices.config, "fortigates": units}))
    command = [sys.executable, "-m", "fmgsync", "run", "-c", str(path), "--listen", "none"]
    with (offices.folder / f"{name}.said").open("ab") as stream:
        made = subprocess.Popen(
            [*command, "--state-dir", str(offices.folder / name)], stderr=stream
        )
    try:
        yield made
    finally:
        made.kill()
        made.wait()
