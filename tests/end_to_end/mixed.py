"""Two clusters behind two FortiGates of a FortiManager and two that stand alone: where everything
happens at once. And what is true there, as the tests know it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hypothesis import strategies as st

from fmgsync.clock import ManualClock
from fmgsync.simulator import Simulator
from fmgsync.simulator.codes import Refusal
from tests import builders
from tests.end_to_end import branches, fleet, watched
from tests.end_to_end.estate import Estate
from tests.end_to_end.watched import Served

CLUSTERS = {"east": "10.1.0", "west": "10.2.0"}
POOL = [f"{net}.{number}" for net in CLUSTERS.values() for number in range(1, 5)]
BEHIND = ("fgt-1", "fgt-2")
ALONE = ("branch-1", "branch-2")
RULES = {"k8s-web": "web", "k8s-db": "db"}
IDLE_S = 120.0
PASSWORD = "canary-of-the-password"
KEY = "canary-of-the-key"
SELECTED = {"web": {"web"}, "db": {"db"}, "both": {"web", "db"}}
"""What a rule for one of these selects, by what pods are labelled."""
NIGHTS = {"kind": "allow", "schedule": "0 1 * * *", "duration": "3h"}


@dataclass(frozen=True)
class Choice:
    """What kind of estate: FortiManager's workspaces, the units' release, and how is installed."""

    workspace: str = "normal"
    release: str = "7.4.5"
    mode: str = "package"
    removals: Any = "in-window"
    write: str = "continuous"
    nights: bool = False
    shared: bool = False
    limit: int = 600
    strict: bool = False
    failures: int | str = "100%"
    at_once: int = 1
    follows: bool = False
    """Whether a controller works there, beside the command line."""
    live: tuple[str, ...] = ()
    """The clusters that are read from an API server; the others are dumps."""

    @property
    def locks(self) -> bool:
        """Whether one works in the ADOM under a lock."""
        return self.workspace != "disabled"


CHOICES = st.builds(
    Choice,
    workspace=st.sampled_from(("normal", "normal", "disabled", "per-adom", "workflow")),
    release=st.sampled_from(("7.4.5", "7.0.12")),
    mode=st.sampled_from(("package", "package", "objects")),
    removals=st.sampled_from(("in-window", "immediately", {"within": "15m"})),
    write=st.sampled_from(("continuous", "continuous", "before-install")),
    nights=st.booleans(),
    shared=st.sampled_from((False, False, True)),
    limit=st.sampled_from((600, 600, 3)),
    strict=st.sampled_from((False, False, True)),
    failures=st.sampled_from(("100%", 1, "50%")),
    at_once=st.sampled_from((1, 4)),
    follows=st.booleans(),
    live=st.sampled_from(((), (), ("east",), ("east", "west"))),
).filter(
    # Urgent removals, writing when installed and workflow mode exclude each other.
    lambda choice: (
        (choice.removals != "in-window")
        + (choice.write != "continuous")
        + (choice.workspace == "workflow")
        < 2
    )
)


class HostClock:
    """The clock of the computer that fmgsync runs on: somebody may set it, the units' goes on."""

    def __init__(self, right: ManualClock) -> None:
        self._right = right
        self.ahead_s = 0.0

    def now(self) -> float:
        """UTC epoch seconds, as far as this computer knows."""
        return self._right.now() + self.ahead_s

    def steady(self) -> float:
        """Nobody sets that one."""
        return self._right.steady()

    def sleep(self, seconds: float) -> None:
        """Everybody's time passes. Beside others a moment really does: who waits for a lock would
        have waited for seconds before its holder had its turn."""
        self._right.sleep(seconds)
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.001)


@dataclass
class Truth:
    """What runs and what is asked for; `lost` are the clusters whose dump, or API server, tells
    less than all.

    `behind`: a controller has not heard all that API servers have to tell. `steady` is what has
    run all the time since it had, or since the cluster was lost.
    """

    runs: dict[str, str] = field(default_factory=lambda: {"10.1.0.1": "web", "10.2.0.1": "db"})
    rules: dict[str, str] = field(default_factory=lambda: dict(RULES))
    ever: dict[str, set[str]] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    noise: list[builders.Manifest] = field(default_factory=list)
    nights: bool = False
    policy: str = "sync"
    stopped: bool = False
    behind: bool = False
    steady: dict[str, str] = field(default_factory=dict)

    @property
    def unsure(self) -> bool:
        """Whether fmgsync cannot know all that runs."""
        return self.behind or bool(self.lost)

    def goes_on(self) -> None:
        """Something else runs; of a cluster that is lost nobody hears it."""
        frozen = self._frozen
        self.steady = {
            ip: app
            for ip, app in self.steady.items()
            if self.runs.get(ip) == app or ip.startswith(frozen)
        }

    def is_heard(self, *, whole: bool) -> None:
        """A controller has looked."""
        self.behind = not whole
        if whole:
            kept = {ip: app for ip, app in self.steady.items() if ip.startswith(self._frozen)}
            told = {ip: app for ip, app in self.runs.items() if not ip.startswith(self._frozen)}
            self.steady = {**kept, **told}

    @property
    def _frozen(self) -> tuple[str, ...]:
        return tuple(f"{CLUSTERS[name]}." for name in self.lost)

    def wanted(self, group: str) -> set[str]:
        """What the rule of a group asks for; nothing if there is none."""
        selected = SELECTED.get(self.rules.get(group, ""), set())
        found = {ip for ip, app in self.runs.items() if app in selected}
        self.ever.setdefault(group, set()).update(found)
        return found

    def open_at(self, at: float) -> bool:
        """Whether a window is open then."""
        return not self.nights or 1 <= datetime.fromtimestamp(at, UTC).hour < 4


