"""What an API server refuses to store, and how it stores the rest."""

from __future__ import annotations

import json

import pytest

from fmgsync.errors import FmgsyncError, SourceConflict, SourceRefused
from fmgsync.kube.requests import CONFIGMAPS, LEASES, PODS, Request
from tests.builders import pod
from tests.kubernetes_api import ApiServer, code_of, config_map, lease, replace

INVALID = {
    "a label value of 64 characters": (PODS, pod("a", labels={"app": "a" * 64}), 422),
    "a label value with a space": (PODS, pod("a", labels={"app": "a b"}), 422),
    "a label key with two slashes": (PODS, pod("a", labels={"a/b/c": "x"}), 422),
    "transitions below nothing": (
        LEASES,
        {**lease("a", "one"), "spec": {"leaseTransitions": -1}},
        422,
    ),
    "a lease time without its six digits": (
        LEASES,
        {**lease("a", "one"), "spec": {"renewTime": "2026-01-01T00:00:00Z"}},
        400,
    ),
    "one key twice": (
        CONFIGMAPS,
        {**config_map("a", k="v"), "binaryData": {"k": "dg=="}},
        422,
    ),
}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_values_are_refused(server: ApiServer, case: str) -> None:
    resource, manifest, code = INVALID[case]
    with pytest.raises(FmgsyncError) as caught:
        server.create(resource, manifest)
    assert code_of(caught.value) == code


@pytest.mark.parametrize("ip", ["::ffff:10.1.0.9", "fe80::1%eth0", ""])
def test_odd_addresses_of_a_pod_are_refused(server: ApiServer, ip: str) -> None:
    server.create(PODS, pod("a"))
    with pytest.raises(SourceRefused) as caught:
        server.set_status(PODS, "a", {"podIPs": [{"ip": ip}]})
    assert caught.value.code == 422


def test_a_new_object_has_no_version(server: ApiServer) -> None:
    body = json.dumps({**pod("a"), "metadata": {"name": "a", "resourceVersion": "7"}}).encode()
    with pytest.raises(FmgsyncError) as caught:
        server.session.read(Request("create", PODS, server.namespace, body=body))
    assert code_of(caught.value) == 500


def test_a_replacement_of_a_version_that_is_no_number_fails(server: ApiServer) -> None:
    made = server.create(PODS, pod("a"))
    made["metadata"]["resourceVersion"] = "x"
    with pytest.raises(FmgsyncError) as caught:
        replace(server, PODS, made)
    assert code_of(caught.value) == 500


def test_lease_times_are_taken_with_any_offset(server: ApiServer) -> None:
    manifest = lease("hq", "one")
    manifest["spec"]["renewTime"] = "2026-01-01T02:00:00.000001+02:00"
    made = server.create(LEASES, manifest)
    assert made["spec"]["renewTime"] == "2026-01-01T00:00:00.000001Z"


def test_what_is_refused_is_named_with_its_group(server: ApiServer) -> None:
    server.create(LEASES, lease("hq", "one"))
    with pytest.raises(SourceConflict, match=r"leases\.coordination\.k8s\.io"):
        server.create(LEASES, lease("hq", "two"))


def test_a_body_over_three_mebibytes_is_refused(server: ApiServer) -> None:
    huge = config_map("a", key="x" * (3 * 1024 * 1024))
    with pytest.raises(FmgsyncError) as caught:
        server.create(CONFIGMAPS, huge)
    assert code_of(caught.value) == 413
