"""The API server tests talk to: the simulator, and a real one if FMGSYNC_TEST_KUBECONFIG is set.

On a real server the tests work in a namespace of their own and remove what they made. It needs no
kubelet: pods get their addresses through the status sub-resource.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fmgsync.errors import (
    FmgsyncError,
    SourceConflict,
    SourceForbidden,
    SourceNotFound,
    SourceRefused,
)
from fmgsync.kube.client import Access, ApiSession
from fmgsync.kube.requests import NAMESPACES, NODES, PODS, Request, Resource
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests.builders import Manifest, namespace, node, pod

SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts")
REAL = os.environ.get("FMGSYNC_TEST_KUBECONFIG", "")
SERVERS = ["simulator", "real"] if REAL else ["simulator"]


HOLLOW = [
    b"{}",
    b'{"metadata":{"resourceVersion":"7"}}',
    b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success"}',
    b'{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"a","resourceVersion":"7"}}',
    b'{"kind":"KIND","apiVersion":"v1","metadata":{"name":"a"}}',
    b'{"kind":"KIND","apiVersion":"v1","metadata":{"name":"a","resourceVersion":""}}',
    b'[{"kind":"KIND"}]',
    b"null",
]
"""What something on the way may answer in place of an object of a KIND: 200, and JSON."""


class ApiServer:
    """An API server, a namespace in it, and short words for what a scheduler and kubelets do."""

    def __init__(self, kubeconfig: Path) -> None:
        self.access = Access(kubeconfig)
        self.session = ApiSession("east", self.access)
        self.namespace = f"fmgsync-test-{uuid.uuid4().hex[:8]}"
        self._nodes: list[str] = []
        self.create(NAMESPACES, namespace(self.namespace, labels={"environment": "test"}))
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        with suppress(SourceConflict):  # where a controller was quicker
            self.create(SERVICE_ACCOUNTS, account)

    def close(self) -> None:
        for name in self._nodes:
            self.delete(NODES, name)
        _, pods = self.listed(PODS)
        for each in pods:
            self.delete(PODS, each["metadata"]["name"])
        self.delete(NAMESPACES, self.namespace)
        self.session.close()

    def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        place = "" if resource in (NODES, NAMESPACES) else self.namespace
        bare = json.loads(json.dumps(manifest))
        for field in ("uid", "resourceVersion", "creationTimestamp", "namespace"):
            bare["metadata"].pop(field, None)
        return self.session.read(Request("create", resource, place, body=_json(bare)))

    def add_pod(self, name: str, *ips: str, **how: Any) -> Manifest:
        """A pod that was scheduled, started and given its addresses."""
        wanted = pod(name, *ips, **how)
        self.create(PODS, wanted)
        return self.set_status(PODS, name, wanted["status"])

    def add_node(self, name: str, *ips: str, **how: Any) -> Manifest:
        wanted = node(f"{self.namespace}-{name}", *ips, **how)
        self._nodes.append(wanted["metadata"]["name"])
        self.create(NODES, wanted)
        status = {"addresses": wanted["status"]["addresses"]}
        return self.set_status(NODES, wanted["metadata"]["name"], status)

    def set_status(self, resource: Resource, name: str, status: Manifest) -> Manifest:
        return self.patch(resource, name, {"status": status}, part="status")

    def patch(self, resource: Resource, name: str, patch: Manifest, *, part: str = "") -> Manifest:
        place = "" if resource in (NODES, NAMESPACES) else self.namespace
        content_type = "application/merge-patch+json"
        request = Request(
            "patch", resource, place, name, part, body=_json(patch), content_type=content_type
        )
        return self.session.read(request)

    def delete(self, resource: Resource, name: str, *, grace_s: int | None = 0) -> None:
        place = "" if resource in (NODES, NAMESPACES) else self.namespace
        options = {} if grace_s is None else {"gracePeriodSeconds": grace_s}
        with suppress(SourceNotFound):
            self.session.send(Request("delete", resource, place, name, body=_json(options)))

    def listed(self, resource: Resource, **query: str) -> tuple[str, list[Manifest]]:
        """The version and the items of a list of the test's namespace."""
        found = self.session.read(Request("list", resource, self.namespace, query=query))
        return found["metadata"]["resourceVersion"], found["items"]


INITIAL = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}


def watched(
    server: ApiServer,
    count: int,
    query: Mapping[str, str] | None = None,
    *,
    resource: Resource = PODS,
    place: str | None = None,
) -> list[Manifest]:
    """The first lines of a watch, of the test's namespace unless told otherwise."""
    asked = {"watch": "true", "timeoutSeconds": "20", **(query or {})}
    where = server.namespace if place is None else place
    text = b""
    with server.session.stream(Request("watch", resource, where, query=asked), silence_s=30) as it:
        while text.count(b"\n") < count:
            piece = it.read1(65536)
            assert piece, "the watch ended before it told all"
            text += piece
    return [json.loads(line) for line in text.split(b"\n")[:count]]


def events(lines: list[Manifest]) -> list[tuple[str, str]]:
    return [(each["type"], each["object"]["metadata"].get("name", "")) for each in lines]


def code_of(error: FmgsyncError) -> int:
    """The HTTP code behind an error of ours."""
    if isinstance(error, SourceForbidden):
        return 403
    if isinstance(error, SourceRefused):
        return error.code
    found = re.search(r"answers (\d+)", str(error))
    assert found, error
    return int(found[1])


def replace(server: ApiServer, resource: Resource, content: Manifest) -> Manifest:
    name = content["metadata"]["name"]
    body = json.dumps(content).encode()
    return server.session.read(Request("update", resource, server.namespace, name, body=body))


def lease(name: str, holder: str, **metadata: str) -> Manifest:
    spec = {
        "holderIdentity": holder,
        "leaseDurationSeconds": 10,
        "renewTime": "2026-01-01T00:00:00.000000Z",
    }
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, **metadata},
        "spec": spec,
    }


def config_map(name: str, **data: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()


@pytest.fixture
def simulator() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as running:
        yield running


@pytest.fixture
def access(simulator: KubernetesSimulator, tmp_path: Path) -> Access:
    return Access(simulator.kubeconfig(tmp_path / "kubeconfig"))


@pytest.fixture
def session(access: Access) -> Iterator[ApiSession]:
    opened = ApiSession("east", access)
    yield opened
    opened.close()


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ApiServer]:
    """Each API server in turn."""
    if request.param == "real":
        running = ApiServer(Path(REAL))
        yield running
        running.close()
        return
    with KubernetesSimulator() as simulated:
        running = ApiServer(simulated.kubeconfig(tmp_path / "server-kubeconfig"))
        yield running
        running.close()
