"""A watch tells everything that happens, through everything that happens to the connection."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from fmgsync.errors import (
    SourceError,
    SourceForbidden,
    SourceLoginRefused,
    SourceRewound,
    SourceUnavailable,
)
from fmgsync.kube.backoff import Backoff
from fmgsync.kube.changes import (
    Began,
    Heard,
    Interrupted,
    Listed,
    Removed,
    Synced,
    Upserted,
)
from fmgsync.kube.client import Access, ApiSession
from fmgsync.kube.listing import EVERYTHING, Garbled, Scope
from fmgsync.kube.requests import NODES, PODS
from fmgsync.kube.stopping import Stop
from fmgsync.kube.watch import Watch
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests.builders import node, pod
from tests.kubernetes_api import ApiServer


class Metadata(msgspec.Struct):
    name: str
    resource_version: str = msgspec.field(name="resourceVersion", default="")
    labels: dict[str, str] = {}


class Thing(msgspec.Struct):
    metadata: Metadata


class Follower:
    """Takes changes one by one, as words: `+web-1`, `-web-1`, `synced` ..."""

    def __init__(self, session: ApiSession, scope: Scope, **how: Any) -> None:
        rng = random.Random(7)
        how.setdefault("lasts_s", 60.0)
        self.stop: Stop = how.pop("stop", None) or Stop()
        self.errors: list[SourceError] = []
        self._quiet = 0
        self.watch = Watch(
            session,
            how.pop("resource", PODS),
            Thing,
            scope,
            stop=self.stop,
            rng=rng,
            backoff=Backoff(rng, first_s=0.01, longest_s=0.05),
            **how,
        )
        self._changes = self.watch.changes()

    def words(self) -> Iterator[str]:
        for change in self._changes:
            match change:
                case Began():
                    yield "began"
                case Listed(items, garbled):
                    yield from (f"={item.metadata.name}" for item in items)
                    yield from (f"?{each.name}" for each in garbled)
                case Synced():
                    yield "synced"
                case Upserted(item):
                    yield f"+{item.metadata.name}"
                case Removed(item):
                    yield f"-{item.metadata.name}"
                case Garbled() as each:
                    yield f"{'-' if each.gone else ''}?{each.name}"
                case Interrupted(error):
                    self.errors.append(error)
                    yield "interrupted"
                case Heard():
                    yield "heard"

    def until(self, last: str, *, but: tuple[str, ...] = ("heard",)) -> list[str]:
        """All words up to this one."""
        found: list[str] = []
        for word in itertools.islice(self.words(), 5000):
            if word not in but:
                found.append(word)
            if word == last:
                return found
            assert found.count("interrupted") + found.count("heard") < 500, found
            self._quiet = self._quiet + 1 if word == "heard" else 0
            assert self._quiet < 15, f"nothing more came after {found}"
        raise AssertionError(f"it ended after {found}")


Follow = Callable[..., Follower]


@pytest.fixture
def follow(session: ApiSession) -> Follow:
    return lambda **how: Follower(session, EVERYTHING, **how)


def test_it_follows_from_a_first_listing_on(server: ApiServer) -> None:
    server.add_pod("a", "10.1.0.1")
    follower = Follower(server.session, Scope(namespace=server.namespace))
    assert follower.until("synced") == ["began", "=a", "synced"]
    server.create(PODS, pod("b"))
    assert follower.until("+b") == ["+b"]
    server.patch(PODS, "a", {"metadata": {"labels": {"x": "y"}}})
    assert follower.until("+a") == ["+a"]
    server.delete(PODS, "a")
    assert follower.until("-a") == ["+a", "-a"]  # first it has a deletionTimestamp


def test_its_scope_is_asked_of_the_server(server: ApiServer) -> None:
    scope = Scope(namespace=server.namespace, labels="app=web", fields="status.phase!=Succeeded")
    server.add_pod("other", "10.1.0.1")
    server.add_pod("a", "10.1.0.2", labels={"app": "web"})
    follower = Follower(server.session, scope)
    assert follower.until("synced") == ["began", "=a", "synced"]
    server.set_status(PODS, "a", {"phase": "Succeeded"})
    assert follower.until("-a") == ["-a"]


def test_it_goes_on_where_a_watch_ended(server: ApiServer) -> None:
    follower = Follower(server.session, Scope(namespace=server.namespace), lasts_s=1.0)
    assert follower.until("synced") == ["began", "synced"]
    server.create(PODS, pod("a"))
    assert follower.until("+a") == ["+a"]
    # Two watches later it has neither listed again nor told anything twice.
    assert follower.until("heard", but=()) == ["heard"]
    assert follower.until("heard", but=()) == ["heard"]
    server.create(PODS, pod("b"))
    assert follower.until("+b") == ["+b"]


@pytest.mark.parametrize("streams", [True, False])
def test_many_objects_are_listed_in_parts(
    simulator: KubernetesSimulator, follow: Follow, streams: bool
) -> None:
    simulator.faults.initial_events = streams
    for number in range(1100):
        simulator.add(node(f"n-{number:04}"))
    follower = follow(resource=NODES)
    found = follower.until("synced", but=("began",))
    assert found == [f"=n-{number:04}" for number in range(1100)] + ["synced"]
    verbs = [each.verb for each in simulator.requests if each.resource == "nodes"]
    assert verbs == (["watch"] if streams else ["watch", "list", "list", "list"])
    simulator.delete("Node", "n-0000")
    assert follower.until("-n-0000") == ["-n-0000"]


def test_a_listing_through_a_watch_is_wished_for_once(
    simulator: KubernetesSimulator, follow: Follow
) -> None:
    simulator.faults.initial_events = False
    follower = follow()
    follower.until("synced")
    simulator.expire_history()
    simulator.add(pod("a"))
    simulator.expire_history()
    follower.until("synced")
    wished = [each for each in simulator.requests if "sendInitialEvents" in each.query]
    assert len(wished) == 1


def test_an_expired_version_means_listing_again_and_is_no_failure(
    simulator: KubernetesSimulator, follow: Follow
) -> None:
    simulator.add(pod("a"))
    follower = follow()
    follower.until("synced")
    simulator.add(pod("b"))
    simulator.delete("Pod", "a")
    simulator.expire_history()
    assert follower.until("synced") == ["began", "=b", "synced"]
    assert follower.errors == []


def test_a_restarted_server_is_listed_again(simulator: KubernetesSimulator, follow: Follow) -> None:
    simulator.add(pod("a"))
    follower = follow()
    follower.until("synced")
    simulator.add(node("elsewhere"))
    simulator.restart()
    simulator.add(pod("b"))
    words = follower.until("synced")
    assert words[-4:] == ["began", "=a", "=b", "synced"]


def test_a_cut_connection_is_taken_up_where_it_was(
    simulator: KubernetesSimulator, follow: Follow
) -> None:
    follower = follow()
    follower.until("synced")
    simulator.cut_connections()
    simulator.add(pod("a"))
    assert follower.until("+a") == ["interrupted", "+a"]
    assert isinstance(follower.errors[0], SourceUnavailable)


def test_a_server_that_is_down_is_tried_until_it_is_up(
    simulator: KubernetesSimulator, follow: Follow
) -> None:
    follower = follow()
    follower.until("synced")
    simulator.down()
    assert follower.until("interrupted") == ["interrupted"]
    assert follower.until("interrupted") == ["interrupted"]
    simulator.add(pod("a"))
    simulator.up()
    words = follower.until("+a")
    assert set(words[:-1]) <= {"interrupted"}
    assert "connection refused" in str(follower.errors[-1])


def test_a_connection_that_fell_silent_is_given_up(
    simulator: KubernetesSimulator, follow: Follow
) -> None:
    follower = follow(lasts_s=0.6, margin_s=0.05)  # before the server ends it, after a second
    follower.until("synced")
    simulator.faults.stall("pods")
    assert follower.until("interrupted") == ["interrupted"]
    assert "it fell silent" in str(follower.errors[-1])
    simulator.faults.release()
    simulator.add(pod("a"))
    words = follower.until("+a")
    assert set(words[:-1]) <= {"interrupted"}


def test_a_busy_server_is_left_alone_as_long_as_it_asks(
    simulator: KubernetesSimulator, follow: Follow
) -> None:
    waits: list[float] = []

    class Hasty(Stop):
        def wait(self, seconds: float) -> bool:
            waits.append(seconds)
            return False

    follower = follow(stop=Hasty())
    simulator.faults.busy(2, retry_after_s=9)
    assert follower.until("synced") == [
        "began",
        "interrupted",
        "began",
        "interrupted",
        "began",
        "synced",
    ]
    assert waits == [9.0, 9.0]


def test_a_missing_right_is_told_and_tried_again(
    simulator: KubernetesSimulator, follow: Follow
) -> None:
    simulator.faults.forbid("pods", "watch")
    follower = follow()
    assert follower.until("interrupted") == ["began", "interrupted"]
    (error,) = follower.errors
    assert isinstance(error, SourceForbidden)
    assert 'resources: ["pods"]' in str(error)
    simulator.faults.permit("pods")
    assert follower.until("synced")[-1] == "synced"


def test_a_rotated_token_is_read_from_the_kubeconfig_again(
    simulator: KubernetesSimulator, follow: Follow, access: Access
) -> None:
    assert access.kubeconfig is not None
    follower = follow()
    follower.until("synced")
    simulator.rotate_token()
    simulator.cut_connections()
    while not any(isinstance(each, SourceLoginRefused) for each in follower.errors):
        follower.until("interrupted")
    simulator.kubeconfig(access.kubeconfig)
    simulator.add(pod("a"))
    words = follower.until("+a")
    assert set(words[:-1]) <= {"interrupted"}


def test_a_quiet_server_is_heard_by_its_bookmarks(access: Access, tmp_path: Any) -> None:
    with KubernetesSimulator(bookmark_interval_s=0.05) as simulator:
        session = ApiSession("east", Access(simulator.kubeconfig(tmp_path / "config")))
        follower = Follower(session, Scope())
        follower.until("synced")
        assert follower.until("heard", but=()) == ["heard"]
        version = simulator.add(node("n"))["metadata"]["resourceVersion"]
        # A bookmark carries the version of other kinds' changes too: resuming gets no 410.
        while follower.watch.version != version:
            follower.until("heard", but=())
        simulator.expire_history()
        simulator.cut_connections()
        simulator.add(pod("a"))
        assert follower.until("+a") == ["interrupted", "+a"]


def test_a_bookmark_of_long_ago_takes_nothing_back(
    simulator: KubernetesSimulator, follow: Follow
) -> None:
    """Or the watch would be resumed from there, and what is over be told once more."""
    follower = follow()
    follower.until("synced")
    simulator.add(pod("a"))
    follower.until("+a")
    simulator.faults.late_bookmark("pods")
    last = simulator.add(pod("b"))
    follower.until("+b")
    follower.until("heard")
    assert follower.watch.version == last["metadata"]["resourceVersion"]
    simulator.cut_connections()
    simulator.add(pod("c"))
    assert follower.until("+c") == ["interrupted", "+c"]


@pytest.mark.parametrize("orderly", [True, False])
def test_a_line_that_is_cut_in_the_middle_is_told_again(
    simulator: KubernetesSimulator, follow: Follow, orderly: bool
) -> None:
    follower = follow()
    follower.until("synced")
    simulator.faults.cut_line("pods", 2, orderly=orderly)
    simulator.add(pod("a"))
    words = follower.until("+a")
    assert words == ["+a"] if orderly else ["interrupted", "interrupted", "+a"]
    simulator.faults.repeat("pods")
    simulator.add(pod("b"))
    simulator.add(pod("c"))
    assert follower.until("+c") == ["+b", "+b", "+c"]


def test_an_object_of_the_wrong_shape_is_named_and_the_watch_goes_on(
    simulator: KubernetesSimulator, follow: Follow
) -> None:
    simulator.add(pod("bad", labels={"a": "b"}))
    simulator.patch("Pod", "bad", {"metadata": {"labels": {"a": 1}}})
    follower = follow()
    assert follower.until("synced") == ["began", "?bad", "synced"]
    simulator.patch("Pod", "bad", {"metadata": {"labels": {"a": 2}}})
    simulator.delete("Pod", "bad")
    simulator.add(pod("good"))
    assert follower.until("+good") == ["?bad", "?bad", "-?bad", "+good"]


def test_garbage_in_a_listing_is_an_interruption_and_no_shorter_list(
    simulator: KubernetesSimulator, follow: Follow
) -> None:
    simulator.faults.initial_events = False
    simulator.add(pod("a"))
    simulator.faults.garble("pods")
    follower = follow()
    words = follower.until("synced")
    assert words == ["began", "interrupted", "began", "=a", "synced"]


def test_it_ends_at_once_when_told_though_nothing_happens(
    simulator: KubernetesSimulator, follow: Follow
) -> None:
    follower = follow()
    follower.until("synced")
    told: list[str] = []
    reads = threading.Event()

    def read() -> None:
        for word in follower.words():
            reads.set()
            told.append(word)

    thread = threading.Thread(target=read)
    thread.start()
    simulator.add(pod("a"))
    assert reads.wait(20)
    follower.stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert "interrupted" not in told


def test_a_watch_that_was_told_before_it_began_does_nothing(
    simulator: KubernetesSimulator, follow: Follow
) -> None:
    follower = follow()
    follower.stop.set()
    assert list(follower.words()) == []
    assert simulator.requests == ()


@pytest.mark.parametrize("streams", [True, False])
def test_a_cluster_restored_from_a_backup_is_listed_anew(
    simulator: KubernetesSimulator, follow: Follow, streams: bool
) -> None:
    """A watch from a version that is yet to come would be silent, and healthy, for ever."""
    simulator.faults.initial_events = streams
    simulator.add(pod("a"))
    simulator.add(pod("b"))
    backup = simulator.backup()
    follower = follow()
    follower.until("synced")
    simulator.add(pod("c"))
    simulator.delete("Pod", "a")
    follower.until("-a")
    simulator.restore(backup)
    words = follower.until("synced")
    assert words[-4:] == ["began", "=a", "=b", "synced"]
    assert any(isinstance(error, SourceRewound) for error in follower.errors)
    simulator.add(pod("d"))
    assert set(follower.until("+d")) <= {"interrupted", "+d"}


def test_a_watch_that_ended_without_a_fault_is_compared_as_well(
    simulator: KubernetesSimulator, follow: Follow
) -> None:
    """A server that is stopped in good order ends its watches in good order."""
    follower = follow(lasts_s=0.6)
    follower.until("synced")
    backup = simulator.backup()
    simulator.add(pod("c"))
    follower.until("+c")
    simulator.restore(backup)
    assert follower.until("synced")[-2:] == ["began", "synced"]


def test_what_was_missed_though_revisions_caught_up_is_found_by_listing_anew(
    simulator: KubernetesSimulator, follow: Follow
) -> None:
    """Nothing tells then that the history is another; so a listing never stays the last one."""
    simulator.add(pod("a"))
    backup = simulator.backup()
    now = [0.0]
    follower = follow(relist_s=600.0, monotonic=lambda: now[0], lasts_s=0.6)
    follower.until("synced")
    simulator.delete("Pod", "a")
    follower.until("-a")
    ours = int(follower.watch.version)
    simulator.restore(backup)
    while int(simulator.add(node(f"n-{now[0]}"))["metadata"]["resourceVersion"]) <= ours:
        now[0] += 1
    follower.until("heard", but=())
    now[0] += 600
    assert follower.until("synced")[-3:] == ["began", "=a", "synced"]


@pytest.mark.parametrize(
    ("outage_s", "silent_s", "anew"),
    [(11.0, 0.0, True), (1.0, 0.0, False), (0.0, 100.0, True), (0.0, 60.0, False)],
    ids=["long", "short", "dead", "quiet"],
)
def test_after_an_outage_in_which_revisions_may_have_caught_up_all_is_listed_anew(
    simulator: KubernetesSimulator,
    follow: Follow,
    outage_s: float,
    silent_s: float,
    anew: bool,
) -> None:
    """A short one resumes the watch: servers restart, and connections break, all the time."""
    simulator.add(pod("a"))
    backup = simulator.backup()
    now = [1000.0]
    follower = follow(monotonic=lambda: now[0])
    follower.until("synced")
    simulator.delete("Pod", "a")
    follower.until("-a")
    ours = int(follower.watch.version)
    now[0] += silent_s
    simulator.restore(backup, warm_up_s=0)
    number = 0
    while int(simulator.add(node(f"n-{number}"))["metadata"]["resourceVersion"]) < ours + 2:
        number += 1
    follower.until("interrupted")
    now[0] += outage_s
    simulator.add(pod("b"))
    words = [word for word in follower.until("+b" if not anew else "synced") if "i" not in word]
    assert words == (["began", "=a", "=b", "synced"] if anew else ["+b"])


def test_a_version_is_compared_once_before_a_watch_is_resumed(
    simulator: KubernetesSimulator, follow: Follow
) -> None:
    """One small list for every watch, without selectors, whatever the scope."""
    follower = follow(lasts_s=0.6)
    follower.until("synced")
    for _ in range(3):
        follower.until("heard", but=())
    asked = [(each.verb, each.query.get("limit")) for each in simulator.requests]
    assert asked == [("watch", None), *[("list", "1"), ("watch", None)] * 3]
