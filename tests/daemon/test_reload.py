"""What a change of the configuration touches, and what it leaves as it is."""

from __future__ import annotations

import gc
import itertools
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.clock import SystemClock
from fmgsync.daemon import reload, stopping
from fmgsync.daemon.loop import Controller
from fmgsync.daemon.reload import Supervisor
from fmgsync.leases import leasing
from fmgsync.model.target import TargetRef
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.wiring import reloading
from tests import builders
from tests.daemon.controllers import made, running, supervised, until, web, written
from tests.end_to_end.estate import PACKAGE, UNATTENDED, Estate, default_seed, open_estate

RULES = [{"name": "k8s-web", "select": "app == 'web'"}]
MORE = [*RULES, {"name": "k8s-more", "select": "app == 'web' && !has(old)"}]
"""A rule that needs nothing of a cluster that the first one does not."""


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        made.add(builders.namespace("fmgsync"))
        made.add(builders.node("node-1"))
        made.add(web("web-1", "10.1.0.1"))
        yield made


def two_adoms() -> dict[str, Any]:
    """Beside `prod` an ADOM `lab` with one FortiGate, on which installs take no time."""
    seed = default_seed(install_s=0)
    lab: dict[str, Any] = {
        **seed["adoms"][0],
        "name": "lab",
        "devices": [{"name": "fgt-lab", "vdoms": ["root"], "installSeconds": 0}],
        "packages": [{"name": PACKAGE, "targets": ["fgt-lab/root"], "policies": []}],
    }
    return {**seed, "adoms": [*seed["adoms"], lab]}


@pytest.fixture
def estate(
    tmp_path: Path, cluster: KubernetesSimulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Estate]:
    """East is a running cluster behind both ADOMs and keeps the Leases; west is a dump."""
    monkeypatch.setattr(reload, "RELOAD_POLL_S", 0.05)
    monkeypatch.setattr(stopping, "LEAVE_AFTER_S", 0.1)
    with open_estate(tmp_path, two_adoms(), clock=SystemClock()) as opened:
        opened.run("west", web("web-1", "10.2.0.1"))
        cluster.kubeconfig(tmp_path / "east.kubeconfig")
        lab = {"clusters": ["east"], "fortimanager": "hq", "adom": "lab", "devices": ["fgt-lab"]}
        opened.write_config(
            clusters=[
                {"name": "east", "kubeconfig": {"file": "./east.kubeconfig"}},
                opened.config["clusters"][1],
            ],
            sites=[*opened.config["sites"], lab],
            groups=RULES,
            reconcile={"settle": "0s", "minInterval": "0s"},
            install=UNATTENDED,
            lease={"namespace": "fmgsync"},
        )
        yield opened


def reads(cluster: KubernetesSimulator) -> list[tuple[str, str, str]]:
    """Every listing that began and every watch, of what the rules are about; who has one address
    is no listing."""
    return [
        (one.verb, one.resource, one.query.get("sendInitialEvents", ""))
        for one in cluster.requests
        if one.resource in ("pods", "nodes", "namespaces") and one.verb in ("list", "watch")
        if "status.podIP" not in one.query.get("fieldSelector", "")
    ]


def holds(estate: Estate, group: str, adom: str = "prod") -> bool:
    return estate.unit.console().object(adom, "addrgrp", group) is not None


def settled(started: Supervisor) -> None:
    """Every ADOM had its first pass."""
    until(lambda: all(adom.last_success_at for adom in started.controller.adoms))


def succeeded(started: Supervisor, before: Controller) -> None:
    until(lambda: started.controller is not before)


