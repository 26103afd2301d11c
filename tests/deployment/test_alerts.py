"""The alerts, by Prometheus' own promtool: each rings when it should, and only then.

Series are written as promtool takes them: `1x60` is one value and 60 more of it, `0+5x60` climbs.
Time begins at the epoch. A replica that does not work on the ADOM tells what it knew last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment import places, tools

pytestmark = pytest.mark.deploy

Series = Mapping[str, str]
PROD = ({"adom": "prod", "fortimanager": "hq", "namespace": "fmgsync"},)
EAST = {"cluster": "east", "namespace": "fmgsync"}
RULES = {"groups": [{"name": "fmgsync", "rules": places.alerts()}]}
SEVERITIES = {each["alert"]: each["labels"]["severity"] for each in places.alerts()}


def adom(metric: str, pod: str = "a", **labels: str) -> str:
    """The name of a series of one replica about the ADOM prod."""
    named = {**PROD[0], "pod": pod, **labels}
    return f"fmgsync_{metric}{_braces(named)}"


def cluster(metric: str, pod: str = "a", **labels: str) -> str:
    """The name of a series of one replica about the cluster east."""
    return f"fmgsync_{metric}{_braces({**EAST, 'pod': pod, **labels})}"


def _braces(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{text}"' for name, text in labels.items()) + "}"


def buckets(fast: str, slow: str) -> Series:
    """Requests that take up to 0.1 s, and those that take up to 30 s."""
    return {
        'fmgsync_rpc_duration_seconds_bucket{fortimanager="hq",le="0.1"}': fast,
        'fmgsync_rpc_duration_seconds_bucket{fortimanager="hq",le="10"}': fast,
        'fmgsync_rpc_duration_seconds_bucket{fortimanager="hq",le="30"}': slow,
        'fmgsync_rpc_duration_seconds_bucket{fortimanager="hq",le="+Inf"}': slow,
    }


@dataclass(frozen=True)
class Case:
    """A history, a minute step, an instant, and the labels of the alerts that ring then."""

    alert: str
    why: str
    series: Series
    at: str
    rings: tuple[Mapping[str, str], ...] = ()
    step: str = "1m"


LEADS = {adom("leader"): "1x400", adom("leader", "b"): "0x400"}
FOLLOWS = {adom("leader"): "0x400", adom("leader", "b"): "1x400"}
FAILED = adom("installs_total", outcome="failed")

CASES = (
    Case("FmgsyncDown", "nothing is scraped", {}, "6m", ({},)),
    Case("FmgsyncDown", "one runs", {'fmgsync_build_info{version="1"}': "1x10"}, "6m"),
    Case(
        "FmgsyncNobodyWorks",
        "both wait",
        {adom("leader"): "0x10", adom("leader", "b"): "0x10"},
        "3m",
        PROD,
    ),
    Case("FmgsyncNobodyWorks", "one works", LEADS, "3m"),
    Case(
        "FmgsyncTwoWork",
        "both work",
        {adom("leader"): "1x10", adom("leader", "b"): "1x10"},
        "3m",
        PROD,
    ),
    Case(
        "FmgsyncTwoWork",
        "a takeover between two scrapes",
        {adom("leader"): "1 1 0x10", adom("leader", "b"): "0 1 1x10"},
        "3m",
    ),
    Case(
        "FmgsyncTwoWork",
        "another installation has its part of the ADOM",
        {adom("leader"): "1x10", adom("leader", "b", namespace="other"): "1x10"},
        "3m",
    ),
    Case(
        "FmgsyncAdomBehind",
        "no pass for half an hour",
        {adom("adom_last_success_timestamp_seconds"): "0x60"},
        "36m",
        PROD,
    ),
    Case(
        "FmgsyncAdomBehind",
        "only the waiting replica's number is old",
        {
            adom("adom_last_success_timestamp_seconds"): "0x60",
            adom("adom_last_success_timestamp_seconds", "b"): "0+60x60",
        },
        "36m",
    ),
    Case("FmgsyncAdomNeverDone", "no pass since the start", LEADS, "16m", PROD),
    Case(
        "FmgsyncAdomNeverDone",
        "a pass after ten minutes",
        {**LEADS, adom("adom_last_success_timestamp_seconds"): "_x10 600x20"},
        "16m",
    ),
    Case(
        "FmgsyncStaleGrants",
        "a day has gone by",
        {**LEADS, adom("oldest_stale_grant_timestamp_seconds"): "0x300"},
        "24h5m",
        PROD,
        "5m",
    ),
    Case(
        "FmgsyncStaleGrants",
        "known to a replica that works no more",
        {**FOLLOWS, adom("oldest_stale_grant_timestamp_seconds"): "0x300"},
        "24h5m",
        step="5m",
    ),
    Case(
        "FmgsyncStaleGrants",
        "gone in the night",
        {**LEADS, adom("oldest_stale_grant_timestamp_seconds"): "0x200"},
        "24h5m",
        step="5m",
    ),
    Case("FmgsyncGuardHolds", "two", {**LEADS, adom("guard_holds"): "2x20"}, "11m", PROD),
    Case(
        "FmgsyncGuardHolds",
        "known to a replica that works no more",
        {**FOLLOWS, adom("guard_holds"): "2x20", adom("guard_holds", "b"): "0x20"},
        "11m",
    ),
    Case("FmgsyncStopped", "by a person", {**LEADS, adom("stopped"): "1x300"}, "4h5m", PROD),
    Case("FmgsyncStopped", "for an hour", {**LEADS, adom("stopped"): "1x60 0x300"}, "4h5m"),
    Case(
        "FmgsyncClusterNotRead",
        "one replica cannot read pods",
        {
            cluster("source_synced", kind="pods"): "0x20",
            cluster("source_synced", "b", kind="pods"): "1x20",
            cluster("source_synced", kind="nodes"): "1x20",
        },
        "11m",
        ({**EAST, "kind": "pods"},),
    ),
    Case(
        "FmgsyncClusterNotRead",
        "a restart of the API server",
        {cluster("source_synced", kind="pods"): "1x3 0x3 1x20"},
        "11m",
    ),
    Case(
        "FmgsyncClusterSilent",
        "one replica hears nothing of pods",
        {
            cluster("source_last_heard_timestamp_seconds", kind="pods"): "0x20",
            cluster("source_last_heard_timestamp_seconds", "b", kind="pods"): "0+60x20",
            cluster("source_last_heard_timestamp_seconds", kind="nodes"): "0+60x20",
            cluster("source_synced", kind="pods"): "1x20",
        },
        "12m",
        ({**EAST, "kind": "pods"},),
    ),
    Case(
        "FmgsyncClusterSilent",
        "an outage of six minutes",
        {cluster("source_last_heard_timestamp_seconds", kind="pods"): "0x6 360+60x20"},
        "12m",
    ),
    Case(
        "FmgsyncClusterProblems",
        "one pod is odd",
        {cluster("source_problems"): "1x40"},
        "31m",
        (EAST,),
    ),
    Case("FmgsyncClusterProblems", "none", {cluster("source_problems"): "0x40"}, "31m"),
    Case(
        "FmgsyncInstallsFail",
        "the first ever",
        {FAILED: "0 0 0 1x100", adom("installs_total", outcome="done"): "0+1x100"},
        "10m",
        ({**PROD[0], "outcome": "failed"},),
    ),
    Case("FmgsyncInstallsFail", "long ago", {FAILED: "0 0 0 1x200"}, "90m"),
    Case(
        "FmgsyncInstallsFail",
        "nothing to do",
        {adom("installs_total", outcome="no changes"): "0+1x100"},
        "10m",
    ),
    Case(
        "FmgsyncWindowPasses",
        "two hours open",
        {**LEADS, adom("pending_devices"): "3x60", adom("window_open"): "1x60"},
        "2h10m",
        PROD,
        "5m",
    ),
    Case(
        "FmgsyncWindowPasses",
        "closed after an hour",
        {**LEADS, adom("pending_devices"): "3x60", adom("window_open"): "1x12 0x60"},
        "2h10m",
        step="5m",
    ),
    Case(
        "FmgsyncInstallsFail",
        "done, says FortiManager, and the device does not prove it",
        {
            adom("installs_total", outcome="not proven"): "0 0 0 1x100",
            adom("installs_total", outcome="done"): "0+1x100",
        },
        "10m",
        ({**PROD[0], "outcome": "not proven"},),
    ),
    Case(
        "FmgsyncRolloutHeld",
        "the budget is spent",
        {
            adom("rollout_held", reason="failure budget spent"): "1x20",
            adom("rollout_held", reason="halted"): "0x20",
        },
        "11m",
        ({**PROD[0], "reason": "failure budget spent"},),
    ),
    Case(
        "FmgsyncRolloutHeld",
        "somebody resumed",
        {adom("rollout_held", reason="canary failed"): "1x8 0x20"},
        "11m",
    ),
    Case("FmgsyncDevicesFailed", "one", {**LEADS, adom("failed_devices"): "1x20"}, "11m", PROD),
    Case("FmgsyncDevicesFailed", "none", {**LEADS, adom("failed_devices"): "0x20"}, "11m"),
    Case(
        "FmgsyncDevicesBlocked",
        "an administrator forgot his edit",
        {**LEADS, adom("blocked_devices"): "2x70"},
        "61m",
        PROD,
    ),
    Case(
        "FmgsyncDevicesBlocked",
        "he installed it",
        {**LEADS, adom("blocked_devices"): "2x50 0x20"},
        "61m",
    ),
    Case(
        "FmgsyncInstallInDoubt",
        "started over an hour ago",
        {**LEADS, adom("oldest_open_install_timestamp_seconds"): "60x70"},
        "62m",
        PROD,
    ),
    Case(
        "FmgsyncInstallInDoubt",
        "one after the other, none for long",
        {**LEADS, adom("oldest_open_install_timestamp_seconds"): "0+60x70"},
        "62m",
    ),
    Case(
        "FmgsyncInstallInDoubt",
        "all have ended",
        {**LEADS, adom("oldest_open_install_timestamp_seconds"): "60x50 _x20"},
        "62m",
    ),
    Case(
        "FmgsyncWindowsMissed",
        "two windows of half an hour",
        {**LEADS, adom("missed_windows"): "0x30 1x30 2x30", adom("window_open"): "1x10 0x80"},
        "75m",
        PROD,
    ),
    Case(
        "FmgsyncWindowsMissed",
        "one window, and then it was installed",
        {**LEADS, adom("missed_windows"): "0x30 1x30 0x30"},
        "75m",
    ),
    Case(
        "FmgsyncDevicesDrifted",
        "somebody changed a group on the device",
        {**LEADS, adom("drifted_devices"): "1x70"},
        "62m",
        PROD,
    ),
    Case(
        "FmgsyncDevicesDrifted",
        "it was installed again",
        {**LEADS, adom("drifted_devices"): "1x40 0x30"},
        "62m",
    ),
    Case(
        "FmgsyncConfigurationRefused",
        "one version",
        {'fmgsync_config_reload_failures_total{pod="a"}': "0 0 1x60"},
        "5m",
        ({},),
    ),
    Case(
        "FmgsyncConfigurationRefused",
        "an hour ago",
        {'fmgsync_config_reload_failures_total{pod="a"}': "0 0 1x90"},
        "60m",
    ),
    Case(
        "FmgsyncWaitsForLocks",
        "most of the time",
        {adom("lock_wait_seconds_total"): "0+50x90"},
        "65m",
        PROD,
    ),
    Case(
        "FmgsyncWaitsForLocks",
        "now and then",
        {adom("lock_wait_seconds_total"): "0+10x90"},
        "65m",
    ),
    Case(
        "FmgsyncFortiManagerSlow",
        "all take long",
        buckets("0x60", "0+10x60"),
        "31m",
        ({"fortimanager": "hq"},),
    ),
    Case("FmgsyncFortiManagerSlow", "one in twenty", buckets("0+19x60", "0+20x60"), "31m"),
)


def promtool(*arguments: str) -> str:
    return tools.output(tools.path_of("promtool"), *arguments)


def test_the_rules_are_well_formed(tmp_path: Path) -> None:
    """Expressions and the templates in the annotations."""
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(RULES))
    assert f"{len(SEVERITIES)} rules found" in promtool("check", "rules", str(file))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.why}")
def test_an_alert_rings_when_it_should(case: Case, tmp_path: Path) -> None:
    rules = [
        {key: value for key, value in each.items() if key != "annotations"}
        for each in places.alerts()
    ]
    (tmp_path / "rules.yaml").write_text(
        yaml.safe_dump({"groups": [{"name": "fmgsync", "rules": rules}]})
    )
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump(promtool_file(case)))
    promtool("test", "rules", str(file))


def promtool_file(case: Case) -> dict[str, Any]:
    expected = [
        {"exp_labels": {**labels, "severity": SEVERITIES[case.alert]}} for labels in case.rings
    ]
    history = [{"series": name, "values": values} for name, values in case.series.items()]
    check = {"eval_time": case.at, "alertname": case.alert, "exp_alerts": expected}
    return {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": case.step, "input_series": history, "alert_rule_test": [check]}],
    }


def test_every_alert_is_seen_to_ring_and_to_stay_silent() -> None:
    assert {each.alert for each in CASES if each.rings} == set(SEVERITIES)
    assert {each.alert for each in CASES if not each.rings} == set(SEVERITIES)
