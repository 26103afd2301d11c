"""Saved plans, reasons, and what the policy modes leave undone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from requests.adapters import HTTPAdapter

from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.passes import once
from fmgsync.passes.install_context import People
from fmgsync.wiring import wiring
from tests import builders
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.seen import changes, outcomes, passed, web

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """In sync, two pods in each cluster."""
    with open_estate(tmp_path, default_seed(install_s=0), clock=SystemClock()) as made:
        made.run("east", web("10.1.0", 5), web("10.1.0", 6))
        made.run("west", web("10.2.0", 5), web("10.2.0", 6))
        made.apply_never()
        made.write_policy("k8s-web")
        made.apply()
        yield made


def test_a_saved_plan_is_applied(estate: Estate, ask: Ask) -> None:
    estate.run("east", web("10.1.0", 5), web("10.1.0", 7))
    file = str(estate.folder / "plan.json")
    code, plan = ask("plan", "--save", file)
    assert code == 3
    assert json.loads(Path(file).read_text())["digest"] == plan["digest"]
    code, applied = ask("apply", file, "--install", "now")
    assert (code, applied["written"]) == (0, 3)
    assert passed(estate, "fgt-east") == {"10.1.0.5", "10.1.0.7"}


def test_a_stale_plan_is_refused_before_anything_is_written(estate: Estate, ask: Ask) -> None:
    """Another pod has come since: that is not the plan somebody has read."""
    estate.run("east", web("10.1.0", 5), web("10.1.0", 7))
    file = str(estate.folder / "plan.json")
    ask("plan", "--save", file)
    estate.run("east", web("10.1.0", 5), web("10.1.0", 8))
    mark = estate.unit.requests.mark()
    code, document = ask("apply", file, "--install", "now")
    assert (code, document["error"]["kind"]) == (1, "stale-plan")
    assert estate.unit.requests.writing(since=mark) == []
    assert passed(estate, "fgt-east") == {"10.1.0.5", "10.1.0.6"}


def test_a_plan_that_was_carried_out_is_stale(estate: Estate, ask: Ask) -> None:
    estate.run("east", web("10.1.0", 5), web("10.1.0", 7))
    file = str(estate.folder / "plan.json")
    ask("plan", "--save", file)
    assert ask("apply", file, "--install", "now")[0] == 0
    assert ask("apply", file, "--install", "now")[0] == 1


def test_a_saved_plan_may_be_approved_and_then_applied(estate: Estate, ask: Ask) -> None:
    """What it shows as held is part of it."""
    estate.run("east", *(web("10.1.9", n) for n in range(1, 9)))
    estate.write_config(guard={"unlessFewerThan": 1})
    file = str(estate.folder / "plan.json")
    _, plan = ask("plan", "--save", file)
    assert [hold["kind"] for hold in plan["adoms"][0]["held"]] == ["held-additions"]
    assert ask("approve", plan["digest"])[0] == 0
    code, applied = ask("apply", file, "--install", "now")
    assert (code, applied["held"]) == (0, [])
    assert passed(estate, "fgt-east") == {f"10.1.9.{n}" for n in range(1, 9)}


NO_PLANS = {
    "no file": None,
    "no JSON": "{",
    "something else": '{"a": 1}',
    "a newer one": '{"fmgsyncPlan": 2, "digest": "x"}',
    "without a digest": '{"fmgsyncPlan": 1}',
    "a list": "[]",
}


@pytest.mark.parametrize("case", NO_PLANS)
def test_what_is_no_plan_is_refused(estate: Estate, ask: Ask, case: str) -> None:
    file = estate.folder / "plan.json"
    if (text := NO_PLANS[case]) is not None:
        file.write_text(text)
    code, document = ask("apply", str(file), "--install", "now")
    assert (code, document["error"]["where"]) == (2, str(file))


def test_a_plan_that_cannot_be_saved_says_so(estate: Estate, ask: Ask) -> None:
    file = str(estate.folder / "missing/plan.json")
    code, document = ask("plan", "--save", file)
    assert (code, document["error"]["where"]) == (2, file)


def test_a_reason_is_demanded(estate: Estate, ask: Ask) -> None:
    estate.write_config(policy={"requireReason": True})
    estate.run("east", web("10.1.0", 5))
    code, document = ask("apply", "--install", "now")
    assert (code, "requireReason" in document["error"]["message"]) == (2, True)
    assert passed(estate, "fgt-east") == {"10.1.0.5", "10.1.0.6"}
    assert ask("apply", "--install", "now", "--reason", "CHG-7: shop retired")[0] == 0
    assert passed(estate, "fgt-east") == {"10.1.0.5"}


def test_whoever_decides_says_why(estate: Estate, ask: Ask) -> None:
    """Not only who installs at once: also who lets through, overrides or resumes."""
    estate.write_config(policy={"requireReason": True})
    estate.run("east", builders.pod("db-1", "10.1.0.9"))
    _, document = ask("plan")
    digest = document["adoms"][0]["held"][0]["digest"]
    decisions = (
        ("approve", digest),
        ("apply", "--install", "window", "--override-deny"),
        ("rollout", "resume"),
    )
    for decision in decisions:
        code, document = ask(*decision)
        assert (code, "requireReason" in document["error"]["message"]) == (2, True), decision
    assert ask("approve", digest, "--reason", "CHG-7")[0] == 0
    assert ask("approve")[1]["approved"][0]["reason"] == "CHG-7"
    assert ask("approve", digest, "--withdraw")[0] == 2
    assert ask("approve", digest, "--withdraw", "--reason", "no")[0] == 0


def test_the_reason_is_in_the_revisions_of_the_devices(estate: Estate) -> None:
    """FortiManager keeps it with what it has installed."""
    sent: list[str] = []

    class Listening(HTTPAdapter):
        def send(self, request: Any, *more: Any, **options: Any) -> Any:
            sent.append(str(request.body))
            return super().send(request, *more, **options)

    estate.run("east", web("10.1.0", 5))
    world = wiring.make_world(
        estate.path,
        command="apply --install now",
        transport=lambda access: Listening(),
        state_dir=estate.folder / "state",
        people=People(reason="CHG-7: shop retired"),
    )
    once.apply(world, install=True)
    installs = [body for body in sent if "securityconsole/install/package" in body]
    assert installs
    for install in installs:
        assert '"dev_rev_comments": "fmgsync (prod): CHG-7: shop retired (run ' in install


def test_observe_writes_and_installs_nothing(estate: Estate, ask: Ask) -> None:
    """It shows what there is to do, and that it is not done."""
    estate.write_policy("k8s-web", dstaddr=["legacy-db", "k8s-web"], name="second")
    estate.write_config(policy={"mode": "observe"})
    estate.run("east", web("10.1.0", 5))
    mark = estate.unit.requests.mark()
    assert ask("plan")[0] == 3
    assert ask("apply", "--install", "now")[0] == 3
    assert estate.unit.requests.writing(since=mark) == []
    assert outcomes(estate.apply()) == {}


def test_upsert_adds_and_never_removes(estate: Estate) -> None:
    """Pods that went, a rule that went, a device that left the sites: all stay."""
    estate.write_config(policy={"mode": "upsert"})
    estate.run("east", web("10.1.0", 7))
    estate.apply()
    assert passed(estate, "fgt-east") == {"10.1.0.5", "10.1.0.6", "10.1.0.7"}
    estate.write_config(sites=estate.config["sites"][:1])
    assert changes(estate.plan()) == []
    estate.write_config(groups=[{"name": "k8s-db", "select": "app == 'db'"}])
    estate.apply()
    assert len(estate.mapped("k8s-web")["fgt-west"]) == 2


def test_apply_without_install_says_what_is_outstanding(estate: Estate, ask: Ask) -> None:
    """3, not 1: the FortiGates were not asked, so they did not fail to answer."""
    estate.run("east", web("10.1.0", 5), web("10.1.0", 7))
    code, document = ask("apply", "--install", "never")
    assert (code, document["written"]) == (3, 3)
    assert document["devices"][0]["groups"][0]["state"] == "install pending"


def test_a_saved_plan_is_shown_as_it_was(
    estate: Estate, ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the same words, long after, and without asking anybody."""
    estate.run("east", web("10.1.0", 5), web("10.1.0", 7))
    file = str(estate.folder / "plan.json")
    ask("plan", "--save", file)
    assert main.run(["plan", "-c", str(estate.path)]) == 3
    then = capsys.readouterr().out
    estate.run("east")
    mark = estate.unit.requests.mark()
    assert main.run(["plan", "show", file, "-c", str(estate.path)]) == 0
    assert capsys.readouterr().out == then
    assert estate.unit.requests.mark() == mark


