"""Holds the invariants of fmgsync against the simulators' own state, past everything it says: at
every request that could change something, and after every step."""

from __future__ import annotations

import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from fmgsync.passes.result import Result
from tests.end_to_end import evidence
from tests.end_to_end.evidence import Run
from tests.end_to_end.grants import Grants
from tests.end_to_end.mixed import ALONE, BEHIND, CLUSTERS, KEY, PASSWORD, POOL, SELECTED, Mixed
from tests.end_to_end.pushes import Pushes

INVARIANTS: Final[Mapping[int, tuple[str, ...]]] = {
    1: ("nothing_foreign_was_touched",),
    2: ("locks_are_gone",),
    3: ("source_loss_removed_nothing",),
    4: ("may_install", "nothing_came_outside_a_window"),
    5: ("stays_in_its_budget",),
    6: ("is_not_pushed_again",),
    7: ("nothing_secret_was_told",),
    8: ("what_is_verified_is_so",),
    9: ("is_installable", "nothing_of_others_was_installed"),
    10: ("no_stale_grant_is_overdue",),
    11: ("only_what_was_asked_for",),
    12: ("is_in_the_audit", "the_audit_is_whole"),
}
"""What fmgsync promises, by number, and the methods of `Witness` that hold it against the
simulators' own state. That killed runs converge, with nothing written twice (6), and that tenants
freeze nobody's removals (11), shows at the end of each example as well."""


