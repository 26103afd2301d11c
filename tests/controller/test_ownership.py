"""Several replicas: even shares, quick take-over, and nobody writes who lost the Lease."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fmgsync import errors
from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.controller import leasing, ownership, report
from fmgsync.controller.loop import Controller
from fmgsync.controller.ownership import Ownership
from fmgsync.kube.client import Access
from fmgsync.model.address import Address
from fmgsync.model.target import AdomRef
from fmgsync.scheduling.shares import shares
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests.controller.test_loop import running, until, web
from tests.end_to_end.estate import Estate, default_seed, open_estate

ADOMS = [AdomRef("hq", f"adom-{n}") for n in range(6)]


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        made.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fmgsync"}})
        yield made


@pytest.fixture
def access(cluster: KubernetesSimulator, tmp_path: Path) -> Access:
    path = tmp_path / "kubeconfig"
    cluster.kubeconfig(path)
    return Access(path)


def replica(access: Access, name: str) -> Ownership:
    return Ownership(name, leasing.make_leases(access, "fmgsync", "prod", name), ADOMS)


def held(*replicas: Ownership) -> list[set[AdomRef]]:
    return [{ref for ref in ADOMS if each.holds(ref)} for each in replicas]


def test_a_second_replica_gets_its_even_share(access: Access) -> None:
    """And at no moment do two hold one ADOM."""
    one, two = replica(access, "one"), replica(access, "two")
    one.tick()
    assert held(one) == [set(ADOMS)]
    for _ in range(3):
        for each in (two, one):
            each.tick()
            first, second = held(one, two)
            assert not first & second
    first, second = held(one, two)
    assert len(first) == len(second) == 3
    assert first | second == set(ADOMS)
    for each in (one, two):
        each._leases.close()


def test_a_replica_that_ends_hands_over_at_once(access: Access) -> None:
    one, two = replica(access, "one"), replica(access, "two")
    for _ in range(2):
        one.tick()
        two.tick()
    one._stopping.set()
    one._thread.start()
    one.stop()
    two.tick()
    assert held(two) == [set(ADOMS)]
    two._leases.close()


def test_a_replica_that_ends_leaves_no_sign_of_itself(
    access: Access, cluster: KubernetesSimulator
) -> None:
    """The Leases of the ADOMs stay, held by nobody."""
    one = replica(access, "one")
    one.tick()
    presence = "fmgsync-prod-replica-one"
    assert cluster.find("Lease", presence, namespace="fmgsync") is not None
    one.stop()
    assert cluster.find("Lease", presence, namespace="fmgsync") is None
    for ref in ADOMS:
        left = cluster.find("Lease", leasing.lease_name("prod", ref), namespace="fmgsync")
        assert left is not None
        assert not left["spec"].get("holderIdentity")


def test_a_busy_adom_is_not_handed_over_before_its_pass_ends(access: Access) -> None:
    one, two = replica(access, "one"), replica(access, "two")
    one._busy = lambda ref: True
    for _ in range(3):
        one.tick()
        two.tick()
    assert held(one, two) == [set(ADOMS), set()]
    for each in (one, two):
        each._leases.close()


def test_who_does_not_hold_the_lease_writes_nothing(access: Access) -> None:
    one = replica(access, "one")
    with pytest.raises(errors.Deposed):
        one.check(ADOMS[0])
    one.tick()
    one.check(ADOMS[0])
    one._leases.close()


@pytest.fixture
def estate(tmp_path: Path, cluster: KubernetesSimulator) -> Iterator[Estate]:
    seed = default_seed(install_s=0, workspaceMode="disabled")
    with open_estate(tmp_path, seed, clock=SystemClock()) as made:
        made.run("west", web("web-1", "10.2.0.1"))
        cluster.kubeconfig(tmp_path / "east.kubeconfig")
        cluster.add(web("web-1", "10.1.0.1"))
        made.write_config(
            clusters=[
                {"name": "east", "kubeconfig": {"file": "./east.kubeconfig"}},
                made.config["clusters"][1],
            ],
            reconcile={"settle": "0s"},
            lease={"namespace": "fmgsync"},
        )
        yield made


def by_share(ref: AdomRef, *two: Controller) -> tuple[Controller, ...]:
    """The one whose share the ADOM is, then the other."""
    replicas = {c.ownership.replica: c for c in two if c.ownership is not None}
    leader = replicas[shares([ref], replicas)[ref]]
    return leader, *(c for c in two if c is not leader)


def test_two_controllers_never_work_on_one_adom(
    estate: Estate, cluster: KubernetesSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One leads; when it ends, the other takes over and goes on."""
    monkeypatch.setattr(ownership, "TICK_S", 0.2)
    taken = Address("10.1.0.3")
    with ExitStack() as stack:
        first = stack.enter_context(running(estate))
        second = stack.enter_context(running(estate))
        ref = first.adoms[0].ref
        leader, other = by_share(ref, first, second)
        # Whoever came first may have led until the other was there.
        until(lambda: leader.leads(ref) and leader.adoms[0].passes > 0)
        assert not other.leads(ref)
        before, passes = leader.adoms[0].passes, other.adoms[0].passes
        cluster.add(web("web-3", "10.1.0.3"))
        until(lambda: leader.adoms[0].passes > before and other.inventory.in_use("east", taken))
        # Who does not lead watches the clusters and leaves FortiManager alone.
        assert other.adoms[0].passes == passes
        assert not other.busy(ref)
        # Nor is that any obstacle to being ready.
        until(lambda: not report.health(other).obstacles())
        leader.stop()
        until(lambda: other.leads(ref))
        cluster.add(web("web-2", "10.1.0.2"))
        until(lambda: other.adoms[0].passes > passes)
        found = estate.unit.console()
        until(lambda: found.object("prod", "address", "prod_10.1.0.2") is not None)


def test_apply_takes_the_same_lease(
    estate: Estate,
    capsys: pytest.CaptureFixture[str],
    cluster: KubernetesSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By hand only when no controller is at work."""
    monkeypatch.setattr(leasing, "WAIT_S", 0.1)
    arguments = ["apply", "-c", str(estate.path), "--install", "never", "--output", "json"]
    assert main.run(arguments) == 0, capsys.readouterr()
    name = leasing.lease_name("prod", AdomRef("hq", "prod"))
    lease = cluster.find("Lease", name, namespace="fmgsync")
    assert lease is not None
    lease["spec"] = {**lease["spec"], "holderIdentity": "controller-1", "leaseDurationSeconds": 600}
    cluster.delete("Lease", name, namespace="fmgsync")
    lease["metadata"] = {"name": name, "namespace": "fmgsync"}
    cluster.add(lease)
    capsys.readouterr()
    assert main.run(arguments) == 1
    error = json.loads(capsys.readouterr().out)["errors"][0]
    assert "controller-1" in error["message"]
    assert error["kind"] == "locked"
