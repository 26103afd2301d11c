"""The witness of the machine that does everything can complain: for each invariant, what would
break it is done to the simulators' own state, and its check says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fmgsync import audit
from fmgsync.assessing.assessment import UNASSESSED
from fmgsync.model.target import DeviceVdom, TargetKind, TargetRef
from fmgsync.model.view import DeviceView, GroupState, GroupView
from fmgsync.passes.result import Pass, Result
from fmgsync.passes.rollout_book import Report
from fmgsync.passes.world import Workloads
from fmgsync.scheduling.urgent import UrgentDecision
from fmgsync.simulator.state.tasks import Line
from tests.end_to_end.evidence import Run
from tests.end_to_end.grants import SPACING
from tests.end_to_end.mixed import ALONE, BEHIND, KEY, PASSWORD, Choice, Mixed, Truth, open_mixed
from tests.end_to_end.witness import INVARIANTS, Witness

WEB = "k8s-web"


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixed]:
    """In sync, with locks, by night."""
    with open_mixed(tmp_path_factory.mktemp("witness"), Choice(failures=1, nights=True)) as made:
        yield made


@pytest.fixture
def witness(estate: Mixed) -> Iterator[Witness]:
    """One that has seen a run begin; what is broken is put right."""
    made = Witness(estate)
    made.begins(now=False, may_install=True)
    truth, choice = estate.truth, estate.choice
    estate.truth = replace(truth, lost={}, runs=dict(truth.runs), behind=False)
    yield made
    estate.truth, estate.choice = truth, choice
    for name in ALONE:
        held = [f"prod_{ip}" for ip in truth.wanted(WEB)]
        estate.unit.fortigate(name).drift("firewall addrgrp", WEB, member=held)
        estate.unit.fortigate(name).drift("firewall address", "legacy-db", subnet=LEGACY)
    estate.put_back()


LEGACY = ("10.9.0.1", "255.255.255.255")


def run_of(witness: Witness) -> Run:
    assert witness._run is not None
    return witness._run


def holds(estate: Mixed, place: str, *members: str) -> None:
    """Its group holds these from now on, whoever has done that."""
    estate.unit.fortigate(place).drift("firewall addrgrp", WEB, member=members)


def empty(witness: Witness, *passes: Pass) -> Result:
    workloads = Workloads({}, {}, (), (), lambda cluster, address: False)
    return Result(workloads, list(passes))


def pushed(estate: Mixed, name: str, state: str) -> None:
    """A task of ours, as it would stand in the unit's own list."""
    world = estate.unit.world
    task = world.tasks.open("Install", "x", "fmgsync", world.adoms["prod"].oid, world.now())
    line = Line(name, 0)
    line.tell(world.now(), 100, "install and save finished", state)
    task.lines.append(line)


def foreign_object(witness: Witness) -> None:
    gate = witness.estate.unit.fortigate(ALONE[0])
    gate.drift("firewall address", "legacy-db", subnet=("10.9.0.2", "255.255.255.255"))
    witness.nothing_foreign_was_touched()


def lock_left(witness: Witness) -> None:
    console = witness.estate.unit.console("fmgsync")
    console.lock("prod")
    try:
        witness.locks_are_gone(killed=False, troubled=False)
    finally:
        console.log_out()


def lost_source(witness: Witness) -> None:
    witness.estate.truth.lost["east"] = "gone"
    holds(witness.estate, ALONE[0], "prod_10.2.0.1")
    witness.source_loss_removed_nothing(run_of(witness))


def followed(witness: Witness, **steady: str) -> None:
    """A controller's pass; it follows the API server of east, where this has run all the time."""
    estate = witness.estate
    estate.choice = replace(estate.choice, live=("east",))
    estate.truth.steady = steady
    run_of(witness).is_deposed = lambda: False
    holds(estate, ALONE[0], "prod_10.2.0.1")


def lost_server(witness: Witness) -> None:
    witness.estate.truth.lost["east"] = "gone"
    followed(witness, **{"10.1.0.1": "web"})
    witness.source_loss_removed_nothing(run_of(witness))


