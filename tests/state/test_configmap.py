"""Documents in a ConfigMap, over HTTPS: two writers, lost answers, no API server, no room."""

from __future__ import annotations

import base64
import random
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from structlog.testing import capture_logs

from fmgsync import errors
from fmgsync.clock import SystemClock
from fmgsync.kube.client import Access, ApiSession
from fmgsync.kube.requests import Request
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.state import configmap
from fmgsync.state.configmap import MOST_BYTES, NAME, ConfigMap
from tests.daemon.controllers import until
from tests.kubernetes_api import HOLLOW

SPACE = "fmgsync"
PATIENCE_S = 90.0
Make = Callable[[], ConfigMap]


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        made.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
        yield made


@pytest.fixture
def make(cluster: KubernetesSimulator, tmp_path: Path) -> Iterator[Make]:
    """Each call makes the documents of another process."""
    sessions: list[ApiSession] = []

    def made() -> ConfigMap:
        access = Access(cluster.kubeconfig(tmp_path / "kubeconfig"))
        sessions.append(ApiSession("state", access, connect_s=20, answer_s=20))
        return ConfigMap(sessions[-1], SPACE, clock=SystemClock())

    yield made
    for session in sessions:
        session.close()


def count(text: str | None) -> str:
    return str(int(text or "0") + 1)


def test_nothing_is_made_before_something_is_written(
    make: Make, cluster: KubernetesSimulator
) -> None:
    assert make().read("guard") is None
    assert cluster.find("ConfigMap", NAME, namespace=SPACE) is None


def test_what_one_writes_another_reads_and_neither_touches_the_rest(
    make: Make, cluster: KubernetesSimulator
) -> None:
    one, other = make(), make()
    one.update("guard", lambda text: f"after {text}")
    other.update("rollouts", lambda _: "waves")
    other.update("guard", lambda text: f"after {text}")
    assert one.read("guard") == "after after None"
    assert one.read("rollouts") == "waves"
    found = cluster.find("ConfigMap", NAME, namespace=SPACE)
    assert found is not None
    assert found["data"] == {"guard.json": "after after None", "rollouts.json": "waves"}
    assert one.where("guard") == "ConfigMap fmgsync/fmgsync-state, key guard.json"


def test_an_unchanged_document_costs_no_write(make: Make, cluster: KubernetesSimulator) -> None:
    documents = make()
    documents.update("guard", lambda _: "same")
    documents.update("guard", lambda text: text or "")
    verbs = [each.verb for each in cluster.requests]
    assert verbs == ["get", "create", "get"]


def test_two_writers_lose_nothing(make: Make) -> None:
    """Every one of 3 x 10 additions survives, the very first included."""
    writers = [make() for _ in range(3)]

    def work(documents: ConfigMap) -> None:
        for _ in range(10):
            documents.update("count", count)

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(work, writers)) == [None] * 3
    assert make().read("count") == "30"


def test_a_change_runs_again_on_what_the_other_wrote(make: Make) -> None:
    one, other = make(), make()
    one.update("count", lambda _: "1")
    seen: list[str | None] = []

    def change(text: str | None) -> str:
        seen.append(text)
        if len(seen) == 1:
            other.update("count", lambda _: "10")
        return count(text)

    one.update("count", change)
    assert seen == ["1", "10"]
    assert one.read("count") == "11"


def test_a_writer_that_never_gets_a_turn_says_so(make: Make) -> None:
    one, other = make(), make()

    def change(text: str | None) -> str:
        other.update("count", count)
        return "mine"

    with pytest.raises(errors.StateError, match="others wrote it 12 times"):
        one.update("count", change)


def test_a_map_deleted_in_between_is_read_as_lost(make: Make, cluster: KubernetesSimulator) -> None:
    documents = make()
    documents.update("count", lambda _: "7")
    seen: list[str | None] = []

    def change(text: str | None) -> str:
        seen.append(text)
        if len(seen) == 1:
            cluster.delete("ConfigMap", NAME, namespace=SPACE)
        return count(text)

    documents.update("count", change)
    assert seen == ["7", None]
    assert documents.read("count") == "1"


