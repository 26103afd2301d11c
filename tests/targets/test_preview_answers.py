"""Previews as a unit may answer them: what is asked, and what an answer says of which device."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.model.preview import DevicePreview
from fmgsync.model.rollout import InstallRequest
from fmgsync.model.target import DeviceVdom
from fmgsync.targets.fortimanager.access import Access
from fmgsync.targets.fortimanager.answers import Place
from fmgsync.targets.fortimanager.preview import Preview, commit_data, install_data, task_id_of
from fmgsync.targets.fortimanager.session import Session
from tests.targets import scripted
from tests.targets.conftest import REF

A, A_DMZ, B = DeviceVdom("a", "root"), DeviceVdom("a", "dmz"), DeviceVdom("b", "root")
FIRST, TEXT = 7, 8
NOTHING = "FortiManager showed nothing for this device"


def cli(name: str) -> str:
    return f"config firewall address\nedit {name}\nset color 1\nnext\nend\n"


def line(name: str, state: str = "done", detail: str = "Write preview done") -> dict[str, Any]:
    return {"name": name, "state": state, "percent": 100, "detail": detail}


@dataclass
class Unit:
    """What it says; `asked` are the calls that ask for a preview's text."""

    message: Any = ""
    lines: list[dict[str, Any]] = field(default_factory=lambda: [line("a(root)[copy]")])
    version: tuple[int, int, int] | None = (7, 4, 4)
    unended: int | None = None
    refused: str = ""
    asked: list[tuple[str, Any]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    def one(self, method: str, param: dict[str, Any]) -> dict[str, Any]:
        url = param["url"]
        if url == "/sys/status" and self.version is not None:
            version = dict(zip(("Major", "Minor", "Patch"), self.version, strict=True))
            return scripted.ok(version)[0]
        if url.startswith("/task/task/"):
            number = int(url.rpartition("/")[2])
            if method == "delete":
                self.deleted.append(url)
                return scripted.ok(None)[0]
            state = "running" if number == self.unended else "done"
            lines = self.lines if number == FIRST else []
            return scripted.ok({"id": number, "state": state, "line": lines})[0]
        if url.startswith("/securityconsole/"):
            assert method == "exec"
            what = url.removeprefix("/securityconsole/")
            self.asked.append((what, param["data"]))
            if what == "install/preview":
                return scripted.ok({"task": TEXT})[0]
            return (
                scripted.refused(-1, self.refused) if self.refused else scripted.ok(self.told())[0]
            )
        return scripted.refused(-11) if url.endswith("status") else scripted.ok(None)[0]

    def told(self) -> Any:
        return self.message if isinstance(self.message, (dict, list)) else {"message": self.message}

    def answer(self, body: dict[str, Any]) -> Any:
        found = [self.one(body["method"], param) for param in body["params"]]
        return {"id": body["id"], "session": "s", "result": found}


def previewed(
    unit: Unit, folder: Path, *targets: DeviceVdom, polls: int = 12
) -> tuple[DevicePreview, ...]:
    """What is found in the end; a second passes between two looks, and there are ten of them."""
    clock = ManualClock()
    request = InstallRequest(REF, "edge", targets)
    with scripted.serve(unit.answer, folder) as server:
        access = Access("hq", server.host, "u", "p", ca_file=server.ca_file)
        with Session(access, clock=ManualClock()) as session:
            place = Place("hq", REF.domain)
            asked = Preview(session, place, request, FIRST, clock=clock, limit_s=10.0)
            assert asked.newest_task == FIRST
            for _ in range(polls):
                if (found := asked.poll()) is not None:
                    assert asked.poll() == found
                    return found
                clock.sleep(1)
    raise AssertionError("it never ends")


def said(found: tuple[DevicePreview, ...]) -> dict[str, str]:
    return {each.device: each.problem or ", ".join(map(str, each.edits)) for each in found}


ROWS = [{"name": "a", "result": cli("x")}, {"name": "b", "result": cli("y")}]


@pytest.mark.parametrize(
    ("targets", "message", "expected"),
    [
        ([A], cli("x"), {"a": "firewall address x"}),
        ([A], "", {"a": ""}),
        ([A], " \n", {"a": ""}),
        ([A, A_DMZ], cli("x"), {"a": "firewall address x"}),
        ([A, B], json.dumps(ROWS), {"a": "firewall address x", "b": "firewall address y"}),
        ([B, A], " " + json.dumps(ROWS), {"a": "firewall address x", "b": "firewall address y"}),
        ([A], json.dumps(ROWS), {"a": "firewall address x"}),
        # What is not said of a device is no empty preview.
        ([A], {}, {"a": NOTHING}),
        ([A], [], {"a": NOTHING}),
        ([A], None, {"a": NOTHING}),
        ([A], {"message": 5}, {"a": NOTHING}),
        ([A, B], cli("x"), {"a": NOTHING, "b": NOTHING}),
        ([A, B], "", {"a": NOTHING, "b": NOTHING}),
        ([A, B], json.dumps(ROWS[:1]), {"a": "firewall address x", "b": NOTHING}),
        ([A, B], json.dumps([{"name": "a"}, ROWS[1], "b", None]),
         {"a": NOTHING, "b": "firewall address y"}),
        ([A, B], json.dumps([{"name": "a", "result": None}, {"result": ""}, ROWS[1]]),
         {"a": NOTHING, "b": "firewall address y"}),
        ([A, B], "[{", {"a": NOTHING, "b": NOTHING}),
        ([A], "[" * 100_000, {"a": NOTHING}),
        # Two rows about one device count together.
        ([A, A_DMZ, B], json.dumps([*ROWS, {"name": "a", "result": ""}]),
         {"a": "firewall address x", "b": "firewall address y"}),
        ([A, A_DMZ, B], json.dumps([*ROWS, {"name": "a", "result": cli("z")}]),
         {"a": "firewall address x, firewall address z", "b": "firewall address y"}),
    ],
)  # fmt: skip
def test_what_an_answer_says_of_each_device(
    targets: list[DeviceVdom], message: Any, expected: dict[str, str], tmp_path: Path
) -> None:
    found = previewed(Unit(message), tmp_path, *targets)
    assert said(found) == expected
    assert [each.device for each in found] == sorted(expected)


NO_CHANGES = "no installing devices/No Changes on package"
FAILED = line("a(root)[copy]", "error", "Copy failed")


@pytest.mark.parametrize(
    ("lines", "expected", "asks"),
    [
        ([line("", "warning", NO_CHANGES)], {"a": "", "b": ""}, 0),
        ([], {"a": "firewall address x", "b": "firewall address y"}, 2),
        # One device's line tells nothing of another.
        ([line("a(root)", "warning", NO_CHANGES), line("b(root)[copy]")],
         {"a": "firewall address x", "b": "firewall address y"}, 2),
        # Whose copy failed is not asked for.
        ([FAILED, line("b(root)[copy]")], {"a": "Copy failed", "b": "firewall address y"}, 2),
        ([FAILED, line("", "warning", NO_CHANGES)],
         {"a": "Copy failed", "b": "firewall address y"}, 2),
        ([FAILED, line("b", "aborted", "gone")], {"a": "Copy failed", "b": "gone"}, 0),
        ([line("c(root)[copy]", "error", "Copy failed")],
         {"a": "firewall address x", "b": "firewall address y"}, 2),
    ],
)  # fmt: skip
def test_what_the_task_says_of_each_device(
    lines: list[dict[str, Any]], expected: dict[str, str], asks: int, tmp_path: Path
) -> None:
    unit = Unit(json.dumps(ROWS), lines)
    assert said(previewed(unit, tmp_path, A, B)) == expected
    assert len(unit.asked) == asks


SCOPE = [{"name": "b", "vdom": "root"}, {"name": "a", "vdom": "root"}, {"name": "a", "vdom": "dmz"}]
TOGETHER = [
    ("install/preview", {"adom": REF.domain, "flags": ["none"], "scope": SCOPE}),
    ("preview/result", {"adom": REF.domain, "scope": SCOPE}),
]
ONE_BY_ONE = [
    ("install/preview",
     {"adom": REF.domain, "flags": ["none"], "device": "a", "vdoms": ["dmz", "root"]}),
    ("preview/result", {"adom": REF.domain, "device": "a"}),
    ("install/preview", {"adom": REF.domain, "flags": ["none"], "device": "b", "vdoms": ["root"]}),
    ("preview/result", {"adom": REF.domain, "device": "b"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((7, 4, 3), ONE_BY_ONE),
        ((6, 4, 12), ONE_BY_ONE),
        ((7, 4, 4), TOGETHER),
        ((7, 6, 0), TOGETHER),
        (None, TOGETHER),
    ],
)
def test_how_a_release_is_asked(
    version: tuple[int, int, int] | None, expected: list[tuple[str, Any]], tmp_path: Path
) -> None:
    unit = Unit(json.dumps(ROWS), version=version)
    found = previewed(unit, tmp_path, B, A, A_DMZ)
    assert unit.asked == expected
    assert said(found) == {"a": "firewall address x", "b": "firewall address y"}


def test_a_refusal_counts_for_the_devices_it_was_asked_for(tmp_path: Path) -> None:
    found = said(previewed(Unit(refused="no devices"), tmp_path, A, B))
    assert found.keys() == {"a", "b"}
    assert all("no devices" in problem for problem in found.values())


@pytest.mark.parametrize(
    ("unended", "problem"), [(FIRST, "the preview did not end in time"), (TEXT, "no text in time")]
)
def test_what_does_not_end_is_given_up_when_its_time_is_up(
    unended: int, problem: str, tmp_path: Path
) -> None:
    """At the tenth second, not before; and it is removed."""
    unit = Unit(cli("x"), unended=unended)
    assert said(previewed(unit, tmp_path, A, polls=11)) == {"a": problem}
    assert unit.deleted == [f"/task/task/{unended}"]
    with pytest.raises(AssertionError, match="never ends"):
        previewed(unit, tmp_path, A, polls=10)


def test_trouble_is_raised_and_asked_again_at_the_next_look(tmp_path: Path) -> None:
    unit = Unit(cli("x"))
    refusals = ["busy"]
    whole = unit.one

    def one(method: str, param: dict[str, Any]) -> dict[str, Any]:
        if param["url"] == f"/task/task/{FIRST}" and refusals:
            return scripted.refused(-1, refusals.pop())
        return whole(method, param)

    unit.one = one  # type: ignore[method-assign]
    with scripted.serve(unit.answer, tmp_path) as server:
        access = Access("hq", server.host, "u", "p", ca_file=server.ca_file)
        with Session(access, clock=ManualClock()) as session:
            request = InstallRequest(REF, "edge", (A,))
            place = Place("hq", REF.domain)
            asked = Preview(session, place, request, FIRST, clock=ManualClock(), limit_s=10.0)
            with pytest.raises(errors.TargetError):
                asked.poll()
            found = asked.poll()
            assert found is not None
            assert said(found) == {"a": "firewall address x"}
            assert asked.newest_task == TEXT


SCOPE = [{"name": "a", "vdom": "root"}, {"name": "b", "vdom": "root"}]


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        ("", "fmgsync (prod)"),
        ("change 7", "change 7"),
        ("x" * 300, "x" * 255),
        ("a\x1bb", "a b"),
    ],
)
def test_what_an_install_is_asked_for(comment: str, told: str) -> None:
    """Each device with its VDOM, and a comment that revisions can bear."""
    request = InstallRequest(REF, "edge", (A, B), comment=comment)
    assert install_data(request, "prod", flag="preview") == {
        "adom": REF.domain,
        "pkg": "edge",
        "scope": SCOPE,
        "flags": ["preview"],
        "dev_rev_comments": told,
    }
    assert commit_data(request) == {"adom": REF.domain, "scope": SCOPE}


@pytest.mark.parametrize("data", [None, [], {}, {"task": "7"}, {"task": None}])
def test_an_install_without_a_task_is_no_answer(data: Any) -> None:
    place = Place("hq", REF.domain)
    assert task_id_of({"task": 7}, place) == 7
    with pytest.raises(errors.ProtocolError, match="without a task") as caught:
        task_id_of(data, place)
    assert "hq" in str(caught.value)
