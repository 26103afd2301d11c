"""Several replicas: even shares, quick take-over, and nobody writes who lost the Lease."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from fmgsync import errors
from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.daemon import service_health
from fmgsync.daemon.loop import Controller
from fmgsync.kube.client import Access
from fmgsync.leases import leasing, ownership
from fmgsync.leases.ownership import Ownership
from fmgsync.leases.reach import STEADY, TRIES
from fmgsync.model.address import Address
from fmgsync.model.fleet import Fleet
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.scheduling.shares import shares
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.targets.fortimanager.access import Access as UnitAccess
from fmgsync.wiring import wiring
from tests.daemon.controllers import running, until, web
from tests.end_to_end.estate import Estate, default_seed, open_estate

ADOMS = [TargetRef("hq", f"adom-{n}") for n in range(6)]


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


def held(*replicas: Ownership) -> list[set[TargetRef]]:
    return [{ref for ref in ADOMS if each.holds(ref)} for each in replicas]


@pytest.mark.parametrize(
    "answer",
    [
        b"{}",
        b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success"}',
        b'{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}',
        b'{"kind":"LeaseList","metadata":{"resourceVersion":"7"},"items":[null]}',
        b'{"kind":"LeaseList","metadata":{"resourceVersion":"7"},"items":[{"metadata":[]}]}',
        b'{"kind":"LeaseList","metadata":{"resourceVersion":"7"},"items":[{}]}',
    ],
)
def test_what_is_no_list_of_leases_does_not_say_that_nobody_is_there(
    access: Access, cluster: KubernetesSimulator, answer: bytes
) -> None:
    one, two = replica(access, "one"), replica(access, "two")
    for _ in range(3):
        one.tick()
        two.tick()
    before = held(one, two)
    cluster.faults.hollow("leases", answer)
    with pytest.raises(errors.SourceUnavailable, match="not what an API server gives"):
        two.tick()
    assert held(one, two) == before


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


def test_what_one_replica_cannot_reach_is_handed_over_once(access: Access) -> None:
    """And at no moment do two hold one ADOM."""
    one, two = replica(access, "one"), replica(access, "two")
    failures: dict[Ownership, int | None] = {one: None, two: None}
    for each in (one, two):
        each._unreached = lambda ref, each=each: failures[each]  # type: ignore[misc]

    def rounds(count: int) -> list[tuple[int, int]]:
        seen = []
        for _ in range(count):
            for each in (one, two):
                each.tick()
                first, second = held(one, two)
                assert not first & second
            seen.append((len(first), len(second)))
        return seen

    assert rounds(3)[-1] == (3, 3)
    failures[one] = TRIES
    assert rounds(4)[-1] == (0, 6)
    # Two cannot either: nothing is to be gained by moving.
    failures[two] = TRIES
    assert set(rounds(6)) == {(0, 6)}
    # The other way is open again, for long enough: it gets everything, and keeps it.
    for _ in range(STEADY):
        one.reach.probe(lambda name: True)
    failures[one] = None
    assert rounds(4)[-1] == (6, 0)
    failures[one] = 0
    assert set(rounds(4)) == {(6, 0)}
    # Everybody gets through.
    for _ in range(STEADY):
        two.reach.probe(lambda name: True)
    failures[two] = None
    assert rounds(4)[-1] == (3, 3)
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


def by_share(ref: TargetRef, *two: Controller) -> tuple[Controller, ...]:
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
        until(lambda: leader.adoms[0].passes > before and other.workloads.in_use("east", taken))
        # Who does not lead watches the clusters and leaves FortiManager alone.
        assert other.adoms[0].passes == passes
        assert not other.busy(ref)
        # Nor is that any obstacle to being ready.
        until(lambda: not service_health.health(other).obstacles())
        leader.stop()
        until(lambda: other.leads(ref))
        cluster.add(web("web-2", "10.1.0.2"))
        until(lambda: other.adoms[0].passes > passes)
        found = estate.unit.console()
        until(lambda: found.object("prod", "address", "prod_10.1.0.2") is not None)


def test_a_replica_without_a_way_to_fortimanager_lets_another_one_work(
    estate: Estate, cluster: KubernetesSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever's share the ADOM is; what it says of itself stands in its own Lease."""
    monkeypatch.setattr(ownership, "TICK_S", 0.2)
    barred = estate.folder / "barred.yaml"
    unit = {**estate.config["fortimanagers"][0], "host": "127.0.0.1:1"}
    barred.write_text(json.dumps({**estate.config, "fortimanagers": [unit]}))
    lost = wiring.make_controller(barred, state_dir=estate.folder / "state")
    ownership_of_lost = lost.ownership
    assert ownership_of_lost is not None
    with ExitStack() as stack:
        stack.enter_context(running(estate, lost))
        ref = lost.adoms[0].ref
        # Alone it goes on trying: nobody could do better.
        until(lambda: ownership_of_lost.reach.unreachable == {"hq"})
        assert lost.leads(ref)
        other = stack.enter_context(running(estate))
        until(lambda: other.leads(ref) and other.adoms[0].last_success_at is not None)
        name = f"fmgsync-prod-replica-{ownership_of_lost.replica}"
        found = cluster.find("Lease", name, namespace="fmgsync")
        assert found is not None
        assert found["metadata"]["annotations"] == {ownership.UNREACHABLE: "hq"}
        assert not lost._reaches("hq")
        assert other._reaches("hq") or other.busy(ref)
        assert not lost.leads(ref)


def test_passes_without_an_answer_are_counted_until_one_gets_through(estate: Estate) -> None:
    barred = {**estate.config["fortimanagers"][0], "host": "127.0.0.1:1"}
    estate.write_config(fortimanagers=[barred], lease=None)
    with running(estate) as controller:
        until(lambda: (controller.adoms[0].unreached or 0) >= 2)


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
    name = leasing.lease_name("prod", TargetRef("hq", "prod"))
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


