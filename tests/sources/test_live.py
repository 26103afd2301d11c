"""A running cluster becomes the same snapshot as its dump; what may not be read is unsynced."""

from __future__ import annotations

import io
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import trustme

from fmgsync.errors import (
    SourceError,
    SourceLoginRefused,
    SourceMisconfigured,
    SourceUnavailable,
    SourceUntrusted,
)
from fmgsync.kube import connection
from fmgsync.kube.client import Access
from fmgsync.model.endpoint import ALWAYS, Kind
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.sources import live, manifests
from tests.builders import ip_pool, namespace, namespace_labels, node, pod, pod_endpoint
from tests.kubernetes_api import ApiServer


def test_a_cluster_is_read_by_the_rules_of_addresses(server: ApiServer) -> None:
    server.add_pod("web-1", "10.1.0.9", "2001:db8::9", labels={"app": "web"})
    server.add_pod("done", "10.1.0.8", phase="Succeeded")
    server.add_pod("host", "10.0.0.1", host_network=True)
    server.add_node("n1", "10.0.0.1", "2001:db8::1", labels={"pool": "a"})
    found = live.read_snapshot("east", server.access)
    assert found.cluster == "east"
    assert found.synced == ALWAYS
    assert found.problems == ()
    host, web = [each for each in found.pods if each.namespace == server.namespace]
    assert web == pod_endpoint(
        "web-1",
        "10.1.0.9",
        "2001:db8::9",
        namespace=server.namespace,
        labels={"app": "web"},
        started=web.started,
    )
    assert (host.name, host.host_network, host.addresses) == ("host", True, ())
    (n1,) = [each for each in found.nodes if each.name == f"{server.namespace}-n1"]
    assert n1.addresses == ("10.0.0.1", "2001:db8::1")
    assert n1.labels["pool"] == "a"
    assert found.namespaces[server.namespace] == namespace_labels(
        server.namespace, {"environment": "test"}
    )


def test_a_cluster_of_many_pages_equals_its_dump(
    simulator: KubernetesSimulator, access: Access
) -> None:
    simulator.add(namespace("prod", labels={"environment": "prod"}))
    for number in range(1200):
        space = "prod" if number % 2 else "default"
        labels = {"app": f"app-{number % 7}"}
        ip = f"10.1.{number >> 8}.{number & 255}"
        simulator.add(pod(f"web-{number}", ip, namespace=space, labels=labels))
    for number in range(3):
        simulator.add(node(f"node-{number}", f"10.0.0.{number}"))
    headers = {"Authorization": f"Bearer {simulator.token}"}
    dump = [
        requests.get(
            f"{simulator.url}/api/v1/{kind}",
            headers=headers,
            verify=str(simulator.ca_file),
            timeout=30,
        ).content
        for kind in ALWAYS
    ]
    dumped = manifests.read_snapshot("east", "-", stdin=io.BytesIO(b"\n".join(dump)))
    assert live.read_snapshot("east", access) == dumped
    assert len(dumped.pods) == 1200


@pytest.mark.parametrize("kind", sorted(ALWAYS))
def test_a_kind_that_may_not_be_listed_is_unsynced_and_the_rule_is_named(
    simulator: KubernetesSimulator, access: Access, kind: Kind
) -> None:
    simulator.faults.forbid(kind.value)
    found = live.read_snapshot("east", access)
    assert found.synced == ALWAYS - {kind}
    (problem,) = found.problems
    assert problem.where == kind.value
    rule = f'{{apiGroups: [""], resources: ["{kind.value}"], verbs: ["list", "watch"]}}'
    assert rule in problem.message


def test_an_object_of_the_wrong_shape_is_named_and_costs_nothing_but_itself(
    simulator: KubernetesSimulator, access: Access
) -> None:
    simulator.add(pod("good", "10.1.0.9"))
    simulator.add(pod("bad", "10.1.0.8") | {"status": {"phase": 7}})
    simulator.add(pod("worse", annotations={"cni.projectcalico.org/podIP": "x"}))
    found = live.read_snapshot("east", access)
    assert found.synced == ALWAYS
    assert [(each.name, bool(each.doubt)) for each in found.pods] == [
        ("bad", True),
        ("good", False),
        ("worse", True),
    ]
    assert {each.where for each in found.problems} == {"pods default/bad", "pods default/worse"}


def test_a_cluster_that_does_not_answer_is_an_error_and_no_empty_cluster(
    simulator: KubernetesSimulator, access: Access
) -> None:
    simulator.down()
    with pytest.raises(SourceUnavailable, match="connection refused") as caught:
        live.read_snapshot("east", access)
    assert caught.value.retryable
    assert "cluster east" in str(caught.value)


@pytest.mark.parametrize("fault", ["garbage", "html", "busy"])
def test_half_an_answer_is_an_error_and_no_smaller_cluster(
    simulator: KubernetesSimulator, access: Access, fault: str
) -> None:
    simulator.add(pod("a", "10.1.0.9"))
    if fault == "garbage":
        simulator.faults.garble("pods")
    elif fault == "html":
        simulator.faults.broken(1)
    else:
        simulator.faults.busy(1)
    with pytest.raises(SourceUnavailable):
        live.read_snapshot("east", access)