def test_a_lost_answer_is_not_written_twice(make: Make, cluster: KubernetesSimulator) -> None:
    documents = make()
    documents.update("count", count)
    cluster.faults.lose_answers(1)
    documents.update("count", count)
    assert documents.read("count") == "2"


def test_without_an_api_server_nothing_is_guessed(make: Make, cluster: KubernetesSimulator) -> None:
    documents = make()
    documents.update("count", count)
    cluster.down()
    called: list[str | None] = []

    def change(text: str | None) -> str:
        called.append(text)
        return "guessed"

    with pytest.raises(errors.StateUnavailable, match="fmgsync/fmgsync-state"):
        documents.read("count")
    with pytest.raises(errors.StateUnavailable) as caught:
        documents.update("count", change)
    assert caught.value.retryable
    assert called == []
    cluster.up()
    assert documents.read("count") == "1"


@pytest.mark.parametrize("answer", HOLLOW)
@pytest.mark.parametrize("follows", [False, True])
@pytest.mark.parametrize("verb", ["get", "update"])
def test_an_answer_that_is_no_configmap_is_not_taken_for_an_empty_one(
    make: Make, cluster: KubernetesSimulator, answer: bytes, verb: str, follows: bool
) -> None:
    """Else approvals count as never given, and the next write takes away what it does not know."""
    documents = make()
    documents.update("guard", lambda _: "a human's decision")
    if follows:
        documents.follow()
    cluster.faults.hollow("configmaps", answer.replace(b"KIND", b"ConfigMap"), verb=verb)
    with suppress(errors.StateUnavailable):
        assert documents.read("guard") == "a human's decision"
    with suppress(errors.StateUnavailable):
        documents.update("count", count)
        assert documents.read("count") == "1"
    cluster.faults.fill()
    documents.update("again", lambda _: "more")
    assert documents.read("guard") == make().read("guard") == "a human's decision"
    documents.stop()


def test_a_write_that_does_not_arrive_is_an_error(make: Make, cluster: KubernetesSimulator) -> None:
    documents = make()
    documents.update("count", count)

    def change(text: str | None) -> str:
        cluster.down()
        return count(text)

    with pytest.raises(errors.StateUnavailable, match="cannot be written"):
        documents.update("count", change)
    cluster.up()
    assert documents.read("count") == "1"


@pytest.mark.parametrize("verb", ["get", "create", "update"])
def test_a_missing_right_names_the_rule(
    make: Make, cluster: KubernetesSimulator, verb: str
) -> None:
    documents = make()
    if verb == "update":
        documents.update("count", count)
    cluster.faults.forbid("configmaps", verb)
    with pytest.raises(errors.StateError) as caught:
        documents.update("count", count)
    assert not caught.value.retryable
    assert f'resources: ["configmaps"], verbs: ["{verb}"]' in str(caught.value)


def test_a_namespace_that_is_not_there_is_named(make: Make, cluster: KubernetesSimulator) -> None:
    documents = make()
    cluster.delete("Namespace", SPACE)
    with pytest.raises(errors.StateError, match="kubectl create namespace fmgsync"):
        documents.update("count", count)


def test_a_renewed_token_is_found(make: Make, cluster: KubernetesSimulator, tmp_path: Path) -> None:
    documents = make()
    documents.update("count", count)
    cluster.rotate_token()
    with pytest.raises(errors.StateError, match="credentials are not accepted"):
        documents.read("count")
    cluster.kubeconfig(tmp_path / "kubeconfig")
    assert documents.read("count") == "1"


def test_a_large_document_is_packed_and_shrinks_back(
    make: Make, cluster: KubernetesSimulator
) -> None:
    documents, large = make(), '{"address": "10.1.2.3"}' * 100_000
    documents.update("guard", lambda _: "small")
    documents.update("guard", lambda _: large)
    assert documents.read("guard") == large
    found = cluster.find("ConfigMap", NAME, namespace=SPACE)
    assert found is not None
    assert (found["data"], list(found["binaryData"])) == ({}, ["guard.json.z"])
    documents.update("guard", lambda text: "small")
    found = cluster.find("ConfigMap", NAME, namespace=SPACE)
    assert found is not None
    assert (found["data"], found["binaryData"]) == ({"guard.json": "small"}, {})


