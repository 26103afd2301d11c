"""What waits for a human, over HTTPS: from the dump to the FortiGate, and the approval between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.cli import main
from fmgsync.model.address import NOWHERE
from fmgsync.model.change import Hold
from fmgsync.model.view import GroupState
from fmgsync.passes import install_context, once
from fmgsync.passes.result import Result
from fmgsync.wiring import wiring
from tests import builders
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.targets.hardship import Before

HOUR = 3600.0
Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Forty pods in the east, four in the west, on both FortiGates."""
    with open_estate(tmp_path, default_seed(install_s=0)) as made:
        east(made, range(1, 41))
        made.run("west", *(web("10.2.0", n) for n in range(1, 5)))
        made.apply_never()
        made.write_policy("k8s-web")
        assert held(made.apply()) == []
        yield made


def web(net: str, number: int) -> builders.Manifest:
    return builders.pod(f"web-{number}", f"{net}.{number}", labels={"app": "web"})


def east(estate: Estate, numbers: range) -> None:
    """Let these pods run in the east, and one that no rule selects."""
    other = builders.pod("db-1", "10.1.9.9", labels={"app": "db"})
    estate.run("east", other, *(web("10.1.0", n) for n in numbers))


def on_east(estate: Estate) -> set[int]:
    """The pods the eastern FortiGate lets through, by the last number of their address."""
    members = estate.on_device("fgt-east", "k8s-web") or set()
    return {int(a.rpartition(".")[2]) for a in members - set(NOWHERE.values())}


def held(result: Result) -> list[Hold]:
    return [hold for adom in result.adoms if adom.seen for hold in adom.seen.plan.held]


def kinds(result: Result) -> list[tuple[str, str]]:
    return [(hold.kind, str(hold.device)) for hold in held(result)]


EAST, WEST = "fgt-east/root", "fgt-west/root"


def test_too_many_removals_wait_and_the_rest_goes_on(estate: Estate) -> None:
    """The newcomer and the other site are served, nobody is removed, until somebody approves."""
    east(estate, range(21, 42))
    estate.run("west", web("10.2.0", 9), *(web("10.2.0", n) for n in range(1, 4)))
    result = estate.apply()
    assert kinds(result) == [("held-removals", EAST)]
    assert on_east(estate) == set(range(1, 42))
    assert estate.on_device("fgt-west", "k8s-web") == {f"10.2.0.{n}" for n in (1, 2, 3, 9)}
    states = {g.state for a in estate.status().adoms for v in a.views
              for g in v.groups}  # fmt: skip
    assert states == {GroupState.HELD, GroupState.IN_SYNC}
    estate.approve(held(result)[0].digest)
    assert held(estate.apply()) == []
    assert on_east(estate) == set(range(21, 42))


def test_an_approval_of_which_a_part_was_written_is_spent(tmp_path: Path) -> None:
    """Somebody comes in between two locks: what was let through once may not go again unasked."""
    unit = {**default_seed(install_s=0), "workspaceMode": "normal"}
    with open_estate(tmp_path, unit) as made:
        east(made, range(1, 41))
        made.apply_never()
        east(made, range(21, 41))
        (hold,) = held(made.apply_never())
        made.approve(hold.digest, for_s=24 * HOUR)
        alice = made.unit.console("admin")
        since = made.unit.requests.mark()

        def meanwhile() -> None:
            made.clock.sleep(2.0)  # so that a second lock is needed for the second half
            told = [url for one in made.unit.requests.since(since) for url in one.urls]
            if told and told[-1].endswith("workspace/unlock"):
                alice.lock("prod")

        (adom,) = _apply(made, Before(meanwhile)).adoms
        assert "changes were written before" in str(adom.error)
        assert len(made.mapped("k8s-web")["fgt-east"]) == 20
        alice.unlock("prod")
        assert made.world("plan").memory.approvals(made.clock.now()) == ()
        made.apply_never()
        east(made, range(1, 41))
        made.apply_never()
        made.clock.sleep(HOUR + 1)
        east(made, range(21, 41))
        assert [again.digest for again in held(made.apply_never())] == [hold.digest]


def _apply(estate: Estate, transport: Before) -> Result:
    world = wiring.make_world(
        estate.path,
        command="apply --install never",
        clock=estate.clock,
        state_dir=estate.folder / "state",
        transport=lambda access: transport,
    )
    return once.apply(world, install=False)


def test_too_many_additions_wait_and_removals_go_on(estate: Estate) -> None:
    east(estate, range(2, 150))
    result = estate.apply()
    assert kinds(result) == [("held-additions", EAST)]
    assert on_east(estate) == set(range(2, 41))
    estate.approve(held(result)[0].digest)
    estate.apply()
    assert on_east(estate) == set(range(2, 150))


def test_the_last_pod_stays_until_somebody_approves(estate: Estate) -> None:
    east(estate, range(0))
    result = estate.apply()
    assert kinds(result) == [("held-emptying", EAST)]
    assert len(on_east(estate)) == 40
    estate.approve(held(result)[0].digest)
    estate.apply()
    assert on_east(estate) == set()


