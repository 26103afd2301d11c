"""Approvals and the guard's account, through documents and back."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync import errors
from fmgsync.model.address import Family
from fmgsync.model.change import Hold
from fmgsync.model.memory import History, Size
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.state.memory import Memory
from fmgsync.state.units import Units

PROD, LAB = TargetRef("hq", "prod"), TargetRef("hq", "lab")
EAST = DeviceVdom("fgt-east", "root")
NOW = 1_000_000.0
DAY = 24 * 3600.0


class Texts:
    """Documents in a dictionary, as another implementation would keep them."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.writes = 0

    def where(self, name: str) -> str:
        return f"memory/{name}"

    def read(self, name: str) -> str | None:
        return self.texts.get(name)

    def update(self, name: str, change: Callable[[str | None], str]) -> None:
        """Calls `change` twice, as a conflict would."""
        change(self.texts.get(name))
        self.texts[name] = change(self.texts.get(name))
        self.writes += 1


@pytest.fixture
def texts() -> Texts:
    return Texts()


@pytest.fixture
def memory(texts: Texts) -> Memory:
    return Memory(texts)


def hold(digest: str, message: str = "12 of 20 members fewer within 1h") -> Hold:
    return Hold("held-removals", "web", message, EAST, digest=digest)


def approve(memory: Memory, digest: str, *, for_s: float = 3600) -> list[str]:
    approved = memory.approve(digest, who="ann", reason="CHG-7", now=NOW, expires_at=NOW + for_s)
    return [one.digest for one in approved]


def test_a_held_part_is_approved_by_its_digest(memory: Memory) -> None:
    memory.show("plan", [(PROD, hold("aa")), (PROD, hold("bb"))], NOW)
    assert approve(memory, "aa") == ["aa"]
    (approval,) = memory.approvals(NOW)
    assert (approval.who, approval.reason) == ("ann", "CHG-7")
    assert approval.message == "hq/prod: web on fgt-east/root: 12 of 20 members fewer within 1h"


def test_a_plans_digest_approves_all_it_has_shown(memory: Memory) -> None:
    memory.show("plan-1", [(PROD, hold("aa"))], NOW)
    memory.show("plan-2", [(PROD, hold("aa")), (LAB, hold("bb"))], NOW)
    memory.show("plan-3", [(PROD, hold("cc"))], NOW)
    assert approve(memory, "plan-2") == ["aa", "bb"]


def test_what_was_never_shown_cannot_be_approved(memory: Memory) -> None:
    with pytest.raises(errors.UsageError, match="nothing that waits was shown under 'zz'") as told:
        approve(memory, "zz")
    assert told.value.where == "memory/decisions"
    assert "'fmgsync plan' shows what waits" in (told.value.next_step or "")
    assert memory.approvals(NOW) == ()


def test_an_approval_ends(memory: Memory) -> None:
    memory.show("plan", [(PROD, hold("aa"))], NOW)
    approve(memory, "aa", for_s=60)
    assert [one.digest for one in memory.approvals(NOW + 59)] == ["aa"]
    assert memory.approvals(NOW + 60) == ()


def test_an_approval_counts_once(memory: Memory) -> None:
    memory.show("plan", [(PROD, hold("aa")), (PROD, hold("bb"))], NOW)
    approve(memory, "plan")
    memory.spend(["aa"])
    assert [one.digest for one in memory.approvals(NOW)] == ["bb"]
    with pytest.raises(errors.UsageError):
        approve(memory, "aa")


def test_who_approves_lets_go_of_what_has_ended(memory: Memory) -> None:
    memory.show("plan", [(PROD, hold("aa")), (PROD, hold("bb")), (PROD, hold("cc"))], NOW)
    approve(memory, "aa", for_s=60)
    approve(memory, "bb", for_s=61)
    assert [one.digest for one in memory.approved()] == ["aa", "bb"]
    memory.approve("cc", who="bob", reason="", now=NOW + 60, expires_at=NOW + 70)
    assert [one.digest for one in memory.approved()] == ["bb", "cc"]


