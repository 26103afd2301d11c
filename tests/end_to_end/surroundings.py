"""What happens around fmgsync in the machine that does everything: in Kubernetes, in its
configuration, to the units that it writes to, and to the clocks."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from fmgsync.simulator import Simulator
from fmgsync.simulator.codes import Refusal
from tests import builders
from tests.end_to_end.mixed import ALONE, BEHIND, CLUSTERS, POOL, RULES, Mixed, Truth
from tests.end_to_end.people import Administrator
from tests.end_to_end.piloting import Pilot
from tests.end_to_end.watched import BY_COUNT, TROUBLES
from tests.end_to_end.witness import Witness

COUNTS: Counter[str] = Counter()
"""What all machines of this process went through."""

APPS = ("web", "db", "both", "other")
LOSSES = ("gone", "cut off", "without pods")


class Surroundings(RuleBasedStateMachine):
    """Two FortiGates behind a FortiManager, two alone, two clusters; whoever inherits begins it."""

    estate: Mixed
    pilot: Pilot
    truth: Truth
    unit: Simulator
    witness: Witness
    somebody: Administrator

    def __init__(self) -> None:
        super().__init__()
        self.unplugged: set[str] = set()

    # --- Kubernetes -------------------------------------------------------------------------------

    @rule(runs=st.dictionaries(st.sampled_from(POOL), st.sampled_from(APPS), min_size=1))
    def pods(self, runs: dict[str, str]) -> None:
        """Exactly these run now; an address may be another's than before."""
        self.truth.runs = runs
        self.runs_now()

    @rule(ip=st.sampled_from(POOL), phase=st.sampled_from(("Pending", "Failed", "Running")))
    def tenant(self, ip: str, phase: str) -> None:
        """Somebody writes pods that never ran, or claim addresses that are not theirs."""
        claims = {"cni.projectcalico.org/podIPs": f"{ip}/32"}
        elsewhere = {"cni.projectcalico.org/podIPs": "10.66.6.6/32"}
        self.truth.noise = [
            builders.pod("claims", labels={"app": "evil"}, phase=phase, annotations=claims),
            builders.pod("widens", labels={"app": "web"}, phase=phase, annotations=elsewhere),
            builders.pod(
                "unborn", labels={"app": "web", "x": "y" * 63}, node=None, phase="Pending"
            ),
        ]
        self.runs_now()

    @rule(
        cluster=st.sampled_from(list(CLUSTERS)),
        how=st.sampled_from(LOSSES),
    )
    def source_is_lost(self, cluster: str, how: str) -> None:
        """A dump that tells nothing, or less than all."""
        COUNTS["lost sources"] += 1
        if cluster in self.estate.served:
            COUNTS["lost API servers"] += 1
            self.pilot.look()  # what was on its way arrives
        self.truth.lost[cluster] = how
        self.runs_now()

    @rule()
    def sources_are_back(self) -> None:
        """Every dump tells everything."""
        self.truth.lost.clear()
        self.runs_now()

    @rule(
        cluster=st.sampled_from(list(CLUSTERS)),
        how=st.sampled_from(TROUBLES),
        runs=st.dictionaries(st.sampled_from(POOL), st.sampled_from((*APPS, None)), max_size=3),
    )
    def watch_is_troubled(self, cluster: str, how: str, runs: dict[str, str | None]) -> None:
        """An API server, or what stands before it, fails for a moment, while something happens."""
        self.trouble(cluster, how, runs)

    def trouble(self, cluster: str, how: str, runs: dict[str, str | None]) -> None:
        served = self.estate.served.get(cluster)
        if served is None or served.lost or (how in BY_COUNT and self.pilot.controller is None):
            return  # the next requests would be those of a command, which gives up
        COUNTS["troubled API servers"] += 1
        self.pilot.look()
        if how == "restored":
            served.loses("gone")
            self.pilot.look()
            self.estate.clock.sleep(60)
            served.is_restored()
        else:
            served.suffers(how)
        self.truth.runs |= {ip: app for ip, app in runs.items() if app is not None}
        for ip in (ip for ip, app in runs.items() if app is None and len(self.truth.runs) > 1):
            self.truth.runs.pop(ip, None)
        self.runs_now()
        served.nothing_of_interest()
        if how == "expired":
            served.server.expire_history()
        if how in BY_COUNT:
            self.pilot.look()

    def runs_now(self) -> None:
        for group in RULES:
            self.truth.wanted(group)
        self.estate.runs()

    # --- the configuration ------------------------------------------------------------------------

    @rule(group=st.sampled_from(list(RULES)), app=st.sampled_from(("web", "db", "both", None)))
    def rule_changes(self, group: str, app: str | None) -> None:
        """A rule comes, goes or selects something else."""
        COUNTS["configurations"] += 1
        self.truth.rules.pop(group, None)
        if app is not None or not self.truth.rules:
            self.truth.rules[group] = app or "web"
        self.configure()

    @rule(mode=st.sampled_from(("sync", "sync", "upsert", "observe")))
    def policy_mode(self, mode: str) -> None:
        """What may be written at all."""
        COUNTS["configurations"] += 1
        self.truth.policy = mode
        self.configure()

    @rule(nights=st.booleans())
    def windows(self, *, nights: bool) -> None:
        """Always, or by night."""
        COUNTS["configurations"] += 1
        self.truth.nights = nights
        self.configure()

    @rule(behind=st.sampled_from((1, 2)), alone=st.sampled_from((1, 2)))
    def sites(self, behind: int, alone: int) -> None:
        """A FortiGate is no longer in front of the clusters, or is again."""
        COUNTS["configurations"] += 1
        fortimanager, direct = self.estate.config["sites"]
        fortimanager = {**fortimanager, "devices": list(BEHIND[:behind])}
        self.configure(sites=[fortimanager, {**direct, "fortigates": list(ALONE[:alone])}])

    def configure(self, **changes: Any) -> None:
        windows: Any = [{"kind": "allow", "schedule": "0 1 * * *", "duration": "3h"}]
        windows = windows if self.truth.nights else "always"
        self.estate.configure(
            install={**self.estate.config["install"], "windows": windows}, **changes
        )
        self.runs_now()

    # --- units ---

    @rule()
    def installs_by_hand(self) -> None:
        """An administrator installs what is pending, whosever it is."""
        COUNTS["installs by hand"] += 1
        with self.witness.others("prod", install=True), suppress(Refusal):
            self.estate.install_by_hand()

    @rule(
        device=st.sampled_from(BEHIND),
        how=st.sampled_from(("offline", "silent", "frozen", "refuses", "drift")),
    )
    def device_fails(self, device: str, how: str) -> None:
        """Its tunnel is down, it answers nothing, its install stands still, it refuses a group, or
        somebody changes it on the spot."""
        COUNTS["device faults"] += 1
        gate = self.unit.fortigate(device)
        if how == "drift":
            if gate.members("k8s-web") is not None:
                gate.drift("firewall addrgrp", "k8s-web", member=("none",))
        elif how == "refuses":
            gate.refuse("firewall addrgrp", "k8s-web")
        else:
            {
                "offline": gate.go_offline,
                "silent": gate.fall_silent,
                "frozen": gate.freeze_installs,
            }[how]()

    @rule(name=st.sampled_from(ALONE), how=st.sampled_from(("unplugged", "restarts", "fails over")))
    def unit_fails(self, name: str, how: str) -> None:
        """A FortiGate that stands alone."""
        COUNTS["device faults"] += 1
        gate = self.unit.fortigate(name)
        {"unplugged": gate.unplug, "restarts": gate.restart, "fails over": gate.fail_over}[how]()
        self.unplugged |= {name} if how == "unplugged" else set()
        if how == "restarts":  # what was not saved is gone: nobody has brought that there
            self.witness.pushes.open.discard(name)

    @rule()
    def devices_are_back(self) -> None:
        """All is well with them."""
        for name in BEHIND:
            gate = self.unit.fortigate(name)
            gate.come_back()
            gate.accept()
        for name in ALONE:
            self.unit.fortigate(name).plug()
        self.unplugged.clear()

    @rule(how=st.sampled_from(("fails over", "ends sessions", "unplugged")))
    def fortimanager_fails(self, how: str) -> None:
        """Sessions, locks and tasks are gone, or it cannot be reached."""
        COUNTS["FortiManager faults"] += 1
        if how == "fails over":
            self.unit.fail_over()
            self.somebody.locked = None
        elif how == "unplugged":
            self.unit.unplug()
        else:
            for session in self.unit.world.sessions.all():
                self.unit.kill_session(session.sid)
            self.somebody.locked = None

    @rule()
    def fortimanager_is_back(self) -> None:
        """It can be reached."""
        self.unit.plug()

    @rule(seconds=st.sampled_from((1, 60, 900, 7200, 40_000)))
    def time_passes(self, seconds: int) -> None:
        """Sessions may be idle for too long, removals become due, windows open and close."""
        self.estate.clock.sleep(seconds)

    @rule(seconds=st.sampled_from((-7200, -600, 600, 7200, 86_400)))
    def clock_is_set(self, seconds: int) -> None:
        """Somebody sets the clock of fmgsync's own computer."""
        COUNTS["clock jumps"] += 1
        self.estate.host.ahead_s += seconds