def test_what_does_not_fit_is_refused_and_the_old_text_stays(make: Make) -> None:
    documents = make()
    documents.update("guard", lambda _: "old")
    documents.update("stale", lambda _: "zz")
    noise = base64.b85encode(random.Random(1).randbytes(2 * MOST_BYTES)).decode()
    with pytest.raises(errors.StateError) as caught:
        documents.update("guard", lambda _: noise)
    assert "can hold 1048576; most of it is guard.json.z" in str(caught.value)
    assert caught.value.where == "ConfigMap fmgsync/fmgsync-state, key guard.json.z"
    assert "guard.period" in str(caught.value)
    assert documents.read("guard") == "old"


@pytest.mark.parametrize(
    "raw",
    [
        lambda: b"no zlib",
        lambda: zlib.compress(b"cut off" * 100)[:20],
        lambda: zlib.compress(b"\xff\xfe"),
        # A text that unpacks to more than memory should be given for it.
        lambda: zlib.compress(b"0" * 65 * MOST_BYTES),
    ],
    ids=["no zlib", "cut off", "no text", "too large"],
)
def test_a_damaged_document_is_an_error(
    make: Make, cluster: KubernetesSimulator, raw: Callable[[], bytes]
) -> None:
    packed = base64.b64encode(raw()).decode()
    cluster.add(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME, "namespace": SPACE},
            "binaryData": {"guard.json.z": packed},
        }
    )
    with pytest.raises(errors.StateError, match="it is damaged") as caught:
        make().read("guard")
    assert caught.value.where == "ConfigMap fmgsync/fmgsync-state, key guard.json.z"
    assert "remove this key" in (caught.value.next_step or "")


def test_marks_of_others_stay(make: Make, cluster: KubernetesSimulator) -> None:
    """A backup tool or GitOps marks objects by labels and annotations."""
    documents = make()
    documents.update("count", count)
    cluster.patch(
        "ConfigMap",
        NAME,
        {"metadata": {"labels": {"backup": "yes"}, "annotations": {"argo": "no"}}},
        namespace=SPACE,
    )
    documents.update("count", count)
    found = cluster.find("ConfigMap", NAME, namespace=SPACE)
    assert found is not None
    assert found["metadata"]["labels"]["backup"] == "yes"
    assert found["metadata"]["annotations"] == {"argo": "no"}
    assert found["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "fmgsync"


def asked(cluster: KubernetesSimulator) -> list[str]:
    """What was asked about ConfigMaps so far; how a watch begins is not told."""
    return [
        each.verb
        for each in cluster.requests
        if each.resource == "configmaps" and each.verb != "watch"
    ]


@pytest.fixture
def followed(
    make: Make, cluster: KubernetesSimulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ConfigMap]:
    """Documents that a watch tells of; what nobody waits for is not written for a long time."""
    monkeypatch.setattr(configmap, "LATER_S", 600.0)
    documents = make()
    documents.update("count", lambda _: "1")
    documents.follow()
    settled(documents, cluster)
    yield documents
    documents.stop()


def settled(documents: ConfigMap, cluster: KubernetesSimulator) -> None:
    """Until reading asks nobody."""

    def quiet() -> bool:
        before = len(asked(cluster))
        documents.read("count")
        return len(asked(cluster)) == before

    until(quiet)


def test_who_is_told_asks_nobody(
    followed: ConfigMap, make: Make, cluster: KubernetesSimulator
) -> None:
    before = asked(cluster)
    assert [followed.read("count") for _ in range(100)] == ["1"] * 100
    assert asked(cluster) == before
    other = make()
    other.update("count", lambda _: "2")
    until(lambda: followed.read("count") == "2")
    cluster.delete("ConfigMap", NAME, namespace=SPACE)
    until(lambda: followed.read("count") is None)
    assert asked(cluster) == [*before, "get", "update"]


def test_no_other_configmap_is_taken_for_the_state(
    make: Make, cluster: KubernetesSimulator
) -> None:
    """Neither of another name nor in another namespace."""
    cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "another"}})
    for name, space in (("another", SPACE), (NAME, "another")):
        metadata = {"name": name, "namespace": space}
        content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        cluster.add({**content, "data": {"count.json": "99"}})
    documents = make()
    documents.update("count", count)
    documents.follow()
    settled(documents, cluster)
    assert documents.read("count") == "1"
    documents.stop()