def half_heard(witness: Witness) -> None:
    witness.estate.truth.behind = True
    followed(witness, **{"10.1.0.1": "web"})
    witness.source_loss_removed_nothing(run_of(witness))


@pytest.mark.parametrize("lost", [{}, {"east": "gone"}])
def test_what_was_heard_to_end_may_go_whatever_is_not_heard_now(
    witness: Witness, lost: dict[str, str]
) -> None:
    witness.estate.truth.lost.update(lost)
    witness.estate.truth.behind = True
    followed(witness)
    witness.source_loss_removed_nothing(run_of(witness))


def test_what_runs_on_is_known_as_long_as_it_is_heard() -> None:
    """What begins or ends while nobody hears it is not among it; where the cluster is lost, all
    that was heard is."""
    truth = Truth(runs={"10.1.0.1": "web", "10.1.0.2": "web", "10.2.0.1": "db"})
    truth.is_heard(whole=True)
    truth.runs = {"10.1.0.1": "db", "10.1.0.2": "web", "10.1.0.3": "web"}
    truth.goes_on()
    truth.is_heard(whole=False)
    assert (truth.behind, truth.steady) == (True, {"10.1.0.2": "web"})
    truth.lost["east"] = "gone"
    truth.runs = {"10.2.0.2": "db"}
    truth.goes_on()
    truth.is_heard(whole=True)
    assert (truth.behind, truth.steady) == (False, {"10.1.0.2": "web", "10.2.0.2": "db"})
    truth.lost.clear()
    truth.goes_on()
    assert truth.steady == {"10.2.0.2": "db"}


def by_day(witness: Witness) -> None:
    now = witness.estate.host.now()
    witness.may_install(run_of(witness), {BEHIND[0]}, "prod", now)


def added_by_day(witness: Witness) -> None:
    holds(witness.estate, ALONE[0], "prod_10.1.0.1", "prod_10.2.0.1", "legacy-db")
    witness.nothing_came_outside_a_window(run_of(witness))


def second_at_risk(witness: Witness) -> None:
    pushed(witness.estate, BEHIND[0], "error")
    witness.pushes.open.add(BEHIND[0])
    witness.stays_in_its_budget({BEHIND[1]}, BEHIND)


def second_unit_at_risk(witness: Witness) -> None:
    url = witness.estate.unit.fortigates[ALONE[0]] + "/api/v2/cmdb/firewall/addrgrp/k8s-web"
    witness.pushes.writes(ALONE[0], "POST", url, "{}")
    holds(witness.estate, ALONE[0], "legacy-db")
    witness.stays_in_its_budget({ALONE[1]}, ALONE)


def pushed_twice(witness: Witness) -> None:
    witness.is_not_pushed_again({BEHIND[0]})
    pushed(witness.estate, BEHIND[0], "done")
    witness.is_not_pushed_again({BEHIND[0]})


def told_twice(witness: Witness) -> None:
    body = json.dumps({"member": [{"name": name} for name in members(witness.estate, ALONE[0])]})
    url = witness.estate.unit.fortigates[ALONE[0]] + "/api/v2/cmdb/firewall/addrgrp/k8s-web"
    witness.pushes.writes(ALONE[0], "PUT", url, body)


def members(estate: Mixed, place: str) -> Any:
    row = estate.unit.world.alone[place].vdoms["root"].running(("firewall addrgrp", WEB))
    assert row is not None
    return row.attrs["member"]


def secret_in_the_state(witness: Witness) -> None:
    path = witness.estate.folder / "state" / "left.json"
    path.write_text(KEY)
    try:
        witness.nothing_secret_was_told(None, "")
    finally:
        path.unlink()


def secret_in_the_metrics(witness: Witness) -> None:
    witness.nothing_secret_was_told(None, "", f'x{{why="{PASSWORD}"}} 1')


def secret_in_an_event(witness: Witness) -> None:
    report = Report(failures={BEHIND[0]: f"refused: {PASSWORD}"})
    told = Pass(TargetRef("hq", "prod"), rollout=report)
    witness.nothing_secret_was_told(empty(witness, told), "")