@pytest.mark.parametrize("hollow", ["ippools", "resources"])
def test_an_answer_that_says_nothing_is_an_error_and_no_empty_kind(
    simulator: KubernetesSimulator, access: Access, hollow: str
) -> None:
    """Neither that there are none, nor that the cluster does not know them."""
    simulator.install_calico()
    simulator.add(ip_pool("outside", "10.9.0.0/16"))
    simulator.faults.hollow(hollow)
    with pytest.raises(SourceUnavailable, match="not what an API server gives"):
        live.read_snapshot("east", access, {Kind.IP_POOLS})
    simulator.faults.fill()
    assert len(live.read_snapshot("east", access, {Kind.IP_POOLS}).ip_pools) == 1


def test_credentials_that_are_no_longer_good_are_told_apart(
    simulator: KubernetesSimulator, access: Access
) -> None:
    simulator.rotate_token()
    with pytest.raises(SourceLoginRefused) as caught:
        live.read_snapshot("east", access)
    assert caught.value.next_step


def test_a_certificate_of_another_authority_is_not_trusted(
    simulator: KubernetesSimulator, access: Access, tmp_path: Path
) -> None:
    other = tmp_path / "other-ca.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    assert access.kubeconfig is not None
    content = json.loads(simulator.kubeconfig(access.kubeconfig).read_text())
    content["clusters"][0]["cluster"]["certificate-authority"] = str(other)
    access.kubeconfig.write_text(json.dumps(content))
    with pytest.raises(SourceUntrusted) as caught:
        live.read_snapshot("east", access)
    assert not caught.value.retryable


def broken_kubeconfigs() -> list[tuple[str, str]]:
    return [
        ("", "empty"),
        ("[", "no YAML"),
        ("- a", "a list"),
        ("apiVersion: v1\nkind: Config\n", "nothing in it"),
        ('{"clusters": 7, "users": null, "contexts": "x", "current-context": "y"}', "odd"),
    ]


@pytest.mark.parametrize(("content", "why"), broken_kubeconfigs())
def test_a_kubeconfig_that_cannot_be_used_is_a_mistake_of_the_configuration(
    access: Access, content: str, why: str
) -> None:
    assert access.kubeconfig is not None
    access.kubeconfig.write_text(content)
    with pytest.raises(SourceMisconfigured) as caught:
        live.read_snapshot("east", access)
    assert caught.value.exit_code == 2
    assert str(access.kubeconfig) in str(caught.value), why


@pytest.mark.parametrize("changed", ["absent file", "absent context", "in-cluster"])
def test_a_cluster_that_is_not_there_is_a_mistake_of_the_configuration(
    access: Access, changed: str
) -> None:
    assert access.kubeconfig is not None
    wrong = {
        "absent file": Access(access.kubeconfig.with_name("absent")),
        "absent context": Access(access.kubeconfig, "absent"),
        "in-cluster": Access(),
    }[changed]
    with pytest.raises(SourceMisconfigured) as caught:
        live.read_snapshot("east", wrong)
    assert caught.value.next_step


def test_a_pod_reads_its_own_cluster_with_its_service_account(
    simulator: KubernetesSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the kubelet gives to every pod is enough: two variables and two files."""
    (tmp_path / "token").write_text(simulator.token)
    (tmp_path / "ca.crt").write_bytes(simulator.ca_file.read_bytes())
    monkeypatch.setattr(connection, "SERVICE_ACCOUNT", tmp_path)
    address = urlsplit(simulator.url)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", address.hostname or "")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(address.port))
    simulator.add(pod("web-1", "10.1.0.9"))
    found = live.read_snapshot("here", Access())
    assert [each.addresses for each in found.pods] == [("10.1.0.9",)]
    assert found.synced == ALWAYS


def test_a_context_chooses_among_clusters(simulator: KubernetesSimulator, tmp_path: Path) -> None:
    """Whatever the kubeconfig's own current context is."""
    file = simulator.kubeconfig(tmp_path / "config", context="east")
    content = json.loads(file.read_text())
    content["clusters"].append({"name": "gone", "cluster": {"server": "https://127.0.0.1:1"}})
    gone = {"name": "gone", "context": {"cluster": "gone", "user": "fmgsync"}}
    content["contexts"].append(gone)
    content["current-context"] = "gone"
    file.write_text(json.dumps(content))
    simulator.add(pod("web-1", "10.1.0.9"))
    assert len(live.read_snapshot("east", Access(file, "east")).pods) == 1
    with pytest.raises(SourceUnavailable):
        live.read_snapshot("east", Access(file))


def test_no_error_tells_the_token(simulator: KubernetesSimulator, access: Access) -> None:
    assert access.kubeconfig is not None
    secret = simulator.token
    simulator.down()
    with pytest.raises(SourceError) as caught:
        live.read_snapshot("east", access)
    chain: BaseException | None = caught.value
    while chain is not None:
        assert secret not in repr(chain) + str(chain)
        chain = chain.__cause__ or chain.__context__
