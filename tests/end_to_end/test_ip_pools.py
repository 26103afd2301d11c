"""`publish: ipPool`: the range of the Calico pool stands for the pods that a rule selects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fmgsync.passes import once
from fmgsync.passes.result import Result
from tests.builders import Manifest, ip_pool, listing, namespace, node, pod
from tests.end_to_end.estate import Estate, default_seed, open_estate

GROUP = "k8s-web"
WEB = pod("web-1", "10.244.1.1", labels={"app": "web"})
# As a raw store shows it (public notes, `kubectl get ippools -o yaml`), without NAT.
POOL = ip_pool(
    "default-ipv4-pool",
    "10.244.0.0/18",
    raw=True,
    allowedUses=["Workload", "Tunnel"],
    blockSize=26,
    ipipMode="Never",
    nodeSelector="all()",
    vxlanMode="Always",
)


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with open_estate(tmp_path, default_seed(install_s=0, workspaceMode="disabled")) as made:
        sites = {"clusters": ["east"]}
        rule = {"name": GROUP, "select": "app == 'web'", "publish": "ipPool", "sites": sites}
        made.write_config(groups=[rule])
        made.run("west", pod("other", "10.2.0.1"))
        yield made


def applied(estate: Estate, *objects: Manifest) -> tuple[list[str], str]:
    """What the group holds then, and what was said."""
    estate.run("east", dump=listing(*objects, node("node-1"), namespace()))
    result: Result = estate.apply_never()
    gaps = [*once.source_gaps(result.workloads)]
    told = " ".join([*gaps, *(finding.message for finding in result.workloads.findings)])
    found = estate.object("addrgrp", GROUP)
    return (estate.mapped(GROUP)["fgt-east"] if found else []), told


def test_pods_come_and_go_and_the_range_stays(estate: Estate) -> None:
    held, told = applied(estate, POOL, WEB)
    assert held == ["prod_10.244.0.0_18"]
    assert "natOutgoing" not in told
    more = pod("web-2", "10.244.7.7", labels={"app": "web"})
    estate.run("east", dump=listing(POOL, more, node("node-1"), namespace()))
    (adom,) = estate.plan().adoms
    assert adom.seen
    assert not adom.seen.plan.changes


def test_the_narrowest_of_several_pools_counts_and_none_that_is_for_services(
    estate: Estate,
) -> None:
    narrow = ip_pool("web", "10.244.1.0/24", disabled=True)
    services = ip_pool("lb", "10.244.1.0/28", allowedUses=["LoadBalancer"])
    other = ip_pool("other", "10.9.0.0/16")
    held, told = applied(estate, POOL, narrow, services, other, WEB)
    assert held == ["prod_10.244.1.0_24"]
    assert "IPPools default-ipv4-pool, web overlap, and 10.244.1.1 lies in all of them: web" in told


def test_what_no_pool_holds_is_said_and_takes_nothing_away(estate: Estate) -> None:
    applied(estate, POOL, WEB)
    held, told = applied(estate, ip_pool("other", "10.9.0.0/16"), WEB)
    assert held == ["prod_10.244.0.0_18"]
    assert "10.244.1.1 of selected pods: no IPPool holds it" in told
    held, told = applied(estate, WEB)
    assert held == ["prod_10.244.0.0_18"]
    assert "ippools not read completely" in told
    held, told = applied(estate, ip_pool("odd", "10.244.0.0"), POOL, WEB)
    assert held == ["prod_10.244.0.0_18"]


def test_a_claim_that_no_pool_holds_is_left_out_and_holds_nothing_back(estate: Estate) -> None:
    """Whoever may write pods may claim any address of allowedRanges."""
    east, west = estate.config["clusters"]
    estate.write_config(clusters=[{**east, "allowedRanges": ["10.0.0.0/8"]}, west])
    other, labels = ip_pool("other", "10.9.0.0/16"), {"app": "web"}
    applied(estate, POOL, other, WEB, pod("web-2", "10.9.0.1", labels=labels))
    says = {"cni.projectcalico.org/podIP": "10.77.0.1/32"}
    odd = pod("odd", labels=labels, phase="Pending", annotations=says)
    held, told = applied(estate, POOL, other, WEB, odd)
    assert held == ["prod_10.244.0.0_18"]
    claim = "10.77.0.1 of cluster east is claimed only by an annotation of pod default/odd"
    assert f"{claim}: no IPPool holds it" in told


def test_a_pool_that_is_translated_on_the_way_is_warned_about(estate: Estate) -> None:
    held, told = applied(estate, ip_pool("nat", "10.244.0.0/16", natOutgoing=True), WEB)
    assert held == ["prod_10.244.0.0_16"]
    assert "natOutgoing is on in IPPool nat" in told


@pytest.mark.slow
def test_a_range_of_which_nothing_can_be_read_holds_its_own_rules_only(estate: Estate) -> None:
    plain = {"name": "k8s-pods", "select": "app == 'web'", "sites": {"clusters": ["east"]}}
    estate.write_config(groups=[*estate.config["groups"], plain])
    applied(estate, POOL, WEB)
    broken = ip_pool("broken", "not-a-range")
    held, told = applied(estate, broken, pod("web-9", "10.244.1.9", labels={"app": "web"}))
    assert held == ["prod_10.244.0.0_18"]
    assert "spec.cidr 'not-a-range' is no prefix" in told
    assert estate.mapped("k8s-pods")["fgt-east"] == ["prod_10.244.1.9"]
