"""`publish: auto` and `egressGateway`: what is planned, explained and followed of what a firewall
sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests.builders import Manifest, ip_pool, listing, namespace, node, pod
from tests.daemon.controllers import running, until, web, written
from tests.end_to_end.estate import Estate, default_seed, open_estate

HERE = {"sites": {"clusters": ["east"]}}
SEEN: dict[str, Any] = {"name": "k8s-seen", "select": "app == 'web'", "publish": "auto", **HERE}
NAT = ip_pool("default-ipv4-pool", "10.244.0.0/18", raw=True, natOutgoing=True)
WEB = pod("web-1", "10.244.1.5", labels={"app": "web"})
SERVED = {
    "kind": "APIGroupList",
    "apiVersion": "v1",
    "groups": [{"name": name} for name in ("apps", "crd.projectcalico.org")],
}
"""What `kubectl get --raw /apis` prints of a cluster with Calico of its own store."""


def custom(api_version: str, kind: str, name: str, namespace: str = "", **parts: Any) -> Manifest:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **parts}


SYSTEM = (
    custom("v1", "ConfigMap", "dns", "kube-system"),
    custom("apps/v1", "DaemonSet", "proxy", "kube-system"),
)
NONE = [
    {"apiVersion": "crd.projectcalico.org/v1", "kind": f"{kind}List", "items": []}
    for kind in ("FelixConfiguration", "EgressGatewayPolicy")
]
NODE = node("node-1", "192.0.2.1")


def dumped(estate: Estate, *objects: Manifest, served: Any = (SERVED, *NONE)) -> None:
    documents = [listing(*objects, NODE, namespace(), *SYSTEM), *served]
    estate.run("east", dump="\n".join(json.dumps(each) for each in documents))


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    seed = default_seed(install_s=0, workspaceMode="disabled")
    with open_estate(tmp_path, seed, clock=SystemClock()) as made:
        made.write_config(groups=[SEEN], install={"mode": "none"})
        made.run("west", pod("other", "10.2.0.1"))
        yield made


def said(estate: Estate, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    code = main.run([*words, "-c", str(estate.path)])
    return code, capsys.readouterr().out


def held(estate: Estate, group: str = "k8s-seen") -> set[str]:
    found = estate.mapped(group)["fgt-east"] if estate.object("addrgrp", group) else []
    return {name.removeprefix("prod_") for name in found} - {"none"}


def test_what_is_seen_is_written_explained_and_tried(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    dumped(estate, WEB, NAT)
    assert said(estate, capsys, "apply", "--install", "never")[0] == 0
    assert held(estate) == {"192.0.2.1"}
    _, told = said(estate, capsys, "explain", "pod", "default/web-1", "--output", "json")
    (step,) = [each for each in json.loads(told)["steps"] if each["what"] == "seen"]
    assert step["because"] == "192.0.2.1 by IPPool default-ipv4-pool: natOutgoing is on"
    _, told = said(estate, capsys, "selector", "--group", "k8s-seen", "--output", "json")
    (row,) = json.loads(told)["selected"]
    assert row["addresses"] == ["192.0.2.1"]
    assert row["because"] == "IPPool default-ipv4-pool: natOutgoing is on"
    dumped(estate, WEB, {**NAT, "spec": {"cidr": "10.244.0.0/18"}})
    assert said(estate, capsys, "apply", "--install", "never")[0] == 0
    assert held(estate) == {"10.244.1.5"}


def test_what_the_dump_does_not_tell_comes_and_goes_for_nobody(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    dumped(estate, WEB, NAT)
    said(estate, capsys, "apply", "--install", "never")
    dumped(estate, pod("web-2", "10.244.1.6", labels={"app": "web"}), NAT, served=())
    code, told = said(estate, capsys, "plan")
    assert code == 1
    assert "kubectl get --raw /apis" in told
    assert "nothing is removed from k8s-seen" in told
    _, told = said(estate, capsys, "explain", "pod", "default/web-2")
    assert "not read completely" in told
    dumped(estate, pod("web-2", "10.9.9.9", labels={"app": "web"}), NAT)
    code, told = said(estate, capsys, "plan")
    assert (code, held(estate)) == (1, {"192.0.2.1"})
    assert "what a firewall sees of pod default/web-2 is not known" in told


def test_a_fixed_choice_that_no_firewall_sees_is_warned_about(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    """By what the dump holds besides: no rule needs it."""
    fixed = {**SEEN, "publish": "pod"}
    estate.write_config(groups=[fixed])
    dumped(estate, WEB, NAT, served=())
    _, told = said(estate, capsys, "plan")
    assert "of pod default/web-1 a firewall sees 192.0.2.1" in told
    assert "use publish: auto" in told
    assert "ippools" not in told
    _, told = said(estate, capsys, "explain", "pod", "default/web-1")
    assert "a firewall sees 192.0.2.1" in told
    estate.write_config(groups=[{**SEEN, "publish": "node"}])
    assert "a firewall sees" not in said(estate, capsys, "plan")[1]


# -- a running cluster --------------------------------------------------------------------------


@pytest.fixture
def cluster(estate: Estate) -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        made.add(NODE)
        made.add(WEB)
        made.kubeconfig(estate.folder / "east.kubeconfig")
        east = {"name": "east", "kubeconfig": {"file": "./east.kubeconfig"}}
        estate.write_config(
            clusters=[east, estate.config["clusters"][1]],
            reconcile={"settle": "0s", "maxDelay": "1s"},
        )
        yield made


def gateway(name: str, ip: str) -> Manifest:
    return pod(name, ip, namespace="egress", labels={"egress-code": "red"})


def test_the_gateways_of_a_running_cluster_are_followed(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    """One on its way out stays until it is gone, and a pod that only looks like one is none."""
    cluster.install_calico()
    cluster.install_egress()
    cluster.add(namespace("egress"))
    spec = {"template": {"metadata": {"labels": {"egress-code": "red"}}}}
    order = custom("operator.tigera.io/v1", "EgressGateway", "red", "egress", spec=spec)
    switch = {"egressIPSupport": "EnabledPerNamespace"}
    calico = "projectcalico.org/v3"
    for each in (
        NAT | {"apiVersion": calico},
        ip_pool("egress", "10.10.10.0/29"),
        order,
        custom(calico, "FelixConfiguration", "default", spec=switch),
        gateway("g1", "10.10.10.1"),
        pod("forged", "10.244.7.7", labels={"egress-code": "red"}),
    ):
        cluster.add(each)
    with running(estate):
        until(lambda: written(estate, "192.0.2.1"))
        notes = {
            "egress.projectcalico.org/selector": "egress-code == 'red'",
            "egress.projectcalico.org/namespaceSelector": "all()",
        }
        cluster.patch("Namespace", "default", {"metadata": {"annotations": notes}})
        until(lambda: held(estate) == {"10.10.10.1"})
        cluster.add(gateway("g2", "10.10.10.2"))
        until(lambda: held(estate) == {"10.10.10.1", "10.10.10.2"})
        cluster.terminate("g1", namespace="egress")
        cluster.add(gateway("g3", "10.10.10.3"))
        until(lambda: held(estate) == {"10.10.10.1", "10.10.10.2", "10.10.10.3"})
        cluster.delete("Pod", "g1", namespace="egress")
        until(lambda: held(estate) == {"10.10.10.2", "10.10.10.3"})


def test_a_kind_that_is_not_there_says_so_and_one_that_may_not_be_read_holds_everything(
    estate: Estate, cluster: KubernetesSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    marks = {"k8s.ovn.org/node-subnets": '{"default":["10.244.0.0/23"]}'}
    cluster.patch("Node", "node-1", {"metadata": {"annotations": marks}})
    assert said(estate, capsys, "apply", "--install", "never")[0] == 0
    assert held(estate) == {"192.0.2.1"}
    cluster.install_egress()
    assigned = {"items": [{"node": "node-1", "egressIP": "192.168.127.10"}]}
    wanted = {"egressIPs": ["192.168.127.10"], "namespaceSelector": {}}
    cluster.add(custom("k8s.ovn.org/v1", "EgressIP", "e", spec=wanted, status=assigned))
    cluster.faults.forbid("egressips", "list")
    code, told = said(estate, capsys, "plan")
    assert code == 1
    assert "egressips" in told
    assert held(estate) == {"192.0.2.1"}
    cluster.faults.permit("egressips")
    assert said(estate, capsys, "apply", "--install", "never")[0] == 0
    assert held(estate) == {"192.168.127.10"}
    code, told = said(estate, capsys, "doctor")
    assert "it has no" not in told


def test_egress_gateways_alone(estate: Estate, cluster: KubernetesSimulator) -> None:
    """What leaves by none is no member, and is said."""
    estate.write_config(groups=[{**SEEN, "publish": "egressGateway"}])
    cluster.install_egress()
    other = web("web-2", "10.244.1.6")
    other["metadata"]["namespace"] = "shop"
    cluster.add(namespace("shop", labels={"env": "qa"}))
    cluster.add(other)
    assigned = {"items": [{"node": "node-1", "egressIP": "192.168.127.10"}]}
    wanted = {
        "egressIPs": ["192.168.127.10"],
        "namespaceSelector": {"matchLabels": {"env": "qa"}},
    }
    cluster.add(custom("k8s.ovn.org/v1", "EgressIP", "e", spec=wanted, status=assigned))
    result = estate.apply_never()
    assert held(estate) == {"192.168.127.10"}
    assert any("1 pods use no egress" in each.message for each in result.workloads.findings)


def test_a_pod_in_its_nodes_network_uses_no_egress_gateway(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    estate.write_config(groups=[{**SEEN, "publish": "egressGateway"}])
    dumped(estate, pod("web-1", "192.0.2.1", labels={"app": "web"}, host_network=True), NAT)
    _, told = said(estate, capsys, "explain", "pod", "default/web-1")
    assert "it uses no egress gateway" in told
    assert "no address yet" not in told
