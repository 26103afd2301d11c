"""A followed cluster's inventory becomes what runs, whatever happens on the way."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from fmgsync.clock import ManualClock
from fmgsync.grouping.interest import Interest
from fmgsync.kube.client import Access, ApiSession
from fmgsync.kube.requests import PODS
from fmgsync.kube.stopping import Stop
from fmgsync.model.endpoint import Kind
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.sources import live
from fmgsync.sources.inventory import Inventory
from tests.builders import namespace, node, pod
from tests.kubernetes_api import ApiServer
from tests.sources.following import addresses, followed, synced, wait_until


def test_a_change_is_seen_soon_after_it_happened(server: ApiServer) -> None:
    server.add_pod("web-1", "10.1.0.5")
    space = server.namespace
    with followed(server.session) as inventory:
        found = wait_until(inventory, synced)
        assert addresses(found, space) == {"web-1": "10.1.0.5"}
        server.set_status(PODS, "web-1", {"podIP": "10.1.0.9", "podIPs": [{"ip": "10.1.0.9"}]})
        server.add_pod("web-2", "10.1.0.6")
        wait_until(
            inventory,
            lambda now: addresses(now, space) == {"web-1": "10.1.0.9", "web-2": "10.1.0.6"},
        )
        server.delete(PODS, "web-2")
        server.set_status(PODS, "web-1", {"phase": "Succeeded"})
        wait_until(inventory, lambda now: addresses(now, space) == {})


def test_what_is_followed_equals_what_is_read_once(
    simulator: KubernetesSimulator, session: ApiSession, access: Access
) -> None:
    rng = random.Random(11)
    for number in range(5):
        simulator.add(node(f"node-{number}", f"10.0.0.{number}"))
    simulator.add(namespace("prod"))
    with followed(session) as inventory:
        wait_until(inventory, synced)
        for step in range(300):
            churn(simulator, rng, step)
        expected = live.read_snapshot("east", access)
        assert expected.pods
        wait_until(inventory, lambda now: now == expected)


def churn(simulator: KubernetesSimulator, rng: random.Random, step: int) -> None:
    """One thing that happens in a cluster."""
    name, space = f"web-{rng.randrange(20)}", rng.choice(["default", "prod"])
    known = simulator.find("Pod", name, namespace=space)
    match rng.randrange(6):
        case 0 if known:
            simulator.delete("Pod", name, namespace=space)
        case 1 if known:
            simulator.patch("Pod", name, {"status": {"phase": "Failed"}}, namespace=space)
        case 2 if known:
            simulator.terminate(name, namespace=space)
        case 3:
            labels = {"environment": str(step)}
            simulator.patch("Namespace", "prod", {"metadata": {"labels": labels}})
        case _:
            ip = f"10.1.{step >> 8}.{step & 255}"
            simulator.add(pod(name, ip, namespace=space, node=f"node-{rng.randrange(5)}"))


def everything_at_once(simulator: KubernetesSimulator) -> None:
    simulator.faults.broken(1)
    simulator.faults.garble("nodes")
    simulator.restart()


FAULTS: dict[str, Callable[[KubernetesSimulator], None]] = {
    "connections cut": lambda simulator: simulator.cut_connections(),
    "history expired": lambda simulator: simulator.expire_history(),
    "restart": lambda simulator: simulator.restart(),
    "busy": lambda simulator: simulator.faults.busy(2, retry_after_s=0),
    "a proxy's errors": lambda simulator: simulator.faults.broken(2),
    "a list cut off": lambda simulator: simulator.faults.garble("pods", 2),
    "everything at once": everything_at_once,
}


@pytest.mark.parametrize("initial_events", [True, False])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_removes_nothing_and_hides_nothing_for_ever(
    simulator: KubernetesSimulator,
    session: ApiSession,
    access: Access,
    fault: Callable[[KubernetesSimulator], None],
    initial_events: bool,
) -> None:
    simulator.faults.initial_events = initial_events
    simulator.add(pod("stays", "10.1.0.1"))
    simulator.add(pod("goes", "10.1.0.2"))
    with followed(session) as inventory:
        wait_until(inventory, synced)
        inventory.take_difference()
        simulator.add(node("other"))
        fault(simulator)
        simulator.delete("Pod", "goes")
        simulator.add(pod("comes", "10.1.0.3"))
        wait_until(
            inventory,
            lambda now: addresses(now) == {"stays": "10.1.0.1", "comes": "10.1.0.3"},
        )
        changed = {(before or after).name for before, after in inventory.take_difference().pods}  # type: ignore[union-attr]
        assert changed <= {"goes", "comes"}


class Hasty(Stop):
    """Nobody waits."""

    def wait(self, seconds: float) -> bool:
        return self.is_set()


def test_whoever_takes_the_steps_hears_the_same_without_threads(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    """One step is one thing heard; in between the others may be heard, or nobody."""
    simulator.add(pod("stays", "10.1.0.1"))
    simulator.add(pod("goes", "10.1.0.2"))
    inventory, stop = Inventory("east", clock=ManualClock()), Hasty()
    found = live.followings(session, inventory, stop, rng=random.Random(3))
    steps = {each.kind: each.steps() for each in found}
    assert simulator.requests == ()
    while not synced(inventory.snapshot()):
        assert [next(each) for each in steps.values()] == [0.0] * 3
    assert set(addresses(inventory.snapshot())) == {"stays", "goes"}
    simulator.add(pod("comes", "10.1.0.3"))
    simulator.delete("Pod", "goes")
    while "comes" not in addresses(inventory.snapshot()):
        next(steps[Kind.PODS])
    assert set(addresses(inventory.snapshot())) == {"stays", "goes", "comes"}
    while "goes" in addresses(inventory.snapshot()):
        next(steps[Kind.PODS])
    assert set(addresses(inventory.snapshot())) == {"stays", "comes"}
    simulator.down()
    for each in steps.values():
        next(each)
    assert len(inventory.snapshot().problems) == 3
    assert set(addresses(inventory.snapshot())) == {"stays", "comes"}
    simulator.up()
    while inventory.snapshot().problems:
        [next(each) for each in steps.values()]
    stop.set()
    assert all(sum(each) in (0.0, 2.0) for each in steps.values())  # they end


@pytest.mark.parametrize(
    ("kind", "served", "wait_s"),
    [(Kind.EGRESS_IPS, True, 30.0), (Kind.POLICIES, False, 30.0), (Kind.IP_POOLS, True, 30.0)],
)
def test_where_a_kind_is_not_served_a_step_tells_how_long_to_wait(
    simulator: KubernetesSimulator,
    session: ApiSession,
    kind: Kind,
    served: bool,
    wait_s: float,
) -> None:
    wanted = Interest(None, None, frozenset({kind}))
    inventory = Inventory("east", clock=ManualClock(), kinds=wanted.kinds)
    (found,) = live.followings(session, inventory, Hasty(), interest=wanted)
    assert next(found.steps()) == wait_s
    assert (kind in inventory.snapshot().synced) is served


def test_an_outage_is_a_problem_and_no_empty_cluster(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    simulator.add(pod("web-1", "10.1.0.9"))
    with followed(session) as inventory:
        wait_until(inventory, synced)
        simulator.down()
        found = wait_until(inventory, lambda now: len(now.problems) == 3)
        assert addresses(found) == {"web-1": "10.1.0.9"}
        assert synced(found)
        assert all("no answer" in problem.message for problem in found.problems)
        simulator.up()
        wait_until(inventory, lambda now: now.problems == ())


def test_a_cluster_without_a_usable_kubeconfig_is_tried_until_there_is_one(
    simulator: KubernetesSimulator, tmp_path: Path
) -> None:
    path = tmp_path / "later"
    with followed(ApiSession("east", Access(path))) as inventory:
        found = wait_until(inventory, lambda now: any("later" in p.message for p in now.problems))
        assert found.synced == frozenset()
        simulator.kubeconfig(path)
        wait_until(inventory, synced)


def test_a_right_that_is_taken_away_freezes_its_kind_only(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    simulator.faults.forbid("namespaces")
    simulator.add(pod("web-1", "10.1.0.9"))
    with followed(session) as inventory:
        found = wait_until(
            inventory,
            lambda now: (
                now.synced == {Kind.PODS, Kind.NODES}
                and any("ClusterRole" in each.message for each in now.problems)
            ),
        )
        assert addresses(found) == {"web-1": "10.1.0.9"}
        simulator.faults.permit("namespaces")
        wait_until(inventory, synced)
