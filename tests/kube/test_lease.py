"""At most one replica holds a Lease, whatever clocks, networks and rivals do."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from fmgsync.errors import SourceError, SourceForbidden, SourceUnavailable
from fmgsync.kube.client import Access, ApiSession
from fmgsync.kube.lease import Lease
from fmgsync.kube.requests import LEASES, Request
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests.kubernetes_api import HOLLOW, ApiServer

DURATION_S = 10
MARGIN_S = 0.5


class Time:
    """What the time really is."""

    def __init__(self) -> None:
        self.now = 1000.0


class Replica:
    """A process with clocks of its own: one that runs fast or slow, one that is wrong."""

    def __init__(
        self,
        time: Time,
        session: ApiSession,
        holder: str,
        *,
        namespace: str = "default",
        name: str = "hq-prod",
        rate: float = 1.0,
        wall: float = 0.0,
    ) -> None:
        self.lease = Lease(
            session,
            namespace,
            name,
            holder,
            duration_s=DURATION_S,
            steady=lambda: time.now * rate,
            wall=lambda: 1_767_225_600.0 + wall,
        )

    def holds(self) -> bool:
        return self.lease.holds(MARGIN_S)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def one(time: Time, server: ApiServer) -> Replica:
    return Replica(time, server.session, "one", namespace=server.namespace)


@pytest.fixture
def two(time: Time, server: ApiServer) -> Replica:
    return Replica(time, server.session, "two", namespace=server.namespace)


def test_the_first_to_ask_gets_it_and_the_second_does_not(one: Replica, two: Replica) -> None:
    assert one.lease.try_hold()
    assert not two.lease.try_hold()
    assert one.holds()
    assert not two.holds()
    assert two.lease.other_holder == "one"
    assert one.lease.other_holder == ""


def test_it_is_kept_by_renewing(one: Replica, two: Replica, time: Time) -> None:
    for _ in range(10):
        assert one.lease.try_hold()
        assert not two.lease.try_hold()
        time.now += DURATION_S / 3
    assert one.lease.term == 1


def test_it_ends_for_its_holder_before_anybody_else_may_have_it(
    one: Replica, two: Replica, time: Time
) -> None:
    one.lease.try_hold()
    two.lease.try_hold()
    time.now += DURATION_S - MARGIN_S - 0.01
    assert one.holds()
    time.now += 0.02
    assert not one.holds()
    assert one.lease.holds()
    assert not two.lease.try_hold()
    time.now += MARGIN_S
    assert not one.lease.holds()
    assert two.lease.try_hold()
    assert two.lease.term == 2


def test_a_rival_counts_from_when_it_saw_a_sign_of_life_not_from_what_it_says(
    one: Replica, two: Replica, time: Time
) -> None:
    one.lease.try_hold()
    time.now += 1000  # the record is old by now, but two sees it for the first time
    assert not two.lease.try_hold()
    time.now += DURATION_S
    assert two.lease.try_hold()


def test_a_released_lease_is_free_at_once(one: Replica, two: Replica) -> None:
    one.lease.try_hold()
    one.lease.release()
    assert not one.lease.holds()
    assert two.lease.try_hold()
    one.lease.release()  # of what is not ours any more: nothing happens
    assert two.lease.try_hold()


def test_what_another_took_over_is_not_ours_to_release(
    one: Replica, two: Replica, time: Time
) -> None:
    one.lease.try_hold()
    two.lease.try_hold()
    time.now += DURATION_S
    assert two.lease.try_hold()
    assert not one.lease.try_hold()
    one.lease.release()
    assert two.lease.try_hold()
    assert not one.lease.try_hold()


def test_who_lost_it_notices_at_the_next_renewal_at_the_latest(
    one: Replica, two: Replica, time: Time, server: ApiServer
) -> None:
    one.lease.try_hold()
    server.patch(LEASES, "hq-prod", {"spec": {"holderIdentity": "somebody else"}})
    assert not one.lease.try_hold()
    assert not one.lease.holds()
    assert one.lease.other_holder == "somebody else"


def test_a_touched_lease_is_still_held(one: Replica, server: ApiServer) -> None:
    one.lease.try_hold()
    server.patch(LEASES, "hq-prod", {"metadata": {"labels": {"a": "b"}}})
    assert one.lease.try_hold()
    assert one.lease.term == 1


def test_a_lease_deleted_by_hand_is_made_again(one: Replica, server: ApiServer) -> None:
    one.lease.try_hold()
    server.delete(LEASES, "hq-prod")
    assert one.lease.try_hold()


def test_the_duration_is_the_holders_not_the_rivals(
    one: Replica, server: ApiServer, time: Time
) -> None:
    one.lease.try_hold()
    hasty = Lease(
        server.session,
        server.namespace,
        "hq-prod",
        "hasty",
        duration_s=1,
        steady=lambda: time.now,
    )
    assert not hasty.try_hold()
    time.now += 5
    assert not hasty.try_hold()
    assert one.lease.holds()


def test_a_clock_that_stands_still_still_gives_signs_of_life(
    one: Replica, two: Replica, time: Time, server: ApiServer
) -> None:
    def version() -> str:
        request = Request("get", LEASES, server.namespace, "hq-prod")
        return str(server.session.read(request)["metadata"]["resourceVersion"])

    one.lease.try_hold()
    before = version()
    one.lease.try_hold()
    assert version() != before


@pytest.fixture
def alone(time: Time, session: ApiSession) -> Replica:
    return Replica(time, session, "one")


def test_an_answer_that_got_lost_prolongs_nothing_and_blocks_nothing(
    simulator: KubernetesSimulator, alone: Replica, time: Time
) -> None:
    alone.lease.try_hold()
    time.now += 6
    simulator.faults.lose_answers(1)
    with pytest.raises(SourceUnavailable):
        alone.lease.try_hold()
    assert alone.lease.holds()
    time.now += 4
    assert not alone.lease.holds()
    assert alone.lease.try_hold()
    assert alone.lease.term == 1


def test_a_lost_answer_to_the_first_write_is_found_out(
    simulator: KubernetesSimulator, alone: Replica
) -> None:
    simulator.faults.lose_answers(1)
    with pytest.raises(SourceUnavailable):
        alone.lease.try_hold()
    assert not alone.lease.holds()
    assert alone.lease.try_hold()


@pytest.mark.parametrize("answer", HOLLOW)
@pytest.mark.parametrize("verb", ["get", "create", "update"])
def test_an_answer_that_is_no_lease_gives_and_prolongs_nothing(
    simulator: KubernetesSimulator, alone: Replica, time: Time, answer: bytes, verb: str
) -> None:
    held = verb == "update" and alone.lease.try_hold()
    time.now += 6 * held
    simulator.faults.hollow("leases", answer.replace(b"KIND", b"Lease"), verb=verb)
    with pytest.raises(SourceUnavailable, match="not what an API server gives"):
        alone.lease.try_hold()
    time.now += 4 * held
    assert not alone.lease.holds()
    assert (simulator.find("Lease", "hq-prod", namespace="default") is not None) is held
    simulator.faults.fill()
    assert alone.lease.try_hold()


def test_without_the_api_server_it_ends_in_time(
    simulator: KubernetesSimulator, alone: Replica, time: Time
) -> None:
    alone.lease.try_hold()
    simulator.down()
    time.now += DURATION_S - 1
    with pytest.raises(SourceUnavailable):
        alone.lease.try_hold()
    assert alone.lease.holds()
    time.now += 1
    assert not alone.lease.holds()


def test_a_missing_right_names_the_role(simulator: KubernetesSimulator, alone: Replica) -> None:
    simulator.faults.forbid("leases", "create")
    with pytest.raises(SourceForbidden) as caught:
        alone.lease.try_hold()
    assert 'a Role in namespace default with {apiGroups: ["coordination.k8s.io"]' in str(
        caught.value
    )


@pytest.mark.parametrize(
    "spec",
    [
        {"holderIdentity": "x", "renewTime": "9999-12-31T23:59:59.999999Z"},
        {"holderIdentity": "x", "leaseDurationSeconds": 2},
        {"leaseTransitions": 7},
        {},
    ],
)
def test_a_lease_that_others_wrote_in_their_way_is_taken_when_it_ran_out(
    simulator: KubernetesSimulator, alone: Replica, time: Time, spec: dict[str, object]
) -> None:
    simulator.add(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "hq-prod"},
            "spec": spec,
        }
    )
    alone.lease.try_hold()
    time.now += DURATION_S
    assert alone.lease.try_hold()
    assert alone.lease.term >= 1


class SlowSession(ApiSession):
    """A session whose requests take time on their way, and their answers on the way back."""

    time: Time
    there_s = 0.0
    back_s = 0.0

    def send(self, request: Request) -> bytes:
        self.time.now += self.there_s
        try:
            return super().send(request)
        finally:
            self.time.now += self.back_s


names = itertools.count()


class Replicas(RuleBasedStateMachine):
    """Replicas with wrong clocks and broken networks, in any order."""

    simulator: KubernetesSimulator
    session: SlowSession

    @initialize(
        rates=st.lists(st.floats(0.98, 1.02), min_size=3, max_size=3),
        walls=st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3),
    )
    def start(self, rates: list[float], walls: list[float]) -> None:
        self.time = self.session.time = Time()
        name = f"hq-{next(names)}"
        self.replicas = [
            Replica(self.time, self.session, f"r{number}", name=name, rate=rate, wall=wall)
            for number, (rate, wall) in enumerate(zip(rates, walls, strict=True))
        ]

    @rule(who=st.integers(0, 2))
    def ask(self, who: int) -> None:
        self.replicas[who].lease.try_hold()

    @rule(who=st.integers(0, 2), there_s=st.floats(0, 12), back_s=st.floats(0, 12))
    def ask_over_a_slow_network(self, who: int, there_s: float, back_s: float) -> None:
        self.session.there_s, self.session.back_s = there_s, back_s
        self.replicas[who].lease.try_hold()
        self.session.there_s = self.session.back_s = 0.0

    @rule(who=st.integers(0, 2))
    def lose_an_answer(self, who: int) -> None:
        self.simulator.faults.lose_answers(1)
        with_failure(self.replicas[who])
        self.simulator.faults.lose_answers(0)

    @rule(who=st.integers(0, 2))
    def be_refused(self, who: int) -> None:
        self.simulator.faults.broken(1)
        with_failure(self.replicas[who])

    @rule(who=st.integers(0, 2))
    def release(self, who: int) -> None:
        self.replicas[who].lease.release()

    @rule(who=st.integers(0, 2))
    def remove(self, who: int) -> None:
        self.replicas[who].lease.remove()

    @rule(seconds=st.floats(0.1, 12))
    def pass_time(self, seconds: float) -> None:
        self.time.now += seconds

    @rule(who=st.integers(0, 2))
    def come_back_when_all_is_quiet(self, who: int) -> None:
        self.replicas[who].lease.try_hold()
        self.time.now += DURATION_S * 1.05
        assert self.replicas[who].lease.try_hold()

    @invariant()
    def at_most_one_may_act(self) -> None:
        assert sum(replica.holds() for replica in self.replicas) <= 1


def with_failure(replica: Replica) -> None:
    try:
        replica.lease.try_hold()
    except SourceError:
        return


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[type[Replicas]]:
    with KubernetesSimulator() as simulator:
        Replicas.simulator = simulator
        Replicas.session = SlowSession("east", Access(simulator.kubeconfig(tmp_path / "config")))
        yield Replicas


@pytest.mark.parametrize("histories", [10, pytest.param(150, marks=pytest.mark.slow)])
def test_never_do_two_replicas_hold_it(machine: type[Replicas], histories: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=histories,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
