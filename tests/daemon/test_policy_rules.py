"""Calico's policies of a running cluster become rules, and change while the controller runs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fmgsync.clock import SystemClock
from fmgsync.daemon import announcements, reload
from fmgsync.daemon.loop import Controller
from fmgsync.kube.client import Access, ApiSession
from fmgsync.kube.requests import EVENTS, Request
from fmgsync.model.endpoint import Kind
from fmgsync.passes import once
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.sources import live
from fmgsync.wiring import reloading
from tests import builders
from tests.daemon import controllers
from tests.daemon.controllers import running, until, web
from tests.end_to_end.estate import UNATTENDED, Estate, default_seed, open_estate

V3, RAW = "projectcalico.org/v3", "crd.projectcalico.org/v1"
DMZ = {
    "fromGlobalNetworkPolicies": "projectcalico.org/tier == 'dmz'",
    "sites": {"clusters": ["east"]},
}


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        made.add(web("web-1", "10.1.0.1"))
        made.add(builders.service_account("default", labels={"role": "web"}))
        yield made


@pytest.fixture
def estate(tmp_path: Path, cluster: KubernetesSimulator) -> Iterator[Estate]:
    seed = default_seed(install_s=0, workspaceMode="disabled")
    with open_estate(tmp_path, seed, clock=SystemClock()) as made:
        made.run("west", web("web-1", "10.2.0.5"))
        cluster.kubeconfig(tmp_path / "east.kubeconfig")
        east = {"name": "east", "kubeconfig": {"file": "./east.kubeconfig"}}
        made.write_config(
            clusters=[east, made.config["clusters"][1]],
            groups=[DMZ],
            reconcile={"settle": "0s", "maxDelay": "1s"},
            install=UNATTENDED,
        )
        yield made


def policy(name: str = "dmz.web", selector: str = "app == 'web'", **more: Any) -> builders.Manifest:
    return builders.policy(name, selector, tier="dmz", **more)


def holds(estate: Estate, group: str, *ips: str) -> bool:
    if estate.object("addrgrp", group) is None:
        return False
    return estate.mapped(group).get("fgt-east") == [f"prod_{ip}" for ip in ips]


def waiting(controller: Controller) -> list[str]:
    result = controller.adoms[0].result
    return [hold.name for hold in result.seen.plan.held] if result and result.seen else []


@pytest.mark.parametrize(("home", "raw"), [(V3, False), (RAW, True)])
def test_policies_are_found_where_they_are_served(
    estate: Estate, cluster: KubernetesSimulator, home: str, raw: bool
) -> None:
    cluster.install_calico(home)
    cluster.add(policy(raw=raw, serviceAccountSelector="role == 'web'"))
    result = estate.apply_never()
    assert holds(estate, "dmz.web", "10.1.0.1")
    assert not [*once.source_gaps(result.workloads)]


def test_the_api_is_asked_before_the_store_behind_it(
    cluster: KubernetesSimulator, tmp_path: Path
) -> None:
    access = Access(cluster.kubeconfig(tmp_path / "kubeconfig"))
    cluster.install_calico(RAW)
    cluster.install_calico(V3)
    cluster.add(policy("dmz.v3"))
    cluster.add(policy("dmz.raw", raw=True))
    found = live.read_snapshot("east", access, {Kind.POLICIES, Kind.PODS})
    assert [each.name for each in found.policies] == ["dmz.v3"]
    cluster.withdraw("projectcalico.org")
    found = live.read_snapshot("east", access, {Kind.POLICIES, Kind.PODS})
    assert [each.name for each in found.policies] == ["dmz.raw"]


@pytest.mark.parametrize("how", ["absent", "forbidden"])
def test_a_kind_that_cannot_be_read_keeps_its_groups(
    estate: Estate, cluster: KubernetesSimulator, how: str
) -> None:
    cluster.install_calico()
    cluster.add(policy())
    estate.apply_never()
    if how == "absent":
        cluster.withdraw("projectcalico.org")
    else:
        cluster.faults.forbid("globalnetworkpolicies", "list")
    result = estate.apply_never()
    assert holds(estate, "dmz.web", "10.1.0.1")
    assert not [hold for adom in result.adoms if adom.seen for hold in adom.seen.plan.held]
    gaps = " ".join(once.source_gaps(result.workloads))
    assert ("neither projectcalico.org/v3" if how == "absent" else "not permitted") in gaps
    assert "no group is taken away" in gaps


def test_policies_come_change_and_go_while_the_controller_runs(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    cluster.add(web("web-2", "10.1.0.2"))
    cluster.patch("Pod", "web-2", {"metadata": {"labels": {"size": "big"}}})
    cluster.install_calico()
    cluster.add(policy())
    with running(estate) as controller:
        until(lambda: holds(estate, "dmz.web", "10.1.0.1", "10.1.0.2"))
        cluster.patch("GlobalNetworkPolicy", "dmz.web", {"spec": {"selector": "size == 'big'"}})
        until(lambda: holds(estate, "dmz.web", "10.1.0.2"))
        cluster.add(policy("dmz.new"))
        until(lambda: holds(estate, "dmz.new", "10.1.0.1", "10.1.0.2"))
        cluster.patch("ServiceAccount", "default", {"metadata": {"labels": {"role": "db"}}})
        patch = {"spec": {"serviceAccountSelector": "role == 'db'", "selector": "size == 'big'"}}
        cluster.patch("GlobalNetworkPolicy", "dmz.new", patch)
        until(lambda: holds(estate, "dmz.new", "10.1.0.2"))
        cluster.patch("GlobalNetworkPolicy", "dmz.web", {"spec": {"selector": "size = 'big'"}})
        until(
            lambda: any(f.name == "dmz.web" and f.is_error for f in controller.workloads.findings)
        )
        assert holds(estate, "dmz.web", "10.1.0.2")
        cluster.delete("GlobalNetworkPolicy", "dmz.new")
        until(lambda: "dmz.new" in waiting(controller))
        assert holds(estate, "dmz.new", "10.1.0.2")


def test_a_policy_that_cannot_be_understood_is_told_on_the_policy_itself(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    cluster.install_calico()
    cluster.add(policy(selector="app = 'web'"))
    world, _ = once.begin(estate.world("plan"))
    (notice,) = announcements.of_objects(world.intent.rules.problems)
    assert notice.reason == "PolicyNotUnderstood"
    assert notice.about is not None
    place, about = notice.about
    assert (place, about.kind, about.name) == ("east", "GlobalNetworkPolicy", "dmz.web")


def test_its_event_is_written_in_the_cluster_and_everything_else_goes_on(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    cluster.install_calico()
    cluster.add(builders.namespace("fmgsync"))
    cluster.add(policy("dmz.bad", selector="app = 'web'"))
    cluster.add(policy())
    estate.write_config(lease={"namespace": "fmgsync"})

    session = ApiSession("east", Access(estate.folder / "east.kubeconfig"))

    def events() -> list[dict[str, Any]]:
        """Those at objects of the whole cluster stand in `default`."""
        found = session.read(Request("list", EVENTS, "default"))["items"]
        return [each for each in found if each["reason"] == "PolicyNotUnderstood"]

    with running(estate):
        until(lambda: holds(estate, "dmz.web", "10.1.0.1"))
        until(lambda: bool(events()))
    (event,) = events()
    session.close()
    about = event["involvedObject"]
    assert (about["kind"], about["name"]) == ("GlobalNetworkPolicy", "dmz.bad")
    assert event["type"] == "Warning"
    assert "is not a selector" in event["message"]


def test_what_the_old_controller_is_told_is_followed(
    estate: Estate, cluster: KubernetesSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "RELOAD_POLL_S", 0.05)
    space, tiers = "tigera-firewall-controller", ("dmz", "web")

    def tell(tier: str) -> None:
        selector = f"projectcalico.org/tier == '{tier}'"
        data = {
            "tigera.firewall.policy.selector": selector,
            "tigera.firewall.addressSelection": "pod",
        }
        lists = {"tigera.firewall.fortigate": "", "tigera.firewall.fortimgr": ""}
        for name, content in ((space, data), (f"{space}-configs", lists)):
            metadata = {"name": name, "namespace": space}
            made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
            cluster.add({**made, "data": content})

    cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
    cluster.install_calico()
    for tier in tiers:
        cluster.add(builders.policy(f"{tier}.app", "app == 'web'", tier=tier))
    tell("dmz")
    estate.write_config(groups=[], calicoCompat={"cluster": "east"})
    supervisor = reload.Supervisor(
        partial(controllers.made, estate),
        lambda: reloading.referenced_files(estate.path),
        lambda: reloading.compat_stamp(estate.path),
    )
    with running(estate, supervisor):
        until(lambda: estate.object("addrgrp", "dmz.app") is not None)
        tell("web")
        until(lambda: estate.object("addrgrp", "web.app") is not None)
