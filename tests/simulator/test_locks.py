"""Locks finer than the ADOM's.

Sources: "How to FortiManager API", 013 (shapes of `lockinfo`); the probes `lock_matrix_probe` and
`per_policy_lock_probe` of ftnt-dspille/connector-fortinet-fortimanager-json-rpc (7.6.7).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fmgsync.simulator import Simulator
from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

WS = "/dvmdb/adom/prod/workspace"
POLICIES = "/pm/config/adom/prod/pkg/edge/default/firewall/policy"
ADDRESS = "/pm/config/adom/prod/obj/firewall/address"
Connect = Callable[..., Client]


def lock(number: int, verb: str = "lock") -> str:
    return f"{WS}/{verb}/pkg/edge/default/firewall/policy/{number}"


PACKAGE = f"{WS}/{{}}/pkg/edge/default"


@pytest.fixture
def two(start: Start, connect: Connect) -> tuple[Simulator, Client, Client]:
    """Per-policy locks, a package with policies 1 and 2, and two sessions."""
    simulator, client = start(small_seed(workspaceMode="normal", switches={"perPolicyLock": True}))
    client.data("exec", f"{WS}/lock")
    rule = {"policyid": 2, "srcintf": ["any"], "dstintf": ["any"], "srcaddr": ["db"]}
    client.data("add", POLICIES, rule)
    client.data("exec", f"{WS}/commit")
    client.data("exec", f"{WS}/unlock")
    return simulator, client, connect(simulator)


def comment(client: Client, number: int) -> str | None:
    value: str | None = client.get(f"{POLICIES}/{number}", fields=["comments"]).get("comments")
    return value


class TestPerPolicyLock:
    def test_it_needs_no_lock_of_the_package_and_covers_one_policy(
        self, two: tuple[Simulator, Client, Client]
    ) -> None:
        _, client, _ = two
        client.data("exec", lock(1))

        assert client.code("update", f"{POLICIES}/1", {"comments": "mine"}) == 0
        assert client.code("update", f"{POLICIES}/2", {"comments": "other"}) == -10147
        assert client.code("update", POLICIES, {"policyid": 1, "comments": "mine 2"}) == 0
        both = [{"policyid": 1, "comments": "x"}, {"policyid": 2, "comments": "x"}]
        assert client.code("update", POLICIES, both) == -10147
        assert client.code("add", POLICIES, {"srcintf": ["any"], "dstintf": ["any"]}) == -10147
        assert client.code("delete", f"{POLICIES}/1") == -10147
        assert client.code("move", f"{POLICIES}/1", option="after", target="2") == -10147
        assert client.code("update", f"{ADDRESS}/db", {"comment": "x"}) == -10147

    def test_only_a_commit_of_the_package_saves(
        self, two: tuple[Simulator, Client, Client]
    ) -> None:
        _, client, other = two
        for url in (lock(1, "commit"), f"{WS}/commit"):
            client.data("exec", lock(1))
            client.data("update", f"{POLICIES}/1", {"comments": "mine"})
            client.data("exec", url)
            client.data("exec", lock(1, "unlock"))
            assert comment(other, 1) is None
        client.data("exec", lock(1))
        client.data("update", f"{POLICIES}/1", {"comments": "mine"})
        client.data("exec", PACKAGE.format("commit"))
        client.data("exec", lock(1, "unlock"))

        assert comment(other, 1) == "mine"

    def test_two_sessions_edit_two_policies_of_one_package(
        self, two: tuple[Simulator, Client, Client]
    ) -> None:
        _, client, other = two
        for session, number in ((client, 1), (other, 2)):
            session.data("exec", lock(number))
            session.data("update", f"{POLICIES}/{number}", {"comments": f"c{number}"})
        for session, number in ((client, 1), (other, 2)):
            session.data("exec", PACKAGE.format("commit"))
            session.data("exec", lock(number, "unlock"))

        assert [comment(client, number) for number in (1, 2)] == ["c1", "c2"]

    def test_what_it_keeps_others_from(self, two: tuple[Simulator, Client, Client]) -> None:
        _, client, other = two
        client.data("exec", lock(1))

        assert client.code("exec", lock(1)) == 0
        urls = (lock(1), PACKAGE.format("lock"), f"{WS}/lock", lock(2))
        assert [other.code("exec", url) for url in urls] == [-20055, -20055, -20055, 0]
        other.data("exec", lock(2, "unlock"))
        client.data("exec", lock(1, "unlock"))
        other.data("exec", PACKAGE.format("lock"))
        assert client.code("exec", lock(1)) == -20055

    def test_switched_off_it_is_granted_to_all_and_means_nothing(
        self, two: tuple[Simulator, Client, Client]
    ) -> None:
        _, client, other = two
        off = {"per-policy-lock": "disable"}
        assert client.code("set", "/cli/global/system/global", off) == -11
        other.data("set", "/cli/global/system/global", off)
        shown = client.get("/cli/global/system/global", fields=["per-policy-lock"])
        assert shown == {"per-policy-lock": "disable"}

        assert [session.code("exec", lock(1)) for session in (client, other)] == [0, 0]
        assert client.code("update", f"{POLICIES}/1", {"comments": "x"}) == -10147
        assert client.one("get", lock(1, "lockinfo")).keys() == {"status", "url"}

    @pytest.mark.parametrize("number", [9, 0])
    def test_a_policy_that_is_not_there(
        self, two: tuple[Simulator, Client, Client], number: int
    ) -> None:
        _, client, _ = two

        assert client.code("exec", lock(number)) == -6
        assert client.code("exec", f"{WS}/lock/pkg/ghost/firewall/policy/1") == -6

    def test_an_object_may_be_locked_under_it(self, two: tuple[Simulator, Client, Client]) -> None:
        _, client, _ = two
        url = f"{WS}/lock/obj/firewall/address/db"
        assert client.code("exec", url) == -20017
        client.data("exec", lock(1))
        client.data("exec", url)

        assert client.code("update", f"{ADDRESS}/db", {"comment": "x"}) == 0
        assert client.code("update", f"{ADDRESS}/spare", {"comment": "x"}) == -10147


class TestWhoHoldsWhat:
    KEYS = "db_mode dev_oid dirty flags lock_sid lock_time lock_user obj_cat obj_oid obj_url type"

    def test_a_package_has_a_shape_of_its_own(self, two: tuple[Simulator, Client, Client]) -> None:
        _, client, other = two
        assert client.one("get", PACKAGE.format("lockinfo")).keys() == {"status", "url"}
        client.data("exec", PACKAGE.format("lock"))

        [held] = other.get(PACKAGE.format("lockinfo"))
        assert sorted(held) == [*self.KEYS.split(), "wfsid"]
        package = other.get("/pm/pkg/adom/prod/edge/default")
        assert (held["obj_url"], held["obj_oid"]) == ("edge/default", package["oid"])
        assert (held["type"], held["lock_user"], held["dirty"]) == (2, "fmgsync", 0)
        client.data("update", f"{POLICIES}/1", {"comments": "x"})
        assert other.get(PACKAGE.format("lockinfo"))[0]["dirty"] == 1
        assert other.one("get", f"{WS}/lockinfo").keys() == {"status", "url"}

    def test_policies_are_told_at_their_package(
        self, two: tuple[Simulator, Client, Client]
    ) -> None:
        _, client, other = two
        client.data("exec", lock(1))
        other.data("exec", lock(2))

        told = client.get(PACKAGE.format("lockinfo"))
        assert [(held["lock_user"], held["obj_url"]) for held in told] == [
            ("fmgsync", "edge/default/firewall/policy/1"),
            ("alice", "edge/default/firewall/policy/2"),
        ]
        assert client.get(lock(2, "lockinfo"))[0]["lock_user"] == "alice"

    def test_the_adom_tells_whether_it_is_dirty(
        self, two: tuple[Simulator, Client, Client]
    ) -> None:
        _, client, _ = two
        client.data("exec", f"{WS}/lock")

        [held] = client.get(f"{WS}/lockinfo")
        assert (held["adom_dirty"], held["obj_url"], held["obj_oid"]) == (0, "", 0)

    def test_devices_are_told_too(self, two: tuple[Simulator, Client, Client]) -> None:
        _, client, other = two
        client.data("exec", f"{WS}/lock/dev/east-1")

        [held] = other.get(f"{WS}/lockinfo/dev/east-1")
        oid = other.get("/dvmdb/adom/prod/device/east-1")["oid"]
        assert (held["obj_url"], held["obj_oid"], "adom_dirty" in held) == ("east-1", oid, False)


@pytest.mark.parametrize(
    ("method", "url", "data", "code"),
    [
        ("update", f"{ADDRESS}/db", {"comment": "by hand"}, 0),
        ("set", f"{ADDRESS}/db", {"subnet": "10.9.0.1/32"}, 0),
        ("update", f"{POLICIES}/1", {"name": "web"}, 0),
        ("update", f"{ADDRESS}/db", {"comment": "else"}, -10147),
        ("set", ADDRESS, {"name": "new", "subnet": "10.0.0.1/32"}, -10147),
        ("add", ADDRESS, {"name": "db"}, -10147),
        ("delete", f"{ADDRESS}/spare", None, -10147),
        ("update", f"{ADDRESS}/ghost", {"comment": "x"}, -3),
    ],
)
def test_a_write_that_changes_nothing_needs_no_lock(
    start: Start, method: str, url: str, data: object, code: int
) -> None:
    _, client = start(small_seed(workspaceMode="normal"))

    assert client.code(method, url, data) == code
    assert client.get(f"{WS}/dirty") == {"dirty": 0}
