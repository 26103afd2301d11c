"""What is gone at once, what terminates first, and what holds it back."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from fmgsync.errors import FmgsyncError, SourceNotFound, SourceRefused
from fmgsync.kube.requests import CONFIGMAPS, NAMESPACES, PODS, Request, Resource
from tests.builders import Manifest, pod
from tests.kubernetes_api import ApiServer, code_of, config_map, events, watched


def test_a_scheduled_pod_terminates_before_it_is_gone(server: ApiServer) -> None:
    server.add_pod("a", "10.1.0.9")
    version, _ = server.listed(PODS)
    server.delete(PODS, "a", grace_s=None)
    (found,) = server.listed(PODS)[1]
    assert found["metadata"]["deletionTimestamp"]
    assert found["status"]["podIP"] == "10.1.0.9"
    server.delete(PODS, "a")
    assert server.listed(PODS)[1] == []
    lines = watched(server, 3, {"resourceVersion": version})
    # The second change makes the period shorter, which nobody waits for.
    assert [kind for kind, _ in events(lines)] == ["MODIFIED", "MODIFIED", "DELETED"]


@pytest.mark.parametrize("node", ["node-1", None], ids=["scheduled", "unscheduled"])
def test_a_pod_is_marked_even_when_it_has_no_time(server: ApiServer, node: str | None) -> None:
    """One that no kubelet runs has none, whatever it asks for."""
    server.create(PODS, pod("a", node=node))
    version, _ = server.listed(PODS)
    server.delete(PODS, "a", grace_s=0 if node else None)
    assert server.listed(PODS)[1] == []
    first, second = watched(server, 2, {"resourceVersion": version})
    assert (first["type"], second["type"]) == ("MODIFIED", "DELETED")
    assert first["object"]["metadata"]["deletionTimestamp"]
    assert first["object"]["metadata"]["deletionGracePeriodSeconds"] == 0


def test_a_deletion_is_marked_with_its_end_which_only_comes_nearer(server: ApiServer) -> None:
    server.create(PODS, pod("a"))
    seen = []
    for grace_s in (500, 100, 300):
        server.delete(PODS, "a", grace_s=grace_s)
        (found,) = server.listed(PODS)[1]
        seen.append(datetime.fromisoformat(found["metadata"]["deletionTimestamp"]))
    assert 350 <= (seen[0] - seen[1]).total_seconds() <= 450
    assert seen[1] == seen[2]
    assert seen[0] > datetime.now(UTC)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pod_needs_no_time_to_go(server: ApiServer, phase: str) -> None:
    server.add_pod("a", "10.1.0.9", phase=phase)
    server.delete(PODS, "a", grace_s=None)
    assert server.listed(PODS)[1] == []


@pytest.mark.parametrize("resource", [PODS, CONFIGMAPS])
def test_finalizers_keep_an_object_until_they_are_gone(
    server: ApiServer, resource: Resource
) -> None:
    kinds: dict[Resource, Manifest] = {PODS: pod("a"), CONFIGMAPS: config_map("a")}
    held = kinds[resource]
    held["metadata"]["finalizers"] = ["example.net/hold"]
    server.create(resource, held)
    server.delete(resource, "a")
    (found,) = server.listed(resource, fieldSelector="metadata.name=a")[1]
    assert found["metadata"]["deletionTimestamp"]
    with pytest.raises(SourceRefused) as caught:
        server.patch(resource, "a", {"metadata": {"finalizers": ["example.net/another"]}})
    assert caught.value.code == 422
    server.patch(resource, "a", {"metadata": {"finalizers": None}})
    assert server.listed(resource, fieldSelector="metadata.name=a")[1] == []


def test_a_namespace_terminates_and_takes_nothing_new(server: ApiServer) -> None:
    server.create(PODS, pod("before"))
    server.delete(NAMESPACES, server.namespace)
    found = server.session.read(Request("get", NAMESPACES, name=server.namespace))
    assert found["status"]["phase"] == "Terminating"
    assert found["metadata"]["deletionTimestamp"]
    with pytest.raises(FmgsyncError, match="being terminated") as caught:
        server.create(PODS, pod("late"))
    assert code_of(caught.value) == 403
    server.delete(PODS, "before")
    found["spec"]["finalizers"] = []
    body = json.dumps(found).encode()
    server.session.read(Request("update", NAMESPACES, "", server.namespace, "finalize", body=body))
    with pytest.raises(SourceNotFound):
        server.session.read(Request("get", NAMESPACES, name=server.namespace))


def test_the_namespace_default_stays(server: ApiServer) -> None:
    with pytest.raises(FmgsyncError) as caught:
        server.delete(NAMESPACES, "default")
    assert code_of(caught.value) == 403
