"""What the simulated API server can be made to do that a real one does only when it suffers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import requests

from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests.builders import namespace, node, pod


def ask(
    simulator: KubernetesSimulator, path: str, *, stream: bool = False, **headers: str
) -> requests.Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    known = {"Authorization": f"Bearer {simulator.token}", **named}
    return requests.get(
        simulator.url + path,
        headers=known,
        verify=str(simulator.ca_file),
        timeout=20,
        stream=stream,
    )


def told(simulator: KubernetesSimulator, version: str, count: int) -> list[str]:
    """The first lines of a watch from a version on, with bookmarks: what they say, and of what."""
    watch = f"/api/v1/pods?watch=1&allowWatchBookmarks=true&resourceVersion={version}"
    found = []
    with ask(simulator, watch, stream=True) as answer:
        for _, line in zip(range(count), answer.iter_lines(chunk_size=None), strict=False):
            event = json.loads(line)
            metadata = event["object"]["metadata"]
            found.append(f"{event['type']} {metadata.get('name') or metadata['resourceVersion']}")
    return found


def test_objects_are_added_patched_and_deleted_whole(simulator: KubernetesSimulator) -> None:
    simulator.add(namespace("prod"))
    simulator.add(node("node-1", "10.0.0.1"))
    simulator.add(pod("a", "10.1.0.9", namespace="prod"))
    simulator.patch("Pod", "a", {"status": {"phase": "Failed"}}, namespace="prod")
    found = ask(simulator, "/api/v1/namespaces/prod/pods/a").json()
    assert found["status"]["phase"] == "Failed"
    assert found["status"]["podIP"] == "10.1.0.9"
    simulator.delete("Namespace", "prod")
    assert simulator.find("Pod", "a", namespace="prod") is None
    assert simulator.find("Node", "node-1") is not None


def test_adding_again_writes_over(simulator: KubernetesSimulator) -> None:
    first = simulator.add(pod("a", "10.1.0.9"))
    second = simulator.add(pod("a", "10.1.0.10"))
    assert second["status"]["podIP"] == "10.1.0.10"
    assert int(second["metadata"]["resourceVersion"]) > int(first["metadata"]["resourceVersion"])


def test_a_version_below_the_floor_is_told_so_inside_a_successful_watch(
    simulator: KubernetesSimulator,
) -> None:
    version = simulator.add(pod("a"))["metadata"]["resourceVersion"]
    simulator.add(pod("b"))
    simulator.expire_history()
    answer = ask(simulator, f"/api/v1/pods?watch=1&resourceVersion={version}")
    assert answer.status_code == 200
    (line,) = answer.text.splitlines()
    assert json.loads(line)["object"]["code"] == 410


def test_an_expired_page_is_410_with_a_token_to_go_on(simulator: KubernetesSimulator) -> None:
    for name in ("a", "b"):
        simulator.add(pod(name))
    token = ask(simulator, "/api/v1/pods?limit=1").json()["metadata"]["continue"]
    simulator.expire_history()
    answer = ask(simulator, f"/api/v1/pods?limit=1&continue={token}")
    assert answer.status_code == 410
    assert answer.json()["metadata"]["continue"]


def test_long_answers_are_compressed_for_who_asks(simulator: KubernetesSimulator) -> None:
    for number in range(600):
        simulator.add(pod(f"a-{number}", "10.1.0.9"))
    plain = ask(simulator, "/api/v1/pods", accept_encoding="identity")
    assert "Content-Encoding" not in plain.headers
    zipped = requests.get(
        simulator.url + "/api/v1/pods",
        headers={"Authorization": f"Bearer {simulator.token}", "Accept-Encoding": "gzip"},
        verify=str(simulator.ca_file),
        timeout=20,
        stream=True,
    )
    assert gzip.decompress(zipped.raw.read(decode_content=False)) == plain.content


def test_it_can_be_busy_broken_and_forbidding(simulator: KubernetesSimulator) -> None:
    simulator.faults.busy(1, retry_after_s=7)
    busy = ask(simulator, "/api/v1/pods")
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "7")
    simulator.faults.broken(1)
    assert ask(simulator, "/api/v1/pods").text.startswith("<html>")
    simulator.faults.forbid("pods", "list")
    assert ask(simulator, "/api/v1/pods").status_code == 403
    assert ask(simulator, "/api/v1/nodes").status_code == 200
    simulator.faults.permit("pods")
    assert ask(simulator, "/api/v1/pods").status_code == 200


def test_a_watch_can_repeat_itself_and_send_a_bookmark_of_long_ago(
    simulator: KubernetesSimulator,
) -> None:
    """Each time of a kind's next event, and of no other kind."""
    version = simulator.add(pod("a"))["metadata"]["resourceVersion"]
    simulator.add(pod("b"))
    simulator.add(pod("c"))
    simulator.faults.repeat("nodes")
    simulator.faults.repeat("pods")
    assert told(simulator, version, 3) == ["ADDED b", "ADDED b", "ADDED c"]
    simulator.faults.late_bookmark("pods")
    assert told(simulator, version, 3) == ["ADDED b", f"BOOKMARK {version}", "ADDED c"]
    assert told(simulator, version, 2) == ["ADDED b", "ADDED c"]


