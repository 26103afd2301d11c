"""The demo that stays: a lab in a folder, in the middle of an ordinary day.

What a person finds in the evening: pods have come and gone since the last night, an administrator
has a policy pending, a FortiGate is offline, the window opens tonight. The person is the one at
the keyboard; only the clusters go on living.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fmgsync import errors
from fmgsync.cli import story
from fmgsync.clock import Clock, SystemClock
from fmgsync.model.target import natural
from fmgsync.simulator import Simulator

FOLDER = "fmgsync-lab"
DEVICES = 40
CHURN_S = 20.0
_MARK = ".fmgsync-lab"
_COMMANDS = (
    ("fmgsync status", "how the FortiGates are, on one screen"),
    ("fmgsync plan", "what would be written, and which policies let it through"),
    ("fmgsync explain ip {gone}", "why an address is still allowed that no pod has any more"),
    ("fmgsync forecast", "what is installed tonight, wave by wave, and what is held"),
    ('fmgsync apply --install now --reason "first evening"', "write, install, prove"),
)
_HEAD = """\
# The lab's configuration: yours looks the same, with your names.
# Everything it names is simulated and lives as long as `fmgsync demo --stay`.
"""


@contextmanager
def open_lab(
    folder: Path, size: story.Size, *, clock: Clock | None = None, install_s: float = 1.0
) -> Iterator[story.Estate]:
    """The lab, ready for commands that are run in its folder."""
    clock = clock or SystemClock()
    apps = ["web", "api", "batch", "mail", "search", "shop"][: size.groups]
    apps += [f"app-{number}" for number in range(len(apps) + 1, size.groups + 1)]
    with Simulator(story.seed(size, install_s=0), clock=clock.now) as unit:
        clusters, fortigates = story.clusters_of(size, apps), story.devices_of(size)
        estate = story.Estate(folder, size, unit, clusters, apps, fortigates, clock)
        estate.state = ".fmgsync"
        story.write_files(estate)
        _first_day(estate)
        _configure(estate)
        ordinary_day(estate, install_s)
        yield estate


def _first_day(estate: story.Estate) -> None:
    """Groups, the administrator's policies, everything installed and proven once."""
    story.run_apply(estate, _silent, "never")
    story.administrator_brings_policies(estate)
    story.run_apply(estate, _silent)


def _configure(estate: story.Estate) -> None:
    """What a careful person would set: nights, a canary, waves, a bound on failures."""
    import yaml

    config = json.loads(estate.config.read_text(encoding="utf-8"))
    first = _names(estate)[0]
    config["install"] = {
        "windows": [
            {
                "kind": "allow",
                "schedule": "0 1 * * *",
                "duration": "3h",
                "timezone": "Europe/Berlin",
            },
            {
                "kind": "deny",
                "schedule": "0 0 24 12 *",
                "duration": "72h",
                "timezone": "Europe/Berlin",
            },
        ],
        "rollout": {"canary": [first], "waves": ["25%", "100%"], "pause": "10s"},
    }
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    estate.config.write_text(_HEAD + text, encoding="utf-8")


def ordinary_day(estate: story.Estate, install_s: float) -> None:
    """Pods change, an administrator works on one FortiGate, another one goes offline."""
    for cluster in estate.clusters.values():
        estate.tally.changes += cluster.churn(max(1, estate.size.pods // 25))
    story.write_dumps(estate)
    names = _names(estate)
    for device in estate.unit.world.devices.values():
        device.install_seconds = install_s
    if len(names) > 2:
        _pending_policy(estate, names[-1])
        estate.unit.fortigate(names[-2]).go_offline()


def _names(estate: story.Estate) -> list[str]:
    return sorted((n for found in estate.devices.values() for n in found), key=natural)


def _pending_policy(estate: story.Estate, device: str) -> None:
    """Written, not installed: an install of the package would push it along."""
    console = estate.unit.console("admin")
    console.lock(story.ADOM)
    only: Any = {"scope member": [{"name": device, "vdom": "root"}]}
    console.add_policy(
        story.ADOM,
        story.PACKAGE,
        name="to-test",
        srcaddr=["all"],
        dstaddr=["legacy-db"],
        **only,
    )
    console.commit(story.ADOM)
    console.unlock(story.ADOM)
    console.log_out()


def _silent(text: str) -> None:
    """The lab comes up without words."""


def gone(estate: story.Estate) -> str:
    """An address that a FortiGate still lets through and no pod has any more."""
    for site, cluster in estate.clusters.items():
        for app in estate.apps:
            unit = estate.unit.fortigate(estate.devices[site][0])
            held = {text.partition("/")[0] for text in unit.members(f"k8s-{app}") or ()}
            if left := sorted(held - cluster.addresses(app)):
                return left[0]
    return "10.40.0.10"


def prepare(folder: Path) -> None:
    """Make the folder, or take one that an earlier lab has left. Raises UsageError."""
    mark = folder / _MARK
    if folder.exists() and not mark.exists() and any(folder.iterdir()):
        raise errors.UsageError(
            f"{folder} is there already, and is no lab", next_step="name another with --folder"
        )
    if mark.exists():
        import shutil

        shutil.rmtree(folder / ".fmgsync", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text("made by fmgsync demo --stay; it may be deleted\n", encoding="utf-8")


def commands(estate: story.Estate) -> list[tuple[str, str]]:
    """What to try, and what it answers."""
    found = gone(estate)
    return [(text.format(gone=found), why) for text, why in _COMMANDS]


def live_on(estate: story.Estate, asked: Callable[[], bool]) -> None:
    """A pod comes, goes or moves now and then, until somebody asks for the end."""
    clock, next_at = estate.clock, estate.clock.now() + CHURN_S
    while not asked():
        if clock.now() >= next_at:
            next_at += CHURN_S
            for cluster in estate.clusters.values():
                estate.tally.changes += cluster.churn(1)
            story.write_dumps(estate)
        clock.sleep(0.2)
