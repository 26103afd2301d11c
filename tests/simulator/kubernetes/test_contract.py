"""What an API server does, asked of the simulator and, where one is given, of a real one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client as foreign
from kubernetes import config as foreign_config
from kubernetes import watch as foreign_watch

from fmgsync.errors import SourceConflict, SourceLoginRefused, SourceNotFound, SourceRefused
from fmgsync.kube.client import Access, ApiSession
from fmgsync.kube.requests import LEASES, NAMESPACES, PODS, Request, Resource
from tests.builders import Manifest, pod
from tests.kubernetes_api import INITIAL, ApiServer, events, lease, replace, watched


def test_status_is_written_through_its_own_sub_resource_only(server: ApiServer) -> None:
    made = server.create(PODS, pod("a", "10.1.0.9"))
    assert made["status"]["phase"] == "Pending"
    assert "podIP" not in made["status"]
    server.patch(PODS, "a", {"status": {"podIP": "10.1.0.9"}})
    assert "podIP" not in server.listed(PODS)[1][0]["status"]
    written = server.set_status(PODS, "a", {"phase": "Running", "podIP": "10.1.0.9"})
    assert written["status"]["podIPs"] == [{"ip": "10.1.0.9"}]


@pytest.mark.parametrize(
    "status",
    [
        {"podIP": "10.1.0.999", "podIPs": [{"ip": "10.1.0.999"}]},
        {"podIP": "10.1.0.9", "podIPs": [{"ip": "10.1.0.9"}, {"ip": "10.1.0.8"}]},
    ],
)
def test_addresses_of_a_pod_are_checked(server: ApiServer, status: Manifest) -> None:
    server.create(PODS, pod("a"))
    with pytest.raises(SourceRefused) as caught:
        server.set_status(PODS, "a", status)
    assert caught.value.code == 422


@pytest.mark.parametrize(
    ("manifest", "code"),
    [
        (pod("Not_A_Name"), 422),
        (pod("a") | {"spec": {"nodeName": "n"}}, 422),
        (pod("a", labels={"a": 1}), 400),  # type: ignore[dict-item]
        (pod("a") | {"kind": "Node"}, 400),
    ],
)
def test_what_is_no_pod_is_refused(server: ApiServer, manifest: Manifest, code: int) -> None:
    with pytest.raises(SourceRefused) as caught:
        server.create(PODS, manifest)
    assert caught.value.code == code


def test_a_name_is_given_once(server: ApiServer) -> None:
    server.create(PODS, pod("a"))
    with pytest.raises(SourceConflict):
        server.create(PODS, pod("a"))


def test_what_is_not_there_is_not_found(server: ApiServer) -> None:
    with pytest.raises(SourceNotFound):
        server.session.send(Request("get", PODS, server.namespace, "absent"))
    with pytest.raises(SourceNotFound):
        server.session.send(Request("get", Resource("example.net", "v1", "things"), "", "a"))


def test_a_pod_keeps_the_node_and_containers_it_was_made_with(server: ApiServer) -> None:
    server.create(PODS, pod("a", node="node-1"))
    with pytest.raises(SourceRefused) as caught:
        server.patch(PODS, "a", {"spec": {"nodeName": "node-2"}})
    assert caught.value.code == 422


def test_a_write_from_an_old_state_is_a_conflict(server: ApiServer) -> None:
    old = server.create(PODS, pod("a"))
    server.patch(PODS, "a", {"metadata": {"labels": {"app": "x"}}})
    with pytest.raises(SourceConflict):
        replace(server, PODS, old)


def test_a_write_that_changes_nothing_makes_no_new_version(server: ApiServer) -> None:
    old = server.create(PODS, pod("a"))
    assert replace(server, PODS, old)["metadata"] == old["metadata"]


def test_a_lease_is_replaced_by_who_saw_its_latest_state_only(server: ApiServer) -> None:
    made = server.create(LEASES, lease("hq", "one"))
    version = made["metadata"]["resourceVersion"]
    taken = replace(server, LEASES, lease("hq", "two", resourceVersion=version))
    assert taken["spec"]["holderIdentity"] == "two"
    with pytest.raises(SourceConflict):
        replace(server, LEASES, lease("hq", "three", resourceVersion=version))
    with pytest.raises(SourceRefused) as caught:
        replace(server, LEASES, lease("hq", "three"))
    assert caught.value.code == 422


def test_pages_show_one_moment_though_the_world_goes_on(server: ApiServer) -> None:
    for name in ("a", "b", "c"):
        server.create(PODS, pod(name))
    first = server.session.read(Request("list", PODS, server.namespace, query={"limit": "2"}))
    server.create(PODS, pod("bb"))
    server.delete(PODS, "c")
    rest = server.session.read(
        Request(
            "list",
            PODS,
            server.namespace,
            query={"limit": "2", "continue": first["metadata"]["continue"]},
        )
    )
    names = [each["metadata"]["name"] for each in first["items"] + rest["items"]]
    assert names == ["a", "b", "c"]
    assert not rest["metadata"].get("continue")
    assert "kind" not in rest["items"][0]


def test_a_continue_token_nobody_gave_is_refused(server: ApiServer) -> None:
    with pytest.raises(SourceRefused) as caught:
        server.listed(PODS, **{"limit": "1", "continue": "!"})
    assert caught.value.code == 400


SELECTED = [
    ({"labelSelector": "app=web"}, ["web-1", "web-2"]),
    ({"labelSelector": "app==web,tier!=dmz"}, ["web-2"]),
    ({"labelSelector": "app in (web, db)"}, ["db-1", "web-1", "web-2"]),
    ({"labelSelector": "app notin (web),app"}, ["db-1"]),
    ({"labelSelector": "!app"}, ["bare"]),
    ({"labelSelector": "tier"}, ["web-1"]),
    ({"fieldSelector": "metadata.name=bare"}, ["bare"]),
    ({"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}, ["bare", "web-1", "web-2"]),
    ({"fieldSelector": "spec.nodeName=node-2"}, ["web-2"]),
    ({"fieldSelector": "status.podIP=10.1.0.1", "labelSelector": "app"}, ["web-1"]),
]


@pytest.mark.parametrize(("query", "names"), SELECTED)
def test_selectors_choose_what_is_listed(
    server: ApiServer, query: dict[str, str], names: list[str]
) -> None:
    server.add_pod("web-1", "10.1.0.1", labels={"app": "web", "tier": "dmz"})
    server.add_pod("web-2", "10.1.0.2", labels={"app": "web"}, node="node-2")
    server.add_pod("db-1", "10.1.0.3", labels={"app": "db"}, phase="Succeeded")
    server.add_pod("bare", "10.1.0.4")
    assert [each["metadata"]["name"] for each in server.listed(PODS, **query)[1]] == names


@pytest.mark.parametrize("cached", [{}, {"resourceVersion": "0"}])
def test_a_pod_is_found_by_the_address_that_it_has_now(
    server: ApiServer, cached: dict[str, str]
) -> None:
    def at(address: str) -> list[str]:
        found = server.listed(PODS, fieldSelector=f"status.podIP={address}", **cached)[1]
        return [each["metadata"]["name"] for each in found]

    for name, address in (("b", "10.1.0.1"), ("a", "10.1.0.1"), ("c", "10.1.0.3")):
        server.add_pod(name, address)
    assert at("10.1.0.1") == ["a", "b"]
    server.set_status(PODS, "a", {"podIP": "10.1.0.3", "podIPs": [{"ip": "10.1.0.3"}]})
    assert (at("10.1.0.1"), at("10.1.0.3")) == (["b"], ["a", "c"])
    server.delete(PODS, "c")
    server.create(PODS, pod("new", node=None))
    assert (at("10.1.0.3"), at(""), at("10.1.0.9")) == (["a"], ["new"], [])


@pytest.mark.parametrize(
    "query",
    [{"labelSelector": "a b"}, {"fieldSelector": "status.nothing=1"}, {"limit": "many"}],
)
def test_a_selector_that_makes_no_sense_is_refused(
    server: ApiServer, query: dict[str, str]
) -> None:
    with pytest.raises(SourceRefused) as caught:
        server.listed(PODS, **query)
    assert caught.value.code == 400


def test_a_watch_tells_what_happened_since_a_version(server: ApiServer) -> None:
    server.create(PODS, pod("before"))
    version, _ = server.listed(PODS)
    server.create(PODS, pod("a", node=None))
    server.patch(PODS, "a", {"metadata": {"labels": {"app": "x"}}})
    server.delete(PODS, "a")
    lines = watched(server, 4, {"resourceVersion": version})
    changes = ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]  # a pod is marked before it is gone
    assert events(lines) == [(change, "a") for change in changes]
    assert lines[0]["object"]["kind"] == "Pod"
    versions = [int(each["object"]["metadata"]["resourceVersion"]) for each in lines]
    assert versions == sorted(set(versions))
    assert versions[0] > int(version)


def test_a_watch_without_version_begins_with_what_is_there(server: ApiServer) -> None:
    server.create(PODS, pod("a"))
    assert events(watched(server, 1)) == [("ADDED", "a")]


def test_a_watch_with_a_selector_sees_objects_come_and_go(server: ApiServer) -> None:
    version, _ = server.listed(PODS)
    server.add_pod("a", "10.1.0.1")
    server.set_status(PODS, "a", {"phase": "Succeeded"})
    lines = watched(
        server, 3, {"resourceVersion": version, "fieldSelector": "status.phase!=Succeeded"}
    )
    assert events(lines) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_initial_events_end_with_a_marked_bookmark(server: ApiServer) -> None:
    server.create(PODS, pod("a"))
    lines = watched(server, 2, {**INITIAL, "allowWatchBookmarks": "true"})
    assert events(lines)[0] == ("ADDED", "a")
    marked = lines[1]
    assert marked["type"] == "BOOKMARK"
    assert marked["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert marked["object"]["metadata"]["resourceVersion"]


def test_json_patches_are_applied_in_order(server: ApiServer) -> None:
    server.create(PODS, pod("a", labels={"app": "x"}))
    patch = [
        {"op": "test", "path": "/metadata/labels/app", "value": "x"},
        {"op": "add", "path": "/metadata/labels/example.net~1tier", "value": "dmz"},
        {"op": "remove", "path": "/metadata/labels/app"},
    ]
    request = Request(
        "patch",
        PODS,
        server.namespace,
        "a",
        body=json.dumps(patch).encode(),
        content_type="application/json-patch+json",
    )
    assert server.session.read(request)["metadata"]["labels"] == {"example.net/tier": "dmz"}
    with pytest.raises(SourceRefused) as caught:
        server.session.read(request)
    assert caught.value.code == 422


def test_a_namespace_is_labelled_with_its_name(server: ApiServer) -> None:
    found = server.session.read(Request("get", NAMESPACES, name=server.namespace))
    assert found["metadata"]["labels"] == {
        "environment": "test",
        "kubernetes.io/metadata.name": server.namespace,
    }


@pytest.fixture
def foreign_client(server: ApiServer) -> Iterator[foreign.CoreV1Api]:
    """The Kubernetes project's own client, with its generated models."""
    loader: Any = foreign_config
    with loader.new_client_from_config(str(server.access.kubeconfig)) as client:
        yield foreign.CoreV1Api(client)


