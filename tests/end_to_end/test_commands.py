"""The commands as a user runs them: exit codes, JSON, and every kind of bad input."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import main
from fmgsync.clock import SystemClock
from tests import builders
from tests.end_to_end.estate import Estate, default_seed, open_estate

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """On the computer's clock, as commands are; installs take no time."""
    with open_estate(tmp_path, default_seed(install_s=0), clock=SystemClock()) as made:
        yield made


def web(estate: Estate) -> None:
    """One selected pod in each cluster, and a policy that uses the group."""
    estate.run("east", builders.pod("web-1", "10.1.0.5", "2001:db8:1::5", labels={"app": "web"}))
    estate.run("west", builders.pod("web-1", "10.2.0.5", labels={"app": "web"}))


def planned(run: Run) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run("plan", "--output", "json")[1])
    return document


def test_the_main_job_by_exit_code(estate: Estate, run: Run) -> None:
    """plan 3, apply 0, plan 0 without a writing request; one pod less removes one address."""
    web(estate)
    two = [builders.pod(f"web-{n}", f"10.1.0.{n}", labels={"app": "web"}) for n in (5, 6)]
    estate.run("east", *two)
    assert run("apply", "--install", "never")[0] == 0
    estate.write_policy("k8s-web")
    assert run("plan")[0] == 3
    assert run("apply", "--install", "now")[0] == 0
    mark = estate.unit.requests.mark()
    assert run("plan")[0] == 0
    assert run("status")[0] == 0
    assert run("verify")[0] == 0
    assert estate.unit.requests.writing(since=mark) == []
    estate.run("east", two[1])
    changes = planned(run)["adoms"][0]["changes"]
    removed = {(c["device"], *c["removed"]) for c in changes if c["kind"] == "mapping"}
    assert removed == {("fgt-east/root", "10.1.0.5")}


def test_both_families_travel(estate: Estate, run: Run) -> None:
    web(estate)
    group = {"name": "k8s-web", "select": "app == 'web'", "families": ["ipv4", "ipv6"]}
    estate.write_config(groups=[group])
    assert run("apply", "--install", "never")[0] == 0
    estate.write_policy("k8s-web", srcaddr6=["all"], dstaddr6=["k8s-web"])
    assert run("apply", "--install", "now")[0] == 0
    members = estate.unit.fortigate("fgt-east").members("k8s-web", family="ipv6")
    assert members is not None
    assert {text.partition("/")[0] for text in members} == {"2001:db8:1::5"}


def test_plan_json_has_the_promised_keys(estate: Estate, run: Run) -> None:
    web(estate)
    run("apply", "--install", "never")
    estate.write_policy("k8s-web")
    estate.run("east", builders.pod("web-1", "10.1.0.9", labels={"app": "web"}))
    document = planned(run)
    assert set(document) >= {"digest", "adoms", "installs"}
    (adom,) = document["adoms"]
    assert (adom["fortimanager"], adom["adom"]) == ("hq", "prod")
    assert {c["action"] for c in adom["changes"]} == {"create", "update", "delete"}
    for change in adom["changes"]:
        assert set(change) >= {"action", "kind", "name", "added", "removed", "because"}
    for install in document["installs"]:
        assert set(install) >= {"device", "vdom", "package", "opensAt", "notReferenced"}
        assert install["package"] == "edge/default"


def test_status_json_shows_the_four_views(estate: Estate, run: Run) -> None:
    web(estate)
    run("apply", "--install", "never")
    estate.write_policy("k8s-web")
    run("apply", "--install", "now")
    code, out, _ = run("status", "--output", "json")
    assert code == 0
    east = next(d for d in json.loads(out)["devices"] if d["device"] == "fgt-east")
    assert set(east) >= {"device", "vdom", "adom", "fortimanager", "groups", "staleGrants"}
    assert east["groups"] == [
        {
            "name": "k8s-web",
            "desired": ["10.1.0.5"],
            "adom": ["10.1.0.5"],
            "deviceDatabase": ["10.1.0.5"],
            "device": ["10.1.0.5"],
            "state": "in sync",
        }
    ]


def test_drift_is_outstanding_and_shown(estate: Estate, run: Run) -> None:
    """Somebody changed the FortiGate itself: verify says so and repairs nothing."""
    web(estate)
    run("apply", "--install", "never")
    estate.write_policy("k8s-web")
    run("apply", "--install", "now")
    estate.unit.fortigate("fgt-east").drift("firewall addrgrp", "k8s-web", member=("all",))
    code, out, _ = run("verify", "--output", "json")
    assert code == 3
    found = {
        d["device"]: (d["verified"], d["groups"][0]["state"]) for d in json.loads(out)["devices"]
    }
    assert found == {"fgt-east": (False, "drifted"), "fgt-west": (True, "in sync")}


