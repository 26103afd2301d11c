"""Workflow mode as published: lock, start, change, save, submit; somebody else approves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

ADDRESSES = "/pm/config/adom/prod/obj/firewall/address"
WS = "/dvmdb/adom/prod/workspace"
WF = "/dvmdb/adom/prod/workflow"
NEW = {"name": "new", "subnet": "10.0.0.1/32"}
Connect = Callable[..., Client]


@pytest.fixture
def client(start: Start) -> Client:
    seed = small_seed(workspaceMode="workflow")
    seed["admins"][0]["approver"] = False
    _, client = start(seed)
    return client


def edit(client: Client) -> int:
    """Lock, start and change something; the session's number."""
    client.data("exec", f"{WS}/lock")
    started = client.data("exec", f"{WF}/start")
    assert started["new_session"] == 1
    client.data("add", ADDRESSES, NEW)
    return int(started["sessionid"])


def test_the_urls_exist_in_this_mode_only(start: Start) -> None:
    _, client = start(small_seed(workspaceMode="normal"))
    assert client.code("exec", f"{WF}/start") == -9


def test_starting_needs_the_lock_and_writing_needs_a_session(client: Client) -> None:
    assert client.code("exec", f"{WF}/start") == -20017
    client.data("exec", f"{WS}/lock")
    assert client.code("add", ADDRESSES, NEW) == -10147
    client.data("exec", f"{WF}/start")
    assert client.code("add", ADDRESSES, NEW) == 0


def test_commit_is_no_way_around_the_approval(client: Client) -> None:
    edit(client)
    assert client.code("exec", f"{WS}/commit") == 0
    client.data("exec", f"{WS}/unlock")
    assert client.code("get", f"{ADDRESSES}/new") == -3


def test_submitting_needs_saving_and_ends_editing(client: Client) -> None:
    number = edit(client)
    assert client.code("exec", f"{WF}/submit/{number}") == -20044
    client.data("exec", f"{WF}/save/{number}")
    client.data("exec", f"{WF}/submit/{number}")
    assert client.get(WF)[0]["state"] == 2
    assert client.code("add", ADDRESSES, NEW | {"name": "more"}) == -10147
    assert client.code("exec", f"{WF}/approve/{number}") == -20020, "not by who made it"


def test_saved_changes_outlive_the_lock_and_come_back(client: Client) -> None:
    number = edit(client)
    client.data("exec", f"{WF}/save/{number}")
    client.data("exec", f"{WS}/unlock")
    assert client.code("get", f"{ADDRESSES}/new") == -3
    client.data("exec", f"{WS}/lock")
    assert client.data("exec", f"{WF}/start") == {"sessionid": number, "new_session": 0}
    assert client.code("get", f"{ADDRESSES}/new") == 0
    client.data("exec", f"{WF}/discard/{number}")
    assert client.code("get", f"{ADDRESSES}/new") == -3


@pytest.mark.parametrize(("verb", "code"), [("approve", 0), ("reject", -3)])
def test_the_approver_decides(start: Start, verb: str, code: int) -> None:
    seed = small_seed(workspaceMode="workflow")
    seed["admins"][0]["approver"] = True
    _, client = start(seed)
    number = edit(client)
    client.data("exec", f"{WF}/save/{number}")
    client.data("exec", f"{WF}/submit/{number}")
    client.data("exec", f"{WF}/{verb}/{number}")
    client.data("exec", f"{WS}/unlock")
    assert client.code("get", f"{ADDRESSES}/new") == code


def test_a_rejected_session_is_repaired_as_a_new_one(start: Start) -> None:
    seed = small_seed(workspaceMode="workflow")
    seed["admins"][0]["approver"] = True
    _, client = start(seed)
    number = edit(client)
    client.data("exec", f"{WF}/save/{number}")
    client.data("exec", f"{WF}/submit/{number}")
    assert client.code("exec", f"{WF}/repair/{number}") == -10, "nothing to repair"
    client.data("exec", f"{WF}/reject/{number}")
    repaired = client.data("exec", f"{WF}/repair/{number}")["sessionid"]
    assert repaired == number + 1
    assert client.code("get", f"{ADDRESSES}/new") == 0
    client.data("exec", f"{WF}/drop/{repaired}")
    assert client.code("get", f"{ADDRESSES}/new") == -3
    assert client.code("exec", f"{WF}/save/99") == -3


