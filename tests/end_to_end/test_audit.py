"""Everything that is decided is in the audit: what is written, who let it through; and the audit
proves itself before anything is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.clock import SystemClock
from fmgsync.passes import install_context, once, reconcile
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.seen import held, web

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """In sync down to the FortiGates, one pod in each cluster. The clock is the computer's."""
    with open_estate(tmp_path, default_seed(install_s=0), clock=SystemClock()) as made:
        made.run("east", web("10.1.0", 5))
        made.run("west", web("10.2.0", 5))
        made.apply_never()
        made.write_policy("k8s-web")
        made.apply()
        yield made


def lines(estate: Estate, event: str) -> list[dict[str, Any]]:
    """The audit's lines about one kind of decision."""
    kept = (estate.folder / "state" / "audit.jsonl").read_text().splitlines()
    return [line for line in map(json.loads, kept) if line["event"] == event]


@pytest.mark.parametrize("install", ["never", "now"])
def test_a_write_names_what_comes_and_goes_where(estate: Estate, install: str) -> None:
    estate.run("east", web("10.1.0", 6))
    estate.apply(install)
    written = lines(estate, "write")[-1]
    assert (written["fortimanager"], written["adom"]) == ("hq", "prod")
    mapping = next(change for change in written["changes"] if change["kind"] == "mapping")
    assert (mapping["name"], mapping["device"]) == ("k8s-web", "fgt-east/root")
    assert (mapping["added"], mapping["removed"]) == (["10.1.0.6"], ["10.1.0.5"])
    assert mapping["because"] == "what runs has changed"


def test_looking_and_having_nothing_to_write_leave_no_line(estate: Estate) -> None:
    before = len(lines(estate, "write"))
    estate.plan()
    estate.status()
    estate.apply_never()
    assert len(lines(estate, "write")) == before


def test_what_is_not_taken_is_told_with_fortimanagers_words(estate: Estate) -> None:
    """Somebody has marked the new address's name as his meanwhile."""
    estate.run("east", web("10.1.0", 6))
    world = estate.world("apply --install never")
    workloads = once.read_workloads(world)
    seen = reconcile.look(world.adoms[0], world.intent, workloads)
    taken = {"name": "prod_10.1.0.6", "subnet": ["10.9.9.9", "255.255.255.255"]}
    with estate.administrator() as console:
        console.call("add", "/pm/config/adom/prod/obj/firewall/address", taken)
    world.adoms[0].target.write(seen.plan)
    told = lines(estate, "write refused")[-1]
    assert told["changes"][0]["name"] == "prod_10.1.0.6"
    assert "exists" in told["changes"][0]["why"]


def test_an_approval_is_there_when_it_is_given_and_when_it_is_used(
    estate: Estate, ask: Ask
) -> None:
    estate.write_config(groups=[{"name": "k8s-web", "select": "app == 'nobody'"}])
    (first, *_) = held(estate.plan())
    code, _ = ask("approve", first.digest, "--reason", "CHG-7", "--by", "ann")
    assert code == 0
    (given,) = lines(estate, "approved")
    assert (given["digest"], given["by"], given["reason"]) == (first.digest, "ann", "CHG-7")
    assert given["who"] == install_context.who()
    assert "k8s-web" in given["message"]
    assert ask("apply", "--install", "never")[0] == 3
    (used,) = lines(estate, "write")[-1]["approved"]
    assert (used["digest"], used["reason"]) == (first.digest, "CHG-7")
    assert used["who"] == install_context.named("ann")


def test_an_approval_that_is_taken_back_is_there(estate: Estate, ask: Ask) -> None:
    estate.write_config(groups=[{"name": "k8s-web", "select": "app == 'nobody'"}])
    (first, *_) = held(estate.plan())
    ask("approve", first.digest, "--by", "ann", "--reason", "CHG-7")
    ask("approve", first.digest, "--withdraw", "--by", "bob", "--reason", "not CHG-7")
    (taken,) = lines(estate, "withdrawn")
    told = (taken["digest"], taken["by"], taken["reason"], taken["approvedBy"])
    assert told == (first.digest, "bob", "not CHG-7", install_context.named("ann"))


@pytest.mark.parametrize("install", ["never", "now", "window"])
@pytest.mark.parametrize("name", ["audit", "rollouts", "decisions", "guard"])
def test_all_that_is_remembered_is_read_before_anything_is_done(
    estate: Estate, name: str, install: str
) -> None:
    estate.run("east", web("10.1.0", 6))
    (estate.folder / "state" / f"{name}.json").write_text("{ damaged")
    mark = estate.unit.requests.mark()
    with pytest.raises(errors.StateError, match=f"state/{name}.json"):
        estate.apply(install)
    assert estate.unit.requests.writing(since=mark) == []


def test_where_no_line_can_be_kept_nothing_is_written(estate: Estate) -> None:
    estate.run("east", web("10.1.0", 6))
    (estate.folder / "state" / "audit.jsonl").unlink()
    (estate.folder / "state" / "audit.jsonl").mkdir()
    mark = estate.unit.requests.mark()
    with pytest.raises(errors.StateError, match="nothing is written or installed without an audit"):
        estate.apply_never()
    assert estate.unit.requests.writing(since=mark) == []


@pytest.mark.parametrize("part", ["end", "beginning", "all of it"])
def test_a_shortened_audit_stays_noticed(estate: Estate, ask: Ask, part: str) -> None:
    """Also after the next run has written to it."""
    kept = estate.folder / "state" / "audit.jsonl"
    whole = kept.read_text().splitlines(keepends=True)
    assert ask("audit", "verify")[0] == 0
    cut = {"end": whole[:-1], "beginning": whole[1:], "all of it": []}[part]
    kept.write_text("".join(cut))
    estate.run("east", web("10.1.0", 6))
    estate.apply()
    assert ask("audit", "verify")[0] == 1
    estate.run("east", web("10.1.0", 7))
    estate.apply()
    code, told = ask("audit", "verify")
    assert code == 1
    assert told["problems"]