def test_a_device_that_does_not_answer_is_not_verified(estate: Estate, run: Run) -> None:
    web(estate)
    run("apply", "--install", "never")
    estate.write_policy("k8s-web")
    run("apply", "--install", "now")
    estate.unit.fortigate("fgt-west").go_offline()
    code, out, _ = run("verify", "--output", "json")
    assert code == 1
    states = {d["device"]: d["groups"][0]["state"] for d in json.loads(out)["devices"]}
    assert states == {"fgt-east": "in sync", "fgt-west": "unreachable"}


# --- bad input: a message that names the place and the next step, and nothing changed -------------


def refused(estate: Estate, run: Run, *words: str, code: int) -> None:
    """`apply` ends with `code`, says all `words`, and has written nothing."""
    mark = estate.unit.requests.mark()
    got, out, err = run("apply", "--install", "now")
    assert got == code, out + err
    text = " ".join((out + err).split())
    for word in words:
        assert word in text
    assert "Traceback" not in text
    assert estate.unit.requests.writing(since=mark) == []


def test_a_wrong_selector(estate: Estate, run: Run) -> None:
    web(estate)
    estate.write_config(groups=[{"name": "k8s-web", "select": "app = 'web'"}])
    refused(estate, run, "fmgsync.yaml:1", "groups[0].select", "^", code=2)


def test_a_group_name_that_fortimanager_would_refuse(estate: Estate, run: Run) -> None:
    """79 characters are all it takes, and a shard's number must fit as well."""
    web(estate)
    estate.write_config(groups=[{"name": "k" * 79, "select": "app == 'web'"}])
    refused(estate, run, "fmgsync.yaml:1", "groups[0].name", "at most", code=2)


def test_the_longest_names_and_comments_there_can_be_are_taken(tmp_path: Path) -> None:
    name = "k" * (79 - len(".123"))
    with open_estate(tmp_path, default_seed(install_s=0)) as estate:
        web(estate)
        config = {"owner": "o" * 16, "groups": [{"name": name, "select": "app == 'web'"}]}
        estate.write_config(**config)
        assert estate.apply_never().adoms[0].error is None
        group = estate.object("addrgrp", name)
        assert group is not None
        assert group["comment"].startswith(f"Managed by fmgsync (oooooooooooooooo): {name}")
        assert len(group["comment"]) <= 255


def test_an_unknown_device_names_the_nearest(estate: Estate, run: Run) -> None:
    web(estate)
    sites = [{"clusters": ["east"], "fortimanager": "hq", "adom": "prod", "devices": ["fgt-eats"]}]
    estate.write_config(sites=sites)
    refused(estate, run, "'fgt-eats'", "'fgt-east'", "ADOM prod", code=2)


def test_an_unknown_vdom_names_the_choices(estate: Estate, run: Run) -> None:
    web(estate)
    sites = [
        {"clusters": ["east"], "fortimanager": "hq", "adom": "prod", "devices": ["fgt-east/dmz"]}
    ]
    estate.write_config(sites=sites)
    refused(estate, run, "no VDOM 'dmz'", code=2)


def test_a_missing_secret(estate: Estate, run: Run) -> None:
    web(estate)
    (estate.folder / "password").unlink()
    refused(estate, run, "password", "fmgsync.yaml", code=2)


def test_a_wrong_password(estate: Estate, run: Run) -> None:
    web(estate)
    (estate.folder / "password").write_text("wrong-word")
    refused(estate, run, "FortiManager hq", code=1)


def test_where_no_adom_could_be_read_scripts_find_one_error(estate: Estate, run: Run) -> None:
    """Beside what is known in spite of it; one ADOM that fails beside others is no failure of
    the command."""
    web(estate)
    (estate.folder / "password").write_text("wrong-word")
    for command in ("plan", "status", "verify", "apply"):
        code, out, _ = run(command, "--output", "json")
        document = json.loads(out)
        assert (code, document["error"]) == (1, document["errors"][0])
        assert set(document["error"]) == {"kind", "message", "where", "next"}
    assert "digest" not in run("plan")[1]
    (estate.folder / "password").write_text("s3cret-word")
    lost = {"clusters": ["west"], "fortimanager": "hq", "adom": "lost", "devices": ["fgt-west"]}
    estate.write_config(sites=[estate.config["sites"][0], lost])
    code, out, _ = run("plan", "--output", "json")
    document = json.loads(out)
    assert (len(document["adoms"]), len(document["errors"]), "error" in document) == (1, 1, False)


def test_an_unknown_ca(estate: Estate, run: Run) -> None:
    web(estate)
    unit = {**estate.config["fortimanagers"][0], "tls": {}}
    estate.write_config(fortimanagers=[unit])
    refused(estate, run, "FortiManager hq", "caFile", code=1)


def test_an_unreachable_fortimanager(estate: Estate, run: Run) -> None:
    web(estate)
    unit = {**estate.config["fortimanagers"][0], "host": "127.0.0.1:1"}
    estate.write_config(fortimanagers=[unit])
    refused(estate, run, "FortiManager hq", code=1)