def test_a_write_of_ours_counts_at_once_and_costs_one_request(
    followed: ConfigMap, cluster: KubernetesSimulator
) -> None:
    before = asked(cluster)
    for number in range(2, 12):
        followed.update("count", count)
        assert followed.read("count") == str(number)
    followed.update("count", lambda text: text or "")
    assert asked(cluster) == [*before, *["update"] * 10]


def test_who_was_told_late_reads_again_before_writing(
    followed: ConfigMap, make: Make, cluster: KubernetesSimulator
) -> None:
    """A change is made on what stands there, whatever the watch has told so far."""
    other = make()
    cluster.faults.stall("configmaps")
    thread = threading.Thread(target=other.update, args=("count", lambda _: "10"))
    thread.start()
    cluster.faults.release()
    thread.join()
    followed.update("count", count)
    assert other.read("count") == "11"


def test_while_nothing_is_told_the_server_is_asked(
    followed: ConfigMap, make: Make, cluster: KubernetesSimulator
) -> None:
    cluster.faults.forbid("configmaps", "watch")
    cluster.cut_connections()
    make().update("count", lambda _: "5")
    until(lambda: asks(followed, cluster))
    assert followed.read("count") == "5"
    cluster.down()
    until(lambda: fails(followed))
    cluster.up()
    cluster.faults.permit("configmaps")
    settled(followed, cluster)
    assert followed.read("count") == "5"


def asks(documents: ConfigMap, cluster: KubernetesSimulator) -> bool:
    before = len(asked(cluster))
    documents.read("count")
    return len(asked(cluster)) > before


def fails(documents: ConfigMap) -> bool:
    try:
        documents.read("count")
    except errors.StateUnavailable:
        return True
    return False


def test_an_older_state_after_a_restore_is_the_true_one(
    followed: ConfigMap, cluster: KubernetesSimulator
) -> None:
    backup = cluster.backup()
    followed.update("count", lambda _: "2")
    cluster.restore(backup)
    until(lambda: not fails(followed) and followed.read("count") == "1")


def test_changes_nobody_waits_for_go_with_the_next_write(
    followed: ConfigMap, make: Make, cluster: KubernetesSimulator
) -> None:
    before = asked(cluster)
    followed.update_soon("stale", lambda _: "since")
    followed.update_soon("audit", count)
    followed.update_soon("audit", count)
    assert followed.read("audit") == "2"
    assert asked(cluster) == before
    followed.update("count", count)
    assert asked(cluster) == [*before, "update"]
    other = make()
    assert [other.read(name) for name in ("stale", "audit", "count")] == ["since", "2", "2"]
    followed.update_soon("audit", count)
    followed.flush()
    assert other.read("audit") == "2"  # one write is enough for what ended here
    followed.flush()
    assert other.read("audit") == "3"
    followed.flush()
    assert asked(cluster)[-3:] == ["get", "update", "get"]