def test_approving_again_renews(memory: Memory) -> None:
    memory.show("plan", [(PROD, hold("aa"))], NOW)
    approve(memory, "aa", for_s=60)
    approve(memory, "aa", for_s=120)
    assert [one.expires_at for one in memory.approvals(NOW)] == [NOW + 120]


def test_an_approval_can_be_taken_back(memory: Memory) -> None:
    memory.show("plan", [(PROD, hold("aa")), (PROD, hold("bb"))], NOW)
    approve(memory, "plan")
    assert [one.digest for one in memory.withdraw("aa")] == ["aa"]
    assert [one.digest for one in memory.approvals(NOW)] == ["bb"]
    with pytest.raises(errors.UsageError, match="was shown under 'aa'"):
        memory.withdraw("aa")


def test_showing_the_same_again_writes_nothing(memory: Memory, texts: Texts) -> None:
    memory.show("plan", [(PROD, hold("aa"))], NOW)
    memory.show("plan", [(PROD, hold("aa"))], NOW + 60)
    memory.show("other", [], NOW)
    assert texts.writes == 1


def test_what_was_shown_long_ago_is_forgotten(memory: Memory) -> None:
    memory.show("plan", [(PROD, hold("aa"))], NOW)
    memory.show("plan", [(LAB, Hold("held", "db", "more", digest="bb"))], NOW + DAY)
    assert [one.message for one in memory.shown()] == [
        "hq/lab: db: more",
        "hq/prod: web on fgt-east/root: 12 of 20 members fewer within 1h",
    ]
    for digest, days, shown in (
        ("cc", 7, ["cc", "bb"]),
        ("ahead", 20, ["ahead"]),
        ("dd", 7, ["dd"]),
    ):
        memory.show("later", [(PROD, hold(digest))], NOW + days * DAY)
        assert [one.digest for one in memory.shown()] == shown


def test_what_is_shown_again_is_not_forgotten_meanwhile(memory: Memory) -> None:
    """It was shown an hour ago, so it can be approved, whatever others show."""
    for hour in range(8 * 24):
        memory.show("plan", [(PROD, hold("aa"))], NOW + hour * 3600)
    memory.show("other", [(LAB, hold("bb"))], NOW + 8 * DAY)
    assert approve(memory, "aa") == ["aa"]


def test_a_plan_counts_however_often_another_shows_the_same(memory: Memory) -> None:
    """Twenty plans are kept of each part, and each of them once."""
    memory.show("first", [(PROD, hold("aa"))], NOW)
    for number in range(25):
        memory.show("again", [(PROD, hold("aa")), (PROD, hold(f"{number}"))], NOW)
    assert approve(memory, "first") == ["aa"]
    for number in range(19):
        memory.show(f"plan-{number}", [(PROD, hold("aa"))], NOW)
    with pytest.raises(errors.UsageError):
        approve(memory, "first")
    assert approve(memory, "plan-0") == ["aa"]


def test_each_adom_and_owner_has_its_own_account(memory: Memory) -> None:
    mine, theirs = History(NOW), History(NOW + 5)
    memory.remember("prod", PROD, lambda _: mine)
    memory.remember("prod", LAB, lambda _: theirs)
    assert memory.history("prod", PROD) == mine
    assert memory.history("prod", LAB) == theirs
    assert memory.history("other", PROD) is None


def history_text(*, places: list[str], members: object = 5) -> str:
    size = {"at": 1, "family": "ipv4", "name": "w", "places": places, "members": members}
    adom = {"owner": "prod", "fortimanager": "hq", "adom": "prod", "since": 1, "sizes": [size]}
    return json.dumps({"version": 1, "adoms": [adom]})