def test_the_generated_client_reads_and_writes(
    server: ApiServer, foreign_client: foreign.CoreV1Api
) -> None:
    core: Any = foreign_client
    metadata = foreign.V1ObjectMeta(generate_name="made-", labels={"app": "web"})
    container = foreign.V1Container(name="main", image="registry.example.net/app:1")
    wanted = foreign.V1Pod(
        metadata=metadata, spec=foreign.V1PodSpec(containers=[container], node_name="node-1")
    )
    made = core.create_namespaced_pod(server.namespace, wanted)
    assert made.metadata.name.startswith("made-")
    status = {"status": {"phase": "Running", "podIP": "10.1.0.9"}}
    core.patch_namespaced_pod_status(made.metadata.name, server.namespace, status)
    (found,) = core.list_namespaced_pod(server.namespace, label_selector="app=web").items
    assert found.status.pod_ip == "10.1.0.9"
    core.delete_namespaced_pod(made.metadata.name, server.namespace, grace_period_seconds=0)
    assert core.list_namespaced_pod(server.namespace).items == []


def test_the_generated_clients_watch_follows(
    server: ApiServer, foreign_client: foreign.CoreV1Api
) -> None:
    core: Any = foreign_client
    version, _ = server.listed(PODS)
    server.create(PODS, pod("a"))
    watch: Any = foreign_watch
    stream = watch.Watch().stream(
        core.list_namespaced_pod, server.namespace, resource_version=version, timeout_seconds=1
    )
    assert [(each["type"], each["object"].metadata.name) for each in stream] == [("ADDED", "a")]


