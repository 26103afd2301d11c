"""`fmgsync run` as a process: it serves, it works, it ends when told to."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from fmgsync.clock import SystemClock
from fmgsync.leases import leasing
from fmgsync.model.target import TargetRef
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.simulator.wire.requestlog import Entry
from tests.daemon import controllers
from tests.daemon.controllers import PATIENCE_S, free_port, until
from tests.end_to_end import fleet
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.fleet import holding, open_fleet, seed, web

REF = TargetRef("hq", "prod")
LOADED_S = 90.0
"""Patience with processes on a machine that does other things as well."""


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        made.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fmgsync"}})
        yield made


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with open_estate(tmp_path, default_seed(install_s=0), clock=SystemClock()) as made:
        made.run("east", controllers.web("web-1", "10.1.0.1"))
        made.run("west", controllers.web("web-1", "10.2.0.1"))
        made.write_config(reconcile={"settle": "0s"})
        yield made


def asked(url: str) -> int:
    try:
        return requests.get(url, timeout=60).status_code
    except requests.ConnectionError:
        return 0


@contextmanager
def process(
    estate: Estate, *more: str, config: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """`fmgsync run`; what it says is in `said`. Killed if it does not end by itself."""
    path = str(config or estate.path)
    command = [sys.executable, "-m", "fmgsync", "run", "-c", path, *more]
    state = ["--state-dir", str(estate.folder / "state")]
    with (estate.folder / "said").open("ab") as stream:
        made = subprocess.Popen([*command, *state], stderr=stream)
    try:
        yield made
    finally:
        made.kill()
        made.wait()


def take_seconds(estate: Estate, seconds: float) -> None:
    """How long each FortiGate takes for an install from now on."""
    for name in fleet.names(3):
        estate.unit.world.device(name).install_seconds = seconds


@pytest.mark.slow
def test_it_ends_in_the_middle_of_a_wave(tmp_path: Path, cluster: KubernetesSimulator) -> None:
    """Nothing new starts, the lock and the Lease are given back at once; the next one goes on."""
    with open_fleet(tmp_path, seed(3, install_s=0), clock=SystemClock()) as estate:
        take_seconds(estate, 600)
        cluster.kubeconfig(tmp_path / "home.kubeconfig")
        home = {"name": "home", "kubeconfig": {"file": "./home.kubeconfig"}}
        rollout = {"canary": ["fgt-1"], "waves": ["100%"], "pause": "0s", "maxFailures": 2}
        estate.write_config(
            clusters=[home, *estate.config["clusters"]],
            reconcile={"settle": "0s", "minInterval": "0s"},
            install={"windows": "always", "rollout": rollout},
            lease={"namespace": "fmgsync"},
        )
        web(estate, "10.1.0.2")
        tasks = estate.unit.world.tasks
        before = max(task.id for task in tasks.all())

        def pushing() -> bool:
            new = [task for task in tasks.all() if task.id > before]
            return any(line.state == "running" for task in new for line in task.lines)

        with process(estate, "--listen", "none") as first:
            until(pushing, LOADED_S)
            started = len(estate.unit.requests.installs())
            first.send_signal(signal.SIGTERM)
            assert first.wait(LOADED_S) == 0, (estate.folder / "said").read_text()
            assert pushing(), "it has not waited for the end of what it pushes"
        assert len(estate.unit.requests.installs()) == started
        assert estate.unit.world.adoms["prod"].locks == []
        lease = cluster.find("Lease", leasing.lease_name("prod", REF), namespace="fmgsync")
        assert lease is not None
        assert not lease["spec"]["holderIdentity"]
        take_seconds(estate, 0)
        estate.unit.world.clock = lambda: SystemClock().now() + 600  # what was pushed is over
        with process(estate, "--listen", "none"):
            until(lambda: holding(estate, "10.1.0.2") == fleet.names(3), LOADED_S)


@pytest.mark.slow
def test_a_replica_that_was_suspended_writes_nothing_more(
    tmp_path: Path, cluster: KubernetesSimulator
) -> None:
    """It falls asleep right after it got the ADOM's lock. Another one takes its Lease; awake again,
    it gives back the lock and leaves what it was about to write to the other."""
    admins = [
        {"user": "admin", "password": "admin", "rpcPermit": "read-write", "superAdmin": True},
        {"user": "first", "password": "s3cret-word", "rpcPermit": "read-write"},
        {"user": "second", "password": "s3cret-word", "rpcPermit": "read-write"},
    ]
    with open_estate(tmp_path, default_seed(admins=admins), clock=SystemClock()) as estate:
        cluster.kubeconfig(tmp_path / "home.kubeconfig")
        estate.run("west")
        estate.run("east", controllers.web("web-1", "10.1.0.1"))
        home = {"name": "home", "kubeconfig": {"file": "./home.kubeconfig"}}
        estate.write_config(
            clusters=[home, *estate.config["clusters"]],
            reconcile={"settle": "0s", "minInterval": "0s"},
            lease={"namespace": "fmgsync"},
        )
        log = estate.unit.requests
        with process(estate, "--listen", "none", config=config_of(estate, "first")) as first:

            def fall_asleep(entry: Entry) -> None:
                if entry.locking and entry.user == "first":
                    log.follow = None
                    first.send_signal(signal.SIGSTOP)

            log.follow = fall_asleep
            until(lambda: log.follow is None)
            asleep = holder(cluster)
            with process(estate, "--listen", "none", config=config_of(estate, "second")):
                until(lambda: holder(cluster) not in ("", asleep), LOADED_S)
                first.send_signal(signal.SIGCONT)
                until(lambda: bool(written_by("second", log.since())), LOADED_S)
                before = log.since()[: log.since().index(written_by("second", log.since())[0])]
                assert written_by("first", before) == []
                until(lambda: estate.object("address", "prod_10.1.0.1") is not None)


def config_of(estate: Estate, user: str) -> Path:
    """The estate's configuration with a FortiManager user of its own."""
    unit = estate.config["fortimanagers"][0]
    credentials = {**unit["credentials"], "username": user}
    path = estate.folder / f"{user}.yaml"
    config = {**estate.config, "fortimanagers": [{**unit, "credentials": credentials}]}
    path.write_text(json.dumps(config))
    return path