DAMAGED = {
    "no JSON": ("{", "it is damaged"),
    "nothing": ("", "it is damaged"),
    "another shape": ('{"version": 1, "adoms": 5}', "it is damaged"),
    "a key nobody knows": ('{"version": 1, "extra": 5}', "it is damaged"),
    "no version": ("{}", "it is damaged"),
    "a newer one": ('{"version": 2, "adoms": {}}', "written by a newer fmgsync"),
    "no number": (history_text(places=[""], members="many"), "it is damaged"),
    "no VDOM": (history_text(places=["x/"]), "it is damaged: 'x/' is no device/vdom"),
    "no device": (history_text(places=["/x"]), "it is damaged: '/x' is no device/vdom"),
    "no date": (history_text(places=[""]).replace('"since": 1', '"since": 1e300'), "it is damaged"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_document_that_cannot_be_trusted_is_an_error(
    case: str, memory: Memory, texts: Texts
) -> None:
    """It names the document and says what losing it means; nothing is written over it."""
    text, message = DAMAGED[case]
    texts.texts["guard"] = text
    with pytest.raises(errors.StateError, match=message) as caught:
        memory.history("prod", PROD)
    assert caught.value.where == "memory/guard"
    assert caught.value.next_step is not None
    with pytest.raises(errors.StateError) as caught:
        memory.remember("prod", PROD, lambda _: History(NOW))
    assert (caught.value.where, texts.texts["guard"]) == ("memory/guard", text)


def test_damaged_decisions_are_an_error(memory: Memory, texts: Texts) -> None:
    texts.texts["decisions"] = '{"version": 1, "approvals": [{"digest": "aa"}]}'
    with pytest.raises(errors.StateError, match="memory/decisions: it is damaged"):
        memory.approvals(NOW)


sizes = st.builds(
    Size,
    st.sampled_from(Family),
    st.sampled_from(["web", "db"]),
    st.sampled_from([None, EAST, DeviceVdom("fgt-west", "dmz")]),
    st.integers(0, 3),
    at=st.sampled_from([1.0, 2.0, 3.5]),
)


@given(found=st.lists(sizes, max_size=8, unique_by=lambda m: (m.family, m.name, m.place, m.at)))
@settings(deadline=None, max_examples=100)
def test_a_history_survives_its_document(found: list[Size]) -> None:
    """Sizes that several devices share are written once and read as many."""
    history = History(0.5, tuple(found))
    memory = Memory(Texts())
    memory.remember("prod", PROD, lambda _: history)
    read = memory.history("prod", PROD)
    assert read is not None
    assert read.since == 0.5
    assert set(read.sizes) == set(found)
    assert [size.at for size in read.sizes] == sorted(size.at for size in found)


def test_the_guards_account_is_replaced_for_one_adom_of_one_installation(
    memory: Memory, texts: Texts
) -> None:
    """By device, or by the group's own value; what others know stays."""
    places = (EAST, DeviceVdom("fgt-east", "dmz"), None)

    def sizes(at: float, members: int) -> tuple[Size, ...]:
        return tuple(Size(Family.IPV4, "web", place, members, at=at) for place in places)

    first = History(1.0, (*sizes(5.0, 2), *sizes(6.0, 2)))
    for owner, ref in (("prod", PROD), ("prod", LAB), ("stage", PROD)):
        memory.remember(owner, ref, lambda before: before or first)
    later = History(2.0, sizes(7.0, 3))
    memory.remember("prod", PROD, lambda before: later if before == first else History(0))
    assert memory.history("prod", PROD) == later
    assert memory.history("prod", LAB) == memory.history("stage", PROD) == first
    assert memory.history("stage", LAB) is None
    assert len(json.loads(texts.texts["guard"])["adoms"]) == 3


def test_what_is_known_of_a_unit_is_kept_under_the_name_that_it_had(texts: Texts) -> None:
    """Another unit under the same name begins anew."""
    units = Units(texts, {"hq": "10.0.0.1"})
    units.bind("hq", "one", remember=True)
    Memory(texts, units).remember("prod", PROD, lambda _: History(1.0))
    other = Units(texts, {"hq": "10.0.0.2"})
    other.bind("hq", "two", remember=True)
    memory = Memory(texts, other)
    assert memory.history("prod", PROD) is None
    memory.remember("prod", PROD, lambda before: before or History(2.0))
    assert Memory(texts, units).history("prod", PROD) == History(1.0)
    assert memory.history("prod", PROD) == History(2.0)


def test_what_two_plans_show_is_approved_by_either(texts: Texts) -> None:
    for plan in ("first", "second"):
        memory = Memory(texts)
        memory.show("first", [(PROD, hold("aa"))], NOW)
        memory.show("second", [(PROD, hold("aa"))], NOW)
        assert approve(memory, plan) == ["aa"]
