from __future__ import annotations

import contextlib
import http.client
import ssl
from collections.abc import Callable

import pytest

from fmgsync.simulator import Simulator
from fmgsync.simulator.state.reserved import RESERVED
from tests.simulator.client import Client
from tests.simulator.conftest import Start, small_seed

ADDRESSES = "/pm/config/adom/prod/obj/firewall/address"


def test_result_has_one_element_per_param_in_order_with_its_url(start: Start) -> None:
    _, client = start()

    answer = client.envelope(
        "get", {"url": "sys/status"}, {"url": "/no/such"}, {"url": f"{ADDRESSES}/db/"}
    )

    assert answer["id"] == 1
    assert [element["url"] for element in answer["result"]] == [
        "sys/status",
        "/no/such",
        f"{ADDRESSES}/db/",
    ]
    assert [element["status"]["code"] for element in answer["result"]] == [0, -6, 0]


def test_each_param_of_a_write_is_carried_out_on_its_own(start: Start) -> None:
    _, client = start()
    rows = [
        {"name": "a", "subnet": "10.0.0.1"},
        {"name": "db"},
        {"name": "b", "subnet": "10.0.0.2"},
    ]

    answer = client.envelope("add", *({"url": ADDRESSES, "data": row} for row in rows))

    codes = [element["status"]["code"] for element in answer["result"]]
    assert codes == [0, -2, 0]
    assert answer["result"][0]["data"] == {"name": "a"}


def test_data_is_left_out_where_there_is_nothing(start: Start) -> None:
    _, client = start()

    element = client.one("get", ADDRESSES, filter=["name", "==", "nobody"])

    assert element == {"status": {"code": 0, "message": "OK"}, "url": ADDRESSES}


def test_errors_carry_the_session_number_of_lockinfo(start: Start) -> None:
    _, client = start(small_seed(workspaceMode="normal"))
    client.data("exec", "/dvmdb/adom/prod/workspace/lock")

    number = client.envelope("get", {"url": "/pm/pkg/adom/prod/not-existing"})["session"]

    assert client.get("/dvmdb/adom/prod/workspace/lockinfo")[0]["lock_sid"] == number


@pytest.mark.parametrize(
    ("user", "password", "code"),
    [
        ("fmgsync", "secret", 0),
        ("fmgsync", "wrong", -22),
        ("stranger", "secret", -22),
        ("robot", "", -22),  # has an API key and no password
        ("nobody", "nothing", -11),  # JSON-RPC is not permitted
    ],
)
def test_login(start: Start, user: str, password: str, code: int) -> None:
    _, client = start()

    assert client.log_in(user, password) == code
    assert (client.session is None) == (code != 0)


def test_login_data_may_be_a_list_of_one(start: Start) -> None:
    _, client = start()

    answer = client.envelope(
        "exec", {"url": "sys/login/user", "data": [{"user": "fmgsync", "passwd": "secret"}]}
    )

    assert answer["session"]


@pytest.mark.parametrize("session", [None, "", "bogus", 7, ["x"]])
def test_no_valid_session_is_a_lack_of_permission(start: Start, session: object) -> None:
    _, client = start()

    answer = client.envelope("get", {"url": "/sys/status"}, session=session)

    assert answer["result"][0]["status"] == {
        "code": -11,
        "message": "No permission for the resource",
    }


def test_logout_ends_the_session(start: Start) -> None:
    _, client = start()

    assert client.code("exec", "sys/logout") == 0
    assert client.code("get", "/sys/status") == -11


def test_reader_may_read_and_not_write(start: Start, connect: Callable[..., Client]) -> None:
    simulator, _ = start()
    reader = connect(simulator, "reader", "books")

    assert reader.code("get", ADDRESSES) == 0
    assert reader.code("add", ADDRESSES, {"name": "x"}) == -11


def test_admin_sees_only_the_adoms_allowed(start: Start, connect: Callable[..., Client]) -> None:
    simulator, client = start()

    assert client.code("get", "/pm/config/adom/other/obj/firewall/address") == -11
    assert [row["name"] for row in client.get("/dvmdb/adom")] == ["prod"]
    names = {row["name"] for row in connect(simulator).get("/dvmdb/adom", fields=["name"])}
    assert names == {"prod", "other", "root", *RESERVED}


def test_api_key_needs_no_login(start: Start) -> None:
    simulator, _ = start()

    with Client(simulator, key="k3y") as client, Client(simulator, key="wrong") as stranger:
        assert client.code("get", "/sys/status") == 0
        assert stranger.code("get", "/sys/status") == -11


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"method": "get"}',
        b'{"params": [{}]}',
        b"[" * 9999,
    ],
)
def test_nonsense_is_answered_with_an_error(start: Start, body: bytes) -> None:
    _, client = start()

    response = client.post(body)

    assert response.status_code == 200
    assert response.json()["result"][0]["status"]["code"] < 0


def test_two_simulators_share_nothing(start: Start) -> None:
    _, client = start()
    client.data("add", ADDRESSES, {"name": "only-here", "subnet": "10.0.0.9/32"})

    with Simulator(small_seed()) as two, Client(two) as other:
        other.log_in()
        assert other.code("get", f"{ADDRESSES}/only-here") == -3


def test_plain_http_when_asked() -> None:
    with Simulator(plain_http=True) as simulator, Client(simulator) as client:
        assert simulator.url.startswith("http://127.0.0.1:")
        assert client.log_in("admin", "admin") == 0


def test_writing_requests_are_told_from_reading_ones(start: Start) -> None:
    simulator, client = start()
    mark = simulator.requests.mark()

    client.get(ADDRESSES)
    proxy = {
        "action": "get",
        "resource": "/api/v2/monitor/system/status",
        "target": ["adom/prod/device/east-1"],
    }
    client.data("exec", "sys/proxy/json", proxy)
    assert simulator.requests.writing(since=mark) == []
    client.data("set", ADDRESSES, {"name": "n", "subnet": "10.0.0.1/32"})

    written = simulator.requests.writing(since=mark)
    assert [(entry.method, entry.urls, entry.codes) for entry in written] == [
        ("set", (ADDRESSES,), (0,))
    ]


@pytest.mark.parametrize(
    "target",
    ["http://[half/jsonrpc", "/jsonrpc?" + "&".join(f"a{n}=1" for n in range(40)), "//[/jsonrpc"],
)
def test_a_request_target_that_cannot_be_read_is_answered_too(start: Start, target: str) -> None:
    """An exception in a connection's thread would be a warning, and warnings are errors here."""
    unit, _ = start(small_seed(version="7.4.5"))
    trust = ssl.create_default_context(cafile=unit.ca_file)
    raw = http.client.HTTPSConnection(unit.host, timeout=30, context=trust)
    with contextlib.closing(raw):
        raw.putrequest("POST", target, skip_host=True)
        raw.putheader("Content-Length", "2")
        raw.endheaders(b"{}")

        assert raw.getresponse().status in (200, 404)
