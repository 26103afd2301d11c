"""Server-side apply, on the simulated API server and on a real one."""

from __future__ import annotations

import pytest
import yaml

from fmgsync.errors import SourceConflict, SourceRefused
from fmgsync.kube.requests import CONFIGMAPS, Request
from tests.builders import Manifest
from tests.kubernetes_api import ApiServer, config_map


def apply(server: ApiServer, manager: str, content: Manifest, **query: str) -> Manifest:
    """Server-side apply of a ConfigMap."""
    name = content["metadata"]["name"]
    request = Request(
        "patch",
        CONFIGMAPS,
        server.namespace,
        name,
        query={"fieldManager": manager, **query},
        body=yaml.safe_dump(content).encode(),
        content_type="application/apply-patch+yaml",
    )
    return server.session.read(request)


def test_an_apply_makes_changes_and_takes_away_what_is_its_own(server: ApiServer) -> None:
    assert apply(server, "one", config_map("a", x="1", y="2"))["data"] == {"x": "1", "y": "2"}
    assert apply(server, "two", config_map("a", z="3"))["data"] == {"x": "1", "y": "2", "z": "3"}
    assert apply(server, "one", config_map("a", x="5"))["data"] == {"x": "5", "z": "3"}


def test_an_apply_of_what_is_there_makes_no_new_version(server: ApiServer) -> None:
    first = apply(server, "one", config_map("a", x="1"))
    assert apply(server, "one", config_map("a", x="1"))["metadata"] == first["metadata"]


def test_an_apply_of_anothers_field_is_a_conflict_unless_forced(server: ApiServer) -> None:
    apply(server, "one", config_map("a", x="1"))
    assert apply(server, "two", config_map("a", x="1"))["data"] == {"x": "1"}  # shared
    with pytest.raises(SourceConflict, match='conflict with "one"'):
        apply(server, "two", config_map("a", x="2"))
    assert apply(server, "two", config_map("a", x="2"), force="true")["data"] == {"x": "2"}
    managers = apply(server, "two", config_map("a", x="2"))["metadata"]["managedFields"]
    assert [(each["manager"], each["operation"]) for each in managers] == [("two", "Apply")]


def test_who_writes_a_field_otherwise_owns_it_too(server: ApiServer) -> None:
    apply(server, "one", config_map("a", x="1", y="1"))
    server.patch(CONFIGMAPS, "a", {"data": {"x": "2"}})
    with pytest.raises(SourceConflict):
        apply(server, "one", config_map("a", x="1", y="1"))


def test_an_apply_names_its_author(server: ApiServer) -> None:
    with pytest.raises(SourceRefused) as caught:
        apply(server, "", config_map("a", x="1"))
    assert caught.value.code == 422