def secret_in_the_log(witness: Witness) -> None:
    witness.log.write(PASSWORD)
    witness.nothing_secret_was_told(None, "")


def not_as_wanted(witness: Witness) -> None:
    holds(witness.estate, ALONE[0], "prod_10.1.0.1", "legacy-db")
    report = Report(verified=[DeviceVdom(ALONE[0], "root")])
    told = Pass(TargetRef(ALONE[0], "root", TargetKind.FORTIGATE), rollout=report)
    witness.what_is_verified_is_so(run_of(witness), empty(witness, told))


def not_in_sync(witness: Witness) -> None:
    holds(witness.estate, BEHIND[0], "none")
    witness.is_installable(run_of(witness), {BEHIND[0]})


def never_installed(witness: Witness) -> None:
    installed = witness.estate.unit.world.adoms["prod"].installed
    known = installed.pop((BEHIND[0], "root"))
    try:
        witness.is_installable(run_of(witness), {BEHIND[0]})
    finally:
        installed[BEHIND[0], "root"] = known


def edit_of_others(witness: Witness) -> None:
    gate = witness.estate.unit.fortigate(BEHIND[0])
    gate.drift("firewall address", "legacy-db", subnet=("10.9.0.3", "255.255.255.255"))
    witness.nothing_of_others_was_installed(run_of(witness))


def overdue(witness: Witness) -> None:
    estate = witness.estate
    estate.choice = replace(estate.choice, removals="immediately")
    del estate.truth.runs["10.1.0.1"]
    passes = [Pass(TargetRef(name, "root", TargetKind.FORTIGATE)) for name in ALONE]
    witness.no_stale_grant_is_overdue(run_of(witness), empty(witness, *passes))


def excused_by_what_is_not_so(witness: Witness) -> None:
    _excused(witness, silent="no answer")


def excused_by_a_push_that_was_not(witness: Witness) -> None:
    _excused(witness, urgent=UrgentDecision(until=datetime(2026, 1, 1, tzinfo=UTC)))


def excused_by_a_source_that_is_not_lost(witness: Witness) -> None:
    _excused(witness, GroupView(WEB, None, None, None, None, GroupState.WRITE_PENDING))


def _excused(
    witness: Witness,
    *groups: GroupView,
    silent: str = "",
    urgent: UrgentDecision = UNASSESSED.urgent,
) -> None:
    estate, ref = witness.estate, TargetRef("hq", "prod")
    estate.choice = replace(estate.choice, removals="immediately")
    del estate.truth.runs["10.1.0.1"]
    seen = next(each.seen for each in estate.status().adoms if each.ref == ref)
    view = DeviceView(DeviceVdom(BEHIND[0], "root"), ref, groups, silent=silent)
    told = Pass(ref, seen, view=replace(UNASSESSED, views=(view,), urgent=urgent))
    witness.no_stale_grant_is_overdue(run_of(witness), empty(witness, told))


def never_asked_for(witness: Witness) -> None:
    holds(witness.estate, ALONE[0], "prod_10.1.0.1", "legacy-db")
    witness.only_what_was_asked_for(run_of(witness))


def no_line(witness: Witness) -> None:
    witness.is_in_the_audit(run_of(witness), "write")


def altered(witness: Witness) -> None:
    _with_lines(witness, lambda lines: [*lines[:-2], lines[-2].replace("1", "2"), lines[-1]])


def cut_off(witness: Witness) -> None:
    _with_lines(witness, lambda lines: lines[:-1])


def not_decided(witness: Witness) -> None:
    witness.was_decided("stop")


def _with_lines(witness: Witness, change: Callable[[list[str]], list[str]]) -> None:
    path = witness.estate.folder / "state" / "audit.jsonl"
    whole = path.read_text(encoding="utf-8")
    path.write_text("".join(change(whole.splitlines(keepends=True))), encoding="utf-8")
    try:
        witness.the_audit_is_whole(killed=False)
    finally:
        path.write_text(whole, encoding="utf-8")
        assert [line for line in audit.read(path) if line.problem] == []


