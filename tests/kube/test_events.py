"""Events stand beside their object, are counted when repeated, and never get in the way."""

from __future__ import annotations

from typing import Any

import pytest

from fmgsync import redaction
from fmgsync.kube.client import ApiSession
from fmgsync.kube.events import About, EventWriter
from fmgsync.kube.requests import EVENTS, Request
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests.kubernetes_api import ApiServer


class Wall:
    def __init__(self) -> None:
        self.now = 1_767_225_600.0

    def __call__(self) -> float:
        return self.now


def written(session: ApiSession, namespace: str) -> list[dict[str, Any]]:
    found = session.read(Request("list", EVENTS, namespace))["items"]
    return [each for each in found if each["source"].get("component") == "fmgsync"]


def test_an_event_stands_beside_its_object(server: ApiServer) -> None:
    writer = EventWriter(server.session, instance="pod-1", wall=Wall())
    config = About("ConfigMap", "fmgsync", server.namespace, uid="u-1")
    writer.warning(config, "GuardHold", "web on fgt-1/root would lose 40 % of its members")
    (event,) = written(server.session, server.namespace)
    assert event["involvedObject"] == {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "name": "fmgsync",
        "namespace": server.namespace,
        "uid": "u-1",
    }
    assert (event["type"], event["reason"], event["count"]) == ("Warning", "GuardHold", 1)
    assert event["message"].startswith("web on fgt-1/root")
    assert event["firstTimestamp"] == "2026-01-01T00:00:00Z"


def test_an_event_of_a_namespace_stands_in_default(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    writer = EventWriter(session, instance="pod-1", wall=Wall())
    writer.warning(About("Namespace", "prod"), "Installed", "done")
    assert [each["involvedObject"]["name"] for each in written(session, "default")] == ["prod"]


def test_what_is_said_again_is_counted_and_not_too_often(server: ApiServer) -> None:
    wall = Wall()
    about = About("ConfigMap", "fmgsync", server.namespace)
    writer = EventWriter(server.session, instance="pod-1", wall=wall, repeat_s=300)
    for _ in range(5):
        writer.warning(about, "GuardHold", "held")
        wall.now += 100
    assert [each["count"] for each in written(server.session, server.namespace)] == [2]
    # Another replica, or this one after a restart, finds the event that is there.
    EventWriter(server.session, instance="pod-2", wall=wall).warning(about, "GuardHold", "held")
    (event,) = written(server.session, server.namespace)
    assert event["count"] == 3
    assert event["lastTimestamp"] == "2026-01-01T00:08:20Z"


def test_different_things_are_different_events(server: ApiServer) -> None:
    about = About("ConfigMap", "fmgsync", server.namespace)
    writer = EventWriter(server.session, instance="pod-1", wall=Wall())
    writer.warning(about, "GuardHold", "web")
    writer.warning(about, "GuardHold", "db")
    writer.warning(about, "Stopped", "db")
    assert len(written(server.session, server.namespace)) == 3


def test_an_event_that_ran_out_is_said_afresh(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    wall = Wall()
    about = About("ConfigMap", "fmgsync", "default")
    writer = EventWriter(session, instance="pod-1", wall=wall)
    writer.warning(about, "GuardHold", "held")
    simulator.delete("Event", written(session, "default")[0]["metadata"]["name"])
    wall.now += 3600
    writer.warning(about, "GuardHold", "held")
    assert [each["count"] for each in written(session, "default")] == [1]


def test_foreign_text_is_made_harmless_and_cut(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    writer = EventWriter(session, instance="pod-1", wall=Wall())
    writer.warning(About("ConfigMap", "x" * 253, "default"), "Clash", "\x1b[31m" + "y" * 5000)
    (event,) = written(session, "default")
    assert event["message"].isprintable()
    assert len(event["message"]) == 1024
    assert "...(5005 characters, sha256 " in event["message"]


@pytest.mark.parametrize(
    "character", ["\x1b", "\u202e", "\ud800", "\0", "\n", "\U0001f600", '"', "<"]
)
def test_no_text_is_longer_than_an_event_can_hold(
    simulator: KubernetesSimulator, session: ApiSession, character: str
) -> None:
    writer = EventWriter(session, instance="pod-1", wall=Wall())
    assert writer.warning(About("ConfigMap", "fmgsync", "default"), "Clash", character * 100_000)
    (event,) = written(session, "default")
    assert len(event["message"].encode()) <= 1024
    assert event["message"].isprintable()


def test_a_secret_that_a_unit_repeats_is_in_no_event(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    redaction.know("canary-in-a-refusal")
    writer = EventWriter(session, instance="pod-1", wall=Wall())
    about = About("ConfigMap", "fmgsync", "default")
    writer.warning(about, "InstallFailed", "refused: canary-in-a-refusal" + "!" * 5000)
    (event,) = written(session, "default")
    assert event["message"].startswith("refused: [secret]!")


def test_an_event_that_cannot_be_written_disturbs_nobody(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    simulator.faults.forbid("events")
    writer = EventWriter(session, instance="pod-1", wall=Wall())
    writer.warning(About("ConfigMap", "fmgsync", "default"), "GuardHold", "held")
    simulator.faults.permit("events")
    assert written(session, "default") == []


def test_a_missing_role_is_told_once_and_not_asked_for_again_soon(
    simulator: KubernetesSimulator, session: ApiSession, capsys: pytest.CaptureFixture[str]
) -> None:
    wall = Wall()
    writer = EventWriter(session, instance="pod-1", wall=wall)
    about = About("ConfigMap", "fmgsync", "default")
    simulator.faults.forbid("events")
    for number in range(5):
        assert writer.warning(about, "GuardHold", f"held {number}")
    assert len([each for each in simulator.requests if each.resource == "events"]) == 1
    assert capsys.readouterr().err.count("events are not permitted") == 1
    simulator.faults.permit("events")
    wall.now += 3600
    writer.warning(about, "GuardHold", "held again")
    assert [each["message"] for each in written(session, "default")] == ["held again"]


def test_a_silent_api_server_is_told_to_the_caller(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    writer = EventWriter(session, instance="pod-1", wall=Wall())
    simulator.down()
    assert not writer.warning(About("ConfigMap", "fmgsync", "default"), "GuardHold", "held")
