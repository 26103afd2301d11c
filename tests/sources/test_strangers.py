"""Pods that are not followed contend for the addresses of those that are: asked for, and seldom."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

import pytest

from fmgsync.clock import ManualClock
from fmgsync.kube.client import ApiSession
from fmgsync.model.address import Address
from fmgsync.model.endpoint import ClusterDifference, Kind, PodEndpoint, PodKey
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.sources.census import Census
from fmgsync.sources.lookups import Lookups
from fmgsync.sources.strangers import Strangers
from tests import builders
from tests.effort import effort

IP = "10.1.0.1"
WEB = builders.pod_endpoint("web-1", IP)
ENDING = replace(WEB, terminating=True)


@dataclass
class Watched:
    """One cluster: what its watch says, and who is asked for because of that."""

    simulator: KubernetesSimulator
    session: ApiSession
    clock: ManualClock = field(default_factory=ManualClock)
    known: dict[PodKey, PodEndpoint] = field(default_factory=dict)
    woken: int = 0
    given: list[PodEndpoint] = field(default_factory=list)
    """What was given of the pods that are followed, with the latest differences."""

    def __post_init__(self) -> None:
        self.census = Census(self.session, holders=self._holders, clock=self.clock)
        self.strangers = Strangers(
            "east",
            Lookups(self.session, clock=self.clock),
            self.census,
            clock=self.clock,
            follows=lambda key: key in self.known,
            on_change=self._wake,
        )

    @property
    def counted(self) -> bool:
        return self.census.counted

    def _wake(self) -> None:
        self.woken += 1

    def _holders(self) -> dict[Address, list[PodKey]]:
        found = defaultdict[Address, list[PodKey]](list)
        for pod in self.known.values():
            for address in pod.stakes:
                found[address].append(pod.key)
        return found

    def tell(self, *now: PodEndpoint) -> list[str]:
        """These pods are followed now; the strangers that come (`+`) and go (`-`) with it."""
        before, self.known = self.known, {pod.key: pod for pod in now}
        pairs = [(before.get(key), self.known.get(key)) for key in {**before, **self.known}]
        different = tuple(pair for pair in pairs if pair[0] != pair[1])
        found = self.strangers.join(
            ClusterDifference("east", frozenset({Kind.PODS}), pods=different)
        )
        self.strangers.heed(found, lambda key: key[1] != "unselected")
        latest = {pod.key: pod for _, pod in found.pods if pod is not None}
        self.given = [latest.get(pod.key, pod) for pod in self.given if pod.key in self.known]
        self.given += [pod for key, pod in latest.items() if pod not in self.given]
        gone = [f"-{old.name}" for old, new in found.strangers if old is not None and new is None]
        return gone + [f"+{new.name}" for _, new in found.strangers if new is not None]

    def heard(self) -> list[str]:
        """The same where the watch says nothing."""
        return self.tell(*self.known.values())

    def ask(self) -> int:
        """Ask for all that is due; how many requests that took."""
        before = len(self.simulator.requests)
        while self.strangers.ask_next():
            if len(self.simulator.requests) - before > 1000:
                break
        return len(self.simulator.requests) - before

    def ask_for(self, seconds: int) -> int:
        """Second by second, so long."""
        asked = 0
        for _ in range(seconds):
            asked += self.ask()
            self.clock.sleep(1)
        return asked


@pytest.fixture
def watched(simulator: KubernetesSimulator, session: ApiSession) -> Watched:
    return Watched(simulator, session)


def test_nothing_is_asked_when_nothing_is_in_doubt(watched: Watched) -> None:
    """The first listing is taken as it is; of what follows, only new addresses count."""
    pods = [builders.pod_endpoint(f"web-{n}", f"10.1.0.{n}") for n in range(1, 200)]
    assert watched.tell(*pods) == []
    assert watched.ask_for(600) == 0
    watched.tell(
        *(replace(pod, labels=builders.pod_endpoint(labels={"a": "b"}).labels) for pod in pods)
    )
    assert watched.ask_for(600) == 0


@pytest.mark.parametrize(
    ("before", "now", "asked"),
    [
        ([WEB], [ENDING], 1),
        ([WEB], [replace(WEB, lost=True)], 1),
        ([ENDING], [ENDING], 1),
        ([], [WEB], 1),
        ([WEB], [replace(WEB, started="2026-02-02T00:00:00Z")], 1),
        ([WEB], [builders.pod_endpoint("web-1", IP, "fd00::1")], 1),
        ([WEB], [replace(WEB, node="node-2")], 0),
        ([WEB], [], 0),
        ([], [builders.pod_endpoint("unselected", IP)], 0),
        ([], [builders.pod_endpoint("web-1")], 0),
    ],
    ids=["ends", "lost", "ended before", "new", "another of its name", "another address",
         "elsewhere", "gone", "unselected", "no address"],
)  # fmt: skip
def test_what_is_in_doubt(
    watched: Watched, before: list[PodEndpoint], now: list[PodEndpoint], asked: int
) -> None:
    watched.tell(*before)
    watched.tell(*now)
    assert watched.ask() == asked


def test_a_stranger_comes_and_goes(watched: Watched) -> None:
    watched.tell(WEB)
    watched.tell(ENDING)
    assert watched.ask() == 1
    assert (watched.woken, watched.heard()) == (0, [])
    watched.simulator.add(builders.pod("db-1", IP))
    watched.clock.sleep(16)
    assert watched.ask() == 1
    assert (watched.woken, watched.heard(), watched.heard()) == (1, ["+db-1"], [])
    watched.simulator.delete("Pod", "db-1")
    watched.clock.sleep(16)
    watched.ask()
    assert (watched.woken, watched.heard()) == (2, ["-db-1"])


def test_with_the_doubtful_pod_its_stranger_goes(watched: Watched) -> None:
    watched.simulator.add(builders.pod("db-1", IP))
    watched.tell(ENDING)
    watched.ask()
    assert watched.heard() == ["+db-1"]
    assert watched.tell() == ["-db-1"]
    assert watched.ask_for(600) == 0


def test_who_is_followed_by_now_is_no_stranger(watched: Watched) -> None:
    """In the same difference, so that it is never there twice, nor missing."""
    watched.simulator.add(builders.pod("db-1", IP))
    watched.tell(ENDING)
    watched.ask()
    assert watched.heard() == ["+db-1"]
    assert watched.tell(ENDING, builders.pod_endpoint("db-1", IP)) == ["-db-1"]
    watched.ask_for(60)
    assert watched.heard() == []


def test_a_new_address_is_asked_for_once_and_a_lasting_doubt_less_and_less_often(
    watched: Watched,
) -> None:
    watched.tell()
    watched.tell(WEB)
    assert watched.ask_for(3600) == 1
    watched.tell(ENDING)
    assert watched.ask_for(3600) == 16
    watched.tell(WEB)  # its node is heard of again
    assert watched.ask_for(3600) == 1


def test_questions_are_bounded_and_lasting_doubt_comes_first(watched: Watched) -> None:
    watched.tell(WEB)
    new = [builders.pod_endpoint(f"web-9{n}", f"10.2.{n // 250}.{n % 250 + 1}") for n in range(300)]
    watched.tell(WEB, *new)
    assert watched.ask_for(20) == 40
    watched.tell(ENDING, *new)
    assert watched.ask_for(6) == 1
    assert f"status.podIP={IP}" in watched.simulator.requests[-1].query["fieldSelector"]
    assert watched.ask_for(34) <= 9
    asked = [each.query["fieldSelector"].rpartition("=")[2] for each in watched.simulator.requests]
    others = [each for each in asked if each != IP]
    assert others == [str(pod.addresses[0]) for pod in new][: len(others)]
    assert watched.ask_for(600) < 400
    assert {str(pod.addresses[0]) for pod in new} < {
        each.query["fieldSelector"].rpartition("=")[2] for each in watched.simulator.requests
    }


def test_who_is_not_answered_changes_nothing_and_asks_later(watched: Watched) -> None:
    watched.simulator.add(builders.pod("db-1", IP))
    watched.tell(ENDING)
    watched.ask()
    assert watched.heard() == ["+db-1"]
    watched.simulator.delete("Pod", "db-1")
    watched.simulator.faults.forbid("pods")
    assert 2 <= watched.ask_for(120) <= 5
    assert (watched.woken, watched.heard()) == (1, [])
    watched.simulator.faults.permit("pods")
    assert watched.ask_for(60) >= 1
    assert (watched.woken, watched.heard()) == (2, ["-db-1"])


def test_what_runs_twice_is_found_by_a_count_of_all_pods(watched: Watched) -> None:
    """One request however many pods there are, and one question for each address that is doubled.

    Who has an address as its node's, has none, or has finished is not taken for a second one.
    """
    pods = [builders.pod_endpoint(f"web-{n}", f"10.1.0.{n}") for n in range(1, 50)]
    watched.simulator.add(builders.namespace("unselected"))
    watched.simulator.add(builders.pod("web-1", IP, namespace="unselected"))
    watched.simulator.add(builders.pod("db-2", "10.1.0.2", "fd00::2"))
    watched.simulator.add(builders.pod("db-3", "10.1.0.3", phase="Succeeded"))
    watched.simulator.add(builders.pod("db-4", phase="Pending"))
    watched.simulator.add(builders.pod("agent", "10.9.0.1", host_network=True))
    for pod in pods:
        watched.simulator.add(builders.pod(pod.name, str(pod.addresses[0])))
    assert watched.tell(*pods) == []
    assert watched.strangers.look_around()
    assert watched.ask() == 2
    assert sorted(watched.heard()) == ["+db-2", "+web-1"]
    assert not watched.strangers.look_around()
    watched.clock.sleep(61)
    assert watched.strangers.look_around()
    assert watched.ask() == 2  # because they were found before


def test_what_was_free_when_all_were_counted_is_not_asked_for_any_more(watched: Watched) -> None:
    """However many pods start: what waits does not grow from count to count."""
    watched.tell(WEB)
    new = [builders.pod_endpoint(f"web-9{n}", f"10.2.0.{n}") for n in range(1, 200)]
    watched.simulator.add(builders.pod("db-7", "10.2.0.7"))
    watched.tell(WEB, *new)
    assert watched.strangers.look_around()
    later = builders.pod_endpoint("later", "10.3.0.1")
    watched.tell(WEB, *new, later)
    watched.ask_for(600)
    asked = [each.query["fieldSelector"].rpartition("=")[2] for each in watched.simulator.requests]
    assert {*asked[1:]} == {"10.2.0.7", "10.3.0.1"}
    assert watched.heard() == ["+db-7"]


def test_a_doubt_that_lasts_outlives_every_count(watched: Watched) -> None:
    watched.tell(ENDING)
    assert watched.strangers.look_around()
    watched.simulator.add(builders.pod("db-1", IP))
    assert watched.ask_for(60) > 0
    assert watched.heard() == ["+db-1"]


def test_a_change_costs_the_same_however_many_questions_wait(watched: Watched) -> None:
    watched.tell(WEB)

    def start(numbers: range) -> None:
        pods = [builders.pod_endpoint(f"web-9{n}", f"10.2.{n >> 8}.{n & 255}") for n in numbers]
        pairs = tuple((None, pod) for pod in pods)
        difference = ClusterDifference("east", frozenset({Kind.PODS}), pods=pairs)
        watched.strangers.heed(watched.strangers.join(difference), lambda key: True)

    def turn(number: int) -> int:
        """One more pod, and one look for what is due while the minute's questions are used up."""
        start(range(number, number + 1))
        return effort(watched.strangers.ask_next)

    start(range(60))
    watched.ask()
    watched.clock.sleep(6)
    few = turn(60)
    start(range(100, 1000))
    watched.clock.sleep(6)
    assert turn(1000) < few + 1000


