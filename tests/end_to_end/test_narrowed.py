"""What an urgent install has narrowed is put back, and before anything else goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.doctor import doctor
from fmgsync.wiring import memories
from tests import builders
from tests.end_to_end import fleet
from tests.end_to_end.edits import GROUPS, edit, mapped, start
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import holding, open_fleet, seed
from tests.end_to_end.killing import IDLE_S, Pushed, run

WANTED = ["prod_10.1.0.2", "prod_10.1.0.3"]
NARROWED = ["prod_10.1.0.2"]


@pytest.fixture(params=["disabled", "normal"])
def estate(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Estate]:
    """One address has to go from two devices at once, another may come in the window only."""
    unit = {**seed(2), "workspaceMode": request.param, "idleTimeoutSeconds": IDLE_S}
    with open_fleet(tmp_path, unit, removals="immediately") as made:
        start(made)
        yield made


def kept(estate: Estate) -> dict[str, Any]:
    text = (estate.folder / "state" / "rollouts.json").read_text()
    (row,) = json.loads(text)["rollouts"]
    found: dict[str, Any] = row
    return found


def installs(estate: Estate) -> int:
    calls = [url for each in estate.unit.requests.installs() for url in each.urls]
    return sum("package/commit" in url for url in calls)


def test_killed_while_it_is_narrowed_the_next_run_puts_it_back_first(estate: Estate) -> None:
    assert run(estate, Pushed()) is None
    assert mapped(estate, "fgt-1") == NARROWED
    assert [row["before"] for row in kept(estate)["narrowed"]] == [WANTED]
    estate.clock.sleep(IDLE_S + 1)
    mark = estate.unit.requests.mark()
    before = installs(estate)
    result = estate.apply("window")
    assert result.adoms[0].error is None
    assert mapped(estate, "fgt-1") == mapped(estate, "fgt-2") == WANTED
    assert "narrowed" not in kept(estate)
    # The first device was pushed before, the second one is now; in between it was put back.
    writes = [url for each in estate.unit.requests.since(mark) for url in each.urls]
    back = next(i for i, url in enumerate(writes) if "dynamic_mapping" in url)
    assert installs(estate) == before + 1
    assert back < next(i for i, url in enumerate(writes) if "package/commit" in url)
    assert holding(estate, "10.1.0.2") == fleet.names(2)


@pytest.mark.parametrize(
    "mode", ["disabled", "normal", pytest.param("per-adom", marks=pytest.mark.slow)]
)
def test_what_was_remembered_is_lost_while_it_is_installed_and_nothing_comes(
    tmp_path: Path, mode: str
) -> None:
    """Without locks the task would copy what the next run writes: it is written after its end."""
    unit = {**seed(2, install_s=600), "workspaceMode": mode, "idleTimeoutSeconds": IDLE_S}
    with open_fleet(tmp_path, unit, removals="immediately") as made:
        start(made)
        assert run(made, Pushed()) is None
        for path in (made.folder / "state").glob("*.json"):
            path.unlink()
        if mode != "disabled":
            made.clock.sleep(IDLE_S + 1)
        (adom,) = made.apply("window").adoms
        assert adom.rollout is not None
        assert "has not ended" in str(adom.rollout.waiting)
        assert mapped(made, "fgt-1") == (NARROWED if mode == "disabled" else WANTED)
        made.clock.sleep(3600)
        assert not holding(made, "10.1.0.2", "10.1.0.3")
        made.apply("window")
        assert holding(made, "10.1.0.2") == fleet.names(2)
        assert mapped(made, "fgt-1") == mapped(made, "fgt-2") == WANTED


REFUSED = {
    "nothing is installed: what is new would go along": (1, WANTED, 0),
    "what an urgent install had narrowed is not put back": (2, NARROWED, 1),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_stops_everything_else_and_is_told(estate: Estate, what: str) -> None:
    """The second device has to wait; the next run puts it back, and goes on."""
    writes_before, left, pushed = REFUSED[what]
    estate.unit.faults.add(
        "status",
        method="set",
        url="*/dynamic_mapping*",
        skip=writes_before,
        status=-10131,
        message="no",
    )
    before = installs(estate)
    result = estate.apply("window")
    assert f"{what}: k8s-web: -10131 no" in str(result.adoms[0].error)
    assert installs(estate) == before + pushed
    assert mapped(estate, "fgt-1") == left
    again = estate.apply("window")
    assert again.adoms[0].error is None
    assert mapped(estate, "fgt-1") == mapped(estate, "fgt-2") == WANTED
    assert holding(estate, "10.1.0.2") == fleet.names(2)
    assert "narrowed" not in kept(estate)


@pytest.mark.parametrize("how", ["silent", "lost"])
def test_from_a_device_that_does_not_answer_it_takes_away_and_brings_nothing(
    estate: Estate, how: str
) -> None:
    """Or whose one answer was lost: FortiManager's copy says what was there."""
    gate = estate.unit.fortigate("fgt-1")
    if how == "silent":
        gate.fall_silent()
    else:
        estate.unit.faults.add("status", url="/sys/proxy/json", status=-1, message="no", times=1)
    estate.apply("window")
    assert estate.on_device("fgt-1", fleet.GROUP) == {"10.1.0.2"}
    assert mapped(estate, "fgt-1") == WANTED
    assert "narrowed" not in kept(estate)


