"""Decisions kept in Kubernetes: the command line on one side, running controllers on the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.daemon import approval_watch, service_health
from fmgsync.daemon.loop import Controller
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.state import configmap
from tests import builders
from tests.daemon.controllers import running, until, web, written
from tests.end_to_end.estate import Estate, default_seed, open_estate

PODS = {f"web-{n}": f"10.1.0.{n}" for n in range(1, 21)}
WEB = {"app": "web"}
SEASONS = {"default": range(1, 6), "spring": range(6, 15), "summer": range(15, 18)}
SEASONS["autumn"] = range(18, 21)
"""Which pods run in which namespace. One label closes a namespace, so all its pods leave the group
in one event, however slow the machine; twenty deletions would be seen in any number of parts."""


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        for name in ("fmgsync", *SEASONS):
            if name != "default":
                made.add(builders.namespace(name))
        for season, numbers in SEASONS.items():
            for n in numbers:
                made.add(builders.pod(f"web-{n}", PODS[f"web-{n}"], namespace=season, labels=WEB))
        yield made


@pytest.fixture
def estate(
    tmp_path: Path, cluster: KubernetesSimulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Estate]:
    """One running cluster, which keeps the Leases and the decisions as well."""
    monkeypatch.setattr(approval_watch, "POLL_S", 0.05)
    seed = default_seed(install_s=0, workspaceMode="disabled")
    with open_estate(tmp_path, seed, clock=SystemClock()) as made:
        cluster.kubeconfig(tmp_path / "east.kubeconfig")
        made.write_config(
            clusters=[{"name": "east", "kubeconfig": {"file": "./east.kubeconfig"}}],
            sites=made.config["sites"][:1],
            groups=[{"name": "k8s-web", "select": "app == 'web'", "namespaces": "!has(closed)"}],
            reconcile={"settle": "0s", "maxDelay": "1s"},
            install={"mode": "none"},
            guard={"maxRemovedShare": 0.2, "unlessFewerThan": 4},
            lease={"namespace": "fmgsync"},
        )
        yield made


def close(cluster: KubernetesSimulator, season: str) -> None:
    """All pods of a namespace leave the group at once."""
    cluster.patch("Namespace", season, {"metadata": {"labels": {"closed": "yes"}}})


def without(*seasons: str) -> list[str]:
    """The addresses of all pods but these namespaces'."""
    gone = {n for season in seasons for n in SEASONS[season]}
    return [f"10.1.0.{n}" for n in range(1, 21) if n not in gone]


def test_an_approval_on_the_command_line_reaches_the_running_controller(
    estate: Estate, cluster: KubernetesSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing else changes meanwhile, and nobody waits for the next full comparison."""

    def held() -> list[str]:
        capsys.readouterr()
        assert main.run(["approve", "-c", str(estate.path), "--output", "json"]) == 0
        return [row["digest"] for row in json.loads(capsys.readouterr().out)["held"]]

    with running(estate):
        until(lambda: written(estate, *PODS.values()))
        close(cluster, "spring")
        until(lambda: bool(held()))
        assert written(estate, *PODS.values())
        (digest,) = held()
        assert main.run(["approve", digest, "-c", str(estate.path), "--reason", "CHG-7"]) == 0
        until(lambda: written(estate, *without("spring")))
    assert not (estate.folder / "state").exists()


def test_without_the_memory_nothing_is_removed_or_added(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    """What the guard counts and what people approved is not guessed; then the pass goes on."""
    with running(estate) as controller:
        until(lambda: written(estate, *PODS.values()))
        cluster.faults.forbid("configmaps")
        cluster.delete("Pod", "web-20", namespace="autumn")
        until(lambda: "ConfigMap fmgsync/fmgsync-state" in (controller.adoms[0].error or ""))
        assert written(estate, *PODS.values())
        cluster.faults.permit("configmaps")
        cluster.add(web("web-21", "10.1.0.21"))
        until(
            lambda: written(estate, *[ip for ip in PODS.values() if ip != "10.1.0.20"], "10.1.0.21")
        )


def test_what_one_replica_wrote_the_next_one_counts(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    """Two removals of three pods each pass the guard alone, not one after the other."""
    with running(estate):
        until(lambda: written(estate, *PODS.values()))
        close(cluster, "autumn")
        until(lambda: written(estate, *without("autumn")))
    with running(estate) as second:
        close(cluster, "summer")
        until(lambda: _holds(second) > 0)
        assert written(estate, *without("autumn"))


def _holds(controller: Controller) -> int:
    return service_health.health(controller).adoms[0].guard_holds


def test_outside_a_configuration_for_the_inside_is_refused(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would remember beside the controller, not with it."""
    kubeconfig = estate.config["clusters"][0]
    estate.write_config(clusters=[{"name": "home"}, kubeconfig])
    assert main.run(["approve", "-c", str(estate.path)]) == 2
    assert "kubectl -n fmgsync exec deploy/fmgsync" in capsys.readouterr().err


def test_a_controller_that_waits_asks_for_nothing(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    """Whatever people may decide is told by a watch; passes that find nothing new write nothing."""

    def asked() -> list[str]:
        maps = [each for each in cluster.requests if each.resource == "configmaps"]
        return [each.verb for each in maps if each.verb != "watch"]

    with running(estate) as controller:
        until(lambda: written(estate, *PODS.values()))
        close(cluster, "spring")
        until(lambda: _holds(controller) > 0)
        looked_again(controller)
        before = asked()
        for _ in range(5):
            looked_again(controller)
        assert asked() == before


def test_a_pass_that_writes_the_adom_writes_down_once(
    estate: Estate, cluster: KubernetesSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the guard must know before, with what was left over from the pass before it."""
    monkeypatch.setattr(configmap, "LATER_S", 60.0)

    def writes() -> int:
        return sum(
            (each.verb, each.resource) == ("update", "configmaps") for each in cluster.requests
        )

    with running(estate) as controller:
        until(lambda: written(estate, *PODS.values()))
        looked_again(controller)
        before, passes, new = writes(), controller.adoms[0].passes, list[str]()
        for n in range(31, 36):
            new.append(f"10.1.0.{n}")
            cluster.add(web(f"web-{n}", new[-1]))
            until(lambda: written(estate, *PODS.values(), *new))
        looked_again(controller)
        made = controller.adoms[0].passes - passes
    assert 5 <= writes() - before <= made + 1  # the last is made while it ends


def looked_again(controller: Controller) -> None:
    """One more whole pass; meanwhile decisions were looked for many times."""
    (record,) = controller.adoms
    controller.look_at(record.ref)
    until(lambda: controller.adoms[0].passes > record.passes)