@pytest.mark.parametrize("orderly", [True, False])
def test_a_watch_can_end_in_the_middle_of_a_line(
    simulator: KubernetesSimulator, orderly: bool
) -> None:
    version = simulator.add(pod("a"))["metadata"]["resourceVersion"]
    simulator.add(pod("b"))
    simulator.faults.cut_line("pods", orderly=orderly)
    watch = f"/api/v1/pods?watch=1&timeoutSeconds=20&resourceVersion={version}"
    if orderly:
        text = ask(simulator, watch).text
        assert text.startswith('{"type":"ADDED","object":{"kind":"Pod"')
        assert not text.endswith("\n")
    else:
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            ask(simulator, watch)
    assert told(simulator, version, 1) == ["ADDED b"]


def test_watches_are_sent_a_bookmark_on_demand_behind_what_happened(
    simulator: KubernetesSimulator,
) -> None:
    """In its place in the log: whoever watches from before it is told of it as well."""
    version = simulator.add(pod("a"))["metadata"]["resourceVersion"]
    simulator.add(pod("b"))
    first = simulator.bookmark()
    last = simulator.add(pod("c"))["metadata"]["resourceVersion"]
    assert int(last) == first + 1
    assert told(simulator, version, 3) == ["ADDED b", f"BOOKMARK {first}", "ADDED c"]
    items = ask(simulator, "/api/v1/pods").json()["items"]
    assert [each["metadata"]["name"] for each in items] == ["a", "b", "c"]
    plain = ask(simulator, f"/api/v1/pods?watch=1&timeoutSeconds=1&resourceVersion={version}")
    assert "BOOKMARK" not in plain.text


def test_a_rotated_token_is_the_only_one(simulator: KubernetesSimulator) -> None:
    old = simulator.token
    simulator.rotate_token()
    assert ask(simulator, "/api/v1/pods").status_code == 200
    assert ask(simulator, "/api/v1/pods", Authorization=f"Bearer {old}").status_code == 401


def test_it_goes_down_and_comes_up_at_the_same_place(simulator: KubernetesSimulator) -> None:
    simulator.add(pod("a"))
    url = simulator.url
    simulator.down()
    with pytest.raises(requests.ConnectionError):
        ask(simulator, "/api/v1/pods")
    simulator.up()
    assert simulator.url == url
    assert len(ask(simulator, "/api/v1/pods").json()["items"]) == 1


def test_requests_are_remembered_as_authorisation_sees_them(
    simulator: KubernetesSimulator,
) -> None:
    ask(simulator, "/apis/coordination.k8s.io/v1/namespaces/fmgsync/leases/hq")
    (received,) = simulator.requests
    assert (received.verb, received.group, received.resource) == (
        "get",
        "coordination.k8s.io",
        "leases",
    )
    assert (received.namespace, received.name) == ("fmgsync", "hq")


def test_two_run_side_by_side(simulator: KubernetesSimulator, tmp_path: Path) -> None:
    with KubernetesSimulator() as other:
        other.add(pod("a"))
        assert ask(simulator, "/api/v1/pods").json()["items"] == []


@pytest.mark.parametrize("path", ["/", "/api", "/apis", "/api/v1", "/version", "/healthz"])
def test_clients_can_find_out_what_is_served(simulator: KubernetesSimulator, path: str) -> None:
    expected = 404 if path == "/" else 200
    assert ask(simulator, path).status_code == expected


def test_a_restored_backup_takes_objects_and_revisions_back(
    simulator: KubernetesSimulator,
) -> None:
    simulator.add(pod("kept", "10.1.0.1"))
    backup = simulator.backup()
    simulator.patch("Pod", "kept", {"status": {"podIP": "10.1.0.2"}})
    later = simulator.add(pod("later", "10.1.0.3"))["metadata"]["resourceVersion"]
    simulator.restore(backup, warm_up_s=0)
    (found,) = ask(simulator, "/api/v1/pods").json()["items"]
    assert (found["metadata"]["name"], found["status"]["podIP"]) == ("kept", "10.1.0.1")
    anew = [simulator.add(pod(f"anew-{n}"))["metadata"]["resourceVersion"] for n in range(3)]
    assert later in anew


