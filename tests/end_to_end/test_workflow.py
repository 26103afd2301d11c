"""An ADOM in workflow mode: submitted, waited for, told, never approved by fmgsync itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.daemon import announcements
from fmgsync.model.view import GroupState
from tests import builders
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.seen import changes, passed, states, web

Run = Callable[..., tuple[int, dict[str, Any], str]]
NEVER = {"kind": "allow", "schedule": "0 1 29 2 *", "duration": "1m"}
WORKFLOW = "/dvmdb/adom/prod/workflow"


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    seed = default_seed(install_s=0, workspaceMode="workflow")
    seed["admins"].append({"user": "carol", "password": "yes", "approver": True})
    with open_estate(tmp_path, seed, clock=SystemClock()) as made:
        made.run("east", web("10.1.0", 5))
        made.run("west", web("10.2.0", 5))
        yield made


@pytest.fixture
def run(estate: Estate, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command's exit code, its JSON document, and what it says in text."""

    def call(*arguments: str) -> tuple[int, dict[str, Any], str]:
        words = [*arguments, "-c", str(estate.path)]
        capsys.readouterr()
        code = main.run([*words, "--output", "json"])
        document = json.loads(capsys.readouterr().out)
        assert main.run(words) == code
        return code, document, " ".join(capsys.readouterr().out.split())

    return call


def decide(estate: Estate, verb: str, number: int) -> None:
    """The word of somebody with the right to approve."""
    console = estate.unit.console("carol")
    console.call("exec", f"{WORKFLOW}/{verb}/{number}")
    console.log_out()


def test_what_is_written_waits_for_approval(
    estate: Estate, capsys: pytest.CaptureFixture[str], run: Run
) -> None:
    arguments = ["apply", "-c", str(estate.path), "--install", "now"]
    assert main.run(arguments) == 3
    out = " ".join(capsys.readouterr().out.split())
    assert "changes submitted for approval" in out
    assert "workflow session 1 waits for approval" in out
    mark = estate.unit.requests.mark()
    for command in (["plan"], ["status"], ["apply", "--install", "now"]):
        code, document, text = run(*command)
        assert code == 3
        (told,) = document["submitted"]
        assert (told["adom"], told["session"], told["turnedDown"]) == ("prod", 1, False)
        assert "workflow session 1 waits for approval" in text
    (group,) = document["devices"][0]["groups"]
    assert (group["state"], document["written"]) == ("write pending", 0)
    assert group["because"] == "workflow session 1 waits for approval"
    assert estate.unit.requests.writing(since=mark) == []


def test_what_was_approved_is_installed(estate: Estate, run: Run) -> None:
    estate.apply_never()
    decide(estate, "approve", 1)
    console = estate.unit.console("carol")
    console.lock("prod")
    number = console.call("exec", f"{WORKFLOW}/start")["sessionid"]
    policy = {"name": "web", "srcaddr": ["all"], "dstaddr": ["k8s-web"]}
    console.add_policy("prod", "edge/default", **policy)
    for verb in ("save", "submit", "approve"):
        console.call("exec", f"{WORKFLOW}/{verb}/{number}")
    console.unlock("prod")
    console.log_out()
    code, document, _ = run("apply", "--install", "now")
    assert (code, document["submitted"]) == (0, [])
    assert set(states(estate.status()).values()) == {GroupState.IN_SYNC}


def test_what_was_rejected_is_not_submitted_again_at_once(estate: Estate, run: Run) -> None:
    estate.apply_never()
    decide(estate, "reject", 1)
    mark = estate.unit.requests.mark()
    code, document, text = run("apply", "--install", "never")
    assert code == 3
    assert document["submitted"][0]["turnedDown"]
    assert "workflow session 1 was not approved" in text
    assert estate.unit.requests.writing(since=mark) == []
    assert changes(estate.plan()) != []


def test_an_approval_of_the_guard_is_not_spent_while_nothing_is_written(estate: Estate) -> None:
    """What a human let through is still let through when the ADOM can be written again."""
    estate.apply_never()
    decide(estate, "approve", 1)
    estate.run("east", web("10.1.0", 5), web("10.1.0", 6))
    estate.apply_never()
    estate.run("west", builders.pod("db-1", "10.2.0.9"))
    (hold,) = [one for adom in estate.plan().adoms if adom.seen for one in adom.seen.plan.held]
    estate.approve(hold.digest)
    estate.apply_never()
    decide(estate, "approve", 2)
    (report,) = [adom.report for adom in estate.apply_never().adoms]
    assert report is not None
    assert any(change.removed for change in report.written)