def test_a_truncated_manifest_freezes_its_cluster_only(estate: Estate, run: Run) -> None:
    """The other cluster goes on; of this one nothing is removed."""
    web(estate)
    run("apply", "--install", "never")
    whole = (estate.folder / "east.json").read_text()
    estate.run("east", dump=whole[: len(whole) // 2])
    estate.run("west", builders.pod("web-1", "10.2.0.7", labels={"app": "web"}))
    code, out, _ = run("plan", "--output", "json")
    assert code == 1
    document = json.loads(out)
    mappings = [c for c in document["adoms"][0]["changes"] if c["kind"] == "mapping"]
    assert [c["device"] for c in mappings] == ["fgt-west/root"]
    assert "east.json" in json.dumps(document["errors"])


def test_an_absent_kind_removes_nothing(estate: Estate, run: Run) -> None:
    """A dump without pods cannot be told from one nobody asked for pods."""
    web(estate)
    run("apply", "--install", "never")
    estate.run("east", dump=builders.listing(builders.node("node-1")))
    code, out, _ = run("plan", "--output", "json")
    assert code == 1
    assert json.loads(out)["adoms"][0]["changes"] == []


def test_a_foreign_name_fails_its_rule_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The foreign group stays as it is, the other rule is carried out, the exit code is 1."""
    seed = default_seed()
    seed["adoms"][0]["addressGroups"] = [{"name": "k8s-web", "members": ["legacy-db"]}]
    with open_estate(tmp_path, seed, clock=SystemClock()) as estate:
        web(estate)
        groups = [
            {"name": "k8s-web", "select": "app == 'web'"},
            {"name": "k8s-all", "select": "all()"},
        ]
        estate.write_config(groups=groups)
        before = estate.unit.console().object("prod", "addrgrp", "k8s-web")
        arguments = ["apply", "-c", str(estate.path), "--install", "never", "--output", "json"]
        assert main.run(arguments) == 1
        document = json.loads(capsys.readouterr().out)
        assert [finding["name"] for finding in document["foreign"]] == ["k8s-web"]
        found = {g["name"]: g for device in document["devices"] for g in device["groups"]}
        assert (found["k8s-web"]["state"], found["k8s-web"]["adom"]) == ("held", None)
        console = estate.unit.console()
        assert console.object("prod", "addrgrp", "k8s-web") == before
        assert console.object("prod", "addrgrp", "k8s-all") is not None


def test_the_password_is_nowhere(estate: Estate, run: Run) -> None:
    """Not in output, not in errors, however verbose."""
    web(estate)
    for arguments in (("apply", "--install", "never", "-vv"), ("plan", "-vv", "--output", "json")):
        _, out, err = run(*arguments)
        assert "s3cret-word" not in out + err


def test_selector_lists_what_it_selects(estate: Estate, run: Run) -> None:
    web(estate)
    code, out, _ = run("selector", "app == 'web'", "--output", "json")
    assert code == 0
    rows = json.loads(out)["selected"]
    assert [(row["cluster"], row["name"]) for row in rows] == [
        ("east", "default/web-1"),
        ("west", "default/web-1"),
    ]


def test_commands_agree_on_a_drift(estate: Estate, run: Run) -> None:
    web(estate)
    run("apply", "--install", "never")
    estate.write_policy("k8s-web")
    run("apply", "--install", "now")
    estate.unit.fortigate("fgt-east").drift("firewall addrgrp", "k8s-web", member=("all",))
    assert {run(name)[0] for name in ("apply", "verify", "status")} == {3}


def test_an_offline_device_is_unreachable_not_behind(estate: Estate, run: Run) -> None:
    web(estate)
    run("apply", "--install", "never")
    estate.write_policy("k8s-web")
    run("apply", "--install", "now")
    estate.unit.world.devices["fgt-east"].online = False
    estate.run("east", builders.pod("web-2", "10.1.0.6", labels={"app": "web"}))
    run("apply", "--install", "never")
    code, out, _ = run("verify")
    assert code == 1
    assert "unreachable" in out
    assert re.search(r"FortiManager last checked it \w{3} \d{4}-\d\d-\d\d \d\d:\d\d UTC", out)
    assert "install pending" not in out


def test_what_nobody_can_say_is_not_in_sync(estate: Estate, run: Run) -> None:
    web(estate)
    run("apply", "--install", "never")
    estate.write_policy("k8s-web")
    run("apply", "--install", "now")
    estate.run("east", dump="no YAML: [")
    code, out, _ = run("status", "--output", "json")
    assert code == 1
    states = {row["device"]: row["groups"][0]["state"] for row in json.loads(out)["devices"]}
    assert states == {"fgt-east": "unknown", "fgt-west": "in sync"}
