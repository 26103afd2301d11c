"""`fmgsync windows`, and the openings that plan and status tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from fmgsync import zones
from fmgsync.cli import documents, main, status_text
from tests import builders
from tests.end_to_end.estate import Estate, default_seed, open_estate

NIGHTS = {"kind": "allow", "schedule": "0 1 * * *", "duration": "3h", "timezone": "Europe/Berlin"}
CHRISTMAS = {
    "kind": "deny",
    "schedule": "0 0 24 12 *",
    "duration": "72h",
    "timezone": "Europe/Berlin",
}
BEFORE_CHRISTMAS = "2026-12-22T12:00+01:00"

Run = Callable[..., tuple[int, str, str]]


def windows(run: Run, *arguments: str) -> list[dict[str, Any]]:
    code, out, _ = run("windows", "--output", "json", *arguments)
    assert code == 0
    rows: list[dict[str, Any]] = json.loads(out)
    return rows


def test_deny_is_taken_out_of_the_openings(estate: Estate, run: Run) -> None:
    estate.write_config(install={"windows": [NIGHTS, CHRISTMAS]})
    east, west = windows(run, "--at", BEFORE_CHRISTMAS, "--days", "6")
    assert (east["device"], west["device"]) == ("fgt-east/root", "fgt-west/root")
    assert east["openNow"] is False
    assert east["openings"] == [
        {"opensAt": f"2026-12-{day}T00:00:00+00:00", "closesAt": f"2026-12-{day}T03:00:00+00:00"}
        for day in ("23", "27", "28")
    ]
    assert east["openings"] == west["openings"]


def test_a_window_may_be_for_some_devices_only(estate: Estate, run: Run) -> None:
    estate.write_config(install={"windows": [{**NIGHTS, "devices": ["fgt-e*"]}]})
    east, west = windows(run, "--at", "2026-12-22T02:30+01:00", "--days", "1")
    assert (east["openNow"], west["openNow"]) == (True, False)
    assert west["openings"] == []
    assert west["because"] == "closed: no window is configured"


def test_a_window_may_follow_a_device_group(tmp_path: Any, capsys: Any) -> None:
    seed = default_seed()
    seed["adoms"][0]["deviceGroups"] = [{"name": "West", "members": ["fgt-west/root"]}]
    with open_estate(tmp_path, seed) as estate:
        estate.write_config(install={"windows": [{**NIGHTS, "deviceGroups": ["West"]}]})
        arguments = ["--output", "json", "--at", "2026-12-22T02:30+01:00"]
        assert main.run(["windows", "-c", str(estate.path), *arguments]) == 0
    rows = {row["device"]: row["openNow"] for row in json.loads(capsys.readouterr().out)}
    assert rows == {"fgt-east/root": False, "fgt-west/root": True}


def test_always_has_no_end_in_sight_and_nothing_is_never(estate: Estate, run: Run) -> None:
    estate.write_config(install={"windows": "always"})
    row = windows(run)[0]
    assert row["openNow"] is True
    assert [opening["closesAt"] for opening in row["openings"]] == [None]
    estate.write_config(install={})
    row = windows(run)[0]
    assert (row["openNow"], row["openings"], row["opensAt"]) == (False, [], None)


def test_people_get_a_table_and_a_timeline(estate: Estate, run: Run) -> None:
    estate.write_config(install={"windows": [NIGHTS]})
    code, out, _ = run("windows", "--at", BEFORE_CHRISTMAS, "--days", "2")
    assert code == 0
    assert "Installs may start, seen from Tue 2026-12-22 12:00 (Europe/Berlin)" in out
    assert "Wed 2026-12-23 01:00 to 04:00; Thu 2026-12-24 01:00 to 04:00" in out
    ruler, bar = (line for line in out.splitlines() if "|Wed" in line or "and 1 more" in line)
    assert ruler.index("|Wed 23") < ruler.index("|Thu 24")
    assert bar.startswith("fgt-east/root and 1 more")
    # Two nights of three hours in two days of 56 cells: each is three to five cells wide.
    nights = [part for part in bar[ruler.index("|Wed") :].split("·") if part]
    assert [len(night) in (3, 4, 5) for night in nights] == [True, True]


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01", "0001-01-01T00:00", "9999-12-31T00:00"])
def test_a_wrong_time_is_refused(run: Run, text: str) -> None:
    code, _, err = run("windows", "--at", text)
    assert code == 2
    assert "2026-12-24T02:00" in err


def test_an_unknown_device_is_told_and_the_list_stays_a_list(estate: Estate, run: Run) -> None:
    site = {"clusters": ["east"], "fortimanager": "hq", "adom": "prod", "devices": ["fgt-eats"]}
    estate.write_config(sites=[site])
    code, out, err = run("windows", "--output", "json")
    assert (code, json.loads(out)) == (2, [])
    assert "fgt-east" in err


def test_nothing_is_written(estate: Estate, run: Run) -> None:
    mark = estate.unit.requests.mark()
    windows(run)
    assert estate.unit.requests.writing(since=mark) == []


def test_plan_and_status_tell_the_next_opening(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    """The opening of now, while it lasts; else the next one."""
    estate.write_config(install={"windows": [NIGHTS]})
    for cluster in ("east", "west"):
        estate.run(cluster, builders.pod("web-1", "10.1.0.5", labels={"app": "web"}))
    estate.apply("never")
    estate.write_policy("k8s-web")
    opened = datetime(2026, 12, 23, 0, tzinfo=UTC)
    for hour, expected in ((0.5, "23"), (12, "24")):
        estate.clock.sleep(opened.timestamp() + hour * 3600 - estate.clock.now())
        told = f"2026-12-{expected}T00:00:00+00:00"
        plan = documents.plan_document(estate.plan())
        assert [row["opensAt"] for row in plan["installs"]] == [told, told]
        status = documents.status_document(estate.status())
        assert [row["nextWindow"] for row in status["devices"]] == [told, told]
        document = documents.status_document(estate.status())
        status_text.print_status(Console(width=10_000), document)
        when = "open now" if hour < 1 else f"Thu 2026-12-{expected} 01:00 CET"
        line = f"next window: {when}: fgt-east/root, fgt-west/root"
        assert line in capsys.readouterr().out


def test_a_day_and_a_weekday_are_told_to_be_either(
    estate: Estate, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """By `windows` and by `config check`, each with what to write instead."""
    first_saturdays = {**NIGHTS, "schedule": "0 22 1-7 * SAT"}
    estate.write_config(install={"windows": [first_saturdays]})
    said = "the day of the month or the weekday is enough"
    _, out, _ = run("windows", "--at", BEFORE_CHRISTMAS)
    assert said in out
    assert "'0 22 * * SAT#1'" in out
    (note,) = windows(run, "--at", BEFORE_CHRISTMAS)[0]["notes"]
    assert said in note
    assert main.run(["config", "check", "-c", str(estate.path)]) == 0
    assert said in " ".join(capsys.readouterr().out.split())


def test_the_time_zone_data_in_use_is_told(estate: Estate, run: Run) -> None:
    estate.write_config(install={"windows": [NIGHTS]})
    used = str(zones.in_use())
    assert f"note: time zone data {used}" in run("windows")[1]
    assert {row["timeZoneData"] for row in windows(run)} == {used}
    _, out, _ = run("doctor", "--output", "json")
    (row,) = (row for row in json.loads(out)["findings"] if row["check"] == "time zones")
    assert row["message"].startswith(f"data {used}")


def test_forecast_says_where_and_when(estate: Estate, run: Run) -> None:
    """One device after the other in the window of the coming night; nothing is written."""
    estate.run("east", builders.pod("web-1", "10.1.0.5", labels={"app": "web"}))
    estate.run("west", builders.pod("web-1", "10.2.0.5", labels={"app": "web"}))
    estate.apply_never()
    estate.write_policy("k8s-web")
    rollout = {"canary": ["fgt-west"], "maxFailures": 1}
    estate.write_config(install={"windows": [NIGHTS], "firstInstall": "allow", "rollout": rollout})
    assert run("plan")[0] == 3
    mark = estate.unit.requests.mark()
    code, out, _ = run("forecast", "--output", "json")
    assert code == 3
    west, east = json.loads(out)["devices"]
    assert (west["device"], west["wave"], west["held"]) == ("fgt-west", 0, None)
    assert (east["device"], east["wave"], east["groups"]) == ("fgt-east", 3, ["k8s-web"])
    assert west["at"] < west["endsBy"] <= east["at"] < east["endsBy"]
    assert estate.unit.requests.writing(since=mark) == []
    assert "2 installs until" in run("forecast")[1]
    assert run("forecast", "--until", "2001-01-01")[0] == 2
    estate.write_config(install={"windows": [], "firstInstall": "allow", "rollout": rollout})
    rows = json.loads(run("forecast", "--output", "json")[1])["devices"]
    assert all(row["at"] is None and row["held"] for row in rows)
