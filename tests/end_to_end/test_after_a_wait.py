"""Who has waited for somebody else's lock looks anew: the holder may have changed anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fmgsync import errors
from fmgsync.passes import changing_hands, once
from fmgsync.passes.incremental import Passes
from fmgsync.simulator.life.console import Console
from fmgsync.wiring import wiring
from tests import builders
from tests.end_to_end.estate import PACKAGE, Estate, Waking, default_seed, open_estate
from tests.end_to_end.seen import held, passed, web

GROUPS = "/pm/config/adom/prod/obj/firewall/addrgrp"
Edit = Callable[[Console], object]


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """A group that may be empty, with one pod in each cluster."""
    clock = Waking()
    with open_estate(tmp_path, default_seed(install_s=0), clock=clock) as made:
        made.write_config(
            groups=[{"name": "k8s-web", "select": "app == 'web'", "allowEmpty": True}],
            install={"mode": "none"},
        )
        made.run("east", web("10.1.0", 5))
        made.run("west", web("10.2.0", 5))
        made.apply_never()
        yield made


@contextmanager
def somebody_works(estate: Estate, *edits: Edit) -> Iterator[Console]:
    """They hold the lock; while we wait the first time, they change something and let go."""
    assert isinstance(estate.clock, Waking)
    console = estate.unit.console("admin")
    console.lock("prod")

    def let_go() -> None:
        for edit in edits:
            edit(console)
        if edits:
            console.commit("prod")
        console.unlock("prod")

    estate.clock.act = let_go
    yield console
    assert estate.clock.act is None, "nobody waited"


def deny(console: Console) -> None:
    policy = {"name": "no", "srcaddr": ["all"], "dstaddr": ["k8s-web"], "action": "deny"}
    console.add_policy("prod", PACKAGE, **policy)


def join(console: Console) -> None:
    scope = [{"name": "fgt-east", "vdom": "root"}]
    member = ["legacy-db", "prod_10.1.0.5"]
    url = f"{GROUPS}/k8s-web/dynamic_mapping/fgt-east/root"
    console.call("set", url, {"_scope": scope, "member": member})


def no_pods(estate: Estate) -> None:
    estate.run("east", builders.pod("db-1", "10.1.0.9", labels={"app": "db"}))


def looks(estate: Estate, mark: int) -> int:
    """How often somebody of ours has read who uses a group."""
    return sum(
        any(f"pkg/{PACKAGE}/firewall/policy" in url for url in entry.urls)
        for entry in estate.unit.requests.since(mark)
        if entry.method == "get"
    )


def test_what_a_policy_means_by_now_counts(estate: Estate) -> None:
    """Where empty means open the group is not emptied, though it was to be before the wait."""
    no_pods(estate)
    with somebody_works(estate, deny):
        result = estate.apply_never()
    assert result.adoms[0].error is None
    (hold,) = held(result)
    assert "deny policy" in hold.message
    assert estate.mapped("k8s-web")["fgt-east"] == ["prod_10.1.0.5"]


def test_what_they_put_into_a_group_is_told_when_it_goes(estate: Estate) -> None:
    estate.run("east", web("10.1.0", 5), web("10.1.0", 6))
    with somebody_works(estate, join):
        (adom,) = estate.apply_never().adoms
    assert adom.error is None
    assert adom.report is not None
    told = [change.because for change in adom.report.written if change.name == "k8s-web"]
    assert any("foreign members go: legacy-db" in because for because in told)
    assert estate.mapped("k8s-web")["fgt-east"] == ["prod_10.1.0.5", "prod_10.1.0.6"]


def test_who_changed_nothing_costs_no_second_look(estate: Estate) -> None:
    estate.run("east", web("10.1.0", 5), web("10.1.0", 6))
    mark = estate.unit.requests.mark()
    with somebody_works(estate):
        estate.apply_never()
    waited = looks(estate, mark)
    estate.run("east", web("10.1.0", 5), web("10.1.0", 7))
    mark = estate.unit.requests.mark()
    estate.apply_never()
    assert waited == looks(estate, mark)
    assert estate.mapped("k8s-web")["fgt-east"] == ["prod_10.1.0.5", "prod_10.1.0.7"]


def test_who_installs_goes_on_with_what_there_is_then(estate: Estate) -> None:
    """The pass that starts again at once is one of the same run: its install follows."""
    estate.write_policy("k8s-web")
    estate.write_config(install={"windows": "always", "foreignChanges": "allow"})
    estate.apply()
    estate.run("east", web("10.1.0", 5), web("10.1.0", 6))
    with somebody_works(estate, join):
        (adom,) = estate.apply().adoms
    assert adom.error is None
    assert passed(estate, "fgt-east") == {"10.1.0.5", "10.1.0.6"}


def test_a_saved_plan_is_stale_if_it_is_another_by_then(estate: Estate) -> None:
    estate.run("east", web("10.1.0", 5), web("10.1.0", 6))
    digest = once.plan(estate.world("plan")).digest
    with somebody_works(estate, join):
        (adom,) = estate.apply("never", digest=digest).adoms
    assert isinstance(adom.error, errors.StaleMeanwhile)
    assert estate.mapped("k8s-web")["fgt-east"] == ["legacy-db", "prod_10.1.0.5"]


def test_a_saved_plan_is_written_if_it_is_the_same(estate: Estate) -> None:
    """They have worked on something else."""
    estate.run("east", web("10.1.0", 5), web("10.1.0", 6))
    digest = once.plan(estate.world("plan")).digest
    url = "/pm/config/adom/prod/obj/firewall/address"
    with somebody_works(
        estate, lambda c: c.call("add", url, {"name": "x", "subnet": "9.9.9.9/32"})
    ):
        (adom,) = estate.apply("never", digest=digest).adoms
    assert adom.error is None
    assert estate.mapped("k8s-web")["fgt-east"] == ["prod_10.1.0.5", "prod_10.1.0.6"]


@pytest.mark.parametrize("edit", [join, None], ids=["changed", "unchanged"])
def test_a_clean_up_is_not_made_of_what_is_another_by_then(
    estate: Estate, edit: Edit | None
) -> None:
    """Nobody goes on by himself there: people have read another plan."""
    with somebody_works(estate, *filter(None, [edit])):
        (changed,) = changing_hands.clean_up(estate.world("cleanup"), write=True)
    if edit is None:
        assert changed.error is None
        assert estate.object("addrgrp", "k8s-web") is None
    else:
        assert isinstance(changed.error, errors.ChangedMeanwhile)
        assert estate.mapped("k8s-web")["fgt-east"] == ["legacy-db", "prod_10.1.0.5"]


@pytest.mark.parametrize("edit", [deny, None], ids=["changed", "unchanged"])
def test_a_part_is_left_to_a_whole_pass(estate: Estate, edit: Edit | None) -> None:
    world = wiring.make_world(
        estate.path, command="run", clock=estate.clock, state_dir=estate.folder / "state"
    )
    passes = Passes(lambda: world, world.adoms[0], install=False)
    rule = frozenset({"k8s-web"})
    passes.make(once.read_workloads(world), None)
    estate.run("east", web("10.1.0", 5), web("10.1.0", 6))
    assert not passes.make(once.read_workloads(world), rule).whole
    no_pods(estate)
    with somebody_works(estate, *filter(None, [edit])):
        made = passes.make(once.read_workloads(world), rule)
    assert (made.whole, made.error) == (True, None)
    assert made.seen is not None
    assert len(made.seen.plan.held) == (edit is not None)
    left = ["prod_10.1.0.5", "prod_10.1.0.6"] if edit else ["none"]
    assert estate.mapped("k8s-web")["fgt-east"] == left


def test_between_two_rounds_of_a_large_plan_the_rest_is_thought_about_anew(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written until then stays and is told."""
    clock, console = estate.clock, estate.unit.console("admin")
    assert isinstance(clock, Waking)
    world = estate.world("apply")
    monkeypatch.setattr(world.adoms[0].target, "_per_lock", 700)
    estate.run("east", *(web("10.1.0", number) for number in range(5, 14)))

    def take() -> None:
        console.lock("prod")
        clock.act = let_go

    def let_go() -> None:
        join(console)
        console.commit("prod")
        console.unlock("prod")

    clock.act = take
    (adom,) = once.apply(world, install=False).adoms
    assert adom.error is None
    assert adom.report is not None
    told = [change for change in adom.report.written if change.name == "k8s-web"]
    assert [("legacy-db" in change.because) for change in told] == [True]
    assert len({change.name for change in adom.report.written}) == 9
    assert estate.mapped("k8s-web")["fgt-east"] == sorted(
        f"prod_10.1.0.{number}" for number in range(5, 14)
    )
