"""Requests over HTTPS: who is let in, what is repeated, and which unit it is that answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fmgsync import errors
from fmgsync.simulator import Simulator
from fmgsync.targets.fortigate import answers, tables, urls
from fmgsync.targets.fortigate.answers import Answer
from fmgsync.targets.fortigate.session import Session
from fmgsync.targets.fortigate.urls import Table
from tests.targets.fortigate.conftest import Branch

ADDRESSES = urls.table(Table.ADDRESS, "root", {"format": "name", "start": 0, "count": 5})
NEW = {"name": "x", "type": "ipmask", "subnet": "10.0.0.1 255.255.255.255"}


def read(session: Session) -> str:
    with session:
        return session.read(ADDRESSES).revision


def test_the_unit_says_who_it_is_in_every_answer(branch: Branch) -> None:
    with branch.session() as session:
        assert tables.revision(session, Table.GROUP, "root")
    assert session.serial == branch.box.serial
    assert session.release == (7, 4, 5)
    assert session.requests == 1


def test_the_key_is_in_a_header_and_nowhere_else(branch: Branch) -> None:
    read(branch.session())
    assert all(
        "k3y" not in url for entry in branch.simulator.requests.since() for url in entry.urls
    )
    assert "k3y" not in repr(branch.access())
    assert "k3y" not in repr(branch.session())


@pytest.mark.parametrize("hosts", [[], ["192.0.2.0/24"]], ids=["wrong key", "wrong source"])
def test_401_names_key_source_and_expiry(boot: Callable[..., Branch], hosts: list[str]) -> None:
    """The unit answers all three alike, with a page of HTML."""
    users = [{"name": "fmgsync", "key": "k3y", "trustHosts": hosts}]
    branch = boot(apiUsers=users)
    with pytest.raises(errors.LoginRefused) as caught:
        read(branch.session("k3y" if hosts else "wr0ng"))
    assert "127.0.0.1" in caught.value.message
    for word in ("key", "expired"):
        assert word in caught.value.message
    assert "trusted hosts" in (caught.value.next_step or "")


def test_a_key_that_rotates_is_refused_and_the_new_one_is_not(branch: Branch) -> None:
    with branch.session() as session:
        session.read(ADDRESSES)
        branch.box.rotate_key("fmgsync", "n3w")
        with pytest.raises(errors.LoginRefused):
            session.read(ADDRESSES)
    assert read(branch.session("n3w"))


@pytest.mark.parametrize("step_s", [7.0, 19.0, 33.0])
def test_an_old_key_is_used_for_a_minute_at_most(branch: Branch, step_s: float) -> None:
    """Both keys are good on the unit; the one that is kept is another from some moment on."""
    kept = "k3y"
    access = branch.access(reread=lambda: kept)
    with Session(access, clock=branch.clock) as session:
        session.read(ADDRESSES)
        for _ in range(7):
            branch.clock.sleep(step_s)
            session.read(ADDRESSES)
        kept, replaced_at = "adv1sed", branch.clock.now()
        last_old = replaced_at
        for _ in range(int(130 / step_s)):
            branch.clock.sleep(step_s)
            session.read(ADDRESSES)
            if branch.simulator.requests.since(0)[-1].user == "fmgsync":
                last_old = branch.clock.now()
    assert last_old - replaced_at <= 60
    assert branch.simulator.requests.since(0)[-1].user == "advised"


def test_a_vdom_outside_the_key_is_refused(boot: Callable[..., Branch]) -> None:
    branch = boot(apiUsers=[{"name": "fmgsync", "key": "k3y", "vdoms": ["dmz"]}])
    with branch.session() as session:
        session.read(urls.table(Table.ADDRESS, "dmz"))
        with pytest.raises(errors.TargetError) as caught:
            session.read(urls.table(Table.ADDRESS, "root"))
    assert isinstance(caught.value, errors.PermissionDenied | errors.LoginRefused)
    assert "VDOM root" in str(caught.value)


def test_a_vdom_that_is_not_there_is_an_error(branch: Branch) -> None:
    with branch.session() as session, pytest.raises(errors.TargetError) as caught:
        session.read(urls.table(Table.ADDRESS, "nowhere"))
    assert "VDOM nowhere" in str(caught.value)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset-before"},
        {"kind": "reset-after"},
        {"kind": "http-error", "status": 503},
        {"kind": "http-error", "status": 502},
        {"kind": "garbage"},
        {"kind": "truncate"},
    ],
    ids=lambda fault: f"{fault['kind']} {fault.get('status', '')}",
)
def test_reading_is_repeated(boot: Callable[..., Branch], fault: dict[str, object]) -> None:
    branch = boot(faults={"faults": [fault]})
    assert read(branch.session())
    assert len(branch.asked()) >= 1


@pytest.mark.parametrize("status", [429, 503])
def test_the_unit_is_left_alone_as_long_as_it_asks(
    boot: Callable[..., Branch], status: int
) -> None:
    fault = {"kind": "http-error", "status": status, "retryAfter": 40}
    branch = boot(faults={"faults": [fault]})
    began = branch.clock.now()
    read(branch.session())
    assert branch.clock.now() - began >= 40


def test_after_repeated_refusals_the_pass_ends(boot: Callable[..., Branch]) -> None:
    fault = {"kind": "http-error", "status": 429, "retryAfter": 1, "times": 0}
    branch = boot(faults={"faults": [fault]})
    with pytest.raises(errors.UnitBusy) as caught:
        read(branch.session())
    assert caught.value.retryable
    assert len(branch.asked()) == 3


def test_a_write_of_unknown_outcome_is_not_repeated_blindly(boot: Callable[..., Branch]) -> None:
    branch = boot(faults={"faults": [{"kind": "reset-after", "method": "POST"}]})
    with branch.session() as session, pytest.raises(errors.OutcomeUnknown):
        session.write("POST", urls.table(Table.ADDRESS, "root"), NEW)
    assert branch.asked() == ["POST cmdb/firewall/address"]


def test_a_write_that_was_not_begun_is_sent_again(boot: Callable[..., Branch]) -> None:
    branch = boot(faults={"faults": [{"kind": "http-error", "status": 503, "method": "POST"}]})
    with branch.session() as session:
        assert session.write("POST", urls.table(Table.ADDRESS, "root"), NEW).ok
    assert "x" in branch.box.names("firewall address")


def test_another_serial_number_ends_everything(branch: Branch) -> None:
    """After a failover nothing that was read counts any more."""
    with branch.session() as session:
        session.read(ADDRESSES)
        branch.box.fail_over()
        with pytest.raises(errors.OtherUnit, match="failover") as caught:
            session.read(ADDRESSES)
    assert caught.value.retryable


def test_a_fortimanager_is_no_fortigate(branch: Branch) -> None:
    with Simulator({}, strict=True) as fortimanager:
        access = branch.access(host=fortimanager.host, ca_file=Path(fortimanager.ca_file))
        session = Session(access, clock=branch.clock)
        with pytest.raises(errors.TargetError) as caught:
            read(session)
    assert "FortiGate" in caught.value.message


def test_the_certificate_is_verified(branch: Branch) -> None:
    with pytest.raises(errors.UntrustedCertificate, match="not trusted"):
        read(branch.session(ca_file=None))


@pytest.mark.parametrize("key", ["", "a b", "k\u00e9y", "x\ny"])
def test_what_cannot_be_a_key_is_refused_before_anything_is_sent(branch: Branch, key: str) -> None:
    with pytest.raises(errors.LoginRefused) as caught:
        branch.session(key).open()
    assert not key or key not in str(caught.value)
    assert branch.asked() == []


def test_the_proxy_of_the_environment_is_ignored(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert read(branch.session())


def test_work_on_many_objects_ends_with_the_first_error(branch: Branch) -> None:
    """What is under way ends; nothing new is begun."""
    done: list[int] = []

    def work(number: int) -> int:
        if number == 3:
            raise errors.UnitBusy("no")
        done.append(number)
        return number

    with branch.session(connections=4) as session:
        assert session.each(lambda n: n * 2, [1, 2, 3]) == [2, 4, 6]
        with pytest.raises(errors.UnitBusy):
            session.each(work, list(range(100)))
    assert len(done) < 20


def test_the_answer_to_another_request_is_none(branch: Branch) -> None:
    """Something on the way lost its place: read once more; of a write nothing is known."""
    groups = urls.table(Table.GROUP, "root")
    with branch.session() as session:
        session.read(ADDRESSES)
        branch.simulator.faults.add("misdirected")
        names = {row["name"] for row in session.read(groups).results}
        assert names
        assert names.isdisjoint({"all", "none"})
        branch.simulator.faults.add("misdirected")
        with pytest.raises(errors.OutcomeUnknown, match="another request"):
            session.write("POST", urls.table(Table.ADDRESS, "root"), NEW)
    assert "x" in branch.box.names("firewall address")


@pytest.mark.parametrize(
    ("asked", "method", "url", "is_another"),
    [
        (("GET", "firewall", "address", ""), "GET", "firewall/address", False),
        (("GET", "firewall", "address", ""), "GET", "firewall/address6", True),
        (("GET", "firewall", "addrgrp", "a"), "GET", "firewall/addrgrp/a", False),
        (("GET", "firewall", "addrgrp", "b"), "GET", "firewall/addrgrp/a", True),
        (("PUT", "firewall", "addrgrp", "a b"), "PUT", "firewall/addrgrp/a%20b", False),
        (("GET", "firewall", "addrgrp", "a"), "DELETE", "firewall/addrgrp/a", True),
        (("POST", "firewall", "address", "new"), "POST", "firewall/address", False),
        # A release that says less, and an action, which has no place.
        (("", "", "", ""), "GET", "firewall/address", False),
        (("POST", "", "", ""), "POST", "?action=transaction-start", False),
    ],
)
def test_what_an_answer_says_it_answers(
    asked: tuple[str, str, str, str], method: str, url: str, is_another: bool
) -> None:
    answer = Answer(200, ok=True, asked=asked)
    text = f"/api/v2/cmdb/{url}" if not url.startswith("?") else f"/api/v2/cmdb{url}"
    assert bool(answers.of_another(answer, method, text)) is is_another