class Witness:
    """Watches one estate. Whoever else does something there says so with `others`."""

    def __init__(self, estate: Mixed) -> None:
        self.estate, self._world = estate, estate.unit.world
        self.log = io.StringIO()
        self.let_through = False  # people have approved edits, or installed by hand
        self.pushes = Pushes(estate)
        self.grants = Grants(estate, self.pushes.last_at)
        self.checks: Counter[int] = Counter()
        self.dead: set[int] = set()  # sessions whose process was killed, or whose word got lost
        self.verified = 0
        self._run: Run | None = None
        self._places = {urlsplit(url).port: name for name, url in estate.unit.fortigates.items()}
        self._looking = threading.RLock()
        self._foreign = evidence.foreign(self._world)
        self._on_devices = evidence.on_devices(self._world)
        for number, names in INVARIANTS.items():
            for name in names:
                setattr(self, name, self._counted(number, getattr(self, name)))

    def _counted(self, number: int, check: Callable[..., None]) -> Callable[..., None]:
        def checks(*arguments: Any, **named: Any) -> None:
            self.checks[number] += 1
            check(*arguments, **named)

        return checks

    # --- 1, 9: nothing foreign is written, and nothing of others installed ------------------------

    @contextmanager
    def others(self, *places: str, install: bool = False) -> Iterator[None]:
        """Somebody else acts: up to here nothing foreign has changed."""
        with self._looking:
            self.nothing_foreign_was_touched()
            try:
                yield
            finally:
                self._foreign = evidence.foreign(self._world)
                if install:
                    self._on_devices = evidence.on_devices(self._world)
                self.pushes.open -= set(places)  # what they do to it is no risk of ours
                if self._run is not None:
                    self._run.disturbed.update(places)

    def nothing_foreign_was_touched(self) -> None:
        """Neither written nor deleted."""
        now = evidence.foreign(self._world)
        different = {
            key for key in {*now, *self._foreign} if now.get(key) != self._foreign.get(key)
        }
        told = {key: (self._foreign.get(key), now.get(key)) for key in different}
        assert not different, f"foreign objects were changed: {told}"

    def nothing_of_others_was_installed(self, run: Run) -> None:
        now = evidence.on_devices(self._world)
        if self.estate.choice.locks and not self.let_through and not run.disturbed:
            different = {
                k for k in {*now, *self._on_devices} if now.get(k) != self._on_devices.get(k)
            }
            assert not different, f"edits of others went along: {different}"
        self._on_devices = now

    # --- before each request ----------------------------------------------------------------------

    def sends(self, url: str, method: str, body: bytes | str | None) -> None:
        """A request is about to leave."""
        run, now = self._run, self.estate.host.now()
        place = self._places.get(urlsplit(url).port)
        if run is None:
            return
        if run.is_deposed is not None and run.is_deposed():
            assert not evidence.writes(url, method, body), f"written without a Lease: {url}"
        if place is not None:
            if method != "GET" and "transaction-abort" not in url:
                self.may_install(run, {place}, "branches", now)
                if self.pushes.writes(place, method, url, body):
                    self.stays_in_its_budget({place}, ALONE)
        else:
            asked = json.loads(body or "{}")
            for param in asked.get("params") or ():
                self._asks(run, asked, param, now)
        run.looked_at = now

    def _asks(
        self, run: Run, asked: Mapping[str, Any], param: Mapping[str, Any], now: float
    ) -> None:
        url, data, method = str(param.get("url", "")), param.get("data"), asked.get("method")
        if method in evidence.WRITING and url.startswith("/pm/"):
            self._may_write(run, url, asked.get("session"))
        if method != "exec" or "securityconsole/" not in url:
            return
        if isinstance(data, dict) and evidence.pushes(url, data):
            devices = {str(each["name"]) for each in data["scope"]}
            self.may_install(run, devices, "prod", now)
            self.is_installable(run, devices)
            self.is_not_pushed_again(devices)
            self.stays_in_its_budget(devices, BEHIND)

    def is_not_pushed_again(self, devices: set[str]) -> None:
        """6: by the history of the unit's tasks."""
        self.pushes.begins(devices)

    def stays_in_its_budget(self, devices: set[str], members: tuple[str, ...]) -> None:
        """5: of a fleet no more are at risk at once than may fail."""
        found = self.pushes.at_risk(members) | devices
        assert len(found) <= self.pushes.room(), f"at risk at once: {sorted(found)}"

    def _may_write(self, run: Run, url: str, token: object) -> None:
        world = self._world
        assert not run.stopped, f"written although stopped: {url}"
        assert self.estate.truth.policy != "observe", f"written although it only observes: {url}"
        session = world.sessions.find(token)
        if self.estate.choice.locks and session is not None:
            locks = [lock.sid for lock in world.adoms["prod"].locks]
            assert locks == [session.sid], f"{url} written by {session.sid} under {locks}"
        self.is_in_the_audit(run, "write")

    def may_install(self, run: Run, devices: set[str], fleet: str, now: float) -> None:
        """4, 12: the window, the audit; and nobody has stopped it."""
        truth, choice = self.estate.truth, self.estate.choice
        assert not run.stopped, f"installed on {devices} although stopped"
        assert run.may_install, f"installed on {devices} although asked to install nothing"
        is_open = truth.open_at(now) or truth.open_at(run.looked_at)
        urgent = choice.removals != "in-window"
        assert is_open or run.now or urgent, f"installed on {devices} outside every window"
        self.is_in_the_audit(run, '"install"' if fleet == "prod" else '"write"')

    def is_installable(self, run: Run, devices: set[str]) -> None:
        """9, 6: was installed before, is in sync, and nothing is being installed there now."""
        world = self._world
        for name in devices if "prod" not in run.disturbed else ():
            known = world.adoms["prod"].installed.get((name, "root"))
            assert known is not None, f"{name} was never installed by FortiManager"
            assert world.devices[name].conf_status() == "insync", f"{name} is not in sync"
        for task in world.tasks.running(world.adoms["prod"].oid):
            busy = {line.name for line in task.lines if line.state == "running"}
            assert not busy & devices, f"{busy & devices} is being installed already"

    def is_in_the_audit(self, run: Run, event: str) -> None:
        lines = self._audit_lines()[run.lines :]
        assert any(event in line for line in lines), f"no {event} in the audit of this run"

    def was_decided(self, *events: str) -> None:
        """12: what a person has said is the last thing in the audit."""
        last = json.loads((self._audit_lines() or ["{}"])[-1])
        assert last.get("event") in events, f"{events} is not in the audit: {last}"

    # --- runs -------------------------------------------------------------------------------------

    def begins(
        self, *, now: bool, may_install: bool, is_deposed: Callable[[], bool] | None = None
    ) -> None:
        """fmgsync starts, or a controller's pass does."""
        at = self.estate.host.now()
        self._run = Run(
            now=now,
            may_install=may_install,
            begins_at=at,
            held=self.estate.everything_held(),
            adom=evidence.adom_holds(self._world),
            lines=len(self._audit_lines()),
            mark=self.estate.unit.requests.mark(),
            was_open=self.estate.truth.open_at(at),
            looked_at=at,
            stopped=self.estate.truth.stopped,
            is_deposed=is_deposed,
        )

    def may_go_on(self) -> None:
        """A stop is lifted, for a run that is under way as well."""
        if self._run is not None:
            self._run.stopped = False

    def ends(
        self,
        result: Result | None,
        error: str,
        *,
        killed: bool,
        troubled: bool,
        shown: str = "",
    ) -> None:
        """fmgsync has ended, by itself or not. `shown` is what it lets people see besides."""
        run, self._run = self._run, None
        assert run is not None
        if killed:
            self.grants.killed_at = self.estate.host.now()
        self.nothing_foreign_was_touched()
        self.nothing_of_others_was_installed(run)
        self.locks_are_gone(killed=killed, troubled=troubled)
        self.source_loss_removed_nothing(run)
        self.nothing_came_outside_a_window(run)
        self.only_what_was_asked_for(run)
        self.nothing_secret_was_told(result, error, shown)
        self.the_audit_is_whole(killed=killed)
        if result is not None:
            self.what_is_verified_is_so(run, result)
            truth, may = self.estate.truth, run.may_install and not run.stopped
            calm = may and not (truth.stopped or killed or troubled or error or truth.behind)
            strict = self.estate.choice.strict or truth.policy != "sync"
            if calm and not strict and self.grants.bound_s() is not None:
                self.no_stale_grant_is_overdue(run, result)

    def no_stale_grant_is_overdue(self, run: Run, result: Result) -> None:
        """10: whatever else is held or goes on."""
        behind = BEHIND if run.disturbed & {"prod", "clock"} else ()
        self.grants.ends(result.adoms, {*run.disturbed, *behind}, begun_at=run.begins_at)

    def _audit_lines(self) -> list[str]:
        path = self.estate.folder / "state" / "audit.jsonl"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def locks_are_gone(self, *, killed: bool, troubled: bool) -> None:
        """2: unless a process was killed, or its word got lost: its session dies by itself."""
        world = self._world
        with world.lock:
            world.now()
            for lock in world.adoms["prod"].locks:
                (session,) = [one for one in world.sessions.all() if one.sid == lock.sid]
                left = world.sessions.time_left(session, world.now())
                assert left <= world.sessions.idle_limit_s, f"locked for {left} s: {lock}"
                if lock.user != "fmgsync" or lock.sid in self.dead:
                    continue
                assert killed or troubled, f"a lock was left behind: {lock}"
                self.dead.add(lock.sid)

    def source_loss_removed_nothing(self, run: Run) -> None:
        """3: of a cluster whose dump or API server tells less than all, or of which a controller
        has not heard all. What the ADOM had lost before may go from the devices."""
        if "config" in run.disturbed or not self.estate.truth.unsure:
            return
        adom, held = evidence.adom_holds(self._world), self.estate.everything_held()
        behind, alone = self.estate.config["sites"]
        inside = {*behind["devices"], *alone["fortigates"]} - run.disturbed
        for (place, group), before in run.held.items():
            if place not in inside or group not in self.estate.truth.rules:
                continue
            if place in BEHIND:
                gone = self._unheard(run, group, run.adom[place, group] - adom[place, group])
                assert "prod" in run.disturbed or not gone, f"{place} {group}: {gone}"
                before = before & run.adom[place, group]
                if "prod" in run.disturbed:
                    continue
            gone = self._unheard(run, group, before - held[place, group])
            assert not gone, f"{gone} went from {group} on {place} though its cluster is lost"

    def _unheard(self, run: Run, group: str, gone: set[str]) -> set[str]:
        """Those of which nobody has told that they end. Whoever follows a cluster knows what it has
        heard before it was lost."""
        truth, live = self.estate.truth, self.estate.choice.live
        follows = run.is_deposed is not None
        lost = [name for name in truth.lost if not (follows and name in live)]
        heard = live if truth.behind else [name for name in truth.lost if name in live]
        selected = SELECTED[truth.rules[group]]
        steady = {ip for ip, app in truth.steady.items() if app in selected}
        return evidence.of(gone, _nets(lost)) | (
            evidence.of(gone & steady, _nets(heard)) if follows else set()
        )

    def nothing_came_outside_a_window(self, run: Run) -> None:
        """4: the urgent lane adds nothing, save in a group that denies."""
        closed = not run.was_open and not self.estate.truth.open_at(self.estate.host.now())
        if not closed or run.now or self.estate.choice.shared or run.disturbed:
            return
        denied = evidence.denied(self._world)
        for (place, group), held in self.estate.everything_held().items():
            came = held - run.held[place, group]
            assert group in denied or not came, f"{came} came to {group} on {place} by night"

    def only_what_was_asked_for(self, run: Run) -> None:
        """11: nothing is let through that no rule ever asked for; without locks an edit can come
        between the last look and the push. An approval excuses what something keeps."""
        truth, choice = self.estate.truth, self.estate.choice
        seen = self.let_through and (truth.policy != "sync" or truth.unsure or choice.strict)
        for (place, group), held in self.estate.everything_held().items():
            truth.wanted(group)
            too_much = held - truth.ever.get(group, set()) - run.held[place, group]
            too_much &= set(POOL) if seen else too_much
            if choice.locks and place not in run.disturbed:
                assert not too_much, f"{place} lets {too_much} through in {group}"

    def nothing_secret_was_told(self, result: Result | None, error: str, shown: str = "") -> None:
        """7: neither log, state and audit, nor errors, documents and Events; nor metrics, where
        they are `shown`."""
        told = [self.log.getvalue(), error, shown]
        told += evidence.kept(self.estate.folder / "state")
        told += evidence.said(result) if result is not None else ()
        for canary in (PASSWORD, KEY):
            assert not any(canary in text for text in told), "a secret was told"
        self.log.seek(0)
        self.log.truncate()

    def the_audit_is_whole(self, *, killed: bool) -> None:
        """12: each line follows the one before, and none that was written is missing."""
        path = self.estate.folder / "state" / "audit.jsonl"
        if path.exists():
            evidence.audit_is_whole(path, ends_well=not killed)

    def what_is_verified_is_so(self, run: Run, result: Result) -> None:
        """8: it holds what the rules ask for; or something else, where something is kept."""
        # One pass of a controller brings what goes, the next one what comes; a stop comes between.
        one_lane = not run.was_open or run.is_deposed is not None or self.estate.truth.stopped
        urgent = self.estate.choice.removals != "in-window" and one_lane and not run.now
        for adom in result.adoms:
            denied = set() if adom.ref.is_direct else evidence.denied(self._world)
            is_sure, truth = adom.ref.is_direct or self.estate.choice.locks, self.estate.truth
            kept = bool(adom.seen and adom.seen.plan.held) or truth.unsure
            kept = kept or truth.policy != "sync"
            # In workflow mode: what somebody has still to approve.
            kept = kept or any(work.state == 2 for work in self._world.adoms["prod"].workflow)
            for target in adom.rollout.verified if adom.rollout else ():
                if target.device in run.disturbed or not is_sure:
                    continue
                self.verified += 1
                self.pushes.open.discard(target.device)
                for group in truth.rules if not kept else ():
                    held, wanted = self.estate.held(target.device, group), truth.wanted(group)
                    # The urgent lane takes away; what denies it adds to. The rest waits.
                    waits = held > wanted if group in denied else held < wanted
                    so = held == wanted or (urgent and waits)
                    assert so, f"{target.device} is called verified: {group}: {held}, not {wanted}"


def _nets(clusters: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{CLUSTERS[name]}." for name in clusters)