class Mixed(Estate):
    """The world around fmgsync; `truth` is what holds in it, `host` its own computer's clock."""

    def __init__(self, choice: Choice, *arguments: Any) -> None:
        super().__init__(*arguments)
        assert isinstance(self.clock, ManualClock)
        self.choice, self.truth = choice, Truth(nights=choice.nights)
        self.host = HostClock(self.clock)
        self.served: dict[str, Served] = {}

    def runs(self) -> None:
        """New dumps, or events: what runs, what tenants write besides, and what a dump fails to
        tell."""
        self.truth.goes_on()
        for cluster, net in CLUSTERS.items():
            labels = {ip: {"app": app} for ip, app in self.truth.runs.items() if ip.startswith(net)}
            pods = [builders.pod(f"pod-{ip}", ip, labels=each) for ip, each in labels.items()]
            # A dump without any pod tells nothing of pods.
            pods.append(builders.pod("other", f"{net}.99", labels={"app": "other"}))
            noise = self.truth.noise if cluster == "east" else ()
            lost = self.truth.lost.get(cluster)
            if (served := self.served.get(cluster)) is not None:
                if served.lost != (lost or ""):
                    served.loses(lost) if lost else served.is_back()
                served.runs(*pods, *noise)
                continue
            if lost == "without pods":
                self.run(cluster, dump=builders.listing(builders.node("node-1")))
                continue
            self.run(cluster, *pods, *noise)
            path = self.folder / f"{cluster}.json"
            if lost == "gone":
                path.unlink()
            elif lost == "cut off":
                path.write_text(path.read_text(encoding="utf-8")[:-40], encoding="utf-8")

    def configure(self, **changes: Any) -> None:
        """The configuration for the rules as they are."""
        how = {"mapping": "shared"} if self.choice.shared else {}
        select = {"both": "app in {'web', 'db'}"}
        groups = [
            {"name": name, "select": select.get(app, f"app == '{app}'"), "allowEmpty": True, **how}
            for name, app in self.truth.rules.items()
        ]
        self.write_config(groups=groups, policy={"mode": self.truth.policy}, **changes)

    def held(self, place: str, group: str) -> set[str]:
        """What a FortiGate lets through, without the address that means nobody."""
        members = self.unit.fortigate(place).members(group) or set()
        return members - {"0.0.0.0", "0.0.0.0/32"}

    def everything_held(self) -> dict[tuple[str, str], set[str]]:
        """The same of all of them."""
        return {(p, g): self.held(p, g) for p in (*BEHIND, *ALONE) for g in RULES}

    def exact(self) -> list[str]:
        """Where a FortiGate holds something else than the rules ask for; empty if nowhere."""
        return [
            f"{place} {group}: {sorted(held)} instead of {sorted(self.truth.wanted(group))}"
            for (place, group), held in self.everything_held().items()
            if held != self.truth.wanted(group)
        ]

    def put_back(self) -> None:
        """What was changed on a FortiGate itself, or refused there without a word, is there as
        FortiManager believes: that is only reported, since no install would bring it."""
        for name in BEHIND:
            vdom = self.unit.world.devices[name].vdoms["root"]
            for target in list(vdom.drift):
                vdom.set_running(target, vdom.known(target))

    def approve(self, digest: str, *, for_s: float = 3600) -> None:
        """By the clock of fmgsync's own computer."""
        now, memory = self.host.now(), self.world("plan").memory
        memory.approve(digest, who="ann", reason="", now=now, expires_at=now + for_s)

    def approve_submissions(self) -> None:
        """Somebody with the right to approves what waits in workflow mode."""
        console = self.unit.console("carol")
        for work in list(self.unit.world.adoms["prod"].workflow):
            if work.state == 2:
                console.call("exec", f"/dvmdb/adom/prod/workflow/approve/{work.number}")
        console.log_out()

    @contextmanager
    def administrator(self) -> Iterator[Any]:
        """Somebody else at work in the ADOM, in whatever workspace mode; saves at the end."""
        if self.choice.workspace != "workflow":
            with super().administrator() as console:
                yield console
            return
        console = self.unit.console("carol")
        try:
            console.lock("prod")
            number = console.call("exec", "/dvmdb/adom/prod/workflow/start")["sessionid"]
            yield console
            for verb in ("save", "submit", "approve"):
                console.call("exec", f"/dvmdb/adom/prod/workflow/{verb}/{number}")
            console.unlock("prod")
        finally:
            console.log_out()