def test_after_a_restore_a_watch_from_the_future_is_silent_till_its_version_has_passed(
    simulator: KubernetesSimulator,
) -> None:
    backup = simulator.backup()
    for number in range(3):
        simulator.add(pod(f"lost-{number}"))
    future = simulator.add(pod("lost"))["metadata"]["resourceVersion"]
    simulator.restore(backup, warm_up_s=0)
    names = [f"anew-{number}" for number in range(5)]
    for name in names[:2]:
        simulator.add(pod(name))
    watch = f"/api/v1/pods?watch=1&allowWatchBookmarks=true&resourceVersion={future}"
    answer = ask(simulator, f"{watch}&timeoutSeconds=1")
    assert (answer.status_code, answer.text) == (200, "")
    for name in names[2:]:
        simulator.add(pod(name))
    answer = ask(simulator, f"{watch}&timeoutSeconds=1")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [each["object"]["metadata"]["name"] for each in lines if each["type"] == "ADDED"] == [
        "anew-4"
    ]


def test_a_version_of_the_future_is_an_error_for_lists_and_initial_events(
    simulator: KubernetesSimulator,
) -> None:
    backup = simulator.backup()
    future = simulator.add(pod("lost"))["metadata"]["resourceVersion"]
    simulator.restore(backup, warm_up_s=0)
    assert ask(simulator, f"/api/v1/pods?resourceVersion={future}").status_code == 504
    initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    answer = ask(simulator, f"/api/v1/pods?watch=1&{initial}&resourceVersion={future}")
    (line,) = map(json.loads, answer.text.splitlines())
    assert (answer.status_code, line["type"], line["object"]["code"]) == (200, "ERROR", 504)
    assert line["object"]["details"]["retryAfterSeconds"] == 1


def test_a_server_that_just_started_refuses_watches(simulator: KubernetesSimulator) -> None:
    watch = "/api/v1/pods?watch=1&timeoutSeconds=1"
    simulator.faults.warm_up(3600)
    refused = ask(simulator, watch)
    assert refused.status_code == 403
    assert "not found" in refused.json()["message"]
    assert ask(simulator, "/api/v1/pods").status_code == 200
    simulator.faults.warm_up(0)
    assert ask(simulator, watch).status_code == 200


def test_a_compaction_and_an_empty_cache_say_gone_in_words_of_their_own(
    simulator: KubernetesSimulator,
) -> None:
    version = simulator.add(pod("a"))["metadata"]["resourceVersion"]
    simulator.add(pod("b"))
    watch = f"/api/v1/pods?watch=1&resourceVersion={version}"
    simulator.expire_history()
    compacted = json.loads(ask(simulator, watch).text)["object"]
    simulator.restart(warm_up_s=0)
    restarted = json.loads(ask(simulator, watch).text)["object"]
    assert {compacted["code"], restarted["code"]} == {410}
    assert {compacted["reason"], restarted["reason"]} == {"Expired"}
    assert compacted["message"] == "The resourceVersion for the provided watch is too old."
    assert restarted["message"].startswith(f"too old resource version: {version} (")


def test_a_deleted_namespace_leaves_nothing_behind(simulator: KubernetesSimulator) -> None:
    simulator.add(namespace("prod"))
    held = pod("held", namespace="prod")
    held["metadata"]["finalizers"] = ["example.net/hold"]
    simulator.add(held)
    simulator.delete("Namespace", "prod")
    left = simulator.find("Namespace", "prod")
    assert left is not None
    assert left["status"]["phase"] == "Terminating"
    assert simulator.find("Pod", "held", namespace="prod") is not None


def test_what_it_does_not_do_is_refused_and_not_done(simulator: KubernetesSimulator) -> None:
    """A body in protobuf, as kubectl's own `create` sends it, and a write that is only tried."""

    def post(query: str, kind: str, body: bytes) -> int:
        answer = requests.post(
            f"{simulator.url}/api/v1/namespaces/default/configmaps{query}",
            data=body,
            headers={"Authorization": f"Bearer {simulator.token}", "Content-Type": kind},
            verify=str(simulator.ca_file),
            timeout=20,
        )
        return answer.status_code

    body = json.dumps({"metadata": {"name": "a"}}).encode()
    assert post("", "application/vnd.kubernetes.protobuf", b"k8s\0") == 415
    assert post("?dryRun=All", "application/json", body) == 400
    assert simulator.find("ConfigMap", "a") is None


def test_a_list_without_a_version_costs_what_there_is_and_not_what_it_finds(
    simulator: KubernetesSimulator,
) -> None:
    """As on a server that does not answer it from its watch cache: pages go on where they were."""
    for number in range(20):
        simulator.add(pod(f"a-{number}", f"10.1.0.{number}"))
    wanted = "/api/v1/pods?fieldSelector=status.podIP%3D10.1.0.1"
    assert len(ask(simulator, f"{wanted}&resourceVersion=0").json()["items"]) == 1
    assert simulator.read_from_etcd == 0
    assert len(ask(simulator, wanted).json()["items"]) == 1
    assert simulator.read_from_etcd == 20
