"""Events of a running controller: told where people look, not too often, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.clock import ManualClock, SystemClock
from fmgsync.daemon import announcements
from fmgsync.daemon.announcements import Announcer, Notice, Places
from fmgsync.kube.client import Access, ApiSession
from fmgsync.kube.events import About
from fmgsync.kube.requests import EVENTS, Request
from fmgsync.model.change import AdomPlan, Finding, Hold
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.passes.result import Pass
from fmgsync.passes.rollout_book import Report
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests import builders
from tests.daemon.controllers import running, until, written
from tests.end_to_end.estate import Estate, default_seed, open_estate

CONFIG = About("ConfigMap", "fmgsync-config", "fmgsync")


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        for name in ("fmgsync", "shop"):
            made.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        made.add(builders.pod("web-1", "10.1.0.1", namespace="shop", labels={"app": "web"}))
        yield made


@pytest.fixture
def estate(tmp_path: Path, cluster: KubernetesSimulator) -> Iterator[Estate]:
    seed = default_seed(install_s=0, workspaceMode="disabled")
    with open_estate(tmp_path, seed, clock=SystemClock()) as made:
        cluster.kubeconfig(tmp_path / "east.kubeconfig")
        made.write_config(
            clusters=[{"name": "east", "kubeconfig": {"file": "./east.kubeconfig"}}],
            sites=made.config["sites"][:1],
            reconcile={"settle": "0s", "maxDelay": "1s"},
            install={"mode": "none"},
            lease={"namespace": "fmgsync"},
        )
        yield made


def events(estate: Estate, namespace: str) -> list[dict[str, Any]]:
    """All events of a namespace, as the API server answers them."""
    session = ApiSession("east", Access(estate.folder / "east.kubeconfig"))
    try:
        found = session.read(Request("list", EVENTS, namespace))["items"]
    finally:
        session.close()
    return list(found)


def test_a_guard_hold_is_told_at_the_configuration_and_in_the_namespace(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    with running(estate):
        until(lambda: written(estate, "10.1.0.1"))
        cluster.delete("Pod", "web-1", namespace="shop")
        until(lambda: bool(events(estate, "fmgsync") and events(estate, "shop")))
    (at_config,), (in_shop,) = events(estate, "fmgsync"), events(estate, "shop")
    assert at_config["involvedObject"]["name"] == "fmgsync-config"
    assert in_shop["involvedObject"] == {
        "kind": "Namespace",
        "apiVersion": "v1",
        "name": "shop",
        "namespace": "shop",
    }
    for event in (at_config, in_shop):
        assert (event["type"], event["reason"]) == ("Warning", "GuardHold")
        assert "group k8s-web" in event["message"]
        assert "fmgsync approve" in event["message"]
    assert written(estate, "10.1.0.1")


def test_without_the_right_to_write_events_the_work_goes_on(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    cluster.faults.forbid("events")
    with running(estate):
        until(lambda: written(estate, "10.1.0.1"))
        cluster.delete("Pod", "web-1", namespace="shop")
        until(lambda: any(each.resource == "events" for each in cluster.requests))
        cluster.add(builders.pod("web-2", "10.1.0.2", namespace="shop", labels={"app": "web"}))
        until(lambda: written(estate, "10.1.0.2"))


class Heard:
    """A writer that keeps what it is told; `answers` False is a silent API server."""

    def __init__(self, *, answers: bool = True) -> None:
        self.answers = answers
        self.said: list[tuple[str, str, str]] = []

    def warning(self, about: About, reason: str, message: str) -> bool:
        self.said.append((about.name, reason, message))
        return self.answers


REF = TargetRef("hq", "prod")


def failed(*devices: str) -> tuple[Notice, ...]:
    report = Report(failures=dict.fromkeys(devices, "the device refused"))
    return announcements.notices(Pass(REF, rollout=report))


def announcer(home: Heard, east: Heard, clock: ManualClock, *spaces: str) -> Announcer:
    return Announcer(
        Places(CONFIG, home, {"east": east}),
        lambda rule: {"east": frozenset(spaces), "a dump": frozenset({"elsewhere"})},
        clock=clock,
    )


def test_the_same_thing_is_told_at_most_every_five_minutes() -> None:
    """Also when its words change from pass to pass."""
    home, clock = Heard(), ManualClock()
    telling = announcer(home, Heard(), clock)
    for _ in range(5):
        telling.tell(failed("fgt-1"))
        clock.sleep(announcements.EVERY_S / 4)
    assert [name for name, _, _ in home.said] == ["fmgsync-config"] * 2
    telling.tell(failed("fgt-2"))
    assert len(home.said) == 3


def test_a_pass_with_many_failures_tells_some_of_them() -> None:
    home = Heard()
    announcer(home, Heard(), ManualClock()).tell(failed(*(f"fgt-{n}" for n in range(500))))
    assert len(home.said) == 20


def test_a_silent_api_server_is_asked_once_per_pass() -> None:
    home = Heard(answers=False)
    announcer(home, Heard(), ManualClock()).tell(failed("fgt-1", "fgt-2", "fgt-3"))
    assert len(home.said) == 1


def test_a_group_is_told_in_ten_of_its_namespaces_at_most() -> None:
    """In clusters that can be written to; a dump has no API server."""
    east = Heard()
    telling = announcer(Heard(), east, ManualClock(), *(f"ns-{n:02}" for n in range(30)))
    telling.tell([Notice("GuardHold", "web", "9 of 10 go", ("web",))])
    assert [name for name, _, _ in east.said] == [f"ns-{n:02}" for n in range(10)]


def test_holds_of_a_group_are_one_notice_and_clashes_name_the_object() -> None:
    places = [DeviceVdom(f"fgt-{n}", "root") for n in range(3)]
    held = tuple(Hold("held-removals", "web", "9 of 10 go", p, digest=p.device) for p in places)
    clash = Finding("foreign-name", "db", "an address of that name is not ours", is_error=True)
    found = list(announcements.of_plan(AdomPlan(REF, held=held, foreign=(clash,))))
    assert [(each.reason, each.rules) for each in found] == [
        ("GuardHold", ("web",)),
        ("NameTaken", ("db",)),
    ]
    assert "fgt-0/root: 9 of 10 go; waits for 'fmgsync approve fgt-0'; 2 more" in found[0].message
    assert "db: an address of that name" in found[1].message
