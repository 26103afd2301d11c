"""fmgsync doctor, from the command line, over HTTPS: each finding is seen, with its fix."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests import builders
from tests.end_to_end.estate import PACKAGE, Estate, default_seed, open_estate

OURS = {"user": "fmgsync", "password": "s3cret-word", "superAdmin": True}
ADMIN = {"user": "admin", "password": "admin", "superAdmin": True}


def checked(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    prepare: Callable[[Estate], object] = lambda estate: None,
    config: dict[str, Any] | None = None,
    **unit: Any,
) -> tuple[int, dict[str, dict[str, str]]]:
    """Exit code, and the worst finding of each check."""
    seed = default_seed(install_s=0, admins=[OURS])
    seed.update(unit)
    with open_estate(folder, seed, clock=SystemClock()) as estate:
        for site in ("east", "west"):
            estate.run(site, builders.pod("web-1", "10.1.0.5", labels={"app": "web"}))
        estate.write_config(**(config or {}))
        prepare(estate)
        writes = len(estate.unit.requests.writing())
        code = main.run(["doctor", "-c", str(estate.path), "--output", "json"])
        assert len(estate.unit.requests.writing()) == writes, "doctor writes nothing"
    text = capsys.readouterr().out
    assert "s3cret-word" not in text
    document = json.loads(text)
    found: dict[str, dict[str, str]] = {}
    for row in document["findings"]:
        assert bool(row["fix"]) == (row["level"] != "ok"), row
        if row["level"] != "ok" or row["check"] not in found:
            found[row["check"]] = row
    counted = [row["level"] for row in document["findings"]].count("failure")
    wrong = any(row["misconfigured"] for row in document["findings"])
    assert (document["failures"], code) == (counted, 2 if wrong else 1 if counted else 0)
    return code, found


def test_a_healthy_estate_has_nothing_to_fix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = checked(tmp_path, capsys)
    assert code == 0
    # The simulator's certificate lives for the test's sake, not for a month.
    # Who may see all settings is a super administrator, and the simulated FortiOS is an older one.
    odd = {name for name, row in found.items() if row["level"] != "ok"} - {"certificate"}
    assert odd == {"lease", "account", "firmware"}
    assert found["version"]["message"] == "7.4.5"


@pytest.mark.parametrize(
    ("check", "said", "fix", "unit"),
    [
        ("auto_push_cfg", "no window", "auto_push_cfg disable", {"switches": {"autoPush": True}}),
        (
            "workspace-unlock-after-install",
            "is enabled",
            "workspace-unlock-after-install disable",
            {"switches": {"workspaceUnlockAfterInstall": True}},
        ),
        ("other administrators", "waves, with our changes in it: admin", "deploy-management",
         {"admins": [OURS, ADMIN, {"user": "eve", "password": "x", "profile": "Restricted_User"}]}),
        ("other administrators", "not told", "ask", {"admins": [{**OURS, "superAdmin": False}]}),
        ("workspace", "is disabled", "workspace-mode normal", {"workspaceMode": "disabled"}),
        ("version", "7.2.7 is open to CVE-2024-47575", "update to 7.2.8", {"version": "7.2.7"}),
        ("firmware", "CVE-2025-59718, which is exploited: fgt-east (7.4", "update", {}),
        ("account", "is a super administrator", "give it a profile", {}),
        ("other administrators", "may install", "removals: in-window; not in workflow mode",
         {"admins": [OURS, ADMIN]}),
    ],
)  # fmt: skip
def test_what_passes_us_by_is_a_warning(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    check: str,
    said: str,
    fix: str,
    unit: dict[str, Any],
) -> None:
    code, found = checked(tmp_path, capsys, **unit)
    assert code == 0
    assert found[check]["level"] == "warning"
    assert said in found[check]["message"]
    assert fix in found[check]["fix"]
    assert "eve" not in found[check]["message"]


@pytest.mark.parametrize(
    ("check", "said", "unit", "config"),
    [
        ("rights", "rpc-permit read:", {"admins": [{**OURS, "rpcPermit": "read"}]}, {}),
        (
            "rights",
            "may not install",
            {"admins": [{**OURS, "profile": "Restricted_User"}]},
            {},
        ),
        (
            "install.removals: within",
            "cannot be had in an ADOM in workflow mode",
            {"workspaceMode": "workflow"},
            {"install": {"removals": {"within": "15m"}}},
        ),
        (
            "reconcile.write: before-install",
            "cannot be had in an ADOM in workflow mode",
            {"workspaceMode": "workflow"},
            {"reconcile": {"write": "before-install"}},
        ),
        (
            "install.mode: objects",
            "'partial-install' is disabled",
            {"switches": {"partialInstall": False}},
            {"install": {"mode": "objects"}},
        ),
        ("connection", "", {"admins": [{**OURS, "password": "another"}]}, {}),
        (
            "sites",
            "no device 'fgt-esat'",
            {},
            {"sites": [{"clusters": ["east"], "fortimanager": "hq", "adom": "prod",
                        "devices": ["fgt-esat"]}]},
        ),
    ],
)  # fmt: skip
def test_what_stops_us_is_a_failure(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    check: str,
    said: str,
    unit: dict[str, Any],
    config: dict[str, Any],
) -> None:
    code, found = checked(tmp_path, capsys, config=config, **unit)
    assert code == (2 if check == "sites" else 1)
    assert found[check]["level"] == "failure"
    assert said in found[check]["message"]


def test_installs_that_fortimanager_starts_by_itself_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def plan(estate: Estate) -> None:
        with estate.administrator() as console:
            data = {"datetime": "2099-01-01 02:00"}
            console.call("add", f"/pm/pkg/adom/prod/{PACKAGE}/schedule", data)

    code, found = checked(tmp_path, capsys, prepare=plan, admins=[OURS, ADMIN])
    assert code == 0
    told = found["scheduled installs"]["message"]
    assert told == f"FortiManager itself will install package {PACKAGE} at 2099-01-01 02:00"


def test_devices_out_of_reach_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def cut(estate: Estate) -> None:
        estate.unit.world.devices["fgt-west"].online = False

    code, found = checked(tmp_path, capsys, prepare=cut)
    assert code == 0
    assert found["devices"]["message"] == "offline: fgt-west (1 of 2)"


def test_a_missing_role_is_printed_as_the_rule_to_grant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with KubernetesSimulator() as cluster:
        cluster.faults.forbid("pods", "watch")
        cluster.kubeconfig(tmp_path / "east.kubeconfig")
        east = {"name": "east", "kubeconfig": {"file": "./east.kubeconfig"}}
        clusters = [east, {"name": "west", "manifests": "./west.json"}]
        code, found = checked(tmp_path, capsys, config={"clusters": clusters})
    assert code == 1
    assert found["rights"]["message"] == "may not watch pods"
    assert 'resources: ["pods"]' in found["rights"]["fix"]


def test_a_dump_is_asked_for_what_rules_need_and_for_nothing_else(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    for site in ("east", "west"):
        estate.run(site, builders.pod("web-1", "10.1.0.5", labels={"app": "web"}))

    def lacking(**more: str) -> list[str]:
        groups = [{"name": "k8s-web", "select": "app == 'web'", **more}]
        estate.write_config(groups=groups)
        capsys.readouterr()
        main.run(
            ["doctor", "-c", str(estate.path), "--state-dir", str(estate.folder), "-o", "json"]
        )
        text = capsys.readouterr().out
        return [each for each in ("services", "ippools", "egressips") if f"holds no {each}" in text]

    assert lacking() == []
    assert lacking(publish="service") == ["services"]


def test_a_dump_that_is_not_there_is_a_failure_and_the_rest_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def remove(estate: Estate) -> None:
        (estate.folder / "east.json").unlink()

    code, found = checked(tmp_path, capsys, prepare=remove)
    assert code == 1
    assert "east.json" in json.dumps(found)
    assert found["version"]["level"] == "ok"