def test_the_times_of_the_page_are_those_in_force() -> None:
    """And they fit: nothing is sent after the Lease has ended, and no renewal outlives it."""
    usual = UnitAccess("hq", "fmg.example.net")
    write = usual.for_writing()
    lease_s = (leasing.CONNECT_S, leasing.ANSWER_S)
    expected = {
        "a Lease lasts": f"{ownership.DURATION_S}",
        "it is renewed every": f"{ownership.TICK_S:g}",
        "connecting for a Lease": "{:g} / {:g}".format(*lease_s),
        "margin": f"{ownership.MARGIN_S:g}",
        "connecting for a write without": f"{write.connect_timeout_s:g}",
        "waiting for the answer to a write without": f"{write.read_timeout_s:g}",
        "connecting otherwise": f"{usual.connect_timeout_s:g} / {usual.read_timeout_s:g}",
    }
    page = (Path(__file__).parents[2] / "docs" / "controller.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in page.splitlines()]
    for what, seconds in expected.items():
        assert [row[1] for row in rows if row and row[0].startswith(what)] == [seconds], what
    assert write.connect_timeout_s <= ownership.MARGIN_S
    assert sum(lease_s) + ownership.TICK_S < ownership.DURATION_S
    late_s = write.read_timeout_s - ownership.MARGIN_S
    assert f"at most {write.read_timeout_s:g} s old" in page
    assert f"{late_s:g} s after the Lease ended" in page


def test_fortigates_of_one_fleet_go_by_one_lease(access: Access) -> None:
    """Who decides whose turn it is has to know all of them, so they stay together."""
    units = [TargetRef(f"branch-{n}", "root", TargetKind.FORTIGATE) for n in range(6)]
    named = {ref: Fleet("branches" if n < 5 else "hub", (ref,)) for n, ref in enumerate(units)}
    fleets = {ref: replace(one, targets=tuple(units[:5])) for ref, one in named.items()}
    fleets[units[5]] = Fleet("hub", (units[5],))
    both = [*ADOMS, *units]

    def made(name: str) -> Ownership:
        leases = leasing.make_leases(access, "fmgsync", "prod", name)
        return Ownership(name, leases, both, fleets=fleets)

    one, two = made("one"), made("two")
    for _ in range(4):
        two.tick()
        one.tick()
    for each in (one, two):
        assert len({each.holds(ref) for ref in units[:5]}) == 1
    assert all(one.holds(ref) != two.holds(ref) for ref in both)
    assert one.lease(units[0]).name == two.lease(units[4]).name
    assert one.lease(units[0]).name != one.lease(units[5]).name


def test_a_lease_that_is_shared_is_given_back_by_the_last(access: Access) -> None:
    leases = leasing.make_leases(access, "fmgsync", "prod", "one")
    lease, shared = leases.of(ADOMS[0]), leasing.SharedLeases(SystemClock())
    with shared.held(ADOMS[0], lease):
        with shared.held(ADOMS[1], lease):
            assert lease.holds()
        assert lease.holds()
    assert not lease.holds()


def test_a_way_that_cannot_be_tried_now_is_tried_again(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong: a replica that tries no more would offer its ADOMs for ever."""
    monkeypatch.setattr(ownership, "PROBE_S", 0.01)
    one, tries = replica(access, "one"), itertools.count()

    def reaches(name: str) -> bool:
        if next(tries) < 2:
            raise RuntimeError("a defect")
        return True

    one.reach.passed({ADOMS[0]: TRIES})
    one.serve(ADOMS, busy=lambda ref: False, on_gain=lambda ref: None, reaches=reaches)
    try:
        until(lambda: not one.reach.unreachable)
    finally:
        one.stop()


class Stumbling:
    """A Lease that is held, and whose second renewal meets a defect."""

    name, other_holder = "it", ""

    def __init__(self) -> None:
        self.tries = 0

    def try_hold(self) -> bool:
        self.tries += 1
        if self.tries == 2:
            raise RuntimeError("a defect")
        return True

    def holds(self, margin_s: float = 0.0) -> bool:
        return True

    def release(self) -> None:
        self.tries = -1

    def remove(self) -> None:
        self.release()


def test_a_lease_that_could_not_be_renewed_once_is_renewed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leasing, "DURATION_S", 0.03)
    lease = Stumbling()
    with leasing.held_for(ADOMS[0], lease, clock=SystemClock()):
        until(lambda: lease.tries > 3)
    assert lease.tries == -1


def test_an_outage_is_told_once_and_the_next_one_again(
    access: Access,
    cluster: KubernetesSimulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every three seconds for a night would leave nothing else in the log."""
    monkeypatch.setattr(ownership, "TICK_S", 0.01)
    one, ticks = replica(access, "one"), itertools.count()
    tick, seen = one.tick, [0]

    def counted() -> None:
        seen[0] = next(ticks)
        tick()

    monkeypatch.setattr(one, "tick", counted)
    said = ""
    one.serve(ADOMS, busy=lambda ref: False, on_gain=lambda ref: None)
    try:
        for times in (1, 2):
            until(lambda: len(held(one)[0]) == len(ADOMS))
            cluster.down()
            begun = seen[0]
            until(lambda begun=begun: seen[0] > begun + 20)  # type: ignore[misc]
            cluster.up()
            begun = seen[0]
            until(lambda begun=begun: seen[0] > begun + 5)  # type: ignore[misc]
            said += capsys.readouterr().err
            refused = [each for each in said.splitlines() if "connection refused" in each]
            assert times <= len(refused) <= 2 * times, said  # of what is asked first, and its like
    finally:
        one.stop()
