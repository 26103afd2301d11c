"""Alerts are held against the metrics a controller exports: names, labels, and label values."""

from __future__ import annotations

import re
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fmgsync.model.endpoint import Kind
from fmgsync.model.health import (
    AdomHealth,
    ClusterHealth,
    DevicesHealth,
    Hearing,
    RolloutHealth,
    ServiceHealth,
)
from fmgsync.model.rollout import Outcome
from fmgsync.model.target import TargetKind, TargetRef
from fmgsync.scheduling.rollout import HoldKind
from fmgsync.serve.metrics import Metrics
from tests.deployment import places

ALERTS = places.alerts()
PAGE = places.ROOT / "docs" / "deployment.md"

every_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))


def exported() -> dict[str, set[str]]:
    """Every sample's name and labels, from a controller of which everything is known."""
    adoms = tuple(
        AdomHealth(
            ref,
            answered=True,
            last_success_at=1.0,
            passes=1,
            oldest_stale_grant_at=1.0,
            installs=dict.fromkeys(Outcome, 1),
            window_open=True,
            rollout=RolloutHealth(oldest_open_at=1.0),
            devices=DevicesHealth(sizes={("fgt-1/root", "web"): 1}, verified_at={"fgt-1": 1.0}),
        )
        for ref in (TargetRef("hq", "prod"), TargetRef("branch-7", "root", TargetKind.FORTIGATE))
    )
    heard = {kind: Hearing(1.0) for kind in Kind}
    clusters = (ClusterHealth("east", frozenset(Kind), frozenset(Kind), True, hearing=heard),)
    health = ServiceHealth("1", 0.0, adoms, clusters, config_loaded_at=1.0)
    metrics = Metrics(lambda: health)
    metrics.rpc("hq", "get", 0.1)
    metrics.rest("branch-7", "get", 0.1)
    metrics.lock_wait("hq", "prod", 1.0)
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


EXPORTED = exported()


def metrics_of(alert: dict[str, Any]) -> set[str]:
    return set(re.findall(r"\bfmgsync_\w+", alert["expr"]))


@every_alert
def test_an_alert_names_metrics_and_labels_that_exist(alert: dict[str, Any]) -> None:
    names = metrics_of(alert)
    assert names
    assert names <= set(EXPORTED)
    by = {
        label.strip()
        for labels in re.findall(r"\bby \(([^)]*)\)", alert["expr"])
        for label in labels.split(",")
    }
    for name in names:
        assert by - {"namespace"} <= EXPORTED[name]  # that one Prometheus adds
    shown = set(re.findall(r"\$labels\.(\w+)", str(alert["annotations"])))
    assert shown <= by


@every_alert
def test_an_alert_matches_values_that_exist(alert: dict[str, Any]) -> None:
    """An outcome that is renamed would silence the alert, or make it ring for ever."""
    outcomes, holds = ({each.value for each in kind} for kind in (Outcome, HoldKind))
    values = {"outcome": outcomes, "reason": holds}
    for label, text in re.findall(r'(\w+)(?:=|!=|=~|!~)"([^"]*)"', alert["expr"]):
        assert set(text.split("|")) <= values[label]


@every_alert
def test_an_alert_says_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert f"`{alert['alert']}`" in PAGE.read_text()


@every_alert
def test_an_alert_has_a_section_that_says_what_to_do(alert: dict[str, Any]) -> None:
    page, _, section = alert["annotations"]["runbook_url"].partition("#")
    assert section == alert["alert"].lower()
    text = (places.ROOT / page).read_text()
    own = text.partition(f"## {alert['alert']}\n")[2].partition("\n## ")[0]
    assert "- Look at: " in own
    assert "- Do: " in own


def test_no_section_is_left_of_an_alert_that_is_gone() -> None:
    sections = re.findall(r"^## (\w+)$", (places.ROOT / "docs/alerts.md").read_text(), re.MULTILINE)
    assert sections == [each["alert"] for each in ALERTS]


def test_the_page_tells_every_metric_and_no_other() -> None:
    """A histogram is told by its name without a suffix."""
    told = set(re.findall(r"^\| `(fmgsync_\w+)`", PAGE.read_text(), re.MULTILINE))
    parts = {name for name in EXPORTED if re.search(r"_(bucket|count|sum)$", name)}
    histograms = {re.sub(r"_(bucket|count|sum)$", "", name) for name in parts}
    assert told == (set(EXPORTED) - parts) | histograms
