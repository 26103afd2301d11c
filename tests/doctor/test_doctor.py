"""What a FortiManager's own answers mean, one row for each way they can be wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from fmgsync.clock import SystemClock
from fmgsync.doctor import doctor
from fmgsync.doctor.doctor import ClusterToCheck
from fmgsync.kube.client import Access, ApiSession, Tls
from fmgsync.model.diagnosis import Level
from fmgsync.scheduling.install_policy import Mode
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.targets.fortimanager import diagnose
from fmgsync.targets.fortimanager.checkup import Administrator, UnitFacts
from fmgsync.targets.protocol import Purpose

NOW = 1_800_000_000.0
OURS = Administrator("fmgsync", "read-write", "Standard_User", installs=True)
HEALTHY = UnitFacts(
    user="fmgsync",
    version=(7, 4, 5),
    time=NOW,
    settings={"workspace-unlock-after-install": "disable"},
    admin_settings={"auto_push_cfg": "disable"},
    administrators=(OURS,),
)


def judged(facts: UnitFacts, *, writes: bool = True) -> dict[str, Level]:
    purpose = Purpose({}, Mode.PACKAGE, writes=writes)
    found = list(diagnose.judge_unit("FortiManager hq", facts, purpose, NOW))
    assert all(bool(each.fix) == (each.level is not Level.OK) for each in found)
    return {each.check: each.level for each in found}


def test_a_healthy_unit_has_nothing_to_fix() -> None:
    assert set(judged(HEALTHY).values()) == {Level.OK}


@pytest.mark.parametrize(
    ("change", "check", "level"),
    [
        ({"version": (7, 0, 12)}, "version", Level.FAILURE),
        ({"version": (7, 4, 4)}, "version", Level.WARNING),
        ({"version": None}, "version", Level.WARNING),
        ({"administrators": (replace(OURS, profile="Super_User"),)}, "account", Level.WARNING),
        ({"time": NOW + 45}, "clock", Level.WARNING),
        ({"time": NOW - 45}, "clock", Level.WARNING),
        ({"time": NOW + 5}, "clock", Level.OK),
        ({"time": None}, "clock", Level.WARNING),
        ({"settings": None}, "workspace-unlock-after-install", Level.WARNING),
        # Numbers where a unit does not speak in words.
        ({"admin_settings": {"auto_push_cfg": 1}}, "auto_push_cfg", Level.WARNING),
        ({"admin_settings": {}}, "auto_push_cfg", Level.WARNING),
        ({"administrators": None}, "rights", Level.WARNING),
        ({"administrators": None}, "other administrators", Level.WARNING),
        ({"administrators": (replace(OURS, rpc_permit="read"),)}, "rights", Level.FAILURE),
        ({"administrators": (replace(OURS, installs=False),)}, "rights", Level.FAILURE),
        ({"administrators": (OURS, replace(OURS, user="eve"))}, "other administrators",
         Level.WARNING),
    ],
)  # fmt: skip
def test_what_is_wrong_or_not_told_is_said(
    change: dict[str, Any], check: str, level: Level
) -> None:
    assert judged(replace(HEALTHY, **change))[check] is level


def test_who_only_observes_needs_no_right_to_write() -> None:
    reader = replace(HEALTHY, administrators=(replace(OURS, rpc_permit="read", installs=False),))
    assert judged(reader, writes=False)["rights"] is Level.OK


def test_a_cluster_certificate_is_looked_at_and_must_be_verified(tmp_path: Path) -> None:
    with KubernetesSimulator() as server:
        path = server.kubeconfig(tmp_path / "kubeconfig")
        cluster = ClusterToCheck("east", session=lambda: ApiSession("east", Access(path)))
        verified = list(doctor.check_cluster(cluster, SystemClock()))
        content = json.loads(path.read_text())
        content["clusters"][0]["cluster"] = {"server": server.url, "insecure-skip-tls-verify": True}
        path.write_text(json.dumps(content))
        skipped = list(doctor.check_cluster(cluster, SystemClock()))
    assert [d.level for d in verified if d.check == "certificate"] == [Level.OK]
    warning, dated = (d for d in skipped if d.check == "certificate")
    assert warning.message == "is not verified"
    assert "insecure-skip-tls-verify" in warning.fix
    assert dated.message.startswith("valid until ")


def certificate(days: int) -> bytes:
    ends = datetime.fromtimestamp(NOW, UTC) + timedelta(days=days, hours=1)
    return trustme.CA().issue_cert("localhost", not_after=ends).cert_chain_pems[0].bytes()


@pytest.mark.parametrize(("days", "level"), [(200, Level.OK), (29, Level.WARNING)])
def test_certificates_that_end_soon_are_told(days: int, level: Level) -> None:
    tls = Tls(verified=True, server=certificate(90), client=certificate(days))
    found = {each.check: each for each in doctor.judge_tls("cluster east", tls, NOW)}
    assert found["certificate"].level is Level.OK
    assert found["own certificate"].level is level
    assert f"{days} days" in found["own certificate"].message
