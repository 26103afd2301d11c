"""A fleet: one cluster behind many FortiGates, a policy in force, everything in sync at first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fmgsync.clock import Clock, ManualClock
from fmgsync.passes.result import Result
from fmgsync.passes.rollout_book import Report
from tests import builders
from tests.end_to_end.estate import PACKAGE, Estate, default_seed, open_estate

GROUP = "k8s-web"
NIGHTS = {"kind": "allow", "schedule": "0 1 * * *", "duration": "3h"}
CLOSED = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPEN = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


class Agenda(ManualClock):
    """A manual clock that lets things happen at their time, while others sleep."""

    def __init__(self) -> None:
        super().__init__()
        self._plans: list[tuple[float, Callable[[], object]]] = []

    def plan(self, at: float, action: Callable[[], object]) -> None:
        """Do this once the clock reaches `at`, UTC epoch seconds."""
        self._plans.append((at, action))
        self._plans.sort(key=lambda plan: plan[0])

    def sleep(self, seconds: float) -> None:
        """Move the clock, past everything planned on the way."""
        ends_at = self.now() + max(0.0, seconds)
        while self._plans and self._plans[0][0] <= ends_at:
            at, action = self._plans.pop(0)
            super().sleep(at - self.now())
            action()
        super().sleep(ends_at - self.now())


def names(count: int) -> list[str]:
    """`fgt-1`, `fgt-2`, ..."""
    return [f"fgt-{number}" for number in range(1, count + 1)]


def seed(count: int, *, install_s: float = 2, **adom: Any) -> dict[str, Any]:
    """A FortiManager with that many FortiGates in one package."""
    made = default_seed(install_s=install_s)
    devices = [{"name": name, "installSeconds": install_s} for name in names(count)]
    made["adoms"][0].update(devices=devices, **adom)
    made["adoms"][0]["packages"][0]["targets"] = [f"{name}/root" for name in names(count)]
    return made


@contextmanager
def open_fleet(
    folder: Path, unit: Mapping[str, Any], *, clock: Clock | None = None, **install: Any
) -> Iterator[Estate]:
    """The fleet holds one pod's address everywhere; a manual clock stands outside the window."""
    with open_estate(folder, unit, clock=clock) as estate:
        devices = [device["name"] for device in unit["adoms"][0]["devices"]]
        site = {"clusters": ["east"], "fortimanager": "hq", "adom": "prod", "devices": devices}
        estate.run("west", builders.pod("db-1", "10.2.0.9", labels={"app": "db"}))
        web(estate, "10.1.0.1")
        estate.write_config(sites=[site], install={"windows": [NIGHTS], **install})
        estate.apply("never")
        estate.write_policy(GROUP)
        estate.install_by_hand()
        if isinstance(estate.clock, ManualClock):
            to(estate, CLOSED)
        yield estate


def web(estate: Estate, *ips: str) -> None:
    """Let exactly these addresses run in the cluster."""
    pods = [builders.pod(f"web-{ip}", ip, labels={"app": "web"}) for ip in ips]
    estate.run("east", *pods)


def to(estate: Estate, instant: datetime) -> None:
    """Let the time come."""
    left = instant.timestamp() - estate.clock.now()
    assert left >= 0, "the clock does not run backwards"
    estate.clock.sleep(left)


def during(estate: Estate, after_s: float, action: Callable[[], object]) -> None:
    """Let this happen so long after the window opened."""
    assert isinstance(estate.clock, Agenda)
    estate.clock.plan(OPEN.timestamp() + after_s, action)


def report(result: Result) -> Report:
    """What became of the one ADOM's rollout."""
    (adom,) = result.adoms
    assert adom.error is None, adom.error
    assert adom.rollout is not None
    return adom.rollout


def verified(result: Result) -> list[str]:
    """Devices proven in this run, in the order they were."""
    return [target.device for target in report(result).verified]


def holding(estate: Estate, *ips: str) -> list[str]:
    """The devices that really hold exactly these addresses."""
    (site,) = estate.config["sites"]
    return [name for name in site["devices"] if estate.on_device(name, GROUP) == set(ips)]


__all__ = ["CLOSED", "GROUP", "NIGHTS", "OPEN", "PACKAGE"]