BREAKS: Mapping[int, Mapping[Callable[[Witness], None], str]] = {
    1: {foreign_object: "foreign objects were changed"},
    2: {lock_left: "a lock was left behind"},
    3: dict.fromkeys((lost_source, lost_server, half_heard), "though its cluster is lost"),
    4: {by_day: "outside every window", added_by_day: "by night"},
    5: {second_at_risk: "at risk at once", second_unit_at_risk: "at risk at once"},
    6: {pushed_twice: "pushed to fgt-1 again", told_twice: "told again what it holds"},
    7: dict.fromkeys(
        (secret_in_the_state, secret_in_the_metrics, secret_in_an_event, secret_in_the_log),
        "a secret was told",
    ),
    8: {not_as_wanted: "is called verified"},
    9: {
        not_in_sync: "is not in sync",
        never_installed: "never installed",
        edit_of_others: "edits of others went along",
    },
    10: {
        overdue: "nothing is said",
        excused_by_what_is_not_so: "called silent, which it is not",
        excused_by_a_source_that_is_not_lost: "what should be there, which it is not",
        excused_by_a_push_that_was_not: "a moment ago, which it is not",
    },
    11: {never_asked_for: "lets {'10.9.0.1'} through"},
    12: {
        no_line: "no write in the audit",
        altered: "does not follow",
        cut_off: "lines were written",
        not_decided: "is not in the audit",
    },
}


def test_each_invariant_has_its_checks_and_something_that_breaks_them() -> None:
    assert list(INVARIANTS) == list(range(1, 13)) == list(BREAKS)
    assert all(callable(getattr(Witness, name)) for names in INVARIANTS.values() for name in names)


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        pytest.param(breaks, words, id=f"{number}-{breaks.__name__}")
        for number, several in BREAKS.items()
        for breaks, words in several.items()
    ],
)
def test_what_breaks_it_is_noticed(
    witness: Witness, breaks: Callable[[Witness], None], words: str
) -> None:
    with pytest.raises(AssertionError) as caught:
        breaks(witness)
    assert words in str(caught.value)


def test_an_urgent_install_is_not_overdue_so_soon_after_another(tmp_path: Path) -> None:
    """That takes five minutes, told from when it was begun on, whatever a pass says."""
    with open_mixed(tmp_path, Choice()) as estate:
        witness = Witness(estate)
        witness.pushes.last_at[ALONE[0]] = estate.host.now() - 299
        assert witness.grants.is_so(ALONE[0], SPACING)
        estate.clock.sleep(1)
        assert not witness.grants.is_so(ALONE[0], SPACING)


def test_what_is_wanted_is_what_the_configured_selectors_select(estate: Mixed) -> None:
    """Otherwise most checks would allow too much, and one complain of what is right."""
    truth, runs = estate.truth, {"10.1.0.1": "web", "10.1.0.2": "db", "10.1.0.3": "both"}
    try:
        estate.truth = replace(truth, runs={**runs, "10.2.0.1": "other"}, rules=dict(truth.rules))
        estate.runs()
        for app in ("web", "db", "both"):
            estate.truth.rules[WEB] = app
            estate.configure()
            (seen,) = (each.seen for each in estate.plan().adoms if each.ref.unit == "hq")
            assert seen is not None
            groups = [each for each in seen.desired.groups if each.name == WEB]
            found = {str(a) for g in groups for m in g.distinct() for a in m.addresses}
            assert found == estate.truth.wanted(WEB)
    finally:
        estate.truth = truth
        estate.runs()
        estate.configure()


def test_a_run_that_did_as_it_should_is_not_complained_about(witness: Witness) -> None:
    estate = witness.estate
    estate.choice = replace(estate.choice, removals="immediately")
    witness.ends(empty(witness), "", killed=False, troubled=False)
    assert all(witness.checks[number] for number in (1, 2, 3, 4, 7, 8, 9, 10, 11, 12))
