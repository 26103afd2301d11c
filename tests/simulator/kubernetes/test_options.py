"""What lists and watches may ask for, on the simulated API server and on a real one."""

from __future__ import annotations

import pytest

from fmgsync.errors import FmgsyncError
from fmgsync.kube.requests import LEASES, NODES, PODS, Request, Resource
from tests.builders import pod
from tests.kubernetes_api import INITIAL, ApiServer, code_of, events, watched


def test_initial_events_come_without_bookmarks_too(server: ApiServer) -> None:
    server.create(PODS, pod("a"))
    assert events(watched(server, 1, INITIAL)) == [("ADDED", "a")]


@pytest.mark.parametrize("resource", [PODS, NODES, LEASES])
def test_the_bookmark_after_the_initial_events_has_the_shape_of_an_object(
    server: ApiServer, resource: Resource
) -> None:
    query = {**INITIAL, "allowWatchBookmarks": "true", "labelSelector": "nobody=has-this"}
    place = "" if resource is NODES else None
    (line,) = watched(server, 1, query, resource=resource, place=place)
    assert "spec" in line["object"]
    assert "status" in line["object"] or resource is LEASES
    assert "creationTimestamp" not in line["object"]["metadata"]


REFUSED_WATCHES = {
    "initial events without a match": ({"sendInitialEvents": "true"}, 422),
    "no initial events, and no match": ({"sendInitialEvents": "false"}, 422),
    "another match": ({"sendInitialEvents": "true", "resourceVersionMatch": "Exact"}, 422),
    "a match alone": ({"resourceVersionMatch": "NotOlderThan", "resourceVersion": "1"}, 422),
    "a match nobody knows": ({"resourceVersionMatch": "Newest"}, 422),
    "a version that is no number": ({"resourceVersion": "x"}, 500),
}


@pytest.mark.parametrize("case", REFUSED_WATCHES)
def test_watches_that_make_no_sense_are_refused(server: ApiServer, case: str) -> None:
    query, code = REFUSED_WATCHES[case]
    with pytest.raises(FmgsyncError) as caught:
        watched(server, 1, query)
    assert code_of(caught.value) == code


REFUSED_LISTS = {
    "initial events": ({"sendInitialEvents": "true"}, 422),
    "a match without a version": ({"resourceVersionMatch": "Exact"}, 422),
    "a match nobody knows": ({"resourceVersionMatch": "Newest", "resourceVersion": "1"}, 422),
    "exactly version 0": ({"resourceVersionMatch": "Exact", "resourceVersion": "0"}, 422),
    "a version that is no number": ({"resourceVersion": "x"}, 400),
    "a version in a continued list": ({"continue": "x", "resourceVersion": "1"}, 400),
    "a match in a continued list": (
        {"continue": "x", "resourceVersion": "1", "resourceVersionMatch": "Exact"},
        422,
    ),
    "a field compared twice": ({"fieldSelector": "metadata.name=a=b"}, 400),
    "a label value of 64 characters": ({"labelSelector": f"app={'a' * 64}"}, 400),
    "a label key with a space": ({"labelSelector": "a b=c"}, 400),
    "more than a word": ({"labelSelector": "app>many"}, 400),
}


@pytest.mark.parametrize("case", REFUSED_LISTS)
def test_lists_that_make_no_sense_are_refused(server: ApiServer, case: str) -> None:
    query, code = REFUSED_LISTS[case]
    with pytest.raises(FmgsyncError) as caught:
        server.listed(PODS, **query)
    assert code_of(caught.value) == code


def test_a_list_from_the_future_is_a_time_out(server: ApiServer) -> None:
    version, _ = server.listed(PODS)
    with pytest.raises(FmgsyncError) as caught:
        server.listed(PODS, resourceVersion=str(int(version) + 1_000_000))
    assert code_of(caught.value) == 504


def test_a_watch_from_the_future_is_silent(server: ApiServer) -> None:
    version, _ = server.listed(PODS)
    query = {"resourceVersion": str(int(version) + 1_000_000), "allowWatchBookmarks": "true"}
    request = Request(
        "watch", PODS, server.namespace, query={"watch": "true", "timeoutSeconds": "1", **query}
    )
    server.create(PODS, pod("a"))
    with server.session.stream(request, silence_s=30) as stream:
        assert stream.read() == b""


def test_initial_events_from_the_future_are_an_error_in_the_stream(server: ApiServer) -> None:
    version, _ = server.listed(PODS)
    future = str(int(version) + 1_000_000)
    (line,) = watched(server, 1, {**INITIAL, "resourceVersion": future})
    assert (line["type"], line["object"]["code"]) == ("ERROR", 504)
    assert line["object"]["message"].startswith("Too large resource version")
    assert line["object"]["details"]["retryAfterSeconds"] == 1


def test_a_watch_of_five_seconds_ends_without_a_bookmark(server: ApiServer) -> None:
    query = {"watch": "true", "timeoutSeconds": "5", "allowWatchBookmarks": "true"}
    version, _ = server.listed(PODS)
    request = Request("watch", PODS, server.namespace, query={**query, "resourceVersion": version})
    with server.session.stream(request, silence_s=30) as stream:
        assert stream.read() == b""


def test_how_much_is_left_is_told_where_nothing_is_selected_only(server: ApiServer) -> None:
    for name in ("a", "b", "c"):
        server.create(PODS, pod(name, labels={"app": "web"}))
    for query, told in (({}, 2), ({"labelSelector": "app=web"}, None)):
        asked = Request("list", PODS, server.namespace, query={"limit": "1", **query})
        assert server.session.read(asked)["metadata"].get("remainingItemCount") == told


def test_a_limit_below_nothing_is_none(server: ApiServer) -> None:
    for name in ("a", "b"):
        server.create(PODS, pod(name))
    assert len(server.listed(PODS, limit="-1")[1]) == 2


def test_an_exact_version_is_listed_as_it_was(server: ApiServer) -> None:
    server.create(PODS, pod("a", labels={"app": "web"}))
    server.create(PODS, pod("b", node=None))
    version, then = server.listed(PODS)
    server.patch(PODS, "a", {"metadata": {"labels": {"app": "db"}}})
    server.delete(PODS, "b")
    server.create(PODS, pod("c"))
    query = {"resourceVersion": version, "resourceVersionMatch": "Exact"}
    assert server.listed(PODS, **query) == (version, then)


ALSO_SELECTED = [
    ({"fieldSelector": "spec.schedulerName=default-scheduler"}, ["a", "b"]),
    ({"fieldSelector": "spec.schedulerName=own"}, []),
    ({"fieldSelector": "status.nominatedNodeName="}, ["a", "b"]),
    ({"fieldSelector": "status.podIPs="}, ["a", "b"]),
    ({"fieldSelector": r"metadata.name=a\,b"}, []),
    ({"fieldSelector": r"metadata.name!=a\=b"}, ["a", "b"]),
    ({"labelSelector": "weight>5"}, ["a"]),
    ({"labelSelector": "weight<5"}, ["b"]),
]


@pytest.mark.parametrize(("query", "names"), ALSO_SELECTED)
def test_rarer_selectors_choose_too(
    server: ApiServer, query: dict[str, str], names: list[str]
) -> None:
    server.create(PODS, pod("a", labels={"weight": "10"}))
    server.create(PODS, pod("b", labels={"weight": "1"}))
    assert [each["metadata"]["name"] for each in server.listed(PODS, **query)[1]] == names
