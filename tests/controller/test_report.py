"""What a controller tells of itself: ready means that everything was heard once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fmgsync.clock import SystemClock
from fmgsync.controller import report
from fmgsync.model.address import Address
from fmgsync.model.endpoint import Kind
from fmgsync.model.view import StaleGrant
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests import builders
from tests.controller.test_loop import made, running, until, web
from tests.end_to_end.estate import Estate, default_seed, open_estate


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        made.add(builders.namespace("fmgsync"))
        made.add(web("web-1", "10.1.0.1"))
        yield made


@pytest.fixture
def estate(tmp_path: Path, cluster: KubernetesSimulator) -> Iterator[Estate]:
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
    waiting = "\n".join(report.health(made(estate)).obstacles())
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
            return next(c.synced for c in report.health(controller).clusters if c.cluster == name)

        until(lambda: Kind.NAMESPACES in of("east"))
        until(lambda: any(record.passes for record in controller.adoms))
        assert report.health(controller).obstacles() == ("cluster east was not read yet",)
        cluster.faults.permit("pods")
        until(lambda: not report.health(controller).obstacles())
        assert [c.needed for c in report.health(controller).clusters] == [{Kind.PODS}] * 2


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
    assert report.oldest(grants) == oldest