def test_a_cluster_that_is_not_touched_is_not_read_again(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    """It is never unsynced, and what happens next is told as ever; nor is a Lease given away."""
    started = supervised(estate)
    with running(estate, started):
        settled(started)
        read, first = reads(cluster), started.controller
        name = leasing.lease_name("prod", TargetRef("hq", "prod"))
        lease = cluster.find("Lease", name, namespace="fmgsync")
        estate.write_config(groups=MORE)
        succeeded(started, first)
        assert all(record.was_synced for record in started.controller.clusters)
        assert all(adom.last_success_at for adom in started.controller.adoms)
        until(lambda: holds(estate, "k8s-more") and holds(estate, "k8s-more", "lab"))
        assert started.controller.workloads.frozen == {}
        assert reads(cluster) == read
        cluster.add(web("web-2", "10.1.0.2"))
        until(lambda: written(estate, "10.1.0.1", "10.1.0.2", "10.2.0.1"))
        assert reads(cluster) == read
        after = cluster.find("Lease", name, namespace="fmgsync")
        assert lease is not None
        assert after is not None
        for key in ("holderIdentity", "leaseTransitions", "acquireTime"):
            assert after["spec"][key] == lease["spec"][key]


def test_a_kubeconfig_written_again_with_the_same_content_is_the_same(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    """A mounted Secret that holds a password as well is swapped as a whole."""
    started = supervised(estate)
    with running(estate, started):
        settled(started)
        read, first = reads(cluster), started.controller
        passes = first.adoms[0].passes
        cluster.kubeconfig(estate.folder / "east.kubeconfig")
        succeeded(started, first)
        until(lambda: started.controller.adoms[0].passes > passes)
        assert reads(cluster) == read


def test_rules_that_need_more_of_a_cluster_are_given_it_and_less_is_no_reason_to_read_anew(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    cluster.add(builders.pod("db-1", "10.1.0.9", labels={"app": "db"}))
    started = supervised(estate)
    with running(estate, started):
        settled(started)
        estate.write_config(groups=[*RULES, {"name": "k8s-all", "select": "all()"}])
        until(lambda: written(estate, "10.1.0.1", "10.1.0.9", "10.2.0.1"))
        read, second = reads(cluster), started.controller
        estate.write_config(groups=MORE)
        succeeded(started, second)
        until(lambda: holds(estate, "k8s-more"))
        assert reads(cluster) == read


def test_a_rule_that_goes_is_removed_and_a_cluster_that_comes_is_read(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    estate.write_config(groups=MORE)
    started = supervised(estate)
    with running(estate, started):
        settled(started)
        until(lambda: holds(estate, "k8s-more"))
        sites = estate.config["sites"]
        estate.run("north", web("web-1", "10.3.0.1"))
        estate.write_config(
            groups=RULES,
            clusters=[*estate.config["clusters"], {"name": "north", "manifests": "./north.json"}],
            sites=[{**sites[0], "clusters": ["east", "north"]}, *sites[1:]],
            guard={"unlessFewerThan": 1000},
        )
        until(lambda: written(estate, "10.1.0.1", "10.2.0.1", "10.3.0.1"))
        assert [record.cluster for record in started.controller.clusters] == [
            "east",
            "west",
            "north",
        ]
        assert "k8s-more" not in {rule for rule, _ in started.controller.workloads.members}


def test_a_pass_that_runs_holds_up_its_own_adom_alone(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    """An install may take an hour. The other ADOMs have the new configuration meanwhile, and
    whoever stops the process then is not kept waiting."""
    started = supervised(estate)
    with running(estate, started):
        settled(started)
        estate.write_policy("k8s-web")
        estate.install_by_hand()
        estate.unit.world.device("fgt-east").install_seconds = 3600
        cluster.add(web("web-2", "10.1.0.2"))
        until(lambda: pushing(estate))
        first = started.controller
        estate.write_config(groups=MORE)
        until(lambda: holds(estate, "k8s-more", "lab"))
        assert started.controller is not first
        assert started.controller.busy(TargetRef("hq", "prod"))
        assert pushing(estate)
        assert not holds(estate, "k8s-more")
    assert estate.unit.world.adoms["prod"].locks == []


def test_what_changes_while_it_is_read_is_read_again(estate: Estate) -> None:
    """A kubelet renews ConfigMaps and Secrets one after the other."""
    built: list[Controller] = []

    def build(before: Controller | None) -> Controller:
        built.append(made(estate, before))
        if len(built) == 2:
            (estate.folder / "password").write_text("s3cret-word\n")
        return built[-1]

    started = Supervisor(build, lambda: reloading.referenced_files(estate.path))
    with running(estate, started):
        estate.write_config(groups=MORE)
        until(lambda: len(built) == 3)
        succeeded(started, built[1])
    assert len(built) == 3


def pushing(estate: Estate) -> bool:
    tasks = estate.unit.world.tasks.all()
    return any(line.state == "running" for task in tasks for line in task.lines)


def gone(first: weakref.ref[Controller]) -> bool:
    gc.unfreeze()
    gc.collect()
    return first() is None


def test_a_controller_that_was_succeeded_is_forgotten(estate: Estate) -> None:
    """With it goes all that it knew of the clusters."""
    started = supervised(estate)
    with running(estate, started):
        settled(started)
        first = weakref.ref(started.controller)
        estate.write_config(groups=MORE)
        until(lambda: holds(estate, "k8s-more"))
        until(lambda: gone(first))


def test_a_file_that_is_still_being_written_is_not_read(tmp_path: Path) -> None:
    """What has been written so far may be a whole configuration, with less in it."""
    path, read = tmp_path / "fmgsync.yaml", list[str]()
    path.write_text("groups: [a, b]\npolicy: observe\n")

    class Looks:
        """Waiting lets the next of these happen; then it is told to stop."""

        def __init__(self, *texts: str | None) -> None:
            self._left = list(texts)

        def wait(self, seconds: float) -> bool:
            if self._left and (text := self._left.pop(0)) is not None:
                path.write_text(text)
            return not self._left

    def build(before: Controller | None) -> Any:
        read.append(path.read_text())
        return MadeUp()

    supervisor = Supervisor(build, lambda: [path])
    whole = "groups: [a, b, c]\npolicy: observe\n"
    looks = Looks("", "groups: [a, b, c]\n", whole, None, None, None)
    supervisor._stopping = looks  # type: ignore[assignment]
    supervisor._watch()
    assert read[1:] == [whole]


class Once:
    """Raises what is the matter, but for the first time only so often."""

    def __init__(self, trouble: Exception, answer: object, well: int = 0) -> None:
        self._answer, self._well, self._trouble = answer, well, trouble
        self.calls = 0

    def __call__(self, *about: object) -> Any:
        self.calls += 1
        if self._well < self.calls <= self._well + 2:
            raise self._trouble
        return self._answer() if callable(self._answer) else self._answer


@pytest.mark.parametrize("where", ["files", "elsewhere", "build"])
@pytest.mark.parametrize(
    "trouble",
    [
        errors.SourceUnavailable("the API server is away"),  # the cluster of 'calicoCompat'
        errors.StateUnavailable("busy"),
        OSError(5, "Input/output error"),
        RuntimeError("a defect"),
    ],
    ids=repr,
)
def test_whatever_goes_wrong_while_it_looks_a_later_change_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, trouble: Exception
) -> None:
    """A cluster may be away just when a file changes; for ever after nothing would be reloaded."""
    monkeypatch.setattr(reload, "RELOAD_POLL_S", 0.01)
    path = tmp_path / "x.yaml"
    path.write_text("one")
    stamps = itertools.count()
    parts: dict[str, Any] = {
        "files": lambda: (path,),
        "elsewhere": lambda: None if where != "elsewhere" else next(stamps) // 5,
        "build": lambda before: MadeUp(),
    }
    made_one = parts[where]
    parts[where] = Once(trouble, lambda: made_one(*([None] * (where == "build"))), well=1)
    supervisor = Supervisor(parts["build"], parts["files"], parts["elsewhere"])
    first = supervisor.controller
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        for number in range(400):
            if supervisor.controller is not first:
                break
            path.write_text("two" * number)
            thread.join(0.02)
    finally:
        supervisor.stop()
        thread.join()
    assert supervisor.controller is not first
    assert parts[where].calls > 3


class MadeUp:
    """As much of a controller as a supervisor needs."""

    refused_configs = 0

    def __init__(self) -> None:
        self._over = threading.Event()

    def follow(self) -> None:
        """Until something else is to be done."""
        self._over.wait()

    def finish(self) -> None:
        """Another one succeeds it."""
        self._over.set()

    stop = finish

    def end(self) -> bool:
        """Nothing is left."""
        return True

    def succeed(self, before: object) -> None:
        """Nothing is known."""