def test_a_token_nobody_issued_is_refused(server: ApiServer, tmp_path: Path) -> None:
    path = server.access.kubeconfig
    assert path is not None
    content = yaml.safe_load(path.read_text())
    content["users"][0]["user"] = {"token": "garbage"}
    wrong = tmp_path / "wrong"
    wrong.write_text(json.dumps(content))
    with pytest.raises(SourceLoginRefused):
        ApiSession("east", Access(wrong)).send(Request("list", PODS))


def test_a_list_as_rows(server: ApiServer) -> None:
    """As `kubectl get pods -o wide` asks for it; a selector and pages count as for any list."""
    for number in (1, 2, 3):
        server.add_pod(f"web-{number}", f"10.1.0.{number}", f"fd00::{number}")
    server.create(PODS, pod("waiting", node=None, phase="Pending"))
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    query = {"includeObject": "None", "fieldSelector": "metadata.name!=web-2", "limit": "2"}
    asked = Request("list", PODS, server.namespace, query=query, accept=accept)
    found = server.session.read(asked)
    names = [column["name"] for column in found["columnDefinitions"]]
    rows = [dict(zip(names, row["cells"], strict=True)) for row in found["rows"]]
    assert found["kind"] == "Table"
    assert [(row["Name"], row["IP"]) for row in rows] == [
        ("waiting", "<none>"),
        ("web-1", "10.1.0.1"),
    ]
    assert [row.get("object") for row in found["rows"]] == [None, None]
    assert found["metadata"]["continue"]
    whole = server.session.read(Request("list", PODS, server.namespace, accept=accept))
    assert whole["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    with pytest.raises(SourceRefused) as caught:
        server.session.read(changed(asked, query={"includeObject": "Some"}))
    assert caught.value.code == 400


POLICIES = Resource("networking.k8s.io", "v1", "networkpolicies")


def test_a_network_policy_with_no_rules_is_another_than_one_without(server: ApiServer) -> None:
    """An empty list is stored as none, so whoever applies it changes it each time anew."""
    spec = {"podSelector": {"matchLabels": {"app": "a"}}, "policyTypes": ["Ingress"]}
    made = server.create(
        POLICIES,
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "a"},
            "spec": {**spec, "ingress": []},
        },
    )
    assert made["spec"] == spec
    assert made["metadata"]["generation"] == 1
    same = server.patch(POLICIES, "a", {"spec": {"policyTypes": ["Ingress"]}})
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    again = server.patch(POLICIES, "a", {"spec": {"ingress": []}})
    assert again["metadata"]["generation"] == 2
    assert again["spec"] == spec