@pytest.fixture
def installed(estate: Estate) -> Estate:
    """In sync down to the FortiGates."""
    estate.apply_never()
    decide(estate, "approve", 1)
    console = estate.unit.console("carol")
    console.lock("prod")
    number = console.call("exec", f"{WORKFLOW}/start")["sessionid"]
    console.add_policy("prod", "edge/default", name="w", srcaddr=["all"], dstaddr=["k8s-web"])
    for verb in ("save", "submit", "approve"):
        console.call("exec", f"{WORKFLOW}/{verb}/{number}")
    console.unlock("prod")
    console.log_out()
    estate.apply()
    return estate


def test_an_obsolete_submission_is_named_and_never_installed(installed: Estate, run: Run) -> None:
    """A pod comes and is submitted; it goes, and somebody else has its address."""
    installed.run("east", web("10.1.0", 5), web("10.1.0", 6))
    installed.apply_never()
    other = builders.pod("db-1", "10.1.0.6", labels={"app": "db"})
    installed.run("east", web("10.1.0", 5), other)
    _, document, text = run("plan")
    assert "not what the rules ask for any more: reject it" in text
    assert "not what the rules ask for" in document["submitted"][0]["message"]
    assert "not what the rules ask for" in run("status")[2]
    _, checked, _ = run("doctor")
    (row,) = (row for row in checked["findings"] if row["check"] == "workflow")
    assert row["message"].endswith("waits for approval")
    (adom,) = installed.plan().adoms
    assert "SubmissionObsolete" in {notice.reason for notice in announcements.notices(adom)}
    decide(installed, "approve", document["submitted"][0]["session"])
    code, document, _ = run("apply", "--install", "now")
    assert code == 3
    assert passed(installed, "fgt-east") == {"10.1.0.5"}
    assert passed(installed, "fgt-west") == {"10.2.0.5"}
    decide(installed, "approve", document["submitted"][0]["session"])
    assert run("apply", "--install", "now")[0] == 0
    assert passed(installed, "fgt-east") == {"10.1.0.5"}


def test_nothing_is_begun_on_a_device_for_what_waits_for_approval(
    installed: Estate, run: Run
) -> None:
    """A policy uses the group and the window is open: what is submitted is still in no ADOM."""
    installed.run("east", web("10.1.0", 5), web("10.1.0", 6))
    assert run("apply", "--install", "now")[0] == 3
    mark = installed.unit.requests.mark()
    code, document, _ = run("apply", "--install", "now")
    assert (code, document["written"]) == (3, 0)
    assert installed.unit.requests.writing(since=mark) == []


@pytest.mark.parametrize("removals", ["immediately", {"within": "15m"}])
def test_removals_that_do_not_wait_are_refused_and_the_rest_goes_on(
    installed: Estate, run: Run, removals: Any
) -> None:
    """Something goes and something comes, no window is open: nothing could be kept back."""
    installed.write_config(install={"removals": removals, "windows": [NEVER]})
    installed.run("east", web("10.1.0", 6))
    said = "cannot be had in an ADOM in workflow mode"
    for command in (["plan"], ["status"], ["apply", "--install", "window"]):
        code, document, text = run(*command)
        assert (code, document["errors"]) == (1, [])
        assert said in text
        assert "set 'install.removals: in-window'" in text
    decide(installed, "approve", document["submitted"][0]["session"])
    assert run("apply", "--install", "window")[0] == 1
    assert passed(installed, "fgt-east") == {"10.1.0.5"}
    state = json.loads((installed.folder / "state" / "rollouts.json").read_text())
    assert "narrowed" not in str(state)
    # The advice, and the window.
    installed.write_config(install={"removals": "in-window", "windows": "always"})
    code, _, text = run("apply", "--install", "window")
    assert (code, said in text) == (0, False)
    assert passed(installed, "fgt-east") == {"10.1.0.6"}


def test_what_was_rejected_and_has_changed_is_submitted_at_once(installed: Estate) -> None:
    installed.run("east", web("10.1.0", 5), web("10.1.0", 6))
    (adom,) = installed.apply_never().adoms
    assert adom.report is not None
    assert adom.report.submitted is not None
    decide(installed, "reject", adom.report.submitted.session)
    installed.run("east", web("10.1.0", 5), web("10.1.0", 7))
    (again,) = installed.apply_never().adoms
    assert again.report is not None
    assert again.report.written