def test_a_group_that_may_be_empty_does_not_wait(estate: Estate) -> None:
    estate.write_config(groups=[{"name": "k8s-web", "select": "app == 'web'", "allowEmpty": True}])
    east(estate, range(0))
    assert held(estate.apply()) == []
    assert on_east(estate) == set()


def test_a_group_is_never_filled_beyond_its_largest_size(estate: Estate) -> None:
    """Not even at first; the group is there, empty, and policies can use it."""
    estate.write_config(
        guard={"maxMembers": 50},
        groups=[
            {"name": "k8s-web", "select": "app == 'web'"},
            {"name": "k8s-all", "select": "all()"},
        ],
    )
    pods = [builders.pod(f"p-{n}", f"10.1.1.{n}", labels={"app": "x"}) for n in range(1, 60)]
    estate.run("east", *(web("10.1.0", n) for n in range(1, 41)), *pods)
    result = estate.apply()
    assert [(h.kind, h.name) for h in held(result)] == [("held-members", "k8s-all")]
    console = estate.unit.console()
    found = console.object("prod", "addrgrp", "k8s-all")
    assert found is not None
    assert found["member"] == ["none"]


def test_a_new_group_is_filled_at_once(estate: Estate) -> None:
    groups = [{"name": "k8s-web", "select": "app == 'web'"}, {"name": "k8s-x", "select": "all()"}]
    estate.write_config(groups=groups)
    assert held(estate.plan()) == []


def test_small_slices_add_up_over_the_period(estate: Estate) -> None:
    """Eight of forty may go within an hour; the ninth and tenth together are ten of forty."""
    east(estate, range(9, 41))
    assert held(estate.apply()) == []
    estate.clock.sleep(HOUR / 2)
    east(estate, range(11, 41))
    assert kinds(estate.apply()) == [("held-removals", EAST)]
    assert on_east(estate) == set(range(9, 41))
    estate.clock.sleep(HOUR / 2)
    assert held(estate.apply()) == []
    assert on_east(estate) == set(range(11, 41))


def test_a_rule_that_is_removed_waits(estate: Estate) -> None:
    """The group keeps its members on every device. Approved, it is emptied; a policy uses it."""
    estate.write_config(groups=[])
    result = estate.apply()
    assert kinds(result) == [("held-emptying", EAST), ("held-emptying", WEST)]
    assert len(on_east(estate)) == 40
    estate.approve(result.digest)
    result = estate.apply()
    assert [f.kind for a in result.adoms if a.seen for f in a.seen.plan.findings] == ["kept-in-use"]
    found = estate.unit.console().object("prod", "addrgrp", "k8s-web")
    assert found is not None
    assert (found["member"], found["dynamic_mapping"]) == (["none"], None)


def test_a_cluster_that_is_removed_waits(estate: Estate) -> None:
    """The device stays, its cluster is gone: that would empty the group there."""
    sites = [{"clusters": ["east"], "fortimanager": "hq", "adom": "prod", "devices": ["fgt-west"]}]
    estate.write_config(
        clusters=[{"name": "east", "manifests": "./east.json"}],
        sites=[{**sites[0], "devices": ["fgt-east"]}, *sites],
    )
    result = estate.plan()
    assert kinds(result) == [("held-additions", WEST)]
    estate.write_config(groups=[{"name": "k8s-web", "select": "app == 'nobody'"}])
    assert kinds(estate.plan()) == [("held-emptying", EAST), ("held-emptying", WEST)]


def test_a_device_that_leaves_the_sites_waits(estate: Estate) -> None:
    """Its mapping stays until somebody approves, then it goes."""
    estate.write_config(sites=estate.config["sites"][:1])
    result = estate.apply()
    assert kinds(result) == [("held-emptying", WEST)]
    estate.approve(held(result)[0].digest)
    result = estate.apply()
    assert held(result) == []
    found = estate.unit.console().object("prod", "addrgrp", "k8s-web")
    assert found is not None
    assert [m["_scope"][0]["name"] for m in found["dynamic_mapping"]] == ["fgt-east"]


def test_an_approval_fits_only_what_was_shown(estate: Estate) -> None:
    """One more pod goes meanwhile: the whole removal waits again."""
    east(estate, range(21, 41))
    shown = held(estate.plan())[0]
    estate.approve(shown.digest)
    east(estate, range(22, 41))
    result = estate.apply()
    assert kinds(result) == [("held-removals", EAST)]
    assert held(result)[0].digest != shown.digest
    assert len(on_east(estate)) == 40


def test_an_approval_that_nobody_used_in_time_is_none(estate: Estate) -> None:
    east(estate, range(21, 41))
    estate.approve(held(estate.plan())[0].digest)
    estate.clock.sleep(HOUR)
    assert kinds(estate.apply()) == [("held-removals", EAST)]


