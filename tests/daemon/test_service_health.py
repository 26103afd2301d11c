"""What a controller tells of itself: ready means that everything was heard once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import remote, status_text
from fmgsync.clock import SystemClock
from fmgsync.daemon import cluster_feeds, service_health
from fmgsync.model.address import Address
from fmgsync.model.endpoint import Kind
from fmgsync.model.health import SILENCE_S, Hearing, ServiceHealth
from fmgsync.model.view import StaleGrant
from fmgsync.serve import hearing
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests import builders
from tests.daemon.controllers import made, running, until, web
from tests.end_to_end.estate import Estate, default_seed, open_estate


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        made.add(builders.namespace("fmgsync"))
        made.add(web("web-1", "10.1.0.1"))
        yield made


@pytest.fixture
def estate(
    tmp_path: Path, cluster: KubernetesSimulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Estate]:
    monkeypatch.setattr(cluster_feeds, "DUMP_POLL_S", 0.05)
    seed = default_seed(install_s=0, workspaceMode="disabled")
    with open_estate(tmp_path, seed, clock=SystemClock()) as made:
        made.run("west", web("web-1", "10.2.0.1"))
        cluster.kubeconfig(tmp_path / "east.kubeconfig")
        made.write_config(
            clusters=[
                {"name": "east", "kubeconfig": {"file": "./east.kubeconfig"}},
                made.config["clusters"][1],
            ],
            reconcile={"settle": "0s"},
            lease={"namespace": "fmgsync"},
        )
        yield made


def test_an_adom_that_nobody_has_taken_yet_keeps_a_replica_from_being_ready(
    estate: Estate,
) -> None:
    """Else every replica would be ready for a moment before its first look at FortiManager."""
    waiting = "\n".join(service_health.health(made(estate)).obstacles())
    assert "cluster east" in waiting
    assert "cluster west" in waiting
    assert "ADOM hq/prod" in waiting


def test_a_cluster_of_which_a_needed_kind_was_never_read_is_not_ready(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    """Namespaces alone say nothing about pods; kinds that no rule needs are not waited for."""
    cluster.faults.forbid("pods")
    with running(estate) as controller:

        def of(name: str) -> frozenset[Kind]:
            return next(
                c.synced for c in service_health.health(controller).clusters if c.cluster == name
            )

        until(lambda: Kind.NAMESPACES in of("east"))
        until(lambda: any(record.passes for record in controller.adoms))
        assert service_health.health(controller).obstacles() == ("cluster east was not read yet",)
        cluster.faults.permit("pods")
        until(lambda: not service_health.health(controller).obstacles())
        assert [c.needed for c in service_health.health(controller).clusters] == [{Kind.PODS}] * 2


CUTS: dict[str, Callable[[KubernetesSimulator], object]] = {
    "the API server is away": lambda cluster: cluster.down(),
    "the right to watch was taken": lambda cluster: cluster.faults.forbid("pods", "watch"),
    "the token expired": lambda cluster: cluster.rotate_token(),
}


@pytest.mark.parametrize("cut", CUTS)
def test_what_is_not_followed_any_more_is_told_though_it_was_read_once(
    estate: Estate, cluster: KubernetesSimulator, cut: str
) -> None:
    """In status at once; from the stated bound on the replica is not ready."""
    with running(estate) as controller:

        def pods() -> dict[str, Any]:
            health = service_health.health(controller)
            east = next(r for r in hearing.rows(health, controller.now) if r["cluster"] == "east")
            return next(row for row in east["kinds"] if row["kind"] == "pods")

        def document() -> dict[str, Any]:
            rows = hearing.rows(service_health.health(controller), controller.now)
            return {"devices": [], "clusters": rows}

        until(lambda: not service_health.health(controller).obstacles())
        assert pods()["followed"]
        assert remote.status_code(document()) == 0
        CUTS[cut](cluster)
        cluster.cut_connections()
        until(lambda: not pods()["followed"])
        assert pods()["because"]
        assert pods()["synced"]
        assert remote.status_code(document()) == 1
        assert "pods are not followed now: " in "\n".join(status_text.cluster_lines(document()))
        assert not heard_ago(SILENCE_S - 1, service_health.health(controller)).obstacles()
        obstacles = heard_ago(SILENCE_S + 1, service_health.health(controller)).obstacles()
        assert "pods of cluster east were last heard 301 s ago" in obstacles


def heard_ago(seconds: float, health: ServiceHealth) -> ServiceHealth:
    """The same, were all that was heard once heard so long ago."""
    clusters = []
    for each in health.clusters:
        hearing = {
            kind: found if found.ago_s is None else replace(found, ago_s=seconds)
            for kind, found in each.hearing.items()
        }
        clusters.append(replace(each, hearing=hearing))
    return replace(health, clusters=tuple(clusters))


def test_a_server_that_never_answers_is_never_heard(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    """To begin a listing is our own wish, not an answer."""
    cluster.down()
    with running(estate) as controller:
        until(
            lambda: any(
                "not followed" in p
                for c in service_health.health(controller).clusters
                for p in c.problems
            )
        )
        (east,) = (c for c in service_health.health(controller).clusters if c.cluster == "east")
        assert {each.ago_s for each in east.hearing.values()} == {None}


def test_a_dump_is_heard_while_its_files_are_in_good_order(estate: Estate) -> None:
    with running(estate) as controller:

        def west() -> Hearing:
            found = service_health.health(controller).clusters
            return next(c.hearing[Kind.PODS] for c in found if c.cluster == "west")

        def ago_s() -> float:
            found = west().ago_s
            return math.inf if found is None else found

        until(lambda: ago_s() < math.inf)
        estate.run("west", dump='{"kind": "List", "items": [')
        until(lambda: bool(west().lost) and ago_s() > 0.5)
        estate.run("west", web("web-1", "10.2.0.1"))
        until(lambda: not west().lost and ago_s() < 0.5)


@pytest.mark.parametrize(
    ("since", "oldest"),
    [
        ([], None),
        ([7.0, 5.0], 5.0),
        # The memory of it was lost: an alert on its age must ring.
        ([7.0, None], 0.0),
    ],
)
def test_a_stale_grant_of_unknown_age_is_the_oldest(
    since: list[float | None], oldest: float | None
) -> None:
    grants = [StaleGrant("k8s-web", Address("10.1.0.1"), each) for each in since]
    assert service_health.oldest(grants) == oldest
