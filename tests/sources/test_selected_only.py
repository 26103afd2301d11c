"""What no rule can select never leaves the API server, and addresses of the rest can be asked for.

Also against a real API server if FMGSYNC_TEST_KUBECONFIG is set.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fmgsync.clock import ManualClock, SystemClock
from fmgsync.grouping import interest
from fmgsync.grouping.interest import Interest
from fmgsync.kube.client import Access, ApiSession
from fmgsync.kube.requests import PODS
from fmgsync.kube.stopping import Stop
from fmgsync.model.address import Address
from fmgsync.model.endpoint import Kind
from fmgsync.model.rule import GroupRule
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.sources import live
from fmgsync.sources.inventory import Inventory
from fmgsync.sources.lookups import Lookups
from tests.builders import pod
from tests.kubernetes_api import ApiServer
from tests.sources.following import PATIENCE_S, addresses, wait_until

WEB = interest.of_rules([GroupRule("web", select="app == 'web'")])
LABELS = {"app": "web"}


@contextmanager
def followed(session: ApiSession, wanted: Interest) -> Iterator[Inventory]:
    inventory = Inventory("east", clock=SystemClock(), kinds=wanted.kinds)
    stop = Stop()
    found = live.followings(
        session, inventory, stop, interest=wanted, rng=random.Random(3), first_retry_s=0.01
    )
    threads = live.follow(found)
    try:
        yield inventory
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_S)


def test_a_pod_comes_and_goes_with_its_labels(server: ApiServer) -> None:
    server.add_pod("web-1", "10.1.0.1", labels=LABELS)
    server.add_pod("db-1", "10.1.0.2", labels={"app": "db"})
    space = server.namespace
    with followed(server.session, WEB) as inventory:
        found = wait_until(inventory, lambda now: now.synced == {Kind.PODS, Kind.NAMESPACES})
        assert addresses(found, space) == {"web-1": "10.1.0.1"}
        assert found.problems == ()  # nobody misses the nodes
        server.patch(PODS, "db-1", {"metadata": {"labels": LABELS}})
        both = {"web-1": "10.1.0.1", "db-1": "10.1.0.2"}
        wait_until(inventory, lambda now: addresses(now, space) == both)
        server.patch(PODS, "web-1", {"metadata": {"labels": {"app": "old"}}})
        wait_until(inventory, lambda now: addresses(now, space) == {"db-1": "10.1.0.2"})


def test_a_kind_that_no_rule_needs_is_not_asked_for(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    with followed(session, interest.of_rules([])) as inventory:
        wait_until(inventory, lambda now: now.synced == {Kind.NAMESPACES})
    assert {asked.resource for asked in simulator.requests} <= {"namespaces", "version", ""}


def test_who_has_an_address_by_now_can_be_asked(server: ApiServer) -> None:
    server.add_pod("other", "10.1.0.5", labels={"app": "other"})
    server.add_pod("host", "10.9.0.1", host_network=True)
    lookups = Lookups(server.session, clock=ManualClock())
    assert lookups.runs(Address("10.1.0.5"))
    assert not lookups.runs(Address("10.1.0.6"))
    assert not lookups.runs(Address("10.9.0.1"))  # its node's address, not its own


def test_questions_are_few_and_answers_age(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    clock = ManualClock()
    lookups = Lookups(session, clock=clock)
    wanted = [Address(f"10.1.0.{number}") for number in range(200)]
    assert not any(map(lookups.runs, wanted))
    asked = len(simulator.requests)
    simulator.add(pod("late", "10.1.0.0"))
    assert not lookups.runs(wanted[0])  # remembered
    assert not any(map(lookups.runs, wanted))
    assert len(simulator.requests) == asked == 50
    clock.sleep(61)
    assert lookups.runs(wanted[0])


def test_a_question_is_answered_from_the_cache(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    """Without resourceVersion, some servers read every pod from etcd for each of them."""
    Lookups(session, clock=ManualClock()).runs(Address("10.1.0.1"))
    (asked,) = simulator.requests
    assert asked.query["resourceVersion"] == "0"
    assert "status.podIP=10.1.0.1" in asked.query["fieldSelector"]


def test_what_stays_free_is_asked_less_and_less_often(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    """An address may wait a night for its window; who has it by then is still found."""
    clock = ManualClock()
    lookups = Lookups(session, clock=clock)
    free = Address("10.1.0.1")
    for _ in range(60):
        assert not lookups.runs(free)
        clock.sleep(60)
    assert len(simulator.requests) == 14
    simulator.add(pod("late", "10.1.0.1"))
    clock.sleep(300)
    assert lookups.runs(free)


def test_a_replaced_token_is_found(simulator: KubernetesSimulator, access: Access) -> None:
    assert access.kubeconfig is not None
    clock = ManualClock()
    lookups = Lookups(ApiSession("east", access), clock=clock)
    simulator.add(pod("web-1", "10.1.0.1"))
    assert lookups.runs(Address("10.1.0.1"))
    simulator.rotate_token()
    simulator.kubeconfig(access.kubeconfig)
    clock.sleep(61)
    simulator.add(pod("web-2", "10.1.0.2"))
    assert lookups.runs(Address("10.1.0.2"))
    assert simulator.unauthorized == 1


def test_who_does_not_answer_is_left_alone_for_a_while(
    simulator: KubernetesSimulator, session: ApiSession, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pass must not wait for each of many addresses; that they are not known is said once."""
    clock = ManualClock()
    lookups = Lookups(session, clock=clock)
    simulator.faults.forbid("pods")
    simulator.add(pod("web-1", "10.1.0.1"))
    wanted = [Address(f"10.1.0.{number}") for number in range(20)]
    assert not any(map(lookups.runs, wanted))
    clock.sleep(31)
    assert not any(map(lookups.runs, wanted))
    assert len(simulator.requests) == 2
    assert capsys.readouterr().err.count("addresses cannot be looked up") == 1
    simulator.faults.permit("pods")
    clock.sleep(31)
    assert lookups.runs(Address("10.1.0.1"))


def test_a_cluster_that_is_gone_knows_nothing(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    simulator.add(pod("web-1", "10.1.0.1"))
    simulator.down()
    assert not Lookups(session, clock=ManualClock()).runs(Address("10.1.0.1"))
