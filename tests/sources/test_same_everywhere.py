"""One cluster, three ways to read it: kubectl's JSON, its YAML, and the API server itself."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fmgsync.kube.client import Access
from fmgsync.model.endpoint import ClusterSnapshot
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.sources import live, manifests
from tests.builders import CREATED, Manifest, listing, namespace, node, pod
from tests.kubectl import as_yaml

ODD = [
    "4e12345", "12E999", "0x1f", "1_000", "on", "y", "No", "null", "true", "2026-01-01", "1.5",
    "0o17", "017", "1e3", "0b1", "NaN", "1234567890123456789012", "", "a.b_c-d", "1-2", "9e", "e9",
]  # fmt: skip
"""Texts that look like something else in one YAML or another; all are legal label values."""

word = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?", fullmatch=True)
values = st.sampled_from(ODD) | word
keys = word | st.sampled_from(["app.kubernetes.io/name", "1e5", "on", "null", "x.y/0x1"])
labels = st.dictionaries(keys, values, max_size=4)
names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,12}[a-z0-9])?", fullmatch=True) | st.sampled_from(
    ["4e12345", "1e3", "on", "null", "0x1f", "true", "017", "y"]
)
texts = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ip = st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str)
ips = st.lists(ip, max_size=2)
claims = st.dictionaries(
    st.sampled_from(
        [
            "cni.projectcalico.org/podIP",
            "cni.projectcalico.org/podIPs",
            "vpc.amazonaws.com/pod-ips",
            "k8s.v1.cni.cncf.io/network-status",
            "note",
        ]
    ),
    texts
    | ip
    | st.builds(lambda a: f"{a}/32", ip)
    | st.just('[{"name":"a/b","ips":["10.9.0.5"]}]'),
    max_size=3,
)


@st.composite
def pods(draw: st.DrawFn) -> Manifest:
    made = pod(
        draw(names),
        *draw(ips),
        namespace=draw(names),
        labels=draw(labels),
        node=draw(names),
        phase=draw(st.sampled_from(["Pending", "Running", "Running", "Succeeded", "Unknown"])),
        annotations=draw(claims),
        host_network=draw(st.booleans()),
        service_account=draw(names),
    )
    made["status"]["startTime"] = CREATED
    return made


nodes = st.builds(
    lambda name, found, pairs, odd, ranges: node(
        name,
        *found,
        labels=pairs,
        addresses=[{"type": "InternalIP", "address": text} for text in odd],
        ranges=ranges,
    ),
    names,
    ips,
    labels,
    st.lists(texts, max_size=1),
    st.lists(st.just("10.1.0.0/24"), max_size=1),
)
namespaces = st.builds(lambda name, pairs: namespace(name, labels=pairs), names, labels)


def identity(manifest: Manifest) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace", ""), metadata["name"]


@st.composite
def clusters(draw: st.DrawFn) -> list[Manifest]:
    """Pods, the namespaces they are in, and nodes."""
    running = draw(st.lists(pods(), min_size=1, max_size=4, unique_by=identity))
    spaces = draw(st.lists(namespaces, max_size=2))
    spaces += [namespace(each["metadata"]["namespace"], labels=draw(labels)) for each in running]
    hosts = draw(st.lists(nodes, min_size=1, max_size=2))
    return list({identity(each): each for each in (*spaces, *running, *hosts)}.values())


def dumped(text: str) -> ClusterSnapshot:
    return manifests.read_snapshot("east", "-", stdin=io.BytesIO(text.encode()))


def contents(found: ClusterSnapshot, spaces: set[str]) -> tuple[Any, ...]:
    """What is known, and of what something is not; where it was read is told besides."""
    return (
        found.synced,
        found.pods,
        # The API server says itself when an object was made.
        [replace(each, started="") for each in found.nodes],
        {name: each for name, each in found.namespaces.items() if name in spaces},
        sorted(problem.where for problem in found.problems),
    )


@settings(max_examples=60, deadline=None)
@given(clusters())
def test_a_cluster_is_the_same_in_json_and_in_yaml(cluster: list[Manifest]) -> None:
    as_json = dumped(json.dumps(listing(*cluster), indent=4, ensure_ascii=False))
    assert as_json == dumped(as_yaml(listing(*cluster)))


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.generate],  # each attempt asks a server
)
@given(clusters())
def test_a_cluster_is_the_same_from_its_api_server(
    simulator: KubernetesSimulator, access: Access, cluster: list[Manifest]
) -> None:
    spaces = {each["metadata"]["name"] for each in cluster if each["kind"] == "Namespace"}
    for each in cluster:
        simulator.add(each)
    asked = live.read_snapshot("east", access)
    for kind, space, name in map(identity, reversed(cluster)):
        simulator.delete(kind, name, namespace=space)
    as_json = dumped(json.dumps(listing(*cluster)))
    assert contents(as_json, spaces) == contents(asked, spaces)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("4e12345", True), ("12E999", True), ("1e3", False), ("0x1f", False), ("1_000", False),
     ("on", False), ("2026-01-01", False), ("12:30", False), ("v1.2", True), ("1.2.3", True)],
)  # fmt: skip
def test_the_yaml_of_these_tests_quotes_as_kubectl_does(text: str, plain: bool) -> None:
    assert as_yaml({"a": text}) == f"a: {text}\n" if plain else f'a: "{text}"\n'