@pytest.mark.parametrize(
    "damage",
    [
        {"adoms": 3}, {"adoms": [{}]}, {"adoms": None}, {"installs": [{"device": "x"}]},
        {"fmgsyncPlan": 99}, {"digest": None, "adoms": "x"},
    ],
)  # fmt: skip
def test_a_plan_changed_by_hand_is_refused(
    estate: Estate, ask: Ask, capsys: pytest.CaptureFixture[str], damage: dict[str, Any]
) -> None:
    file = estate.folder / "plan.json"
    ask("plan", "--save", str(file))
    file.write_text(json.dumps({**json.loads(file.read_text()), **damage}))
    capsys.readouterr()
    assert main.run(["plan", "show", str(file)]) == 2
    assert "this is no plan" in capsys.readouterr().err


def test_history_tells_what_an_install_did(
    estate: Estate, ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    estate.run("east", web("10.1.0", 5), web("10.1.0", 7))
    assert ask("apply", "--install", "now", "--reason", "CHG-1")[0] == 0
    code, rows = ask("history", "--since", "1h", "--device", "fgt-east")
    assert code == 0
    proof = next(row for row in reversed(rows) if row["event"] == "verified")
    assert (proof["adom"], proof["reason"], proof["groups"]) == ("hq/prod", "CHG-1", ["k8s-web"])
    assert proof["devices"] == ["fgt-east/root"]
    assert main.run(["history", "-c", str(estate.path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "k8s-web + 10.1.0.7 - 10.1.0.6" in said
    assert ask("history", "--since", "tonight")[0] == 2