def test_an_approval_counts_once(estate: Estate) -> None:
    """The pods come back and go again the same day: that is another decision."""
    east(estate, range(21, 41))
    digest = held(estate.plan())[0].digest
    estate.approve(digest, for_s=24 * HOUR)
    estate.apply()
    east(estate, range(1, 41))
    estate.apply()
    assert on_east(estate) == set(range(1, 41))
    estate.clock.sleep(2 * HOUR)
    east(estate, range(21, 41))
    result = estate.apply()
    assert [hold.digest for hold in held(result)] == [digest]


def test_a_lost_memory_holds_all_but_small_changes(estate: Estate) -> None:
    """Ten of forty is too much anyway; nine pass; after an hour seven of thirty-one do."""
    (estate.folder / "state/guard.json").unlink(missing_ok=True)
    estate.run("west", *(web("10.2.0", n) for n in range(2, 5)))
    estate.apply()
    assert (estate.folder / "state/guard.json").exists()
    guard = {"maxRemovedShare": 0.5}
    estate.write_config(guard=guard)
    east(estate, range(11, 41))
    result = estate.apply()
    assert "not remembered" in held(result)[0].message
    estate.clock.sleep(HOUR)
    assert held(estate.apply()) == []
    assert on_east(estate) == set(range(11, 41))


def test_a_damaged_memory_stops_before_anything_is_written(estate: Estate) -> None:
    """What people approved is not guessed at."""
    east(estate, range(21, 41))
    estate.plan()
    (estate.folder / "state/decisions.json").write_text('{"version": 1, "approvals": 5}')
    mark = estate.unit.requests.mark()
    with pytest.raises(errors.StateError, match=r"state/decisions.json: it is damaged"):
        estate.apply()
    assert estate.unit.requests.writing(since=mark) == []


def test_commands_show_what_waits_and_let_it_through(estate: Estate, ask: Ask) -> None:
    """plan 3 with digests, approve by the plan's digest, apply 0. The clock is the computer's."""
    east(estate, range(21, 41))
    estate.run("west", web("10.2.0", 1))
    code, plan = ask("plan")
    assert code == 3
    (waiting,) = plan["adoms"][0]["held"]
    assert waiting["device"] == EAST
    assert len(waiting["removed"]) == 20
    code, status = ask("status")
    assert (code, status["held"][0]["digest"]) == (3, waiting["digest"])
    code, applied = ask("apply", "--install", "now")
    assert (code, applied["held"][0]["digest"]) == (3, waiting["digest"])
    assert ask("approve")[1]["held"][0]["digest"] == waiting["digest"]
    code, approved = ask("approve", plan["digest"], "--reason", "CHG-7", "--by", "ann")
    assert code == 0
    assert [(a["digest"], a["who"], a["reason"]) for a in approved["approved"]] == [
        (waiting["digest"], install_context.named("ann"), "CHG-7")
    ]
    assert ask("apply", "--install", "now")[0] == 0
    assert on_east(estate) == set(range(21, 41))


def test_an_approval_of_nothing_is_refused(estate: Estate, ask: Ask) -> None:
    code, document = ask("approve", "0123456789abcdef")
    assert code == 2
    assert "fmgsync plan" in document["error"]["next"]


def test_an_approval_can_be_withdrawn(estate: Estate, ask: Ask) -> None:
    east(estate, range(21, 41))
    digest = ask("plan")[1]["adoms"][0]["held"][0]["digest"]
    ask("approve", digest)
    assert ask("plan")[1]["adoms"][0]["held"] == []
    assert ask("approve", digest, "--withdraw")[0] == 0
    assert ask("apply", "--install", "now")[0] == 3
    assert len(on_east(estate)) == 40


@pytest.mark.parametrize("expires", ["0s", "soon", "1"])
def test_an_approval_needs_a_duration(estate: Estate, ask: Ask, expires: str) -> None:
    code, document = ask("approve", "x", "--expires", expires)
    assert (code, document["error"]["kind"]) == (2, "usage")


def test_people_read_what_waits_and_how_to_let_it_through(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    """In text and in Markdown: the group, the device, the reason, some addresses, the command."""
    east(estate, range(21, 41))
    digest = held(estate.plan())[0].digest
    capsys.readouterr()
    assert main.run(["plan", "-c", str(estate.path)]) == 3
    text = capsys.readouterr().out
    assert "held: k8s-web on fgt-east/root: 20 of 40 members fewer within 1h: 10.1.0.1, " in text
    assert f"let it through: fmgsync approve {digest}" in text
    assert main.run(["plan", "-c", str(estate.path), "--output", "markdown"]) == 3
    assert f"(`fmgsync approve {digest}`)" in capsys.readouterr().out
    assert main.run(["approve", "-c", str(estate.path)]) == 0
    assert f"held {digest}: hq/prod: k8s-web on fgt-east/root" in capsys.readouterr().out
    assert main.run(["approve", "-c", str(estate.path), digest]) == 0
    assert f"approved {digest}, until " in capsys.readouterr().out
    assert main.run(["approve", "-c", str(estate.path)]) == 0
    assert f"approved {digest}: " in capsys.readouterr().out
