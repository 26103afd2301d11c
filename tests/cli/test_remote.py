"""What a running controller saw, for people and as an exit code."""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from fmgsync.cli import main, remote, status_text

SINCE = "2026-01-01T00:00:00+00:00"


def document(state: str = "in sync", **more: Any) -> dict[str, Any]:
    """One group on one device, with what the controller says beside it."""
    views = {"desired": ["10.1.0.5"], "adom": ["10.1.0.5"], "deviceDatabase": None, "device": []}
    group = {"name": "k8s-web", "state": state, **views}
    grants = more.pop("staleGrants", [])
    place = {"device": "fgt-east", "vdom": "root", "adom": "prod", "fortimanager": "hq"}
    device = {**place, "groups": [group], "staleGrants": grants}
    return {"devices": [device], **more}


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (document(), 0),
        (document("not referenced"), 0),
        (document("install pending"), 3),
        (document("drifted"), 3),
        (document("unreachable"), 1),
        (document("unknown"), 3),
        (document(held=[{"name": "k8s-web", "message": "x", "digest": "d"}]), 3),
        (document(submitted=[{"message": "x"}]), 3),
        (document(pendingWrites=[{"adom": "prod", "fortimanager": "hq", "changes": 1}]), 3),
        (document(foreign=[{"name": "k8s-db", "message": "x"}]), 1),
        (document("install pending", errors=[{"message": "x"}]), 1),
    ],
)
def test_the_exit_code_is_that_of_status_itself(seen: dict[str, Any], code: int) -> None:
    assert remote.status_code(seen) == code


def test_people_see_what_waits_and_what_is_stale() -> None:
    """With the command that lets it through; words from outside steer no terminal."""
    held = {"name": "k8s-web", "device": "fgt-east/root", "message": "9 go", "digest": "3f0c"}
    grant = {"group": "k8s-web", "address": "10.1.0.9", "since": SINCE, "reused": True}
    seen = document(
        held=[held],
        foreign=[{"name": "k8s-db", "message": "taken\x1b[2J"}],
        staleGrants=[grant, {**grant, "address": "10.1.0.8", "since": None, "reused": False}],
        errors=[{"message": "FortiManager hq: login refused"}],
    )
    out = io.StringIO()
    status_text.print_status(Console(file=out, width=200), seen)
    said = " ".join(out.getvalue().split())
    assert "k8s-web on fgt-east/root: 9 go let it through: fmgsync approve 3f0c" in said
    assert "k8s-web 10.1.0.9 fgt-east/root another workload has it now" in said
    assert "not known k8s-web 10.1.0.8" in said
    assert "k8s-db: taken\\x1b[2J" in said
    assert "login refused" in said


DEEP: list[Any] = functools.reduce(lambda inner, _: [inner], range(800), [])
MISFITS: dict[str, Any] = {
    "a device that is a number": {"devices": [1]},
    "a device without groups": {"devices": [{}]},
    "a group that is a number": {"devices": [{"groups": [1]}]},
    "a state that is a list": {"devices": [{"groups": [{"state": []}]}]},
    "a state of another release": document("asleep"),
    "clusters that are a number": document(clusters=5),
    "a cluster that is a number": document(clusters=[1]),
    "errors that are a number": document(errors=7),
    "a stale grant that is a number": document(staleGrants=[5]),
    "no answer": {"steps": [{}]},
    "an answer that is a list": {"steps": [], "answer": []},
    "a step that is a number": {"steps": [1], "answer": "yes", "devices": [], "errors": []},
    "no end of lists": {"devices": [{"groups": DEEP}]},
}


@pytest.mark.parametrize("document", MISFITS.values(), ids=MISFITS)
def test_what_is_not_understood_of_a_controller_is_an_error_that_names_it(
    document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(document) as url:
        asked = ["explain", "ip", "10.0.0.1"] if "steps" in document else ["status"]
        codes = [main.run([*asked, "--controller", url, *more]) for more in ([], ["-o", "json"])]
    said = "".join(capsys.readouterr())
    assert "internal error" not in said
    assert max(codes) == 1
    assert f"{url} answers with what this fmgsync does not understand" in said


def test_a_password_in_a_controllers_address_is_not_repeated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(["no", "controller"]) as url:
        address = url.removeprefix("http://")
        for scheme in ("http", "ftp"):
            assert main.run(["status", "--controller", f"{scheme}://me:hunter2@{address}"]) in (
                1,
                2,
            )
    said = "".join(capsys.readouterr())
    assert "hunter2" not in said
    assert f"http://{address} is no controller" in said


@contextlib.contextmanager
def serving(answer: Any) -> Iterator[str]:
    """A web server that answers everything with this."""
    body = json.dumps(answer).encode()

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        serve = threading.Thread(target=server.serve_forever, args=(0.01,))
        serve.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serve.join()