def holder(cluster: KubernetesSimulator) -> str:
    """Who holds the ADOM's Lease."""
    lease = cluster.find("Lease", leasing.lease_name("prod", REF), namespace="fmgsync")
    return str(lease["spec"].get("holderIdentity") or "") if lease else ""


def written_by(user: str, entries: Iterable[Entry]) -> list[Entry]:
    """What a user wrote into the ADOM; to lock, to unlock and to log in or out is no writing."""
    quiet = ("/workspace/lock", "/workspace/unlock", "sys/log")
    return [
        entry
        for entry in entries
        if entry.user == user
        and entry.writing
        and not all(any(word in url for word in quiet) for url in entry.urls)
    ]


def test_it_serves_works_and_ends_with_sigterm(estate: Estate) -> None:
    """Ready once every cluster and FortiManager answered; no lock is left behind."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    with process(estate, "--listen", f"127.0.0.1:{port}", "-v", "--log-format", "json") as running:
        until(lambda: asked(f"{url}/readyz") == 200)
        assert estate.unit.console().object("prod", "address", "prod_10.1.0.1") is not None
        metrics = requests.get(f"{url}/metrics", timeout=60).text
        assert 'fmgsync_rpc_duration_seconds_count{fortimanager="hq",method="get"}' in metrics
        devices = requests.get(f"{url}/status", timeout=60).json()["devices"]
        assert [device["device"] for device in devices] == ["fgt-east", "fgt-west"]
        running.send_signal(signal.SIGTERM)
        code = running.wait(PATIENCE_S)
    said = (estate.folder / "said").read_text()
    assert code == 0, said
    assert "s3cret-word" not in said
    lines = [json.loads(line) for line in said.splitlines()]
    assert {"locked"} <= {line["event"] for line in lines}
    assert len({line["run"] for line in lines}) == 1
    assert estate.unit.console().get("/dvmdb/adom/prod/workspace/lockinfo") in (None, [])