class TestSessionsAreRevisions:
    """ "How to FortiManager API", 013: how to trigger a workflow session diff."""

    @pytest.fixture
    def both(self, start: Start) -> Client:
        """Two sessions, submitted one on top of the other."""
        seed = small_seed(workspaceMode="workflow")
        seed["admins"][0]["approver"] = True
        _, client = start(seed)
        number = edit(client)
        rule = "/pm/config/adom/prod/pkg/edge/default/firewall/policy/1"
        client.data("update", rule, {"srcaddr": ["new"]})
        self._submit(client, number, "SR #001")
        number = client.data("exec", f"{WF}/start")["sessionid"]
        client.data("update", f"{ADDRESSES}/db", {"color": 7})
        self._submit(client, number, "SR #002")
        return client

    def _submit(self, client: Client, number: int, text: str) -> None:
        client.data("exec", f"{WF}/save/{number}")
        client.data("exec", f"{WF}/submit/{number}", workflow={"desc": text})

    def _compared(self, client: Client, src: int, dst: int) -> str:
        states = [f"/adom/prod/revision/{number}" for number in (src, dst)]
        data = {"src": states[0], "dst": states[1], "flags": 16}
        return str(client.data("exec", "/cache/diff/start", data)["token"])

    def test_they_are_listed_newest_first(self, both: Client) -> None:
        rows = both.get(WF, sortings=[{"revid": -1}], loadsub=0)

        assert [(r["revid"], r["sessionid"], r["state"], r["flags"]) for r in rows] == [
            (3, 2, 2, 0),
            (2, 1, 2, 0),
        ]
        assert "wflog" not in rows[0]
        listed = both.get("/dvmdb/adom/prod/revision")
        assert [row["version"] for row in listed] == [1, 2, 3]

    def test_an_open_session_is_no_revision_yet(self, client: Client) -> None:
        edit(client)
        [row] = client.get(WF)

        assert (row["revid"], row["flags"], row["state"]) == (0, 1, 1)

    @pytest.mark.parametrize("way", [(2, 1), (1, 2)])
    def test_what_a_session_changed(self, both: Client, way: tuple[int, int]) -> None:
        token = self._compared(both, *way)
        get = "/cache/diff/get"
        summary = both.data("exec", f"{get}/summary", token=token)
        objects = both.data("exec", f"{get}/cli/obj", token=token)
        policies = both.data("exec", f"{get}/cli/pkg/edge/default", token=token)
        [detail] = both.data("exec", f"{get}/detail/pkg/edge/default/firewall/policy", token=token)

        assert (summary["obj"]["added"], summary["pkg"]["changed"]) == (1, 1)
        assert objects["percent"] == 100
        assert 'edit "new"' in objects["script"]
        assert policies == {
            "percent": 100,
            "script": 'config firewall policy\nedit 1\nset srcaddr "new"\nnext\nend\n',
        }
        assert detail["srcaddr"] == {"n": ['"new"'], "o": ['"legacy"']}

    def test_the_later_one_stands_on_the_earlier(self, both: Client) -> None:
        token = self._compared(both, 3, 2)
        script = both.data("exec", "/cache/diff/get/cli/obj", token=token)["script"]
        empty = both.data("exec", "/cache/diff/get/cli/pkg/edge/default", token=token)["script"]

        assert script == 'config firewall address\nedit "db"\nset color 7\nnext\nend\n'
        assert empty == ""

    def test_deleting_one_deletes_what_was_made_on_top_of_it(self, both: Client) -> None:
        both.data("exec", f"{WF}/drop/1")

        assert both.get(WF) == []
        assert [row["version"] for row in both.get("/dvmdb/adom/prod/revision")] == [1]

    def test_an_approved_one_stays(self, both: Client) -> None:
        both.data("exec", f"{WF}/approve/1")

        assert both.code("exec", f"{WF}/drop/1") == -10
        assert [row["state"] for row in both.get(WF)] == [3, 2]


def test_a_session_is_opened_by_its_number(client: Client) -> None:
    number = edit(client)
    client.data("exec", f"{WF}/save/{number}")
    client.data("exec", f"{WS}/unlock")
    client.data("exec", f"{WS}/lock")

    again = client.data("exec", f"{WF}/start/{number}")
    assert again == {"sessionid": number, "new_session": 0}
    client.data("exec", f"{WF}/submit/{number}")
    fresh = client.data("exec", f"{WF}/start/{number}")
    assert fresh == {"sessionid": number + 1, "new_session": 1}, "submitted: a new one begins"
    assert client.code("exec", f"{WF}/start/99") == -3


def test_a_session_may_have_a_name(client: Client) -> None:
    client.data("exec", f"{WS}/lock")
    client.data("exec", f"{WF}/start", workflow={"name": "SR #003", "desc": "why"})

    assert [(row["name"], row["desc"]) for row in client.get(WF)] == [("SR #003", "why")]
