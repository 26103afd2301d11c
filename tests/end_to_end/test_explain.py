"""`explain`: the first "no" on the way from a pod to a device is the one that is named."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import main
from fmgsync.clock import SystemClock
from tests import builders
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.seen import web

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """In sync; one pod in each cluster, and one in east that no rule selects."""
    with open_estate(tmp_path, default_seed(install_s=0), clock=SystemClock()) as made:
        other = builders.pod("db-1", "10.1.0.7", labels={"app": "db"})
        made.run("east", web("10.1.0", 5), other, builders.namespace("default"))
        made.run("west", web("10.2.0", 5))
        made.apply_never()
        made.write_policy("k8s-web")
        made.apply()
        yield made


@pytest.fixture
def ask(estate: Estate, capsys: pytest.CaptureFixture[str]) -> Ask:
    return functools.partial(answered, estate, capsys)


def answered(estate: Estate, capsys: pytest.CaptureFixture[str], *question: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = main.run(["explain", *question, "-c", str(estate.path), "--output", "json"])
    return code, json.loads(capsys.readouterr().out)


def first_no(found: Any) -> tuple[str, str]:
    step = next(step for step in found["steps"] if step["holds"] is False)
    return step["what"], step["because"]


def test_a_pod_that_is_let_through_everywhere(estate: Estate, ask: Ask) -> None:
    code, found = ask("pod", "default/web-5")
    assert (code, found["answer"]) == (0, "yes")
    assert all(step["holds"] for step in found["steps"])
    assert {"pod", "label", "address", "site", "ADOM", "policy", "device database", "device"} <= {
        step["what"] for step in found["steps"]
    }
    east = {"device": "fgt-east", "vdom": "root", "holds": True}
    assert east in found["devices"]


def test_each_no_has_its_place(estate: Estate, ask: Ask) -> None:
    code, found = ask("pod", "default/db-1")
    assert (code, found["answer"]) == (3, "no")
    assert first_no(found) == ("label", "app == \"web\": app is 'db'")
    assert first_no(ask("pod", "default/absent")[1])[0] == "pod"
    estate.write_config(
        groups=[{"name": "k8s-web", "select": "app == 'web'", "namespaces": "x == 'y'"}]
    )
    assert first_no(ask("pod", "default/web-5")[1])[0] == "namespace"
    two = [{"name": "k8s-web", "select": "app == 'web'", "families": ["ipv6"]}]
    estate.write_config(groups=two)
    assert first_no(ask("pod", "default/web-5")[1])[0] == "address"
    estate.write_config(groups=[{"name": "k8s-new", "select": "app == 'web'"}])
    assert first_no(ask("pod", "default/web-5")[1])[0] == "ADOM"
    outside = [{**c, "allowedRanges": ["10.9.0.0/16"]} for c in estate.config["clusters"]]
    estate.write_config(clusters=outside)
    what, because = first_no(ask("pod", "default/web-5")[1])
    assert (what, "allowedRanges" in because) == ("address", True)


def test_an_address_that_another_workload_has_by_now(estate: Estate, ask: Ask) -> None:
    ending = builders.pod("web-5", "10.1.0.5", labels={"app": "web"}, deleting=True)
    estate.run("east", ending, builders.pod("db-1", "10.1.0.5"), builders.namespace("default"))
    code, found = ask("pod", "default/web-5")
    assert code == 3
    what, because = first_no(found)
    assert (what, because.startswith("10.1.0.5 belongs to pod default/db-1 by now")) == (
        "address",
        True,
    )


def test_an_address_its_owner_and_its_groups(estate: Estate, ask: Ask) -> None:
    code, found = ask("ip", "10.1.0.5")
    assert (code, found["answer"]) == (0, "yes")
    assert found["steps"][0]["objects"] == ["pod default/web-5 of cluster east"]
    assert ask("ip", "10.1.0.7")[1]["answer"] == "no"
    assert ask("ip", "nonsense")[0] == 2


def test_in_a_group_that_nobody_uses_address_and_pod_have_one_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No: what no policy uses lets nobody through, and the devices need not be asked."""
    with open_estate(tmp_path, default_seed(install_s=0), clock=SystemClock()) as estate:
        estate.run("east", web("10.1.0", 5))
        estate.run("west", web("10.2.0", 5))
        estate.apply_never()
        for question in (("pod", "default/web-5"), ("ip", "10.1.0.5")):
            code, found = answered(estate, capsys, *question)
            assert (code, found["answer"]) == (3, "no")
            assert {row["holds"] for row in found["devices"]} == {False}
            assert first_no(found)[0] == "policy"


def test_an_address_that_a_device_still_holds_is_a_stale_grant(estate: Estate, ask: Ask) -> None:
    """Nobody has it any more, and the device still lets it through."""
    estate.run("east", web("10.1.0", 6))
    estate.apply_never()
    code, found = ask("ip", "10.1.0.5")
    assert (code, found["answer"]) == (0, "yes")
    assert first_no(found) == ("endpoint", "no pod and no node has it")
    assert any(step["what"] == "stale grant" for step in found["steps"])


def test_a_group_and_a_device(estate: Estate, ask: Ask) -> None:
    assert ask("group", "k8s-web")[1]["answer"] == "yes"
    assert first_no(ask("group", "absent")[1])[0] == "rule"
    assert ask("device", "fgt-east")[1]["answer"] == "yes"
    estate.unit.fortigate("fgt-east").go_offline()
    code, found = ask("device", "fgt-east/root")
    assert (code, first_no(found)[0]) == (3, "connection")
    assert first_no(ask("device", "fgt-none")[1])[0] == "site"


def test_a_device_that_is_silent_is_not_known(estate: Estate, ask: Ask) -> None:
    """FortiManager may call it online for a while."""
    estate.unit.fortigate("fgt-east").fall_silent()
    for question in (("device", "fgt-east"), ("group", "k8s-web")):
        code, found = ask(*question)
        assert (code, found["answer"]) == (1, "unknown")
        assert {row["device"]: row["holds"] for row in found["devices"]}["fgt-east"] is None


def test_people_see_the_first_no(estate: Estate, capsys: pytest.CaptureFixture[str]) -> None:
    main.run(["explain", "pod", "default/db-1", "-c", str(estate.path)])
    said = capsys.readouterr().out
    assert "> no  label, rule k8s-web" in said
    assert said.startswith("pod default/db-1: no")
    assert main.run(["explain", "pod", "web-5", "-c", str(estate.path)]) == 2


def test_what_could_not_be_looked_at_may_be_one_more(estate: Estate, ask: Ask) -> None:
    """Where it may count: a FortiManager in front of west alone says nothing of a pod in east."""
    (unit,) = estate.config["fortimanagers"]
    away = {**unit, "name": "away", "host": "127.0.0.1:1"}
    site = {"clusters": ["west"], "fortimanager": "away", "adom": "prod", "devices": ["fgt-far"]}
    estate.write_config(fortimanagers=[unit, away], sites=[*estate.config["sites"], site])
    for question, answer in (
        (("group", "k8s-web"), "unknown"),
        (("pod", "default/web-5"), "unknown"),  # one of each cluster
        (("ip", "10.1.0.5"), "yes"),
        (("ip", "10.3.0.1"), "unknown"),
    ):
        code, found = ask(*question)
        assert (question, code, found["answer"]) == (question, 1, answer)
    estate.run("west")
    assert ask("pod", "default/web-5")[1]["answer"] == "yes"