def test_a_session_that_a_killed_fmgsync_left_open_is_taken_up(estate: Estate) -> None:
    console = estate.unit.console("fmgsync")
    console.lock("prod")
    name: dict[str, Any] = {"workflow": {"name": "Managed by fmgsync (prod)"}}
    number = console.call("exec", f"{WORKFLOW}/start", **name)["sessionid"]
    data = {"name": "half-done", "subnet": "10.0.0.0/8"}
    console.call("add", "/pm/config/adom/prod/obj/firewall/address", data)
    console.call("exec", f"{WORKFLOW}/save/{number}")
    console.unlock("prod")
    console.log_out()
    (adom,) = estate.apply_never().adoms
    assert adom.error is None
    assert adom.report is not None
    assert adom.report.submitted is not None
    assert adom.report.submitted.session == number
    decide(estate, "approve", number)
    assert estate.object("address", "half-done") is None
    assert estate.object("addrgrp", "k8s-web") is not None


def test_what_cleanup_and_adopt_submit_is_not_called_done(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is what waits behind it, or what was not written at all."""

    def told(*words: str, code: int) -> tuple[str, dict[str, Any]]:
        capsys.readouterr()
        assert main.run([*words, "-c", str(estate.path)]) == code
        text = capsys.readouterr().out
        assert main.run([*words, "-c", str(estate.path), "-o", "json"]) == 3
        (adom,) = json.loads(capsys.readouterr().out)["adoms"]
        return text, adom

    estate.apply_never()
    decide(estate, "approve", 1)
    assert "  to be deleted: k8s-web\n" in told("cleanup", code=3)[0]
    text, again = told("cleanup", "--apply", code=3)
    assert "  submitted to be deleted: k8s-web\n" in text
    assert "  deleted:" not in text
    assert "workflow session 2 waits for approval" in text
    assert (again["written"], again["submitted"]["session"]) == (0, 2)
    text, _ = told("cleanup", "--apply", code=3)
    assert "  to be deleted: k8s-web\n" in text, "session 2 waits: nothing was written"
    assert "workflow session 2 waits for approval" in text


@pytest.mark.parametrize(
    ("words", "done"), [(["--names", "k8s-old"], "taken over"), (["--release"], "given back")]
)
def test_what_changes_hands_is_submitted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], done: str
) -> None:
    seed = default_seed(install_s=0, workspaceMode="workflow")
    seed["admins"].append({"user": "carol", "password": "yes", "approver": True})
    adom = seed["adoms"][0]
    adom["addresses"].append({"name": "old-1", "subnet": "10.1.0.5/32", "comment": "by hand"})
    adom["addressGroups"] = [{"name": "k8s-old", "members": ["old-1"], "comment": "by hand"}]
    with open_estate(tmp_path, seed) as estate:
        estate.run("east", web("10.1.0", 5))
        estate.run("west")
        old = {"name": "k8s-old", "select": "app == 'web'", "sites": {"clusters": ["east"]}}
        estate.write_config(groups=[old])
        given = ["-c", str(estate.path), "--apply"]
        if done == "given back":
            assert main.run(["adopt", "--names", "k8s-old", *given]) == 3
            decide(estate, "approve", 1)
        capsys.readouterr()
        assert main.run(["adopt", *words, *given]) == 3
        text = capsys.readouterr().out
        assert f"  submitted to be {done}: k8s-old" in text
        assert "waits for approval" in text


@pytest.mark.parametrize("fault", [{"status": -10}, {"status": -11, "times": 0}])
def test_what_was_refused_is_not_called_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: dict[str, int]
) -> None:
    """One object, or everything."""
    with open_estate(tmp_path, default_seed(install_s=0)) as estate:
        estate.run("east", web("10.1.0", 5))
        estate.run("west", web("10.2.0", 5))
        estate.apply_never()
        estate.unit.faults.add("status", method="delete", url="*/addrgrp/k8s-web", **fault)
        capsys.readouterr()
        assert main.run(["cleanup", "--apply", "-c", str(estate.path)]) == 1
        text = capsys.readouterr().out
        assert "  to be deleted: k8s-web\n" in text
        assert "  deleted: k8s-web\n" not in text
