"""Locks: taken only when free, proven to be ours, always given back, never believed blindly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.model.address import parse
from fmgsync.model.adom import Workspace
from fmgsync.model.change import Action, AdomPlan, Change, ObjectKind
from fmgsync.targets.fortimanager import workspace
from fmgsync.targets.fortimanager.answers import Place
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.fortimanager.target import FortiManagerAdom
from fmgsync.targets.protocol import Question
from tests.targets.conftest import REF, Start, Unit, seed
from tests.targets.hardship import Before, Rewriting
from tests.targets.wanted import ONE, plan_for, reconcile

PLACE = Place("hq", "prod")
LOCK = "/dvmdb/adom/prod/workspace/lock"
UNLOCK = "/dvmdb/adom/prod/workspace/unlock"
ADDRESS = Change(Action.CREATE, ObjectKind.ADDRESS, "prod_10.1.0.5", "", value=parse("10.1.0.5"))


@pytest.fixture
def unit(start: Start) -> Unit:
    return start(seed(workspaceMode="normal"))


@contextmanager
def locked_by(unit: Unit, user: str, password: str) -> Iterator[Session]:
    with unit.session(user, password) as session:
        assert session.call("exec", [{"url": LOCK}])[0].ok
        yield session


def holders(unit: Unit) -> list[str]:
    with unit.session("alice", "wonder") as session:
        return [row.user for row in workspace.read_lockinfo(session, PLACE)]


def test_a_plan_is_written_committed_and_the_lock_given_back(unit: Unit) -> None:
    adom = unit.adom()
    report = reconcile(adom, {"web": {ONE: "10.1.0.5"}})
    assert report.refused == ()
    assert holders(unit) == []
    with unit.session("alice", "wonder") as session:
        url = "/pm/config/adom/prod/obj/firewall/addrgrp/web"
        assert session.read({"url": url})["name"] == "web", "committed: others see it"
    assert plan_for(adom, {"web": {ONE: "10.1.0.5"}}).changes == ()


def test_a_pass_without_changes_takes_no_lock(unit: Unit) -> None:
    with locked_by(unit, "alice", "wonder"):
        assert unit.adom().write(AdomPlan(REF)).requests == 0


def test_the_holder_of_a_lock_is_named_and_nothing_is_written(unit: Unit) -> None:
    with locked_by(unit, "alice", "wonder"):
        with pytest.raises(errors.LockHeld) as caught:
            unit.adom(lock_wait_s=0).write(AdomPlan(REF, (ADDRESS,)))
        assert "'alice' since 2026-" in caught.value.message
        assert caught.value.retryable
    assert ("ipv4", ADDRESS.name) not in unit.adom().look(Question(objects=[])).objects().addresses


def test_a_lock_is_waited_for_up_to_a_limit(unit: Unit) -> None:
    began = unit.clock.now()
    with locked_by(unit, "alice", "wonder"), pytest.raises(errors.LockHeld):
        unit.adom(lock_wait_s=60).write(AdomPlan(REF, (ADDRESS,)))
    assert 60 <= unit.clock.now() - began < 80


def test_a_lock_given_back_while_we_wait_is_taken(unit: Unit) -> None:
    """The human unlocks when our clock has moved, that is, when we have begun to wait."""
    with unit.session("alice", "wonder") as alice:
        assert alice.call("exec", [{"url": LOCK}])[0].ok
        began = unit.clock.now()
        done = threading.Event()

        def unlock_later() -> None:
            while unit.clock.now() == began and not done.is_set():
                pass
            alice.call("exec", [{"url": UNLOCK}])

        human = threading.Thread(target=unlock_later)
        human.start()
        try:
            report = unit.adom(lock_wait_s=3600).write(AdomPlan(REF, (ADDRESS,)))
        finally:
            done.set()
            human.join()
    assert report.written == (ADDRESS,)


def test_our_own_orphan_is_explained(unit: Unit) -> None:
    """The same administrator in another session is refused like anybody else."""
    with locked_by(unit, "fmgsync", "secret") as orphan:
        number = orphan.number()
        with pytest.raises(errors.LockHeld, match="our own administrator") as caught:
            unit.adom(lock_wait_s=0).write(AdomPlan(REF, (ADDRESS,)))
        assert f"admin-session kill {number}" in str(caught.value)


def test_a_package_somebody_has_locked_is_waited_for_too(unit: Unit) -> None:
    with unit.session("alice", "wonder") as alice:
        assert alice.call("exec", [{"url": f"{LOCK}/pkg/edge/default"}])[0].ok
        with pytest.raises(errors.LockHeld, match="package"):
            unit.adom(lock_wait_s=0).write(AdomPlan(REF, (ADDRESS,)))


def test_changes_that_are_not_committed_are_discarded(unit: Unit) -> None:
    with unit.session() as session:
        with workspace.holding(session, "prod", Workspace.NORMAL, clock=unit.clock, wait_s=0):
            url = "/pm/config/adom/prod/obj/firewall/address"
            assert session.call("add", [{"url": url, "data": {"name": "x"}}])[0].ok
        assert session.call("get", [{"url": f"{url}/x"}])[0].code == -3


def test_the_lock_is_given_back_when_writing_fails(unit: Unit) -> None:
    with (
        unit.session() as session,
        pytest.raises(ZeroDivisionError),
        workspace.holding(session, "prod", Workspace.NORMAL, clock=unit.clock, wait_s=0),
    ):
        raise ZeroDivisionError
    assert holders(unit) == []


def test_a_lock_that_went_is_noticed_before_the_commit(unit: Unit) -> None:
    """`commit` would answer OK without any lock."""

    def commit_after_losing_it(session: Session) -> None:
        with workspace.holding(
            session, "prod", Workspace.NORMAL, clock=unit.clock, wait_s=0
        ) as lock:
            assert session.call("exec", [{"url": UNLOCK}])[0].ok
            lock.commit()

    with unit.session() as session, pytest.raises(errors.LockLost, match="starts over"):
        commit_after_losing_it(session)


def test_a_session_killed_under_the_lock_is_a_lost_lock_not_a_missing_right(unit: Unit) -> None:
    def edit_after_the_kill(session: Session) -> None:
        with workspace.holding(session, "prod", Workspace.NORMAL, clock=unit.clock, wait_s=0):
            unit.kill(session)
            session.read({"url": "/dvmdb/adom/prod"})

    with unit.session() as session:
        with pytest.raises(errors.LockLost, match="ended"):
            edit_after_the_kill(session)
        assert session.logins == 1, "a new session would write without the lock"


def test_an_administrator_who_may_only_read_is_told_so(unit: Unit) -> None:
    reader = FortiManagerAdom(
        REF, owner="prod", open_session=lambda: unit.session("reader", "look"), clock=unit.clock
    )
    with pytest.raises(errors.PermissionDenied, match="rpc-permit"):
        reader.write(AdomPlan(REF, (ADDRESS,)))
    assert holders(unit) == []


def keeps_its_number(body: dict[str, Any]) -> None:
    if isinstance(body.get("session"), int):
        del body["session"]


def test_a_unit_that_does_not_tell_a_session_its_number(unit: Unit) -> None:
    """Then the lock is ours if the ADOM was free, we were not refused, and it bears our name."""
    adom = unit.adom(adapter=Rewriting(keeps_its_number), lock_wait_s=0)
    assert reconcile(adom, {"web": {ONE: "10.1.0.5"}}).refused == ()
    assert holders(unit) == []
    with locked_by(unit, "fmgsync", "secret"), pytest.raises(errors.LockHeld):
        adom.write(AdomPlan(REF, (ADDRESS,)))
    with locked_by(unit, "alice", "wonder"), pytest.raises(errors.LockHeld):
        adom.write(AdomPlan(REF, (ADDRESS,)))


@pytest.mark.parametrize("answer", ["nothing", "the lock of another"])
def test_a_lock_that_cannot_be_proven_is_not_believed(unit: Unit, answer: str) -> None:
    """The unit said OK, but lockinfo does not show us as the holder."""

    def lie(body: dict[str, Any]) -> None:
        for element in body["result"]:
            if "lockinfo" in element["url"] and "data" in element:
                if answer == "nothing":
                    del element["data"]
                else:
                    element["data"][0]["lock_sid"] = 1

    with pytest.raises(errors.LockHeld):
        unit.adom(adapter=Rewriting(lie), lock_wait_s=0).write(AdomPlan(REF, (ADDRESS,)))
    assert holders(unit) == [], "what was taken is given back"


@pytest.mark.parametrize(("own", "locks"), [("normal", 1), ("disabled", 0)])
def test_with_per_adom_workspaces_the_adoms_own_mode_decides(
    start: Start, own: str, locks: int
) -> None:
    unit = start(seed(workspaceMode="per-adom", adom={"workspaceMode": own}))
    assert reconcile(unit.adom(), {"web": {ONE: "10.1.0.5"}}).refused == ()
    assert len(unit.simulator.requests.locks()) == locks
    assert plan_for(unit.adom(), {"web": {ONE: "10.1.0.5"}}).changes == ()


def test_an_api_key_is_good_enough_where_the_lock_can_be_proven(unit: Unit) -> None:
    assert reconcile(unit.keyed(), {"web": {ONE: "10.1.0.5"}}).refused == ()
    assert holders(unit) == []


def test_an_api_key_is_refused_where_it_cannot(unit: Unit) -> None:
    """A unit that opens a session per request would leave locks that nobody can give back."""

    def forget() -> None:
        world = unit.simulator.world
        with world.lock:
            for one in world.sessions.all():
                world.sessions.end(one)

    adom = unit.keyed(Before(forget))
    with pytest.raises(errors.PermissionDenied, match="user"):
        adom.write(AdomPlan(REF, (ADDRESS,)))
    assert unit.simulator.requests.locks() == []