def test_a_node_that_is_not_followed_has_its_address_too(watched: Watched) -> None:
    watched.simulator.add(builders.pod("agent", IP, host_network=True))
    watched.tell(WEB)
    assert watched.strangers.look_around()
    watched.ask()
    assert watched.heard() == ["+agent"]


@pytest.mark.parametrize("fault", ["no table", "no list", "no answer"])
def test_a_count_that_is_refused_keeps_nothing_back_for_good(watched: Watched, fault: str) -> None:
    """A server without such tables is asked for the pods themselves."""
    watched.simulator.add(builders.pod("db-1", IP))
    watched.tell(WEB)
    if fault == "no table":
        watched.simulator.faults.tables = False
    elif fault == "no list":
        watched.simulator.faults.forbid("pods", "list")
    else:
        watched.simulator.down()
    tries = 0
    while not watched.counted:
        assert watched.strangers.look_around() is (fault == "no table")
        watched.clock.sleep(6)
        tries += 1
    assert tries == {"no table": 1, "no list": 1, "no answer": 6}[fault]
    if fault == "no table":
        watched.ask()
        assert watched.heard() == ["+db-1"]


CLAIM = builders.pod_endpoint("web-1", claimed=(Address(IP),))


def test_a_claim_is_given_when_it_was_asked_about(watched: Watched) -> None:
    """Not before, and not at all once the status says what is true."""
    watched.tell(CLAIM)
    assert watched.given == [replace(CLAIM, claimed=())]
    assert watched.ask() == 0
    watched.clock.sleep(3)
    assert watched.ask() == 1
    assert watched.heard() == []
    assert watched.given == [CLAIM]
    watched.tell(WEB)
    assert watched.given == [WEB]
    watched.tell(replace(CLAIM, started="2026-03-01T00:00:00Z"))  # another pod
    assert watched.given == [replace(CLAIM, claimed=(), started="2026-03-01T00:00:00Z")]