def test_where_nobody_knows_what_a_device_holds_nothing_is_installed(estate: Estate) -> None:
    """It does not answer, and an install that failed has left FortiManager's copy ahead of it."""
    gate, install = estate.unit.fortigate("fgt-1"), estate.config["install"]
    estate.write_config(install={**install, "removals": {"within": "1h"}})
    estate.apply("window")  # it is noticed since when an address has to go
    estate.write_config(install=install)
    estate.unit.world.switches.unreachable_install_fails = True
    gate.go_offline()
    estate.install_by_hand()
    gate.come_back()
    gate.fall_silent()
    (adom,) = estate.apply("window").adoms
    assert estate.on_device("fgt-1", fleet.GROUP) == {"10.1.0.1", "10.1.0.2"}
    assert adom.rollout is not None
    assert "does not tell what it holds in k8s-web" in adom.rollout.blocked["fgt-1"]
    gate.come_back()
    estate.clock.sleep(60)
    estate.apply("window")
    assert estate.on_device("fgt-1", fleet.GROUP) == {"10.1.0.2"}


WEB, DB = ({"name": f"k8s-{app}", "select": f"app == '{app}'"} for app in ("web", "db"))


def runs(made: Estate, **apps: tuple[int, ...]) -> None:
    pods = [(app, f"10.1.0.{number}") for app, numbers in apps.items() for number in numbers]
    made.run("east", *(builders.pod(f"at-{ip}", ip, labels={"app": app}) for app, ip in pods))


def an_addition_waits(made: Estate) -> None:
    """Two groups are in force; a member of one is written since, and waits for the window."""
    made.write_config(groups=[WEB, DB])
    runs(made, web=(1,), db=(8, 9))
    made.apply("never")
    made.write_policy("k8s-web", "k8s-db", name="both")
    made.install_by_hand()
    runs(made, web=(1, 2), db=(8, 9))
    made.apply("window")


def test_what_is_to_come_to_a_group_without_a_rule_does_not_go_along(tmp_path: Path) -> None:
    """Its rule left the configuration, its members wait for somebody's approval."""
    with open_fleet(tmp_path, seed(1), removals="immediately") as made:
        an_addition_waits(made)
        made.write_config(groups=[DB])
        runs(made, web=(1, 2), db=(8,))
        made.apply("window")
        assert made.on_device("fgt-1", "k8s-db") == {"10.1.0.8"}
        assert made.on_device("fgt-1", "k8s-web") == {"10.1.0.1"}
        assert made.mapped("k8s-web")["fgt-1"] == ["prod_10.1.0.1", "prod_10.1.0.2"]


