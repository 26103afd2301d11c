"""From a conversation with a unit to a file, and from the file back to the same conversation."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from fmgsync.errors import CassetteError
from fmgsync.recording import check, files, taking
from fmgsync.recording.adapter import Recording
from fmgsync.recording.cassette import Cassette
from fmgsync.recording.replay import Replay
from fmgsync.recording.taking import Wishes
from fmgsync.simulator import Simulator
from tests.recording.client import Client
from tests.recording.exchanges import cassette, exchange, login

PASSWORD = "s3cret-Passw0rd"  # gitleaks:allow
SEED = {
    "admins": [{"user": "svc-lab", "password": PASSWORD, "superAdmin": True}],
    "adoms": [{"name": "lab", "devices": [{"name": "fgt-berlin-1"}, {"name": "fgt-berlin-2"}]}],
}
WISHES = Wishes(source="the simulator", now="2026-11-01T00:00:00Z")
OBJECTS = "/pm/config/adom/lab/obj/firewall"


@dataclass(frozen=True)
class Unit:
    """What a recording knows of a FortiManager."""

    host: str
    secrets: tuple[str, ...] = (PASSWORD,)


@pytest.fixture
def unit() -> Iterator[Simulator]:
    with Simulator(SEED) as simulator:
        yield simulator


def converse(client: Client) -> list[bytes]:
    """A conversation with everything delicate in it; the answers as they came."""
    client.login("svc-lab", PASSWORD)
    scope = {"_scope": [{"name": "fgt-berlin-1", "vdom": "root"}], "subnet": "10.1.0.9/32"}
    answers = [
        client.raw("get", {"url": "/sys/status"}),
        client.raw("get", {"url": "/dvmdb/adom/lab/device"}),
        client.raw(
            "add",
            {"url": f"{OBJECTS}/address", "data": {"name": "x", "comment": "Bob's"}},
            {"url": f"{OBJECTS}/address", "data": {"name": "y", "dynamic_mapping": [scope]}},
        ),
        client.raw("get", {"url": f"{OBJECTS}/address/y"}),
        client.raw("get", {"url": f"{OBJECTS}/address/y/dynamic_mapping/fgt-berlin-1/root"}),
        client.raw("get", {"url": f"{OBJECTS}/address/z"}),
    ]
    client.logout()
    return [answer.content for answer in answers]


def record(unit: Simulator, wishes: Wishes = WISHES) -> Cassette:
    recording = Recording()
    with Client(unit.url, unit.ca_file, recording.adapter(Unit(unit.host))) as client:
        converse(client)
    (made,) = taking.cassettes(recording, wishes)
    return made


def test_nothing_delicate_reaches_the_disk(unit: Simulator, tmp_path: Path) -> None:
    made = record(unit)
    text = files.to_text(made)
    for word in (PASSWORD, "svc-lab", "berlin", unit.world.serial, "Bob", "127.0.0.1"):
        assert word not in text
    suspects = check.Suspects({"lab": PASSWORD}, names=("fgt-berlin-1",), people=("svc-lab",))
    assert check.check(text, "x", suspects).findings == ()
    assert taking.save(tmp_path / "x.yaml", [made], suspects) == [tmp_path / "x.yaml"]


def test_the_header_says_what_was_recorded(unit: Simulator) -> None:
    about = record(unit).about
    assert about is not None
    assert about.fortimanager.startswith("v7.4.5-build")
    assert (about.source, about.adom, about.names) == ("the simulator", "lab", "pseudonyms")


def test_a_recording_replays_byte_for_byte(unit: Simulator, tmp_path: Path) -> None:
    """The same requests get the recorded answers, each time the very same bytes."""
    made = record(unit, dataclasses.replace(WISHES, keep_names=True))
    path = tmp_path / "x.yaml"
    files.save(path, made)
    played = []
    for _ in range(2):
        with Replay(path) as replay, Client(replay.url, replay.ca_file) as client:
            played.append(converse_again(client, made))
            assert replay.verdict() is None
    assert played[0] == played[1] == [one.response_body for one in made.exchanges]


def converse_again(client: Client, made: Cassette) -> list[bytes]:
    """Send what was recorded, byte for byte."""
    return [
        client.http.post(client.url, data=one.request_body, timeout=60).content
        for one in made.exchanges
    ]


def test_a_scrubbed_recording_answers_the_pseudonyms(unit: Simulator, tmp_path: Path) -> None:
    """The conversation can be had again with the names of the cassette."""
    path = tmp_path / "x.yaml"
    files.save(path, record(unit))
    with Replay(path, strict=False) as replay, Client(replay.url, replay.ca_file) as client:
        client.login("whoever", "whatever")
        devices = client.ask("get", {"url": "/dvmdb/adom/lab/device"})["result"][0]["data"]
        assert [device["name"] for device in devices] == ["host-2", "host-3"]
        url = f"{OBJECTS}/address/y/dynamic_mapping/host-2/root"
        assert client.codes("get", {"url": url}) == [0]


def test_only_the_sessions_own_unit_is_recorded(unit: Simulator) -> None:
    """Another host over the same transport leaves no trace; so do other sessions of the process."""
    recording = Recording()
    with Simulator() as other, Client(unit.url, unit.ca_file) as bystander:
        adapter = recording.adapter(Unit(unit.host))
        with Client(unit.url, unit.ca_file, adapter) as client:
            noisy = threading.Thread(target=lambda: bystander.login("svc-lab", PASSWORD))
            noisy.start()
            client.login("svc-lab", PASSWORD)
            noisy.join()
            client.http.post(f"{other.url}/jsonrpc", data="{}", timeout=10, verify=other.ca_file)
    assert [len(tape) for tape in recording.tapes] == [1]


def test_every_session_has_its_own_tape_and_the_order_runs_through(
    unit: Simulator, tmp_path: Path
) -> None:
    recording = Recording()
    adapters = [recording.adapter(Unit(unit.host)) for _ in range(2)]
    clients = [Client(unit.url, unit.ca_file, adapter) for adapter in adapters]
    for client in (clients[0], clients[1], clients[1], clients[0]):
        client.login("svc-lab", PASSWORD)
        client.http.close()
    made = taking.cassettes(recording, WISHES)
    assert [[one.order for one in tape.exchanges] for tape in made] == [[1, 4], [2, 3]]
    written = taking.save(tmp_path / "two.yaml", made, check.Suspects())
    assert [path.name for path in written] == ["two.1.yaml", "two.2.yaml"]


def test_a_request_without_answer_is_counted(unit: Simulator) -> None:
    recording = Recording()
    with Simulator() as other:
        gone, host = other.url, other.host
    with (
        Client(gone, unit.ca_file, recording.adapter(Unit(host))) as client,
        pytest.raises(requests.ConnectionError),
    ):
        client.login()
    assert (recording.unanswered, recording.tapes) == (1, [])


def test_a_full_recording_ends_and_says_so(unit: Simulator) -> None:
    recording = Recording(most_bytes=800)
    with Client(unit.url, unit.ca_file, recording.adapter(Unit(unit.host))) as client:
        client.login("svc-lab", PASSWORD)
        client.ask("get", {"url": "/dvmdb/adom/lab/device"})
        client.ask("get", {"url": "/x"})
    assert [len(tape) for tape in recording.tapes] == [1]
    assert recording.left_out == 2


def test_steps_name_what_is_asked(unit: Simulator) -> None:
    recording = Recording()
    with Client(unit.url, unit.ca_file, recording.adapter(Unit(unit.host))) as client:
        with recording.step("outer"):
            client.ask("get", {"url": "/sys/status"})
            with recording.step("inner"):
                client.ask("get", {"url": "/sys/status"})
            client.ask("get", {"url": "/sys/status"})
        client.ask("get", {"url": "/sys/status"})
    assert [one.step for one in recording.tapes[0]] == ["outer", "inner", "outer", ""]


def test_what_scrubbing_missed_is_not_written(tmp_path: Path) -> None:
    """The proof runs before the disk: a suspect the scrubbing did not know stops everything."""
    made = cassette(login(), exchange("get", {"url": "/x/acme-frankfurt"}))
    with pytest.raises(CassetteError, match="nothing was written"):
        taking.save(tmp_path / "x.yaml", [made], check.Suspects(names=("acme-frankfurt",)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("exchanges", "words"),
    [
        ([exchange("get", {"url": "/x", "data": {"passwd": "hunter2"}})], "a password or key"),
        ([login("bob")], "the name of an administrator"),
    ],
)
def test_a_cassette_with_secrets_is_not_played(
    tmp_path: Path, exchanges: list[object], words: str
) -> None:
    path = tmp_path / "x.yaml"
    files.save(path, cassette(*exchanges))  # type: ignore[arg-type]
    with pytest.raises(CassetteError, match=words) as caught:
        Replay(path)
    assert "hunter2" not in str(caught.value)
    assert "cassette check" in str(caught.value)


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:99999", "203.0.113.9:1", "127.0.0.1:x"])
def test_an_address_that_cannot_be_listened_on_is_told(tmp_path: Path, listen: str) -> None:
    path = tmp_path / "x.yaml"
    files.save(path, cassette(login()))
    with pytest.raises(CassetteError, match="listen"), Replay(path, listen=listen):
        raise AssertionError("must not listen")


def test_only_post_is_served(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    files.save(path, cassette(login()))
    with Replay(path) as replay, Client(replay.url, replay.ca_file) as client:
        assert client.http.get(replay.url, timeout=60).status_code == 405
        refused = client.http.post(
            replay.url, headers={"Content-Length": "x", "Connection": "close"}, timeout=10
        )
        assert refused.status_code == 411
