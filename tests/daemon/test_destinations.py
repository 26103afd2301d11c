"""Services of a running cluster are followed while the controller runs; what may not be read any
more takes nothing away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.clock import SystemClock
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests import builders
from tests.daemon.controllers import running, until, web
from tests.end_to_end.estate import UNATTENDED, Estate, default_seed, open_estate

GROUP = "k8s-vip"


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        made.add(web("web-1", "10.1.0.1"))
        yield made


@pytest.fixture
def estate(tmp_path: Path, cluster: KubernetesSimulator) -> Iterator[Estate]:
    seed = default_seed(install_s=0, workspaceMode="disabled")
    with open_estate(tmp_path, seed, clock=SystemClock()) as made:
        made.run("west", web("web-1", "10.2.0.5"))
        cluster.kubeconfig(tmp_path / "east.kubeconfig")
        made.write_config(
            clusters=[
                {"name": "east", "kubeconfig": {"file": "./east.kubeconfig"}},
                made.config["clusters"][1],
            ],
            groups=[
                {"name": GROUP, "select": "app == 'web'", "publish": "service",
                 "addresses": ["loadBalancer"], "sites": {"clusters": ["east"]}}
            ],
            reconcile={"settle": "0s", "maxDelay": "1s"},
            install=UNATTENDED,
        )  # fmt: skip
        yield made


def balanced(*ips: str) -> dict[str, Any]:
    return {"status": {"loadBalancer": {"ingress": [{"ip": ip} for ip in ips]}}}


def holds(estate: Estate, *ips: str) -> bool:
    if estate.object("addrgrp", GROUP) is None:
        return False
    return estate.mapped(GROUP).get("fgt-east") == [f"prod_{ip}" for ip in ips]


def test_services_are_followed_and_freeze_where_they_may_not_be_read(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    labels = {"app": "web"}
    cluster.add(builders.exposed("Service", "web", labels=labels, spec={}, **balanced("192.0.2.4")))
    with running(estate) as controller:
        until(lambda: holds(estate, "192.0.2.4"))
        cluster.patch("Service", "web", balanced("192.0.2.4", "192.0.2.5"))
        until(lambda: holds(estate, "192.0.2.4", "192.0.2.5"))
        cluster.patch("Service", "web", balanced("192.0.2.5"))
        until(lambda: holds(estate, "192.0.2.5"))
        assert "pods" not in {str(kind) for kind in controller.hearing("east")}
    cluster.faults.forbid("services", "list", "watch")
    cluster.patch("Service", "web", balanced("192.0.2.9"))
    with running(estate) as controller:
        until(lambda: any("services" in gap for gap in gaps(controller)))
        assert holds(estate, "192.0.2.5")
        cluster.faults.permit("services")
        until(lambda: holds(estate, "192.0.2.9"))


def gaps(controller: Any) -> list[str]:
    return [
        str(problem.where)
        for record in controller.clusters
        if record.difference is not None
        for problem in record.difference.problems
    ]