def test_what_is_to_come_to_a_group_whose_rule_is_in_error_keeps_the_device(
    tmp_path: Path,
) -> None:
    """It cannot be narrowed, since nothing of that group is written: so nothing goes along."""
    with open_fleet(tmp_path, seed(1), removals="immediately") as made:
        an_addition_waits(made)
        edit(made, "add", f"{GROUPS}6", {"name": "k8s-web", "member": ["all"]})
        made.write_config(groups=[{**WEB, "families": ["ipv4", "ipv6"]}, DB])
        runs(made, web=(1, 2), db=(8,))
        (adom,) = made.apply("window").adoms
        assert adom.rollout is not None
        assert "its rule is in error" in adom.rollout.blocked["fgt-1"]
        assert made.on_device("fgt-1", "k8s-web") == {"10.1.0.1"}
        assert made.on_device("fgt-1", "k8s-db") == {"10.1.0.8", "10.1.0.9"}
        edit(made, "delete", f"{GROUPS}6/k8s-web")
        made.clock.sleep(900)
        made.apply("window")
        assert made.on_device("fgt-1", "k8s-db") == {"10.1.0.8"}
        assert made.on_device("fgt-1", "k8s-web") == {"10.1.0.1"}


def test_in_workflow_mode_it_is_submitted_with_what_is_due(estate: Estate) -> None:
    """The mode was changed while it was narrowed: no install's lock can put it back there."""
    assert run(estate, Pushed()) is None
    estate.clock.sleep(IDLE_S + 1)
    estate.unit.world.mode = "workflow"
    estate.unit.world.adoms["prod"].mode = "workflow"
    (adom,) = estate.apply("window").adoms
    assert adom.error is None
    assert adom.report is not None
    assert adom.report.submitted is not None
    assert "narrowed" not in kept(estate)
    assert mapped(estate, "fgt-1") == NARROWED


def test_a_record_of_a_later_release_stops_before_anything_is_written(estate: Estate) -> None:
    path = estate.folder / "state" / "rollouts.json"
    document = json.loads(path.read_text())
    document["rollouts"][0]["phase"] = "teleporting"
    path.write_text(json.dumps(document))
    mark = estate.unit.requests.mark()
    with pytest.raises(errors.StateError, match="newer fmgsync"):
        estate.apply("window")
    urls = [str(each.urls) for each in estate.unit.requests.writing(since=mark)]
    assert [url for url in urls if "sys/log" not in url] == []


def sites(estate: Estate, *devices: str) -> None:
    """Let only these be in the sites."""
    site = {"clusters": ["east"], "fortimanager": "hq", "adom": "prod", "devices": list(devices)}
    estate.write_config(sites=[site] if devices else [])


def test_a_device_that_leaves_the_sites_while_it_is_narrowed_is_put_back(estate: Estate) -> None:
    """It is nobody's to install any more; back again, it is as any other, and not pushed twice."""
    assert run(estate, Pushed()) is None
    assert mapped(estate, "fgt-1") == NARROWED
    estate.clock.sleep(IDLE_S + 1)
    sites(estate, "fgt-2")
    before = installs(estate)
    assert estate.apply("window").adoms[0].error is None
    assert mapped(estate, "fgt-1") == mapped(estate, "fgt-2") == WANTED
    assert "narrowed" not in kept(estate)
    assert "attempts" not in kept(estate)
    assert installs(estate) == before + 1
    sites(estate, "fgt-1", "fgt-2")
    assert estate.apply("window").adoms[0].error is None
    assert installs(estate) == before + 1
    assert holding(estate, "10.1.0.2") == fleet.names(2)


def test_what_is_left_open_where_no_site_leads_is_told_until_it_is_back(estate: Estate) -> None:
    """Nobody looks there any more; a month later it is taken up where it was left."""
    assert run(estate, Pushed()) is None
    sites(estate)
    told: list[str] = []
    estate.apply("window", tell=told.append)
    assert told[0] == (
        "what was begun at hq/prod is not ended, and no site leads there any more: fgt-1 may have"
        " been left in the middle of an install; less than wanted is mapped to k8s-web on"
        " fgt-1/root"
    )
    left = partial(memories.read_left_open, estate.path, state_dir=estate.folder / "state")
    assert [one.message for one in doctor.check_left(left)] == told[:1]
    estate.clock.sleep(30 * 86400)
    sites(estate, *fleet.names(2))
    told.clear()
    assert estate.apply("window", tell=told.append).adoms[0].error is None
    assert not any("no site leads" in each for each in told)
    assert left() == ()
    assert mapped(estate, "fgt-1") == mapped(estate, "fgt-2") == WANTED
    assert holding(estate, "10.1.0.2") == fleet.names(2)