def test_a_claim_against_somebody_comes_together_with_him(watched: Watched) -> None:
    watched.simulator.add(builders.pod("db-1", IP))
    watched.tell(CLAIM)
    watched.clock.sleep(3)
    watched.ask()
    assert watched.heard() == ["+db-1"]
    assert watched.given == [CLAIM]


def test_a_claim_that_cannot_be_asked_about_is_not_given(watched: Watched) -> None:
    watched.tell(CLAIM)
    watched.simulator.faults.forbid("pods")
    watched.ask_for(120)
    assert watched.heard() == []
    assert watched.given == [replace(CLAIM, claimed=())]


def test_a_claim_that_was_free_when_all_were_counted_is_not_asked_about(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the beginning, and one that came since at the next count."""
    watched.simulator.add(builders.pod("db-1", "10.1.0.2"))
    taken = builders.pod_endpoint("web-2", claimed=(Address("10.1.0.2"),))
    watched.known = {pod.key: pod for pod in (CLAIM, taken)}
    assert watched.strangers.look_around()
    assert watched.ask() == 1
    watched.known = {}
    assert watched.tell(CLAIM, taken) == ["+db-1"]
    assert watched.given == [CLAIM, taken]
    late = builders.pod_endpoint("web-3", claimed=(Address("10.1.0.3"),))
    watched.strangers.settle_down()
    watched.tell(CLAIM, taken, late)
    assert watched.given[-1] == replace(late, claimed=())
    watched.clock.sleep(1)  # no question is due yet
    monkeypatch.setattr(watched.census, "_due_at", 0.0)
    assert watched.strangers.look_around()
    watched.heard()
    assert watched.given[-1] == late


def test_of_further_networks_only_what_is_new_is_kept_back(watched: Watched) -> None:
    first, second = Address("10.9.0.1"), Address("10.9.0.2")
    before = replace(WEB, networks=(("a/b", (first,)),))
    after = replace(WEB, networks=(("a/b", (first,)), ("a/c", (second,))))
    watched.known = {before.key: before}
    watched.strangers.look_around()
    watched.known = {}
    watched.tell(before)
    assert watched.given == [before]
    watched.strangers.settle_down()
    watched.tell(after)
    assert watched.given == [replace(after, networks=(("a/b", (first,)), ("a/c", ())))]
    watched.clock.sleep(3)
    assert watched.ask() == 1
    watched.heard()
    assert watched.given == [after]