def test_a_change_nobody_waits_for_waits_no_longer_than_some_seconds(
    followed: ConfigMap, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while a pass goes on that watches an install for minutes."""
    monkeypatch.setattr(configmap, "LATER_S", 0.05)
    other = make()
    for twice in ("2", "4"):
        followed.update_soon("audit", count)
        followed.update_soon("audit", count)
        until(lambda twice=twice: other.read("audit") == twice)  # type: ignore[misc]


def test_who_is_torn_away_leaves_what_nobody_waited_for(followed: ConfigMap, make: Make) -> None:
    torn: list[str | None] = []

    def tear(text: str | None) -> str:
        torn.append(text)
        if len(torn) == 1:
            raise KeyboardInterrupt
        return count(text)

    followed.flush()  # of what was written before: the next one writes
    followed.update_soon("stale", count)
    followed.update_soon("audit", tear)
    with pytest.raises(KeyboardInterrupt):
        followed.flush()
    followed.flush()
    assert [make().read(name) for name in ("stale", "audit")] == ["1", "1"]
    torn.clear()
    with pytest.raises(KeyboardInterrupt):
        followed.update("own", tear)
    followed.update("count", count)
    assert make().read("own") is None, "who was torn away has given it up"


def test_where_nobody_follows_it_is_written_at_once(make: Make) -> None:
    make().update_soon("audit", count)
    assert make().read("audit") == "1"


def test_a_change_nobody_waits_for_is_read_while_it_is_written(followed: ConfigMap) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def slow(text: str | None) -> str:
        begun.set()
        assert goes_on.wait(PATIENCE_S)
        return count(text)

    followed.flush()  # of what was written before: the next one writes
    followed.update_soon("audit", slow)
    with ThreadPoolExecutor(2) as pool:
        written = pool.submit(followed.flush)
        assert begun.wait(PATIENCE_S)
        read = pool.submit(followed.read, "audit")
        wait([read], timeout=0.2)  # so that who does not wait has read by now
        goes_on.set()
        assert read.result(PATIENCE_S) == "1"
        written.result(PATIENCE_S)


def test_a_change_nobody_waits_for_is_kept_until_it_can_be_written(
    followed: ConfigMap, make: Make, cluster: KubernetesSimulator
) -> None:
    cluster.faults.forbid("configmaps", "update")
    followed.update_soon("audit", count)
    followed.flush()
    with pytest.raises(errors.StateError):
        followed.update("count", count)
    assert (make().read("audit"), followed.read("audit")) == (None, "1")
    cluster.faults.permit("configmaps")
    followed.stop()
    assert (make().read("audit"), make().read("count")) == ("1", "1")


def test_one_wrong_change_spoils_no_other(followed: ConfigMap, make: Make) -> None:
    asked: list[str | None] = []

    def refuse(text: str | None) -> str:
        asked.append(text)
        raise errors.UsageError("not this")

    with pytest.raises(errors.UsageError, match="not this"):
        followed.update("stale", refuse)
    followed.update_soon("stale", refuse)
    followed.update_soon("audit", count)
    followed.update("count", count)
    other = make()
    assert [other.read(name) for name in ("stale", "audit", "count")] == [None, "1", "2"]
    followed.update("count", lambda text: text or "")
    assert len(asked) == 2, "what was wrong is not tried again"
    noise = base64.b85encode(random.Random(1).randbytes(2 * MOST_BYTES)).decode()
    followed.update_soon("stale", lambda _: noise)
    followed.update("count", count)
    assert other.read("count") == "3"


@pytest.mark.parametrize("follows", [False, True])
def test_threads_that_write_at_once_share_their_writes(
    make: Make, cluster: KubernetesSimulator, follows: bool
) -> None:
    documents = make()
    documents.update("count", lambda _: "0")
    if follows:
        documents.follow()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: documents.update("count", count), range(80)))
    documents.stop()
    assert make().read("count") == "80"
    writes = [each for each in asked(cluster) if each == "update"]
    assert len(writes) < 80


# -- what is asked and said, without a server ------------------------------------------------------


class Desk:
    """In place of a session and of a clock: keeps one ConfigMap, and refuses in turn."""

    def __init__(self, held: dict[str, Any] | None, *refusals: errors.SourceError | None) -> None:
        self.held = held and {**held, "metadata": {"resourceVersion": "7"}}
        self.refusals = list(refusals)
        self.requests: list[Request] = []
        self.slept: list[float] = []
        self.closed = 0

    def one(self, request: Request, kind: type[Any]) -> Any:
        self.requests.append(request)
        if self.refusals and (refusal := self.refusals.pop(0)) is not None:
            raise refusal
        if request.body is not None:
            self.held = msgspec.json.decode(request.body)
            self.held["metadata"]["resourceVersion"] = "8"
        if self.held is None:
            raise errors.SourceNotFound("there is none", code=404)
        return msgspec.convert(self.held, kind)

    def close(self) -> None:
        self.closed += 1

    def another(self) -> Desk:
        return self

    def now(self) -> float:
        return 0.0

    def steady(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def documents(self) -> ConfigMap:
        return ConfigMap(cast(ApiSession, self), SPACE, clock=self)


def packed(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode())).decode()


LABELS = {"app.kubernetes.io/name": "fmgsync", "app.kubernetes.io/managed-by": "fmgsync"}
OTHERS = {"data": {"own.json": "a"}, "binaryData": {"guard.json.z": packed("b"), "more": "AA=="}}


@pytest.mark.parametrize("held", [None, OTHERS])
@pytest.mark.parametrize("length", [1, 16 * 1024, 16 * 1024 + 1])
def test_what_is_written_is_a_whole_configmap(held: dict[str, Any] | None, length: int) -> None:
    desk, text = Desk(held), "x" * length
    desk.documents().update("count", lambda _: text)
    request = desk.requests[-1]
    assert (request.verb, request.name, request.namespace) == (
        ("update", NAME, SPACE) if held else ("create", "", SPACE)
    )
    assert request.body is not None
    is_packed = length > 16 * 1024
    others = held or {"data": {}, "binaryData": {}}
    version = {"resourceVersion": "7"} if held else {}
    assert msgspec.json.decode(request.body) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": SPACE, "labels": LABELS, **version},
        "data": others["data"] | ({} if is_packed else {"count.json": text}),
        "binaryData": others["binaryData"] | ({"count.json.z": packed(text)} if is_packed else {}),
    }


LARGE = MOST_BYTES - 30
ROOM: dict[str, tuple[dict[str, Any], str]] = {
    "plain": ({"data": {"own.json": "x" * LARGE}}, "own.json"),
    "letters of two bytes": ({"data": {"own.json": "\u00e9" * (LARGE // 2)}}, "own.json"),
    "packed": ({"binaryData": {"own.json.z": "A" * (LARGE // 3 * 4)}}, "own.json.z"),
}


@pytest.mark.parametrize("kind", ROOM)
def test_a_megabyte_to_the_byte(kind: str) -> None:
    held, largest = ROOM[kind]
    size = LARGE if kind != "packed" else LARGE // 3 * 3
    Desk(held).documents().update("count", lambda _: "y" * (MOST_BYTES - size))
    desk = Desk(held)
    with pytest.raises(errors.StateError) as caught:
        desk.documents().update("count", lambda _: "y" * (MOST_BYTES - size + 1))
    assert caught.value.message == (
        f"it would hold {MOST_BYTES + 1} bytes and can hold {MOST_BYTES}; most of it is {largest}"
        f" ({size} bytes)"
    )
    assert caught.value.where == f"ConfigMap fmgsync/fmgsync-state, key {largest}"
    assert [each.verb for each in desk.requests] == ["get"]


REACH = "see that the API server can be reached"
AWAY = errors.SourceUnavailable("it is away", where="cluster state")
NO_ROLE = errors.SourceForbidden("not permitted", next_step="grant a Role")
CONFLICT = errors.SourceConflict("changed", code=409)
NOT_THERE = errors.SourceNotFound("no such namespace", code=404)


@pytest.mark.parametrize(
    ("held", "refusals", "message", "step", "closed"),
    [
        (OTHERS, [AWAY], "cannot be read: cluster state: it is away", REACH, 1),
        (OTHERS, [NO_ROLE], "cannot be read: not permitted", "grant a Role", 1),
        (OTHERS, [None, NO_ROLE], "cannot be written: not permitted", "grant a Role", 1),
        (OTHERS, [None, AWAY], "cannot be written: cluster state: it is away", REACH, 1),
        (OTHERS, [None, AWAY, NO_ROLE], "cannot be written: cluster state: it is away", REACH, 2),
        (None, [None, NOT_THERE], "cannot be made: no such namespace",
         "kubectl create namespace fmgsync, or name another in 'lease'", 0),
        (OTHERS, [None, CONFLICT] * 12, "others wrote it 12 times while this was tried",
         "try again; if it goes on, see who writes it so often", 0),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_with_its_place_and_what_to_do(
    held: dict[str, Any] | None,
    refusals: list[errors.SourceError | None],
    message: str,
    step: str,
    closed: int,
) -> None:
    desk = Desk(held, *refusals)
    with pytest.raises(errors.StateError) as caught:
        desk.documents().update("count", count)
    error = caught.value
    assert (error.message, error.next_step) == (message, step)
    assert error.where == "ConfigMap fmgsync/fmgsync-state"
    assert error.retryable == (AWAY in refusals)
    assert desk.closed == closed
    assert len(desk.slept) == refusals.count(CONFLICT)
    assert all(0 <= slept <= 0.05 * turn for turn, slept in enumerate(desk.slept, 1))
    assert any(desk.slept) == bool(desk.slept)


@pytest.mark.parametrize("text", ["", "AAAA", f"!{packed('a')}", packed("a")[:-4]])
def test_what_is_not_whole_is_no_document(text: str) -> None:
    """Also where what is left of it could be read."""
    desk = Desk({"binaryData": {"guard.json.z": text}})
    with pytest.raises(errors.StateError, match="it is damaged"):
        desk.documents().read("guard")


def timers() -> set[threading.Thread]:
    return {one for one in threading.enumerate() if isinstance(one, threading.Timer)}


def test_what_waits_is_read_where_it_belongs_and_written_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By threads that follow; what cannot be written waits on, and what is wrong does not."""
    noted: list[object] = []
    ended: list[bool] = []
    watch = SimpleNamespace(
        start=lambda: None, stop=lambda: ended.append(True), known=lambda: None, note=noted.append
    )
    monkeypatch.setattr(configmap, "Following", lambda *_: watch)
    monkeypatch.setattr(configmap, "LATER_S", 600.0)
    desk, before = Desk(OTHERS), timers()
    documents = desk.documents()
    documents.follow()

    def wrong(_: str | None) -> str:
        raise errors.UsageError("not this")

    def asked() -> list[str]:
        verbs = [str(each.verb) for each in desk.requests]
        desk.requests.clear()
        return verbs

    documents.update_soon("audit", count)
    (timer,) = timers() - before
    assert timer.daemon
    documents.update_soon("audit", count)
    documents.update_soon("stale", count)
    documents.update_soon("own", wrong)
    waits = {"audit": "2", "stale": "1", "own": "a", "no": None}
    assert {name: documents.read(name) for name in waits} == waits
    assert asked() == ["get"] * 4
    assert None not in noted
    assert len(noted) == 4
    desk.refusals = [None, NO_ROLE] * 4  # all of it, and each on its own
    with capture_logs() as log:
        documents.flush()
    place = "ConfigMap fmgsync/fmgsync-state, key "
    told = [line["where"].removeprefix(place) for line in log]
    assert told == ["audit.json", "audit.json", "stale.json", "own.json"]
    assert ["not permitted" in line["why"] for line in log] == [True, True, True, False]
    assert log[-1]["why"] == "not this"
    assert documents.read("audit") == "2"
    asked()
    documents.update_soon("own", wrong)
    desk.refusals = [None, AWAY, AWAY]  # together, and no more than that
    with capture_logs() as log:
        documents.flush()
    assert ["it is away" in line["why"] for line in log] == [True, True, True, False]
    assert asked() == ["get", "update", "get"]
    with capture_logs() as log:
        documents.flush()
    assert log == []
    documents.flush()
    assert asked() == ["get", "update"]
    documents.update_soon("stale", lambda _: "1")
    documents.update_soon("more", count)
    documents.flush()  # what was written when it was flushed does not put it off
    assert asked() == ["get", "update"]
    assert desk.held is not None
    assert desk.held["data"] == {
        "own.json": "a",
        "audit.json": "2",
        "stale.json": "1",
        "more.json": "1",
    }
    documents.update_soon("audit", count)
    documents.stop()
    assert asked() == ["get", "update"]
    assert ended == [True]
    documents.update_soon("audit", count)  # nobody follows: at once
    assert asked() == ["get", "update"]
    for one in timers() - before:
        one.join(PATIENCE_S)  # cancelled
    assert timers() <= before