def seed(choice: Choice) -> dict[str, Any]:
    """The FortiManager and its devices, and the FortiGates that stand alone."""
    made = fleet.seed(len(BEHIND))
    made["adoms"].append({"name": "spare", "osVersion": "7.4"})
    made["adoms"][0]["packages"].append({"name": "edge/spare"})
    made["admins"][1]["password"] = PASSWORD
    made["admins"].append(
        {"user": "carol", "password": "yes", "superAdmin": True, "approver": True}
    )
    alone = branches.seed(ALONE, saving="manual", version=choice.release)
    for at, unit in enumerate(alone["fortigates"], 1):
        unit |= {"serial": f"FGTSIM00000000{at}A", "standby": [f"FGTSIM00000000{at}B"]}
        unit["apiUsers"] = [{"name": "fmgsync", "key": KEY, "profile": "advised"}]
    return {**made, **alone, "workspaceMode": choice.workspace, "idleTimeoutSeconds": IDLE_S}


@contextmanager
def open_mixed(folder: Path, choice: Choice) -> Iterator[Mixed]:
    """Everything in sync, everywhere."""
    clock = ManualClock()
    started = Simulator(seed(choice), clock=clock.now, strict=True)
    with chdir(folder), ExitStack() as stack, started as unit:
        for name, secret in (("password", PASSWORD), ("key", KEY)):
            (folder / name).write_text(secret, encoding="utf-8")
            (folder / name).chmod(0o600)
        estate = Mixed(choice, folder, unit, clock, _config(unit, choice))
        estate.served = watched.serve(stack, folder, choice.live)
        estate.runs()
        estate.configure()
        _begin(estate)
        yield estate
        assert not unit.world.defects, unit.world.defects


def _begin(estate: Mixed) -> None:
    settings = estate.config["install"], estate.config["reconcile"]
    estate.write_config(install={**settings[0], "windows": "always"}, reconcile={})
    estate.apply("never")
    estate.approve_submissions()
    write_policy(estate)
    estate.install_by_hand()
    estate.apply("now")
    assert estate.exact() == []
    windows: Any = [NIGHTS] if estate.choice.nights else "always"
    estate.write_config(install={**settings[0], "windows": windows}, reconcile=settings[1])


def _source(name: str, choice: Choice) -> dict[str, Any]:
    if name in choice.live:
        return {"kubeconfig": {"file": f"./{name}.kubeconfig"}}
    return {"manifests": f"./{name}.json"}


def write_policy(estate: Mixed) -> None:
    """A policy that uses all groups there are."""
    try:
        estate.write_policy(*(g for g in RULES if estate.object("addrgrp", g)), name="uses")
    except Refusal as refusal:
        raise AssertionError(f"the policy was refused: {refusal}") from refusal


def _config(unit: Simulator, choice: Choice) -> dict[str, Any]:
    urls = unit.fortigates
    tls = {"caFile": unit.ca_file}
    guard = {} if choice.strict else {"maxRemovedShare": 1.0, "maxAddedShare": 100}
    rollout = {"waves": ["100%"], "pause": "0s", "maxFailures": choice.failures}
    reconcile = {"unitsAtOnce": choice.at_once, "write": choice.write, "minInterval": "0s"}
    login = {"username": "fmgsync", "password": {"file": "./password"}}
    names = list(CLUSTERS)
    return {
        "owner": "prod",
        "clusters": [
            {"name": name, **_source(name, choice), "allowedRanges": [f"{net}.0/24"]}
            for name, net in CLUSTERS.items()
        ],
        "fortimanagers": [{"name": "hq", "host": unit.host, "credentials": login, "tls": tls}],
        "fortigates": [
            {
                "name": name,
                "host": urlsplit(urls[name]).netloc,
                "apiKey": {"file": "./key"},
                "tls": tls,
                "connections": 1,
            }
            for name in ALONE
        ],
        "sites": [
            {"clusters": names, "fortimanager": "hq", "adom": "prod", "devices": list(BEHIND)},
            {"clusters": names, "fortigates": list(ALONE), "fleet": "branches"},
        ],
        "guard": guard,
        "memberLimit": choice.limit,
        "reconcile": reconcile,
        "install": {
            "foreignChanges": "block",
            "mode": choice.mode,
            "removals": choice.removals,
            "rollout": rollout,
        },
    }
