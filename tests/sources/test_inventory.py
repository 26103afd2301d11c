"""The inventory is what the last listing and the changes after it say, and nothing less."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.clock import ManualClock
from fmgsync.errors import SourceUnavailable
from fmgsync.kube.changes import (
    Began,
    Change,
    Heard,
    Interrupted,
    Listed,
    Removed,
    Synced,
    Upserted,
)
from fmgsync.kube.listing import Garbled
from fmgsync.model.endpoint import ALWAYS, Kind, PodEndpoint
from fmgsync.sources.convert.objects import Namespace, Node, Pod
from fmgsync.sources.convert.reading import Raw
from fmgsync.sources.inventory import Inventory
from tests.builders import (
    Manifest,
    namespace,
    namespace_labels,
    node,
    node_endpoint,
    pod,
    pod_endpoint,
)

TYPES: dict[str, type[Raw]] = {"Pod": Pod, "Node": Node, "Namespace": Namespace}
UNREADABLE = pod("web-1", annotations={"cni.projectcalico.org/podIP": "x"})


def raw(manifest: Manifest) -> Raw:
    return msgspec.convert(manifest, TYPES[manifest["kind"]])


def upserted(manifest: Manifest) -> Upserted[Raw]:
    return Upserted(raw(manifest))


def removed(manifest: Manifest) -> Removed[Raw]:
    return Removed(raw(manifest))


def feed(inventory: Inventory, kind: Kind, *changes: Change[Raw]) -> None:
    for change in changes:
        inventory.apply(kind, change)


def list_all(inventory: Inventory, kind: Kind, *manifests: Manifest) -> None:
    feed(inventory, kind, Began(), Listed(tuple(map(raw, manifests))), Synced())


@pytest.fixture
def inventory() -> Inventory:
    """A cluster of which everything was listed, and nothing was there."""
    made = Inventory("east", clock=ManualClock(1000.0))
    for kind in ALWAYS:
        list_all(made, kind)
    return made


def pods(inventory: Inventory) -> tuple[PodEndpoint, ...]:
    return inventory.snapshot().pods


def test_nothing_is_synced_before_the_first_listing_is_complete() -> None:
    inventory = Inventory("east", clock=ManualClock())
    feed(inventory, Kind.PODS, Began(), Listed((raw(pod("web-1", "10.1.0.9")),)))
    assert inventory.snapshot().synced == frozenset()
    assert pods(inventory) == ()
    feed(inventory, Kind.PODS, Synced())
    assert inventory.snapshot().synced == {Kind.PODS}
    assert pods(inventory) == (pod_endpoint("web-1", "10.1.0.9"),)
    assert {each.where for each in inventory.snapshot().problems} == {"nodes", "namespaces"}


def test_each_kind_is_known_by_itself(inventory: Inventory) -> None:
    feed(inventory, Kind.NODES, upserted(node("node-1", "10.0.0.1")))
    feed(inventory, Kind.NAMESPACES, upserted(namespace("prod")))
    feed(inventory, Kind.PODS, upserted(pod("web-1", "10.1.0.9")))
    found = inventory.snapshot()
    assert found.nodes == (node_endpoint("node-1", "10.0.0.1"),)
    assert dict(found.namespaces) == {"prod": namespace_labels("prod")}
    assert found.pods == (pod_endpoint("web-1", "10.1.0.9"),)
    assert found.synced == ALWAYS
    assert found.problems == ()


@pytest.mark.parametrize(
    "end",
    [
        removed(pod("web-1", "10.1.0.9")),
        upserted(pod("web-1", "10.1.0.9", phase="Succeeded")),
        upserted(pod("web-1", "10.1.0.9", node=None)),
    ],
)
def test_a_pod_that_owns_no_address_any_more_is_gone(
    inventory: Inventory, end: Change[Raw]
) -> None:
    feed(inventory, Kind.PODS, upserted(pod("web-1", "10.1.0.9")), end)
    assert pods(inventory) == ()


def test_a_change_that_shows_nowhere_wakes_nobody(inventory: Inventory) -> None:
    feed(inventory, Kind.PODS, upserted(pod("web-1", "10.1.0.9")))
    version, before = inventory.version, inventory.snapshot()
    touched = pod("web-1", "10.1.0.9") | {"status": {"phase": "Running", "podIP": "10.1.0.9"}}
    feed(inventory, Kind.PODS, upserted(touched), Heard(), removed(pod("unknown")))
    assert inventory.version == version
    assert inventory.snapshot() is before


def test_who_listens_is_called_once_for_each_change_that_matters() -> None:
    calls: list[int] = []
    inventory = Inventory("east", clock=ManualClock(), on_change=lambda: calls.append(1))
    list_all(inventory, Kind.PODS)
    feed(inventory, Kind.PODS, *[upserted(pod("web-1", "10.1.0.9"))] * 3)
    assert len(calls) == 2


def test_a_new_listing_replaces_what_was_known_when_it_is_complete(inventory: Inventory) -> None:
    first = [pod("gone", "10.1.0.1"), pod("stays", "10.1.0.2"), pod("moves", "10.1.0.3")]
    list_all(inventory, Kind.PODS, *first)
    inventory.take_difference()
    second = [raw(pod("stays", "10.1.0.2")), raw(pod("moves", "10.1.0.4"))]
    feed(inventory, Kind.PODS, Began(), Listed(tuple(second)))
    assert len(pods(inventory)) == 3
    feed(inventory, Kind.PODS, upserted(pod("new", "10.1.0.5")), Synced())
    assert [each.name for each in pods(inventory)] == ["moves", "new", "stays"]
    assert inventory.take_difference().pods == (
        (pod_endpoint("gone", "10.1.0.1"), None),
        (pod_endpoint("moves", "10.1.0.3"), pod_endpoint("moves", "10.1.0.4")),
        (None, pod_endpoint("new", "10.1.0.5")),
    )


def test_a_listing_of_the_same_changes_nothing(inventory: Inventory) -> None:
    list_all(inventory, Kind.PODS, pod("web-1", "10.1.0.9"))
    version = inventory.version
    list_all(inventory, Kind.PODS, pod("web-1", "10.1.0.9"))
    assert inventory.version == version


def test_an_abandoned_listing_leaves_no_trace(inventory: Inventory) -> None:
    list_all(inventory, Kind.PODS, pod("web-1", "10.1.0.9"))
    feed(inventory, Kind.PODS, Began(), Listed((raw(pod("half", "10.1.0.1")),)))
    list_all(inventory, Kind.PODS, pod("web-1", "10.1.0.9"))
    assert [each.name for each in pods(inventory)] == ["web-1"]


def test_an_interruption_takes_nothing_away_and_is_told_until_it_is_over(
    inventory: Inventory,
) -> None:
    feed(inventory, Kind.PODS, upserted(pod("web-1", "10.1.0.9")))
    feed(inventory, Kind.PODS, Interrupted(SourceUnavailable("no answer: connection refused")))
    found = inventory.snapshot()
    assert found.synced == ALWAYS
    assert [each.name for each in found.pods] == ["web-1"]
    (problem,) = found.problems
    assert problem.where == "pods"
    assert "connection refused" in problem.message
    feed(inventory, Kind.PODS, Heard())
    assert inventory.snapshot().problems == ()


def test_an_interruption_before_the_first_listing_is_no_empty_cluster() -> None:
    inventory = Inventory("east", clock=ManualClock())
    feed(inventory, Kind.PODS, Interrupted(SourceUnavailable("no answer")))
    assert Kind.PODS not in inventory.snapshot().synced


CURES: list[Change[Raw]] = [
    upserted(pod("web-1", "10.1.0.9")),
    removed(pod("web-1")),
    Garbled("default", "web-1", "odd", gone=True),
]
ILLS: list[Change[Raw]] = [
    upserted(UNREADABLE),
    Garbled("default", "web-1", "odd", content=json.dumps(pod("web-1") | {"spec": 7}).encode()),
]


@pytest.mark.parametrize("cure", CURES)
@pytest.mark.parametrize("ill", ILLS)
def test_an_odd_object_is_in_doubt_until_it_is_readable_or_gone(
    inventory: Inventory, ill: Change[Raw], cure: Change[Raw]
) -> None:
    feed(inventory, Kind.PODS, upserted(pod("web-1", "10.1.0.8")), ill)
    found = inventory.snapshot()
    assert found.synced == ALWAYS
    assert [bool(each.doubt) for each in found.pods] == [True]
    assert [each.where for each in found.problems] == ["pods default/web-1"]
    feed(inventory, Kind.PODS, cure)
    assert not any(each.doubt for each in inventory.snapshot().pods)
    assert inventory.snapshot().problems == ()


@pytest.mark.parametrize("cure", CURES)
def test_an_object_that_cannot_be_named_unsyncs_its_kind_until_that_is_over(
    inventory: Inventory, cure: Change[Raw]
) -> None:
    ill = Garbled("default", "web-1", "odd", content=b'{"metadata":{"name":[]}}')
    feed(inventory, Kind.PODS, ill)
    assert inventory.snapshot().synced == {Kind.NODES, Kind.NAMESPACES}
    feed(inventory, Kind.PODS, cure)
    assert inventory.snapshot().synced == ALWAYS


CLAIM = {"cni.projectcalico.org/podIP": "10.1.0.9/32"}


def test_a_claim_is_believed_while_the_status_of_the_same_pod_had_it(inventory: Inventory) -> None:
    feed(inventory, Kind.PODS, upserted(pod("web-1", "10.1.0.9")))
    feed(inventory, Kind.PODS, upserted(pod("web-1", annotations=CLAIM)))
    assert [each.addresses for each in inventory.snapshot().pods] == [("10.1.0.9",)]
    list_all(inventory, Kind.PODS, pod("web-1", annotations=CLAIM))
    assert [each.addresses for each in inventory.snapshot().pods] == [("10.1.0.9",)]
    later = pod("web-1", annotations=CLAIM, started="2026-01-01T00:00:05Z")
    feed(inventory, Kind.PODS, upserted(later))  # another pod of the same name
    assert [each.addresses for each in inventory.snapshot().pods] == [()]
    assert [each.claimed for each in inventory.snapshot().pods] == [("10.1.0.9",)]


def test_many_unreadable_objects_are_counted_not_listed(inventory: Inventory) -> None:
    feed(inventory, Kind.PODS, *(Garbled("default", f"p{n}", "odd") for n in range(50)))
    problems = inventory.snapshot().problems
    assert len(problems) == 21
    assert problems[-1].message == "30 more like these"


def test_a_difference_leaves_out_what_changed_back(inventory: Inventory) -> None:
    feed(inventory, Kind.PODS, upserted(pod("web-1", "10.1.0.9")))
    inventory.take_difference()
    feed(inventory, Kind.PODS, upserted(pod("web-1", "10.1.0.8")), upserted(pod("web-2", "::1")))
    feed(inventory, Kind.PODS, upserted(pod("web-1", "10.1.0.9")), removed(pod("web-2")))
    feed(inventory, Kind.NAMESPACES, upserted(namespace("prod")))
    difference = inventory.take_difference()
    assert difference.pods == ()
    assert difference.namespaces == (("prod", None, namespace_labels("prod")),)
    assert inventory.take_difference().namespaces == ()


def test_the_last_word_of_the_server_is_remembered(inventory: Inventory) -> None:
    clock = ManualClock(5.0)
    inventory = Inventory("east", clock=clock)
    assert inventory.hearing()[Kind.PODS].ago_s is None
    list_all(inventory, Kind.PODS)
    clock.sleep(60)
    feed(inventory, Kind.PODS, Heard())
    feed(inventory, Kind.PODS, Interrupted(SourceUnavailable("x")))
    clock.sleep(20)
    clock.set(0.0)  # whoever sets it makes nothing older or younger
    assert inventory.hearing()[Kind.PODS].ago_s == 20.0


NAMES = st.sampled_from(["a", "b", "c"])
IPS = st.sampled_from(["10.1.0.1", "10.1.0.2"])
PODS = st.builds(
    lambda name, ip, phase: pod(name, ip, phase=phase),
    NAMES,
    IPS,
    st.sampled_from(["Running", "Running", "Failed"]),
)
STEPS = st.one_of(
    st.tuples(st.just("put"), PODS),
    st.tuples(st.just("remove"), PODS),
    st.tuples(st.just("relist"), st.lists(PODS, max_size=3)),
    st.tuples(st.just("interrupt"), st.lists(PODS, max_size=3)),
    st.tuples(st.just("take"), st.none()),
)


class Model:
    """The simplest inventory: a dictionary, and the sum of all differences."""

    def __init__(self) -> None:
        self.inventory = Inventory("east", clock=ManualClock())
        self.running: dict[str, str] = {}
        self.summed: dict[str, PodEndpoint] = {}
        list_all(self.inventory, Kind.PODS)

    def put(self, manifest: Manifest) -> None:
        self._note(manifest)
        feed(self.inventory, Kind.PODS, upserted(manifest))

    def remove(self, manifest: Manifest) -> None:
        self.running.pop(manifest["metadata"]["name"], None)
        feed(self.inventory, Kind.PODS, removed(manifest))

    def relist(self, manifests: list[Manifest]) -> None:
        self.running.clear()
        for each in manifests:
            self._note(each)
        list_all(self.inventory, Kind.PODS, *manifests)

    def interrupt(self, manifests: list[Manifest]) -> None:
        feed(self.inventory, Kind.PODS, Began(), Listed(tuple(map(raw, manifests))))
        feed(self.inventory, Kind.PODS, Interrupted(SourceUnavailable("x")), Began())
        known = [raw(pod(name, ip)) for name, ip in self.running.items()]
        feed(self.inventory, Kind.PODS, Listed(tuple(known)), Synced())

    def take(self, _: None = None) -> None:
        for before, after in self.inventory.take_difference().pods:
            assert before != after
            if before is not None:
                assert self.summed.pop(before.name) == before
            if after is not None:
                self.summed[after.name] = after

    def _note(self, manifest: Manifest) -> None:
        name, status = manifest["metadata"]["name"], manifest["status"]
        self.running.pop(name, None)
        if status["phase"] == "Running":
            self.running[name] = status["podIP"]


@settings(max_examples=200, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_whatever_happens_snapshot_and_differences_tell_the_same(
    steps: list[tuple[str, Any]],
) -> None:
    model = Model()
    for step, what in steps:
        getattr(model, step)(what)
        known = {each.name: each.addresses[0] for each in pods(model.inventory)}
        assert known == model.running
    model.take()
    assert tuple(model.summed[name] for name in sorted(model.summed)) == pods(model.inventory)
