"""Which pods own addresses, which addresses, and which labels they are matched by."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.model.endpoint import NodeEndpoint, PodEndpoint
from fmgsync.sources.convert import namespace as convert_namespace
from fmgsync.sources.convert import node as convert_node
from fmgsync.sources.convert import pod as convert_pod
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import Malformed, Namespace, Node, Pod
from tests.builders import Manifest, namespace, node, pod

PODS = "cni.projectcalico.org/podIPs"
POD = "cni.projectcalico.org/podIP"
AWS = "vpc.amazonaws.com/pod-ips"
NETWORKS = "k8s.v1.cni.cncf.io/network-status"


def pod_of(manifest: Manifest) -> PodEndpoint | None:
    return convert_pod.endpoint(msgspec.convert(manifest, Pod), LabelPool())


def node_of(manifest: Manifest) -> NodeEndpoint:
    return convert_node.endpoint(msgspec.convert(manifest, Node), LabelPool())


def addresses_of(manifest: Manifest) -> tuple[str, ...] | None:
    found = pod_of(manifest)
    return None if found is None else found.addresses


def claims_of(manifest: Manifest) -> tuple[str, ...]:
    found = pod_of(manifest)
    assert found is not None
    assert found.addresses == ()
    return found.claimed


def with_status(manifest: Manifest, **status: Any) -> Manifest:
    return manifest | {"status": {"phase": "Running"} | status}


# fmt: off
ADDRESSES = [
    # podIPs wins over podIP
    (pod("a", "10.1.0.9"), ("10.1.0.9",)),
    (pod("a", "2001:db8::9", "10.1.0.9"), ("10.1.0.9", "2001:db8::9")),
    (with_status(pod("a"), podIP="10.1.0.9"), ("10.1.0.9",)),
    (with_status(pod("a"), podIP="10.1.0.9", podIPs=[]), ("10.1.0.9",)),
    (with_status(pod("a"), podIP="10.1.0.9", podIPs=[{"ip": "10.1.0.8"}]), ("10.1.0.8",)),
    (pod("a", "10.1.0.9", annotations={POD: "10.1.0.8/32"}), ("10.1.0.9",)),
    # no address yet: an endpoint all the same, its node counts
    (pod("a", phase="Pending"), ()),
    # a host-network pod has its node's address, none of its own
    (pod("a", "10.1.0.9", host_network=True), ()),
    # an unscheduled pod is no endpoint
    (pod("a", "10.1.0.9", node=None), None),
    (pod("a", "10.1.0.9", node=""), None),
    # finished pods still show an address that may be another's by now
    (pod("a", "10.1.0.9", phase="Succeeded"), None),
    (pod("a", "10.1.0.9", phase="Failed"), None),
    (pod("a", "10.1.0.9", phase="Completed"), None),
    # written by hand, or by a tool that leaves out what it does not need
    (pod("a", "10.1.0.9", phase=""), ("10.1.0.9",)),
    # the kubelet cannot be reached, the pod may well run
    (pod("a", "10.1.0.9", phase="Unknown"), ("10.1.0.9",)),
    # a terminating pod keeps its address until its annotation is blanked
    (pod("a", "10.1.0.9", deleting=True), ("10.1.0.9",)),
    (pod("a", "10.1.0.9", deleting=True, annotations={POD: "10.1.0.9/32"}), ("10.1.0.9",)),
    (pod("a", "10.1.0.9", deleting=True, annotations={POD: ""}), None),
    (pod("a", "10.1.0.9", deleting=True, annotations={AWS: ""}), None),
    (pod("a", "10.1.0.9", deleting=True, annotations={PODS: ""}), ("10.1.0.9",)),
    (pod("a", deleting=True, host_network=True, annotations={POD: ""}), None),
    # blank but not terminating: a StatefulSet pod that runs
    (pod("a", "10.1.0.9", annotations={POD: ""}), ("10.1.0.9",)),
    # floating addresses are not the pod's own
    (pod("a", "10.1.0.9", annotations={"cni.projectcalico.org/floatingIPs": '["192.0.2.1"]'}),
     ("10.1.0.9",)),
]
CLAIMS = [
    # Calico's annotations win over Amazon's; status over all (above)
    (pod("a", phase="Pending", annotations={POD: "10.1.0.9/32"}), ("10.1.0.9",)),
    (pod("a", annotations={PODS: "10.1.0.9/32,2001:db8::9/128"}), ("10.1.0.9", "2001:db8::9")),
    (pod("a", annotations={PODS: "", POD: "10.1.0.9"}), ("10.1.0.9",)),
    (pod("a", annotations={AWS: "10.1.0.9"}), ("10.1.0.9",)),
    (pod("a", annotations={POD: "10.1.0.8", AWS: "10.1.0.9"}), ("10.1.0.8",)),
    (pod("a", host_network=True, annotations={POD: "10.1.0.8"}), ()),
]
DOUBTFUL = [
    # what of it can be believed, why not all
    (pod("a", "10.1.0.999"), (), "status.podIPs '10.1.0.999' is not an IP address"),
    (pod("a", "10.1.0.999", "2001:db8::9"), ("2001:db8::9",), "'10.1.0.999' is not an IP address"),
    (pod("a", "10.1.0.0/24"), (), "is a prefix"),
    (pod("a", "fe80::1%eth0"), (), "is not an IP address"),
    (pod("a", "010.1.0.9"), (), "is not an IP address"),
    (pod("a", ""), (), "is not an IP address"),
    (pod("a", "10.1.0.9", "10.1.0.8"), (), "more than one address of a family"),
    (pod("a", annotations={POD: "10.1.0.9\x1b[31m"}), (), r"'10.1.0.9\x1b[31m' is not an IP"),
    (pod("a", annotations={PODS: "10.1.0.9,"}), (), "annotation cni.projectcalico.org/podIPs ''"),
    (pod("a", annotations={AWS: "x" * 100}), (), "..."),
    (pod("a", "10.1.0.9", namespace="../x"), (), "metadata.namespace '../x'"),
    (pod("a", "10.1.0.9", namespace=""), (), "metadata.namespace ''"),
    (pod("a", "10.1.0.9", node="n 1"), (), "spec.nodeName 'n 1'"),
    (pod("a", phase=""), (), "neither phase nor address"),
]
# fmt: on


@pytest.mark.parametrize(("manifest", "expected"), ADDRESSES)
def test_a_pod_owns_the_addresses_calico_would_give_it(
    manifest: Manifest, expected: tuple[str, ...] | None
) -> None:
    assert addresses_of(manifest) == expected


@pytest.mark.parametrize(("manifest", "expected"), CLAIMS)
def test_what_only_an_annotation_says_is_a_claim(
    manifest: Manifest, expected: tuple[str, ...]
) -> None:
    assert claims_of(manifest) == expected


@pytest.mark.parametrize(("manifest", "expected", "message"), DOUBTFUL)
def test_a_malformed_value_is_a_doubt_and_not_a_missing_address(
    manifest: Manifest, expected: tuple[str, ...], message: str
) -> None:
    found = pod_of(manifest)
    assert found is not None
    assert found.addresses == expected
    assert found.claimed == ()
    assert message in found.doubt
    assert found.doubt.isprintable()


def test_a_name_no_api_server_would_take_is_escaped_and_a_missing_one_is_an_error() -> None:
    found = pod_of(pod("a\nb", "10.1.0.9"))
    assert found is not None
    assert found.name == r"'a\nb'"
    with pytest.raises(Malformed, match=r"metadata\.name"):
        pod_of(pod("", "10.1.0.9"))


def test_a_pod_whose_namespace_is_not_known_has_no_label_that_names_it() -> None:
    found = pod_of(pod("a", "10.1.0.9", namespace="../x"))
    assert found is not None
    assert found.labels.doubts("projectcalico.org/namespace")


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ('[{"name":"prod/lan","interface":"net1","ips":["10.9.0.5"],"mac":"x"}]',
         (("prod/lan", ("10.9.0.5",)),)),
        ('[{"name":"cbr0","ips":["10.1.0.9"],"default":true},{"name":"prod/sriov","dns":{}}]',
         (("cbr0", ("10.1.0.9",)),)),
        ("not JSON", (("", ()),)),
        ('[{"name":"lan","ips":[],"more":' + "[" * 3000 + "]" * 3000 + "}]", (("", ()),)),
        ('{"name":"lan"}', (("", ()),)),
        ('[{"name":"lan","ips":["10.9.0.0/24"]}]', (("", ()),)),
        ("", ()),
    ],
)  # fmt: skip
def test_the_networks_of_multus_are_read(text: str, networks: object) -> None:
    found = pod_of(pod("a", "10.1.0.9", annotations={NETWORKS: text}))
    assert found is not None
    assert found.networks == networks
    assert found.doubt == ""


def test_calicos_labels_win_over_labels_of_the_same_name() -> None:
    found = pod_of(
        pod("a", "10.1.0.9", labels={"app": "x", "projectcalico.org/namespace": "spoof"})
    )
    assert found is not None
    assert dict(found.labels) == {
        "app": "x",
        "projectcalico.org/namespace": "default",
        "projectcalico.org/orchestrator": "k8s",
        "projectcalico.org/serviceaccount": "default",
    }


@pytest.mark.parametrize(("length", "present"), [(62, True), (63, False), (253, False)])
def test_a_service_account_name_of_63_characters_is_no_label(length: int, present: bool) -> None:
    found = pod_of(pod("a", "10.1.0.9", service_account="s" * length))
    assert found is not None
    assert ("projectcalico.org/serviceaccount" in found.labels) is present


def test_a_node_has_its_internal_addresses_of_both_families() -> None:
    found = node_of(
        node(
            "node-1",
            "2001:db8::1",
            "10.0.0.1",
            labels={"pool": "a"},
            addresses=[{"type": "ExternalIP", "address": "198.51.100.1"}],
        )
    )
    assert found.addresses == ("10.0.0.1", "2001:db8::1")
    assert dict(found.labels) == {"pool": "a"}


def test_a_node_without_internal_address_has_none() -> None:
    assert node_of(node("node-1")).addresses == ()


@pytest.mark.parametrize("odd", ["node-1.example.net", "", "fe80::1%eth0", "10.0.0.0/24"])
def test_a_malformed_address_of_a_node_takes_none_of_the_others_away(odd: str) -> None:
    found = node_of(node("node-1", "10.0.0.1", odd))
    assert found.addresses == ("10.0.0.1",)
    assert "InternalIP" in found.doubt


def test_a_node_has_the_prefixes_its_pods_get_their_addresses_from() -> None:
    assert node_of(node("n", ranges=["10.1.0.0/24", "x"])).ranges == ("10.1.0.0/24",)


def test_a_namespace_carries_the_labels_that_name_it() -> None:
    raw = msgspec.convert(namespace("prod", labels={"environment": "prod"}), Namespace)
    assert dict(convert_namespace.labels(raw, LabelPool())) == {
        "environment": "prod",
        "projectcalico.org/name": "prod",
        "kubernetes.io/metadata.name": "prod",
    }


def test_equal_label_sets_are_one_object() -> None:
    pool = LabelPool()
    assert pool.labels({"a": "1", "b": "2"}) is pool.labels({"b": "2", "a": "1"})


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(st.text(), st.text(), max_size=3), max_size=30))
def test_a_full_pool_still_hands_out_equal_sets(sets: list[dict[str, str]]) -> None:
    pool = LabelPool(limit=3)
    assert [dict(pool.labels(pairs)) for pairs in sets] == sets


@settings(max_examples=100, deadline=None)
@given(st.ip_addresses())
def test_any_host_address_is_read_and_normalised(ip: Any) -> None:
    spelled = ip.exploded.upper()
    assert claims_of(pod("a", annotations={PODS: f"{spelled}/{ip.max_prefixlen}"})) == (str(ip),)
